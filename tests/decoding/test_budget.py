"""The cache that forgets: never the prompt, never what it could not give back, and by need."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import close, noise

from nightingale.decoding.cache.budget import EVICTION_INTERVAL, NUM_RECENT, BudgetKVCache
from nightingale.decoding.cache.eviction import allocate, attention_entropy
from nightingale.decoding.cache.full import KVCache
from nightingale.errors import CacheError
from nightingale.kernels.cache import CacheArrays

B, H, K, D = 2, 6, 2, 24
PROMPT, BUDGET = 20, 64


class Reader:
    """Reads a made-up sentence into a cache."""

    def __init__(self, length: int = 200, peaked_head: int | None = None) -> None:
        self.keys, self.values = noise("k", (B, K, PROMPT + length, D)), noise("v", (B, K, PROMPT + length, D))
        self.queries = 2.0 * noise("q", (B, PROMPT + length, H, D))
        if peaked_head is not None:  # its queries look for one key each
            heads = slice(peaked_head * H // K, (peaked_head + 1) * H // K)
            self.queries[:, :, heads] = 20.0 * self.keys[:, peaked_head, :, None]
        self.cache = BudgetKVCache(BUDGET)
        self.read(PROMPT)

    def read(self, count: int) -> CacheArrays:
        new = slice(self.cache.offset, self.cache.offset + count)
        return self.cache.update(self.keys[:, :, new], self.values[:, :, new], self.queries[:, new].reshape(-1, H * D))

    def read_to(self, end: int) -> CacheArrays:
        stored: CacheArrays = ()
        while self.cache.offset < end:
            stored = self.read(min(self.cache.max_update, end - self.cache.offset, 5))
        return stored

    def held(self, stored: CacheArrays) -> NDArray[np.bool_]:
        """Which positions a head has as they were (B, K, offset)."""
        keys, recent = np.array(self.keys), np.array(stored[0])
        found = np.zeros((B, K, self.cache.offset), bool)
        for b, k in np.ndindex(B, K):
            rows = {row.tobytes() for row in recent[b, k]}
            if len(stored) > 2:
                starts = np.array(stored[5])
                rows |= {row.tobytes() for row in np.array(stored[2])[b, starts[k] : starts[k + 1]]}
            found[b, k] = [row.tobytes() in rows for row in keys[b, k, : self.cache.offset]]
        return found


def test_evicts_nothing_within_the_budget() -> None:
    reader, plain = Reader(), KVCache()
    stored = reader.read_to(PROMPT + BUDGET)
    everything = plain.update(
        reader.keys[:, :, : PROMPT + BUDGET], reader.values[:, :, : PROMPT + BUDGET], reader.queries
    )
    assert len(stored) == 2 and reader.cache.head_budgets == ()
    assert all(mx.array_equal(ours, theirs) for ours, theirs in zip(stored, everything, strict=True))


@pytest.mark.parametrize("end", [BUDGET + 1, BUDGET + EVICTION_INTERVAL, BUDGET + EVICTION_INTERVAL + 1, 199])
def test_never_evicts_prompt_or_newest(end: int) -> None:
    reader = Reader()
    held = reader.held(reader.read_to(PROMPT + end))
    assert reader.cache.offset == PROMPT + end
    assert held[:, :, :PROMPT].all() and held[:, :, -NUM_RECENT:].all()
    kept = held[:, :, PROMPT:].sum(-1)
    assert (kept.sum(axis=1) < K * BUDGET).all(), "more than the budget"
    assert kept.sum() > B * K * (BUDGET - EVICTION_INTERVAL - 2), "forgot more than it must"


@pytest.mark.parametrize("end", [BUDGET + 3, 199])
def test_what_is_given_up_counts_as_its_mean(end: int) -> None:
    """Attention is that to the positions held, and to one more that counts for all others."""
    reader = Reader()
    stored = reader.read_to(PROMPT + end - 2)
    stored = reader.read(2)
    held, offset = reader.held(stored), reader.cache.offset
    queries = reader.queries[:, offset - 2 : offset].swapaxes(1, 2)
    keys, values, mask = reader.cache.dense(stored, 2)
    ours = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=D**-0.5, mask=mask)
    for b, h in np.ndindex(B, H):
        k = h // (H // K)
        gone = mx.array(np.flatnonzero(~held[b, k]))
        rows = [
            mx.concatenate([x[b, k, :offset], x[b, k, gone].mean(axis=0, keepdims=True)])
            for x in (reader.keys, reader.values)
        ]
        scores = queries[b, h] @ rows[0].T * D**-0.5
        bias = np.where(held[b, k], 0.0, -np.inf)[None] + np.where(np.tri(2, offset, offset - 2) > 0, 0.0, -np.inf)
        bias = np.concatenate([bias, np.full((2, 1), np.log(gone.size))], axis=1)
        close(ours[b, h], mx.softmax(scores + mx.array(bias.astype(np.float32)), axis=-1) @ rows[1], 1e-5)


def test_keeps_what_is_looked_at() -> None:
    reader = Reader()
    seen, unseen = PROMPT + 7, PROMPT + 30
    for k in range(K):
        reader.keys[:, k, unseen] = -reader.keys[:, k, seen]
        heads = slice(k * H // K, (k + 1) * H // K)
        reader.queries[:, PROMPT + BUDGET - NUM_RECENT :, heads] = 10.0 * reader.keys[:, k, seen][:, None, None]
    held = reader.held(reader.read_to(PROMPT + 199))
    assert held[:, :, seen].all()
    assert not held[:, :, unseen].any()


def test_shares_add_up_and_follow_entropy() -> None:
    for peaked in range(K):
        reader = Reader(peaked_head=peaked)
        reader.read_to(PROMPT + BUDGET + 1)
        shares = reader.cache.head_budgets
        assert sum(shares) == K * (BUDGET - NUM_RECENT - EVICTION_INTERVAL - 1)
        assert shares[peaked] < shares[1 - peaked]


def test_share_out() -> None:
    assert allocate([1.0, 1.0, 1.0], 9, 9) == [3, 3, 3]
    assert allocate([0.0, 0.0], 10, 9) == [5, 5]
    assert allocate([8.0, 1.0, 1.0], 12, 5) == [5, 4, 3]
    generator = np.random.default_rng(0)
    for _ in range(200):
        needs = (generator.exponential(size=generator.integers(1, 17)) ** 3).tolist()
        most = int(generator.integers(1, 200))
        total = int(generator.integers(0, most * len(needs) + 1))
        shares = allocate(needs, total, most)
        assert sum(shares) == total and min(shares) >= 0 and max(shares) <= most
        assert all(a >= b - 1 for a, n in zip(shares, needs) for b, m in zip(shares, needs) if n > m)  # noqa: B905


def test_entropies() -> None:
    even = mx.full((1, 1, 1, 1, 8), 1 / 8)
    one = (mx.arange(8) == 3).astype(mx.float32).reshape(1, 1, 1, 1, 8)
    found = attention_entropy(mx.concatenate([even, one, 0 * one], axis=1))
    np.testing.assert_allclose(found, [np.log(8), 0, 0], atol=1e-6)


@pytest.mark.parametrize("end", [BUDGET - 3, BUDGET + 4, BUDGET + EVICTION_INTERVAL, 150])
@pytest.mark.parametrize("count", [1, 3, 6])
def test_rewinding_is_never_having_read(end: int, count: int) -> None:
    rewound, straight = Reader(), Reader()
    rewound.read_to(PROMPT + end)
    straight.read_to(PROMPT + end)
    count = min(count, rewound.cache.max_update)
    right = rewound.keys
    rewound.keys = -right  # wrong guesses
    rewound.read(count)
    rewound.cache.trim(count)
    rewound.keys = right
    limits = straight.cache.max_update, EVICTION_INTERVAL
    assert rewound.cache.offset == PROMPT + end and rewound.cache.max_update in limits
    for ours, theirs in zip(rewound.read_to(PROMPT + end + 40), straight.read_to(PROMPT + end + 40), strict=True):
        assert mx.array_equal(ours, theirs)


def test_what_was_forgotten_is_not_given_back() -> None:
    reader = Reader()
    for count in (1, -1):
        with pytest.raises(CacheError, match="cannot trim"):
            reader.cache.trim(count)  # the prompt
    reader.read_to(PROMPT + BUDGET + 3)
    with pytest.raises(CacheError, match="can trim 3 here"):
        reader.cache.trim(4)
    assert reader.cache.offset == PROMPT + BUDGET + 3
    reader.cache.trim(3)


def test_memory_is_what_is_held_and_stops_growing() -> None:
    reader = Reader(length=400)
    sizes = []
    for end in (BUDGET, 100, 200, 300, 400):
        stored = reader.read_to(PROMPT + end)
        held = sum(array.nbytes for array in stored[:4])
        spare = 2 * B * K * D * 4 * EVICTION_INTERVAL  # buffers grow by so much
        queries = B * H * D * 4 * (NUM_RECENT + 8 + 5)  # those that decide, what guesses may undo, and one pass
        assert held < reader.cache.nbytes < held + spare + queries
        sizes.append(reader.cache.nbytes)
    plain = KVCache()
    plain.update(reader.keys, reader.values, reader.queries)
    assert max(sizes[1:]) - min(sizes[1:]) < 0.5 * sizes[0] and 3 * sizes[-1] < plain.nbytes


def test_half_floats_stay_half_floats() -> None:
    """As on a GPU."""
    cache = BudgetKVCache(BUDGET)
    for count in (PROMPT, *[8] * 12):
        keys, queries = noise("k", (B, K, count, D)).astype(mx.bfloat16), noise("q", (B * count, H * D))
        stored = cache.update(keys, keys, queries.astype(mx.bfloat16))
    keys, values, mask = cache.dense(stored, 8)
    assert isinstance(mask, mx.array) and keys.dtype == values.dtype == mask.dtype == mx.bfloat16
    assert bool(mx.isfinite(keys).all())
