"""The draft model for speculative decoding: predicts T3's next hidden state from T3's input and last state.

After EAGLE (Li et al. 2024, https://arxiv.org/abs/2401.15077): a Llama of a layer or two, with T3's embeddings before
it and T3's speech head after it. At position i:

    state i of the draft = llama(input_proj([input_norm(T3's input i), T3's state i - 1])), with zeros for state -1
"""

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels.cache import Cache
from nightingale.kernels.linear import Projection, join_linears
from nightingale.models.config import DraftConfig
from nightingale.models.llama import Llama


class DraftModel(nn.Module):
    """A draft has the hidden size of its T3."""

    def __init__(self, config: DraftConfig) -> None:
        super().__init__()
        D = config.llama.hidden_size
        self.input_norm = nn.RMSNorm(D, config.llama.rms_norm_eps)
        self.input_proj: Projection = nn.Linear(2 * D, D, bias=False)
        self.llama = Llama(config.llama)

    @property
    def num_layers(self) -> int:
        """Of the backbone: each has a key-value cache."""
        return len(self.llama.layers)

    def fuse(self) -> None:
        """Lay the weights out for the backend. Call it once, after loading."""
        self.llama.fuse()
        self.input_proj = join_linears([self.input_proj])

    def __call__(
        self, embeds: mx.array, states: mx.array, caches: list[Cache], num_last: int | None = None
    ) -> mx.array:
        """T3's inputs (B, L, hidden) and the state before each (B, L, hidden) -> states (B, num_last or L, hidden).

        The states before are T3's, or the draft's own where T3 has not read so far.
        """
        rows = mx.concatenate([self.input_norm(embeds), states], axis=-1)
        return self.llama(self.input_proj(rows), caches, num_last)


def shifted(states: mx.array) -> mx.array:
    """States (B, L, hidden) from the start of a sequence -> the state before each position; zeros before the first."""
    return mx.concatenate([mx.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
