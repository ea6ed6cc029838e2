"""Random noise that depends only on a key and an absolute index: a token position, a mel frame or a sample.

So a draft model draws the noise of its target, and a chunk of sound does not depend on where the chunk begins. Keys are
MLX's (threefry); the native and CUDA sampling kernels draw the same noise.
"""

from collections.abc import Sequence

import mlx.core as mx

_BLOCK = 64  # rows of noise drawn at once by indexed_normal


def seed_key(seed: int) -> mx.array:
    """The key of a seed of up to 64 bits."""
    return mx.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], dtype=mx.uint32)


def fold_in(key: mx.array, *numbers: int) -> mx.array:
    """An independent key for each (key, numbers), as jax.random.fold_in; (k, a, b) gives fold_in(fold_in(k, a), b)."""
    for number in numbers:
        key = _fold(key, seed_key(number))
    return key


def _fold(key: mx.array, number: mx.array) -> mx.array:
    # The key is scrambled before the number goes in, or seed 0, index 1 would be seed 1, index 0.
    return mx.random.split(mx.random.split(key, 1)[0] ^ number, 1)[0]


def indexed_normal(key: mx.array, start: int, stop: int, channels: int) -> mx.array:
    """Rows start to stop of this key's endless normal noise: (stop - start, channels)."""
    if stop <= start:
        return mx.zeros((0, channels))
    first, last = start // _BLOCK, (stop - 1) // _BLOCK
    blocks = [mx.random.normal((_BLOCK, channels), key=fold_in(key, i)) for i in range(first, last + 1)]
    rows = mx.concatenate(blocks) if len(blocks) > 1 else blocks[0]
    return rows[start - first * _BLOCK : stop - first * _BLOCK]


def indexed_gumbel(key: mx.array, positions: Sequence[mx.array], channels: int) -> mx.array:
    """Gumbel noise (L, channels) of L token positions, each an array as `seed_key` makes it."""
    return mx.stack([mx.random.gumbel((channels,), key=_fold(key, position)) for position in positions])
