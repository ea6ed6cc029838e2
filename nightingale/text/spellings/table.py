"""A table of words and phrases with their readings, and the search for them in a text.

The search takes one look-up for each word of the text, however large the table is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from nightingale.text.patterns import regex

# A word, in any script, with its accents and an apostrophe inside; or a single mark.
_TOKEN = regex(r"(?u:(?:[^\W_]|[\u0300-\u036f])+(?:'(?:[^\W_]|[\u0300-\u036f])+)*|[^\w\s]|_)")
_ONE_WORD = regex("[A-Za-z0-9]+")
_SIBILANT = regex("(?:s|x|z|ch|sh)$", re.IGNORECASE)
_LETTER_NAME = regex("(?:^|[ -])[A-Z]+$")
_MIN_PLURAL = 3  # letters of a word in lower case that has a plural: "la" is not in "Las Vegas"

Replace: TypeAlias = Callable[[str, str], str]


class _Entry(NamedTuple):
    """words: the tokens, in lower case unless the entry has capitals; glued: those with no blank before them."""

    words: tuple[str, ...]
    glued: tuple[bool, ...]
    has_capitals: bool
    reading: str


class WordTable:
    """Readings of whole words and phrases, with their plurals and possessives.

    An entry in lower case is found in any case; one with capitals only as it is written. Where several fit, the longest
    is taken, then the one with capitals.
    """

    def __init__(self, readings: Mapping[str, str]) -> None:
        self._entries: dict[tuple[str, ...], list[_Entry]] = {}  # by the tokens in lower case
        self._lengths: dict[str, list[int]] = {}  # by the first token: the lengths of the entries, the longest first
        for word, reading in readings.items():
            if entry := _make_entry(word, reading):
                self._add(entry)

    def _add(self, entry: _Entry) -> None:
        key = tuple(word.lower() for word in entry.words)
        self._entries.setdefault(key, []).insert(0 if entry.has_capitals else len(self._entries[key]), entry)
        lengths = self._lengths.setdefault(key[0], [])
        if len(key) not in lengths:
            lengths.append(len(key))
            lengths.sort(reverse=True)

    def replace(self, text: str, replace: Replace) -> str:
        """The text with `replace(written, reading)` for each entry that is found."""
        if not self._may_occur(text.lower()):
            return text
        parts, end = [], 0
        tokens = list(_TOKEN.finditer(text))
        for i, token in enumerate(tokens):
            if token.start() >= end and (found := self._find(tokens, i)):
                entry, ending = found
                last = tokens[i + len(entry.words) - 1].end()
                parts += [text[end : token.start()], replace(text[token.start() : last], entry.reading + ending)]
                end = last
        return "".join([*parts, text[end:]])

    def _may_occur(self, text: str) -> bool:
        """False if no word of the text begins an entry: most sentences."""
        words = _TOKEN.findall(text)
        endings = [base for word in words if word[-1] == "s" for base, _ in _bases(word)]
        return not (self._lengths.keys().isdisjoint(words) and self._lengths.keys().isdisjoint(endings))

    def _find(self, tokens: list[re.Match[str]], start: int) -> tuple[_Entry, str] | None:
        """The entry that begins at a token, and the ending of its reading."""
        for first, _ in _bases(tokens[start][0].lower()):
            for length in self._lengths.get(first, ()):
                found = tokens[start : start + length]
                words = [token[0].lower() for token in found]
                for last, _ in _bases(words[-1]):
                    for entry in self._entries.get((*words[:-1], last), ()):
                        if (ending := _match(entry, found)) is not None:
                            return entry, ending
        return None


def _make_entry(word: str, reading: str) -> _Entry | None:
    """None for an entry without any word."""
    lower = word.lower()
    has_capitals = word != lower
    if _ONE_WORD.fullmatch(word):
        return _Entry((word,), (False,), has_capitals, reading)
    tokens = list(_TOKEN.finditer(word))
    glued = tuple(i > 0 and token.start() == tokens[i - 1].end() for i, token in enumerate(tokens))
    return _Entry(tuple(token[0] for token in tokens), glued, has_capitals, reading) if tokens else None


def _match(entry: _Entry, tokens: list[re.Match[str]]) -> str | None:
    """The ending of the reading ("s", "'s" or nothing) if the tokens are those of the entry; None if they are not."""
    for i, (word, glued) in enumerate(zip(entry.words, entry.glued, strict=True)):
        if i and glued != (tokens[i].start() == tokens[i - 1].end()):
            return None
        written = tokens[i][0] if entry.has_capitals else tokens[i][0].lower()
        if written != word:
            if i < len(entry.words) - 1:
                return None
            return _ending(word, written, entry)
    return ""


def _ending(word: str, written: str, entry: _Entry) -> str | None:
    for base, ending in _bases(written):
        if base == word and ending == "'s":
            return ending
        if base == word and ending and (len(word) >= _MIN_PLURAL or word.isupper()):
            return _plural_ending(entry.reading)
    return None


def _bases(word: str) -> list[tuple[str, str]]:
    """The word and the words of which it may be the possessive or the plural, with their endings."""
    bases = [(word, "")]
    if word[-1:] in "sS":
        bases.append((word[:-2], "'s") if word[-2:-1] == "'" else (word[:-1], "s"))
        if word.lower().endswith("es"):
            bases.append((word[:-2], "es"))
    return bases


def _plural_ending(reading: str) -> str:
    if _LETTER_NAME.search(reading):
        return "'s"
    return "es" if _SIBILANT.search(reading) else "s"
