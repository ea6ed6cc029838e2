"""A cache that keeps of the speech only what is looked at: a budget of positions a layer, shared out over its heads.

What was read first is the prompt (conditioning, text, start) and is never forgotten, nor are the newest positions. Of
the others a head keeps those that its newest queries attend to most; what it gave up is left as one row, its mean, that
counts for as many positions: without it, heads that look everywhere a little are led astray. Heads get places by the
entropy of their attention: one that looks at few places needs few. Forgetting happens before an update, when everything
stored has been verified, and at fixed positions, so that the tokens do not depend on guesses.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from nightingale.decoding.cache.full import KVCache, causal
from nightingale.errors import CacheError
from nightingale.kernels.activations import softmax
from nightingale.models.cache import Mask, Stored, WritableCache

NEWEST = 16  # positions that are not forgotten yet, and the queries that decide about the older ones
STRIDE = 32  # positions read between two such decisions
_MOST_REWOUND = 8  # speculation needs 6
_RING = NEWEST + _MOST_REWOUND  # queries that are remembered: position p's in row p modulo this
_EVEN_SHARE = 0.25  # of the places go to all heads alike: an entropy measured once must not blind a head for good


@dataclass(frozen=True)
class Places:
    """How many positions each head keeps, and the tables that go with it. All heads' kept rows lie in one sequence.

    A head's first row is the mean of what it gave up. starts (K + 1,): where a head's rows begin. heads, ranks (T,):
    whose row it is, and its number among that head's. padded, exists (K, most): the row of a head's number, and whether
    there is one.
    """

    shares: tuple[int, ...]
    starts: mx.array
    heads: mx.array
    ranks: mx.array
    padded: mx.array
    exists: mx.array

    @classmethod
    def of(cls, shares: Sequence[int]) -> "Places":
        rows = np.array(shares) + 1
        starts = np.cumsum([0, *rows])
        numbers = np.arange(rows.max())
        exists = numbers < rows[:, None]
        heads, ranks = np.nonzero(exists)
        padded = np.where(exists, starts[:-1, None] + numbers, 0)
        tables = [mx.array(table.astype(np.int32)) for table in (starts, heads, ranks, padded)]
        return cls(tuple(shares), tables[0], tables[1], tables[2], tables[3], mx.array(exists))


@dataclass(frozen=True)
class Kept:
    """What is left of `num_old` positions: keys and values (B, T, D), bias (T,) and whose they are.

    bias: the logarithm of how many positions a row stands for, which makes it count for as many.
    """

    num_old: int
    places: Places
    keys: mx.array
    values: mx.array
    bias: mx.array

    @classmethod
    def nothing(cls, like: mx.array) -> "Kept":
        """For keys (B, K, S, D)."""
        places = Places.of([0] * like.shape[1])
        rows = mx.zeros((like.shape[0], like.shape[1], like.shape[3]), like.dtype)
        return cls(0, places, rows, rows, mx.full(places.ranks.shape, -mx.inf))

    @property
    def num_gone(self) -> mx.array:
        """How many positions each head gave up (K,)."""
        return self.num_old - mx.array(self.places.shares)

    def padded(self, rows: mx.array) -> mx.array:
        """Keys or values -> (B, K, most, D); where a head has fewer there is a row of another."""
        return rows[:, self.places.padded]

    def mask(self, num_queries: int, num_recent: int, shared: int) -> mx.array:
        """What is added to the scores of the newest queries: (K * shared, L, most + S)."""
        bias = mx.where(self.places.exists, self.bias[self.places.padded], -mx.inf)
        recent = mx.where(mx.tri(num_queries, num_recent, num_recent - num_queries) > 0, 0.0, -mx.inf)
        heads = bias.shape[0] * shared
        rows = mx.repeat(bias, shared, axis=0)[:, None]
        tables = [mx.broadcast_to(table, (heads, num_queries, table.shape[-1])) for table in (rows, recent[None])]
        return mx.concatenate(tables, axis=-1)


class BudgetKVCache(WritableCache):
    """At most `budget` speech positions a head, on average over the heads."""

    layout = "budget"

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._offset = 0
        self._num_prompt = 0
        self._num_new = 0  # read since the prompt, or since the last time something was forgotten
        self._recent = KVCache(step=STRIDE)  # the prompt, and what followed those kept
        self._queries = mx.zeros((0,))  # (B, _RING, H * D), by their places
        self._num_queries = 0  # of them that are of positions read since then
        self._kept: Kept | None = None

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def nbytes(self) -> int:
        kept: int = 0 if self._kept is None else self._kept.keys.nbytes + self._kept.values.nbytes
        return self._recent.nbytes + self._queries.nbytes + kept

    @property
    def place(self) -> int:
        return self._recent.place

    @property
    def written(self) -> mx.array | None:
        return self._recent.written

    @property
    def shares(self) -> tuple[int, ...]:
        """How many positions each head keeps beside the prompt and the newest; empty while nothing was forgotten."""
        return () if self._kept is None else self._kept.places.shares

    @property
    def max_update(self) -> int:
        if self._offset == 0:
            return sys.maxsize
        return self._until_full() or STRIDE

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> Stored:
        """Append; return keys and values of prompt and newest, and what each head kept once something was forgotten."""
        B, _, L, _ = keys.shape
        self._make_room(B, queries.shape[1], queries.dtype)
        newest = self._recent.update(keys, values, queries)  # which waits for what writes in place, queries too
        last = min(L, _RING)
        rows = _ring_rows(self.place - last, last)
        self._queries[:, rows] = queries.reshape(B, L, -1)[:, L - last :]
        self._count(L)
        return newest + self._kept_arrays()

    def buffers(self, shape: tuple[int, ...], num_heads: int, dtype: mx.Dtype) -> Stored:
        """Keys and values of prompt and newest, what each head kept once something was forgotten, and queries."""
        self._make_room(shape[0], num_heads * shape[3], dtype)
        return *self._recent.buffers(shape, num_heads, dtype), *self._kept_arrays(), self._queries

    def wrote(self, count: int, by: mx.array) -> None:
        self._recent.wrote(count, by)
        self._count(count)

    def dense(self, stored: Stored, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        keys, values = stored[:2]
        kept = self._kept
        if kept is None:
            return keys, values, causal(num_new)
        shared = self._queries.shape[2] // (keys.shape[1] * keys.shape[3])  # query heads that read the same keys
        mask = kept.mask(num_new, keys.shape[2], shared).astype(keys.dtype)
        keys = mx.concatenate([kept.padded(kept.keys), keys], axis=2)
        return keys, mx.concatenate([kept.padded(kept.values), values], axis=2), mask

    def trim(self, count: int) -> None:
        """As many positions as a round of guesses has. Those before the last forgetting are not to be had again."""
        left = self._num_new - count
        if count < 0 or left < 0 or self._num_queries - count < min(NEWEST, left):
            most = min(self._num_new, _MOST_REWOUND)
            raise CacheError(f"cannot trim {count} positions: a cache with a budget gives back {most} here")
        self._recent.trim(count)
        self._offset, self._num_new = self._offset - count, left
        self._num_queries -= count

    def _kept_arrays(self) -> Stored:
        kept = self._kept
        return () if kept is None else (kept.keys, kept.values, kept.bias, kept.places.starts)

    def _make_room(self, batch: int, width: int, dtype: mx.Dtype) -> None:
        """For what comes now."""
        if self._offset == 0:
            self._queries = mx.zeros((batch, _RING, width), dtype)
        elif self._until_full() == 0:
            self._forget()

    def _count(self, num_new: int) -> None:
        """So many positions came."""
        if self._offset == 0:
            self._num_prompt = num_new
        else:
            self._num_new += num_new
            self._num_queries = min(_RING, self._num_queries + num_new)
        self._offset += num_new

    def _until_full(self) -> int:
        """How many more positions fit before some must go."""
        speech = self.budget if self._kept is None else NEWEST + STRIDE
        return max(0, self._num_prompt + speech - self._recent.offset)

    def _forget(self) -> None:
        """Everything but prompt and newest goes to what is kept, of which each head gives up the least attended."""
        keys, values = self._recent.held()
        first, last = self._num_prompt, keys.shape[2] - NEWEST
        kept = self._kept or Kept.nothing(keys)
        older = kept.padded(kept.keys), kept.padded(kept.values)
        seen = self._attention(kept, older[0], keys)
        num_kept = seen.shape[-1] - keys.shape[2]
        weights = mx.concatenate([seen[..., :num_kept], seen[..., num_kept + first : num_kept + last]], axis=-1)
        places = kept.places
        if self._kept is None:
            total = (self.budget - NEWEST - STRIDE - 1) * keys.shape[1]
            places = Places.of(share_out(entropies(weights[..., num_kept:]), total, last - first))
        pairs = zip(older, (keys, values), strict=True)
        rows = [mx.concatenate([old, new[:, :, first:last]], axis=2) for old, new in pairs]
        self._kept = chosen(kept, places, rows[0], rows[1], weights.sum(axis=(2, 3)))
        rest = [mx.concatenate([x[:, :, :first], x[:, :, last:]], axis=2) for x in (keys, values)]
        self._recent = KVCache(step=STRIDE)
        self._recent.update(rest[0], rest[1], self._queries)
        self._num_queries = self._num_new = 0

    def _attention(self, kept: Kept, older: mx.array, keys: mx.array) -> mx.array:
        """Of the newest queries to keys that were kept, padded, and newer ones: (B, K, H / K, queries, S)."""
        B, K, _, D = keys.shape
        N = min(NEWEST, self._num_queries)
        queries = self._queries[:, _ring_rows(self.place - N, N)].reshape(B, N, -1, D).swapaxes(1, 2)
        H = queries.shape[1]
        mask = kept.mask(N, keys.shape[2], 1)[:, None]
        queries = queries.reshape(B, K, -1, D) * D**-0.5
        scores = mx.concatenate([queries @ part.swapaxes(2, 3) for part in (older, keys)], axis=-1)
        return softmax(scores.astype(mx.float32).reshape(B, K, H // K, N, -1) + mask)


def _ring_rows(place: int, count: int) -> mx.array:
    """Where in the ring the queries of so many positions are, from the one at `place` on."""
    return (mx.arange(count) + place) % _RING


def chosen(before: Kept, places: Places, keys: mx.array, values: mx.array, looked_at: mx.array) -> Kept:
    """Of the padded rows kept before and newer ones (B, K, C, D) those looked at most (B, K, C); the rest's mean."""
    B, K, C, D = keys.shape
    num_newer = C - before.places.exists.shape[1]
    exists = mx.pad(before.places.exists, [(0, 0), (0, num_newer)], constant_values=mx.array(True))
    is_mean = mx.arange(C) == 0  # of those given up before: stays the first row
    order = mx.argsort(-mx.where(is_mean, mx.inf, mx.where(exists, looked_at, -1.0)), axis=-1)
    stays = mx.argsort(order, axis=-1) <= mx.array(places.shares)[:, None]
    stands_for = mx.where(is_mean, before.num_gone[:, None], (exists & ~stays).astype(mx.int32))
    num_gone = stands_for.sum(axis=-1, keepdims=True)
    weights = (stands_for / mx.maximum(num_gone, 1)).astype(keys.dtype)
    sequence = mx.arange(B)[:, None] * K * C
    index = order[:, places.heads, places.ranks] + places.heads * C + sequence  # of (B * K * C)

    def left(rows: mx.array) -> mx.array:
        stay = rows.reshape(-1, D)[index]
        stay[:, places.starts[:-1]] = (weights[:, :, None] @ rows)[:, :, 0]
        return stay

    num_old = before.num_old + num_newer
    # Of no positions the logarithm is minus infinity: such a mean is not seen.
    bias = mx.zeros(places.ranks.shape)
    bias[places.starts[:-1]] = mx.log((num_old - mx.array(places.shares)).astype(mx.float32))
    return Kept(num_old, places, left(keys), left(values), bias)


def entropies(weights: mx.array) -> list[float]:
    """Of each head, from the weights (B, K, H / K, queries, C) of what it might forget.

    They need not add up to 1: a head that mostly looks elsewhere, at the text say, has little to lose here.
    """
    each = -(weights * mx.log(mx.maximum(weights, 1e-30))).sum(axis=-1)
    return [float(x) for x in np.array(each.mean(axis=(0, 2, 3)))]


def share_out(needs: Sequence[float], total: int, most: int) -> list[int]:
    """`total` places, by need, none more than `most`; a part of them evenly."""
    even = max(sum(needs) / len(needs), 1e-6) * _EVEN_SHARE / (1 - _EVEN_SHARE)
    weights = [need + even for need in needs]
    shares, weight = [0] * len(needs), sum(weights)
    # The neediest first: what it cannot take is left for those after it.
    for head in sorted(range(len(needs)), key=lambda i: -weights[i]):
        shares[head] = min(most, total, math.ceil(total * weights[head] / weight - 1e-9))
        total, weight = total - shares[head], weight - weights[head]
    return shares
