"""The prompt with a toolbar, key bindings and history, on prompt_toolkit. commands.py runs the lines."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import time

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText, StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.shortcuts import print_formatted_text

from nightingale.repl.commands import DOUBLE_PRESS_S, LEAVE_HINT, Quit, answer
from nightingale.repl.completion import LineCompleter
from nightingale.repl.display import FEW_ROWS, MAX_LINES, STYLE, message_fragments, sentence_lines, status_line
from nightingale.repl.messages import Message
from nightingale.repl.session import Session

PROMPT = "> "
REFRESH_S = 0.1


class Screen:
    """A prompt above a toolbar. `run` returns when the user leaves, and raises the error that ended the thread."""

    def __init__(
        self, session: Session, history: History, input: Input | None = None, output: Output | None = None
    ) -> None:
        self._session, self._speech = session, session.speech
        self._interrupted_at = -DOUBLE_PRESS_S  # the last Ctrl-C that found nothing to stop or to clear
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        self._signal: signal.Signals | None = None  # the one that ended the prompt
        self._hint = ""
        self._shown: StyleAndTextTuples = []  # the toolbar as drawn last
        self._prompt: PromptSession[str] = PromptSession(
            [("class:prompt", PROMPT)], history=history, style=STYLE, key_bindings=self._keys(),
            auto_suggest=AutoSuggestFromHistory(), completer=LineCompleter(session),
            complete_while_typing=Condition(lambda: self._prompt.default_buffer.text.startswith("/")),
            bottom_toolbar=self._toolbar, prompt_continuation="  ", reserve_space_for_menu=6,
            enable_suspend=True, input=input, output=output,
        )  # fmt: skip

    def run(self) -> None:
        while True:
            try:
                line = self._prompt.prompt(pre_run=self._start_background)
                self._hint = ""
                if (message := answer(self._session, line)).text:
                    self._print(message)
            except KeyboardInterrupt:  # Ctrl-C while a line is run
                self._speech.stop()
            except (EOFError, Quit):
                break
        if self._signal is not None:  # the terminal is restored: the usual handler can end the program
            signal.signal(self._signal, self._handlers[self._signal])
            signal.raise_signal(self._signal)

    def _print(self, message: Message) -> None:
        fragments = FormattedText(message_fragments(message.text, message.kind))
        print_formatted_text(fragments, style=STYLE, output=self._prompt.output)

    # --- keys ---

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("escape", "p")
        def _(event: KeyPressEvent) -> None:
            self._hint = self._session.pause()
            event.app.invalidate()

        @keys.add("c-c")
        @keys.add("<sigint>")
        def _(event: KeyPressEvent) -> None:
            self._interrupt(event)

        return keys

    def _interrupt(self, event: KeyPressEvent) -> None:
        """Ctrl-C stops playback; in silence it clears the line; on an empty line, pressed twice, it leaves."""
        if self._speech.busy:
            self._speech.stop()
            self._hint = "stopped"
        elif event.current_buffer.text:
            event.current_buffer.reset()
        elif time.monotonic() - self._interrupted_at < DOUBLE_PRESS_S:
            event.app.exit(exception=EOFError)
        else:
            self._interrupted_at = time.monotonic()
            self._hint = f"{LEAVE_HINT}; /help lists the commands"
        event.app.invalidate()

    # --- while a line is typed ---

    def _start_background(self) -> None:
        app = self._prompt.app
        app.create_background_task(self._refresh(app))
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
            loop = asyncio.get_running_loop()
            for number in self._handlers:
                loop.add_signal_handler(number, self._leave, app, number)

    def _leave(self, app: Application[str], number: signal.Signals) -> None:
        self._signal = number
        if app.is_running and not app.is_done:
            app.exit(exception=EOFError)

    async def _refresh(self, app: Application[str]) -> None:
        """Print notices above the prompt, redraw the toolbar when it changes, and end the prompt after a failure."""
        while True:
            if self._speech.failure is not None and not app.is_done:
                app.exit(exception=self._speech.failure)
                return
            while self._speech.notices:
                notice = self._speech.notices.popleft()
                await run_in_terminal(functools.partial(self._print, notice))
            before = self._shown
            if self._toolbar() != before:
                app.invalidate()
            await asyncio.sleep(REFRESH_S)

    def _toolbar(self) -> StyleAndTextTuples:
        size = self._prompt.output.get_size()
        self._shown = [*self._sentence(size.columns, size.rows), *status_line(self._session, self._hint, size.columns)]
        return self._shown

    def _sentence(self, columns: int, rows: int) -> StyleAndTextTuples:
        """The sentence that is playing."""
        sink, utterance = self._speech.sink, self._speech.playing()
        if sink is None or utterance is None:
            return []
        sentence = utterance.sentences_from(sink.played_s)[0]
        return sentence_lines(sentence, sink.played_s, columns, MAX_LINES if rows >= FEW_ROWS else 1)
