"""The GPT-2 backbone of the T3 of Turbo and Nano: embeddings in, hidden states out.

As the GPT2Model of transformers (Radford et al. 2019; https://github.com/huggingface/transformers), without its own
embedding of tokens.
"""

import math
from collections.abc import Sequence

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels.cache import Cache
from nightingale.kernels.linear import Projection, join_linears, pack_layers
from nightingale.models.config import GPT2Config

_GELU_SCALE = 2.0 * math.sqrt(2.0 / math.pi)


class Attention(nn.Module):
    """Causal multi-head attention; one product gives queries, keys and values."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        D = config.hidden_size
        self.num_heads, self.head_dim = config.num_heads, D // config.num_heads
        self.qkv_proj: Projection = nn.Linear(D, 3 * D)
        self.o_proj: Projection = nn.Linear(D, D)

    def __call__(self, x: mx.array, length: int, cache: Cache) -> mx.array:
        """B sequences of `length` rows, flat (B * L, hidden), to the same. The cache holds the rows before."""
        H, D = self.num_heads, self.head_dim
        qkv = self.qkv_proj(x).reshape(-1, length, 3, H, D)
        queries, keys, values = (qkv[:, :, i].swapaxes(1, 2) for i in range(3))
        flat_queries = queries.swapaxes(1, 2).reshape(-1, H * D)
        keys, values, mask = cache.dense(cache.update(keys, values, flat_queries), length)
        out = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=D**-0.5, mask=mask)
        attended: mx.array = self.o_proj(out.swapaxes(1, 2).reshape(-1, H * D))
        return attended


class MLP(nn.Module):
    """Two layers with the tanh form of GELU between."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.up_proj: Projection = nn.Linear(hidden_size, 4 * hidden_size)
        self.down_proj: Projection = nn.Linear(4 * hidden_size, hidden_size)

    def __call__(self, x: mx.array) -> mx.array:
        x = self.up_proj(x)
        # 0.5 * (1 + tanh(z)) is sigmoid(2 z).
        out: mx.array = self.down_proj(x * mx.sigmoid(x * (_GELU_SCALE + _GELU_SCALE * 0.044715 * (x * x))))
        return out


class Block(nn.Module):
    """Attention and MLP, each with a norm before it and a residual around it."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.input_norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.attention = Attention(config)
        self.post_attention_norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.mlp = MLP(config.hidden_size)

    def fuse(self) -> None:
        attention, mlp = self.attention, self.mlp
        attention.qkv_proj, attention.o_proj = join_linears([attention.qkv_proj]), join_linears([attention.o_proj])
        mlp.up_proj, mlp.down_proj = join_linears([mlp.up_proj]), join_linears([mlp.down_proj])

    def __call__(self, x: mx.array, length: int, cache: Cache) -> mx.array:
        x = x + self.attention(self.input_norm(x), length, cache)
        return x + self.mlp(self.post_attention_norm(x))


class GPT2(nn.Module):
    """Parameters are named and shaped as on disk until `fuse`, which must be called once after loading."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        if config.hidden_size % config.num_heads:
            raise ValueError(f"{config.num_heads} heads do not divide a width of {config.hidden_size}")
        self.pos_embed = nn.Embedding(config.max_positions, config.hidden_size)
        self.layers = [Block(config) for _ in range(config.num_layers)]
        self.norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def fuse(self) -> None:
        """Lay the weights out for the backend."""
        for layer in self.layers:
            layer.fuse()
        pack_layers(self)

    def __call__(self, x: mx.array, caches: Sequence[Cache], num_last: int | None = None) -> mx.array:
        """(B, L, hidden) at the caches' offset -> normalised states of the last `num_last` positions, or of all."""
        B, L, D = x.shape
        start = caches[0].offset
        x = (x + self.pos_embed.weight[start : start + L]).reshape(B * L, D)
        for layer, cache in zip(self.layers, caches, strict=True):
            x = layer(x, L, cache)
        x = x.reshape(B, L, D)
        normed: mx.array = self.norm(x if num_last is None else x[:, -num_last:])
        return normed
