"""The cache forgets exactly what it is told to, and nothing shows that it ever knew it."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

from nightingale.cache import KVCache
from nightingale.errors import CacheError


def rows(count: int, seed: int = 0) -> mx.array:
    return mx.random.normal((1, 2, count, 4), key=mx.random.key(seed))


def test_returns_everything_in_order_over_buffer_borders() -> None:
    cache = KVCache(step=4)
    all_rows = rows(11)
    for start, stop in ((0, 3), (3, 4), (4, 9), (9, 11)):
        keys, values = cache.update(all_rows[:, :, start:stop], -all_rows[:, :, start:stop])
        assert cache.offset == stop
        np.testing.assert_array_equal(np.array(keys), np.array(all_rows[:, :, :stop]))
        np.testing.assert_array_equal(np.array(values), -np.array(all_rows[:, :, :stop]))


@pytest.mark.parametrize("count", [1, 3, 5])
def test_trim_then_append_is_never_appended(count: int) -> None:
    trimmed, plain = KVCache(step=4), KVCache(step=4)
    for cache in (trimmed, plain):
        cache.update(rows(5), rows(5, 1))
    trimmed.update(rows(count, 2), rows(count, 3))
    trimmed.trim(count)
    assert trimmed.offset == plain.offset == 5
    for ours, theirs in zip(trimmed.update(rows(2, 4), rows(2, 5)), plain.update(rows(2, 4), rows(2, 5)), strict=True):
        np.testing.assert_array_equal(np.array(ours), np.array(theirs))


def test_trimming_more_than_there_is_is_refused() -> None:
    cache = KVCache()
    cache.update(rows(3), rows(3))
    with pytest.raises(CacheError, match="cannot trim 4 of 3"):
        cache.trim(4)
    with pytest.raises(CacheError):
        cache.trim(-1)
    assert cache.offset == 3


def test_memory_grows_by_steps() -> None:
    cache = KVCache(step=8)
    assert cache.nbytes == 0
    cache.update(rows(1), rows(1))
    assert cache.nbytes == 2 * 2 * 8 * 4 * 4
    cache.update(rows(8), rows(8))
    assert cache.nbytes == 2 * 2 * 16 * 4 * 4
