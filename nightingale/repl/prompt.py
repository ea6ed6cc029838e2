"""Starts and ends the prompt: the speech thread, its notices, and the screen that suits the terminal."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections import deque
from collections.abc import Callable

from nightingale.audio.sink import Sink
from nightingale.options import SpeakOptions
from nightingale.repl.messages import Message
from nightingale.repl.session import Session
from nightingale.repl.speech_thread import SpeakingEngine, SpeechThread
from nightingale.signals import defer_signals
from nightingale.text.spellings.user_lexicon import Lexicon

GREETING = "nightingale-tts: type a line to hear it. /help lists commands, Ctrl-D leaves."


class NoticeHandler(logging.Handler):
    """Turns warnings that the library logs into notices."""

    def __init__(self, notices: deque[Message]) -> None:
        super().__init__(logging.WARNING)
        self._notices = notices

    def emit(self, record: logging.LogRecord) -> None:
        self._notices.append(Message(record.getMessage(), "note"))


def run_prompt(
    load_engine: Callable[[], SpeakingEngine],
    open_sink: Callable[[], Sink],
    options: SpeakOptions,
    voice: str,
    list_voices: Callable[[], list[str]],
    keep_history: bool,
    lexicon: Lexicon,
) -> None:
    """Run until the user leaves. Raises the error that ended the speech thread. Always joins the thread."""
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "replace")):
        if isinstance(stream, io.TextIOWrapper):  # invalid bytes are dropped later; ? for what the terminal cannot show
            stream.reconfigure(errors=errors)
    speech = handler = None
    try:
        with defer_signals():  # an exception here would leave a thread that keeps the program alive
            speech = SpeechThread(load_engine, open_sink)
        handler = NoticeHandler(speech.notices)
        logging.getLogger("nightingale").addHandler(handler)
        session = Session(speech, options, voice, list_voices, lexicon)
        print(GREETING, flush=True)
        if os.environ.get("TERM", "dumb") in ("dumb", "unknown", ""):
            from nightingale.repl.plain import run_plain

            run_plain(session, sys.stdin, sys.stdout)
        else:
            with defer_signals():
                from nightingale.repl.history import open_history
                from nightingale.repl.screen import Screen

            history, notice = open_history(keep_history)
            if notice:
                print(notice)
            Screen(session, history).run()
    finally:
        if speech is not None:
            speech.close()
        if handler is not None:
            logging.getLogger("nightingale").removeHandler(handler)
