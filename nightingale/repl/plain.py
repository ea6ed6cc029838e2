"""The conversation where a cursor cannot be moved: TERM=dumb, or an editor's shell. A line in, a line spoken."""

from __future__ import annotations

import select
import time
from typing import TextIO

from nightingale.repl.commands import Quit, Session, answer
from nightingale.repl.talker import Talker

TWICE_S = 2.0
LOOK_EVERY_S = 0.2


def run_plain(session: Session, lines: TextIO, shown: TextIO) -> None:
    """Until the lines end or someone quits. Raises what ended the talker. Ctrl-C stops, and twice leaves."""
    talker = session.talker
    interrupted_at = -TWICE_S
    while talker.failure is None:
        try:
            print("> ", end="", file=shown, flush=True)
            line = typed_line(lines, talker)
            if not line:
                break
            if said := answer(session, line):
                print(said, file=shown)
        except Quit:
            return
        except KeyboardInterrupt:
            if not talker.busy and time.monotonic() - interrupted_at < TWICE_S:
                return
            talker.stop()
            interrupted_at = time.monotonic()
            print("\nstopped; Ctrl-C again or Ctrl-D leaves", file=shown)
        while talker.notices:
            print(talker.notices.popleft(), file=shown)
    if talker.failure is not None:
        raise talker.failure
    print(file=shown)
    talker.wait()  # what was asked for before the input ended is still said


def typed_line(lines: TextIO, talker: Talker) -> str:
    """The next line, "" at the end of all or when the talker has failed: whoever types nothing is told too."""
    # A terminal hands out one line at a time, so none can wait unseen in the buffer of `lines`.
    while lines.isatty() and not select.select([lines], [], [], LOOK_EVERY_S)[0]:
        if talker.failure is not None:
            return ""
    return lines.readline()
