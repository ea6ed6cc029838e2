"""F0 of speech from its sound, for a teacher that does not tell it, drawn as hibari draws its own.

Hibari carries F0 through consonants that have none and has 0 only in pauses; one network learns both. The method:
autocorrelation of short windows, divided by the window's own, and the cheapest way through its peaks, as in P. Boersma,
"Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", 1993.
"""

import numpy as np

SAMPLE_RATE, HOP = 24_000, 300  # 80 frames a second
WINDOW, N_FFT = 1200, 1920  # 50 ms: the window and the longest period fit without wrapping round
LAG_RATE = 8_000  # Hz: the spectrum above half of it is left out, which is a low-pass and a shorter inverse transform
LOWEST = 50.0  # Hz
PEAKS = 6  # of a frame, that may be its period
VOICED_FROM = 0.6  # correlation; what is less certain is drawn through
OCTAVE, OCTAVE_JUMP, ONSET = 0.02, 0.35, 0.14  # costs, in units of correlation
SILENT_UNDER = 0.03  # of the loudest sample
# Frames: gaps that F0 is carried through, and how far it goes on into sound of at least this, beside the loudest.
GAP, EDGE, SOUND_FROM = 12, 6, 0.01


def estimate(audio: np.ndarray, highest: float) -> np.ndarray:
    """Samples (N,) at 24 kHz of a voice that goes up to `highest` Hz -> F0 (N / 300,) in Hz, 0 where there is none."""
    count = len(audio) // HOP
    if not count or not audio.any():
        return np.zeros(count, np.float32)
    correlation, loudness = correlate(audio, count)
    pitch, strength = candidates(correlation, highest)
    quiet = np.maximum(0.0, 2.0 - loudness / (SILENT_UNDER / (1.0 + VOICED_FROM)))
    pitch = np.concatenate([np.zeros((count, 1)), pitch], 1)
    strength = np.concatenate([VOICED_FROM + quiet[:, None], strength], 1)
    return carried_on(pitch[np.arange(count), cheapest_way(pitch, strength)], loudness).astype(np.float32)


def correlate(audio: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Normalized autocorrelation (count, lags) at LAG_RATE, and each frame's peak over the loudest of all (count,)."""
    half = (WINDOW - HOP) // 2
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio, (half, WINDOW)), WINDOW)[: count * HOP : HOP]
    frames = frames - frames.mean(1, keepdims=True)
    loudness = np.abs(frames[:, half : half + HOP]).max(1) / np.abs(audio).max()
    window = np.hanning(WINDOW)

    def of(x: np.ndarray) -> np.ndarray:
        bins = N_FFT * LAG_RATE // SAMPLE_RATE // 2 + 1
        power = np.abs(np.fft.rfft(x, N_FFT)[..., :bins]) ** 2
        lags = np.fft.irfft(power)[..., : int(LAG_RATE / LOWEST) + 2]
        return np.asarray(lags / np.maximum(lags[..., :1], 1e-12))

    return of(frames * window) / of(window), loudness


def candidates(correlation: np.ndarray, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """The highest peaks: their pitch in Hz and strength (count, PEAKS). What is no peak has a strength of -1."""
    left, here, right = correlation[:, :-2], correlation[:, 1:-1], correlation[:, 2:]
    lag = np.arange(1, correlation.shape[1] - 1)
    is_peak = (here > left) & (here >= right) & (lag >= LAG_RATE / highest)
    # Of two equal peaks the one of the higher pitch is the period, the other two of them.
    strength = np.where(is_peak, here - OCTAVE * np.log2(LOWEST * lag / LAG_RATE), -1.0)
    best = np.argsort(strength, 1)[:, -PEAKS:]
    left, here, right, strength = (np.take_along_axis(x, best, 1) for x in (left, here, right, strength))
    # A parabola through the peak and its neighbours.
    offset = np.where(strength > -1.0, (left - right) / np.minimum(2 * (left - 2 * here + right), -1e-9), 0.0)
    return LAG_RATE / (lag[best] + offset), strength - 0.25 * (left - right) * offset


def cheapest_way(pitch: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Which candidate (count, K) each frame takes; the first, of pitch 0, is silence."""
    octaves = np.log2(np.maximum(pitch, 1.0))
    voiced = pitch > 0
    jump = OCTAVE_JUMP * np.abs(octaves[1:, :, None] - octaves[:-1, None, :])
    both = voiced[1:, :, None] & voiced[:-1, None, :]
    cost = np.where(both, jump, ONSET * (voiced[1:, :, None] ^ voiced[:-1, None, :]))
    cost *= 0.01 * SAMPLE_RATE / HOP  # they are meant for 100 frames a second
    total, back = strength[0], np.empty(pitch.shape, np.int64)
    for t in range(1, len(pitch)):
        ways = total - cost[t - 1]
        back[t] = ways.argmax(1)
        total = ways.max(1) + strength[t]
    way = np.empty(len(pitch), np.int64)
    way[-1] = total.argmax()
    for t in range(len(pitch) - 1, 0, -1):
        way[t - 1] = back[t, way[t]]
    return way


def carried_on(f0: np.ndarray, loudness: np.ndarray) -> np.ndarray:
    """F0 (T,) drawn through short gaps and a little into the sound around them."""
    place, voiced = np.arange(len(f0)), np.flatnonzero(f0 > 0)
    if not len(voiced):
        return f0
    after = np.searchsorted(voiced, place)
    to_next = np.where(after < len(voiced), voiced[after.clip(max=len(voiced) - 1)] - place, np.inf)
    since_last = np.where(after > 0, place - voiced[after - 1], np.inf)
    bridged = to_next + since_last <= GAP + 1
    beside = (np.minimum(to_next, since_last) <= EDGE) & (loudness > SOUND_FROM)
    return np.where((f0 > 0) | bridged | beside, np.interp(place, voiced, f0[voiced]), 0.0)
