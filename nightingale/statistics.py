"""Times and counts of one text: how long it took to be ready, to speak, to be heard. Knows no model and no device.

All times are of time.perf_counter.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from nightingale.audio.chunk import SAMPLE_RATE

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk

AUDIBLE = 0.01  # of full scale: speech at an ordinary level reaches it within its first sound, its breath does not
_LOADED_AT = time.perf_counter()


class Tallied(Protocol):
    """An engine's count of what one text took."""

    num_tokens: int
    t3_s: float
    first_token_at: float | None


def process_start() -> float:
    """When this process began, to 10 ms; where the system does not tell, when this module was loaded."""
    try:
        with open("/proc/self/stat", "rb") as file:
            ticks = int(file.read().rsplit(b")", 1)[1].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return time.perf_counter() - age
    except (OSError, AttributeError, ValueError, IndexError):
        return _LOADED_AT


class Stats:
    """Of one text, filled in while its sound comes.

    started: what the times are counted from. compute_s: time that the engine worked, without waiting for text.
    onset_s: where in the sound the first audible sample lies.
    """

    def __init__(self, started: float) -> None:
        self.started = started
        self.ready: float | None = None
        self.first_token: float | None = None
        self.first_sample: float | None = None
        self.heard: float | None = None  # when the loudspeaker gave the audible onset, where there is a loudspeaker
        self.onset_s: float | None = None
        self.compute_s = self.t3_s = 0.0
        self.num_samples = self.num_tokens = 0
        self.underruns = 0
        self._waited_s = 0.0

    def waiting(self, pieces: Iterable[str]) -> Iterator[str]:
        """Text on its way to the engine; the time until each piece comes is not the engine's."""
        source = iter(pieces)
        while True:
            began = time.perf_counter()
            piece = next(source, None)
            self._waited_s += time.perf_counter() - began
            if piece is None:
                return
            yield piece

    def watch(self, chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
        """Sound on its way out of the engine."""
        source = iter(chunks)
        while True:
            began, waited_s = time.perf_counter(), self._waited_s
            chunk = next(source, None)
            now = time.perf_counter()
            self.compute_s += now - began - (self._waited_s - waited_s)
            if chunk is None:
                return
            self._note(chunk, now)
            yield chunk

    def _note(self, chunk: AudioChunk, now: float) -> None:
        if self.first_sample is None:
            self.first_sample = now
        if self.onset_s is None:
            loud = (abs(chunk.samples) > AUDIBLE).nonzero()[0]
            if len(loud):
                self.onset_s = self.sound_s + int(loud[0]) / chunk.sample_rate
        self.num_samples += len(chunk.samples)

    @property
    def sound_s(self) -> float:
        return self.num_samples / SAMPLE_RATE

    def hear(self, heard_s: float) -> None:
        """Note when the onset was heard; heard_s: how much of this sound the ear has had by now."""
        if self.heard is None and self.onset_s is not None and heard_s >= self.onset_s:
            self.heard = time.perf_counter() - (heard_s - self.onset_s)

    def add(self, tally: Tallied) -> None:
        """The engine's own count, when the text is finished."""
        self.num_tokens, self.t3_s, self.first_token = tally.num_tokens, tally.t3_s, tally.first_token_at

    @property
    def first_sample_s(self) -> float | None:
        return self._since(self.first_sample)

    @property
    def audible_s(self) -> float | None:
        """From the start to the first audible sample: as the loudspeaker gave it, else for a player without delay."""
        if self.heard is not None or self.onset_s is None or self.first_sample is None:
            return self._since(self.heard)
        return self.first_sample - self.started + self.onset_s

    @property
    def realtime_factor(self) -> float | None:
        return self.compute_s / self.sound_s if self.sound_s else None

    def figures(self) -> dict[str, float | int | None]:
        """What there is to tell, seconds to the millisecond; None for what did not come to pass."""
        told = {
            "ready_s": self._since(self.ready),
            "first_token_s": self._since(self.first_token),
            "first_sample_s": self.first_sample_s,
            "audible_onset_s": self.audible_s,
            "sound_s": self.sound_s,
            "compute_s": self.compute_s,
            "realtime_factor": self.realtime_factor,
            "tokens_per_s": self.num_tokens / self.t3_s if self.t3_s else None,
        }
        rounded: dict[str, float | int | None] = {
            name: None if value is None else round(value, 3) for name, value in told.items()
        }
        return rounded | {"underruns": self.underruns}

    def _since(self, moment: float | None) -> float | None:
        return None if moment is None else moment - self.started


def as_json(figures: dict[str, Any]) -> str:
    import json

    return json.dumps(figures)


def as_lines(figures: dict[str, Any]) -> str:
    """A line a figure, for people."""
    lines = []
    for name, value in figures.items():
        seconds = name.endswith("_s") and not name.endswith("per_s")
        title = (name.removesuffix("_s") if seconds else name).replace("_", " ")
        lines.append(f"{title:<16} {'-' if value is None else value}{' s' if seconds and value is not None else ''}")
    return "\n".join(lines)
