"""Sample rate conversion, for devices that do not take the models' sample rate."""

from __future__ import annotations

from math import ceil, gcd
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

SINC_REACH = 24  # zero crossings of the filter on each side


class Resampler:
    """Polyphase windowed-sinc resampler for audio that comes in pieces.

    The result does not depend on how the audio is cut. https://ccrma.stanford.edu/~jos/resample/
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        """Rates in Hz."""
        common = gcd(from_rate, to_rate)
        self._up, self._down = to_rate // common, from_rate // common
        cutoff = min(1.0, self._up / self._down) * 0.95  # of the input's Nyquist frequency; leaves room for the slope
        self._reach = ceil(SINC_REACH / cutoff)
        phase = np.arange(self._up)[:, None] / self._up
        distance = np.arange(1 - self._reach, self._reach + 1) - phase
        window = np.cos(np.pi * distance / (2 * (self._reach + 1))) ** 2
        self._taps = (cutoff * np.sinc(cutoff * distance) * window).astype(np.float32)  # (phases, 2 reach)
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
