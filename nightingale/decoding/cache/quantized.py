"""KV cache of all positions in 8 or 4 bits."""

import mlx.core as mx

from nightingale.decoding.cache.full import BufferedCache, causal
from nightingale.kernels.cache import CacheArrays, Mask
from nightingale.kernels.kv_quantization import compress, expand, num_words


class QuantizedKVCache(BufferedCache):
    """Every key and value in few bits, each with its own scales and offsets.

    A position is quantized once, when it is appended, so trimming and reading again gives the same as never trimming.
    """

    layout = "quantized"

    def __init__(self, bits: int, step: int = 256, num_queries: int = 0) -> None:
        super().__init__(step, num_queries)
        self.bits = bits
        self._dtype = mx.float32

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> CacheArrays:
        """Append (B, K, L, D); all rows (B, K, offset, words) as kernels.kv_quantization lays them out."""
        self._dtype = keys.dtype
        self._queries.write(queries, keys.shape[0], self._offset)
        return self._append(compress(keys, values, self.bits))

    def buffers(self, shape: tuple[int, ...], num_heads: int, dtype: mx.Dtype) -> CacheArrays:
        """Rows of keys and values, then the ring of queries."""
        B, K, L, D = shape
        rows = self._reserve([(B, K, L, num_words(D, self.bits))], mx.uint32)
        return *rows, self._queries.array(B, num_heads * D, dtype)

    def keys(self, start: int, stop: int) -> mx.array:
        return expand(self.stored()[0][:, :, start:stop], self.bits)[0]

    def dense(self, stored: CacheArrays, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        keys, values = expand(stored[0], self.bits)
        return keys.astype(self._dtype), values.astype(self._dtype), causal(num_new)
