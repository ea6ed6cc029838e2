"""The settings of one run of the prompt, and what is done with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from nightingale.errors import UsageError
from nightingale.options import SpeakOptions
from nightingale.repl.speech_thread import SpeechThread
from nightingale.text.input.decode import TextDecoder
from nightingale.text.spellings.user_lexicon import Lexicon


class Session:
    """The settings of one run of the prompt.

    overwrite: an existing file that the last /save named, so that the next one may overwrite it.
    """

    def __init__(
        self,
        speech: SpeechThread,
        options: SpeakOptions,
        voice: str,
        list_voices: Callable[[], list[str]],
        lexicon: Lexicon | None = None,
    ) -> None:
        self.speech = speech
        self.options = options
        self.voice = voice
        self.list_voices = list_voices
        self.lexicon = lexicon or Lexicon()
        self.overwrite = ""

    def speak(self, text: str) -> None:
        """Queue a text. Raises TextError if it is not UTF-8: a terminal's other bytes arrive as surrogates."""
        text = TextDecoder("the line").feed(text.encode("utf-8", "surrogateescape"), final=True)
        self.speech.speak(text, self.options)

    def pause(self) -> str:
        """Pause playback, or continue it."""
        sink = self.speech.sink
        if sink is None or not (self.speech.busy or sink.paused):
            return "nothing is playing"
        sink.paused = not sink.paused
        return "paused; /pause continues" if sink.paused else "playing again"

    def setting(self, name: str, value: str) -> str:
        """Change one of the options, or only show it if `value` is empty. Raises UsageError."""
        types = {field.name: str(field.type) for field in dataclasses.fields(self.options)}
        if name not in types:
            raise UsageError(f"no setting {name}; /set lists them")
        if value == "default" and "None" in types[name]:
            self._set(name, None)
        elif value:
            whole = "int" in types[name]
            try:
                number = int(value) if whole else float(value)
            except ValueError:
                raise UsageError(f"{name} must be a {'whole ' if whole else ''}number, not {value}") from None
            self._set(name, number)
        return f"{name} {shown(getattr(self.options, name))}"

    def _set(self, name: str, value: Any) -> None:
        self.options = dataclasses.replace(self.options, **{name: value})


def shown(value: float | None) -> str:
    """The value of a setting; None is the model's own."""
    return "default" if value is None else str(value)
