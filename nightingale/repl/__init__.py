"""The conversation at a terminal: lines are spoken as they are typed. Imported only when there is one.

talker.py      the one thread that speaks, and its queue
commands.py    what lines that begin with a slash do
screen.py      prompt, toolbar, keys, with prompt_toolkit
completion.py  what Tab offers
plain.py       the same without, for terminals that cannot move a cursor
history.py     what was typed, kept private
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections import deque
from collections.abc import Callable

from nightingale.audio.sink import Sink
from nightingale.options import SpeakOptions
from nightingale.repl.talker import Speaks
from nightingale.signals import signals_held

GREETING = "nightingale-tts: type, and it is spoken. /help lists commands, Ctrl-D leaves."


class Notices(logging.Handler):
    """What the library logs, as notices of the conversation."""

    def __init__(self, notices: deque[str]) -> None:
        super().__init__(logging.WARNING)
        self._notices = notices

    def emit(self, record: logging.LogRecord) -> None:
        self._notices.append(record.getMessage())


def converse(
    load_engine: Callable[[], Speaks],
    open_sink: Callable[[], Sink],
    options: SpeakOptions,
    voice: str,
    voices: Callable[[], list[str]],
    keep_history: bool,
) -> None:
    """Until the person leaves. Raises what ended the speaking thread; its thread is joined either way."""
    with signals_held():
        from nightingale.repl.commands import Session
        from nightingale.repl.talker import Talker

    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "replace")):
        if isinstance(stream, io.TextIOWrapper):  # what cannot be spoken or shown is left out, as in a pipe
            stream.reconfigure(errors=errors)
    talker = handler = None
    try:
        with signals_held():  # a thread that nobody closes would keep the program alive
            talker = Talker(load_engine, open_sink)
        handler = Notices(talker.notices)
        logging.getLogger("nightingale").addHandler(handler)
        session = Session(talker, options, voice, voices)
        print(GREETING, flush=True)
        if os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
            from nightingale.repl.plain import run_plain

            run_plain(session, sys.stdin, sys.stdout)
        else:
            with signals_held():
                from nightingale.repl.history import open_history
                from nightingale.repl.screen import Screen

            history, notice = open_history(keep_history)
            if notice:
                print(notice)
            Screen(session, history).run()
    finally:
        if talker is not None:
            talker.close()
        if handler is not None:
            logging.getLogger("nightingale").removeHandler(handler)
