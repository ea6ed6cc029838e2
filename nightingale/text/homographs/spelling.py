"""Chooses the spelling of each homograph in a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nightingale.text.homographs.context import tokenize, verb_score
from nightingale.text.homographs.tense import spelling_of_read
from nightingale.text.homographs.words import AS_NOUN, AS_VERB, SENSES
from nightingale.text.patterns import regex

MARGIN = 12  # of the score: nearer to zero the word stays as it is
_OPENING = frozenset('.!?:;"(-')
_SENSES = {word: [(regex(pattern), spelling) for pattern, spelling in rows] for word, rows in SENSES.items()}


def respell(sentence: str) -> str:
    """A normalized sentence with its homographs in spellings that the bundled voices say rightly."""
    tokens = tokenize(sentence)
    words = [token[0] for token in tokens]
    parts, end = [], 0
    for i, token in enumerate(tokens):
        if spelling := _spelling(sentence, token, words, i):
            parts += [sentence[end : token.start()], spelling.capitalize() if words[i][0].isupper() else spelling]
            end = token.end()
    return "".join([*parts, sentence[end:]])


def _spelling(sentence: str, token: re.Match[str], words: Sequence[str], i: int) -> str:
    """The spelling for token i; empty if it stays as it is."""
    word = words[i].lower()
    if word == "read":
        return spelling_of_read(words, i)
    if patterns := _SENSES.get(words[i]) or _SENSES.get(word):
        marked = f"{sentence[: token.start()]}_{sentence[token.end() :]}"
        for pattern, spelling in patterns:
            if pattern.search(marked):
                return spelling
    in_a_name = i > 0 and words[i][0].isupper() and words[i - 1] not in _OPENING
    if word in AS_VERB and not in_a_name and verb_score(words, i) > MARGIN:
        return AS_VERB[word]
    if word in AS_NOUN and verb_score(words, i) < -MARGIN:
        return AS_NOUN[word]
    return ""
