"""Critics (discriminators) of the vocoder: on the waveform folded by periods, and on spectrograms.

The multi-period discriminator is after HiFi-GAN (Kong et al. 2020, https://arxiv.org/abs/2010.05646), the
multi-resolution one after UnivNet (Jang et al. 2021, https://arxiv.org/abs/2106.07889), with bands as in Vocos (Siuzdak
2023, https://arxiv.org/abs/2306.00814). They are smaller than in the papers, because there are few voices.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

Judged = tuple[list[Tensor], list[list[Tensor]]]  # scores, and features of every layer


class PeriodCritic(nn.Module):
    def __init__(self, period: int, channels: tuple[int, ...] = (1, 32, 64, 128, 256, 256)) -> None:
        super().__init__()
        self.period = period
        pairs = list(itertools.pairwise(channels))
        self.convs = nn.ModuleList(
            [
                weight_norm(nn.Conv2d(a, b, (5, 1), (3 if i < len(pairs) - 1 else 1, 1), (2, 0)))
                for i, (a, b) in enumerate(pairs)
            ]
        )
        self.outlet = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), 1, (1, 0)))

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = F.pad(audio, (0, -audio.shape[1] % self.period), mode="reflect").unflatten(1, (-1, self.period))[:, None]
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            features.append(x)
        return self.outlet(x), features


class SpectrumCritic(nn.Module):
    BANDS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    window: Tensor

    def __init__(self, n_fft: int, channels: int = 32) -> None:
        super().__init__()
        self.n_fft = n_fft
        bins = n_fft // 2 + 1
        edges = [int(e * bins) for e in self.BANDS]
        self.bands = list(itertools.pairwise(edges))
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        layers = lambda: nn.ModuleList(  # noqa: E731
            [
                weight_norm(nn.Conv2d(2, channels, (3, 9), 1, (1, 4))),
                *(weight_norm(nn.Conv2d(channels, channels, (3, 9), (1, 2), (1, 4))) for _ in range(3)),
                weight_norm(nn.Conv2d(channels, channels, (3, 3), 1, (1, 1))),
            ]
        )
        self.stacks = nn.ModuleList([layers() for _ in self.bands])
        self.outlet = weight_norm(nn.Conv2d(channels, 1, (3, 3), 1, (1, 1)))

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        with torch.autocast(audio.device.type, enabled=False):
            spec = torch.stft(audio.float(), self.n_fft, self.n_fft // 4, window=self.window, return_complex=True)
            x = torch.view_as_real(spec).permute(0, 3, 2, 1)  # (B, 2, frames, bins)
        features, ends = [], []
        for (low, high), stack in zip(self.bands, self.stacks, strict=True):
            y = x[..., low:high]
            assert isinstance(stack, nn.ModuleList)
            for layer in stack:
                y = F.leaky_relu(layer(y), 0.1)
                features.append(y)
            ends.append(y)
        return self.outlet(torch.cat(ends, -1)), features


class Critics(nn.Module):
    """Waveforms (B, N) -> the scores and features of all critics."""

    def __init__(self) -> None:
        super().__init__()
        self.critics = nn.ModuleList(
            [PeriodCritic(p) for p in (2, 3, 5, 7, 11)] + [SpectrumCritic(n) for n in (2048, 1024, 512)]
        )
        # Fast kernels for few channels need them innermost.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, audio: Tensor) -> Judged:
        judged = [critic(audio) for critic in self.critics]
        return [score for score, _ in judged], [features for _, features in judged]


def critic_loss(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Hinge loss, summed over the critics."""
    pairs = zip(real, fake, strict=True)
    return torch.stack([F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean() for r, f in pairs]).sum()


def generator_loss(fake: list[Tensor]) -> Tensor:
    """The generator's hinge loss, summed over the critics."""
    return torch.stack([F.relu(1 - f.float()).mean() for f in fake]).sum()


def feature_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Mean absolute distance of each layer's features, summed over layers and critics."""
    pairs = ((r, f) for rs, fs in zip(real, fake, strict=True) for r, f in zip(rs, fs, strict=True))
    return torch.stack([(r.detach().float() - f.float()).abs().mean() for r, f in pairs]).sum()
