"""Sound between the thread that makes it and the callback that plays it: a ring buffer with fades. Knows no device.

One thread writes and one callback reads. Each position is an integer that only one of them ever sets, so the callback
needs no lock; it allocates no arrays, and it never waits.
"""

from __future__ import annotations

import threading
from math import ceil, gcd
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

CAPACITY_S = 20.0  # how far the voice may be ahead of the ear
START_MS = 100  # buffered before an utterance begins
FADE_MS = 8  # at a stop, a pause, a gap
MAX_VOLUME = 2.0
SINC_REACH = 24  # zero crossings of the resampling filter on each side


class Playback:
    """A ring of samples (N,) at one rate. Positions count samples since the beginning and never go back.

    written: set by the writer. read, underruns: set by the callback. volume and paused may be set by anyone.
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
        self._lock = threading.Lock()  # between writer and stopper; the callback does not take it
        self._ticket = 0
        self._cut = 0  # what lies before it is not to be heard any more
        self._more = False  # the utterance goes on: to run dry now is an underrun
        self._flowing = False  # the callback's own, as is the gain that the last sample had
        self._gain = 1.0

    # --- the writer's side ---

    def ticket(self) -> int:
        """What an utterance writes with; it is refused once `stop` was called."""
        return self._ticket

    def write(self, samples: Floats, ticket: int) -> int | None:
        """Take as many of the samples as there is room for and say how many; None when stopped."""
        with self._lock:
            if ticket != self._ticket:
                return None
            count = min(len(self._ring) - (self.written - self.read), len(samples))
            at = self.written % len(self._ring)
            head = min(count, len(self._ring) - at)
            self._ring[at : at + head] = samples[:head]
            self._ring[: count - head] = samples[head:count]
            self._more = True
            self.written += count  # last: from here on the callback may read them
            return count

    def expect(self, more: bool, ticket: int) -> None:
        """Whether more comes at once. If not, to run dry is no underrun, and however little there is may be played."""
        with self._lock:
            if ticket == self._ticket:
                self._more = more

    def stop(self) -> None:
        """Fade out and forget everything written so far."""
        with self._lock:
            self._ticket += 1
            self._cut = self.written
            self._more = False

    @property
    def pending(self) -> int:
        """Samples written that the callback has not taken, leaving out what is to be forgotten."""
        return self.written - max(self.read, self._cut)

    @property
    def stopping(self) -> bool:
        return self.read < self._cut

    # --- the callback's side ---

    def render(self, out: Floats) -> None:
        """The next samples for the device, into out (N,); silence where there is nothing."""
        out.fill(0.0)
        cut, paused = self._cut, self.paused
        cutting = cut > self.read
        available = self.written - self.read
        if not self._flowing:
            if cutting:
                self.read = cut
                self._gain = self.volume
            elif not paused and available and not (self._more and available < self._start):
                self._flowing = True
            if not self._flowing:
                return
            cutting = False
        if cutting or paused:
            self._fade_out(out, cut if cutting else self.written, cutting)
        else:
            self._play(out, available)

    def _play(self, out: Floats, available: int) -> None:
        count = min(available, len(out))
        heard = out[:count]
        self._copy(heard)
        self._turn(heard, self.volume)
        if self.volume > 1.0:
            np.clip(heard, -1.0, 1.0, out=heard)
        if self._more and available < len(out) + self._fade:
            # It runs dry now or in the next block: a fade needs the samples that are still there.
            self.underruns += 1
            self._flowing = False
            tail = min(count, self._fade)
            fall = self._scratch[:tail]
            np.multiply(self._steps[:tail], -self._fade / max(tail, 1), out=fall)
            fall += 1.0
            heard[count - tail :] *= fall
            self._gain = 0.0
        elif count < len(out):
            self._flowing = False
        self.read += count

    def _fade_out(self, out: Floats, end: int, cutting: bool) -> None:
        """Silence within the fade, and then either wait here or go on behind `end`."""
        count = min(ceil(self._gain * self._fade), len(out), end - self.read)
        self._copy(out[:count])
        self._turn(out[:count], 0.0)
        self.read += count
        if self._gain <= 0.0 or self.read >= end:
            self._flowing = False
            if cutting:
                self.read = end
                self._gain = self.volume
            else:
                self._gain = 0.0

    def _copy(self, out: Floats) -> None:
        at = self.read % len(self._ring)
        head = min(len(out), len(self._ring) - at)
        out[:head] = self._ring[at : at + head]
        out[head:] = self._ring[: len(out) - head]

    def _turn(self, out: Floats, target: float) -> None:
        """Apply the gain, going to `target` no faster than a whole fade allows."""
        if self._gain == target:
            if target != 1.0:
                out *= np.float32(target)
            return
        count = min(len(out), len(self._steps))
        gains = self._scratch[:count]
        up = target > self._gain
        np.multiply(self._steps[:count], 1.0 if up else -1.0, out=gains)
        gains += np.float32(self._gain)
        (np.minimum if up else np.maximum)(gains, np.float32(target), out=gains)
        out[:count] *= gains
        out[count:] *= np.float32(target)
        if count:
            self._gain = target if abs(gains[-1] - target) < 1e-6 else float(gains[-1])


class Resampler:
    """Samples at one rate to another, piece by piece, by windowed sinc; all pieces together are the whole."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        common = gcd(from_rate, to_rate)
        self._up, self._down = to_rate // common, from_rate // common
        cutoff = min(1.0, self._up / self._down) * 0.95  # of the input's half rate; room for the filter's slope
        self._reach = ceil(SINC_REACH / cutoff)
        at = np.arange(self._up)[:, None] / self._up
        distance = np.arange(1 - self._reach, self._reach + 1) - at
        taps = cutoff * np.sinc(cutoff * distance) * np.cos(np.pi * distance / (2 * (self._reach + 1))) ** 2
        self._taps = taps.astype(np.float32)  # (up, 2 reach): one filter for each place between two input samples
        self._reset()

    def _reset(self) -> None:
        self._held = np.zeros(self._reach - 1, np.float32)
        self._taken = self._given = 0

    def feed(self, samples: Floats, last: bool = False) -> Floats:
        """New samples (N,) at from_rate -> those at to_rate that can be told by now. last: and begin anew after it."""
        self._taken += len(samples)
        samples = np.concatenate([self._held, samples, np.zeros(self._reach if last else 0, np.float32)])
        first = self._given * self._down // self._up  # the input sample before the next output
        if last:
            stop = -(-self._taken * self._up // self._down)
        else:  # the filter of output n reads `reach` input samples after its own
            stop = max(self._given, -(-(self._taken - self._reach) * self._up // self._down))
        result = np.zeros(0, np.float32)
        if stop > self._given:
            # held begins reach - 1 samples before the input sample that the next output lies behind
            place = np.arange(self._given, stop) * self._down
            windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * self._reach)
            result = np.einsum("nk,nk->n", windows[place // self._up - first], self._taps[place % self._up])
        if last:
            self._reset()
        else:
            self._given = stop
            self._held = samples[stop * self._down // self._up - first :]
        return result
