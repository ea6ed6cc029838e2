"""Self-attention of S3Gen: over all rows or within a window, with or without relative positions."""

from functools import lru_cache

import mlx.core as mx

from nightingale.kernels import backend, cpu
from nightingale.kernels.activations import softmax

RelativePositions = tuple[mx.array, mx.array, mx.array]


def attention(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    num_heads: int,
    window: int | None = None,
    positions: RelativePositions | None = None,
) -> mx.array:
    """Queries (B, T, H * D), keys and values (B, S, H * D) -> (B, T, H * D). The last T keys are the queries' own.

    window: a query attends to itself and to the window - 1 rows before it; None: to all rows.
    positions: biases of content and of position (H, D), and a projected table of relative positions
    (S + T - 1, H * D), the farthest back first (Transformer-XL, Dai et al. 2019, https://arxiv.org/abs/1901.02860).
    """
    if backend.is_native():
        return cpu.attention(queries, keys, values, num_heads, window, positions)
    q, k, v = (_split_heads(rows, num_heads) for rows in (queries, keys, values))
    scale = q.shape[3] ** -0.5
    if positions is None:
        scores = (q * scale) @ k.transpose(0, 1, 3, 2)
    else:
        content_bias, position_bias, table = positions
        by_content = ((q + content_bias[:, None]) * scale) @ k.transpose(0, 1, 3, 2)
        distances = _split_heads(table[None], num_heads).transpose(0, 1, 3, 2)
        by_distance = ((q + position_bias[:, None]) * scale) @ distances
        scores = by_content + skew(by_distance, k.shape[2])
    if window is not None:
        scores = scores + window_bias(q.shape[2], k.shape[2], window)
    return _merge_heads(softmax(scores) @ v)


def skew(scores: mx.array, keys: int) -> mx.array:
    """Scores by distance (B, H, T, keys + T - 1), farthest first -> scores by key (B, H, T, keys)."""
    batch, heads, rows, width = scores.shape
    if rows == 1:
        return scores
    flat = scores.reshape(batch, heads, rows * width)[..., rows - 1 : rows * width - 1]
    return flat.reshape(batch, heads, rows, width - 1)[..., :keys]


@lru_cache(maxsize=4)  # every layer of a pass asks for the same one or two
def window_bias(rows: int, keys: int, window: int) -> mx.array:
    """A mask to add to scores (rows, keys): 0 for the query's own row and the window - 1 before it, else -inf.

    The last query is the last key.
    """
    lag = mx.arange(keys - rows, keys)[:, None] - mx.arange(keys)[None]
    bias = mx.where((lag >= 0) & (lag < window), 0.0, -float("inf"))
    mx.eval(bias)  # an array that outlives a pass must not hold on to its stream
    return bias


def _split_heads(x: mx.array, num_heads: int) -> mx.array:
    """(B, T, H * D) -> (B, H, T, D)."""
    batch, rows, width = x.shape
    return x.reshape(batch, rows, num_heads, width // num_heads).transpose(0, 2, 1, 3)


def _merge_heads(x: mx.array) -> mx.array:
    """(B, H, T, D) -> (B, T, H * D)."""
    batch, num_heads, rows, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, rows, num_heads * width)
