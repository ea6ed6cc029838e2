"""Signal processing for the models: Fourier transforms as matrices, mel spectrogram, time stretching."""

import math
from dataclasses import dataclass
from functools import lru_cache

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.models.config import HOP_LENGTH, N_MELS

Floats = NDArray[np.float32]

MEL_N_FFT = 1920  # 80 ms
MEL_MAX_HZ = 8000.0
MEL_FLOOR = 1e-5


def hann(length: int) -> NDArray[np.float64]:
    """The periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)


def stft_taps(n_fft: int, hop: int) -> Floats:
    """Windowed Fourier transform as n_fft / hop matrices (hop, n_fft + 2), real parts then imaginary parts.

    Frame m is the sum over j of samples [hop * (m + j), hop * (m + j + 1)) @ taps[j].
    """
    angle = -2.0 * np.pi * np.outer(np.arange(n_fft), np.arange(n_fft // 2 + 1)) / n_fft
    basis = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) * hann(n_fft)[:, None]
    return basis.reshape(n_fft // hop, hop, n_fft + 2).astype(np.float32)


def istft_taps(n_fft: int, hop: int) -> NDArray[np.float64]:
    """Inverse transform and window as n_fft / hop matrices (n_fft + 2, hop), not yet divided by the windows' sum.

    Block b of hop samples is the sum over j of frame (b - j) @ taps[j].
    """
    weight = np.full(n_fft // 2 + 1, 2.0)
    weight[0] = weight[-1] = 1.0  # these two are their own mirror images
    angle = 2.0 * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft
    basis = np.concatenate([np.cos(angle) * weight[:, None], -np.sin(angle) * weight[:, None]]) / n_fft
    windowed = basis * hann(n_fft)[None]
    return windowed.reshape(n_fft + 2, n_fft // hop, hop).transpose(1, 0, 2)


def window_power(n_fft: int, hop: int, num_frames: int | None) -> NDArray[np.float64]:
    """Sum of squared windows over num_frames overlapping frames, by block: (blocks, hop).

    None: the one block of an endless sequence of frames.
    """
    squares = (hann(n_fft) ** 2).reshape(n_fft // hop, hop)
    if num_frames is None:
        steady: NDArray[np.float64] = squares.sum(axis=0, keepdims=True)
        return steady
    power = np.zeros((num_frames + n_fft // hop - 1, hop))
    for j, square in enumerate(squares):
        power[j : j + num_frames] += square
    return power


def _hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale: linear to 1000 Hz, which is 15 mel, then 27 mel for each factor of 6.4."""
    return np.where(hz < 1000.0, hz * 0.015, 15.0 + 27.0 * np.log(np.maximum(hz, 1e-9) / 1000.0) / math.log(6.4))


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15.0, mel / 0.015, 1000.0 * np.exp((mel - 15.0) * math.log(6.4) / 27.0))


@lru_cache(maxsize=8)
def mel_filters(sample_rate: int, n_fft: int, num_mels: int, max_hz: float) -> Floats:
    """Mel filter bank: triangles of equal area over the bins of a spectrum, (n_fft / 2 + 1, num_mels)."""
    bins = np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    edges = _mel_to_hz(np.linspace(0.0, float(_hz_to_mel(np.array(max_hz))), num_mels + 2))
    rising = (bins[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[None, 2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges[2:] - edges[:-2]))).astype(np.float32)


def mel_spectrogram(samples: Floats) -> Floats:
    """Samples (N,) at 24 kHz -> log mel (1, N // 480, 80), as mel_spectrogram of the official S3Gen computes it."""
    side = (MEL_N_FFT - HOP_LENGTH) // 2
    padded = np.pad(samples.astype(np.float32), (side, side), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, MEL_N_FFT)[::HOP_LENGTH]
    spectrum = np.fft.rfft(frames * hann(MEL_N_FFT), axis=-1)
    magnitude = np.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)
    mel = magnitude @ mel_filters(SAMPLE_RATE, MEL_N_FFT, N_MELS, MEL_MAX_HZ)
    return np.log(np.maximum(mel, MEL_FLOOR)).astype(np.float32)[None]


@dataclass(frozen=True)
class StretchState:
    """Time stretching between two pieces: rows read and written so far, and the last row read (1, 0 or 1, C)."""

    speed: float
    num_read: int
    num_written: int
    last_row: mx.array


def start_stretch(channels: int, speed: float) -> StretchState:
    """The state before the first row. A speed of 2 gives half as many rows."""
    return StretchState(speed, 0, 0, mx.zeros((1, 0, channels)))


def stretch(x: mx.array, state: StretchState, last: bool) -> tuple[mx.array, StretchState]:
    """Rows (1, T, C) -> the rows at another speed that are final, by linear interpolation, and the state after them.

    Output n lies at input (n + 1/2) * speed - 1/2. All pieces together give round(rows / speed), at least one.
    """
    if state.speed == 1.0:
        return x, state
    rows = mx.concatenate([state.last_row, x], axis=1)
    num_read, first = state.num_read + x.shape[1], state.num_read - state.last_row.shape[1]
    stop = max(1, round(num_read / state.speed)) if last else int((num_read - 0.5) / state.speed - 0.5) + 1
    at = (np.arange(state.num_written, max(state.num_written, stop)) + 0.5) * state.speed - 0.5
    at = np.clip(at, 0, num_read - 1) if last else np.maximum(at[at <= num_read - 1], 0)
    if not num_read or not len(at):
        return x[:, :0], StretchState(state.speed, num_read, state.num_written, rows[:, -1:])
    low = np.floor(at).astype(np.int32)
    high = np.minimum(low + 1, num_read - 1)
    share = mx.array((at - low).astype(np.float32))[None, :, None]
    y = rows[:, mx.array(low - first)] * (1.0 - share) + rows[:, mx.array(high - first)] * share
    return y, StretchState(state.speed, num_read, state.num_written + len(at), rows[:, -1:])
