"""A cache that keeps of the speech what is looked at: a budget of positions a layer, shared out over its heads.

What was read first is the prompt (conditioning, text, start) and is never forgotten, nor are the newest positions. Of
the others a head keeps those that its newest queries attend to most. Heads get places by the entropy of their
attention: one that looks at few places needs few. Forgetting happens before an update, when everything stored has been
verified, and at fixed positions, so that the tokens do not depend on guesses.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from nightingale.cache import KVCache, Mask, Stored, causal
from nightingale.errors import CacheError

NEWEST = 16  # positions that are not forgotten yet, and the queries that decide about the older ones
STRIDE = 16  # positions read between two such decisions
_MOST_REWOUND = 8  # speculation needs 6
_EVEN_SHARE = 0.25  # of the places go to all heads alike: an entropy measured once must not blind a head for good


@dataclass(frozen=True)
class Places:
    """How many positions each head keeps, and the tables that go with it. All heads' kept rows lie in one sequence.

    starts (K + 1,): where a head's rows begin. heads, ranks (T,): whose row it is, and its number among that head's.
    padded, exists (K, most): the row of a head's number, and whether there is one.
    """

    starts: mx.array
    heads: mx.array
    ranks: mx.array
    padded: mx.array
    exists: mx.array

    @classmethod
    def of(cls, shares: Sequence[int]) -> "Places":
        starts = np.cumsum([0, *shares])
        numbers = np.arange(max(1, *shares))
        exists = numbers < np.array(shares)[:, None]
        heads, ranks = np.nonzero(exists)
        padded = np.where(exists, starts[:-1, None] + numbers, 0)
        tables = [mx.array(table.astype(np.int32)) for table in (starts, heads, ranks, padded)]
        return cls(*tables, exists=mx.array(exists))


class BudgetKVCache:
    """At most `budget` speech positions a head, on average over the heads."""

    rewinds = True

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._offset = 0
        self._num_prompt = 0
        self._num_new = 0  # read since the prompt, or since the last time something was forgotten
        self._recent = KVCache(step=STRIDE)  # the prompt and what follows those kept
        self._queries: list[mx.array] = []  # (B, L, H, D) of the newest updates
        self._places: Places | None = None
        self._kept: tuple[mx.array, mx.array] | None = None  # keys, values (B, T, D)

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def nbytes(self) -> int:
        others: int = sum(array.nbytes for array in [*(self._kept or ()), *self._queries])
        return self._recent.nbytes + others

    @property
    def shares(self) -> list[int]:
        """How many positions each head keeps beside the prompt and the newest; empty while nothing was forgotten."""
        return [] if self._places is None else [int(n) for n in np.diff(np.array(self._places.starts))]

    @property
    def room(self) -> int:
        if self._offset == 0:
            return sys.maxsize
        return self._until_full() or STRIDE

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> Stored:
        """Append; return keys and values of prompt and newest, and what each head kept once something was forgotten."""
        B, _, L, D = keys.shape
        if self._offset == 0:
            self._num_prompt = L
        else:
            if self._until_full() == 0:
                self._forget()
            self._num_new += L
            self._queries = [*self._queries, queries.reshape(B, L, -1, D)][-NEWEST - _MOST_REWOUND :]
        self._offset += L
        newest = self._recent.update(keys, values, queries)
        if self._kept is None or self._places is None:
            return newest
        return (*newest, *self._kept, self._places.starts)

    def dense(self, stored: Stored, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        keys, values = stored[:2]
        if len(stored) == 2 or self._places is None:
            return keys, values, causal(num_new)
        kept = self._padded(stored[2]), self._padded(stored[3])
        shared = self._queries[-1].shape[2] // keys.shape[1]  # query heads that read the same keys
        exists = mx.repeat(self._places.exists, shared, axis=0)[:, None]
        seen = mx.tri(num_new, keys.shape[2], keys.shape[2] - num_new).astype(mx.bool_)
        shape = exists.shape[0], num_new
        mask = mx.concatenate([mx.broadcast_to(table, (*shape, table.shape[-1])) for table in (exists, seen)], axis=-1)
        return mx.concatenate([kept[0], keys], axis=2), mx.concatenate([kept[1], values], axis=2), mask

    def trim(self, count: int) -> None:
        """As many positions as a round of guesses has. Those before the last forgetting are not to be had again."""
        left = self._num_new - count
        num_queries = sum(rows.shape[1] for rows in self._queries) - count
        if count < 0 or left < 0 or num_queries < min(NEWEST, left):
            raise CacheError(f"cannot trim {count} positions: of a compressed cache, {self._num_new} at most and few")
        self._recent.trim(count)
        self._offset, self._num_new = self._offset - count, left
        while count > 0:
            newest = self._queries.pop()
            if newest.shape[1] > count:
                self._queries.append(newest[:, : newest.shape[1] - count])
            count -= min(count, newest.shape[1])

    def _until_full(self) -> int:
        """How many more positions fit before some must go."""
        speech = self.budget if self._kept is None else NEWEST + STRIDE
        return max(0, self._num_prompt + speech - self._recent.offset)

    def _forget(self) -> None:
        """Everything but prompt and newest goes to what is kept, of which each head drops the least attended."""
        keys, values = self._recent.held()
        first, last = self._num_prompt, keys.shape[2] - NEWEST
        old = [x[:, :, first:last] for x in (keys, values)]
        seen = self._attention(keys)
        num_kept = seen.shape[-1] - keys.shape[2]
        weights = mx.concatenate([seen[..., :num_kept], seen[..., num_kept + first : num_kept + last]], axis=-1)
        looked_at = weights.sum(axis=(2, 3))
        if self._places is None or self._kept is None:
            spare = self.budget - NEWEST - STRIDE
            shares = share_out(entropies(weights), spare * keys.shape[1], last - first)
            self._places = Places.of(shares)
        else:
            old = [mx.concatenate([self._padded(kept), x], axis=2) for kept, x in zip(self._kept, old, strict=True)]
            absent = mx.pad(~self._places.exists, [(0, 0), (0, last - first)])
            looked_at = mx.where(absent, -1.0, looked_at)
        self._kept = self._chosen(old[0], looked_at), self._chosen(old[1], looked_at)
        rest = [mx.concatenate([x[:, :, :first], x[:, :, last:]], axis=2) for x in (keys, values)]
        self._recent = KVCache(step=STRIDE)
        self._recent.update(rest[0], rest[1], self._queries[-1])
        self._queries, self._num_new = [], 0

    def _attention(self, keys: mx.array) -> mx.array:
        """Of the newest queries to all that is stored, what was kept first: (B, K, H / K, queries, S)."""
        queries = mx.concatenate(self._queries, axis=1)[:, -NEWEST:].swapaxes(1, 2)
        B, H, N, D = queries.shape
        K, S = keys.shape[1:3]
        seen = mx.tri(N, S, S - N).astype(mx.bool_)[None]
        if self._kept is not None and self._places is not None:
            keys = mx.concatenate([self._padded(self._kept[0]), keys], axis=2)
            exists = self._places.exists[:, None]
            tables = [mx.broadcast_to(table, (K, N, table.shape[-1])) for table in (exists, seen)]
            seen = mx.concatenate(tables, axis=-1)
        scores = queries.reshape(B, K, H // K, N, D) @ keys.swapaxes(2, 3)[:, :, None] * D**-0.5
        return mx.softmax(mx.where(seen[:, None], scores.astype(mx.float32), -mx.inf), axis=-1)

    def _padded(self, kept: mx.array) -> mx.array:
        """Kept rows (B, T, D) -> (B, K, most, D); where a head has fewer there is a row of another."""
        assert self._places is not None
        return kept[:, self._places.padded]

    def _chosen(self, x: mx.array, looked_at: mx.array) -> mx.array:
        """Of rows (B, K, C, D) those that each head looked at most (B, K, C): (B, T, D)."""
        assert self._places is not None
        B, K, C, D = x.shape
        order = mx.argsort(-looked_at, axis=-1)
        rows = order[:, self._places.heads, self._places.ranks] + self._places.heads * C
        return mx.take_along_axis(x.reshape(B, K * C, D), rows[..., None], axis=1)


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
