"""One text spoken at the prompt: its audio, where its sentences start, its statistics."""

from __future__ import annotations

from dataclasses import dataclass, field

from nightingale.audio.chunk import AudioChunk
from nightingale.statistics import Statistics

MAX_KEPT_S = 600.0  # of audio, for /replay and /save: 58 MB


@dataclass
class Utterance:
    """Audio of one text. Times are in seconds of audio written to its sink.

    start_s, end_s: where the audio starts and ends; end_s is None while more is being made.
    sentence_starts: start, number and text of each sentence so far.
    chunks: the audio so far; None if it is not kept, because it is a replay or longer than MAX_KEPT_S.
    """

    statistics: Statistics
    start_s: float
    end_s: float | None = None
    sentence_starts: list[tuple[float, int, str]] = field(default_factory=list)
    chunks: list[AudioChunk] | None = field(default_factory=list)

    def add(self, chunk: AudioChunk, at_s: float) -> None:
        """Append the next chunk, which starts at `at_s`."""
        if not self.sentence_starts or self.sentence_starts[-1][1] != chunk.sentence:
            self.sentence_starts.append((at_s, chunk.sentence, chunk.text))
        if self.chunks is not None:
            self.chunks.append(chunk)
            if at_s - self.start_s > MAX_KEPT_S:
                self.chunks = None

    def sentences_from(self, played_s: float) -> list[str]:
        """The sentence that is playing at `played_s`, and those after it that exist already."""
        num_started = sum(start_s <= played_s for start_s, _, _ in self.sentence_starts)
        return [text for _, _, text in self.sentence_starts[max(0, num_started - 1) :]]
