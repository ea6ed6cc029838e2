"""Speech tokens' embeddings to frames: a conformer without convolutions, doubled in rate in its middle.

Knows relative positions, the look-ahead and how to go on from an earlier piece; knows nothing of mel or flow.
"""

import math
from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels import cpu as kernels
from nightingale.kernels.activations import leaky_relu, silu
from nightingale.kernels.backend import native
from nightingale.models.config import EncoderConfig
from nightingale.models.layers import Carry, Conv1d, attend, split_heads, window_bias

UPSAMPLE_KERNEL = 5
# Distances computed together: a sine or a product differs in its last bits with the size of the array that it is in,
# and what was spoken before must not change how a sentence sounds.
_BLOCK = 128


@dataclass(frozen=True)
class EncoderState:
    """What the encoder remembers between two pieces of a token sequence.

    ahead: (1, N, C) embedded tokens that still wait for their look-ahead.
    """

    ahead: mx.array
    tails: tuple[mx.array, ...] | None


def relative_positions(farthest_back: int, farthest_ahead: int, width: int) -> mx.array:
    """Sinusoids of the distances farthest_back .. -farthest_ahead, (rows, width); a key to the left is positive."""
    distance = mx.arange(farthest_back, -farthest_ahead - 1, -1).astype(mx.float32)[:, None]
    rate = mx.exp(mx.arange(0, width, 2).astype(mx.float32) * (-math.log(10_000.0) / width))
    angle = distance * rate[None]
    return mx.stack([mx.sin(angle), mx.cos(angle)], axis=-1).reshape(-1, width)


def skew(scores: mx.array, keys: int) -> mx.array:
    """Scores by distance, (B, H, T, keys + T - 1), farthest first -> scores by key, (B, H, T, keys)."""
    batch, heads, rows, width = scores.shape
    if rows == 1:
        return scores
    flat = scores.reshape(batch, heads, rows * width)[..., rows - 1 : rows * width - 1]
    return flat.reshape(batch, heads, rows, width - 1)[..., :keys]


class RelativeAttention(nn.Module):
    """Self-attention that knows how far a key is, after Transformer-XL."""

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
        self._made_of: mx.array | None = None
        self._reach = (-1, -1)

    def _positions(self, back: int, ahead: int) -> mx.array:
        """Projected positions of the distances back .. -ahead, (rows, C); kept, for they never change."""
        weight = self.pos_proj.weight
        if self._made_of is not weight or back > self._reach[0] or ahead > self._reach[1]:
            self._made_of = weight
            low, high = -(-max(ahead, self._reach[1]) // _BLOCK), max(back, self._reach[0]) // _BLOCK + 1
            starts = range((high - 1) * _BLOCK, (-low - 1) * _BLOCK, -_BLOCK)
            width = weight.shape[0]
            blocks = [self.pos_proj(relative_positions(n + _BLOCK - 1, -n, width)) for n in starts]
            self._table, self._reach = mx.concatenate(blocks), (high * _BLOCK - 1, low * _BLOCK)
        start = self._reach[0] - back
        return self._table[start : start + back + ahead + 1]

    def __call__(self, x: mx.array, bias: mx.array | None, window: int | None, carry: Carry) -> mx.array:
        limit = None if window is None else window - 1
        q, k, v = self.q_proj(x), carry.append(self.k_proj(x), limit), carry.append(self.v_proj(x), limit)
        rows, keys = q.shape[1], k.shape[1]
        table = self._positions(keys - 1, rows - 1)
        if native():
            positions = self.pos_bias_u, self.pos_bias_v, table
            return self.o_proj(kernels.attention(q, k, v, self.num_heads, window, positions))
        q, k, v = (split_heads(r, self.num_heads) for r in (q, k, v))
        scale = q.shape[3] ** -0.5
        by_content = ((q + self.pos_bias_u[:, None]) * scale) @ k.transpose(0, 1, 3, 2)
        distances = split_heads(table[None], self.num_heads).transpose(0, 1, 3, 2)
        by_distance = ((q + self.pos_bias_v[:, None]) * scale) @ distances
        scores = by_content + skew(by_distance, keys)
        return self.o_proj(attend(scores if bias is None else scores + bias, v))


class FeedForward(nn.Module):
    """Two layers with SiLU between."""

    def __init__(self, width: int, ffn_size: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, ffn_size)
        self.linear_2 = nn.Linear(ffn_size, width)

    def __call__(self, x: mx.array) -> mx.array:
        return self.linear_2(silu(self.linear_1(x)))


class ConformerBlock(nn.Module):
    """Attention and feed-forward, each after a norm and beside a residual."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.hidden_size, eps=1e-12)
        self.attention = RelativeAttention(config)
        self.norm_ffn = nn.LayerNorm(config.hidden_size, eps=1e-12)
        self.ffn = FeedForward(config.hidden_size, config.ffn_size)

    def __call__(self, x: mx.array, bias: mx.array | None, window: int | None, carry: Carry) -> mx.array:
        x = x + self.attention(self.norm_attention(x), bias, window, carry)
        return x + self.ffn(self.norm_ffn(x))


class Embed(nn.Module):
    """A projection, normed and brought to the scale that positions are made for."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self._scale = math.sqrt(width)

    def __call__(self, x: mx.array) -> mx.array:
        y: mx.array = self.norm(self.linear(x)) * self._scale
        return y


class LookAhead(nn.Module):
    """Mixes the next few tokens into each; the only thing in the encoder that sees ahead."""

    def __init__(self, width: int, lookahead_tokens: int) -> None:
        super().__init__()
        self.conv1 = Conv1d(width, width, lookahead_tokens + 1)
        self.conv2 = Conv1d(width, width, 3)

    def __call__(self, x: mx.array, carry: Carry) -> mx.array:
        """(B, T + lookahead, C) -> (B, T, C)."""
        ahead = leaky_relu(self.conv1(x), 0.01)
        return x[:, : ahead.shape[1]] + self.conv2(carry.extend(ahead, self.conv2.context))


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
        """Embeddings of new tokens (1, N, hidden) -> frames of the tokens whose look-ahead is known, two for each.

        Without a window the attention looks both ways, and only a single, last piece makes sense.
        """
        assert self.window is not None or (last and state.tails is None)
        waiting = mx.concatenate([state.ahead, self.embed(x)], axis=1) if x.shape[1] else state.ahead
        ready = waiting.shape[1] if last else max(0, waiting.shape[1] - self.lookahead_tokens)
        if not ready:
            return mx.zeros((1, 0, waiting.shape[2])), EncoderState(waiting, state.tails)
        seen = mx.pad(waiting, [(0, 0), (0, self.lookahead_tokens), (0, 0)]) if last else waiting
        carry = Carry(state.tails)
        y = self._run(self.blocks, self.lookahead(seen, carry), self.window, carry)
        y = self.upsample(carry.extend(mx.repeat(y, 2, axis=1), self.upsample.context))
        up_window = None if self.window is None else 2 * self.window
        y = self._run(self.up_blocks, self.up_embed(y), up_window, carry)
        return self.norm(y), EncoderState(waiting[:, ready:], carry.tails)

    def __call__(self, x: mx.array) -> mx.array:
        """(1, N, hidden) -> (1, 2 N, hidden) at once."""
        return self.step(x, self.start(), last=True)[0]

    @staticmethod
    def _run(blocks: list[ConformerBlock], x: mx.array, window: int | None, carry: Carry) -> mx.array:
        bias = window_bias(x.shape[1], x.shape[1] + (carry.rows_ahead if window else 0), window)
        for block in blocks:
            x = block(x, bias, window, carry)
        return x
