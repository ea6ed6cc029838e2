"""Fourier transforms, the mel spectrogram against the official one, time stretching against numpy.interp."""

import mlx.core as mx
import numpy as np
import pytest
from golden_weights import named_noise
from tiny import close, golden, noise

from nightingale.models.dsp import (
    istft_taps,
    mel_spectrogram,
    start_stretch,
    stft_taps,
    stretch,
    window_power,
)


def test_mel_matches_the_official_one() -> None:
    sound = np.clip(0.2 * named_noise("sound", (6000,)), -1.0, 1.0)
    mel = mel_spectrogram(sound)
    assert np.abs(mel - golden("hift")["mel"]).max() < 1e-4


@pytest.mark.parametrize("n_fft,hop", [(16, 4), (48, 12)])
def test_inverse_transform_undoes_the_transform(n_fft: int, hop: int) -> None:
    x = named_noise("x", (40 * hop,)).astype(np.float64)
    overlap = n_fft // hop
    blocks = x.reshape(-1, hop)
    frames = sum(blocks[j : len(blocks) - overlap + 1 + j] @ t for j, t in enumerate(stft_taps(n_fft, hop)))
    taps = istft_taps(n_fft, hop)
    back = sum(np.pad(frames @ taps[j], ((j, overlap - 1 - j), (0, 0))) for j in range(overlap)) / np.maximum(
        window_power(n_fft, hop, len(frames)), 1e-12
    )
    inside = slice(overlap - 1, -overlap + 1)
    np.testing.assert_allclose(back[inside], blocks[inside], atol=1e-5)
    np.testing.assert_allclose(window_power(n_fft, hop, 20)[10], window_power(n_fft, hop, None)[0])


@pytest.mark.parametrize("speed", [0.5, 0.83, 1.0, 1.37, 2.0])
@pytest.mark.parametrize("pieces", [[31], [1] * 31, [5, 0, 26], [30, 1], [31, 0]])
def test_stretching_in_pieces_is_linear_interpolation(speed: float, pieces: list[int]) -> None:
    x = noise("rows", (1, 31, 3))
    state, outputs, at = start_stretch(3, speed), [], 0
    for i, count in enumerate(pieces):
        y, state = stretch(x[:, at : at + count], state, last=i == len(pieces) - 1)
        outputs.append(y)
        at += count
    where = np.clip((np.arange(round(31 / speed)) + 0.5) * speed - 0.5, 0, 30)
    expected = np.stack([np.interp(where, np.arange(31), np.array(x)[0, :, c]) for c in range(3)], axis=-1)
    close(mx.concatenate(outputs, axis=1), expected[None].astype(np.float32), 1e-5)
