"""Timings and counts of one text, from its first character to the last sample played; the figures of --stats."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from nightingale.audio.chunk import AUDIBLE, SAMPLE_RATE

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk

_LOADED_AT = time.perf_counter()

StopReason = Literal["unfinished", "stop token", "token limit", "repetition"]
T = TypeVar("T")


def process_start() -> float:
    """When this process started, to 10 ms, on the clock of time.perf_counter.

    Without /proc (macOS), the moment when this module was loaded.
    """
    try:
        with open("/proc/self/stat", "rb") as file:
            ticks = int(file.read().rsplit(b")", 1)[1].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return time.perf_counter() - age
    except (OSError, AttributeError, ValueError, IndexError):
        return _LOADED_AT


@dataclass
class Statistics:
    """The record of one text. The engine fills it in while it speaks, the player adds when the sound was played.

    Moments (`_at`) are on the clock of time.perf_counter, durations (`_s`) in seconds.
    ready_at: the model was loaded. compute_s: time in the engine, without waiting for text. t3_s: time in T3.
    onset_s: position of the first audible sample in the sound. played_onset_at: when the device played that sample.
    num_draft, num_accepted: draft tokens proposed and accepted. num_rounds: passes of T3 after the prompt.
    stop_reason: why the newest sentence ended.
    """

    started_at: float = field(default_factory=time.perf_counter)
    ready_at: float | None = None
    first_token_at: float | None = None
    first_sample_at: float | None = None
    played_onset_at: float | None = None
    onset_s: float | None = None
    compute_s: float = 0.0
    t3_s: float = 0.0
    num_samples: int = 0
    num_tokens: int = 0
    num_rounds: int = 0
    num_draft: int = 0
    num_accepted: int = 0
    underruns: int = 0
    stop_reason: StopReason = "unfinished"
    _waited_s: float = 0.0

    # Recorded by the engine

    def time_text(self, pieces: Iterable[T]) -> Iterator[T]:
        """Pass on the pieces of text. The time spent waiting for them does not count as the engine's."""
        for piece, seconds in _timed((piece,) for piece in pieces):
            self._waited_s += seconds
            if piece is not None:
                yield piece[0]

    def time_tokens(self, tokens: Iterable[int]) -> Iterator[int]:
        """Pass on the speech tokens, and count and time them."""
        for token, seconds in _timed(tokens):
            self.t3_s += seconds
            if token is not None:
                self.first_token_at = self.first_token_at or time.perf_counter()
                self.num_tokens += 1
                yield token

    def time_chunks(self, chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
        """Pass on the chunks of sound, and measure and time them."""
        waited_s = self._waited_s
        for chunk, seconds in _timed(chunks):
            self.compute_s += seconds - (self._waited_s - waited_s)
            waited_s = self._waited_s
            if chunk is not None:
                self._add(chunk)
                yield chunk

    def _add(self, chunk: AudioChunk) -> None:
        self.first_sample_at = self.first_sample_at or time.perf_counter()
        if self.onset_s is None:
            loud = (abs(chunk.samples) > AUDIBLE).nonzero()[0]
            if len(loud):
                self.onset_s = self.sound_s + int(loud[0]) / chunk.sample_rate
        self.num_samples += len(chunk.samples)

    # Recorded by the player

    def record_playback(self, played_s: float) -> None:
        """Note when the onset was played. played_s: seconds of this sound that the device has played by now."""
        if self.played_onset_at is None and self.onset_s is not None and played_s >= self.onset_s:
            self.played_onset_at = time.perf_counter() - (played_s - self.onset_s)

    # Figures

    @property
    def sound_s(self) -> float:
        return self.num_samples / SAMPLE_RATE

    @property
    def first_sample_s(self) -> float | None:
        return self._since_start(self.first_sample_at)

    @property
    def audible_onset_s(self) -> float | None:
        """From the start until the first audible sample was played, or could have been by a player without delay."""
        if self.played_onset_at is not None or self.onset_s is None or self.first_sample_at is None:
            return self._since_start(self.played_onset_at)
        return self.first_sample_at - self.started_at + self.onset_s

    @property
    def realtime_factor(self) -> float | None:
        return self.compute_s / self.sound_s if self.sound_s else None

    def figures(self) -> dict[str, float | int | None]:
        """The figures of `--stats`, to the millisecond. None for an event that did not happen."""
        exact = {
            "ready_s": self._since_start(self.ready_at),
            "first_token_s": self._since_start(self.first_token_at),
            "first_sample_s": self.first_sample_s,
            "audible_onset_s": self.audible_onset_s,
            "sound_s": self.sound_s,
            "compute_s": self.compute_s,
            "realtime_factor": self.realtime_factor,
            "tokens_per_s": self.num_tokens / self.t3_s if self.t3_s else None,
        }
        rounded: dict[str, float | int | None] = {
            name: None if value is None else round(value, 3) for name, value in exact.items()
        }
        return rounded | {"underruns": self.underruns}

    def _since_start(self, moment: float | None) -> float | None:
        return None if moment is None else moment - self.started_at


def _timed(items: Iterable[T]) -> Iterator[tuple[T | None, float]]:
    """Each item with the seconds that the source took for it; at last None with the seconds until the source ended."""
    source = iter(items)
    item: T | None
    while True:
        began = time.perf_counter()
        item = next(source, None)
        yield item, time.perf_counter() - began
        if item is None:
            return


def as_json(figures: dict[str, Any]) -> str:
    """One line of JSON."""
    import json  # not above: few runs need it

    return json.dumps(figures)


def as_lines(figures: dict[str, Any]) -> str:
    """A line per figure, with its unit."""
    lines = []
    for name, value in figures.items():
        seconds = name.endswith("_s") and not name.endswith("per_s")
        title = (name.removesuffix("_s") if seconds else name).replace("_", " ")
        lines.append(f"{title:<16} {'-' if value is None else value}{' s' if seconds and value is not None else ''}")
    return "\n".join(lines)
