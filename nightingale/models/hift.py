"""HiFT: mel to waveform. Predicts F0, makes a harmonic source from it, upsamples the mel with the source, inverts an
STFT.

The HiFTGenerator of CosyVoice, after HiFTNet (Li et al. 2023, https://arxiv.org/abs/2309.09493). The official form
looks both ways; the causal form continues from one piece to the next. Both have the same layers and differ in the side
on which a sequence is padded.
"""

import math
from dataclasses import dataclass, replace

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.kernels.activations import elu, exp, leaky_relu, sin_cos_unit, sin_turns
from nightingale.kernels.convolution import Taps
from nightingale.kernels.noise import indexed_normal
from nightingale.models.config import HOP_LENGTH, N_MELS, HiFTConfig
from nightingale.models.dsp import istft_taps, stft_taps, window_power
from nightingale.models.layers import Conv1d, ConvTranspose1d, Snake
from nightingale.models.streaming import Extend, Memory, StreamingContext, extend_both, pad_both

MEL_AHEAD = 3  # frames of look-ahead of the first convolution
PITCH_AHEAD = 1  # and of the F0 predictor
MAX_MAGNITUDE = 100.0


@dataclass(frozen=True)
class HiFTState:
    """The causal form between two pieces of a mel.

    key: of the source's noise. mel: (1, up to 6, 80), the last frames. memory: of the layers. frame: of the next
    output. phase: (1,) uint32, of the fundamental, in 2^-32 of a turn. Integers make the rounding independent of the
    pieces.
    """

    key: mx.array
    mel: mx.array
    memory: Memory | None
    frame: int
    phase: mx.array


class ResBlock(nn.Module):
    """Pairs of convolutions with Snake before each; the first of a pair is dilated."""

    def __init__(self, channels: int, kernel_size: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = [Conv1d(channels, channels, kernel_size, dilation=d) for d in dilations]
        self.convs2 = [Conv1d(channels, channels, kernel_size) for _ in dilations]
        self.activations1 = [Snake(channels) for _ in dilations]
        self.activations2 = [Snake(channels) for _ in dilations]

    def __call__(self, x: mx.array, extend: Extend) -> mx.array:
        pairs = self.convs1, self.convs2, self.activations1, self.activations2
        for conv1, conv2, act1, act2 in zip(*pairs, strict=True):
            y = conv1(extend(conv1, act1(x)))
            x = conv2(extend(conv2, act2(y)), residual=x)
        return x


class F0Predictor(nn.Module):
    """Mel to F0 in Hz."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = [Conv1d(N_MELS if i == 0 else channels, channels, 3) for i in range(5)]
        self.classifier = nn.Linear(channels, 1)

    def __call__(self, mel: mx.array, extend: Extend) -> mx.array:
        """(B, 1 + T + 1, 80), a frame of context on each side -> (B, T)."""
        x = elu(self.convs[0](mel))
        for conv in self.convs[1:]:
            x = elu(conv(extend(conv, x)))
        return mx.abs(self.classifier(x)[..., 0])


class HiFT(nn.Module):
    """Mel (1, T, 80) to samples (1, 480 T) at 24 kHz."""

    def __init__(self, config: HiFTConfig) -> None:
        super().__init__()
        rates, base = config.upsample_rates, config.base_channels
        assert math.prod(rates) * config.hop_length == HOP_LENGTH and config.n_fft % config.hop_length == 0
        self.config = config
        widths = [base // 2**i for i in range(len(rates) + 1)]
        bins = config.n_fft + 2
        self.conv_pre = Conv1d(N_MELS, base, 2 * MEL_AHEAD + 1)
        self.ups = [
            ConvTranspose1d(widths[i], widths[i + 1], k, u)
            for i, (u, k) in enumerate(zip(rates, config.upsample_kernel_sizes, strict=True))
        ]
        below = [math.prod(rates[i + 1 :]) for i in range(len(rates))]  # source frames for each row of stage i
        self.source_downs = [
            Conv1d(bins, width, 1 if u == 1 else 2 * u, stride=u) for u, width in zip(below, widths[1:], strict=True)
        ]
        self.source_resblocks = [
            ResBlock(width, k, config.resblock_dilations)
            for k, width in zip(config.source_resblock_kernel_sizes, widths[1:], strict=True)
        ]
        self.resblocks = [
            ResBlock(width, k, config.resblock_dilations) for width in widths[1:] for k in config.resblock_kernel_sizes
        ]
        self.conv_post = Conv1d(widths[-1], bins, 7)
        self.source_linear = nn.Linear(config.num_harmonics + 1, 1)
        self.f0_predictor = F0Predictor(config.f0_channels)
        self._stft = Taps(mx.array(stft_taps(config.n_fft, config.hop_length)))
        self._istft = Taps(self._inverse_taps())

    def start(self, key: mx.array) -> HiFTState:
        """The state before the first frame."""
        return HiFTState(key, mx.zeros((1, MEL_AHEAD, N_MELS)), None, 0, mx.zeros((1,), mx.uint32))

    def step(self, mel: mx.array, state: HiFTState, last: bool) -> tuple[mx.array, HiFTState]:
        """New frames (1, T, 80) -> the final samples (1, 480 T'), and the state after them. Causal form only."""
        assert self.config.causal
        window = mx.concatenate([state.mel, mel] + ([mx.zeros((1, MEL_AHEAD, N_MELS))] if last else []), axis=1)
        frames = window.shape[1] - 2 * MEL_AHEAD
        if frames <= 0:
            return mx.zeros((1, 0)), replace(state, mel=window)
        context = StreamingContext(state.memory)
        f0 = self._f0(window, context.extend)
        source, phase = self.source(f0, state.phase, state.key, state.frame)
        samples = self._synthesize(window, source, context.extend)
        mel_tail = window[:, -2 * MEL_AHEAD :]
        return samples, HiFTState(state.key, mel_tail, context.memory, state.frame + frames, phase)

    def __call__(self, mel: mx.array, *, key: mx.array) -> mx.array:
        """Mel (1, T, 80) -> samples (1, 480 T) at once."""
        if self.config.causal:
            return self.step(mel, self.start(key), last=True)[0]
        source, _ = self.source(self.f0(mel), mx.zeros((1,), mx.uint32), key, 0)
        return self.decode(mel, source)

    def f0(self, mel: mx.array) -> mx.array:
        """Pitch in Hz (1, T) of a whole mel (1, T, 80)."""
        return self._f0(pad_both(mel, 2 * MEL_AHEAD), self._whole())

    def decode(self, mel: mx.array, source: mx.array) -> mx.array:
        """A whole mel (1, T, 80) with its source (1, 480 T) -> samples (1, 480 T)."""
        return self._synthesize(pad_both(mel, 2 * MEL_AHEAD), source, self._whole())

    def source(self, f0: mx.array, phase: mx.array, key: mx.array, frame: int) -> tuple[mx.array, mx.array]:
        """F0 (1, T) of the frames from `frame` on -> excitation (1, 480 T), and the phase after it.

        Every harmonic begins at phase 0, so its phase is a multiple of the fundamental's. The harmonics have
        independent noise; their weighted sum is one noise, scaled by the norm of the weights.
        """
        config = self.config
        turns = f0[0] * (1.0 / SAMPLE_RATE)  # a sample
        steps = turns * HOP_LENGTH
        fraction = ((steps - mx.floor(steps)) * 2.0**24).astype(mx.uint32) << 8
        ends = mx.cumsum(fraction) + phase
        begins = mx.concatenate([phase, ends[:-1]])
        first = (begins >> 8).astype(mx.float32) * 2.0**-24
        fundamental = first[:, None] + turns[:, None] * mx.arange(1, HOP_LENGTH + 1).astype(mx.float32)[None]
        harmonics = mx.arange(1, config.num_harmonics + 2).astype(mx.float32)
        waves = sin_turns(fundamental.reshape(1, -1, 1) * harmonics)  # (1, 480 T, harmonics)
        weights = self.source_linear.weight[0]
        voiced = mx.repeat((f0 > config.voiced_threshold).astype(mx.float32), HOP_LENGTH, axis=1)
        loudness = voiced * config.noise_std + (1.0 - voiced) * (config.sine_amplitude / 3.0)
        noise = indexed_normal(key, frame, frame + f0.shape[1], HOP_LENGTH).reshape(1, -1)
        merged = (waves @ weights) * voiced * config.sine_amplitude + noise * loudness * mx.linalg.norm(weights)
        return mx.tanh(merged + self.source_linear.bias), ends[-1:]

    def _whole(self) -> Extend:
        return StreamingContext().extend if self.config.causal else extend_both

    def _f0(self, window: mx.array, extend: Extend) -> mx.array:
        side = MEL_AHEAD - PITCH_AHEAD
        pitch: mx.array = self.f0_predictor(window[:, side : window.shape[1] - side], extend)
        return pitch

    def _synthesize(self, window: mx.array, source: mx.array, extend: Extend) -> mx.array:
        """Frames with three more on each side (1, 3 + T + 3, 80), source (1, 480 T) -> samples (1, 480 T)."""
        config = self.config
        spectrum = self._spectrum(source, extend)
        x = self.conv_pre(window)
        kernels = len(config.resblock_kernel_sizes)
        for i, up in enumerate(self.ups):
            x = self._upsample(up, leaky_relu(x, config.leaky_slope), extend)
            if i == len(self.ups) - 1 and not config.causal:
                x = mx.concatenate([x[:, 1:2], x], axis=1)  # the centred STFT has one frame more
            x = self._evaluated(x + self.source_resblocks[i](self._source_at(i, spectrum, extend), extend))
            blocks = self.resblocks[i * kernels : (i + 1) * kernels]
            total = self._evaluated(blocks[0](x, extend))
            for block in blocks[1:]:
                total = self._evaluated(total + block(x, extend))
            x = total * (1.0 / kernels)
        x = self.conv_post(extend(self.conv_post, leaky_relu(x, 0.01)))
        bins = config.n_fft // 2 + 1
        magnitude = mx.minimum(exp(x[..., :bins]), MAX_MAGNITUDE)
        sine, cosine = sin_cos_unit(sin_turns(x[..., bins:] * (0.5 / math.pi)))
        samples = self._inverse(mx.concatenate([magnitude * cosine, magnitude * sine], axis=-1), extend)
        return mx.clip(samples, -config.audio_limit, config.audio_limit)

    def _evaluated(self, x: mx.array) -> mx.array:
        """x, evaluated in the official form: a whole sentence at full rate would hold 400 MB for each layer ahead."""
        if not self.config.causal:
            mx.eval(x)
        return x

    def _upsample(self, up: ConvTranspose1d, x: mx.array, extend: Extend) -> mx.array:
        """(1, T, C) -> (1, T * stride, C'): the causal form drops the tail, the official form both ends."""
        if self.config.causal:
            y: mx.array = up(extend(up, x))
            return y
        y = up(pad_both(x, 2 * up.context))
        trim = (up.kernel_size - up.stride) // 2
        return y[:, trim : trim + x.shape[1] * up.stride]

    def _source_at(self, stage: int, spectrum: mx.array, extend: Extend) -> mx.array:
        """The spectrum of the source at the rate and width of a stage."""
        down = self.source_downs[stage]
        if self.config.causal or down.stride == 1:
            y: mx.array = down(extend(down, spectrum))
            return y
        left, frames = down.stride // 2, spectrum.shape[1]
        rows = (frames + 2 * left - down.kernel_size) // down.stride + 1
        right = rows * down.stride + down.context - frames - left
        return down(mx.pad(spectrum, [(0, 0), (left, right), (0, 0)]))

    def _spectrum(self, source: mx.array, extend: Extend) -> mx.array:
        """(1, 480 T) -> the frames of its STFT (1, 480 T / hop, n_fft + 2), one more where they are centred."""
        n_fft, hop = self.config.n_fft, self.config.hop_length
        if self.config.causal:
            return self._stft(extend(self._stft, source.reshape(1, -1, hop)))
        half = n_fft // 2
        mirrored = mx.concatenate([source[:, half:0:-1], source, source[:, -2 : -half - 2 : -1]], axis=1)
        return self._stft(mirrored.reshape(1, -1, hop))

    def _inverse(self, spectrum: mx.array, extend: Extend) -> mx.array:
        """Frames (1, M, n_fft + 2), real parts then imaginary -> the samples that they overlap to."""
        n_fft, hop = self.config.n_fft, self.config.hop_length
        if self.config.causal:
            return self._istft(extend(self._istft, spectrum)).reshape(1, -1)
        blocks = self._istft(pad_both(spectrum, 2 * self._istft.context))
        power = mx.array(window_power(n_fft, hop, spectrum.shape[1]).astype(np.float32))
        samples = (blocks / mx.maximum(power, 1e-11)).reshape(1, -1)
        return samples[:, n_fft // 2 : -n_fft // 2]

    def _inverse_taps(self) -> mx.array:
        """The inverse transform's matrices, oldest frame first; the causal form's include the windows' constant sum."""
        n_fft, hop = self.config.n_fft, self.config.hop_length
        taps = istft_taps(n_fft, hop)[::-1]
        if self.config.causal:
            taps = taps / window_power(n_fft, hop, None)
        return mx.array(taps.astype(np.float32))
