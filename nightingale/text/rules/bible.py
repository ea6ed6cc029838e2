"""Chapter and verse of the Bible: 1 Cor. 13:4-7."""

import re

from nightingale.text.lexicon.names import BOOK_COUNTS, BOOK_NAMES, BOOKS, BOOKS_WITH_COUNT, BOOKS_WITH_STOP
from nightingale.text.number_words import cardinal
from nightingale.text.patterns import rule

_BOOK = rf"(?:(?:({'|'.join(BOOKS)})(\.)? ?|({'|'.join(sorted(set(BOOK_NAMES)))}) ))"


@rule(rf"\b(?:([1-3]|I{{1,3}}) ?)?\b{_BOOK}"
      r"([0-9]{1,3}):([0-9]{1,3})(?:[-–]([0-9]{1,3}))?\b(?![:.]?[0-9]| ?[ap]\.?m\b)")
def _verses(match: re.Match[str]) -> str:
    count, short, stop, name, chapter, verse, last = match.groups()
    if (short in BOOKS_WITH_COUNT and not count) or (short in BOOKS_WITH_STOP and not stop):
        return match[0]
    lead = f"{BOOK_COUNTS[count]} " if count else ""
    tail = f" to {cardinal(int(last))}" if last else ""
    return f"{lead}{BOOKS.get(short, name)} {cardinal(int(chapter))} {cardinal(int(verse))}{tail}"


def read_verses(text: str) -> str:
    """1 Cor. 13:4-7 -> First Corinthians thirteen four to seven."""
    return _verses(text) if ":" in text else text
