"""Whether a full stop ends a sentence, or belongs to an abbreviation or an initial: Dr. Smith, p. 5, J. K. Rowling."""

import re

from nightingale.text.lexicon.abbreviations import (
    ALSO_WORDS,
    BEFORE_LETTER,
    BEFORE_NO,
    BEFORE_NUMBER,
    BEFORE_WORD,
    BEFORE_YEAR,
    BOOK_ROLES,
    CONNECTIVES,
    COUNTED,
    DOTTED,
    JOURNALS,
    SENTENCE_FINAL,
    SENTENCE_FINAL_CAPITALS,
    SIZES,
    STATES_WITH_STOP,
    TITLES,
)
from nightingale.text.lexicon.names import BOOKS, BOOKS_WITH_COUNT
from nightingale.text.lexicon.quantities import CALENDAR, DAY_SHORT, MONTH_SHORT
from nightingale.text.lexicon.sentences import OPENERS, RECIPE_VERBS
from nightingale.text.lexicon.units import MEASURES, RECIPE_UNITS, STOPPED_UNITS
from nightingale.text.patterns import regex

AMOUNT_BEFORE = regex(r"[0-9][ -]*(?:(?:sq|cu|fl)\.? )?$")
NUMBER_AFTER = regex(
    r":?\s*(?:(?:ca?|approx|est|[Nn]os?)\.(?:\s|$)|A\.?D\.?(?:\s|$)|[#(~$£€+-]{0,2}[0-9]|[IVXL]{2,}\b|[ivx]{2,}\b|[VX]\b)")
LETTER_AFTER = regex(r"\s*(?:\([A-Za-z]\)|[A-Z](?![\w']))")
YEAR_AFTER = regex(
    r"\s*(?:ca?\.(?:\s|$)|(?:in )?[0-9]{3,4}\b(?!\.[0-9])|[0-3]?[0-9](?:/|\.|\s+[A-Z]|$)|in(?:\s+[0-9]|$)|"
    r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\b)")
CITY_BEFORE = regex(r"[A-Z][a-z]+, $")
EDITION_BEFORE = regex(
    r"(?:\b[0-9]{1,3}(?:st|nd|rd|th)?|\b(?:rev|illus|int'l)\.|\b(?:first|second|third|fourth|fifth|new|revised|student|"
    r"enlarged|expanded|abridged|updated|international|paperback))(?: (?:rev|illus)\.)? $", re.IGNORECASE)
_ABBREVIATIONS = frozenset([
    "in", "cu", "Tbsp", "Tsp", *BOOKS, *RECIPE_UNITS, *TITLES, *CONNECTIVES, *BEFORE_NUMBER, *SENTENCE_FINAL,
    *MONTH_SHORT, *DAY_SHORT, *STOPPED_UNITS, *BEFORE_YEAR, *BOOK_ROLES, *SIZES, *STATES_WITH_STOP,
    *COUNTED, *BEFORE_NO, *BEFORE_WORD, *JOURNALS, "Rs",
])
_LETTERS_BEFORE = regex(r"\b[A-Z],? (?:and|or|to) $")  # vitamins A, B and C. They
_LABEL_BEFORE = regex(
    r"\b(?:plan|type|press|vitamin|option|appendix|exhibit|grade|class|group|team|section|part|schedule|annex|figure|table|"
    r"hepatitis|gate|line|key|letter|hit|select|click|choose|point|model|product|column|row|drive|side|answer|building|"
    r"block|platform|terminal|phase|stage|item|version|method|case|scenario|zone|category|factor|wing|ward|an|game|unit)\s+$",
    re.IGNORECASE)
_TIME_PHRASE = regex(r"\W{0,2}(?:At|By|Around|About|Before|After|Until|Till|Since|From|On) [^.,;]{0,24}$")
GENERATIONS = ("X", "Y", "Z", "Alpha", "Beta")
_FIRST_WORD = regex(r"[\"'(\[]*([A-Za-z']+|.)")
DEGREE = r"(?:LL|Ph|Th|Ed|Pharm|Litt|Dr|[DMB])\.(?:[BMD]|Sc|Phil|Com|Eng|Ed|Tech|Arch|Mus|Litt)"
_DOTTED_WORD = regex(rf"[A-Za-z](?:\.[A-Za-z])+|{DEGREE}")
_HOUSE_NUMBER_BEFORE = regex(r"\b[0-9]+ (?:[NSEW]\.? )?(?:(?:[A-Z][a-z]*|[0-9]+(?:st|nd|rd|th)) ){1,2}$")
_NUMBERED_STREET = regex(r"[0-9]{1,3}(?:st|nd|rd|th)\b")
_STREET_NAME_BEFORE = regex(r"(?:[0-9](?:st|nd|rd|th)|\b[A-Z][a-z]+) $")
_VERSE_AFTER = regex(r"\s*[0-9]{1,3}:[0-9]")


def may_be_abbreviation(word: str) -> bool:
    """Whether a full stop after the word may belong to an abbreviation; false for most words."""
    return len(word) == 1 or "." in word or not _ABBREVIATIONS.isdisjoint((word, word.lower(), word.capitalize()))


def ends_sentence(before: str, word: str, after: str) -> bool:
    """Whether the full stop between `word` and white space ends a sentence.

    before: the text up to the word; after: the next word, with the marks around it; empty at the end of the text.
    """
    lower = word.lower()
    if word.isupper() and len(word) > 1 and word.capitalize() in TITLES and word != "MS":
        word = word.capitalize()  # MRS. SMITH
    match = _FIRST_WORD.match(after)
    following = match[1] if match else ""
    if not following:
        return True
    capital = following[0].isupper()
    amount = AMOUNT_BEFORE.search(before) is not None
    if word in ("in", "sq", "cu") and amount:  # inches; square, cubic
        return capital and word == "in"
    if _is_book(before, word, after):
        return False
    if lower in BEFORE_NUMBER and not is_initial(word) and NUMBER_AFTER.match(after):
        return False
    if lower in BEFORE_LETTER and LETTER_AFTER.match(after):
        return False
    if (lower in BEFORE_NO or "." in word) and re.match("[Nn]os?\\.|#", after):
        return False
    if (lower in COUNTED and amount and not is_initial(word)) or word in JOURNALS:
        return capital and (lower in COUNTED or following in OPENERS)
    if lower in BEFORE_YEAR and not is_initial(word) and YEAR_AFTER.match(after):
        return False
    if word == "Gen" and following in GENERATIONS:
        return False
    if word in STATES_WITH_STOP and CITY_BEFORE.search(before):
        return capital and following in OPENERS
    if lower in BOOK_ROLES and word not in TITLES and has_abbreviation_case(word):
        return capital and _role_ends_sentence(before, word)
    if word == "Rs" or (lower in SIZES and amount) or (lower in BEFORE_WORD and following[0].islower()):
        return False
    if word in TITLES:
        return word in ("St", "Dr") and following in OPENERS and is_street(before, after)
    if lower in ("a.m", "p.m") and _TIME_PHRASE.match(before):
        return capital and following in OPENERS
    if lower in ("etc", "a.m", "p.m"):
        return capital and following not in CALENDAR
    if (lower in CONNECTIVES and has_abbreviation_case(word)) or lower in DOTTED:
        return False
    if word == "v" and capital:
        return False
    if word in MONTH_SHORT or word in DAY_SHORT:
        return capital and following not in CALENDAR
    if lower in MEASURES and not is_initial(word) and amount:
        return capital and (following in OPENERS or following in RECIPE_VERBS)
    if (word in STOPPED_UNITS and amount) or lower in ALSO_WORDS:
        return capital
    if (lower in SENTENCE_FINAL and has_abbreviation_case(word)) or _DOTTED_WORD.fullmatch(word):
        return capital and following in OPENERS
    return not is_initial(word) or _initial_ends_sentence(before, word, following, after)


def _role_ends_sentence(before: str, word: str) -> bool:
    """True in "2nd ed. New York", false in "Emma, ed. John Smith" and "(trans. M. Jones)"."""
    return before.strip() != "" and (not before.rstrip().endswith((",", "(", ";", "and", "&")) or word == "rev")


def _is_book(before: str, word: str, after: str) -> bool:
    """Whether the word is a book of the Bible: chapter and verse follow."""
    if word not in BOOKS or not _VERSE_AFTER.match(after):
        return False
    return word not in BOOKS_WITH_COUNT or re.search(r"(?:^|[^\w.])(?:[1-3]|I{1,3}) ?$", before) is not None


def has_abbreviation_case(word: str) -> bool:
    """EST is not "est.", and Max and Al are people; but INC and JR are "inc." and "jr."."""
    return word in SENTENCE_FINAL_CAPITALS if word.isupper() else word not in ("Max", "Al")


def is_initial(word: str) -> bool:
    """A single capital letter; "p." and "c." are abbreviations only in lower case."""
    return len(word) == 1 and word.isupper()


def _initial_ends_sentence(before: str, letter: str, following: str, after: str) -> bool:
    """True in "So did I. Then" and "plan B. The", false in "J. K. Rowling" and "Harry S. Truman"."""
    if len(following) == 1 and following != "I" and after[1:2] == ".":
        return False
    if before.endswith("°") or (letter in "CFK" and re.search("[0-9] ?$", before)):
        return following[0].isupper()  # 98.6°F. Pigs
    if letter in "QA" and not before.strip() and following[0].isdigit():
        return False
    if following[0].isupper() and (_LABEL_BEFORE.search(before) or _LETTERS_BEFORE.search(before)):
        return True  # Press B. Then
    if letter in "NSEW" and _NUMBERED_STREET.match(after):
        return False
    if letter == "I" and not re.search(r"\b[A-Z]\.\s*$", before):
        return before.strip() != "" or following in OPENERS
    return not following[0].isalpha() or following in OPENERS


def is_street(before: str, after: str) -> bool:
    """Whether "St." or "Dr." is a street: "Main St.", "5 Oak St.", but not "St. Louis"."""
    if _HOUSE_NUMBER_BEFORE.search(before):
        return True
    following = re.match(r"[A-Z]\w*", after)
    return _STREET_NAME_BEFORE.search(before) is not None and (following is None or following[0] in OPENERS)
