"""The cache forgets exactly what it is told to, and nothing shows that it ever knew it."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

from nightingale.cache import Cache, KVCache
from nightingale.errors import CacheError


def read(cache: Cache, count: int, seed: int = 0) -> tuple[mx.array, ...]:
    """Random positions into a cache, and what it gives back."""
    return cache.update(rows(count, seed), rows(count, seed + 1), rows(count, seed + 2))


def rows(count: int, seed: int = 0) -> mx.array:
    return mx.random.normal((1, 2, count, 4), key=mx.random.key(seed))


def test_returns_everything_in_order_over_buffer_borders() -> None:
    cache = KVCache(step=4)
    all_rows = rows(11)
    for start, stop in ((0, 3), (3, 4), (4, 9), (9, 11)):
        new = all_rows[:, :, start:stop]
        keys, values = cache.update(new, -new, new)
        assert cache.offset == stop
        np.testing.assert_array_equal(np.array(keys), np.array(all_rows[:, :, :stop]))
        np.testing.assert_array_equal(np.array(values), -np.array(all_rows[:, :, :stop]))


@pytest.mark.parametrize("count", [1, 3, 5])
def test_trim_then_append_is_never_appended(count: int) -> None:
    trimmed, plain = KVCache(step=4), KVCache(step=4)
    for cache in (trimmed, plain):
        read(cache, 5)
    read(trimmed, count, 2)
    trimmed.trim(count)
    assert trimmed.offset == plain.offset == 5
    for ours, theirs in zip(read(trimmed, 2, 4), read(plain, 2, 4), strict=True):
        np.testing.assert_array_equal(np.array(ours), np.array(theirs))


def test_trimming_more_than_there_is_is_refused() -> None:
    cache = KVCache()
    read(cache, 3)
    with pytest.raises(CacheError, match="cannot trim 4 of 3"):
        cache.trim(4)
    with pytest.raises(CacheError):
        cache.trim(-1)
    assert cache.offset == 3


def test_memory_grows_by_steps() -> None:
    cache = KVCache(step=8)
    assert cache.nbytes == 0
    read(cache, 1)
    assert cache.nbytes == 2 * 2 * 8 * 4 * 4
    read(cache, 8)
    assert cache.nbytes == 2 * 2 * 16 * 4 * 4
