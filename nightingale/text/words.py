"""Words of a sentence as it is spoken, and the pieces of the typed text from which they came."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nightingale.text.characters import DroppedCharacters, fold
from nightingale.text.normalize import normalize_sentence
from nightingale.text.patterns import regex

SPOKEN_WORD = regex(r"\S*[A-Za-z0-9]\S*")  # a dash between blanks is no word
_TYPED_WORD = re.compile(r"\S+")
_MAX_EQUAL = 5000  # prose of 1000 characters has 1000
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
    from difflib import SequenceMatcher  # not above: most runs match no words

    pieces = list(_TYPED_WORD.finditer(typed))
    words = [_key(match[0]) for match in SPOKEN_WORD.finditer(spoken)]
    keys = [_key(fold(match[0])) for match in pieces]
    if _num_equal(keys, words) > _MAX_EQUAL:
        return _evenly(pieces, len(words))
    origins: list[Origin] = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, keys, words, autojunk=False).get_opcodes():
        if kind == "equal":
            origins += [Origin(*piece.span(), 1) for piece in pieces[i:i_end]]
        elif kind == "insert":
            _extend(origins, pieces, i, j_end - j)
        elif kind == "replace":
            origins += _rewritten(typed, pieces[i:i_end], words[j:j_end])
    return origins


def _num_equal(one: list[str], other: list[str]) -> int:
    """How many pairs of equal words two texts have. SequenceMatcher takes at least so many steps."""
    counts = Counter(other)
    return sum(counts[key] for key in one)


def _evenly(pieces: list[re.Match[str]], num_words: int) -> list[Origin]:
    """As many spoken words for each typed one: for a text that repeats itself."""
    counts = Counter(i * len(pieces) // num_words for i in range(num_words))
    return [Origin(*pieces[i].span(), count) for i, count in sorted(counts.items())]


def divide(typed: str, parts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """For the parts of a spoken sentence, the parts [start, end) of the typed one."""
    origins = match_words(typed, " ".join(parts)) if len(parts) > 1 else []
    i, ahead, start = 0, 0, 0  # ahead: words of later parts that came from the same piece
    for part in parts[:-1]:
        num_words = len(SPOKEN_WORD.findall(part)) - ahead
        while num_words > 0 and i < len(origins):
            num_words -= origins[i].num_words
            i += 1
        ahead = -num_words
        end = origins[i - 1].end if i else start
        yield start, end
        start = origins[i - 1].start if ahead > 0 else origins[i].start if i < len(origins) else end
    yield start, len(typed)


def _extend(origins: list[Origin], pieces: list[re.Match[str]], i: int, num_words: int) -> None:
    """Words that nothing typed accounts for belong to the piece before them, or to the first one."""
    if origins:
        origins[-1] = origins[-1]._replace(num_words=origins[-1].num_words + num_words)
    elif pieces:
        origins.append(Origin(*pieces[min(i, len(pieces) - 1)].span(), num_words))


def _rewritten(typed: str, pieces: list[re.Match[str]], words: list[str]) -> list[Origin]:
    """The pieces of a run of typed words that was rewritten to these spoken words."""
    before: list[Origin] = []
    after: list[Origin] = []
    while found := _first_piece(typed, pieces, words):
        count, origin = found
        before.append(origin)
        pieces, words = pieces[count:], words[origin.num_words :]
    while len(pieces) > 1 and (alone := _spoken(pieces[-1][0])) and alone == words[-len(alone) :] != words:
        after.append(Origin(*pieces[-1].span(), len(alone)))
        pieces, words = pieces[:-1], words[: -len(alone)]
    return [*before, Origin(pieces[0].start(), pieces[-1].end(), len(words)), *after[::-1]]


def _first_piece(typed: str, pieces: list[re.Match[str]], words: list[str]) -> tuple[int, Origin] | None:
    """How many typed words give the first spoken words when they are normalized alone; None if only all of them do."""
    for count in range(1, len(pieces)):
        start, end = pieces[0].start(), pieces[count - 1].end()
        alone = _spoken(typed[start:end])
        if alone and alone == words[: len(alone)] != words:
            return count, Origin(start, end, len(alone))
    return None


def _spoken(typed: str) -> list[str]:
    """The keys of the words that typed words become when they are normalized alone."""
    spoken = normalize_sentence(fold(typed), False, DroppedCharacters())
    return [_key(match[0]) for match in SPOKEN_WORD.finditer(spoken)]


def _key(word: str) -> str:
    return _MARK.sub("", word).lower()
