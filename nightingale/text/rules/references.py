"""References into the Bible: its books, which are abbreviated, and chapter and verse."""

import re

from nightingale.text.number_words import cardinal
from nightingale.text.rules.numbers import listed, rewriter

BOOKS = {
    "Gen": "Genesis", "Ex": "Exodus", "Exod": "Exodus", "Lev": "Leviticus", "Num": "Numbers", "Deut": "Deuteronomy",
    "Josh": "Joshua", "Judg": "Judges", "Sam": "Samuel", "Kgs": "Kings", "Chr": "Chronicles", "Chron": "Chronicles",
    "Neh": "Nehemiah", "Esth": "Esther", "Ps": "Psalm", "Pss": "Psalms", "Prov": "Proverbs", "Eccl": "Ecclesiastes",
    "Isa": "Isaiah", "Jer": "Jeremiah", "Lam": "Lamentations", "Ezek": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea",
    "Mic": "Micah", "Nah": "Nahum", "Hab": "Habakkuk", "Zeph": "Zephaniah", "Hag": "Haggai", "Zech": "Zechariah",
    "Mal": "Malachi", "Matt": "Matthew", "Mt": "Matthew", "Mk": "Mark", "Lk": "Luke", "Jn": "John", "Rom": "Romans",
    "Cor": "Corinthians", "Gal": "Galatians", "Eph": "Ephesians", "Phil": "Philippians", "Col": "Colossians",
    "Thess": "Thessalonians", "Tim": "Timothy", "Philem": "Philemon", "Heb": "Hebrews", "Jas": "James", "Pet": "Peter",
    "Rev": "Revelation",
}
_NAMES = [*BOOKS.values(), *listed("Ruth Ezra Job Joel Amos Obadiah Jonah Acts Titus Jude Psalms Sirach Wisdom Tobit")]
_WHICH = {"1": "First", "2": "Second", "3": "Third", "I": "First", "II": "Second", "III": "Third"}
_NEED_COUNT = frozenset(["Sam", "Tim", "Pet"])  # 1 Sam. 3:4; else these are people
_NEED_STOP = frozenset(["Dan", "Phil", "Col", "Gal", "Ex", "Mt"])
_BOOK = rf"(?:(?:({'|'.join(BOOKS)})(\.)? ?|({'|'.join(sorted(set(_NAMES)))}) ))"
_COUNTED = re.compile(r"(?:^|[^\w.])(?:[1-3]|I{1,3}) ?$")
_VERSE = re.compile(r"\s*[0-9]{1,3}:[0-9]")


def is_book(before: str, word: str, after: str) -> bool:
    """Whether a word between two texts is a book of the Bible before chapter and verse."""
    return word in BOOKS and bool(_VERSE.match(after)) and (word not in _NEED_COUNT or bool(_COUNTED.search(before)))


@rewriter(rf"\b(?:([1-3]|I{{1,3}}) ?)?\b{_BOOK}"
          r"([0-9]{1,3}):([0-9]{1,3})(?:[-–]([0-9]{1,3}))?\b(?![:.]?[0-9]| ?[ap]\.?m\b)")
def read_verses(match: re.Match[str]) -> str:
    """1 Cor. 13:4-7 -> First Corinthians thirteen four to seven."""
    which, short, stop, name, chapter, verse, until = match.groups()
    if (short in _NEED_COUNT and not which) or (short in _NEED_STOP and not stop):
        return match[0]
    lead = f"{_WHICH[which]} " if which else ""
    tail = f" to {cardinal(int(until))}" if until else ""
    return f"{lead}{BOOKS.get(short, name)} {cardinal(int(chapter))} {cardinal(int(verse))}{tail}"
