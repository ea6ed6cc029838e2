"""Fused forms of a Llama: a layer in two operations, or a whole pass in one that writes to the caches in place.

On a CPU each operation of MLX costs about as much as the arithmetic in it for one token; on a GPU the host takes longer
to issue the operations than the device to run them.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeAlias, TypeGuard

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels import backend, cpu, cuda
from nightingale.kernels.cache import Cache, CacheArrays, WritableCache
from nightingale.kernels.linear import CudaLinear, PackedLinear, Projection

RopeTables: TypeAlias = tuple[mx.array, mx.array]  # cosines and signed sines (positions, head_dim)


@dataclass(frozen=True)
class BlockModules:
    """The modules of one Llama block, with joined matrices: q, k and v in one, gate and up in one."""

    input_norm: nn.RMSNorm
    qkv: Projection
    o: Projection
    post_norm: nn.RMSNorm
    gate_up: Projection
    down: Projection
    num_heads: int
    num_kv_heads: int
    head_dim: int

    @property
    def heads(self) -> tuple[int, int]:
        return self.num_heads, self.num_kv_heads

    @property
    def matrices(self) -> tuple[Projection, Projection, Projection, Projection]:
        return self.qkv, self.o, self.gate_up, self.down


class FusedBlock:
    """One block in two operations of the native kernels, with the cache's update between them."""

    def __init__(self, block: BlockModules) -> None:
        qkv, o, gate_up, down = (matrix.matrix for matrix in block.matrices if isinstance(matrix, PackedLinear))
        norm = block.post_norm
        self._input_norm, self._qkv, self._heads = block.input_norm, qkv, block.heads
        self._tail = cpu.LlamaTail(o, norm.weight, gate_up, down, norm.eps)

    def __call__(self, x: mx.array, cos: mx.array, sin: mx.array, cache: Cache) -> mx.array:
        """B sequences of L rows, flat (B * L, hidden), to the same."""
        norm = self._input_norm
        q, k, v = cpu.llama_input(x, norm.weight, self._qkv, (cos, sin), self._heads, norm.eps)
        return cpu.llama_output(x, q, cache.update(k, v, q), self._heads, self._tail)


def fuse_block(block: BlockModules) -> FusedBlock | None:
    """The fused form of a block, or None where there are no native kernels."""
    return FusedBlock(block) if backend.is_native() else None


class FusedPass:
    """All blocks in one operation: of any number of rows on a CPU, of few rows on an NVIDIA GPU."""

    def __init__(self, blocks: Sequence[BlockModules], norm: nn.RMSNorm) -> None:
        first = blocks[0]
        self._num_heads, self._num_kv_heads, self._head_dim = first.num_heads, first.num_kv_heads, first.head_dim
        self._run: Callable[[mx.array, RopeTables, int, int, Sequence[CacheArrays], mx.array], mx.array]
        if backend.is_cuda():
            self._run = partial(_cuda_pass, _cuda_layers(blocks, norm))
            self._max_rows, self._layouts = cuda.MAX_ROWS, {"whole"}
        else:
            self._run = partial(_native_pass, _native_layers(blocks, norm))
            self._max_rows, self._layouts = sys.maxsize, {"whole", "quantized", "budget"}

    def accepts(self, caches: Sequence[Cache], num_rows: int) -> TypeGuard[Sequence[WritableCache]]:
        """Whether this form can read so many rows into these caches."""
        fits = (isinstance(cache, WritableCache) and cache.layout in self._layouts for cache in caches)
        return num_rows <= self._max_rows and all(fits)

    def __call__(self, x: mx.array, caches: Sequence[WritableCache], tables: RopeTables) -> mx.array:
        """(B, L, hidden) at the caches' offset -> normalised states (B, L, hidden). tables: from position 0 on."""
        B, L, _ = x.shape
        first, shape = caches[0], (B, self._num_kv_heads, L, self._head_dim)
        arrays = [cache.buffers(shape, self._num_heads, x.dtype) for cache in caches]
        pending = first.pending_write
        after = pending if pending is not None else mx.zeros((1,), x.dtype)
        states = self._run(x, tables, first.offset, first.write_index, arrays, after)
        for cache in caches:
            cache.commit(L, states)
        return states


def _native_pass(
    layers: cpu.LlamaLayers, x: mx.array, tables: RopeTables, start: int, write_index: int,
    stored: Sequence[CacheArrays], after: mx.array,
) -> mx.array:  # fmt: skip
    return cpu.llama_pass(layers, x, tables, start, write_index, list(chain.from_iterable(stored)), after)


def _cuda_pass(
    layers: cuda.Layers, x: mx.array, tables: RopeTables, start: int, write_index: int,
    stored: Sequence[CacheArrays], after: mx.array,
) -> mx.array:  # fmt: skip
    """The caches have the layout "whole". At most one of them keeps queries."""
    assert write_index == start
    arrays = [array for keys, values, _ in stored for array in (keys, values)]
    rings = [(layer, ring) for layer, (_, _, ring) in enumerate(stored) if ring.size]
    return cuda.llama_pass(layers, x, tables, start, arrays, after, rings[0] if rings else None)


def fuse_pass(blocks: Sequence[BlockModules], norm: nn.RMSNorm) -> FusedPass | None:
    """The fused form of all blocks and the norm after them.

    None where the backend has none, or where a kind of matrix has several precisions over the blocks.
    """
    if not (backend.is_native() or backend.is_cuda()):
        return None
    kinds = zip(*(block.matrices for block in blocks), strict=True)
    uniform = all(len({_precision(matrix) for matrix in kind}) == 1 for kind in kinds)
    return FusedPass(blocks, norm) if uniform else None


def _precision(linear: Projection) -> tuple[int, int]:
    assert isinstance(linear, PackedLinear | CudaLinear)
    return linear.matrix.bits, linear.matrix.group


def _native_layers(blocks: Sequence[BlockModules], norm: nn.RMSNorm) -> cpu.LlamaLayers:
    weights: list[mx.array] = []
    for block in blocks:
        qkv, o, gate_up, down = _packed(block)
        weights += [block.input_norm.weight, qkv.weights, o.weights]
        weights += [block.post_norm.weight, gate_up.weights, down.weights]
    sizes = [matrix.sizes for matrix in _packed(blocks[0])]
    return cpu.LlamaLayers(weights, sizes, norm.weight, blocks[0].heads, norm.eps)


def _packed(block: BlockModules) -> list[cpu.PackedMatrix]:
    return [linear.matrix for linear in block.matrices if isinstance(linear, PackedLinear)]


def _cuda_layers(blocks: Sequence[BlockModules], norm: nn.RMSNorm) -> cuda.Layers:
    qkv, o, gate_up, down = (_join_matrices(kind) for kind in zip(*(block.matrices for block in blocks), strict=True))
    input_norm = _join([block.input_norm for block in blocks], "weight")
    post_norm = _join([block.post_norm for block in blocks], "weight")
    return cuda.Layers(input_norm, qkv, o, post_norm, gate_up, down, norm.weight, norm.eps, blocks[0].heads)


def _join_matrices(linears: Sequence[Projection]) -> cuda.Matrix:
    first = linears[0]
    assert isinstance(first, CudaLinear)
    parts = (_join(linears, name) if name in first else None for name in ("scales", "biases"))
    return cuda.Matrix(_join(linears, "weight"), first.bits, *parts)


def _join(modules: Sequence[nn.Module], name: str) -> mx.array:
    """An array of all modules end to end. The modules' own arrays become views of it, so memory does not double."""
    joined = mx.concatenate([module[name] for module in modules])
    mx.eval(joined)
    for module, part in zip(modules, mx.split(joined, len(modules)), strict=True):
        module[name] = part
    return joined
