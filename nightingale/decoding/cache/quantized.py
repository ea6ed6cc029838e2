"""KV cache in 8 or 4 bits."""


import mlx.core as mx

from nightingale.decoding.cache.full import BufferedCache, causal
from nightingale.kernels import cpu as kernels
from nightingale.kernels.backend import native
from nightingale.models.cache import Mask, Stored


class QuantizedKVCache(BufferedCache):
    """Every key and value in 8 or 4 bits, each with scales and offsets of its own.

    A position is stored once, as it comes, so that rewinding and reading again gives what never rewinding gives.
    """

    layout = "quantized"

    def __init__(self, bits: int, step: int = 256) -> None:
        super().__init__(step)
        self.bits = bits
        self._dtype = mx.float32

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> Stored:
        """Append (B, K, L, head_dim); return rows (B, K, offset, words) as kernels.compress lays them out."""
        self._dtype = keys.dtype
        compress = kernels.compress if native() else compressed
        return self._append(compress(keys, values, self.bits))

    def buffers(self, shape: tuple[int, ...], num_heads: int, dtype: mx.Dtype) -> Stored:
        """Rows of words, in which floats of 32 bits are."""
        B, K, L, D = shape
        return self._with_room([(B, K, L, _num_words(D, self.bits))], mx.uint32)

    def dense(self, stored: Stored, num_new: int) -> tuple[mx.array, mx.array, Mask]:
        keys, values = expanded(stored[0], self.bits)
        return keys.astype(self._dtype), values.astype(self._dtype), causal(num_new)


def compressed(keys: mx.array, values: mx.array, bits: int) -> mx.array:
    """Keys and values (B, K, L, D) -> rows: kernels.compress in MLX's operations."""
    return mx.concatenate([_packed(keys, bits), _packed(values, bits)], axis=-1)


def expanded(rows: mx.array, bits: int) -> tuple[mx.array, mx.array]:
    """Rows (B, K, S, words) back to keys and values (B, K, S, D) in float32."""
    keys, values = mx.split(rows, 2, axis=-1)
    return _unpacked(keys, bits), _unpacked(values, bits)


def _num_words(dim: int, bits: int) -> int:
    """Of a row: a key and a value."""
    return 2 * (2 * _num_groups(dim, bits) + dim * bits // 32)


def _packed(x: mx.array, bits: int) -> mx.array:
    """(..., D) -> words: scales, offsets, integers."""
    *shape, D = x.shape
    x = x.astype(mx.float32).reshape(*shape, _num_groups(D, bits), -1)
    least = x.min(axis=-1, keepdims=True)
    scale = (x.max(axis=-1, keepdims=True) - least) / (2**bits - 1)
    inverse = mx.where(scale > 0, 1 / scale, 0.0)
    levels = mx.clip(mx.round((x - least) * inverse), 0, 2**bits - 1).astype(mx.uint32)
    fields = levels.reshape(*shape, 32 // bits, -1) << _shifts(bits)
    return mx.concatenate([scale[..., 0].view(mx.uint32), least[..., 0].view(mx.uint32), fields.sum(axis=-2)], axis=-1)


def _unpacked(words: mx.array, bits: int) -> mx.array:
    *shape, W = words.shape
    groups = next(n for n in (2, 1) if _num_groups((W - 2 * n) * 32 // bits, bits) == n)
    scale, least = (words[..., i * groups : (i + 1) * groups, None].view(mx.float32) for i in range(2))
    fields = (words[..., None, 2 * groups :] >> _shifts(bits)) & (2**bits - 1)
    levels: mx.array = fields.reshape(*shape, groups, -1).astype(mx.float32)
    return (levels * scale + least).reshape(*shape, -1)


def _num_groups(dim: int, bits: int) -> int:
    """Parts of a vector with a scale and an offset each: in 4 bits two are a third better than one."""
    return 2 if bits == 4 and dim >= 32 else 1


def _shifts(bits: int) -> mx.array:
    return mx.arange(0, 32, bits, dtype=mx.uint32)[:, None]
