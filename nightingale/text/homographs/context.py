"""Tells verbs from nouns and adjectives by the words around them: the features of a linear model, and its score."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nightingale.text.homographs.weights import FREQUENT_WORDS, WEIGHTS
from nightingale.text.homographs.words import WORD_CLASSES
from nightingale.text.patterns import regex

_TOKEN = regex(r"[A-Za-z]+(?:['-][A-Za-z]+)*|[.,;:!?()\"-]")
_CLASS = {word: name for name, words in WORD_CLASSES.items() for word in words.split()}
_ENDINGS = (
    ("ly", "-ly"), ("ing", "-ing"), ("ed", "-ed"), ("'s", "'s"), ("s'", "'s"),
    *((ending, "-er") for ending in ("tion", "ment", "ness", "ity", "er", "or")),
    *((ending, "-al") for ending in ("ous", "ful", "al", "ive", "ic", "able", "ent", "ant", "y", "est")),
)  # fmt: skip
_START, _END = "<s>", "</s>"


def tokenize(sentence: str) -> list[re.Match[str]]:
    """Words and punctuation marks."""
    return list(_TOKEN.finditer(sentence))


def word_class(token: str) -> str:
    """The class of a word in WORD_CLASSES, or a class by its ending."""
    word = token.lower()
    if word[0] == "<":
        return word
    if found := _CLASS.get(word):
        return found
    for ending, name in _ENDINGS:
        if word.endswith(ending):
            return name
    if word.endswith("s") and not word.endswith("ss"):
        return "-s"
    return "Name" if token[0].isupper() else "other"


def features(tokens: Sequence[str], i: int, frequent: frozenset[str] = FREQUENT_WORDS) -> list[str]:
    """Features of token i: the word, classes of three words before and two after it, and its frequent neighbours."""

    def at(offset: int) -> str:
        return _START if i + offset < 0 else tokens[i + offset] if i + offset < len(tokens) else _END

    word = tokens[i].lower()
    s = "s" if word.endswith("s") else ""
    a, b, c, d, e = (word_class(at(offset)) for offset in (-3, -2, -1, 1, 2))
    return [
        f"={word}", f"{s}1{c}", f"{s}2{b} {c}", f"3{a} {b} {c}", f"{s}4{d}", f"5{d} {e}", f"{s}6{c} {d}",
        f"7{b} {c} {d}", f"8{c} {d} {e}",
        *(f"{offset}{near}" for offset in (-2, -1, 1) if (near := at(offset).lower()) in frequent),
    ]  # fmt: skip


def verb_score(tokens: Sequence[str], i: int) -> float:
    """Above zero if token i is probably a verb, below if it is probably a noun or an adjective."""
    return sum(WEIGHTS.get(name, 0) for name in features(tokens, i))
