"""Kokoro's decoder: features of phonemes, F0 and energy to samples, for a batch of utterances of any length."""

import math
import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.multivoice.kokoro_operators import Mask, Moments, conv, weight2d

N_FFT, HOP, BINS = 20, 5, 11  # of the spectra that the generator reads and writes
SINE, NOISE = 0.1, 0.003  # amplitudes of the source
DILATIONS = 1, 3, 5
HALF_ROOT = math.sqrt(0.5)


class Layers:
    """Layers with weights by name, `p`. operators: the module kokoro_operators or kokoro_kernels."""

    def __init__(self, p: dict[str, Tensor], operators: Any) -> None:
        self.p, self.k = p, operators

    def linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.p[f"{name}.weight"], self.p[f"{name}.bias"])

    def layer_norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.p[f"{name}.weight"], self.p[f"{name}.bias"], 1e-12)

    def residual(self, x: Tensor, name: str, style: Tensor, mask: Mask, before: Mask, up: bool = False) -> Tensor:
        """StyleTTS2's AdainResBlk1d. mask: of the output; before: of the input."""
        p, k = self.p, self.k

        def norm(y: Tensor, which: str, at: Mask) -> Tensor:
            return k.act(y, k.moments(y, at.lengths), self.linear(style, f"{name}.{which}.fc"), None, at.lengths)

        y = norm(x, "norm1", before)
        if up:
            w = p[f"{name}.pool.weight"][:, 0]  # (C, 3), a transposed convolution of stride 2
            y = torch.stack([y * w[:, 1], y * w[:, 2] + F.pad(y, (0, 0, 0, 1))[:, 1:] * w[:, 0]], 2).flatten(1, 2)
            y = (y + p[f"{name}.pool.bias"]) * mask.keep
            x = x.repeat_interleave(2, 1)
        y = conv(y, p[f"{name}.conv1.weight"], p[f"{name}.conv1.bias"])
        y = conv(norm(y, "norm2", mask), p[f"{name}.conv2.weight"], p[f"{name}.conv2.bias"])
        if f"{name}.conv1x1.weight" in p:
            x = F.linear(x, p[f"{name}.conv1x1.weight"][..., 0])
        return (y + x) * HALF_ROOT


class Decoder(Layers):
    """Weights must have been laid out by `lay_out`."""

    def __init__(self, p: dict[str, Tensor], operators: Any, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(p, operators)
        self.dtype = dtype
        # All gammas and betas of the generator's norms in one product.
        blocks = [f"decoder.generator.{kind}.{i}" for kind, n in (("noise_res", 2), ("resblocks", 6)) for i in range(n)]
        self.norms = [f"{block}.adain{half}.{i}" for block in blocks for i in range(3) for half in (1, 2)]
        self.manner_weight = torch.cat([p[f"{norm}.fc.weight"] for norm in self.norms])
        self.manner_bias = torch.cat([p[f"{norm}.fc.bias"] for norm in self.norms])
        self.manner_sizes = [len(p[f"{norm}.fc.bias"]) for norm in self.norms]
        window = torch.hann_window(N_FFT, dtype=torch.float64)
        angle = 2 * math.pi * torch.outer(torch.arange(BINS), torch.arange(N_FFT)).double() / N_FFT
        self.analysis = torch.cat([angle.cos(), -angle.sin()]).mul(window).T.float().to(device)  # (20, 22)
        twice = torch.full((BINS, 1), 2.0).double()
        twice[0] = twice[-1] = 1.0
        self.synthesis = (
            torch.cat([angle.cos() * twice, -angle.sin() * twice]).mul(window / N_FFT).float().to(device)
        )
        self.window2 = window.square().float().to(device)
        self.mix = p["decoder.generator.m_source.l_linear.weight"][0]
        self.spread = float(self.mix.norm())

    def __call__(self, phones: Tensor, f0: Tensor, energy: Tensor, style: Tensor, frames: Tensor) -> Tensor:
        """phones (B, T, 512) of each frame, f0 and energy (B, 2 * T), style (B, 256), frames (B,), all on the device
        -> samples (B, 600 * T), 0 in the padding."""
        p, dtype, size, timbre = self.p, self.dtype, phones.shape[1], style[:, :128]
        once, twice = Mask.of(frames, size), Mask.of(2 * frames, 2 * size)
        phones = (phones * once.keep).to(dtype)
        curves = [
            F.conv1d(curve[:, None], p[f"decoder.{name}_conv.weight"], p[f"decoder.{name}_conv.bias"], 2, 1).transpose(
                1, 2
            )
            for name, curve in (("F0", f0), ("N", energy))
        ]
        curves = [curve.to(dtype) for curve in curves]
        spare = [phones.new_zeros(*phones.shape[:2], 6)]
        x = self.residual(torch.cat([phones, *curves, *spare], -1), "decoder.encode", timbre, once, once)
        residue = F.linear(phones, p["decoder.asr_res.0.weight"][..., 0], p["decoder.asr_res.0.bias"])
        for i in range(4):
            x = torch.cat([x, residue, *curves, *spare], -1)
            x = self.residual(x, f"decoder.decode.{i}", timbre, twice if i == 3 else once, once, up=i == 3)
        return self._generate(x, f0, timbre, frames, twice)

    def _generate(self, x: Tensor, f0: Tensor, timbre: Tensor, frames: Tensor, mask: Mask) -> Tensor:
        p, dtype = self.p, self.dtype
        manner = F.linear(timbre, self.manner_weight, self.manner_bias).split(self.manner_sizes, 1)
        manners = dict(zip(self.norms, manner, strict=True))
        g = "decoder.generator"
        source = self._source(f0, frames).to(dtype)  # (B, 120 T + 1, 24)
        x = F.leaky_relu(x, 0.1) * mask.keep
        for i, stride in enumerate((10, 6)):
            lengths = (20 * frames if i == 0 else 120 * frames + 1).int()
            w, b = p[f"{g}.noise_convs.{i}.weight"], p[f"{g}.noise_convs.{i}.bias"].to(dtype)
            excitation = conv(source, w, b, stride=6, padding=3) if i == 0 else conv(source, w, b)
            moments = self.k.moments(excitation, lengths)
            excitation, _ = self._block(excitation, f"{g}.noise_res.{i}", manners, lengths, moments)
            x = conv(x, p[f"{g}.ups.{i}.weight"], None, padding=1).unflatten(-1, (stride, -1)).flatten(1, 2)
            x, moments = self.k.join(excitation, x, p[f"{g}.ups.{i}.bias"], (5, -3)[i], lengths)
            blocks = [self._block(x, f"{g}.resblocks.{3 * i + j}", manners, lengths, moments)[0] for j in range(3)]
            x = self.k.mean_of(*blocks, (0.1, 0.01)[i], lengths)
        x = conv(x, p[f"{g}.conv_post.weight"], None)[..., : 2 * BINS].float() + p[f"{g}.conv_post.bias"]
        return self._inverse(x, frames)

    def _block(self, x: Tensor, name: str, manners: dict[str, Tensor], lengths: Tensor,
               moments: Moments) -> tuple[Tensor, Moments]:  # fmt: skip
        """AdaINResBlock1: norms with the style's gammas and betas, snakes, convolutions with growing dilation.

        The first convolution of each pair has no bias, because the norm after it would remove it.
        """
        p, k = self.p, self.k
        for i, dilation in enumerate(DILATIONS):
            first, second = manners[f"{name}.adain1.{i}"], manners[f"{name}.adain2.{i}"]
            y = k.act(x, moments, first, p[f"{name}.alpha1.{i}"].view(-1), lengths)
            y, moments = k.convolve(y, p[f"{name}.convs1.{i}.weight"], dilation, lengths)
            y = k.act(y, moments, second, p[f"{name}.alpha2.{i}"].view(-1), lengths)
            x, moments = k.convolve(y, p[f"{name}.convs2.{i}.weight"], 1, lengths, x, p[f"{name}.convs2.{i}.bias"])
        return x, moments

    def _source(self, f0: Tensor, frames: Tensor) -> Tensor:
        """Nine harmonics of F0 and noise, as magnitudes and phases (B, 120 T + 1, 24). Zero in the padding.

        Kokoro adds noise to each harmonic before the weighted sum; the sum of these is a single noise.
        """
        size = f0.shape[1] * 300
        turns = f0.double().cumsum(1) / 80
        levels = NOISE * self.spread, SINE / 3 * self.spread
        bias = self.p["decoder.generator.m_source.l_linear.bias"]
        start = (turns - turns.floor()).float()
        noise = torch.randn(len(f0), size, device=f0.device)
        wave = self.k.source(start, f0.contiguous(), noise, SINE * self.mix, bias, levels)
        # Half a window is added at both ends by reflection, for each utterance at its own end.
        place = torch.arange(-N_FFT // 2, size + N_FFT // 2, device=f0.device).abs()
        last = 600 * frames[:, None] - 1
        place = torch.where(place > last, 2 * last - place, place).clamp(min=0)
        pieces = torch.gather(wave, 1, place).unfold(1, N_FFT, HOP)  # (B, 120 T + 1, 20)
        real, imaginary = (pieces @ self.analysis).split(BINS, -1)
        imaginary = imaginary * (torch.arange(BINS, device=f0.device) % (BINS - 1) > 0) + 0.0  # none at 0 Hz and 12 kHz
        spectrum = torch.cat([torch.hypot(real, imaginary), torch.atan2(imaginary, real)], -1)
        return F.pad(spectrum * Mask.of(120 * frames + 1, spectrum.shape[1]).keep, (0, 2))

    def _inverse(self, x: Tensor, frames: Tensor) -> Tensor:
        """Log magnitudes and phases (B, 120 T + 1, 22) -> samples (B, 600 T)."""
        keep = Mask.of(120 * frames + 1, x.shape[1]).keep.float()
        magnitude, phase = x[..., :BINS].exp() * keep, x[..., BINS:].sin()
        pieces = torch.cat([magnitude * phase.cos(), magnitude * phase.sin()], -1) @ self.synthesis  # (B, F, 20)
        samples = _overlap(pieces)
        weight = _overlap(keep * self.window2)
        own = Mask.of(600 * frames, 600 * ((x.shape[1] - 1) // 120)).keep[..., 0]
        middle = slice(N_FFT // 2, N_FFT // 2 + own.shape[1])
        return samples[:, middle] / weight[:, middle].clamp(min=1e-8) * own


def _overlap(pieces: Tensor) -> Tensor:
    """(B, F, 20), 5 apart -> (B, 5 F + 15)."""
    parts = pieces.unflatten(-1, (N_FFT // HOP, HOP))
    return sum(F.pad(parts[:, :, i], (0, 0, i, N_FFT // HOP - 1 - i)) for i in range(N_FFT // HOP)).flatten(1)  # type: ignore[union-attr]


def lay_out(p: dict[str, Tensor], dtype: torch.dtype) -> None:
    """Convert the weights to the layout in use: channels last; those of the decoder in `dtype`, with channels padded
    to a multiple of eight."""
    for i, name in enumerate(["decoder.encode", *(f"decoder.decode.{i}" for i in range(4))]):
        inner = p[f"{name}.conv1.weight"].shape[1]
        more = -inner % 8
        for part in ("conv1", "conv1x1"):
            p[f"{name}.{part}.weight"] = F.pad(p[f"{name}.{part}.weight"], (0, 0, 0, more))
        for part in ("weight", "bias"):
            halves = p[f"{name}.norm1.fc.{part}"].chunk(2)
            p[f"{name}.norm1.fc.{part}"] = torch.cat(
                [F.pad(half, (0, 0) * (half.dim() - 1) + (0, more)) for half in halves]
            )
        if i == 4:
            p[f"{name}.pool.weight"] = F.pad(p[f"{name}.pool.weight"], (0, 0, 0, 0, 0, more))
            p[f"{name}.pool.bias"] = F.pad(p[f"{name}.pool.bias"], (0, more))
    in_eights = (
        r"decoder\.(encode|decode\.\d)\.(conv[12]|conv1x1|pool)\.(weight|bias)|decoder\.asr_res\.0\.(weight|bias)"
    )
    for name in list(p):
        if re.fullmatch(in_eights, name):
            p[name] = p[name].to(dtype)
        if re.search(r"(conv[12]|text_encoder\.cnn\.\d\.0)\.weight$", name):
            p[name] = weight2d(p[name])
        elif re.search(r"generator\.(.*convs[12]\.\d|noise_convs\.\d|conv_post)\.weight$", name):
            w = p[name].to(dtype)
            if "noise_convs" in name:
                w = F.pad(w, (0, 0, 0, -w.shape[1] % 8))
            if "conv_post" in name:
                w = F.pad(w, (0, 0, 0, 0, 0, -len(w) % 8))
            p[name] = (
                w.permute(2, 1, 0).contiguous() if re.search(r"convs[12]", name) else weight2d(w)
            )  # (K, C, O)
        elif m := re.fullmatch(r"decoder\.generator\.ups\.(\d)\.weight", name):
            # A transposed convolution whose kernel is twice its stride s equals one with kernel 2 and s times the
            # channels: position s * q + r is x[q] @ w[r] + x[q - 1] @ w[s + r].
            w = p[name].unflatten(-1, (2, (10, 6)[int(m[1])]))  # (in, out, which, r)
            w = w.permute(3, 1, 0, 2).flatten(0, 1).flip(-1)  # (r * out, in, k): k = 0 reads q - 1
            p[name] = weight2d(w).to(dtype)
