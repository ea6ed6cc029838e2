"""The speech tokenizer: mel to 25 tokens per second, out of 6561 codes.

Finite scalar quantization (Mentzer et al. 2023, https://arxiv.org/abs/2309.15505) of 8 dimensions with 3 levels, as in
S3TokenizerV2. The encoder is a ConvNeXt on the mel. The heads exist only in training.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS, DIMS = 3, 8
NUM_CODES = LEVELS**DIMS
MEL_MEAN, MEL_SCALE = -5.5, 2.8  # of the teacher's log mel
PITCH_MEDIAN = 193.0  # Hz, of the teacher's F0


class ConvNeXt(nn.Module):
    """(B, T, C) -> (B, T, C). ahead: how many of the 7 taps are in the future."""

    def __init__(self, channels: int, ahead: int = 3, expansion: int = 3) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, 7, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.up = nn.Linear(channels, expansion * channels)
        self.down = nn.Linear(expansion * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.1))
        self.padding = (6 - ahead, ahead)

    def forward(self, x: Tensor) -> Tensor:
        y = self.depthwise(F.pad(x.transpose(1, 2), self.padding)).transpose(1, 2)
        return x + self.scale * self.down(F.gelu(self.up(self.norm(y))))  # type: ignore[no-any-return]


def quantize(z: Tensor) -> Tensor:
    """(..., 8) reals -> (..., 8) of -1, 0, 1, with a straight-through gradient."""
    bounded = z.tanh()
    return bounded + (bounded.round() - bounded).detach()


def to_codes(levels: Tensor) -> Tensor:
    """(..., 8) of -1, 0, 1 -> (...) codes 0..6560, first dimension least significant."""
    weights = LEVELS ** torch.arange(DIMS, device=levels.device)
    return ((levels.round().long() + 1) * weights).sum(-1)


class Encoder(nn.Module):
    """Mel (B, T, 80) -> latent (B, T / 2, 8) before quantization. depths: blocks at 50 and at 25 frames per second."""

    def __init__(self, channels: int = 256, depths: tuple[int, int] = (4, 4)) -> None:
        super().__init__()
        self.inlet = nn.Conv1d(80, channels, 5, padding=2)
        self.fast = nn.ModuleList([ConvNeXt(channels) for _ in range(depths[0])])
        self.stride = nn.Conv1d(channels, channels, 4, stride=2, padding=1)
        self.slow = nn.ModuleList([ConvNeXt(channels) for _ in range(depths[1])])
        self.norm = nn.LayerNorm(channels)
        self.outlet = nn.Linear(channels, DIMS)

    def forward(self, mel: Tensor) -> Tensor:
        return self.outlet(self.features(mel))  # type: ignore[no-any-return]

    def features(self, mel: Tensor) -> Tensor:
        """Mel (B, T, 80) -> normalized features (B, T / 2, channels), from which the latent is projected."""
        x = self.inlet(((mel - MEL_MEAN) / MEL_SCALE).transpose(1, 2)).transpose(1, 2)
        for block in self.fast:
            x = block(x)
        x = self.stride(x.transpose(1, 2)).transpose(1, 2)
        for block in self.slow:
            x = block(x)
        return self.norm(x)  # type: ignore[no-any-return]

    @torch.inference_mode()
    def encode(self, mel: Tensor, block: int = 20_000) -> Tensor:
        """Mel (1, T, 80) of any length -> codes (T / 2,), in blocks with 64 frames of context."""
        parts = []
        for start in range(0, mel.shape[1], block):
            left = min(64, start)
            piece = mel[:, start - left : start + block + 64]
            codes = to_codes(quantize(self(piece).float()))[0, left // 2 :]
            parts.append(codes[: (min(start + block, mel.shape[1]) - start) // 2])
        return torch.cat(parts)


class Heads(nn.Module):
    """Training heads on the codes: mel, pitch and phonemes."""

    def __init__(self, num_phonemes: int, channels: int = 384) -> None:
        super().__init__()
        self.inlet = nn.Linear(DIMS, channels)
        self.slow = nn.ModuleList([ConvNeXt(channels, ahead=0) for _ in range(2)])
        self.fast = nn.ModuleList([ConvNeXt(channels, ahead=1) for _ in range(6)])
        self.mel, self.pitch = nn.Linear(channels, 80), nn.Linear(channels, 2)
        self.ctc_inlet = nn.Linear(DIMS, channels)
        self.ctc_blocks = nn.ModuleList([ConvNeXt(channels) for _ in range(3)])
        self.ctc = nn.Linear(channels, num_phonemes + 1)

    def forward(self, levels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, 8) -> mel (B, 2T, 80), pitch (B, 2T, 2), phoneme logits (B, T, P + 1) with the blank first.

        pitch: octaves above PITCH_MEDIAN, and a voicing logit.
        """
        x = self.inlet(levels)
        for block in self.slow:
            x = block(x)
        x = x.repeat_interleave(2, 1)
        for block in self.fast:
            x = block(x)
        y = self.ctc_inlet(levels)
        for block in self.ctc_blocks:
            y = block(y)
        return self.mel(x) * MEL_SCALE + MEL_MEAN, self.pitch(x), self.ctc(y)
