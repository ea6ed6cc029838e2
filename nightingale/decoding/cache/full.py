"""KV cache of all positions, in buffers that grow."""

import sys
from collections.abc import Sequence

import mlx.core as mx

from nightingale.decoding.cache.queries import QueryRing
from nightingale.errors import CacheError
from nightingale.kernels.cache import CacheArrays, Mask, WritableCache


class BufferedCache(WritableCache):
    """Keeps every position, in buffers (B, K, capacity, ...) that grow by `step` positions.

    num_queries: of how many of the newest positions the queries are kept too.
    """

    max_update = sys.maxsize

    def __init__(self, step: int = 256, num_queries: int = 0) -> None:
        self.step = step
        self._queries = QueryRing(num_queries)
        self._pending_write: mx.array | None = None
        self._offset = 0
        self._buffers: tuple[mx.array, ...] = ()

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def write_index(self) -> int:
        return self._offset

    @property
    def pending_write(self) -> mx.array | None:
        return self._pending_write

    @property
    def nbytes(self) -> int:
        return sum(buffer.nbytes for buffer in self._buffers) + self._queries.nbytes

    def stored(self) -> CacheArrays:
        """The filled part of each buffer (B, K, offset, ...)."""
        self._wait_for_write()
        return tuple(buffer[:, :, : self._offset] for buffer in self._buffers)

    def commit(self, count: int, result: mx.array) -> None:
        self._offset += count
        self._pending_write = result

    def trim(self, count: int) -> None:
        if not 0 <= count <= self._offset:
            raise CacheError(f"cannot trim {count} of {self._offset} cached positions")
        self._offset -= count

    def queries(self, start: int, stop: int) -> mx.array:
        return self._queries.read(start, stop - start)

    def _append(self, *new: mx.array) -> CacheArrays:
        """Append rows (B, K, L, ...) to each buffer; the filled part of each."""
        self._wait_for_write()
        start, end = self._offset, self._offset + new[0].shape[2]
        buffers = self._reserve([rows.shape for rows in new], new[0].dtype)
        for buffer, rows in zip(buffers, new, strict=True):
            buffer[:, :, start:end] = rows
        self._offset = end
        return self.stored()

    def _reserve(self, shapes: Sequence[tuple[int, ...]], dtype: mx.Dtype) -> CacheArrays:
        """The buffers, grown where new rows of these shapes (B, K, L, ...) do not fit."""
        have, end = self._buffers[0].shape[2] if self._buffers else 0, self._offset + shapes[0][2]
        if have < end:
            self._wait_for_write()
            extra = (end - have + self.step - 1) // self.step * self.step
            fresh = tuple(mx.zeros((B, K, extra, width), dtype) for B, K, _, width in shapes)
            old = self._buffers or [buffer[:, :, :0] for buffer in fresh]
            self._buffers = tuple(mx.concatenate([*pair], axis=2) for pair in zip(old, fresh, strict=True))
        return self._buffers

    def _wait_for_write(self) -> None:
        if self._pending_write is not None:
            mx.eval(self._pending_write)
            self._pending_write = None


class KVCache(BufferedCache):
    """Keys and values in their own data type."""

    layout = "whole"

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> CacheArrays:
        """Append (B, K, L, D); all keys and all values (B, K, offset, D)."""
        self._queries.write(queries, keys.shape[0], self._offset)
        return self._append(keys, values)

    def buffers(self, shape: tuple[int, ...], num_heads: int, dtype: mx.Dtype) -> CacheArrays:
        """Keys and values, then the ring of queries."""
        return *self._reserve((shape, shape), dtype), self._queries.array(shape[0], num_heads * shape[3], dtype)

    def keys(self, start: int, stop: int) -> mx.array:
        return self.stored()[0][:, :, start:stop]

    def dense(self, stored: CacheArrays, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        return stored[0], stored[1], causal(num_new)


def causal(num_new: int) -> Mask:
    """The mask of the newest positions; a single one attends to everything."""
    return "causal" if num_new > 1 else None
