"""Which positions the heads of one layer retain, and how their rows are stored. All arithmetic of budget.py."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

_EVEN_SHARE = 0.25  # of the budget goes to all heads alike: the entropy is measured once and must not starve a head


@dataclass(frozen=True)
class HeadBudgets:
    """How many positions each of K heads retains, and the index tables of their rows, which lie in one sequence.

    The first row of a head is the mean of its evicted rows, so a head has sizes[h] + 1 rows. starts (K + 1,): where the
    rows of each head begin. heads, ranks (T,): the head of each row, and the row's number within the head. padded,
    exists (K, most): the row with each number, and whether there is one.
    """

    sizes: tuple[int, ...]
    starts: mx.array
    heads: mx.array
    ranks: mx.array
    padded: mx.array
    exists: mx.array

    @classmethod
    def of(cls, sizes: Sequence[int]) -> "HeadBudgets":
        rows = np.array(sizes) + 1
        starts = np.cumsum([0, *rows])
        numbers = np.arange(rows.max())
        exists = numbers < rows[:, None]
        heads, ranks = np.nonzero(exists)
        padded = np.where(exists, starts[:-1, None] + numbers, 0)
        tables = [mx.array(table.astype(np.int32)) for table in (starts, heads, ranks, padded)]
        return cls(tuple(sizes), tables[0], tables[1], tables[2], tables[3], mx.array(exists))


@dataclass(frozen=True)
class RetainedRows:
    """The retained rows of `num_old` positions: keys and values (B, T, D) of all heads, and a bias (T,).

    bias: the logarithm of how many positions a row stands for, added to its attention score so that it counts for them.
    """

    num_old: int
    budgets: HeadBudgets
    keys: mx.array
    values: mx.array
    bias: mx.array

    @classmethod
    def empty(cls, like: mx.array) -> "RetainedRows":
        """Before the first eviction; like: keys (B, K, S, D)."""
        budgets = HeadBudgets.of([0] * like.shape[1])
        rows = mx.zeros((like.shape[0], like.shape[1], like.shape[3]), like.dtype)
        return cls(0, budgets, rows, rows, mx.full(budgets.ranks.shape, -mx.inf))

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    @property
    def num_evicted(self) -> mx.array:
        """How many positions each head has evicted (K,)."""
        return self.num_old - mx.array(self.budgets.sizes)

    def padded(self, rows: mx.array) -> mx.array:
        """Keys or values -> (B, K, most, D). Where a head has fewer rows, a row of another head fills the place."""
        return rows[:, self.budgets.padded]

    def mask(self, num_queries: int, num_recent: int, queries_per_key: int) -> mx.array:
        """Added to the scores of the newest queries: (K * queries_per_key, L, most + S)."""
        bias = mx.where(self.budgets.exists, self.bias[self.budgets.padded], -mx.inf)
        recent = mx.where(mx.tri(num_queries, num_recent, num_recent - num_queries) > 0, 0.0, -mx.inf)
        heads = bias.shape[0] * queries_per_key
        rows = mx.repeat(bias, queries_per_key, axis=0)[:, None]
        tables = [mx.broadcast_to(table, (heads, num_queries, table.shape[-1])) for table in (rows, recent[None])]
        return mx.concatenate(tables, axis=-1)


def evict(
    before: RetainedRows, budgets: HeadBudgets, keys: mx.array, values: mx.array, attention: mx.array
) -> RetainedRows:
    """Retain of padded and newer rows (B, K, C, D) those with most attention (B, K, C); average the others."""
    B, K, C, D = keys.shape
    num_newer = C - before.budgets.exists.shape[1]
    exists = mx.pad(before.budgets.exists, [(0, 0), (0, num_newer)], constant_values=mx.array(True))
    is_mean = mx.arange(C) == 0  # the mean of earlier evictions stays the first row
    order = mx.argsort(-mx.where(is_mean, mx.inf, mx.where(exists, attention, -1.0)), axis=-1)
    stays = mx.argsort(order, axis=-1) <= mx.array(budgets.sizes)[:, None]
    stands_for = mx.where(is_mean, before.num_evicted[:, None], (exists & ~stays).astype(mx.int32))
    num_evicted = stands_for.sum(axis=-1, keepdims=True)
    weights = (stands_for / mx.maximum(num_evicted, 1)).astype(keys.dtype)
    sequence = mx.arange(B)[:, None] * K * C
    index = order[:, budgets.heads, budgets.ranks] + budgets.heads * C + sequence  # into (B * K * C)

    def retain(rows: mx.array) -> mx.array:
        retained = rows.reshape(-1, D)[index]
        retained[:, budgets.starts[:-1]] = (weights[:, :, None] @ rows)[:, :, 0]
        return retained

    num_old = before.num_old + num_newer
    # A mean of no positions has the bias -inf and gets no attention.
    bias = mx.zeros(budgets.ranks.shape)
    bias[budgets.starts[:-1]] = mx.log((num_old - mx.array(budgets.sizes)).astype(mx.float32))
    return RetainedRows(num_old, budgets, retain(keys), retain(values), bias)


def attention_entropy(weights: mx.array) -> list[float]:
    """Of each head, from its attention (B, K, H / K, queries, C) to the positions that it may evict.

    The weights need not add up to 1: a head that mostly attends to other positions has little to lose here.
    """
    each = -(weights * mx.log(mx.maximum(weights, 1e-30))).sum(axis=-1)
    return [float(x) for x in np.array(each.mean(axis=(0, 2, 3)))]


def allocate(needs: Sequence[float], total: int, most: int) -> list[int]:
    """Divide `total` positions over the heads by need, at most `most` for each; a part of them evenly."""
    even = max(sum(needs) / len(needs), 1e-6) * _EVEN_SHARE / (1 - _EVEN_SHARE)
    weights = [need + even for need in needs]
    sizes, weight = [0] * len(needs), sum(weights)
    # The largest first: what exceeds its limit is left for the others.
    for head in sorted(range(len(needs)), key=lambda i: -weights[i]):
        sizes[head] = min(most, total, math.ceil(total * weights[head] / weight - 1e-9))
        total, weight = total - sizes[head], weight - weights[head]
    return sizes
