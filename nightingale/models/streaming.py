"""The memory of a causal network between two pieces of its input."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import mlx.core as mx

Memory: TypeAlias = Mapping[int, mx.array]  # by the id of the layer


class Convolving(Protocol):
    """A layer that needs rows of context besides those that it computes."""

    @property
    def context(self) -> int: ...


Extend: TypeAlias = Callable[[Convolving, mx.array], mx.array]  # (layer, (B, T, C)) -> (B, context + T, C)


def pad_both(x: mx.array, total: int) -> mx.array:
    """(B, T, C) with half of `total` zero rows on each side."""
    return mx.pad(x, [(0, 0), (total // 2, total - total // 2), (0, 0)])


def extend_both(layer: Convolving, x: mx.array) -> mx.array:
    """The context of a convolution that looks both ways: zeros on each side."""
    return pad_both(x, layer.context)


class StreamingContext:
    """Gives each causal layer the rows before a piece of its input, and collects what the next piece will need.

    Layers are told apart by identity, so each may ask once in a pass, in any order. A context without memory stands
    before the first piece: zeros for convolutions, no rows for attention. `memory` is a value: a state keeps it, and a
    context of it may be made any number of times.
    """

    def __init__(self, memory: Mapping[int, mx.array] | None = None) -> None:
        self._old = memory
        self._new: dict[int, mx.array] = {}

    def extend(self, layer: Convolving, x: mx.array) -> mx.array:
        """x (B, T, C) -> (B, context + T, C), led by the layer's last input rows."""
        total = layer.context
        before = mx.zeros((x.shape[0], total, x.shape[2]), x.dtype) if self._old is None else self._old[id(layer)]
        joined = mx.concatenate([before, x], axis=1) if total else x
        self._remember(layer, joined[:, joined.shape[1] - total :])
        return joined

    def append(self, layer: object, x: mx.array, limit: int | None) -> mx.array:
        """x (B, T, C) -> (B, S + T, C), led by at most `limit` rows of earlier pieces; limit None keeps nothing."""
        if limit is None:
            return x
        joined = x if self._old is None else mx.concatenate([self._old[id(layer)], x], axis=1)
        self._remember(layer, joined[:, max(0, joined.shape[1] - limit) :])
        return joined

    def _remember(self, layer: object, rows: mx.array) -> None:
        assert id(layer) not in self._new, "a layer asked twice in one pass"
        self._new[id(layer)] = rows

    @property
    def memory(self) -> Memory:
        """The memory after this pass."""
        return self._new
