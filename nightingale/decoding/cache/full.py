"""Keys and values of the positions a Llama has read. One protocol; attention does not know which kind it fills.

`offset` is the position of the next token (RoPE's business), which a cache that forgets (budget.py) keeps apart from
how many positions it still stores. A cache that cannot give back its last positions says so in `rewinds`.
"""

import sys
from collections.abc import Sequence

import mlx.core as mx

from nightingale.errors import CacheError
from nightingale.models.cache import Mask, Stored, WritableCache


class BufferedCache(WritableCache):
    """Every position that came, in buffers that grow by `step` positions."""

    max_update = sys.maxsize

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

    layout = "whole"

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> Stored:
        """Append (B, K, L, head_dim); return (B, K, offset, head_dim) twice."""
        return self._append(keys, values)

    def dense(self, stored: Stored, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        return stored[0], stored[1], causal(num_new)


def causal(num_new: int) -> Mask:
    """The mask of the newest positions: one alone sees everything."""
    return "causal" if num_new > 1 else None


def trimmed(offset: int, count: int) -> int:
    """The offset without its last `count` positions."""
    if not 0 <= count <= offset:
        raise CacheError(f"cannot trim {count} of {offset} cached positions")
    return offset - count


