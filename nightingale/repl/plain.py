"""The conversation where a cursor cannot be moved: TERM=dumb, or an editor's shell. A line in, a line spoken."""

from __future__ import annotations

import select
import time
from typing import TextIO

from nightingale.repl.commands import Quit, Session, answer
from nightingale.repl.speech_thread import SpeechThread

DOUBLE_PRESS_S = 2.0
LOOK_EVERY_S = 0.2


def run_plain(session: Session, lines: TextIO, shown: TextIO) -> None:
    """Until the lines end or someone quits. Raises what ended the speech. Ctrl-C stops, and twice leaves."""
    speech = session.speech
    interrupted_at = -DOUBLE_PRESS_S
    while speech.failure is None:
        try:
            print("> ", end="", file=shown, flush=True)
            line = read_line(lines, speech)
            if not line:
                break
            if said := answer(session, line):
                print(said, file=shown)
        except Quit:
            return
        except KeyboardInterrupt:
            if not speech.busy and time.monotonic() - interrupted_at < DOUBLE_PRESS_S:
                return
            speech.stop()
            interrupted_at = time.monotonic()
            print("\nstopped; Ctrl-C again or Ctrl-D leaves", file=shown)
        while speech.notices:
            print(speech.notices.popleft(), file=shown)
    if speech.failure is not None:
        raise speech.failure
    print(file=shown)
    speech.wait()  # what was asked for before the input ended is still said


def read_line(lines: TextIO, speech: SpeechThread) -> str:
    """The next line, "" at the end of all or when the speech has failed: whoever types nothing is told too."""
    # A terminal hands out one line at a time, so none can wait unseen in the buffer of `lines`.
    while lines.isatty() and not select.select([lines], [], [], LOOK_EVERY_S)[0]:
        if speech.failure is not None:
            return ""
    return lines.readline()
