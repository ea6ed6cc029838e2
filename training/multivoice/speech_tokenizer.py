"""The speech tokenizer of eight voices: the encoder's size, and the heads that exist only in training.

Encoder and codes are those of `training.models.speech_tokenizer`. The heads that predict mel and F0 get the speaker as
an input, so that the codes need not carry it; the phoneme head does not.
"""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from training.models.speech_tokenizer import DIMS, MEL_MEAN, MEL_SCALE, ConvNeXt, Encoder

SILENCE = math.log(1e-5)  # the floor of the log mel
SPEAKER_SIZE = 64
CHANNELS, DEPTHS = 320, (4, 6)  # of the encoder


def make_encoder() -> Encoder:
    """The encoder with random weights.

    It is trained on single utterances: the frames after the last one must be SILENCE, and nothing precedes the first.
    """
    return Encoder(CHANNELS, DEPTHS)


class ConditionedConvNeXt(ConvNeXt):
    """ConvNeXt whose gain and shift of each channel depend on the speaker: (B, T, C), speaker (B, S) -> (B, T, C)."""

    def __init__(self, channels: int, ahead: int) -> None:
        super().__init__(channels, ahead)
        self.modulation = nn.Linear(SPEAKER_SIZE, 2 * channels)
        nn.init.zeros_(self.modulation.bias)
        nn.init.normal_(self.modulation.weight, std=0.02)

    def forward(self, x: Tensor, speaker: Tensor) -> Tensor:  # type: ignore[override]
        y = self.norm(self.depthwise(F.pad(x.transpose(1, 2), self.padding)).transpose(1, 2))
        gain, shift = self.modulation(speaker)[:, None].chunk(2, -1)
        return x + self.scale * self.down(F.gelu(self.up(y * (1 + gain) + shift)))  # type: ignore[no-any-return]


class Heads(nn.Module):
    """Training heads on the codes: mel and pitch, which depend on the speaker, and phonemes, which do not."""

    def __init__(self, num_phonemes: int, num_voices: int, channels: int = 384) -> None:
        super().__init__()
        self.voice = nn.Linear(num_voices, SPEAKER_SIZE, bias=False)
        nn.init.normal_(self.voice.weight)
        self.inlet = nn.Linear(DIMS, channels)
        self.slow = nn.ModuleList([ConditionedConvNeXt(channels, ahead=0) for _ in range(2)])
        self.fast = nn.ModuleList([ConditionedConvNeXt(channels, ahead=1) for _ in range(6)])
        self.mel, self.pitch = nn.Linear(channels, 80), nn.Linear(channels, 2)
        self.ctc_inlet = nn.Linear(DIMS, channels)
        self.ctc_blocks = nn.ModuleList([ConvNeXt(channels) for _ in range(3)])
        self.ctc = nn.Linear(channels, num_phonemes + 1)

    def forward(self, levels: Tensor, voices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Levels (B, T, 8), voices as one-hot rows (B, V) -> mel (B, 2T, 80), pitch (B, 2T, 2), phoneme logits
        (B, T, P + 1) with the blank first.

        pitch: octaves above the voice's median, and a voicing logit.
        """
        return *self.sound(levels, voices), self.phonemes(levels)

    def sound(self, levels: Tensor, voices: Tensor) -> tuple[Tensor, Tensor]:
        """Mel and pitch of `forward`."""
        speaker = self.voice(voices)
        x = self.inlet(levels)
        for block in self.slow:
            x = block(x, speaker)
        x = x.repeat_interleave(2, 1)
        for block in self.fast:
            x = block(x, speaker)
        return self.mel(x) * MEL_SCALE + MEL_MEAN, self.pitch(x)

    def phonemes(self, levels: Tensor) -> Tensor:
        """Phoneme logits of `forward`."""
        y = self.ctc_inlet(levels)
        for block in self.ctc_blocks:
            y = block(y)
        return self.ctc(y)  # type: ignore[no-any-return]
