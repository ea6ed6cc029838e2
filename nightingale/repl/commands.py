"""Runs the lines of the prompt: plain text is spoken, `/name` is a command, `//text` is text that begins with a slash.

Every line is answered with a text. The terminal is left to screen.py and plain.py.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightingale.audio.devices import list_devices
from nightingale.audio.speaker import Speaker
from nightingale.audio.wav import open_wav
from nightingale.errors import InputUnavailable, NightingaleError, TextError, UsageError
from nightingale.options import SpeakOptions
from nightingale.repl.speech_thread import SpeechThread
from nightingale.repl.utterance import MAX_KEPT_S, Utterance
from nightingale.statistics import as_lines
from nightingale.text.input.decode import DROPPED, TextDecoder
from nightingale.text.input.sources import open_sources
from nightingale.text.spellings.user_lexicon import Lexicon

MAX_FILE_SIZE = 10_000_000  # bytes: more than 100 hours of speech
DOUBLE_PRESS_S = 2.0  # a second Ctrl-C within this time leaves
LEAVE_HINT = "Ctrl-C again or Ctrl-D leaves"
NOTHING_YET = "nothing has been spoken yet"
MARK_NAMES = {
    ".": "dot", ",": "comma", "-": "hyphen", "_": "underscore", "/": "slash", ":": "colon", ";": "semicolon",
    "@": "at", "!": "exclamation mark", "?": "question mark", "'": "apostrophe", '"': "quote", "&": "and",
    "+": "plus", "#": "hash", "(": "open bracket", ")": "close bracket", "=": "equals", "*": "star", "%": "percent",
}  # fmt: skip


class Quit(Exception):
    """The user leaves."""


class Session:
    """The settings of one run of the prompt. `answer` runs a line."""

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

    def answer(self, line: str) -> str:
        """Run a line. Returns its output or its error, often an empty text. Raises Quit."""
        line = line.strip()
        try:
            if line.startswith("/") and not line.startswith("//"):
                return self._run_command(line[1:].translate(DROPPED))
            if line:
                self.speak(line.removeprefix("/"))
            return ""
        except NightingaleError as error:
            return str(error)
        except OSError as error:
            return f"{line.split()[0]}: {error.strerror or error}"

    def speak(self, text: str) -> None:
        """Queue a text. Raises TextError if it is not UTF-8: a terminal's other bytes arrive as surrogates."""
        text = TextDecoder("the line").feed(text.encode("utf-8", "surrogateescape"), final=True)
        self.speech.speak(text, self.options)

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
        return f"{name} {_shown(getattr(self.options, name))}"

    def _set(self, name: str, value: Any) -> None:
        self.options = dataclasses.replace(self.options, **{name: value})

    def _run_command(self, line: str) -> str:
        name, _, argument = line.partition(" ")
        command = COMMANDS.get(name.casefold())
        if command is None:
            raise UsageError(f"no command /{name}; /help lists them, and // speaks a slash")
        argument = argument.strip()
        if command.needs_argument and not argument:
            raise UsageError(f"/{name} {command.usage}: {command.help}")
        if argument and not command.usage:
            raise UsageError(f"/{name} takes nothing after it")
        return command.run(self, argument)


def _shown(value: float | None) -> str:
    return "default" if value is None else str(value)


@dataclass(frozen=True)
class Command:
    """usage: the argument as /help shows it; brackets mark an optional one."""

    run: Callable[[Session, str], str]
    usage: str
    help: str

    @property
    def needs_argument(self) -> bool:
        return bool(self.usage) and not self.usage.startswith("[")


def _voice(session: Session, name: str) -> str:
    if not name:
        return f"voice {session.voice}"

    def use() -> None:
        assert session.speech.engine is not None
        session.speech.engine.use_voice(name)
        session.voice = name

    session.speech.submit(use)
    return ""


def _voices(session: Session, _: str) -> str:
    return "\n".join(session.list_voices())


def _speed(session: Session, value: str) -> str:
    return session.setting("speed", value)


def _seed(session: Session, value: str) -> str:
    return session.setting("seed", value)


def _volume(session: Session, value: str) -> str:
    sink = session.speech.sink
    if value:
        try:
            percent = float(value.removesuffix("%"))
        except ValueError:
            percent = -1.0
        if not 0 <= percent <= 200:
            raise UsageError(f"volume must be 0 to 200 percent, not {value}")
        if sink is not None:
            sink.volume = percent / 100
    return f"volume {1.0 if sink is None else sink.volume:.0%}"


def _save(session: Session, path: str) -> str:
    utterance = _last_utterance(session.speech)
    with open_wav(_file_name(path)) as wav:
        for chunk in utterance.chunks or ():
            wav.write(chunk)
    return f"saved {wav.seconds:.1f} s to {path}"


def _last_utterance(speech: SpeechThread) -> Utterance:
    """The last utterance. Raises UsageError if it is not complete or not kept."""
    utterance = speech.last
    if utterance is None or (utterance.chunks == [] and utterance.end_s is not None):
        raise UsageError(NOTHING_YET)
    if utterance.chunks is None:
        limit = f"{MAX_KEPT_S / 60:.0f} minutes"
        raise UsageError(f"the last text took more than {limit} and is not kept; use nightingale-tts -f FILE -o OUTPUT")
    if utterance.end_s is None:
        raise UsageError("the last text is not complete yet; try again in a moment")
    return utterance


def _file_name(path: str) -> str:
    """Expands `~`. A file named `-` is not standard input or output here."""
    return "./-" if path == "-" else os.path.expanduser(path)


def _replay(session: Session, _: str) -> str:
    session.speech.replay()
    return ""


def _stop(session: Session, _: str) -> str:
    session.speech.stop()
    return ""


def _pause(session: Session, _: str) -> str:
    sink = session.speech.sink
    if sink is None:
        return ""
    sink.paused = not sink.paused
    return "paused; /pause continues" if sink.paused else ""


def _device(session: Session, name: str) -> str:
    if name:
        session.speech.change_sink(lambda: Speaker(name))
        return ""
    return "" if session.speech.sink is None else f"device {session.speech.sink.name}"


def _devices(_: Session, __: str) -> str:
    return "\n".join(list_devices())


def _read(session: Session, path: str) -> str:
    path = _file_name(path)
    try:
        info = os.stat(path)
    except OSError as error:
        raise InputUnavailable(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(info.st_mode):
        raise InputUnavailable(f"cannot read {path}: it is not a regular file")
    if info.st_size > MAX_FILE_SIZE:
        raise TextError(f"{path} is too large for the prompt; use nightingale-tts -f FILE")
    (source,) = open_sources([path])
    try:
        text = "".join(piece for piece in source.pieces() if piece)
    finally:
        if source.fd is not None:
            os.close(source.fd)
    session.speak(text)
    return ""


def _spell(session: Session, text: str) -> str:
    session.speak(spell_out(text))
    return ""


def spell_out(text: str) -> str:
    """A text that reads as the letters and marks of `text`, one by one."""
    return ", ".join(MARK_NAMES.get(mark, mark.upper()) for mark in text if not mark.isspace()) + "."


def _say(session: Session, entry: str) -> str:
    word, equals, reading = (part.strip() for part in entry.partition("="))
    if equals:
        session.lexicon.say(word, _without_quotes(reading))
    readings = session.lexicon.readings
    shown = {word: readings[word]} if word in readings else readings if not entry else {}
    if not shown:
        raise UsageError(f'no reading of "{word}"; /say {word} = READING gives it one' if entry else "no readings yet")
    return "\n".join(f"{word} = {reading}" for word, reading in shown.items())


def _without_quotes(reading: str) -> str:
    """Somebody may type the line as it stands in the file."""
    return reading[1:-1] if len(reading) > 1 and reading[0] == reading[-1] == '"' else reading


def _unsay(session: Session, word: str) -> str:
    session.lexicon.unsay(word)
    return ""


def _stats(session: Session, _: str) -> str:
    utterance = session.speech.last
    if utterance is None:
        return NOTHING_YET
    session.speech.playing()  # brings its statistics up to date
    figures = {name: value for name, value in utterance.statistics.figures().items() if name != "ready_s"}
    return as_lines(figures)


def _set(session: Session, argument: str) -> str:
    if argument:
        name, _, value = argument.replace("=", " ").partition(" ")
        return session.setting(name, value.strip())
    return "\n".join(f"{name:<22} {_shown(value)}" for name, value in dataclasses.asdict(session.options).items())


def _help(_: Session, __: str) -> str:
    rows = [(f"/{name} {command.usage}".rstrip(), command.help) for name, command in COMMANDS.items()]
    rows.append(("//TEXT", "speak a text that begins with a slash"))
    keys = "Alt-Enter: new line. Ctrl-R: search. Ctrl-C: stop. Ctrl-D: leave."
    return "\n".join([*(f"{left:<20} {right}" for left, right in rows), keys])


def _quit(_: Session, __: str) -> str:
    raise Quit


COMMANDS: dict[str, Command] = {
    "voice": Command(_voice, "[NAME]", "show the voice, or change it: a name or a voice file"),
    "voices": Command(_voices, "", "list the voices"),
    "speed": Command(_speed, "[X]", "show the speed, or change it: 0.5 (slow) to 2.0 (fast)"),
    "volume": Command(_volume, "[PERCENT]", "show the volume, or change it: 0 to 200"),
    "seed": Command(_seed, "[N]", "show the seed, or change it for another reading"),
    "save": Command(_save, "FILE", "save the last text spoken as WAV"),
    "replay": Command(_replay, "", "play the last text spoken again"),
    "stop": Command(_stop, "", "stop playback and clear the queue (also Ctrl-C)"),
    "pause": Command(_pause, "", "pause playback, or continue it"),
    "device": Command(_device, "[NAME]", "show the device, or change it: a number or part of a name"),
    "devices": Command(_devices, "", "list the devices"),
    "read": Command(_read, "FILE", "speak a text file"),
    "spell": Command(_spell, "TEXT", "spell a text letter by letter"),
    "say": Command(_say, "[WORD = READING]", "list the lexicon, or give a word a reading"),
    "unsay": Command(_unsay, "WORD", "remove a word from the lexicon"),
    "stats": Command(_stats, "", "show times and counts of the last text spoken"),
    "set": Command(_set, "[NAME VALUE]", "list all settings, or change one"),
    "help": Command(_help, "", "show this list"),
    "quit": Command(_quit, "", "leave (also Ctrl-D)"),
}
