"""Keys and values of a cache in 8 or 4 bits.

A row holds a key and a value, each as scales, offsets and integers. n = D * bits / 32 words hold the integers: word w
has values w, w + n, w + 2n, ... from its lowest bits up. In 4 bits a vector of 32 or more values has a scale and an
offset for each half, which is a third more accurate than one for all. Scales and offsets are float32 in a uint32 word.
"""

import mlx.core as mx

from nightingale.kernels import backend, cpu


def compress(keys: mx.array, values: mx.array, bits: int) -> mx.array:
    """Keys and values (B, K, L, D) -> rows (B, K, L, num_words(D, bits)) of uint32."""
    if backend.is_native():
        return cpu.compress(keys, values, bits)
    return mx.concatenate([_pack(keys, bits), _pack(values, bits)], axis=-1)


def expand(rows: mx.array, bits: int) -> tuple[mx.array, mx.array]:
    """Rows (B, K, S, words) -> keys and values (B, K, S, D) in float32."""
    keys, values = mx.split(rows, 2, axis=-1)
    return _unpack(keys, bits), _unpack(values, bits)


def num_words(dim: int, bits: int) -> int:
    """Words of a row for keys and values of `dim` values each."""
    return 2 * (2 * _num_groups(dim, bits) + dim * bits // 32)


def _num_groups(dim: int, bits: int) -> int:
    return 2 if bits == 4 and dim >= 32 else 1


def _pack(x: mx.array, bits: int) -> mx.array:
    """(..., D) -> words: scales, offsets, integers."""
    *shape, D = x.shape
    x = x.astype(mx.float32).reshape(*shape, _num_groups(D, bits), -1)
    least = x.min(axis=-1, keepdims=True)
    scale = (x.max(axis=-1, keepdims=True) - least) / (2**bits - 1)
    inverse = mx.where(scale > 0, 1 / scale, 0.0)
    levels = mx.clip(mx.round((x - least) * inverse), 0, 2**bits - 1).astype(mx.uint32)
    fields = levels.reshape(*shape, 32 // bits, -1) << _shifts(bits)
    return mx.concatenate([scale[..., 0].view(mx.uint32), least[..., 0].view(mx.uint32), fields.sum(axis=-2)], axis=-1)


def _unpack(words: mx.array, bits: int) -> mx.array:
    *shape, W = words.shape
    groups = next(n for n in (2, 1) if _num_groups((W - 2 * n) * 32 // bits, bits) == n)
    scale, least = (words[..., i * groups : (i + 1) * groups, None].view(mx.float32) for i in range(2))
    fields = (words[..., None, 2 * groups :] >> _shifts(bits)) & (2**bits - 1)
    levels: mx.array = fields.reshape(*shape, groups, -1).astype(mx.float32)
    return (levels * scale + least).reshape(*shape, -1)


def _shifts(bits: int) -> mx.array:
    return mx.arange(0, 32, bits, dtype=mx.uint32)[:, None]
