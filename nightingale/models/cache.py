"""What a Llama asks of the key-value cache of one layer."""

from abc import abstractmethod
from typing import Literal, Protocol, TypeAlias

import mlx.core as mx

Stored: TypeAlias = tuple[mx.array, ...]  # what kernels.llama_output reads
Mask: TypeAlias = mx.array | str | None  # what mx.fast.scaled_dot_product_attention takes


class Cache(Protocol):
    """What attention and the token loop ask of a cache of one layer."""

    @property
    def offset(self) -> int:
        """Position of the next token."""

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""

    @property
    def max_update(self) -> int:
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

    layout: Literal["whole", "quantized", "budget"]  # of what `buffers` gives

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
