"""The Llama backbone of T3 and of its draft: embeddings in, hidden states out.

Few operations a token, because on a CPU each costs MLX about as much as the arithmetic in it: q, k and v are one
product, gate and up are one product, q and k are rotated together. Where the backend has a fused form of a layer or of
the whole pass, that is used (kernels/llama.py).
"""

import math
from collections.abc import Sequence

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels.cache import Cache
from nightingale.kernels.linear import Projection, join_linears
from nightingale.kernels.llama import BlockModules, FusedBlock, FusedPass, fuse_block, fuse_pass
from nightingale.models.config import LlamaConfig


class Rope:
    """Rotary positions by halves (Su et al. 2021, https://arxiv.org/abs/2104.09864), scaled as in Llama 3.1."""

    def __init__(self, config: LlamaConfig) -> None:
        half = config.head_dim // 2
        frequencies = [config.rope_theta ** (-i / half) for i in range(half)]
        scaling = config.rope_scaling
        if scaling is not None:
            low = scaling.original_max_positions / scaling.low_freq_factor
            high = scaling.original_max_positions / scaling.high_freq_factor
            for i, frequency in enumerate(frequencies):
                wavelength = 2 * math.pi / frequency
                # 1 for waves shorter than `high`, 0 for waves longer than `low`, linear in 1/wavelength between.
                kept = (1 / wavelength - 1 / low) / (1 / high - 1 / low)
                kept = min(max(kept, 0.0), 1.0)
                frequencies[i] = frequency * (kept + (1 - kept) / scaling.factor)
        self._frequencies = mx.array(frequencies)
        self._tables = mx.zeros((0, 1)), mx.zeros((0, 1))

    def __call__(self, start: int, length: int) -> tuple[mx.array, mx.array]:
        """Cosines and signed sines (length, head_dim) of positions start, start + 1, ..., in float32."""
        stop = start + length
        cos, sin = self.tables(stop)
        return cos[start:stop], sin[start:stop]

    def tables(self, stop: int) -> tuple[mx.array, mx.array]:
        """Cosines and signed sines of all positions below `stop` and some more, (positions, head_dim)."""
        if stop > self._tables[0].shape[0]:
            self._tables = self._make_tables(max(256, 2 * stop))
        return self._tables

    def _make_tables(self, length: int) -> tuple[mx.array, mx.array]:
        """For all positions below `length`, made once: ten small operations for every token would cost more."""
        angles = mx.arange(length, dtype=mx.float32)[:, None] * self._frequencies
        cos, sin = mx.cos(angles), mx.sin(angles)
        tables = mx.concatenate([cos, cos], axis=-1), mx.concatenate([-sin, sin], axis=-1)
        mx.eval(tables)
        return tables


def rotate(x: mx.array, cos: mx.array, sin: mx.array) -> mx.array:
    """Rotate the two halves of the last axis: (B, H, L, D) with (L, D) tables."""
    # mx.fast.rope has no CPU kernel: 46 microseconds there, this 13.
    return (x * cos + mx.roll(x, x.shape[-1] // 2, -1) * sin).astype(x.dtype)


class Attention(nn.Module):
    """Causal grouped-query attention (Ainslie et al. 2023, https://arxiv.org/abs/2305.13245)."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        D = config.head_dim
        self.num_heads, self.num_kv_heads, self.head_dim = config.num_heads, config.num_kv_heads, D
        self.q_proj = nn.Linear(config.hidden_size, config.num_heads * D, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, config.num_kv_heads * D, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, config.num_kv_heads * D, bias=False)
        self.o_proj: Projection = nn.Linear(config.num_heads * D, config.hidden_size, bias=False)

    def fuse(self) -> None:
        self.qkv_proj = join_linears([self.pop("q_proj"), self.pop("k_proj"), self.pop("v_proj")])
        self.o_proj = join_linears([self.o_proj])

    def __call__(self, x: mx.array, cos: mx.array, sin: mx.array, cache: Cache) -> mx.array:
        """B sequences of L rows, flat (B * L, hidden), to the same. The cache holds the rows before and is extended."""
        L = cos.shape[0]
        H, K = self.num_heads, self.num_kv_heads
        qkv = self.qkv_proj(x).reshape(-1, L, H + 2 * K, self.head_dim).swapaxes(1, 2)
        qk = rotate(qkv[:, : H + K], cos, sin)
        queries = qk[:, :H]
        flat_queries = queries.swapaxes(1, 2).reshape(-1, H * self.head_dim)
        keys, values, mask = cache.dense(cache.update(qk[:, H:], qkv[:, H + K :], flat_queries), L)
        out = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=self.head_dim**-0.5, mask=mask)
        attended: mx.array = self.o_proj(out.swapaxes(1, 2).reshape(-1, H * self.head_dim))
        return attended


class MLP(nn.Module):
    """SwiGLU (Shazeer 2020, https://arxiv.org/abs/2002.05202)."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj: Projection = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def fuse(self) -> None:
        self.gate_up_proj = join_linears([self.pop("gate_proj"), self.pop("up_proj")])
        self.down_proj = join_linears([self.down_proj])

    def __call__(self, x: mx.array) -> mx.array:
        # Not nn.silu: that is an mx.compile function, which on a CPU calls a C++ compiler at run time.
        gate, up = mx.split(self.gate_up_proj(x), 2, axis=-1)
        out: mx.array = self.down_proj(gate * mx.sigmoid(gate) * up)
        return out


class Block(nn.Module):
    """Attention and MLP, each with a norm before it and a residual around it."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.input_norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.attention = Attention(config)
        self.post_attention_norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config)
        self._fused: FusedBlock | None = None

    def fuse(self) -> BlockModules:
        attention, mlp = self.attention, self.mlp
        attention.fuse()
        mlp.fuse()
        modules = BlockModules(
            self.input_norm, attention.qkv_proj, attention.o_proj, self.post_attention_norm, mlp.gate_up_proj,
            mlp.down_proj, attention.num_heads, attention.num_kv_heads, attention.head_dim,
        )  # fmt: skip
        self._fused = fuse_block(modules)
        return modules

    def __call__(self, x: mx.array, cos: mx.array, sin: mx.array, cache: Cache) -> mx.array:
        if self._fused is not None:
            return self._fused(x, cos, sin, cache)
        x = x + self.attention(self.input_norm(x), cos, sin, cache)
        return x + self.mlp(self.post_attention_norm(x))


class Llama(nn.Module):
    """Parameters are named and shaped as on disk until `fuse`, which must be called once after loading.

    `fuse` changes the module tree: it replaces the matrices that read the same input by joined ones.
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.layers = [Block(config) for _ in range(config.num_layers)]
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self._rope = Rope(config)
        self._fused_pass: FusedPass | None = None

    def fuse(self) -> None:
        """Join matrices and lay them out for the backend. The old ones are released, so memory does not double."""
        self._fused_pass = fuse_pass([layer.fuse() for layer in self.layers], self.norm)

    def __call__(self, x: mx.array, caches: Sequence[Cache], num_last: int | None = None) -> mx.array:
        """(B, L, hidden) at the caches' offset -> normalised states of the last `num_last` positions, or of all."""
        B, L, D = x.shape
        start = caches[0].offset
        if self._fused_pass is not None and self._fused_pass.accepts(caches, B * L):
            states = self._fused_pass(x, caches, self._rope.tables(start + L))
            return states if num_last is None else states[:, -num_last:]
        cos, sin = self._rope(start, L)
        # Flat, because on a CPU MLX multiplies each of B batches on its own and reads the weights B times.
        x = x.reshape(B * L, D)
        for layer, cache in zip(self.layers, caches, strict=True):
            x = layer(x, cos, sin, cache)
        x = x.reshape(B, L, D)
        normed: mx.array = self.norm(x if num_last is None else x[:, -num_last:])
        return normed
