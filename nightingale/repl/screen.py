"""The conversation on a screen: prompt, toolbar and keys, with prompt_toolkit.

What a line does is decided in commands.py; nothing here makes sound.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from nightingale.repl.commands import Quit, Session, answer
from nightingale.repl.completion import LineCompleter

PROMPT = "> "
DOUBLE_PRESS_S = 2.0  # within which a second Ctrl-C leaves
REFRESH_S = 0.1
HINT = "Ctrl-C again or Ctrl-D leaves; /help lists commands"
STYLE = Style.from_dict({
    "prompt": "bold",
    "bottom-toolbar": "noreverse",
    "bottom-toolbar.text": "noreverse",
    "spoken": "fg:ansibrightblack",
    "speaking": "bold",
    "state": "reverse",
    "figures": "fg:ansibrightblack",
})  # fmt: skip


class Screen:
    """A prompt above a toolbar. `run` returns when the person leaves, and raises what ended the speech."""

    def __init__(
        self, session: Session, history: History, input: Input | None = None, output: Output | None = None
    ) -> None:
        self._session, self._speech = session, session.speech
        self._interrupted_at = -DOUBLE_PRESS_S
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        self._signal: signal.Signals | None = None  # what asked to leave
        self._hint = ""
        self._shown: StyleAndTextTuples = []
        self._prompt: PromptSession[str] = PromptSession(
            [("class:prompt", PROMPT)], history=history, style=STYLE, key_bindings=self._keys(),
            auto_suggest=AutoSuggestFromHistory(), completer=LineCompleter(session),
            complete_while_typing=Condition(lambda: self._line().startswith("/")),
            bottom_toolbar=self._toolbar, prompt_continuation="  ", reserve_space_for_menu=6,
            enable_suspend=True, input=input, output=output,
        )  # fmt: skip

    def _line(self) -> str:
        return self._prompt.default_buffer.text

    def run(self) -> None:
        while True:
            try:
                line = self._prompt.prompt(pre_run=self._start_refreshing)
                self._hint = ""
                if said := answer(self._session, line):
                    print(said, file=_OutputFile(self._prompt.output))
            except KeyboardInterrupt:  # while no prompt was there to take the key
                self._speech.stop()
            except (EOFError, Quit):
                break
        if self._signal is not None:  # now that the screen is in order
            signal.signal(self._signal, self._handlers[self._signal])
            signal.raise_signal(self._signal)

    # --- keys ---

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        add = keys.add

        @add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @add("c-c")
        @add("<sigint>")
        def _(event: KeyPressEvent) -> None:
            self._interrupt(event)

        return keys

    def _interrupt(self, event: KeyPressEvent) -> None:
        """Silence first; then an empty line; then the door."""
        if self._speech.busy:
            self._speech.stop()
            self._hint = "stopped"
        elif event.current_buffer.text:
            event.current_buffer.reset()
        elif time.monotonic() - self._interrupted_at < DOUBLE_PRESS_S:
            event.app.exit(exception=EOFError)
        else:
            self._interrupted_at = time.monotonic()
            self._hint = HINT
        event.app.invalidate()

    # --- what moves while a line is typed ---

    def _start_refreshing(self) -> None:
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
        """Show what the speech says, and draw the toolbar when it has changed."""
        while True:
            if self._speech.failure is not None and not app.is_done:
                app.exit(exception=self._speech.failure)
                return
            while self._speech.notices:
                notice = self._speech.notices.popleft()
                await run_in_terminal(lambda text=notice: print(text, file=_OutputFile(app.output)))  # type: ignore[misc]
            before = self._shown
            if self._toolbar() != before:
                app.invalidate()
            await asyncio.sleep(REFRESH_S)

    def _toolbar(self) -> StyleAndTextTuples:
        width = self._prompt.output.get_size().columns
        self._shown = [*self._sentence_line(width), *status_line(self._session, self._hint, width)]
        return self._shown

    def _sentence_line(self, width: int) -> StyleAndTextTuples:
        """The sentence that the sink is at, by the position of the loudspeaker, and those around it."""
        sink, utterance = self._speech.sink, self._speech.playing()
        if sink is None or utterance is None:
            return []
        current, *following = utterance.sentences_from(sink.played_s) or [""]
        here = truncate(current, width)
        rest = truncate(" " + " ".join(following[:3]), width - get_cwidth(here))
        return [("class:speaking", here), ("class:spoken", rest), ("", "\n")]


class _OutputFile:
    """print() to prompt_toolkit's output, which may be a test's."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, text: str) -> int:
        self._output.write(text)
        return len(text)

    def flush(self) -> None:
        self._output.flush()


def activity(session: Session) -> str:
    """One word for what the speech does."""
    speech = session.speech
    if speech.sink is not None and speech.sink.paused:
        return "paused"
    if speech.busy:
        return "loading" if speech.loading else "speaking"
    if speech.loading:
        return "loading"
    return "ready"


def status_line(session: Session, hint: str, width: int) -> StyleAndTextTuples:
    """The toolbar's last line: settings, state, and figures of the utterance spoken last."""
    speech, sink = session.speech, session.speech.sink
    left = f" {session.voice} | {session.options.speed:g}x | {activity(session)} "
    if sink is not None and sink.name == "muted":
        left += "| muted "
    if speech.num_waiting:
        left += f"| {speech.num_waiting} waiting "
    figures = []
    if (utterance := speech.last) is not None and utterance.stats.first_sample_s is not None:
        figures.append(f"first sound {utterance.stats.first_sample_s * 1000:.0f} ms")
        if utterance.end_s is not None and utterance.stats.realtime_factor is not None:
            figures.append(f"factor {utterance.stats.realtime_factor:.2f}")
    underruns = speech.underruns + (sink.underruns if sink is not None else 0)
    if underruns:
        figures.append(f"underruns {underruns}")
    right = hint or ", ".join(figures)
    return [("class:state", truncate(left, width)), ("class:figures", truncate(" " + right, max(0, width - len(left))))]


def truncate(text: str, width: int) -> str:
    """As much of a text as a line of the screen takes, without line ends."""
    text = text.replace("\n", " ")
    if get_cwidth(text) <= width:
        return text
    while text and get_cwidth(text) > width - 3:
        text = text[: min(len(text) - 1, width - 3)]
    return text + "..." if width > 3 else ""
