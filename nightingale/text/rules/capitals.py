"""Words in capitals: words written so for emphasis become lower case, acronyms are kept or spelled as they sound."""

import re

from nightingale.text.lexicon.capitals import ACRONYMS, AMBIGUOUS, SAID, SAID_PLURAL, SHOUTED
from nightingale.text.patterns import regex, rule

_CAPITAL_RUN = regex(
    r"(?<![\w'-])(?<![0-9] )[A-Z][A-Z']*(?:[-,;: ]+(?:[0-9]+[ ,]+)?[A-Z][A-Z']*(?![\w]))+(?![a-z])")
_VOWEL = regex("[AEIOUY]")
_LONG_WORD = 6  # letters: no acronym has as many, unless it is in the table


def read_capitals(text: str) -> str:
    """Words in capitals as they are read.

    A run of words in capitals is emphasis when it is the whole sentence or at least three words: all but known acronyms
    become lower case. A single word becomes lower case when it is in SHOUTED or has six letters or more.
    """
    whole = not re.search("[a-z]", text)
    text = _CAPITAL_RUN.sub(lambda match: _lower_run(match[0], whole), text)
    return _single_words(_plural_acronyms(text))


def _lower_run(run: str, whole: bool) -> str:
    """The run in lower case if it is emphasis. whole: whether the sentence has no other words."""
    if _is_list(run):
        return run
    words = re.findall("[A-Z']+", run)
    long = [word for word in words if len(word) > 1]
    has_unknown = any(not _is_acronym(word) and _VOWEL.search(word) for word in long)
    if not has_unknown or len(words) < (2 if whole else 3) or len(long) < 2:
        return run
    lowered = re.sub("(?<![0-9] )(?<![0-9])[A-Z']+|[A-Z']{4,}", lambda match: _lower_in_run(match[0]), run)
    return lowered[0].upper() + lowered[1:] if whole else lowered


def _is_list(run: str) -> bool:
    """Whether the run lists acronyms: short words with commas between them, one of them a known acronym."""
    items = re.sub(", (?:AND|OR) ", ", ", run).strip(" ,").split(", ")
    short = all(re.fullmatch("[A-Z]{2,5}", item) and item not in SHOUTED for item in items)
    return short and len(items) > 1 and any(_is_acronym(item) for item in items)


def _is_acronym(word: str) -> bool:
    return word in ("FYI", "LA", "NY") or (word in ACRONYMS and word not in AMBIGUOUS)


def _lower_in_run(word: str) -> str:
    if word.startswith("I'"):
        return "I" + word[1:].lower()
    keep = (len(word) == 1 and word != "A") or _is_acronym(word) or not _VOWEL.search(word)
    return word if keep else word.lower()


@rule(r"(?<!\w)([A-Z]{2,})s(?!\w)")
def _plural_acronyms(match: re.Match[str]) -> str:
    """APIs, PINs."""
    said = SAID_PLURAL.get(match[1])
    if said is None:
        return match[0]
    return f"{said}'s" if said.isupper() else f"{said}s"  # "A P Is" would end in the word "is"


@rule(r"(?<!\w)[A-Z]{2,}(?:'[A-Z]{1,2})?(?!\w)")
def _single_words(match: re.Match[str]) -> str:
    word = match[0]
    base, quote, ending = word.partition("'")
    if base in SAID:
        return SAID[base] + quote + ending.lower()
    if word in ACRONYMS:
        return word
    long = len(base) >= _LONG_WORD
    if word in SHOUTED or base in SHOUTED or (long and _VOWEL.search(base)):
        return word.capitalize() if long else word.lower()
    return word
