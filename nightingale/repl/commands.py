"""What a line does: text is spoken, `/word` is a command, `//text` is text that begins with a slash.

Knows the speech and the settings of the conversation. Knows no terminal: it answers with text.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from nightingale.audio.devices import list_devices
from nightingale.audio.speaker import Speaker
from nightingale.audio.wav import open_wav
from nightingale.errors import InputUnavailable, NightingaleError, TextError, UsageError
from nightingale.options import SpeakOptions
from nightingale.repl.speech_thread import SpeakingEngine, SpeechThread, Utterance
from nightingale.statistics import as_lines
from nightingale.text.decode import DROPPED, TextDecoder
from nightingale.text.input import open_sources

MAX_FILE = 10_000_000  # bytes: a hundred hours of speech
MARK_NAMES = {
    ".": "dot", ",": "comma", "-": "hyphen", "_": "underscore", "/": "slash", ":": "colon", ";": "semicolon",
    "@": "at", "!": "exclamation mark", "?": "question mark", "'": "apostrophe", '"': "quote", "&": "and",
    "+": "plus", "#": "hash", "(": "open bracket", ")": "close bracket", "=": "equals", "*": "star", "%": "percent",
}  # fmt: skip


class Quit(Exception):
    """The conversation is over."""


@dataclass(frozen=True)
class Command:
    """usage: its argument as /help shows it, in brackets when it may be left out."""

    run: Callable[[Session, str], str]
    usage: str
    help: str

    @property
    def needs_argument(self) -> bool:
        return bool(self.usage) and not self.usage.startswith("[")


class Session:
    """The settings of a conversation, and what its lines do."""

    def __init__(
        self, speech: SpeechThread, options: SpeakOptions, voice: str, voices: Callable[[], list[str]]
    ) -> None:
        self.speech = speech
        self.options = options
        self.voice = voice
        self.voices = voices

    def handle(self, line: str) -> str:
        """Do what a line says; the answer may be empty. Raises NightingaleError, and Quit."""
        text = line.strip()
        if text.startswith("//"):
            self.speak(text[1:])
        elif text.startswith("/"):
            return self.command(text[1:].translate(DROPPED))
        elif text:
            self.speak(text)
        return ""

    def speak(self, text: str) -> None:
        """Raises TextError for what is not text: bytes that are not UTF-8 come from a terminal as surrogates."""
        text = TextDecoder("that").feed(text.encode("utf-8", "surrogateescape"), final=True)
        self.speech.speak(text, self.options)

    def command(self, line: str) -> str:
        name, _, argument = line.partition(" ")
        found = COMMANDS.get(name.casefold())
        if found is None:
            raise UsageError(f"no command /{name}; /help lists them, and // speaks a slash")
        argument = argument.strip()
        if found.needs_argument and not argument:
            raise UsageError(f"/{name} {found.usage}: {found.help}")
        if argument and not found.usage:
            raise UsageError(f"/{name} takes nothing after it")
        return found.run(self, argument)

    @property
    def volume(self) -> float:
        return 1.0 if self.speech.sink is None else self.speech.sink.volume

    def change(self, name: str, value: str) -> str:
        """Set one of the options. Raises UsageError for another name, or a value out of range."""
        kinds = {field.name: type(getattr(self.options, field.name)) for field in dataclasses.fields(self.options)}
        if name not in kinds:
            raise UsageError(f"no setting {name}; /set lists them")
        try:
            number = kinds[name](value)
        except ValueError:
            whole = "whole " if kinds[name] is int else ""
            raise UsageError(f"{name.replace('_', ' ')} must be a {whole}number, not {value}") from None
        self.options = dataclasses.replace(self.options, **{name: number})
        return f"{name.replace('_', ' ')} {number}"


def _voice(session: Session, name: str) -> str:
    if not name:
        return f"voice {session.voice}"

    def use(_: int) -> None:
        engine: SpeakingEngine | None = session.speech.engine
        assert engine is not None
        engine.use_voice(name)
        session.voice = name

    session.speech.submit(use)
    return ""


def _speed(session: Session, value: str) -> str:
    return session.change("speed", value) if value else f"speed {session.options.speed}"


def _seed(session: Session, value: str) -> str:
    return session.change("seed", value) if value else f"seed {session.options.seed}"


def _volume(session: Session, value: str) -> str:
    if value:
        try:
            percent = float(value.removesuffix("%"))
        except ValueError:
            percent = -1.0
        if not 0 <= percent <= 200:
            raise UsageError(f"volume is a percentage, 0 to 200, not {value}")
        if session.speech.sink is not None:
            session.speech.sink.volume = percent / 100
    return f"volume {session.volume:.0%}"


def _save(session: Session, path: str) -> str:
    utterance = _last(session.speech)
    with open_wav(os.path.expanduser(path)) as sink:
        for chunk in utterance.chunks or ():
            sink.write(chunk)
    return f"{sink.seconds:.1f} s in {path}"


def _last(speech: SpeechThread) -> Utterance:
    utterance = speech.last
    if utterance is None or utterance.chunks == []:
        raise UsageError("nothing was spoken yet")
    if utterance.chunks is None:
        raise UsageError("that was too long to be kept; nightingale-tts -f FILE -o OUTPUT writes any length")
    if utterance.end_s is None:
        raise UsageError("it is still being made; try again in a moment")
    return utterance


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
    return "paused; /pause goes on" if sink.paused else ""


def _device(session: Session, name: str) -> str:
    if name:
        session.speech.change_sink(lambda: Speaker(name))
        return ""
    return "" if session.speech.sink is None else f"device {session.speech.sink.name}"


def _read(session: Session, path: str) -> str:
    path = os.path.expanduser(path)
    try:
        info = os.stat(path)
    except OSError as error:
        raise InputUnavailable(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(info.st_mode):
        raise InputUnavailable(f"cannot read {path}: it is not a file")
    if info.st_size > MAX_FILE:
        raise TextError(f"{path} is too long for a conversation; nightingale-tts -f FILE speaks any length")
    (source,) = open_sources([path])
    try:
        text = "".join(source.pieces())
    finally:
        if source.fd is not None:
            os.close(source.fd)
    session.speak(text)
    return ""


def spell_out(text: str) -> str:
    """Letter by letter, as the voice reads it."""
    return ", ".join(MARK_NAMES.get(mark, mark.upper()) for mark in text if not mark.isspace()) + "."


def _spell(session: Session, text: str) -> str:
    session.speak(spell_out(text))
    return ""


def _stats(session: Session, _: str) -> str:
    utterance = session.speech.last
    if utterance is None:
        return "nothing was spoken yet"
    session.speech.playing()
    figures = {name: value for name, value in utterance.stats.figures().items() if name != "ready_s"}
    return as_lines(figures)


def _set(session: Session, argument: str) -> str:
    if argument:
        name, _, value = argument.replace("=", " ").partition(" ")
        shown = dataclasses.asdict(session.options).get(name)
        return session.change(name, value.strip()) if value or shown is None else f"{name.replace('_', ' ')} {shown}"
    return "\n".join(f"{name:<22} {value}" for name, value in dataclasses.asdict(session.options).items())


def _help(session: Session, _: str) -> str:
    rows = [(f"/{name} {command.usage}".rstrip(), command.help) for name, command in COMMANDS.items()]
    rows.append(("//text", "speak text that begins with a slash"))
    keys = "Alt-Enter: new line. Ctrl-R: search. Ctrl-C: stop. Ctrl-D: leave."
    return "\n".join([*(f"{left:<20} {right}" for left, right in rows), keys])


def _quit(session: Session, _: str) -> str:
    raise Quit


COMMANDS: dict[str, Command] = {
    "voice": Command(_voice, "[NAME]", "speak with another voice: a name or a file"),
    "voices": Command(lambda session, _: "\n".join(session.voices()), "", "list the voices"),
    "speed": Command(_speed, "[X]", "0.5 (slow) to 2.0 (fast)"),
    "volume": Command(_volume, "[PERCENT]", "0 to 200"),
    "seed": Command(_seed, "[N]", "another number is another reading"),
    "save": Command(_save, "FILE", "write what was spoken last as WAV"),
    "replay": Command(_replay, "", "hear what was spoken last again"),
    "stop": Command(_stop, "", "be silent, and forget what waits (Ctrl-C)"),
    "pause": Command(_pause, "", "wait here, or go on"),
    "device": Command(_device, "[NAME]", "play on another device: a number or part of its name"),
    "devices": Command(lambda session, _: "\n".join(list_devices()), "", "list the devices"),
    "read": Command(_read, "FILE", "speak a file"),
    "spell": Command(_spell, "TEXT", "speak letter by letter"),
    "stats": Command(_stats, "", "times of what was spoken last"),
    "set": Command(_set, "[NAME VALUE]", "change how it is spoken, or list that"),
    "help": Command(_help, "", "this list"),
    "quit": Command(_quit, "", "leave (Ctrl-D)"),
}


def answer(session: Session, line: str) -> str:
    """What to show for a line; a failure is an answer too."""
    try:
        return session.handle(line)
    except NightingaleError as error:
        return str(error)
