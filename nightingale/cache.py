"""Keys and values of the positions a Llama has read. One protocol; attention does not know which kind it fills.

`offset` is the position of the next token (RoPE's business), which a compressing cache keeps apart from how many
positions it still stores. A cache that cannot give back its last positions says so in `rewinds`.
"""

from typing import Protocol

import mlx.core as mx

from nightingale.errors import CacheError


class Cache(Protocol):
    """What attention and the token loop ask of a cache of one layer."""

    rewinds: bool

    @property
    def offset(self) -> int:
        """Position of the next token."""

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""

    def update(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Append (B, H, L, head_dim); return all keys and values that the new positions may attend to."""

    def trim(self, count: int) -> None:
        """Forget the last `count` positions. Raises CacheError rather than forgetting fewer."""


class KVCache:
    """Every key and value as they came, in buffers that grow by `step` positions."""

    rewinds = True

    def __init__(self, step: int = 256) -> None:
        self.step = step
        self._offset = 0
        self._keys: mx.array | None = None
        self._values: mx.array | None = None

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def nbytes(self) -> int:
        if self._keys is None or self._values is None:
            return 0
        return self._keys.nbytes + self._values.nbytes

    def update(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Append (B, H, L, head_dim); return (B, H, offset, head_dim) twice."""
        start, end = self._offset, self._offset + keys.shape[2]
        self._keys = self._grown(self._keys, keys, end)
        self._values = self._grown(self._values, values, end)
        self._keys[:, :, start:end] = keys
        self._values[:, :, start:end] = values
        self._offset = end
        return self._keys[:, :, :end], self._values[:, :, :end]

    def trim(self, count: int) -> None:
        if not 0 <= count <= self._offset:
            raise CacheError(f"cannot trim {count} of {self._offset} cached positions")
        self._offset -= count

    def _grown(self, buffer: mx.array | None, like: mx.array, length: int) -> mx.array:
        """The buffer, made longer where `length` positions do not fit."""
        B, H, _, D = like.shape
        have = 0 if buffer is None else buffer.shape[2]
        if buffer is not None and have >= length:
            return buffer
        extra = (length - have + self.step - 1) // self.step * self.step
        fresh = mx.zeros((B, H, extra, D), like.dtype)
        return fresh if buffer is None else mx.concatenate([buffer, fresh], axis=2)
