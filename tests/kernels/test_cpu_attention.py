"""S3Gen's attention by the C++ kernels against MLX: all rows or a window, with and without relative positions."""

import mlx.core as mx
import pytest
from native_kernels import NATIVE, instruction_set, poisoned  # noqa: F401
from tiny import close, noise

from nightingale.kernels import cpu

pytestmark = NATIVE


def heads_of(x: mx.array, count: int) -> mx.array:
    return x.reshape(*x.shape[:2], count, -1).swapaxes(1, 2)


@pytest.mark.parametrize("window", [None, 1, 4, 50])
@pytest.mark.parametrize(
    "rows,count,heads,dim", [(1, 1, 1, 16), (5, 9, 2, 8), (20, 20, 3, 64), (33, 70, 2, 40), (130, 150, 2, 64)]
)
def test_attention(window: int | None, rows: int, count: int, heads: int, dim: int) -> None:
    q, k, v = (noise(name, (2, n, heads * dim)) for name, n in (("q", rows), ("k", count), ("v", count)))
    lag = mx.arange(count - rows, count)[:, None] - mx.arange(count)[None]
    bias = mx.where((lag >= 0) & (lag < window), 0.0, -mx.inf) if window else mx.zeros((rows, count))
    by_content = heads_of(q, heads) @ heads_of(k, heads).swapaxes(2, 3)

    def finished(scores: mx.array) -> mx.array:
        out = mx.softmax(scores * dim**-0.5 + bias, axis=-1) @ heads_of(v, heads)
        return out.swapaxes(1, 2).reshape(2, rows, -1)

    close(poisoned(lambda: cpu.attention(q, k, v, heads, window)), finished(by_content), 2e-6)

    u, w, table = noise("u", (heads, dim)), noise("w", (heads, dim)), noise("t", (count + rows - 1, heads * dim))
    by_content = (heads_of(q, heads) + u[:, None]) @ heads_of(k, heads).swapaxes(2, 3)
    all_distances = (heads_of(q, heads) + w[:, None]) @ heads_of(table[None], heads).swapaxes(2, 3)
    places = count - 1 - lag  # the table begins with distance count - 1
    by_distance = mx.take_along_axis(all_distances, mx.broadcast_to(places, by_content.shape), axis=-1)
    ours = poisoned(lambda: cpu.attention(q, k, v, heads, window, (u, w, table)))
    close(ours, finished(by_content + by_distance), 2e-6)
