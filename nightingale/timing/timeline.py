"""Chunks of sound to sentences with the start and the end of each typed word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightingale.audio.chunk import AUDIBLE, SAMPLE_RATE
from nightingale.text.words import match_words

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk, Word

_SHORTEST_PAUSE_S = 0.06  # a shorter silence, as in a plosive, belongs to the word


@dataclass(frozen=True)
class TimedWord:
    """A typed word or group of words, such as "5 Jan", and the time in the sound during which it is spoken.

    typed: as in the input; first: index of its first character there. text: as it is spoken.
    """

    typed: str
    first: int
    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class TimedSentence:
    """A sentence as it was typed and as it is spoken, with its words, of which there may be none."""

    typed: str
    first: int
    text: str
    start_s: float
    end_s: float
    words: tuple[TimedWord, ...]


class Timeline:
    """Collects the chunks of a text, and gives each sentence when its last chunk is known."""

    def __init__(self) -> None:
        self._chunks: list[AudioChunk] = []  # of the sentence under way
        self._start_s = self._now_s = 0.0

    def add(self, chunk: AudioChunk) -> list[TimedSentence]:
        """Read the next chunk of the sound. Returns the sentence before it, if the chunk begins another."""
        ended = self.close() if self._chunks and chunk.sentence != self._chunks[0].sentence else []
        self._chunks.append(chunk)
        self._now_s += len(chunk.samples) / chunk.sample_rate
        return ended

    def close(self) -> list[TimedSentence]:
        """The sentence under way, if there is one: no more of it follows."""
        if not self._chunks:
            return []
        first = self._chunks[0]
        samples = np.concatenate([chunk.samples for chunk in self._chunks])
        audible = np.flatnonzero(np.abs(samples) > AUDIBLE) / SAMPLE_RATE + self._start_s
        spoken = [word for chunk in self._chunks for word in chunk.words]
        words = tuple(_typed_words(first, spoken, audible))
        start_s = float(audible[0]) if len(audible) else self._start_s
        end_s = float(audible[-1]) if len(audible) else self._now_s
        self._chunks, self._start_s = [], self._now_s
        return [TimedSentence(first.typed, first.typed_start, first.text, start_s, end_s, words)]


def _typed_words(chunk: AudioChunk, spoken: list[Word], audible: np.ndarray[tuple[int], np.dtype[np.float64]]
                 ) -> list[TimedWord]:  # fmt: skip
    """The typed words of a sentence. audible: the times of its audible samples."""
    starts = [word.start_s for word in spoken] + [np.inf]
    words, i = [], 0
    for origin in match_words(chunk.typed, chunk.text):
        group = spoken[i : i + origin.num_words]
        i += origin.num_words
        if not group:  # the voice ended before it
            break
        end_s = _end(group[-1].start_s, starts[min(i, len(starts) - 1)], audible)
        typed, text = chunk.typed[origin.start : origin.end], " ".join(word.text for word in group)
        words.append(TimedWord(typed, chunk.typed_start + origin.start, text, group[0].start_s, end_s))
    return words


def _end(start_s: float, next_s: float, audible: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Where a word ends: at the start of the next one, or where the sound falls silent before it."""
    before = audible[int(np.searchsorted(audible, start_s)) : int(np.searchsorted(audible, next_s))]
    if not len(before):
        return start_s if next_s == np.inf else next_s
    last = float(before[-1])
    return last if next_s - last > _SHORTEST_PAUSE_S else next_s
