"""The encoder of S3Gen: embedded speech tokens to frames, two for each token.

A conformer without convolution modules that doubles its rate in the middle, as the UpsampleConformerEncoder of
CosyVoice 2 (https://arxiv.org/abs/2412.10117). With windows it continues from an earlier piece.
"""

import math
from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels.activations import leaky_relu, silu
from nightingale.kernels.attention import attention
from nightingale.models.config import EncoderConfig
from nightingale.models.layers import Conv1d
from nightingale.models.streaming import Memory, StreamingContext

UPSAMPLE_KERNEL = 5
# Distances computed together. The last bits of a sine or product depend on the size of its array, and earlier sentences
# must not change the samples of this one.
_BLOCK = 128


@dataclass(frozen=True)
class EncoderState:
    """The encoder between two pieces of a token sequence.

    ahead: (1, N, C), embedded tokens whose look-ahead is not complete. memory: of the layers.
    """

    ahead: mx.array
    memory: Memory | None


def relative_positions(farthest_back: int, farthest_ahead: int, width: int) -> mx.array:
    """Sinusoids of the distances farthest_back .. -farthest_ahead, (rows, width); a key to the left is positive."""
    distance = mx.arange(farthest_back, -farthest_ahead - 1, -1).astype(mx.float32)[:, None]
    rate = mx.exp(mx.arange(0, width, 2).astype(mx.float32) * (-math.log(10_000.0) / width))
    angle = distance * rate[None]
    return mx.stack([mx.sin(angle), mx.cos(angle)], axis=-1).reshape(-1, width)


class RelativeAttention(nn.Module):
    """Self-attention with relative positions, after Transformer-XL."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width, self.num_heads = config.hidden_size, config.num_heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.o_proj = nn.Linear(width, width)
        self.pos_proj = nn.Linear(width, width, bias=False)
        self.pos_bias_u = mx.zeros((self.num_heads, width // self.num_heads))
        self.pos_bias_v = mx.zeros((self.num_heads, width // self.num_heads))
        self._prepared_from: mx.array | None = None
        self._reach = (-1, -1)

    def _positions(self, back: int, ahead: int) -> mx.array:
        """Projected positions of the distances back .. -ahead, (rows, C); cached, since they never change."""
        weight = self.pos_proj.weight
        if self._prepared_from is not weight or back > self._reach[0] or ahead > self._reach[1]:
            self._prepared_from = weight
            low, high = -(-max(ahead, self._reach[1]) // _BLOCK), max(back, self._reach[0]) // _BLOCK + 1
            starts = range((high - 1) * _BLOCK, (-low - 1) * _BLOCK, -_BLOCK)
            width = weight.shape[0]
            blocks = [self.pos_proj(relative_positions(n + _BLOCK - 1, -n, width)) for n in starts]
            self._table, self._reach = mx.concatenate(blocks), (high * _BLOCK - 1, low * _BLOCK)
        start = self._reach[0] - back
        return self._table[start : start + back + ahead + 1]

    def __call__(self, x: mx.array, window: int | None, context: StreamingContext) -> mx.array:
        limit = None if window is None else window - 1
        q = self.q_proj(x)
        k = context.append(self.k_proj, self.k_proj(x), limit)
        v = context.append(self.v_proj, self.v_proj(x), limit)
        table = self._positions(k.shape[1] - 1, q.shape[1] - 1)
        positions = self.pos_bias_u, self.pos_bias_v, table
        return self.o_proj(attention(q, k, v, self.num_heads, window, positions))


class FeedForward(nn.Module):
    """Two layers with SiLU between."""

    def __init__(self, width: int, ffn_size: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, ffn_size)
        self.linear_2 = nn.Linear(ffn_size, width)

    def __call__(self, x: mx.array) -> mx.array:
        return self.linear_2(silu(self.linear_1(x)))


class ConformerBlock(nn.Module):
    """Attention and feed-forward, each with a norm before it and a residual around it."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.hidden_size, eps=1e-12)
        self.attention = RelativeAttention(config)
        self.norm_ffn = nn.LayerNorm(config.hidden_size, eps=1e-12)
        self.ffn = FeedForward(config.hidden_size, config.ffn_size)

    def __call__(self, x: mx.array, window: int | None, context: StreamingContext) -> mx.array:
        x = x + self.attention(self.norm_attention(x), window, context)
        return x + self.ffn(self.norm_ffn(x))


class Embed(nn.Module):
    """Projection and norm, scaled by sqrt(width) as the relative positions expect."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self._scale = math.sqrt(width)

    def __call__(self, x: mx.array) -> mx.array:
        y: mx.array = self.norm(self.linear(x)) * self._scale
        return y


class LookAhead(nn.Module):
    """Mixes the next few tokens into each. Only this layer of the encoder looks ahead."""

    def __init__(self, width: int, lookahead_tokens: int) -> None:
        super().__init__()
        self.conv1 = Conv1d(width, width, lookahead_tokens + 1)
        self.conv2 = Conv1d(width, width, 3)

    def __call__(self, x: mx.array, context: StreamingContext) -> mx.array:
        """(B, T + lookahead, C) -> (B, T, C)."""
        ahead = leaky_relu(self.conv1(x), 0.01)
        return x[:, : ahead.shape[1]] + self.conv2(context.extend(self.conv2, ahead))


class Encoder(nn.Module):
    """(1, N, hidden) token embeddings -> (1, 2 N, hidden) frames."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.lookahead_tokens, self.window = config.lookahead_tokens, config.window
        self.embed = Embed(width)
        self.lookahead = LookAhead(width, config.lookahead_tokens)
        self.blocks = [ConformerBlock(config) for _ in range(config.num_blocks)]
        self.upsample = Conv1d(width, width, UPSAMPLE_KERNEL)
        self.up_embed = Embed(width)
        self.up_blocks = [ConformerBlock(config) for _ in range(config.num_up_blocks)]
        self.norm = nn.LayerNorm(width, eps=1e-5)

    def start(self) -> EncoderState:
        """The state before the first token."""
        return EncoderState(mx.zeros((1, 0, self.norm.weight.shape[0])), None)

    def step(self, x: mx.array, state: EncoderState, last: bool) -> tuple[mx.array, EncoderState]:
        """Embeddings of new tokens (1, N, hidden) -> two frames for each token whose look-ahead is complete.

        Without a window the attention looks both ways, so the only piece must be the last.
        """
        assert self.window is not None or (last and state.memory is None)
        waiting = mx.concatenate([state.ahead, self.embed(x)], axis=1) if x.shape[1] else state.ahead
        ready = waiting.shape[1] if last else max(0, waiting.shape[1] - self.lookahead_tokens)
        if not ready:
            return mx.zeros((1, 0, waiting.shape[2])), EncoderState(waiting, state.memory)
        seen = mx.pad(waiting, [(0, 0), (0, self.lookahead_tokens), (0, 0)]) if last else waiting
        context = StreamingContext(state.memory)
        y = self._run(self.blocks, self.lookahead(seen, context), self.window, context)
        y = self.upsample(context.extend(self.upsample, mx.repeat(y, 2, axis=1)))
        up_window = None if self.window is None else 2 * self.window
        y = self._run(self.up_blocks, self.up_embed(y), up_window, context)
        return self.norm(y), EncoderState(waiting[:, ready:], context.memory)

    def __call__(self, x: mx.array) -> mx.array:
        """(1, N, hidden) -> (1, 2 N, hidden) at once."""
        return self.step(x, self.start(), last=True)[0]

    @staticmethod
    def _run(
        blocks: list[ConformerBlock], x: mx.array, window: int | None, context: StreamingContext
    ) -> mx.array:
        for block in blocks:
            x = block(x, window, context)
        return x
