"""Keys and values of the positions a Llama has read. One protocol; attention does not know which kind it fills.

`offset` is the position of the next token (RoPE's business), which a cache that forgets (budget.py) keeps apart from
how many positions it still stores. A cache that cannot give back its last positions says so in `rewinds`.
"""

import sys
from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, TypeAlias

import mlx.core as mx

from nightingale import kernels
from nightingale.elementary import native
from nightingale.errors import CacheError

Stored: TypeAlias = tuple[mx.array, ...]  # what kernels.llama_output reads
Mask: TypeAlias = mx.array | str | None  # what mx.fast.scaled_dot_product_attention takes


class Cache(Protocol):
    """What attention and the token loop ask of a cache of one layer."""

    rewinds: bool

    @property
    def offset(self) -> int:
        """Position of the next token."""

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""

    @property
    def room(self) -> int:
        """The most positions of the next update, if the tokens must not depend on how passes are cut."""

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> Stored:
        """Append (B, K, L, head_dim), which queries (B * L, H * head_dim) look for; return what they may attend to."""

    def dense(self, stored: Stored, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        """What `update` returned for so many positions: keys and values (B, K, S, head_dim), and a mask."""

    def trim(self, count: int) -> None:
        """Forget the last `count` positions. Raises CacheError rather than forgetting fewer."""


class WritableCache(Cache):
    """A cache that a pass in one operation may write to in place, and what such a pass asks of it.

    MLX knows nothing of such writing: what reads the buffers must come after it.
    """

    rewinds = True

    @property
    @abstractmethod
    def place(self) -> int:
        """Where in the buffers the next position goes."""

    @property
    @abstractmethod
    def written(self) -> mx.array | None:
        """What the last pass that wrote in place gave; None if nothing waits for it."""

    @abstractmethod
    def buffers(self, shape: tuple[int, ...], num_heads: int, dtype: mx.Dtype) -> Stored:
        """What kernels.llama_pass takes, with room for so many more positions (B, K, L, head_dim) of so many heads."""

    @abstractmethod
    def wrote(self, count: int, by: mx.array) -> None:
        """So many positions were written in place, by the pass that gives this array."""


class BufferedCache(WritableCache):
    """Every position that came, in buffers that grow by `step` positions."""

    room = sys.maxsize

    def __init__(self, step: int = 256) -> None:
        self.step = step
        self._written: mx.array | None = None
        self._offset = 0
        self._buffers: tuple[mx.array, ...] = ()

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def place(self) -> int:
        return self._offset

    @property
    def written(self) -> mx.array | None:
        return self._written

    @property
    def nbytes(self) -> int:
        return sum(buffer.nbytes for buffer in self._buffers)

    def held(self) -> Stored:
        """What there is of each buffer (B, K, offset, ...)."""
        self._settle()
        return tuple(buffer[:, :, : self._offset] for buffer in self._buffers)

    def buffers(self, shape: tuple[int, ...], num_heads: int, dtype: mx.Dtype) -> Stored:
        return self._with_room((shape, shape), dtype)

    def wrote(self, count: int, by: mx.array) -> None:
        self._offset += count
        self._written = by

    def trim(self, count: int) -> None:
        self._offset = trimmed(self._offset, count)

    def _append(self, *new: mx.array) -> Stored:
        """Positions for each buffer (B, K, L, ...); what there is then."""
        self._settle()
        start, end = self._offset, self._offset + new[0].shape[2]
        buffers = self._with_room([rows.shape for rows in new], new[0].dtype)
        for buffer, rows in zip(buffers, new, strict=True):
            buffer[:, :, start:end] = rows
        self._offset = end
        return self.held()

    def _with_room(self, shapes: Sequence[tuple[int, ...]], dtype: mx.Dtype) -> Stored:
        """The buffers, made longer where so many more positions do not fit."""
        have, end = self._buffers[0].shape[2] if self._buffers else 0, self._offset + shapes[0][2]
        if have < end:
            self._settle()
            extra = (end - have + self.step - 1) // self.step * self.step
            fresh = tuple(mx.zeros((B, K, extra, width), dtype) for B, K, _, width in shapes)
            old = self._buffers or [buffer[:, :, :0] for buffer in fresh]
            self._buffers = tuple(mx.concatenate([*pair], axis=2) for pair in zip(old, fresh, strict=True))
        return self._buffers

    def _settle(self) -> None:
        """Wait for what writes in place."""
        if self._written is not None:
            mx.eval(self._written)
            self._written = None


class KVCache(BufferedCache):
    """Every key and value as they came."""

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> Stored:
        """Append (B, K, L, head_dim); return (B, K, offset, head_dim) twice."""
        return self._append(keys, values)

    def dense(self, stored: Stored, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        return stored[0], stored[1], causal(num_new)


class QuantizedKVCache(BufferedCache):
    """Every key and value in 8 or 4 bits, each with scales and offsets of its own.

    A position is stored once, as it comes, so that rewinding and reading again gives what never rewinding gives.
    """

    def __init__(self, bits: int, step: int = 256) -> None:
        super().__init__(step)
        self.bits = bits
        self._dtype = mx.float32

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> Stored:
        """Append (B, K, L, head_dim); return rows (B, K, offset, words) as kernels.compress lays them out."""
        self._dtype = keys.dtype
        compress = kernels.compress if native() else compressed
        return self._append(compress(keys, values, self.bits))

    def buffers(self, shape: tuple[int, ...], num_heads: int, dtype: mx.Dtype) -> Stored:
        """Rows of words, in which floats of 32 bits are."""
        B, K, L, D = shape
        return self._with_room([(B, K, L, _num_words(D, self.bits))], mx.uint32)

    def dense(self, stored: Stored, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        keys, values = expanded(stored[0], self.bits)
        return keys.astype(self._dtype), values.astype(self._dtype), causal(num_new)


def causal(num_new: int) -> Mask:
    """The mask of the newest positions: one alone sees everything."""
    return "causal" if num_new > 1 else None


def trimmed(offset: int, count: int) -> int:
    """The offset without its last `count` positions."""
    if not 0 <= count <= offset:
        raise CacheError(f"cannot trim {count} of {offset} cached positions")
    return offset - count


def compressed(keys: mx.array, values: mx.array, bits: int) -> mx.array:
    """Keys and values (B, K, L, D) -> rows: kernels.compress in MLX's operations."""
    return mx.concatenate([_packed(keys, bits), _packed(values, bits)], axis=-1)


def expanded(rows: mx.array, bits: int) -> tuple[mx.array, mx.array]:
    """Rows (B, K, S, words) back to keys and values (B, K, S, D) in float32."""
    keys, values = mx.split(rows, 2, axis=-1)
    return _unpacked(keys, bits), _unpacked(values, bits)


def _num_words(dim: int, bits: int) -> int:
    """Of a row: a key and a value."""
    return 2 * (2 * _num_groups(dim, bits) + dim * bits // 32)


def _packed(x: mx.array, bits: int) -> mx.array:
    """(..., D) -> words: scales, offsets, integers."""
    *shape, D = x.shape
    x = x.astype(mx.float32).reshape(*shape, _num_groups(D, bits), -1)
    least = x.min(axis=-1, keepdims=True)
    scale = (x.max(axis=-1, keepdims=True) - least) / (2**bits - 1)
    inverse = mx.where(scale > 0, 1 / scale, 0.0)
    levels = mx.clip(mx.round((x - least) * inverse), 0, 2**bits - 1).astype(mx.uint32)
    fields = levels.reshape(*shape, 32 // bits, -1) << _shifts(bits)
    return mx.concatenate([scale[..., 0].view(mx.uint32), least[..., 0].view(mx.uint32), fields.sum(axis=-2)], axis=-1)


def _unpacked(words: mx.array, bits: int) -> mx.array:
    *shape, W = words.shape
    groups = next(n for n in (2, 1) if _num_groups((W - 2 * n) * 32 // bits, bits) == n)
    scale, least = (words[..., i * groups : (i + 1) * groups, None].view(mx.float32) for i in range(2))
    fields = (words[..., None, 2 * groups :] >> _shifts(bits)) & (2**bits - 1)
    levels: mx.array = fields.reshape(*shape, groups, -1).astype(mx.float32)
    return (levels * scale + least).reshape(*shape, -1)


def _num_groups(dim: int, bits: int) -> int:
    """Parts of a vector with a scale and an offset each: in 4 bits two are a third better than one."""
    return 2 if bits == 4 and dim >= 32 else 1


def _shifts(bits: int) -> mx.array:
    return mx.arange(0, 32, bits, dtype=mx.uint32)[:, None]
