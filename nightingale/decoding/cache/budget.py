"""KV cache with a fixed budget: keeps the speech positions that receive most attention.

After H2O (Zhang et al. 2023, https://arxiv.org/abs/2306.14048) and Ada-KV (Feng et al. 2024,
https://arxiv.org/abs/2407.11550). The prompt (conditioning, text, start token) and the newest positions are never
evicted. Of the others each head keeps those to which its newest queries attend most. The mean of the evicted ones stays
as one row that counts for as many positions; without it, heads with flat attention err. Heads whose attention has a
high entropy get a larger part of the budget. Eviction happens before an update, when all stored positions are verified,
and at fixed positions, so that the tokens do not depend on speculation.
"""

import sys

import mlx.core as mx

from nightingale.decoding.cache.eviction import HeadBudgets, RetainedRows, allocate, attention_entropy, evict
from nightingale.decoding.cache.full import KVCache, causal
from nightingale.decoding.cache.queries import QueryRing
from nightingale.errors import CacheError
from nightingale.kernels.activations import softmax
from nightingale.kernels.cache import CacheArrays, Mask, WritableCache

NUM_RECENT = 16  # newest positions that are never evicted, and the queries that decide about the older ones
EVICTION_INTERVAL = 32  # positions between two evictions
_MAX_TRIM = 8  # speculation needs 6
_NUM_QUERIES = NUM_RECENT + _MAX_TRIM  # the ring has at least so many rows


class BudgetKVCache(WritableCache):
    """At most `budget` speech positions a head, on average over the heads."""

    layout = "budget"

    def __init__(self, budget: int, num_queries: int = 0) -> None:
        self.budget = budget
        self._offset = 0
        self._num_prompt = 0
        self._num_new = 0  # positions since the prompt or since the last eviction
        self._recent = KVCache(step=EVICTION_INTERVAL)  # the prompt, and the positions since the retained ones
        self._queries = QueryRing(max(_NUM_QUERIES, num_queries))
        self._num_queries = 0  # how many of them belong to positions since the last eviction
        self._retained: RetainedRows | None = None  # None before the first eviction

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def nbytes(self) -> int:
        retained: int = 0 if self._retained is None else self._retained.nbytes
        return self._recent.nbytes + self._queries.nbytes + retained

    @property
    def write_index(self) -> int:
        return self._recent.write_index

    @property
    def pending_write(self) -> mx.array | None:
        return self._recent.pending_write

    @property
    def head_budgets(self) -> tuple[int, ...]:
        """How many positions each head retains besides the prompt and the newest; empty before the first eviction."""
        return () if self._retained is None else self._retained.budgets.sizes

    @property
    def max_update(self) -> int:
        if self._offset == 0:
            return sys.maxsize
        return self._free() or EVICTION_INTERVAL

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> CacheArrays:
        """Append (B, K, L, D); keys and values of prompt and newest positions, then the retained arrays, if any."""
        self._prepare()
        newest = self._recent.update(keys, values, queries)  # waits for a pending write, also of queries
        self._queries.write(queries, keys.shape[0], self._offset)
        self._count(keys.shape[2])
        return newest + self._retained_arrays()

    def buffers(self, shape: tuple[int, ...], num_heads: int, dtype: mx.Dtype) -> CacheArrays:
        """Keys and values of prompt and newest positions, the retained arrays, if any, and the ring of queries."""
        self._prepare()
        newest = self._recent.buffers(shape, num_heads, dtype)[:2]
        return *newest, *self._retained_arrays(), self._queries.array(shape[0], num_heads * shape[3], dtype)

    def commit(self, count: int, result: mx.array) -> None:
        self._recent.commit(count, result)
        self._count(count)

    def dense(self, stored: CacheArrays, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        keys, values = stored[:2]
        retained = self._retained
        if retained is None:
            return keys, values, causal(num_new)
        queries_per_key = self._queries.width // (keys.shape[1] * keys.shape[3])
        mask = retained.mask(num_new, keys.shape[2], queries_per_key).astype(keys.dtype)
        keys = mx.concatenate([retained.padded(retained.keys), keys], axis=2)
        return keys, mx.concatenate([retained.padded(retained.values), values], axis=2), mask

    def keys(self, start: int, stop: int) -> mx.array:
        return self._recent.keys(start, stop)

    def queries(self, start: int, stop: int) -> mx.array:
        return self._queries.read(start, stop - start)

    def trim(self, count: int) -> None:
        """Remove as many positions as a round of speculation adds. Those before the last eviction cannot be removed."""
        left = self._num_new - count
        if count < 0 or left < 0 or self._num_queries - count < min(NUM_RECENT, left):
            most = min(self._num_new, _MAX_TRIM)
            raise CacheError(f"cannot trim {count} positions: a cache with a budget can trim {most} here")
        self._recent.trim(count)
        self._offset, self._num_new = self._offset - count, left
        self._num_queries -= count

    def _retained_arrays(self) -> CacheArrays:
        retained = self._retained
        return () if retained is None else (retained.keys, retained.values, retained.bias, retained.budgets.starts)

    def _prepare(self) -> None:
        """Make room for the next update."""
        if self._offset > 0 and self._free() == 0:
            self._evict()

    def _count(self, num_new: int) -> None:
        if self._offset == 0:
            self._num_prompt = num_new
        else:
            self._num_new += num_new
            self._num_queries = min(_NUM_QUERIES, self._num_queries + num_new)
        self._offset += num_new

    def _free(self) -> int:
        """How many more positions fit before the next eviction."""
        speech = self.budget if self._retained is None else NUM_RECENT + EVICTION_INTERVAL
        return max(0, self._num_prompt + speech - self._recent.offset)

    def _evict(self) -> None:
        """Move all but the prompt and the newest positions to the retained rows, and cut each head to its budget."""
        keys, values = self._recent.stored()
        first, last = self._num_prompt, keys.shape[2] - NUM_RECENT
        retained = self._retained or RetainedRows.empty(keys)
        older = retained.padded(retained.keys), retained.padded(retained.values)
        attention = self._attention(retained, older[0], keys)
        num_retained = attention.shape[-1] - keys.shape[2]
        weights = mx.concatenate(
            [attention[..., :num_retained], attention[..., num_retained + first : num_retained + last]], axis=-1
        )
        budgets = retained.budgets
        if self._retained is None:
            total = (self.budget - NUM_RECENT - EVICTION_INTERVAL - 1) * keys.shape[1]
            entropy = attention_entropy(weights[..., num_retained:])
            budgets = HeadBudgets.of(allocate(entropy, total, last - first))
        pairs = zip(older, (keys, values), strict=True)
        rows = [mx.concatenate([old, new[:, :, first:last]], axis=2) for old, new in pairs]
        self._retained = evict(retained, budgets, rows[0], rows[1], weights.sum(axis=(2, 3)))
        rest = [mx.concatenate([x[:, :, :first], x[:, :, last:]], axis=2) for x in (keys, values)]
        self._recent = KVCache(step=EVICTION_INTERVAL)
        self._recent.update(rest[0], rest[1], mx.zeros((0,)))
        self._num_queries = self._num_new = 0

    def _attention(self, retained: RetainedRows, older: mx.array, keys: mx.array) -> mx.array:
        """Attention of the newest queries to the padded retained keys and the newer ones: (B, K, H / K, queries, S)."""
        B, K, _, D = keys.shape
        N = min(NUM_RECENT, self._num_queries)
        queries = self._queries.read(self._offset - N, N).reshape(B, N, -1, D).swapaxes(1, 2)
        H = queries.shape[1]
        mask = retained.mask(N, keys.shape[2], 1)[:, None]
        queries = queries.reshape(B, K, -1, D) * D**-0.5
        scores = mx.concatenate([queries @ part.swapaxes(2, 3) for part in (older, keys)], axis=-1)
        return softmax(scores.astype(mx.float32).reshape(B, K, H // K, N, -1) + mask)
