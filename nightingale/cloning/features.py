"""What the cloning networks read: spectral features of a recording, each exactly as the official code computes it.

Pure NumPy: a recording is processed once, and the reference computes most of these in NumPy too.
"""

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import NDArray

from nightingale.audio.resample import Resampler, SincFilter
from nightingale.models.dsp import hann, mel_filters

Floats = NDArray[np.float32]

RATE = 16_000  # of everything here but the loudness
HOP = 160  # 100 frames a second
WINDOW = 400  # 25 ms
# The resamplers of the reference. Its librosa uses soxr's HQ setting, whose passband ends at 0.913 of the Nyquist
# frequency and whose stopband begins at 1; the second is torchaudio's default.
SOXR_HQ = SincFilter(95, 0.9565, beta=13.3)
TORCHAUDIO = SincFilter(6, 0.99)

TRIM_DB = 20.0
TRIM_WINDOW, TRIM_HOP = 2048, 512
BANK_BANDS = 80
BANK_FFT = 512
BANK_MIN_HZ = 20.0
PREEMPHASIS = 0.97
LOUDNESS_BLOCK_S, LOUDNESS_STEP_S = 0.4, 0.1
LOUDNESS_GATE = -70.0  # LUFS


def resample(samples: Floats, from_rate: int, to_rate: int, sinc: SincFilter = SOXR_HQ) -> Floats:
    """Samples (N,) at one rate in Hz -> the samples at another."""
    if from_rate == to_rate:
        return samples
    resampler = Resampler(from_rate, to_rate, sinc)
    pieces = [resampler.feed(samples[i : i + from_rate]) for i in range(0, len(samples), from_rate)]
    return np.concatenate([*pieces, resampler.flush()])


def trim_silence(samples: Floats) -> Floats:
    """The samples without the quiet at both ends: 20 dB below the loudest frame, as librosa.effects.trim does it."""
    padded = np.pad(samples, TRIM_WINDOW // 2)
    power = np.mean(_frames(padded, TRIM_WINDOW, TRIM_HOP).astype(np.float64) ** 2, axis=1)
    loud = np.flatnonzero(power > np.max(power) * 10.0 ** (-TRIM_DB / 10.0))
    return samples[loud[0] * TRIM_HOP : (loud[-1] + 1) * TRIM_HOP] if len(loud) else samples


def mel_power(samples: Floats, num_mels: int) -> Floats:
    """Samples (N,) -> mel power (1, 1 + N // 160, num_mels), which the voice encoder reads."""
    padded = np.pad(samples, WINDOW // 2, mode="reflect")
    spectrum = np.fft.rfft(_frames(padded, WINDOW, HOP) * hann(WINDOW), axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    mel: Floats = (power @ mel_filters(RATE, WINDOW, num_mels, RATE / 2)).astype(np.float32)[None]
    return mel


def log_mel(samples: Floats, num_mels: int) -> Floats:
    """Samples (N,) -> log mel (1, N // 160, num_mels), which the speech tokenizer reads. The range is 8 decades."""
    mel = np.log10(np.maximum(mel_power(samples, num_mels)[:, :-1], 1e-10))
    compressed: Floats = (np.maximum(mel, np.max(mel) - 8.0) + 4.0) / 4.0
    return compressed


def filter_bank(samples: Floats) -> Floats:
    """Samples (N,) -> log filter bank without its mean (1, 1 + (N - 400) // 160, 80), which the speaker encoder reads.

    Kaldi's fbank (https://kaldi-asr.org/doc/feat.html) with its default settings and no dither.
    """
    frames = _frames(samples.astype(np.float64), WINDOW, HOP)
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - PREEMPHASIS * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / (WINDOW - 1))) ** 0.85
    spectrum = np.fft.rfft(frames * window, BANK_FFT, axis=-1)[:, :-1]
    power = spectrum.real**2 + spectrum.imag**2
    bank = np.log(np.maximum(power @ _bank_filters(), np.finfo(np.float32).eps))
    centred: Floats = (bank - bank.mean(axis=0)).astype(np.float32)[None]
    return centred


def loudness(samples: Floats, sample_rate: int) -> float:
    """Integrated loudness in LUFS, after ITU-R BS.1770-4 with the filters of pyloudnorm; -inf for silence."""
    padded = 2 * len(samples) if len(samples) < sample_rate else len(samples) + sample_rate  # the filters ring
    weighting = _k_weighting(np.fft.rfftfreq(padded) * 2.0 * np.pi, sample_rate)
    weighted = np.fft.irfft(np.fft.rfft(samples, padded) * weighting, padded)[: len(samples)]
    block, step = LOUDNESS_BLOCK_S * sample_rate, LOUDNESS_STEP_S * sample_rate
    count = round((len(samples) - block) / step) + 1
    energy = np.array([np.sum(weighted[int(j * step) : int(j * step + block)] ** 2) / block for j in range(count)])
    audible = energy[_lufs(energy) >= LOUDNESS_GATE]
    if not len(audible):
        return -np.inf
    gated = audible[(_lufs(audible) > _lufs(audible.mean()) - 10.0) & (_lufs(audible) > LOUDNESS_GATE)]
    return float(_lufs(gated.mean())) if len(gated) else -np.inf


def _frames(samples: NDArray[np.floating], length: int, hop: int) -> NDArray[np.floating]:
    return np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]


def _bank_filters() -> NDArray[np.float64]:
    """Triangles that are even on Kaldi's mel scale, (256, 80)."""

    def mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1127.0 * np.log(1.0 + hz / 700.0)

    low, high = mel(np.array([BANK_MIN_HZ, RATE / 2]))
    edges = np.linspace(low, high, BANK_BANDS + 2)
    bins = mel(np.arange(BANK_FFT // 2) * RATE / BANK_FFT)[:, None]
    rising, falling = (bins - edges[:-2]) / np.diff(edges[:-1]), (edges[2:] - bins) / np.diff(edges[1:])
    return np.maximum(0.0, np.minimum(rising, falling))


def _k_weighting(omega: NDArray[np.floating], sample_rate: int) -> NDArray[np.complex128]:
    """Response at angular frequencies, in radians per sample, of a high shelf (4 dB, 1500 Hz) and a high pass (38 Hz).

    Formulas of the Audio EQ Cookbook, https://www.w3.org/TR/audio-eq-cookbook/.
    """
    delay = np.exp(-1j * omega)
    gain, cosine, alpha = 10.0 ** (4.0 / 40.0), *_corner(1500.0, 0.5**0.5, sample_rate)
    side, up, down = 2.0 * gain**0.5 * alpha, gain + 1.0, gain - 1.0
    above = gain * polyval(delay, [up + down * cosine + side, -2.0 * (down + up * cosine), up + down * cosine - side])
    below = polyval(delay, [up - down * cosine + side, 2.0 * (down - up * cosine), up - down * cosine - side])
    cosine, alpha = _corner(38.0, 0.5, sample_rate)
    passed = (1.0 + cosine) / 2.0 * polyval(delay, [1.0, -2.0, 1.0])
    response: NDArray[np.complex128] = above / below * passed / polyval(delay, [1 + alpha, -2 * cosine, 1 - alpha])
    return response


def _corner(hz: float, quality: float, sample_rate: int) -> tuple[float, float]:
    """cos(w0) and alpha of the cookbook."""
    omega = 2.0 * np.pi * hz / sample_rate
    return float(np.cos(omega)), float(np.sin(omega) / (2.0 * quality))


def _lufs(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return -0.691 + 10.0 * np.log10(energy)
