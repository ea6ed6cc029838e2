"""The caches that keep everything: what they give back, how they rewind, what they hold."""

from __future__ import annotations

from collections.abc import Callable

import mlx.core as mx
import numpy as np
import pytest
from tiny import close, noise, use_backend

from nightingale.decoding.cache import make_caches
from nightingale.decoding.cache.full import KVCache
from nightingale.decoding.cache.quantized import QuantizedKVCache
from nightingale.errors import CacheError, UsageError
from nightingale.kernels.backend import Backend
from nightingale.kernels.cache import Cache
from nightingale.kernels.kv_quantization import compress, expand
from nightingale.options import CacheOptions


def read(cache: Cache, count: int, seed: int = 0) -> tuple[mx.array, ...]:
    """Random positions into a cache, and what it gives back."""
    return cache.update(rows(count, seed), rows(count, seed + 1), rows(count, seed + 2))


def rows(count: int, seed: int = 0) -> mx.array:
    return mx.random.normal((1, 2, count, 8), key=mx.random.key(seed))


def test_returns_everything_in_order_over_buffer_borders() -> None:
    cache = KVCache(step=4)
    all_rows = rows(11)
    for start, stop in ((0, 3), (3, 4), (4, 9), (9, 11)):
        new = all_rows[:, :, start:stop]
        keys, values = cache.update(new, -new, new)
        assert cache.offset == stop
        np.testing.assert_array_equal(np.array(keys), np.array(all_rows[:, :, :stop]))
        np.testing.assert_array_equal(np.array(values), -np.array(all_rows[:, :, :stop]))


KINDS: list[Callable[[], Cache]] = [
    lambda: KVCache(step=4),
    lambda: QuantizedKVCache(8, step=4),
    lambda: QuantizedKVCache(4, step=4),
]


@pytest.mark.parametrize("new_cache", KINDS, ids=["plain", "8 bits", "4 bits"])
@pytest.mark.parametrize("count", [1, 3, 5])
def test_trim_then_append_is_never_appended(count: int, new_cache: Callable[[], Cache]) -> None:
    trimmed, plain = new_cache(), new_cache()
    for cache in (trimmed, plain):
        read(cache, 5)
    read(trimmed, count, 2)
    trimmed.trim(count)
    assert trimmed.offset == plain.offset == 5
    for ours, theirs in zip(read(trimmed, 2, 4), read(plain, 2, 4), strict=True):
        np.testing.assert_array_equal(np.array(ours), np.array(theirs))


@pytest.mark.parametrize("new_cache", KINDS, ids=["plain", "8 bits", "4 bits"])
def test_trimming_more_than_there_is_is_refused(new_cache: Callable[[], Cache]) -> None:
    cache = new_cache()
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
    assert cache.nbytes == 2 * 2 * 8 * 8 * 4
    read(cache, 8)
    assert cache.nbytes == 2 * 2 * 16 * 8 * 4


# --- few bits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("dim", [8, 16, 24, 32, 64, 80])
def test_values_come_back_within_half_a_level(bits: int, dim: int) -> None:
    keys, values = noise("k", (2, 3, 5, dim)), 10.0 * noise("v", (2, 3, 5, dim)) + 7.0
    rows = compress(keys, values, bits)
    groups = 2 if bits == 4 and dim >= 32 else 1
    assert rows.dtype == mx.uint32 and rows.shape == (2, 3, 5, 2 * (2 * groups + dim * bits // 32))
    for x, back in zip((keys, values), expand(rows, bits), strict=True):
        parts, found = (np.array(y).reshape(2, 3, 5, groups, -1) for y in (x, back))
        level = (parts.max(-1) - parts.min(-1)) / (2**bits - 1)
        assert (np.abs(parts - found).max(-1) <= 0.5001 * level + 1e-6).all()


def test_values_that_are_all_alike_come_back_as_they_were() -> None:
    same = mx.full((1, 1, 2, 32), -3.7)
    for bits in (4, 8):
        for back in expand(compress(same, 0 * same, bits), bits):
            assert mx.array_equal(back, same) or mx.array_equal(back, 0 * same)


@pytest.mark.parametrize("bits,bound", [(8, 0.01), (4, 0.2)])
def test_attention_to_few_bits_is_nearly_that_to_floats(bits: int, bound: float) -> None:
    """Of normal noise, values within 3 or so: half a level is 6 / 255 / 2 = 0.012, or 0.2 in 4 bits, and an average of
    40 of them has less."""
    keys, values, queries = (noise(name, (1, 4, 40, 64)) for name in "kvq")
    cache = QuantizedKVCache(bits)
    held = cache.dense(cache.update(keys, values, queries), 40)
    assert held[2] == "causal"
    ours = mx.fast.scaled_dot_product_attention(queries, *held[:2], scale=0.125, mask="causal")[:, :, 20:]
    theirs = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=0.125, mask="causal")[:, :, 20:]
    assert 0.0 < float(mx.abs(ours - theirs).max()) < bound


@pytest.mark.parametrize("bits", [4, 8])
def test_few_bits_of_half_floats_are_half_floats(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU."""
    use_backend(monkeypatch, Backend.CPU)
    keys = noise("k", (1, 2, 3, 32)).astype(mx.bfloat16)
    cache = QuantizedKVCache(bits)
    held, _, _ = cache.dense(cache.update(keys, keys, keys), 3)
    assert held.dtype == mx.bfloat16
    close(held.astype(mx.float32), keys.astype(mx.float32), 0.2 if bits == 4 else 0.02)


@pytest.mark.parametrize("bits,share", [(8, 0.29), (4, 0.19)])
def test_few_bits_hold_less(bits: int, share: float) -> None:
    x = noise("k", (2, 2, 300, 64))
    plain, few = KVCache(), QuantizedKVCache(bits)
    for cache in (plain, few):
        assert cache.nbytes == 0
        stored = cache.update(x, x, x)
        assert cache.nbytes == sum(array.nbytes for array in stored) * 512 // 300  # whole steps of 256
    assert few.nbytes < share * plain.nbytes


def test_options_make_caches() -> None:
    assert all(type(cache) is KVCache for cache in [*make_caches(2), *make_caches(2, CacheOptions())])
    assert [type(cache) for cache in make_caches(2, CacheOptions(bits=4))] == [QuantizedKVCache] * 2
    assert [type(cache).__name__ for cache in make_caches(2, CacheOptions(budget=100))] == ["BudgetKVCache"] * 2


def test_options_out_of_range() -> None:
    for bits, budget in ((3, None), (16, None), (0, None), (None, 63), (None, 0), (8, 100)):
        with pytest.raises(UsageError):
            CacheOptions(bits, budget)
