"""One token for each row of logits: repetition penalty, temperature, min-p, top-p, then the argmax with Gumbel noise.

The argmax of logits plus Gumbel noise is a sample of their softmax (the Gumbel-max trick). The noise depends only on
the key and the token's position, so a draft model samples with the noise of its target.
"""

import math
from collections.abc import Sequence

import mlx.core as mx

from nightingale.kernels import backend, cpu, cuda
from nightingale.kernels.noise import indexed_gumbel, seed_key
from nightingale.options import SamplingOptions


def sample_tokens(
    logits: mx.array,
    forbidden: mx.array,
    key: mx.array,
    position: int,
    options: SamplingOptions,
    history: mx.array | None = None,
) -> mx.array:
    """Tokens (L,) for logits (L, V) of positions position, position + 1, ...

    forbidden: (V,) bool. options: temperature 0 is the argmax without noise. history: the tokens before each row,
    (L, V) bool; needed for a repetition penalty.
    """
    temperature, min_p = options.temperature, options.min_p
    unfiltered = options.top_p == 1 and options.top_k == 0 and not options.penalty_last
    if unfiltered and (backend.is_native() or backend.is_cuda()):
        # One operation, which draws noise only for the few tokens that min-p leaves.
        seen = None if history is None else (history, options.repetition_penalty)
        if backend.is_native():
            return cpu.sample_tokens(logits, forbidden, (key, position), temperature, min_p, seen)
        return cuda.sample_tokens(logits, forbidden, (key, seed_key(position)), temperature, min_p, seen)
    sample = _sample_compiled if backend.on_gpu() else _sample
    positions = [seed_key(position + i) for i in range(logits.shape[0])]
    values = temperature, min_p, options.top_p, options.top_k, options.repetition_penalty
    tokens: mx.array = sample(logits, history, forbidden, key, positions, values, options.penalty_last)
    return tokens


def penalize(logits: mx.array, history: mx.array, penalty: float) -> mx.array:
    """Repetition penalty (Keskar et al. 2019, https://arxiv.org/abs/1909.05858): logits, history (L, V) -> (L, V)."""
    penalized = mx.where(logits > 0, logits / penalty, logits * penalty)
    return mx.where(history, penalized, logits)


def keep_min_p(logits: mx.array, min_p: float) -> mx.array:
    """Set to -inf the tokens that are less than min_p times as probable as the most probable: (L, V) -> (L, V)."""
    floor = mx.max(logits, axis=-1, keepdims=True) + math.log(min_p)
    return mx.where(logits < floor, -mx.inf, logits)


def keep_top_k(logits: mx.array, top_k: int) -> mx.array:
    """Keep the top_k most probable tokens and those as probable as the last of them: (L, V) -> (L, V)."""
    floor = mx.min(mx.topk(logits, min(top_k, logits.shape[-1]), axis=-1), axis=-1, keepdims=True)
    return mx.where(logits < floor, -mx.inf, logits)


def keep_top_p(logits: mx.array, top_p: float) -> mx.array:
    """Keep the most probable tokens that together reach top_p, at least one: (L, V) -> (L, V)."""
    ordered = mx.sort(logits, axis=-1)
    below = mx.cumsum(mx.softmax(ordered, axis=-1), axis=-1)  # each token with all that are less probable
    cut = mx.sum(below <= 1 - top_p, axis=-1, keepdims=True)
    floor = mx.take_along_axis(ordered, mx.minimum(cut, logits.shape[-1] - 1), axis=-1)
    return mx.where(logits < floor, -mx.inf, logits)


def _sample(
    logits: mx.array,
    history: mx.array | None,
    forbidden: mx.array,
    key: mx.array,
    positions: Sequence[mx.array],
    values: tuple[float, float, float, int, float],
    penalty_last: bool,
) -> mx.array:
    """The same in MLX's operations. values: temperature, min_p, top_p, top_k, repetition penalty."""
    temperature, min_p, top_p, top_k, penalty = values
    logits = mx.where(forbidden, -mx.inf, logits)
    if history is not None and not penalty_last:
        logits = penalize(logits, history, penalty)
    if temperature == 0:
        return mx.argmax(logits, axis=-1)
    logits = logits.astype(mx.float32) / temperature
    if min_p > 0:
        logits = keep_min_p(logits, min_p)
    if top_k > 0:
        logits = keep_top_k(logits, top_k)
    if top_p < 1:
        logits = keep_top_p(logits, top_p)
    if history is not None and penalty_last:
        logits = penalize(logits, history, penalty)
    return mx.argmax(logits + indexed_gumbel(key, positions, logits.shape[1]), axis=-1)


_sample_compiled = mx.compile(_sample)  # for a GPU, where an operation costs more than its arithmetic
