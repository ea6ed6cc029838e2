"""Sample rate conversion piece by piece."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nightingale.audio.resample import Resampler

RATE = 24_000


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000, 96_000])
def test_resampling_piece_by_piece(rate: int) -> None:
    resampler, random = Resampler(RATE, rate), np.random.RandomState(1)
    sound = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    for _ in range(2):  # the second signal does not depend on the first
        cuts = [0, *sorted(random.randint(0, RATE, 20)), RATE]
        pieces = [resampler.feed(sound[a:b]) for a, b in itertools.pairwise(cuts)]
        result = np.concatenate([*pieces, resampler.flush()])
        assert len(result) == rate
        expected = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
        assert np.abs(result - expected)[200:-200].max() < 1e-4
    assert len(resampler.flush()) == 0
