"""The draft: guesses what T3 will say next from what T3 has read and from T3's own states.

After EAGLE (Li et al. 2024, https://arxiv.org/abs/2401.15077): one layer or so that foresees T3's next state, with T3's
embeddings before it and T3's speech head behind it. Knows nothing of sampling or of the loop (decode.py). At place i:

    state i of the draft = llama(input_proj([input_norm(T3's input i), T3's state i - 1])), with zeros for state -1
"""

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels.cache import Cache
from nightingale.kernels.linear import Projection, join_linears
from nightingale.models.config import DraftConfig
from nightingale.models.llama import Llama


class DraftModel(nn.Module):
    """As wide as its T3."""

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
        """Lay the weights out for speed; once, after loading."""
        self.llama.fuse()
        self.input_proj = join_linears([self.input_proj])

    def __call__(
        self, embeds: mx.array, states: mx.array, caches: list[Cache], num_last: int | None = None
    ) -> mx.array:
        """What T3 reads (B, L, hidden) and the states before each of it (B, L, hidden), T3's or in their place the
        draft's own -> states (B, num_last or L, hidden) for T3's head."""
        rows = mx.concatenate([self.input_norm(embeds), states], axis=-1)
        return self.llama(self.input_proj(rows), caches, num_last)


def shifted(states: mx.array) -> mx.array:
    """States (B, L, hidden) of a sequence from its beginning -> those before each place: zeros before the first."""
    return mx.concatenate([mx.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
