"""HiFT in PyTorch, in its causal form, with the names of `nightingale.models.hift` and the sizes of the bundled voices.

HiFTNet (Li et al. 2023, https://arxiv.org/abs/2309.09493): an F0 predictor drives a harmonic source, which is added at
every resolution; the last step is a small inverse STFT. All convolutions are causal, except the first on the mel (3
frames of look-ahead) and the first of the F0 predictor (1 frame).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from nightingale.models.config import HiFTConfig
from training.common import HOP, SAMPLE_RATE

HIFT_CONFIG = HiFTConfig(
    base_channels=256, upsample_rates=(8, 5), upsample_kernel_sizes=(16, 11), n_fft=48, hop_length=12,
    resblock_kernel_sizes=(3, 7), resblock_dilations=(1, 3, 5), source_resblock_kernel_sizes=(3, 3), f0_channels=128,
    num_harmonics=19, sine_amplitude=0.1, noise_std=0.003, voiced_threshold=10.0, leaky_slope=0.1, audio_limit=0.99,
    causal=True,
)  # fmt: skip
LOOKAHEAD = 3  # frames


def causal(layer: nn.Module, x: Tensor) -> Tensor:
    """Causal convolution of (B, C, T)."""
    assert isinstance(layer, nn.Conv1d)
    return layer(F.pad(x, ((layer.kernel_size[0] - 1) * layer.dilation[0], 0)))  # type: ignore[no-any-return]


class Snake(nn.Module):
    """x + sin^2(a x) / a, a learned per channel (https://arxiv.org/abs/2006.08195)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        alpha = self.alpha[:, None]
        return x + (alpha * x).sin().square() / (alpha + 1e-9)


class ResBlock(nn.Module):
    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        make = lambda d: weight_norm(nn.Conv1d(channels, channels, kernel, dilation=d))  # noqa: E731
        self.convs1 = nn.ModuleList([make(d) for d in dilations])
        self.convs2 = nn.ModuleList([make(1) for _ in dilations])
        self.activations1 = nn.ModuleList([Snake(channels) for _ in dilations])
        self.activations2 = nn.ModuleList([Snake(channels) for _ in dilations])

    def forward(self, x: Tensor) -> Tensor:
        for conv1, conv2, act1, act2 in zip(
            self.convs1, self.convs2, self.activations1, self.activations2, strict=True
        ):
            x = x + causal(conv2, act2(causal(conv1, act1(x))))
        return x


class F0Predictor(nn.Module):
    """Mel (B, 80, T) -> F0 in Hz (B, T)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([weight_norm(nn.Conv1d(80 if i == 0 else channels, channels, 3)) for i in range(5)])
        self.classifier = nn.Linear(channels, 1)
        nn.init.constant_(self.classifier.bias, 150.0)  # Hz; from zero, half of training would go into reaching it

    def forward(self, mel: Tensor) -> Tensor:
        x = F.elu(self.convs[0](F.pad(mel, (1, 1))))
        for conv in self.convs[1:]:
            x = F.elu(causal(conv, x))
        return self.classifier(x.transpose(1, 2))[..., 0].abs()  # type: ignore[no-any-return]


def stft(x: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """Samples (B, N) -> real and imaginary parts (B, n_fft + 2, N / hop); a frame ends with its own hop."""
    frames = F.pad(x, (n_fft - hop, 0)).unfold(1, n_fft, hop) * window
    spec = torch.fft.rfft(frames)
    return torch.cat([spec.real, spec.imag], -1).transpose(1, 2)


def inverse_stft(magnitude: Tensor, phase: Tensor, hop: int, window: Tensor) -> Tensor:
    """(B, F, bins) each -> samples (B, F * hop); a frame starts with its own hop."""
    frames = torch.fft.irfft(torch.polar(magnitude, phase)) * window
    n_fft, count = frames.shape[-1], frames.shape[1]
    blocks = frames.unflatten(-1, (n_fft // hop, hop))
    total = sum(F.pad(blocks[:, : count - k, k], (0, 0, k, 0)) for k in range(n_fft // hop))
    assert isinstance(total, Tensor)
    return total.flatten(1) / (window.square().sum() / hop)


class HiFT(nn.Module):
    window: Tensor

    def __init__(self, c: HiFTConfig = HIFT_CONFIG) -> None:
        super().__init__()
        self.config = c
        base, bins = c.base_channels, c.n_fft + 2
        self.conv_pre = weight_norm(nn.Conv1d(80, base, 7, padding=3))
        widths = [base >> (i + 1) for i in range(len(c.upsample_rates))]
        self.ups = nn.ModuleList(
            [
                weight_norm(nn.ConvTranspose1d(2 * w, w, k, r))
                for w, r, k in zip(widths, c.upsample_rates, c.upsample_kernel_sizes, strict=True)
            ]
        )
        self.strides = [math.prod(c.upsample_rates[i + 1 :]) for i in range(len(widths))]
        self.source_downs = nn.ModuleList(
            [nn.Conv1d(bins, w, 1 if s == 1 else 2 * s, s) for w, s in zip(widths, self.strides, strict=True)]
        )
        self.source_resblocks = nn.ModuleList(
            [ResBlock(w, k, c.resblock_dilations) for w, k in zip(widths, c.source_resblock_kernel_sizes, strict=True)]
        )
        self.resblocks = nn.ModuleList(
            [ResBlock(w, k, c.resblock_dilations) for w in widths for k in c.resblock_kernel_sizes]
        )
        self.conv_post = weight_norm(nn.Conv1d(widths[-1], bins, 7))
        self.source_linear = nn.Linear(c.num_harmonics + 1, 1)
        self.f0_predictor = F0Predictor(c.f0_channels)
        self.register_buffer("window", torch.hann_window(c.n_fft), persistent=False)
        for conv in [*self.ups, self.conv_post]:
            nn.init.normal_(conv.parametrizations.weight.original1, std=0.01)

    def source(self, f0: Tensor) -> Tensor:
        """F0 (B, T) -> excitation (B, 480 T): fundamental and harmonics where voiced, noise everywhere."""
        c = self.config
        step = f0.double() / SAMPLE_RATE  # turns per sample
        before = step.cumsum(1) * HOP - step * HOP  # turns before each frame
        inside = torch.arange(1, HOP + 1, device=f0.device)
        turns = (before[..., None] + step[..., None] * inside).flatten(1) % 1.0
        orders = torch.arange(1, c.num_harmonics + 2, device=f0.device)
        sines = c.sine_amplitude * (2 * math.pi * turns.float()[..., None] * orders).sin()
        voiced = (f0 > c.voiced_threshold).float().repeat_interleave(HOP, 1)[..., None]
        noise = voiced * c.noise_std + (1 - voiced) * c.sine_amplitude / 3
        return self.source_linear(sines * voiced + noise * torch.randn_like(sines))[..., 0].tanh()  # type: ignore[no-any-return]

    def forward(self, mel: Tensor, f0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log mel (B, T, 80), F0 to use instead of the predicted one -> samples (B, 480 T), predicted F0 (B, T)."""
        c = self.config
        mel = mel.transpose(1, 2)
        with torch.autocast(mel.device.type, enabled=False):
            predicted = self.f0_predictor(mel.float())
            source = self.source((predicted if f0 is None else f0).detach().float())
            spectrum = stft(source, c.n_fft, c.hop_length, self.window)
        x = self.conv_pre(mel)
        kernels = len(c.resblock_kernel_sizes)
        for i, (up, down, rate, stride) in enumerate(
            zip(self.ups, self.source_downs, c.upsample_rates, self.strides, strict=True)
        ):
            length = x.shape[2] * rate
            x = up(F.leaky_relu(x, c.leaky_slope))[..., :length]
            fused = down(F.pad(spectrum, (stride if stride > 1 else 0, 0)))[..., :length]
            x = x + self.source_resblocks[i](fused)
            x = sum(self.resblocks[i * kernels + j](x) for j in range(kernels)) / kernels
        x = causal(self.conv_post, F.leaky_relu(x, 0.01)).transpose(1, 2).float()
        bins = c.n_fft // 2 + 1
        magnitude, phase = x[..., :bins].exp().clamp(max=100.0), x[..., bins:].sin()
        return inverse_stft(magnitude, phase, c.hop_length, self.window).clamp(-c.audio_limit, c.audio_limit), predicted


def widened(state: dict[str, Tensor], model: HiFT) -> dict[str, Tensor]:
    """Adapt a checkpoint with fewer harmonics: the new ones get weight 0."""
    mixer = torch.zeros_like(model.source_linear.weight)
    old = state["source_linear.weight"]
    mixer[:, : old.shape[1]] = old
    return state | {"source_linear.weight": mixer}
