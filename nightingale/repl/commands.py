"""Runs the lines of the prompt: plain text is spoken, `/name` is a command, `//text` is text that begins with a slash.

Every line is answered with a message. The terminal is left to screen.py and plain.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import os
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass

from nightingale.audio.devices import list_devices
from nightingale.audio.speaker import Speaker
from nightingale.audio.wav import open_wav
from nightingale.errors import InputUnavailable, NightingaleError, TextError, UsageError
from nightingale.repl.help import help_text
from nightingale.repl.messages import Message
from nightingale.repl.session import Session, shown
from nightingale.repl.speech_thread import SpeechThread
from nightingale.repl.utterance import MAX_KEPT_S, Utterance
from nightingale.statistics import as_lines
from nightingale.text.input.decode import DROPPED
from nightingale.text.input.sources import open_sources

MAX_FILE_SIZE = 10_000_000  # bytes: more than 100 hours of speech
DOUBLE_PRESS_S = 2.0  # a second Ctrl-C within this time leaves
LEAVE_HINT = "Ctrl-C again or Ctrl-D leaves"
NOTHING_YET = "nothing has been spoken yet"
BARE_COMMANDS = {"exit", "quit", "help"}  # without a slash, as in other programs
ALIASES = {"exit": "quit", "q": "quit", "?": "help", "h": "help"}
MARK_NAMES = {
    ".": "dot", ",": "comma", "-": "hyphen", "_": "underscore", "/": "slash", ":": "colon", ";": "semicolon",
    "@": "at", "!": "exclamation mark", "?": "question mark", "'": "apostrophe", '"': "quote", "&": "and",
    "+": "plus", "#": "hash", "(": "open bracket", ")": "close bracket", "=": "equals", "*": "star", "%": "percent",
}  # fmt: skip


class Quit(Exception):
    """The user leaves."""


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

    if name not in session.list_voices() and not os.path.exists(os.path.expanduser(name)):
        raise UsageError(f'no voice "{name}"; /voices lists them')

    def use() -> None:
        assert session.speech.engine is not None
        session.speech.engine.use_voice(name)
        session.voice = name
        session.speech.notices.append(Message(f"voice {name}"))

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
    volume = 1.0 if sink is None else sink.volume
    return f"volume {volume:.0%}" if volume else "muted; /volume 100 ends it"


def _save(session: Session, argument: str) -> str:
    utterance = _last_utterance(session.speech)
    path = file_name(argument)
    if os.path.isfile(path) and session.overwrite != path:
        session.overwrite = path
        raise UsageError(f"{argument} exists; the same command again overwrites it")
    session.overwrite = ""
    with open_wav(path) as wav:
        for chunk in utterance.chunks or ():
            wav.write(chunk)
    return f"saved {wav.seconds:.1f} s to {argument}"


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


def file_name(argument: str) -> str:
    """A path as it may be typed: with `~`, or quoted or escaped as in a shell. `-` is a file here."""
    path = os.path.expanduser(argument)
    if not os.path.exists(path) and ("\\" in argument or argument[0] in "'\""):
        with contextlib.suppress(ValueError):  # a quote that is part of the name
            path = os.path.expanduser("".join(shlex.split(argument)[:1])) or path
    return "./-" if path == "-" else path


def _replay(session: Session, _: str) -> str:
    session.speech.replay()
    return "" if session.speech.last is None else "playing the last text again"


def _stop(session: Session, _: str) -> str:
    busy = session.speech.busy
    session.speech.stop()
    return "stopped" if busy else "nothing is playing"


def _pause(session: Session, _: str) -> str:
    return session.pause()


def _device(session: Session, name: str) -> str:
    if name:
        session.speech.change_sink(lambda: Speaker(name))
        return ""
    return "the device is not open yet" if session.speech.sink is None else f"device {session.speech.sink.name}"


def _devices(_: Session, __: str) -> str:
    return "\n".join(list_devices()) or "no playback device was found"


def _read(session: Session, path: str) -> str:
    path = file_name(path)
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
    if not text.strip():
        raise TextError(f"{path} has no text")
    session.speak(text)
    return f"reading {path}, {len(text):,} characters"


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
    return f"{word} is read as before"


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
    return "\n".join(f"{name:<22} {shown(value)}" for name, value in dataclasses.asdict(session.options).items())


def _help(_: Session, __: str) -> str:
    return help_text({name: (command.usage, command.help) for name, command in COMMANDS.items()})


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


def is_command(line: str) -> bool:
    """Whether a line is a command. `/usr/bin` is text, and so is a line that begins with two slashes."""
    if line.casefold() in BARE_COMMANDS:
        return True
    name = line[1:].partition(" ")[0]
    return line.startswith("/") and "/" not in name


def answer(session: Session, line: str) -> Message:
    """Run a line. Returns its output or its error; its text is often empty. Raises Quit."""
    line = line.strip()
    try:
        if is_command(line):
            return Message(_run_command(session, line.removeprefix("/").translate(DROPPED)))
        if line:
            session.speak(line[1:] if line.startswith("//") else line)
        return Message("")
    except NightingaleError as error:
        return Message(str(error), "error")
    except OSError as error:
        return Message(f"{line.split()[0]}: {error.strerror or error}", "error")


def _run_command(session: Session, line: str) -> str:
    name, _, argument = line.partition(" ")
    name = ALIASES.get(name.casefold(), name.casefold())
    command = COMMANDS.get(name)
    if command is None:
        similar = difflib.get_close_matches(name, COMMANDS, 1)
        advice = f"did you mean /{similar[0]}?" if similar else "/help lists them, and // speaks a slash"
        raise UsageError(f"no command /{name}; {advice}")
    argument = argument.strip()
    if command.needs_argument and not argument:
        raise UsageError(f"/{name} {command.usage}: {command.help}")
    if argument and not command.usage:
        raise UsageError(f"/{name} takes nothing after it")
    return command.run(session, argument)
