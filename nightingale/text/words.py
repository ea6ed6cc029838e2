"""Words of a sentence as it is spoken, and the pieces of the typed text from which they came."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from nightingale.text.characters import DroppedCharacters, fold
from nightingale.text.normalize import normalize_sentence
from nightingale.text.patterns import regex

SPOKEN_WORD = regex(r"\S*[A-Za-z0-9]\S*")  # a dash between blanks is no word
_TYPED_WORD = re.compile(r"\S+")
_MARK = regex(r"[^A-Za-z0-9]+")


class Origin(NamedTuple):
    """A piece of the typed text, [start, end), and how many spoken words it became."""

    start: int
    end: int
    num_words: int


def match_words(typed: str, spoken: str) -> list[Origin]:
    """For the spoken words in order, the typed pieces from which they came. Their numbers add up to all spoken words.

    Words that are spoken as typed match one to one. Between such words the text was rewritten: there a piece is the
    shortest run of typed words that gives the next spoken words when it is normalized alone, or else all of it.
    """
    pieces = [match for match in _TYPED_WORD.finditer(typed)]
    words = [_key(match[0]) for match in SPOKEN_WORD.finditer(spoken)]
    keys = [_key(fold(match[0])) for match in pieces]
    origins: list[Origin] = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, keys, words, autojunk=False).get_opcodes():
        if kind == "equal":
            origins += [Origin(*piece.span(), 1) for piece in pieces[i:i_end]]
        elif kind == "insert":
            _extend(origins, pieces, i, j_end - j)
        elif kind == "replace":
            origins += _rewritten(typed, pieces[i:i_end], words[j:j_end])
    return origins


def _extend(origins: list[Origin], pieces: list[re.Match[str]], i: int, num_words: int) -> None:
    """Words that nothing typed accounts for belong to the piece before them, or to the first one."""
    if origins:
        origins[-1] = origins[-1]._replace(num_words=origins[-1].num_words + num_words)
    elif pieces:
        origins.append(Origin(*pieces[min(i, len(pieces) - 1)].span(), num_words))


def _rewritten(typed: str, pieces: list[re.Match[str]], words: list[str]) -> Iterator[Origin]:
    """The pieces of a run of typed words that was rewritten to these spoken words."""
    first = 0
    while first < len(pieces) and words:
        for last in range(first, len(pieces) - 1):
            start, end = pieces[first].start(), pieces[last].end()
            alone = [_key(match[0]) for match in SPOKEN_WORD.finditer(_normalized(typed[start:end]))]
            if alone and alone == words[: len(alone)] and len(alone) < len(words):
                yield Origin(start, end, len(alone))
                words = words[len(alone) :]
                break
        else:
            yield Origin(pieces[first].start(), pieces[-1].end(), len(words))
            return
        first = last + 1
    assert not words


def _normalized(typed: str) -> str:
    return normalize_sentence(fold(typed), False, DroppedCharacters())


def _key(word: str) -> str:
    return _MARK.sub("", word).lower()
