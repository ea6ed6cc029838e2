"""Timed sentences as subtitles (SRT, WebVTT), as lyrics (LRC) and as JSON.

Cues follow the usual rules of subtitling: at most two lines of 42 characters, at most seven seconds, broken where the
sentence is (Netflix's Timed Text Style Guide; https://www.w3.org/TR/webvtt1/ for the format).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nightingale.timing.timeline import TimedSentence, TimedWord

LINE_CHARS, NUM_LINES = 42, 2
MAX_S = 7.0  # of a cue
MIN_S = 5 / 6  # a shorter cue stays until the next begins, or as long as this
CHARS_PER_S = 20  # reading speed: a cue stays as long as it takes to read it, if the next does not begin before

_CUE_COST = 0.3  # of one more cue, beside a break in mid-clause, which costs 1
_PAUSE_S = 0.25  # a break there costs little
# A cue or a line should not end with these.
_LEADING = {
    "a", "an", "the", "of", "to", "in", "on", "at", "by", "for", "from", "with", "into", "over", "under", "about",
    "and", "or", "but", "nor", "as", "than", "that", "if", "is", "are", "was", "were", "be", "not", "no", "very", "so",
    "this", "my", "your", "his", "her", "its", "our", "their", "mr.", "mrs.", "ms.", "dr.", "st.",
}  # fmt: skip


@dataclass(frozen=True)
class Cue:
    """Some words of one sentence, shown together."""

    words: tuple[TimedWord, ...]
    start_s: float
    end_s: float

    @property
    def text(self) -> str:
        return " ".join(_shown(word) for word in self.words)


def cues(sentences: Sequence[TimedSentence], by_word: bool) -> list[Cue]:
    """Subtitles for all sentences, in order and without overlap."""
    groups = [group for sentence in sentences for group in _groups(sentence, by_word)]
    starts = [group[0].start_s for group in groups] + [float("inf")]
    result = []
    for group, next_s in zip(groups, starts[1:], strict=True):
        cue = Cue(group, group[0].start_s, group[-1].end_s)
        shortest = 0.0 if by_word else max(MIN_S, len(cue.text) / CHARS_PER_S)
        end_s = min(max(cue.end_s, cue.start_s + shortest), next_s)
        result.append(dataclasses.replace(cue, end_s=max(end_s, cue.start_s)))
    return result


def _groups(sentence: TimedSentence, by_word: bool) -> list[tuple[TimedWord, ...]]:
    """The words of each cue of a sentence. Without words the sentence is one."""
    words = sentence.words or (
        TimedWord(sentence.typed, sentence.first, sentence.text, sentence.start_s, sentence.end_s),
    )
    return [(word,) for word in words] if by_word else _best_groups(words)


def _best_groups(words: Sequence[TimedWord]) -> list[tuple[TimedWord, ...]]:
    """The division with the lowest cost: few cues, with breaks at punctuation and pauses."""
    best: list[tuple[float, int]] = [(0.0, 0)]  # cost of the first i words, and where their last cue begins
    for end in range(1, len(words) + 1):
        options = []
        for start in range(end - 1, -1, -1):
            if end - start > 1 and not _fits(words[start:end]):
                break
            options.append((best[start][0] + _CUE_COST + _break_cost(words, end), start))
        best.append(min(options))
    groups, end = [], len(words)
    while end:
        start = best[end][1]
        groups.append(tuple(words[start:end]))
        end = start
    return groups[::-1]


def _fits(words: Sequence[TimedWord]) -> bool:
    lines = _lines(" ".join(_shown(word) for word in words))
    return max(map(len, lines)) <= LINE_CHARS and words[-1].end_s - words[0].start_s <= MAX_S


def _break_cost(words: Sequence[TimedWord], end: int) -> float:
    """What it costs to end a cue before word number `end`."""
    if end == len(words):
        return 0.0
    word, following = words[end - 1], words[end]
    if word.typed[-1] in ",;:.!?—–)":
        return 0.3
    if following.start_s - word.end_s >= _PAUSE_S:
        return 0.4
    return 2.0 if word.typed.lower() in _LEADING else 1.0


def _lines(text: str) -> list[str]:
    """One or two lines, broken where they are most even, after punctuation if that is almost as even."""
    if len(text) <= LINE_CHARS:
        return [text]
    spaces = [i for i, char in enumerate(text) if char == " "]
    if not spaces:
        return [text]

    def cost(space: int) -> float:
        first, second = text[:space], text[space + 1 :]
        too_long = max(len(first), len(second)) > LINE_CHARS
        poor = 8 * (first.split()[-1].lower() in _LEADING) - 8 * (first[-1] in ",;:.!?—–")
        return 1000 * too_long + abs(len(first) - len(second)) + poor

    space = min(spaces, key=cost)
    return [text[:space], text[space + 1 :]]


def _shown(word: TimedWord) -> str:
    """As typed, on one line."""
    return " ".join(word.typed.split())


def as_srt(sentences: Sequence[TimedSentence], by_word: bool) -> str:
    blocks = []
    for number, cue in enumerate(cues(sentences, by_word), 1):
        text = "\n".join(_lines(cue.text.replace("-->", "->")))
        blocks.append(f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{text}\n")
    return "\n".join(blocks)


def as_vtt(sentences: Sequence[TimedSentence], by_word: bool) -> str:
    """With a timestamp before each word after a cue's first, by which players highlight words."""
    blocks = ["WEBVTT\n"]
    for cue in cues(sentences, by_word):
        lines, words = _lines(cue.text), list(cue.words)
        text, first = [], True
        for line in lines:
            pieces: list[str] = []
            length = -1
            while words and length < len(line):
                word = words.pop(0)
                length += 1 + len(_shown(word))
                stamp = "" if first or word.start_s <= cue.start_s else f"<{_clock(word.start_s, '.')}>"
                pieces.append(stamp + _escaped(_shown(word)))
                first = False
            text.append(" ".join(pieces))
        shown = "\n".join(text)
        blocks.append(f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n{shown}\n")
    return "\n".join(blocks)


def as_lrc(sentences: Sequence[TimedSentence], by_word: bool) -> str:
    """A line for each cue, with the time of each word as in the enhanced format, or a line for each word."""
    lines = []
    for cue in cues(sentences, by_word):
        words = " ".join(f"<{_lrc_clock(word.start_s)}>{_shown(word)}" for word in cue.words)
        lines.append(f"[{_lrc_clock(cue.start_s)}]{cue.text if by_word else words}\n")
    return "".join(lines)


def as_json(sentences: Sequence[TimedSentence]) -> str:
    """All sentences with their words."""
    return json.dumps({"sentences": [sentence_record(s) for s in sentences]}, ensure_ascii=False, indent=1) + "\n"


FORMATS: dict[str, Callable[[Sequence[TimedSentence], bool], str]] = {
    ".srt": as_srt, ".vtt": as_vtt, ".lrc": as_lrc, ".json": lambda sentences, _: as_json(sentences),
}  # fmt: skip


def sentence_record(sentence: TimedSentence) -> dict[str, Any]:
    """For JSON; times in seconds, to the millisecond. `first` is the index of the first character in the input."""
    return _record(sentence) | {"words": [_record(word) for word in sentence.words]}


def _record(item: TimedSentence | TimedWord) -> dict[str, Any]:
    return {
        "typed": item.typed, "first": item.first, "text": item.text,
        "start": round(item.start_s, 3), "end": round(item.end_s, 3),
    }  # fmt: skip


def _clock(seconds: float, point: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def _lrc_clock(seconds: float) -> str:
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000:02}:{hundredths // 100 % 60:02}.{hundredths % 100:02}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
