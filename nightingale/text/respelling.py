"""Gives the voice some words in another spelling: words of the user's lexicon, and words that the voice says wrongly.

Words of the user are found in the text as it was typed. A placeholder stands for each while the rules rewrite the text,
so that no rule changes its reading. Words that the bundled voices say wrongly are found in normalized text.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from nightingale.text.characters import ALPHABET
from nightingale.text.homographs import respell_homographs
from nightingale.text.patterns import regex
from nightingale.text.spellings.bundled import replace_accented, respell_words
from nightingale.text.spellings.table import WordTable

_LETTERS = string.ascii_lowercase
_PLACEHOLDER = regex("zuqo([a-z]{3})quzo", re.IGNORECASE)  # the capitals are those of the word as it was typed
_ALPHABET = frozenset(ALPHABET)


class Respelling:
    """The spellings for one voice.

    words: readings of the user. bundled: whether the voice is a bundled one, which says some words wrongly. tags: words
    in brackets that the model makes as sounds, such as [laugh]; no rule changes them.
    """

    def __init__(self, words: WordTable | None = None, bundled: bool = False, tags: Sequence[str] = ()) -> None:
        self._words, self._bundled = words, bundled
        self._tags = re.compile("|".join(map(re.escape, tags))) if tags else None

    def hide_words(self, text: str) -> tuple[str, list[str]]:
        """The text with placeholders for words, and their readings. Folded text, before the rules.

        The words are those of the user, and for a bundled voice those that are read by their accents. A reading with
        other characters than ALPHABET is read by the rules, like the text around it.
        """
        readings: list[str] = []

        def hide(written: str, reading: str) -> str:
            if not _ALPHABET.issuperset(reading):
                return reading
            readings.append(reading)
            return _placeholder(len(readings) - 1, written)

        def hide_tag(match: re.Match[str]) -> str:
            readings.append(match[0])
            return _placeholder(len(readings) - 1, "a")

        if self._tags is not None and "[" in text:
            text = self._tags.sub(hide_tag, text)
        if self._words is not None:
            text = self._words.replace(text, hide)
        if self._bundled and not text.isascii():
            text = replace_accented(text, hide)
        return text, readings

    def respell(self, text: str) -> str:
        """A normalized sentence with the words that the bundled voices say wrongly in another spelling."""
        return respell_for_bundled_voices(text) if self._bundled else text


NO_RESPELLING = Respelling()


def show_words(text: str, readings: list[str]) -> str:
    """The text with the readings for the placeholders."""

    def show(match: re.Match[str]) -> str:
        index = 0
        for letter in match[1].lower():
            index = index * len(_LETTERS) + _LETTERS.index(letter)
        reading = readings[index] if index < len(readings) else match[0]
        starts = match[0][0].isupper() and not re.search("[A-Za-z]", text[: match.start()])
        return reading[:1].upper() + reading[1:] if starts else reading

    return _PLACEHOLDER.sub(show, text)


def _placeholder(index: int, written: str) -> str:
    """A word that no rule changes but for its case, and that has the case of the word for which it stands."""
    high, low = divmod(index, len(_LETTERS) ** 2)
    middle, low = divmod(low, len(_LETTERS))
    word = f"zuqo{_LETTERS[high % len(_LETTERS)]}{_LETTERS[middle]}{_LETTERS[low]}quzo"
    if written[:1].isupper():
        return word.upper() if written.isupper() and len(written) > 1 else word.capitalize()
    return word


def respell_for_bundled_voices(text: str) -> str:
    """A normalized sentence in the spellings that the bundled voices say rightly."""
    return respell_words(respell_homographs(text))
