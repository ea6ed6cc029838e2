"""The user's lexicon: how words are read, from a TOML file, and changes to this file that keep its comments.

    nginx = "engine X"
    "New Orleans" = "New Orlins"

    [voice.keats]
    data = "dahta"
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nightingale.errors import InputUnavailable, OutputUnavailable, TextError, UsageError
from nightingale.text.characters import fold
from nightingale.text.spellings.table import WordTable

MAX_READING = 200  # characters; a sentence has to hold it

Readings = dict[str, str]


class Lexicon:
    """Readings of words and phrases, for every voice and for single ones.

    path: the file that `say` and `unsay` change; None to keep the changes in memory. All methods may be called while
    another thread reads a table.
    """

    def __init__(
        self, readings: Mapping[str, str] | None = None, voices: Mapping[str, Mapping[str, str]] | None = None,
        path: Path | None = None,
    ) -> None:  # fmt: skip
        """voices: readings for one voice, which go before the others."""
        self.path = path
        self._set(dict(readings or {}), {voice: dict(words) for voice, words in (voices or {}).items()})

    @classmethod
    def read(cls, path: Path, must_exist: bool = True) -> Lexicon:
        """The lexicon of a file. Raises InputUnavailable, or TextError with the line that is wrong.

        must_exist: otherwise a file that is missing is an empty one.
        """
        try:
            text = path.read_bytes()
        except FileNotFoundError as error:
            if must_exist:
                raise InputUnavailable(f"cannot read {path}: {error.strerror}") from error
            text = b""
        except OSError as error:
            raise InputUnavailable(f"cannot read {path}: {error.strerror}") from error
        return cls(*_parse(_decode(text, path), path), path=path)

    def table(self, voice: str) -> WordTable | None:
        """The words for a voice; None if there are none."""
        tables = self._tables
        if voice not in tables:
            readings = self._readings | self._voices.get(voice, {})
            folded = {_fold(word): _fold(reading) for word, reading in readings.items()}
            tables[voice] = WordTable(folded) if folded else None
        return tables[voice]

    @property
    def readings(self) -> Mapping[str, str]:
        """Those for every voice."""
        return self._readings

    def say(self, word: str, reading: str) -> None:
        """Add or replace a reading, here and in the file. Raises UsageError, TextError or OutputUnavailable."""
        if not word:
            raise UsageError("a reading needs a word")
        if len(reading) > MAX_READING:
            raise UsageError(f"a reading has at most {MAX_READING} characters")
        self._change(word, reading)

    def unsay(self, word: str) -> None:
        """Remove a reading, here and from the file. Raises UsageError if there is none."""
        if word not in self._readings:
            raise UsageError(f'the lexicon has no "{word}"')
        self._change(word, None)

    def _set(self, readings: Readings, voices: dict[str, Readings]) -> None:
        self._tables: dict[str, WordTable | None] = {}
        self._readings, self._voices = readings, voices

    def _change(self, word: str, reading: str | None) -> None:
        """Give a word a reading, or none. The file is read again: another program may have changed it."""
        if self.path is None:
            readings = {key: value for key, value in self._readings.items() if key != word}
            self._set(readings | ({} if reading is None else {word: reading}), self._voices)
            return
        text = ""
        with contextlib.suppress(FileNotFoundError):
            text = _decode(self.path.read_bytes(), self.path)
        readings, _ = _parse(text, self.path)
        expected = {key: value for key, value in readings.items() if key != word}
        if reading is not None:
            expected[word] = reading
        text = _with_entry(text, word, reading)
        try:
            found, voices = _parse(text, self.path)
        except TextError:  # an entry over several lines, for example
            found, voices = {}, {}
        if found != expected:
            raise TextError(f"{self.path} cannot be changed here: its layout is not one entry a line")
        _replace_file(self.path, text)
        self._set(found, voices)


def _fold(text: str) -> str:
    return text if text.isascii() else fold(text)


def default_path() -> Path | None:
    """The file by the XDG Base Directory specification, which has a relative XDG_CONFIG_HOME ignored."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(config):
        return Path(config) / "nightingale-tts" / "lexicon.toml"
    with contextlib.suppress(RuntimeError):  # no home folder
        return Path.home() / ".config" / "nightingale-tts" / "lexicon.toml"
    return None


def _decode(text: bytes, path: Path) -> str:
    try:
        return text.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise TextError(f"{path}, line {line}: not UTF-8") from error


def _parse(text: str, path: Path) -> tuple[Readings, dict[str, Readings]]:
    """Readings for every voice, and for single ones. Raises TextError with the number of the line."""
    if not text.strip():
        return {}, {}
    import tomllib  # not above: most users have no lexicon

    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason, _, place = str(error).partition(" (at ")
        line = match[1] if (match := re.match(r"line ([0-9]+)", place)) else text.count("\n") + 1
        raise TextError(f"{path}, line {line}: {reason}; {_FORM}") from error
    voices = content.pop("voice", {}) if isinstance(content.get("voice"), dict) else {}
    for voice, words in voices.items():
        if not isinstance(words, dict):
            raise TextError(f"{path}, line {_line_of(voice, text)}: a table [voice.NAME] is needed; {_FORM}")
        _check_readings(words, text, path)
    _check_readings(content, text, path)
    return content, voices


_FORM = 'write WORD = "READING", with quotes also around a word that has blanks, dots or accents'


def _check_readings(words: dict[str, Any], text: str, path: Path) -> None:
    for word, reading in words.items():
        problem = ""
        if isinstance(reading, dict):
            problem = f'"{word}" has no reading of its own'
        elif not isinstance(reading, str):
            problem = f'the reading of "{word}" needs quotes'
        elif len(reading) > MAX_READING:
            problem = f'the reading of "{word}" has more than {MAX_READING} characters'
        if problem:
            raise TextError(f"{path}, line {_line_of(word, text)}: {problem}; {_FORM}")


def _line_of(word: str, text: str) -> int:
    """The first line with this key."""
    lines = text.split("\n")
    key = re.compile(rf"[\s\[.\w]*[\"']?{re.escape(word)}[\"']?\s*[.=\]]")
    return next((i for i, line in enumerate(lines, 1) if key.match(line)), 1)


def _with_entry(text: str, word: str, reading: str | None) -> str:
    """The text of a file with another reading of a word, or without the word: all other lines stay."""
    lines = text.split("\n") if text else []
    end = next((i for i, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    place = next((i for i in range(end) if _key(lines[i]) == word), None)
    if reading is None:
        return "\n".join(line for i, line in enumerate(lines) if i != place)
    entry = f"{_quoted(word)} = {_quoted(reading)}"
    if place is not None:
        comment = re.search(r"\s+#[^\"']*$", lines[place])
        lines[place] = entry + (comment[0] if comment else "")
    else:
        while end and not lines[end - 1].strip():
            end -= 1
        lines.insert(end, entry)
    return "\n".join(lines).rstrip("\n") + "\n"


def _key(line: str) -> str | None:
    """The word of a line that is an entry of its own."""
    import tomllib

    if "=" not in line:
        return None
    with contextlib.suppress(tomllib.TOMLDecodeError, RecursionError):
        return next(iter(tomllib.loads(line)), None)
    return None


def _quoted(text: str) -> str:
    """A TOML string, or a bare key."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped) + '"'


def _replace_file(path: Path, text: str) -> None:
    """Write a file at once: whoever reads it finds the old text or the new one. A link stays one.

    Raises OutputUnavailable.
    """
    import tempfile  # not above: it takes several milliseconds

    path = Path(os.path.realpath(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o644
        with contextlib.suppress(FileNotFoundError):
            info = path.stat()
            if not stat.S_ISREG(info.st_mode):
                raise OSError(0, "it is not a regular file")
            mode = stat.S_IMODE(info.st_mode)
        fd, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        try:
            with open(fd, "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(fd, mode)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise OutputUnavailable(f"cannot write {path}: {error.strerror}") from error
