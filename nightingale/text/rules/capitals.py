"""Words in capitals: words written so for emphasis become lower case, acronyms are kept or spelled as they sound."""

import re
from functools import cache

from nightingale.text.lexicon.abbreviations import TITLES
from nightingale.text.lexicon.capitals import (
    ACRONYMS,
    AFTER_IT,
    AMBIGUOUS,
    BEFORE_US,
    HEADINGS,
    SAID,
    SAID_PLURAL,
    SHOUTED,
)
from nightingale.text.patterns import regex, rule

_CAPITAL_RUN = regex(
    r"(?<![\w'-])(?<![0-9] )[A-Z][A-Z']*(?:[-,;: ]+(?:[0-9]+[ ,]+)?[A-Z][A-Z']*(?![\w]))+(?![a-z])")
_CAPITALS = regex("[A-Z][A-Za-z']?[A-Z]|[BM](?:Sc|Eng)")  # most sentences have none
_VOWEL = regex("[AEIOUY]")
_LONG_WORD = 6  # letters: no acronym has as many, unless it is in the table
_PRONOUNCEABLE = regex("(?:[BCDFGHJKLMNPQRSTVWXZ]{0,2}[AEIOUY]{1,2}){2}[BCDFGHJKLMNPQRSTVWXZ]{0,2}")
_SPEAKER = regex(r"^[\"'(\[]{0,2}((?:[A-Z][A-Z']{1,20}\.? ){0,3}[A-Z][A-Z']{2,20})(?= ?(?:\([^()]{1,40}\))?:(?: |$))")


@cache
def _short_words() -> tuple[frozenset[str], frozenset[str]]:
    """Common words and names of three to five letters."""
    from nightingale.text.lexicon.short_words import SHORT_NAMES, SHORT_WORDS

    return SHORT_WORDS, SHORT_NAMES


def _is_word(word: str) -> bool:
    """Whether a word in capitals is a common one, and no acronym."""
    return word in SHOUTED or (word not in ACRONYMS and word.lower() in _short_words()[0])


def read_capitals(text: str) -> str:
    """Words in capitals as they are read.

    A run of words in capitals is emphasis when it is the whole sentence or at least three words: all but known acronyms
    become lower case. A single word becomes lower case when it is in SHOUTED or has six letters or more.
    """
    if not _CAPITALS.search(text):
        return text
    whole = not re.search("[a-z]", text)
    if ":" in text:
        text = _SPEAKER.sub(_speaker, text, count=1)
    text = _CAPITAL_RUN.sub(lambda match: _lower_run(match, whole), text)
    return _single_words(_stretched(_mixed_case(_plural_acronyms(text))))


def _speaker(match: re.Match[str]) -> str:
    """JOHN: Hello. Labels such as FBI: and PS: stay."""
    words = match[1].split()
    if all(_is_acronym(word) or not _VOWEL.search(word) or word in SAID for word in words):
        return match[0]
    return match[0].replace(match[1], " ".join(word if _is_acronym(word) else word.capitalize() for word in words))


def _lower_run(match: re.Match[str], whole: bool) -> str:
    """The run in lower case if it is emphasis. whole: whether the sentence has no other words."""
    run, starts = match[0], not match.string[: match.start()].strip("\"'([ ")
    if _is_list(run):
        return run
    words = re.findall("[A-Z']+", run)
    long = [word for word in words if len(word) > 1]
    has_unknown = any(not _is_acronym(word) and _VOWEL.search(word) for word in long)
    pair = len(words) == 2 and (_is_word(words[0]) or words[0] in ("IT", "I", "A")) and _is_word(words[1])
    if not has_unknown or (len(words) < (2 if whole else 3) and not pair) or (len(long) < 2 and not pair):
        return run
    if pair and words[0] == "IT" and words[1] not in AFTER_IT:
        return run
    lowered = _IN_RUN.sub(_lower_in_run, run)
    return lowered[0].upper() + lowered[1:] if starts else lowered


def _is_list(run: str) -> bool:
    """Whether the run lists acronyms: short words with commas between them, one of them a known acronym."""
    items = re.sub(", (?:AND|OR) ", ", ", run).strip(" ,").split(", ")
    short = all(re.fullmatch("[A-Z]{2,5}", item) and item not in SHOUTED for item in items)
    return short and len(items) > 1 and any(_is_acronym(item) for item in items)


def _is_acronym(word: str) -> bool:
    return word in ("FYI", "LA", "NY") or (word in ACRONYMS and word not in AMBIGUOUS)


_IN_RUN = regex("(?<![0-9] )(?<![0-9])[A-Z']+|[A-Z']{4,}")
_WORD_BEFORE = regex("([A-Z']+) $")


def _lower_in_run(match: re.Match[str]) -> str:
    word = match[0]
    if word.startswith("I'"):
        return "I" + word[1:].lower()
    if word == "US":
        before = _WORD_BEFORE.search(match.string[: match.start()])
        return "us" if before and before[1] in BEFORE_US else word
    keep = (len(word) == 1 and word != "A") or _is_acronym(word) or not _VOWEL.search(word)
    return word if keep else word.lower()


@rule(r"(?<!\w)([A-Z]{2,})s(?!\w)")
def _plural_acronyms(match: re.Match[str]) -> str:
    """APIs, PINs."""
    said = SAID_PLURAL.get(match[1])
    if said is None:
        return match[0]
    return f"{said}'s" if said.isupper() else f"{said}s"  # "A P Is" would end in the word "is"


@rule(r"\bO'[A-Z]{3,}\b|\bMA?C[A-Z]{4,}\b|\bMc[A-Z]{3,}\b|\b(?:MR|MRS|MS|DR|PROF)(?= [A-Z])"
      r"|\b(?:[A-Z]o[A-Z]|GmbH|[BM]Sc|[BM]Eng)s?\b")
def _mixed_case(match: re.Match[str]) -> str:
    """O'BRIEN, McDONALD, MR SMITH; IoT and GmbH letter by letter"""
    word = match[0]
    if word.capitalize() in TITLES:
        return TITLES[word.capitalize()]
    if re.search("[a-z][A-Z]s?$|[A-Z](?:Sc|Eng)s?$", word) and not word.startswith("Mc"):
        letters = " ".join(word.removesuffix("s").upper())
        return f"{letters}s" if word.endswith("s") else letters
    if word.startswith("O'"):
        return "O'" + word[2:].capitalize()
    return "Mc" + word[2:].capitalize() if word.lower().startswith("mc") else word.capitalize()


@rule(r"(?<!\w)[A-Z]*([AEIOUYHMSRWL])\1{2,}[A-Z]*(?!\w)")
def _stretched(match: re.Match[str]) -> str:
    """NOOOO, AAAH; but WWW and AAA are acronyms"""
    word = match[0]
    return word if len(word) < 4 or not _VOWEL.search(word) or word in ACRONYMS else word.capitalize()


@rule(r"(?<!\w)[A-Z]{2,}(?:'[A-Z]{1,2})?(?!\w)")
def _single_words(match: re.Match[str]) -> str:
    word = match[0]
    base, quote, ending = word.partition("'")
    if base in SAID:
        return SAID[base] + quote + ending.lower()
    if word in ACRONYMS:
        return word
    start = not match.string[: match.start()].strip("\"'([ ")
    if word in SHOUTED or base in SHOUTED or base in HEADINGS:
        return word.capitalize() if len(base) >= _LONG_WORD or start else word.lower()
    if _VOWEL.search(base) and len(base) >= _LONG_WORD:
        return word.capitalize()
    if 3 <= len(base) < _LONG_WORD:
        words, names = _short_words()
        if base.lower() in words:
            return word.capitalize() if start else word.lower()
        if base.capitalize() in names or (len(base) == _LONG_WORD - 1 and _PRONOUNCEABLE.fullmatch(base)):
            return word.capitalize()
    return word
