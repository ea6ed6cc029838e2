"""Tells whether "read" is in the present ("reed") or in the past ("red")."""

from __future__ import annotations

from collections.abc import Sequence

from nightingale.text.homographs.context import word_class
from nightingale.text.patterns import regex

PRESENT, PAST, UNKNOWN = "reed", "red", ""

_ADVERBS = frozenset([
    "not", "never", "always", "often", "also", "just", "only", "still", "even", "ever", "already", "then", "later",
    "sometimes", "usually", "all", "both"
])
_ASKING = frozenset([
    "do", "does", "did", "don't", "doesn't", "didn't", "can", "can't", "could", "will", "won't", "would", "should",
    "must", "may", "might", "shall"
])
_CAUSING = frozenset([
    "let", "lets", "made", "make", "makes", "help", "helps", "helped", "hear", "heard", "see", "saw", "watch", "watched"
])
_OBJECTS = frozenset(["me", "us", "them", "him", "her", "you", "it"])
_GOOD = frozenset([
    "good", "great", "quick", "long", "fun", "easy", "hard", "light", "heavy", "fine", "short", "must", "gripping",
    "compelling", "interesting"
])
_NOUNS_AFTER = frozenset([
    "access", "bus", "speed", "speeds", "head", "heads", "operation", "operations", "error", "errors", "receipt",
    "receipts"
])
_TIMES_PAST = frozenset(["yesterday", "ago", "last", "once", "earlier", "recently"])
_TIMES_PRESENT = frozenset(["every", "usually", "always", "often", "sometimes", "daily", "tomorrow", "now", "today"])
_PAST = regex(
    r"(?:was|were|had|did|wasn't|weren't|hadn't|didn't|said|went|came|made|took|got|saw|thought|told|gave|knew|found|"
    r"left|felt|sat|stood|lay|ran|wrote|ate|drank|slept|woke|spoke|heard|held|kept|met|sent|spent|brought|bought|"
    r"[a-z]{2,}ed)"
)
_PRESENT = regex(
    r"(?:is|are|am|do|does|don't|doesn't|can|can't|will|won't|isn't|aren't|i'm|it's|that's|[a-z]+'(?:ll|re))"
)
_BREAKS = frozenset(",;:-\"()")
_NO_VERBS = ("object", "article", "possessive")
_INTERJECTIONS = frozenset(["no", "yes", "well", "now", "oh", "here", "come", *_BREAKS])


def spelling_of_read(words: Sequence[str], i: int) -> str:
    """PRESENT, PAST or UNKNOWN for the word "read" at index i."""
    low = [word.lower() for word in words]
    if _is_noun(low, i):
        return PRESENT
    end = i
    while end and (low[end - 1] in _ADVERBS or low[end - 1].endswith("ly")):
        end -= 1
    if _INTERJECTIONS.issuperset(low[:end]):
        return PRESENT  # an imperative
    before = low[end - 1]
    kind = word_class(words[end - 1])
    if before.endswith("'d"):
        return UNKNOWN  # "would" or "had"
    if kind in ("modal", "to"):
        return PRESENT
    if kind in ("be", "have") or before in ("get", "got", "gets", "widely", "well"):
        return PAST
    if before in _OBJECTS and _CAUSING.intersection(low[max(0, end - 4) : end - 1]):
        return PRESENT
    is_name = end > 1 and words[end - 1][0].isupper() and before != "i"
    if low[i + 1 : i + 2] == ["by"] or is_name:
        return PAST
    return _by_question(low, end) or _by_subject(low, i, before) or _by_times(low, i, before)


def _is_noun(low: Sequence[str], i: int) -> bool:
    """ "a read", "a good read", "the read access", "read or write": not "the man read"."""
    before = low[i - 1] if i else ""
    after = low[i + 1] if i + 1 < len(low) else ""
    if before in ("a", "an", "the", "any", "another", "worth"):
        return True
    if after in _NOUNS_AFTER or "write" in low[i + 2 : i + 3]:
        return True
    praised = before in _GOOD or before.endswith(("ing", "able"))
    return praised and not {"a", "an", "the", "another"}.isdisjoint(low[max(0, i - 4) : i])


def _by_question(low: Sequence[str], end: int) -> str:
    """By the auxiliary that begins the clause: "Have you read", "What did she read"."""
    start = next((j + 1 for j in range(end - 1, -1, -1) if low[j] in _BREAKS), 0)
    for word in (*low[start : min(start + 2, end)], *low[max(start, end - 2) : end - 1]):
        if word in _ASKING:
            return PRESENT
        if word in ("have", "has", "had", "haven't", "hasn't", "hadn't"):
            return PAST
    return UNKNOWN


def _by_subject(low: Sequence[str], i: int, before: str) -> str:
    """After "he" or a noun in the singular the present would be "reads"."""
    if before in ("he", "she", "it"):
        return PAST
    joined = before in ("and", "or", "but") or before in _BREAKS
    if joined:
        return PAST if {"he", "she"}.intersection(low[:i]) and not _governed(low, i) else UNKNOWN
    if before in ("i", "you", "we", "they", "who", "that", "which", "people", "children", "men", "women"):
        return UNKNOWN
    plural = before.endswith("s") and not before.endswith("ss")
    return UNKNOWN if plural else PAST


def _governed(low: Sequence[str], i: int) -> bool:
    """Whether "to" or a modal verb stands before, as in "He likes to sit and read"."""
    for word, after in zip(low[max(0, i - 6) : i], low[max(1, i - 5) : i + 1], strict=False):
        is_preposition = word == "to" and (word_class(after) in _NO_VERBS or after.endswith("self"))
        if word_class(word) in ("to", "modal") and word not in _ADVERBS and not is_preposition:
            return True
    return False


def _by_times(low: Sequence[str], i: int, before: str) -> str:
    """By words for times, and by the other verbs of the sentence."""
    if _governed(low, i) and (before in ("and", "or") or before in _BREAKS):
        return PRESENT
    others = [*low[:i], *low[i + 1 :]]
    if not _TIMES_PAST.isdisjoint(others):
        return PAST
    if not _TIMES_PRESENT.isdisjoint(others):
        return PRESENT
    past = any(_PAST.fullmatch(word) for word in others)
    present = any(_PRESENT.fullmatch(word) for word in others)
    if past != present:
        return PAST if past else PRESENT
    if not past and (before in ("you", "and", "or") or {"if", "when", "whenever"}.intersection(low[:i])):
        return PRESENT
    return UNKNOWN
