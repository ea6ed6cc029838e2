"""Ring buffer between the thread that writes audio and the callback that plays it, with fades against clicks.

One thread writes and one callback reads. Each position is an integer that only one of them sets, so the callback
takes no lock. It allocates no arrays and never waits.
"""

from __future__ import annotations

import threading
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

CAPACITY_S = 20.0  # the writer may be this far ahead
START_MS = 100  # audio buffered before an utterance starts
FADE_MS = 8  # at a stop, a pause and an underrun
MAX_VOLUME = 2.0


class RingBuffer:
    """Samples (N,) at one rate in Hz. Positions count samples since the start and never decrease.

    written: set by the writer. read, underruns: set by the callback. volume, paused: set by any thread.
    """

    def __init__(self, sample_rate: int, capacity_s: float = CAPACITY_S) -> None:
        self.sample_rate = sample_rate
        self.written = 0
        self.read = 0
        self.underruns = 0
        self.volume = 1.0
        self.paused = False
        self._ring = np.zeros(round(capacity_s * sample_rate), np.float32)
        self._start = START_MS * sample_rate // 1000
        self._fade = max(1, FADE_MS * sample_rate // 1000)
        self._steps = np.arange(1, ceil(MAX_VOLUME * self._fade) + 1, dtype=np.float32) / np.float32(self._fade)
        self._scratch = np.empty_like(self._steps)
        self._lock = threading.Lock()  # between the writer and `stop`; the callback does not take it
        self._ticket = 0
        self._discard_end = 0  # samples before this position are not played any more
        self._more = False  # more audio will follow at once: an empty buffer is an underrun
        self._playing = False  # set by the callback only, like the gain of the last sample
        self._gain = 1.0

    # --- writer ---

    def begin(self) -> int:
        """Start an utterance. Returns its ticket, which `stop` makes invalid."""
        return self._ticket

    def write(self, samples: Floats, ticket: int) -> int | None:
        """Store as many samples as there is room for. Returns their number, or None if the utterance was stopped."""
        with self._lock:
            if ticket != self._ticket:
                return None
            count = min(len(self._ring) - (self.written - self.read), len(samples))
            at = self.written % len(self._ring)
            head = min(count, len(self._ring) - at)
            self._ring[at : at + head] = samples[:head]
            self._ring[: count - head] = samples[head:count]
            self._more = True
            self.written += count  # last: from now on the callback may read the samples
            return count

    def expect_more(self, more: bool, ticket: int) -> None:
        """Whether more audio follows at once. If not, an empty buffer is no underrun, and a short rest is played."""
        with self._lock:
            if ticket == self._ticket:
                self._more = more

    def stop(self) -> None:
        """Fade out, and discard everything written so far."""
        with self._lock:
            self._ticket += 1
            self._discard_end = self.written
            self._more = False

    @property
    def pending(self) -> int:
        """Number of samples that the callback will still play."""
        return self.written - max(self.read, self._discard_end)

    @property
    def stopping(self) -> bool:
        return self.read < self._discard_end

    @property
    def idle(self) -> bool:
        """Whether the callback has nothing to do: all was played, or playback is paused."""
        return not self.stopping and (self.paused or not self.pending)

    # --- callback ---

    def render(self, out: Floats) -> None:
        """Fill out (N,) with the next samples for the device, and with zeros where there are none."""
        out.fill(0.0)
        discard_end, paused = self._discard_end, self.paused
        stopping = discard_end > self.read
        available = self.written - self.read
        if not self._playing:
            if stopping:
                self.read = discard_end
                self._gain = self.volume
            elif not paused and available and not (self._more and available < self._start):
                self._playing = True
            if not self._playing:
                return
            stopping = False
        if stopping or paused:
            self._fade_out(out, discard_end if stopping else self.written, stopping)
        else:
            self._play(out, available)

    def _play(self, out: Floats, available: int) -> None:
        count = min(available, len(out))
        block = out[:count]
        self._copy(block)
        self._apply_gain(block, self.volume)
        if self.volume > 1.0:
            np.clip(block, -1.0, 1.0, out=block)
        if self._more and available < len(out) + self._fade:
            # An underrun now or in the next block: fade out while there are samples for it.
            self.underruns += 1
            self._playing = False
            tail = min(count, self._fade)
            fade = self._scratch[:tail]
            np.multiply(self._steps[:tail], -self._fade / max(tail, 1), out=fade)
            fade += 1.0
            block[count - tail :] *= fade
            self._gain = 0.0
        elif count < len(out):
            self._playing = False
        self.read += count

    def _fade_out(self, out: Floats, end: int, stopping: bool) -> None:
        """Fade to silence before `end`. Then continue there after a stop, or stay at this position for a pause."""
        count = min(ceil(self._gain * self._fade), len(out), end - self.read)
        self._copy(out[:count])
        self._apply_gain(out[:count], 0.0)
        self.read += count
        if self._gain <= 0.0 or self.read >= end:
            self._playing = False
            if stopping:
                self.read = end
                self._gain = self.volume
            else:
                self._gain = 0.0

    def _copy(self, out: Floats) -> None:
        at = self.read % len(self._ring)
        head = min(len(out), len(self._ring) - at)
        out[:head] = self._ring[at : at + head]
        out[head:] = self._ring[: len(out) - head]

    def _apply_gain(self, out: Floats, target: float) -> None:
        """Multiply by the gain, which moves towards `target` by at most 1 per fade length."""
        if self._gain == target:
            if target != 1.0:
                out *= np.float32(target)
            return
        count = min(len(out), len(self._steps))
        gains = self._scratch[:count]
        rising = target > self._gain
        np.multiply(self._steps[:count], 1.0 if rising else -1.0, out=gains)
        gains += np.float32(self._gain)
        (np.minimum if rising else np.maximum)(gains, np.float32(target), out=gains)
        out[:count] *= gains
        out[count:] *= np.float32(target)
        if count:
            self._gain = target if abs(gains[-1] - target) < 1e-6 else float(gains[-1])
