"""Protocols: what a Llama pass asks of the key-value cache of one layer."""

from abc import abstractmethod
from typing import Literal, Protocol, TypeAlias

import mlx.core as mx

CacheArrays: TypeAlias = tuple[mx.array, ...]  # what a cache gives to attention, laid out as its class says
Mask: TypeAlias = mx.array | str | None  # what mx.fast.scaled_dot_product_attention takes


class Cache(Protocol):
    """Keys and values of one layer. Shapes: B sequences, K key-value heads, L new positions, D values a head."""

    @property
    def offset(self) -> int:
        """Position of the next token. A cache that evicts stores fewer positions than that."""

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""

    @property
    def max_update(self) -> int:
        """The most positions that the next update may add if the result must not depend on how passes are cut."""

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> CacheArrays:
        """Append keys and values (B, K, L, D); queries (B * L, H * D) attend to the arrays that are returned."""

    def dense(self, stored: CacheArrays, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        """The arrays that `update` returned as keys and values (B, K, S, D), and a mask for `num_new` queries."""

    def keys(self, start: int, stop: int) -> mx.array:
        """Keys (B, K, stop - start, D) of positions of the prompt, which no cache evicts."""

    def queries(self, start: int, stop: int) -> mx.array:
        """Queries (B, stop - start, H * D) of some of the newest positions. How many are kept is the cache's choice."""

    def trim(self, count: int) -> None:
        """Remove the last `count` positions. Raises CacheError rather than removing fewer."""


class WritableCache(Cache):
    """A cache whose buffers a fused pass writes to in place.

    MLX does not know of such writes, so whatever reads the buffers must wait for `pending_write`.
    """

    layout: Literal["whole", "quantized", "budget"]  # of the arrays that `buffers` gives

    @property
    @abstractmethod
    def write_index(self) -> int:
        """Index in the buffers at which the next position is written."""

    @property
    @abstractmethod
    def pending_write(self) -> mx.array | None:
        """The result of the last pass that wrote in place; None if it has been waited for."""

    @abstractmethod
    def buffers(self, shape: tuple[int, ...], num_heads: int, dtype: mx.Dtype) -> CacheArrays:
        """The arrays for a fused pass, with room for new positions of this shape (B, K, L, D) of `num_heads` heads.

        The last is the ring of queries (B, R, H * D): the queries of position p are in row p modulo R. R may be 0.
        """

    @abstractmethod
    def commit(self, count: int, result: mx.array) -> None:
        """Count `count` positions as written in place by the pass that gives `result`."""
