"""One text spoken at the prompt: its audio, where its sentences and words start, its statistics."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from nightingale.audio.chunk import AudioChunk
from nightingale.statistics import Statistics

if TYPE_CHECKING:
    from nightingale.text.words import Origin

_SHORTEST_FOR_ESTIMATE_S = 3.0
MAX_KEPT_S = 600.0  # of audio, for /replay and /save: 58 MB


@dataclass
class SpokenSentence:
    """A sentence and where it starts, in seconds of audio written to the sink.

    typed: as it was typed. first: the index of its first character in the text. text: as it is spoken. word_starts: of
    its spoken words so far.
    """

    number: int
    start_s: float
    typed: str
    first: int
    text: str
    word_starts: list[float] = field(default_factory=list)

    def word_at(self, played_s: float) -> tuple[int, int] | None:
        """The part [start, end) of `typed` that is spoken at that time; None before the first word."""
        num_begun = sum(start_s <= played_s for start_s in self.word_starts)
        for origin in self._origins if num_begun else ():
            num_begun -= origin.num_words
            if num_begun <= 0:
                return origin.start, origin.end
        return None

    @cached_property
    def _origins(self) -> list[Origin]:
        from nightingale.text.words import match_words  # not above: it brings all rules

        return match_words(self.typed, self.text)


@dataclass
class Utterance:
    """Audio of one text. Times are in seconds of audio written to its sink.

    start_s, end_s: where the audio starts and ends; end_s is None while more is being made. num_chars: of the text.
    chunks: the audio so far; None if it is not kept, because it is a replay or longer than MAX_KEPT_S.
    """

    statistics: Statistics
    start_s: float
    end_s: float | None = None
    num_chars: int = 0
    sentences: list[SpokenSentence] = field(default_factory=list)
    chunks: list[AudioChunk] | None = field(default_factory=list)

    def add(self, chunk: AudioChunk, at_s: float) -> None:
        """Append the next chunk, which starts at `at_s`."""
        if not self.sentences or self.sentences[-1].number != chunk.sentence:
            self.sentences.append(_sentence(chunk, at_s))
        self.sentences[-1].word_starts += [self.start_s + word.start_s for word in chunk.words]
        if self.chunks is not None:
            self.chunks.append(chunk)
            if at_s - self.start_s > MAX_KEPT_S:
                self.chunks = None

    def left_s(self, played_s: float) -> float | None:
        """Seconds until the end. Estimated from the characters spoken so far until all is made; None too early."""
        if self.end_s is not None:
            return self.end_s - played_s
        spoken_s, num_spoken = played_s - self.start_s, self.sentences_from(played_s)[0].first
        if spoken_s < _SHORTEST_FOR_ESTIMATE_S or num_spoken == 0:
            return None
        return (self.num_chars - num_spoken) * spoken_s / num_spoken

    def sentences_from(self, played_s: float) -> list[SpokenSentence]:
        """The sentence that is playing at `played_s`, and those after it that exist already."""
        num_started = sum(sentence.start_s <= played_s for sentence in self.sentences)
        return self.sentences[max(0, num_started - 1) :]


def _sentence(chunk: AudioChunk, at_s: float) -> SpokenSentence:
    return SpokenSentence(chunk.sentence, at_s, chunk.typed or chunk.text, chunk.typed_start, chunk.text)
