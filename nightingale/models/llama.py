"""The Llama backbone that T3 and its draft share: embeddings in, hidden states out.

Written for few operations a token, because on a CPU each costs mlx about as much as the arithmetic in it: q, k and v
are one matmul, as are gate and up, and q and k are rotated together. With kernels of our own a pass is one operation,
or a layer is two and its cache's. Knows nothing of tokens or of sampling.
"""

import math
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeGuard

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels import cpu as kernels
from nightingale.kernels import cuda
from nightingale.kernels.backend import native, on_cpu
from nightingale.models.cache import Cache, Stored, WritableCache
from nightingale.models.config import LlamaConfig
from nightingale.models.layers import CudaLinear, PackedLinear

Projection: TypeAlias = nn.Linear | nn.QuantizedLinear | PackedLinear | CudaLinear
Tables: TypeAlias = tuple[mx.array, mx.array]  # cosines and signed sines (positions, head_dim)


class Rope:
    """Rotary positions by halves, with Llama 3's stretching where the config has it."""

    def __init__(self, config: LlamaConfig) -> None:
        half = config.head_dim // 2
        frequencies = [config.rope_theta ** (-i / half) for i in range(half)]
        scaling = config.rope_scaling
        if scaling is not None:
            low = scaling.original_max_positions / scaling.low_freq_factor
            high = scaling.original_max_positions / scaling.high_freq_factor
            for i, frequency in enumerate(frequencies):
                wavelength = 2 * math.pi / frequency
                # 1 for waves shorter than `high`, 0 for those longer than `low`, between them a line in 1/wavelength.
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
        """Those of all positions below `stop`, and of some more."""
        if stop > self._tables[0].shape[0]:
            self._tables = self._make_tables(max(256, 2 * stop))
        return self._tables

    def _make_tables(self, length: int) -> tuple[mx.array, mx.array]:
        """For all positions below `length`: made once, for every token would pay ten small operations for its own."""
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
    """Causal grouped-query attention."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        D = config.head_dim
        self.num_heads, self.num_kv_heads, self.head_dim = config.num_heads, config.num_kv_heads, D
        self.q_proj = nn.Linear(config.hidden_size, config.num_heads * D, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, config.num_kv_heads * D, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, config.num_kv_heads * D, bias=False)
        self.o_proj: Projection = nn.Linear(config.num_heads * D, config.hidden_size, bias=False)

    def fuse(self) -> None:
        self.qkv_proj = fused_linear([self.pop("q_proj"), self.pop("k_proj"), self.pop("v_proj")])
        self.o_proj = fused_linear([self.o_proj])

    def __call__(self, x: mx.array, cos: mx.array, sin: mx.array, cache: Cache) -> mx.array:
        """B sequences of L rows, flat (B * L, hidden), to the same; the cache has what came before and is added to."""
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
    """SwiGLU."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj: Projection = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def fuse(self) -> None:
        self.gate_up_proj = fused_linear([self.pop("gate_proj"), self.pop("up_proj")])
        self.down_proj = fused_linear([self.down_proj])

    def __call__(self, x: mx.array) -> mx.array:
        # Not nn.silu: that is an mx.compile function, which on a CPU calls a C++ compiler at run time.
        gate, up = mx.split(self.gate_up_proj(x), 2, axis=-1)
        out: mx.array = self.down_proj(gate * mx.sigmoid(gate) * up)
        return out


class Block(nn.Module):
    """Attention and MLP, each normalised first and added to what went in."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.input_norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.attention = Attention(config)
        self.post_attention_norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config)
        self._tail: kernels.LlamaTail | None = None

    def fuse(self) -> None:
        self.attention.fuse()
        self.mlp.fuse()
        qkv, o = self.attention.qkv_proj, self.attention.o_proj
        gate_up, down = self.mlp.gate_up_proj, self.mlp.down_proj
        if not isinstance(qkv, PackedLinear):
            return
        assert isinstance(o, PackedLinear) and isinstance(gate_up, PackedLinear) and isinstance(down, PackedLinear)
        norm = self.post_attention_norm
        self._qkv = qkv.matrix
        self._tail = kernels.LlamaTail(o.matrix, norm.weight, gate_up.matrix, down.matrix, norm.eps)

    def __call__(self, x: mx.array, cos: mx.array, sin: mx.array, cache: Cache) -> mx.array:
        if self._tail is not None:
            heads, norm = (self.attention.num_heads, self.attention.num_kv_heads), self.input_norm
            q, k, v = kernels.llama_input(x, norm.weight, self._qkv, (cos, sin), heads, norm.eps)
            return kernels.llama_output(x, q, cache.update(k, v, q), heads, self._tail)
        x = x + self.attention(self.input_norm(x), cos, sin, cache)
        return x + self.mlp(self.post_attention_norm(x))


class WholePass:
    """A pass in one operation, which writes to the caches: of any rows on a CPU, of few on an NVIDIA GPU."""

    def __init__(self, layers: Sequence[Block], norm: nn.RMSNorm, rope: Rope) -> None:
        attention = layers[0].attention
        self._rope, self._num_kv_heads, self._head_dim = rope, attention.num_kv_heads, attention.head_dim
        self._num_heads = attention.num_heads
        heads = attention.num_heads, attention.num_kv_heads
        self._read: Callable[[mx.array, Tables, int, int, Stored, mx.array], mx.array]
        if cuda.available():
            whole = _cuda_layers(layers, norm, heads)
            # A KVCache's place is its offset.
            self._read = lambda x, tables, start, _, *rest: cuda.read(whole, x, tables, start, *rest)
            self._most_rows, self._layouts = cuda.MAX_ROWS, {"whole"}
        else:
            self._read = partial(kernels.llama_pass, _native_layers(layers, norm, heads))
            self._most_rows, self._layouts = sys.maxsize, {"whole", "quantized", "budget"}

    @staticmethod
    def fits(layers: Sequence[Block]) -> bool:
        """Whether each kind of matrix has one precision in all layers; where not, every pass goes layer by layer."""
        return all(len({(m.matrix.bits, m.matrix.group) for m in kind}) == 1 for kind in _kinds(layers))

    def takes(self, caches: Sequence[Cache], x: mx.array) -> TypeGuard[Sequence[WritableCache]]:
        """Whether this pass is one: so few rows (B, L, hidden), and caches that it can write to."""
        few = x.shape[0] * x.shape[1] <= self._most_rows
        return few and all(isinstance(cache, WritableCache) and cache.layout in self._layouts for cache in caches)

    def __call__(self, x: mx.array, caches: Sequence[WritableCache]) -> mx.array:
        """(B, L, hidden) at the caches' offset -> normalised states."""
        B, L, _ = x.shape
        start, shape = caches[0].offset, (B, self._num_kv_heads, L, self._head_dim)
        stored = tuple(array for cache in caches for array in cache.buffers(shape, self._num_heads, x.dtype))
        written = caches[0].written
        after = written if written is not None else mx.zeros((1,), x.dtype)
        states = self._read(x, self._rope.tables(start + L), start, caches[0].place, stored, after)
        for cache in caches:
            cache.wrote(L, states)
        return states


def _kinds(layers: Sequence[Block]) -> list[list[Any]]:
    """A layer's four matrices, each kind's of all layers, as `fuse` made them."""
    return [
        [layer.attention.qkv_proj for layer in layers], [layer.attention.o_proj for layer in layers],
        [layer.mlp.gate_up_proj for layer in layers], [layer.mlp.down_proj for layer in layers],
    ]  # fmt: skip


def _native_layers(layers: Sequence[Block], norm: nn.RMSNorm, heads: tuple[int, int]) -> kernels.LlamaLayers:
    qkv, o, gate_up, down = ([linear.matrix for linear in kind] for kind in _kinds(layers))
    weights: list[mx.array] = []
    for i, layer in enumerate(layers):
        weights += [layer.input_norm.weight, qkv[i].weights, o[i].weights]
        weights += [layer.post_attention_norm.weight, gate_up[i].weights, down[i].weights]
    sizes = [kind[0].sizes for kind in (qkv, o, gate_up, down)]
    return kernels.LlamaLayers(weights, sizes, norm.weight, heads, norm.eps)


def _cuda_layers(layers: Sequence[Block], norm: nn.RMSNorm, heads: tuple[int, int]) -> cuda.Layers:
    qkv, o, gate_up, down = map(_joined_matrices, _kinds(layers))
    input_norm = _joined([layer.input_norm for layer in layers], "weight")
    post_norm = _joined([layer.post_attention_norm for layer in layers], "weight")
    return cuda.Layers(input_norm, qkv, o, post_norm, gate_up, down, norm.weight, norm.eps, heads)


def _joined_matrices(layers: Sequence[CudaLinear]) -> cuda.Matrix:
    parts = (_joined(layers, name) if name in layers[0] else None for name in ("scales", "biases"))
    return cuda.Matrix(_joined(layers, "weight"), layers[0].bits, *parts)


def _joined(modules: Sequence[nn.Module], name: str) -> mx.array:
    """An array of all modules in one, end to end, of which theirs become views, so that memory does not double."""
    joined = mx.concatenate([module[name] for module in modules])
    mx.eval(joined)
    for module, part in zip(modules, mx.split(joined, len(modules)), strict=True):
        module[name] = part
    return joined


def project(x: mx.array, layer: Projection) -> mx.array:
    """Rows (M, in) through a layer: (M, out) in float32."""
    if isinstance(layer, CudaLinear):
        return layer(x, mx.float32)
    product: mx.array = layer(x)
    return product.astype(mx.float32)


class Llama(nn.Module):
    """Parameters are named and shaped as on disk until `fuse`, which must be called once after loading."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.layers = [Block(config) for _ in range(config.num_layers)]
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self._rope = Rope(config)
        self._whole: WholePass | None = None

    def fuse(self) -> None:
        """Join the matrices that read the same input. The old ones are given up, so memory does not double."""
        for layer in self.layers:
            layer.fuse()
        if (native() or cuda.available()) and WholePass.fits(self.layers):
            self._whole = WholePass(self.layers, self.norm, self._rope)

    def __call__(self, x: mx.array, caches: Sequence[Cache], num_last: int | None = None) -> mx.array:
        """(B, L, hidden) at the caches' offset -> normalised states of the last `num_last` positions, or of all."""
        B, L, D = x.shape
        if self._whole is not None and self._whole.takes(caches, x):
            states = self._whole(x, caches)
            return states if num_last is None else states[:, -num_last:]
        cos, sin = self._rope(caches[0].offset, L)
        # Flat, because mlx on a CPU multiplies each of B batches on its own: B times the weights read.
        x = x.reshape(B * L, D)
        for layer, cache in zip(self.layers, caches, strict=True):
            x = layer(x, cos, sin, cache)
        x = x.reshape(B, L, D)
        normed: mx.array = self.norm(x if num_last is None else x[:, -num_last:])
        return normed


def fused_linear(parts: Sequence[Projection]) -> Projection:
    """One layer whose output is the parts' outputs side by side; the parts have no bias and one precision.

    Without native kernels a float weight is kept (out, in) but laid out in memory as its transpose, which a CPU
    multiplies by one row of input a quarter faster.
    """
    first = parts[0]
    assert isinstance(first, nn.Linear | nn.QuantizedLinear)
    if isinstance(first, nn.QuantizedLinear):
        for name in ("weight", "scales", "biases"):
            first[name] = mx.concatenate([part[name] for part in parts])
        weight, scales, biases = (first[name] for name in ("weight", "scales", "biases"))
        if native():
            return PackedLinear(kernels.pack_quantized(weight, scales, biases, first.bits))
        return CudaLinear(cuda.Matrix(weight, first.bits, scales, biases)) if cuda.available() else first
    weight = mx.concatenate([part.weight for part in parts])
    if native():
        return PackedLinear(kernels.pack(weight))
    if cuda.available():
        return CudaLinear(cuda.Matrix(weight))
    first.weight = mx.contiguous(weight.T).T if on_cpu() else weight
    return first
