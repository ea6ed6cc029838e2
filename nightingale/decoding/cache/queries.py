"""Ring of the queries of a layer's newest positions."""

import mlx.core as mx


class QueryRing:
    """The queries of position p are in row p modulo the number of rows, of which there may be none.

    A fused pass writes to the array in place.
    """

    def __init__(self, num_rows: int) -> None:
        self.num_rows = num_rows
        self._rows = mx.zeros((0,))  # (B, num_rows, H * D) from the first update on

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes

    @property
    def width(self) -> int:
        """H * D, once there were queries."""
        return self._rows.shape[-1]

    def array(self, batch: int, width: int, dtype: mx.Dtype) -> mx.array:
        """The rows (batch, num_rows, width)."""
        if self._rows.ndim != 3:
            self._rows = mx.zeros((batch, self.num_rows, width), dtype)
        return self._rows

    def write(self, queries: mx.array, batch: int, position: int) -> None:
        """Write queries (B * L, H * D), the first of which has this position."""
        if not self.num_rows:
            return
        queries = queries.reshape(batch, -1, queries.shape[-1])
        rows = self.array(batch, queries.shape[-1], queries.dtype)
        skipped = max(queries.shape[1] - self.num_rows, 0)
        new = queries[:, skipped:]
        rows[:, self._index(position + skipped, new.shape[1])] = new

    def read(self, position: int, count: int) -> mx.array:
        """Queries (B, count, H * D) from this position on. They must be among the newest `num_rows`."""
        return self._rows[:, self._index(position, count)]

    def _index(self, position: int, count: int) -> mx.array:
        return (mx.arange(count) + position) % self.num_rows
