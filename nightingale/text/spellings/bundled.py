"""Other spellings of words that the bundled voices say wrongly. `benchmarks/respell.py` finds them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from nightingale.text.characters import fold, remove_accents
from nightingale.text.lexicon.respellings import ACCENTED, UTTERANCES, WORDS
from nightingale.text.patterns import regex
from nightingale.text.spellings.table import WordTable

_FINAL_NO = regex(r"\bno(?=[\"')]*\.)")
_FINAL_E = regex(  # é or ée, and the consonants before it
    r"(?<![A-Za-z\u0300-\u036f])([A-Za-z\u0300-\u036f]*?)([bcdfgkpt][lr]|qu|ch|[b-df-hj-np-tv-xz])"
    r"e\u0301e?(?=s?(?![\w\u0300-\u036f]))"
)
_FRENCH = {"qu": "k", "ch": "sh", "c": "s", "g": "zh"}


@cache
def _words() -> WordTable:
    return WordTable(WORDS)


@cache
def _accented() -> WordTable:
    return WordTable({fold(word): spelling for word, spelling in ACCENTED.items()})


def replace_accented(text: str, replace: Callable[[str, str], str]) -> str:
    """Words that are read by their accents: the table and any that end in é. text: folded, before the rules."""

    def final_e(match: re.Match[str]) -> str:
        if remove_accents(match[0]).lower() in WORDS:
            return match[0]
        onset = _FRENCH.get(match[2], match[2])
        stem = remove_accents(match[1])
        return replace(match[0], f"{stem}-{onset}ay" if stem else f"{onset}ay")

    return _FINAL_E.sub(final_e, _accented().replace(text, replace))


def respell_words(text: str) -> str:
    """A normalized sentence, with other spellings."""
    if text in UTTERANCES:
        return UTTERANCES[text]
    text = _FINAL_NO.sub("No", text)  # they say "no." as the abbreviation of "number"
    respelled = _words().replace(text, lambda _, spelling: spelling)
    return respelled[:1].upper() + respelled[1:] if text[:1].isupper() else respelled
