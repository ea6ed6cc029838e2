"""Voice encoder: mel of a recording to the speaker embedding that conditions T3.

The VoiceEncoder of Chatterbox (https://github.com/resemble-ai/chatterbox), after GE2E (Wan et al. 2017,
https://arxiv.org/abs/1710.10467): an LSTM reads overlapping windows, and the embeddings of all windows are averaged.
"""

from itertools import pairwise

import mlx.core as mx
import mlx.nn as nn

from nightingale.models.config import VoiceEncoderConfig

WINDOW_FRAMES = 160  # 1.6 s
STEP_FRAMES = 77  # 1.3 windows a second
MIN_COVERAGE = 0.8  # share of a last window that must be inside the recording


class VoiceEncoder(nn.Module):
    """Mel power (1, T, mels), 100 frames a second -> embedding (1, E) of length 1, no value negative."""

    def __init__(self, config: VoiceEncoderConfig) -> None:
        super().__init__()
        widths = [config.num_mels] + [config.hidden_size] * config.num_layers
        self.layers = [nn.LSTM(a, b) for a, b in pairwise(widths)]
        self.proj = nn.Linear(config.hidden_size, config.embed_size)

    def __call__(self, mel: mx.array) -> mx.array:
        total = mx.mean(self.embed_windows(windows(mel)), axis=0, keepdims=True)
        return total / mx.linalg.norm(total, axis=-1, keepdims=True)

    def embed_windows(self, mels: mx.array) -> mx.array:
        """Windows (N, 160, mels) -> their embeddings (N, E), each of length 1."""
        x = mels
        for layer in self.layers:
            x, _ = layer(x)
        embeds = mx.maximum(self.proj(x[:, -1]), 0.0)
        return embeds / mx.linalg.norm(embeds, axis=-1, keepdims=True)


def windows(mel: mx.array) -> mx.array:
    """(1, T, mels) -> overlapping windows (N, 160, mels).

    A last window that reaches beyond the end is filled with zeros if enough of it is inside, and left out otherwise.
    """
    count = num_windows(mel.shape[1])
    padded = mx.pad(mel[0], [(0, max(0, WINDOW_FRAMES + STEP_FRAMES * (count - 1) - mel.shape[1])), (0, 0)])
    return mx.stack([padded[i * STEP_FRAMES : i * STEP_FRAMES + WINDOW_FRAMES] for i in range(count)])


def num_windows(num_frames: int) -> int:
    """How many windows a recording of so many frames has, at least one."""
    count, rest = divmod(max(num_frames - WINDOW_FRAMES + STEP_FRAMES, 0), STEP_FRAMES)
    inside = (rest + WINDOW_FRAMES - STEP_FRAMES) / WINDOW_FRAMES
    return count + 1 if count == 0 or inside >= MIN_COVERAGE else count
