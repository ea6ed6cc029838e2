"""Times and counts of one text, from its first character to the last sample played. Imports no model and no device."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from nightingale.audio.chunk import SAMPLE_RATE

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk

AUDIBLE = 0.01  # of full scale: speech at an ordinary level reaches it within its first sound, its breath does not
_LOADED_AT = time.perf_counter()

StopReason = Literal["unfinished", "stop token", "token limit"]
T = TypeVar("T")


def process_start() -> float:
    """When this process began, to 10 ms, on the clock of time.perf_counter.

    Where the system does not tell (macOS), the moment when this module was loaded.
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
    """The record of one text. The engine fills it in while it speaks; whoever plays the sound adds what was heard.

    Moments (`_at`) are on the clock of time.perf_counter, durations (`_s`) in seconds. compute_s: time in the engine
    without waiting for text. t3_s: the part of it that T3 took. onset_s: where in the sound the first audible sample
    lies. played_onset_at: when the device played it. num_draft, num_accepted: draft tokens guessed and kept.
    num_rounds: passes of T3 after the prompt. stop_reason: why the newest sentence ended.
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

    # --- what the engine reports ---

    def time_text(self, pieces: Iterable[str]) -> Iterator[str]:
        """The same pieces; the time spent waiting for them is not counted as the engine's."""
        for piece, seconds in _timed(pieces):
            self._waited_s += seconds
            if piece is not None:
                yield piece

    def time_tokens(self, tokens: Iterable[int]) -> Iterator[int]:
        """The same speech tokens, counted and timed."""
        for token, seconds in _timed(tokens):
            self.t3_s += seconds
            if token is not None:
                self.first_token_at = self.first_token_at or time.perf_counter()
                self.num_tokens += 1
                yield token

    def time_chunks(self, chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
        """The same chunks of sound, measured and timed."""
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

    # --- what the player reports ---

    def record_playback(self, played_s: float) -> None:
        """Note when the onset was played. played_s: how much of this sound the device has played by now."""
        if self.played_onset_at is None and self.onset_s is not None and played_s >= self.onset_s:
            self.played_onset_at = time.perf_counter() - (played_s - self.onset_s)

    # --- figures ---

    @property
    def sound_s(self) -> float:
        return self.num_samples / SAMPLE_RATE

    @property
    def first_sample_s(self) -> float | None:
        return self._since_start(self.first_sample_at)

    @property
    def audible_onset_s(self) -> float | None:
        """From the start to the first audible sample: as the device played it, else for a player without delay."""
        if self.played_onset_at is not None or self.onset_s is None or self.first_sample_at is None:
            return self._since_start(self.played_onset_at)
        return self.first_sample_at - self.started_at + self.onset_s

    @property
    def realtime_factor(self) -> float | None:
        return self.compute_s / self.sound_s if self.sound_s else None

    def figures(self) -> dict[str, float | int | None]:
        """What `--stats` tells, to the millisecond; None for what did not happen."""
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
    """Each item with the seconds that the source took for it; at the end None with what the end took."""
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
    import json  # not above: few runs need it, and every run pays for what is imported

    return json.dumps(figures)


def as_lines(figures: dict[str, Any]) -> str:
    """A line for each figure, for people."""
    lines = []
    for name, value in figures.items():
        seconds = name.endswith("_s") and not name.endswith("per_s")
        title = (name.removesuffix("_s") if seconds else name).replace("_", " ")
        lines.append(f"{title:<16} {'-' if value is None else value}{' s' if seconds and value is not None else ''}")
    return "\n".join(lines)
