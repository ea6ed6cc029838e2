"""Operators of Kokoro's decoder in PyTorch. `kokoro_kernels` has the faster ones with the same names.

Tensors are (B, T, C). In the padding after an utterance they are zero where a convolution reads them.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

VOICED = 10.0  # Hz; F0 below is unvoiced
Moments = tuple[Tensor, Tensor]  # means and reciprocal deviations (B, C)


@dataclass
class Mask:
    """Which of T positions belong to an utterance, not to the padding."""

    keep: Tensor  # bool (B, T, 1)
    count: Tensor  # float32 (B, 1, 1)
    lengths: Tensor  # int32 (B,)

    @staticmethod
    def of(lengths: Tensor, size: int) -> "Mask":
        keep = torch.arange(size, device=lengths.device) < lengths[:, None]
        return Mask(keep[..., None], lengths.float()[:, None, None], lengths.int())


def conv(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1, dilation: int = 1, padding: int | None = None
) -> Tensor:
    """x (B, T, C), weight (O, C, 1, K) -> (B, T, O).

    As a convolution in two dimensions, because only for these cuDNN has fast kernels with channels last.
    """
    if padding is None:
        padding = (weight.shape[-1] - 1) // 2 * dilation
    image = x.contiguous()[:, None].permute(0, 3, 1, 2)
    y = F.conv2d(image, weight, bias, (1, stride), (0, padding), (1, dilation))
    return y.permute(0, 2, 3, 1)[:, 0]


def weight2d(weight: Tensor) -> Tensor:
    """Weight of a convolution, (O, C, K) -> (O, C, 1, K), for `conv`."""
    return weight[:, :, None].contiguous(memory_format=torch.channels_last)


def moments(x: Tensor, lengths: Tensor) -> Moments:
    """Mean and reciprocal deviation (B, C) over each utterance's own positions."""
    mask, y = Mask.of(lengths, x.shape[1]), x.float()
    mean = (y * mask.keep).sum(1, keepdim=True) / mask.count
    variance = ((y - mean).square() * mask.keep).sum(1, keepdim=True) / mask.count
    return mean[:, 0], (variance[:, 0] + 1e-5).rsqrt()


def act(x: Tensor, of: Moments, manner: Tensor, alpha: Tensor | None, lengths: Tensor) -> Tensor:
    """Instance norm with a style's gammas and betas, manner (B, 2 C); then snake, or leaky ReLU without `alpha`."""
    gamma, beta = manner[:, None].chunk(2, -1)
    y = (1 + gamma) * (x.float() - of[0][:, None]) * of[1][:, None] + beta
    y = F.leaky_relu(y, 0.2) if alpha is None else y + (alpha * y).sin().square() / alpha
    return (y * Mask.of(lengths, x.shape[1]).keep).to(x.dtype)


def convolve(x: Tensor, w: Tensor, dilation: int, lengths: Tensor, residual: Tensor | None = None,
             bias: Tensor | None = None) -> tuple[Tensor, Moments]:  # fmt: skip
    """x (B, T, C), w (K, C, O) -> (B, T, O) plus residual and bias, and its moments."""
    y = conv(x, weight2d(w.permute(2, 1, 0)), None, dilation=dilation)
    if residual is not None and bias is not None:
        y = (residual.float() + y.float() + bias).to(x.dtype)
    return y, moments(y, lengths)


def join(x: Tensor, y: Tensor, bias: Tensor, ahead: int, lengths: Tensor) -> tuple[Tensor, Moments]:
    """x + y + bias and its moments; y is longer and is read from position `ahead` on."""
    y = y[:, abs(ahead) :]
    if ahead < 0:  # the last stage has one position more, as spectra have
        y = torch.cat([y[:, 1:2], y], 1)
    y = (x.float() + y[:, : x.shape[1]].float() + bias).to(x.dtype)
    return y, moments(y, lengths)


def mean_of(x: Tensor, y: Tensor, z: Tensor, slope: float, lengths: Tensor) -> Tensor:
    """Leaky ReLU of the mean of three; zero in the padding."""
    return F.leaky_relu((x + y + z) / 3, slope) * Mask.of(lengths, x.shape[1]).keep


def source(
    turns: Tensor, f0: Tensor, noise: Tensor, weight: Tensor, bias: Tensor, levels: tuple[float, float]
) -> Tensor:
    """Phase `turns` in periods and F0 in Hz (B, T) -> the source's samples (B, 300 T).

    Phase and F0 are those at the middle of each half-frame; between, the phase grows linearly. levels: amplitudes of
    the noise where voiced and where unvoiced.
    """
    part = (torch.arange(300, device=f0.device) + 0.5) / 300 - 0.5
    before, after = F.pad(f0[:, 1:], (1, 0)), F.pad(f0[:, 1:], (0, 1))
    step = torch.where(part < 0, before[..., None], after[..., None]) / 80
    phase = (turns[..., None] + part * step).flatten(1)
    voiced = (f0 > VOICED).repeat_interleave(300, 1)
    sines = sum(w * (2 * math.pi * (phase * (h + 1) % 1)).sin() for h, w in enumerate(weight))
    return torch.tanh(torch.where(voiced, sines + levels[0] * noise, levels[1] * noise) + bias)  # type: ignore[operator]
