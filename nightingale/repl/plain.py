"""The prompt for terminals without cursor movement: TERM=dumb, or a shell inside an editor."""

from __future__ import annotations

import select
import time
from typing import TextIO

from nightingale.repl.commands import DOUBLE_PRESS_S, LEAVE_HINT, Quit, answer
from nightingale.repl.session import Session
from nightingale.repl.speech_thread import SpeechThread

POLL_S = 0.2


def run_plain(session: Session, input: TextIO, output: TextIO) -> None:
    """Run lines until they end or the user quits. Raises the error that ended the speech thread.

    Ctrl-C stops playback; pressed twice in silence, it leaves. At the end of the input, what was queued is played.
    """
    speech = session.speech
    interrupted_at = -DOUBLE_PRESS_S
    while speech.failure is None:
        try:
            print("> ", end="", file=output, flush=True)
            line = read_line(input, speech)
            if not line:
                break
            if (message := answer(session, line)).text:
                print(message, file=output)
        except Quit:
            return
        except KeyboardInterrupt:
            if not speech.busy and time.monotonic() - interrupted_at < DOUBLE_PRESS_S:
                return
            speech.stop()
            interrupted_at = time.monotonic()
            print(f"\nstopped; {LEAVE_HINT}", file=output)
        print_notices(speech, output)
    print(file=output)
    speech.wait()
    print_notices(speech, output)
    if speech.failure is not None:
        raise speech.failure


def print_notices(speech: SpeechThread, output: TextIO) -> None:
    while speech.notices:
        print(speech.notices.popleft(), file=output)


def read_line(input: TextIO, speech: SpeechThread) -> str:
    """The next line; "" at the end of the input, and as soon as the speech thread has failed."""
    # A terminal returns one line per read, so no line is left in Python's buffer while select waits.
    while input.isatty() and not select.select([input], [], [], POLL_S)[0]:
        if speech.failure is not None:
            return ""
    return input.readline()
