"""Features of a recording against those of the official code."""

import numpy as np
import pytest
from golden_weights import named_noise
from tiny import close, golden

from nightingale.cloning import features
from nightingale.cloning.features import Floats


def sound() -> Floats:
    """As in make_golden_cloning.py."""
    noise = named_noise("recording", (9600,))
    envelope = np.interp(np.linspace(0, 1, 9600), [0, 0.15, 0.2, 0.5, 0.6, 0.7, 0.9, 1], [0, 0, 1, 0.7, 0, 1, 0, 0])
    return (0.2 * envelope * np.convolve(noise, np.ones(3) / 3, mode="same")).astype(np.float32)


def test_silence_is_trimmed_as_librosa_does() -> None:
    start, stop = golden("cloning")["trimmed"]
    assert 0 < start < stop < 9600
    assert np.array_equal(features.trim_silence(sound()), sound()[start:stop])
    assert len(features.trim_silence(np.zeros(9600, np.float32))) == 9600


def test_mel_power_matches_the_official_one() -> None:
    close(features.mel_power(sound(), 40)[0], golden("cloning")["mel_power"], 1e-6)


def test_log_mel_matches_the_official_one() -> None:
    close(features.log_mel(sound(), 128)[0], golden("cloning")["log_mel"], 1e-5)


def test_filter_bank_matches_the_official_one() -> None:
    close(features.filter_bank(sound())[0], golden("cloning")["filter_bank"], 1e-4)


def test_loudness_matches_pyloudnorm() -> None:
    assert features.loudness(sound(), 16_000) == pytest.approx(float(golden("cloning")["loudness"]), abs=1e-3)
    assert features.loudness(np.zeros(16_000, np.float32), 16_000) == -np.inf


def test_both_resamplers_match_the_official_ones() -> None:
    close(features.resample(sound(), 24_000, 16_000, features.TORCHAUDIO), golden("cloning")["torchaudio"], 1e-6)
    ours, theirs = features.resample(sound(), 16_000, 24_000), golden("cloning")["soxr"]
    assert ours.shape == theirs.shape
    error = np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(theirs**2))
    assert 20 * np.log10(error) < -55  # they differ only between 0.91 and 1 of the Nyquist frequency
