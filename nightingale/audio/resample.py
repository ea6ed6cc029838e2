"""Sample rate conversion: for devices that do not take the models' sample rate, and for reference recordings."""

from __future__ import annotations

from math import ceil, gcd
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]


class SincFilter(NamedTuple):
    """A windowed sinc. zero_crossings: on each side. cutoff: share of the lower Nyquist frequency.

    beta: of a Kaiser window; None for a Hann window.
    """

    zero_crossings: int
    cutoff: float
    beta: float | None = None

    def taps(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """The filter at distances from its centre, in zero crossings."""
        t = np.clip(distance / self.zero_crossings, -1.0, 1.0)
        if self.beta is None:
            window = np.cos(np.pi * t / 2) ** 2
        else:
            window = np.i0(self.beta * np.sqrt(1.0 - t**2)) / np.i0(self.beta)
        taps: NDArray[np.float64] = np.sinc(distance) * window
        return taps


PLAYBACK = SincFilter(24, 0.95)  # leaves room for the slope


class Resampler:
    """Polyphase windowed-sinc resampler for audio that comes in pieces.

    The result does not depend on how the audio is cut. https://ccrma.stanford.edu/~jos/resample/
    """

    def __init__(self, from_rate: int, to_rate: int, sinc: SincFilter = PLAYBACK) -> None:
        """Rates in Hz."""
        common = gcd(from_rate, to_rate)
        self._up, self._down = to_rate // common, from_rate // common
        cutoff = min(1.0, self._up / self._down) * sinc.cutoff  # of the input's Nyquist frequency
        self._reach = ceil(sinc.zero_crossings / cutoff)
        phase = np.arange(self._up)[:, None] / self._up
        distance = np.arange(1 - self._reach, self._reach + 1) - phase
        self._taps = (cutoff * sinc.taps(cutoff * distance)).astype(np.float32)  # (phases, 2 reach)
        self._reset()

    def _reset(self) -> None:
        self._held = np.zeros(self._reach - 1, np.float32)
        self._num_in = self._num_out = 0

    def feed(self, samples: Floats) -> Floats:
        """Samples (N,) at from_rate -> the samples at to_rate that are final."""
        self._num_in += len(samples)
        # an output needs `reach` input samples after its position
        return self._convert(samples, max(self._num_out, self._num_out_for(self._num_in - self._reach)))

    def flush(self) -> Floats:
        """The remaining samples at to_rate. What is fed after this is a new signal."""
        rest = self._convert(np.zeros(self._reach, np.float32), self._num_out_for(self._num_in))
        self._reset()
        return rest

    def _num_out_for(self, num_in: int) -> int:
        return -(-num_in * self._up // self._down)

    def _convert(self, samples: Floats, stop: int) -> Floats:
        """Take the input samples, and compute the outputs before `stop`."""
        samples = np.concatenate([self._held, samples])
        first = self._num_out * self._down // self._up  # the input sample at or before the next output
        self._held = samples[stop * self._down // self._up - first :]
        if stop == self._num_out:
            return np.zeros(0, np.float32)
        # `samples` begins reach - 1 samples before `first`
        position = np.arange(self._num_out, stop) * self._down
        windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * self._reach)
        self._num_out = stop
        result: Floats = np.einsum("nk,nk->n", windows[position // self._up - first], self._taps[position % self._up])
        return result
