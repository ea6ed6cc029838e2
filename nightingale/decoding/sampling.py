"""From logits to tokens: guidance, penalties, filters and keyed noise, all pure functions. Knows no model and no loop.

Noise depends on nothing but its key and the absolute index (token position, frame, sample), so a draft sees the noise
its target will see, and a chunk of sound does not depend on where the chunk begins.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx

from nightingale.kernels import cpu as kernels
from nightingale.kernels import cuda
from nightingale.kernels.backend import native, on_cpu
from nightingale.models.noise import indexed_gumbel, seed_key
from nightingale.options import SpeakOptions


def apply_cfg(logits: mx.array, cfg_weight: float) -> mx.array:
    """Classifier-free guidance: rows with and without text (2, L, V), or (1, L, V) unguided -> (L, V)."""
    if logits.shape[0] == 1:
        return logits[0]
    return logits[0] + cfg_weight * (logits[0] - logits[1])


def penalize(logits: mx.array, history: mx.array, penalty: float) -> mx.array:
    """Repetition penalty: logits (L, V), history (L, V) bool, the tokens before each row."""
    penalized = mx.where(logits > 0, logits / penalty, logits * penalty)
    return mx.where(history, penalized, logits)


def keep_min_p(logits: mx.array, min_p: float) -> mx.array:
    """Rule out (-inf) what is less than min_p times as probable as the most probable: (L, V) -> (L, V)."""
    floor = mx.max(logits, axis=-1, keepdims=True) + math.log(min_p)
    return mx.where(logits < floor, -mx.inf, logits)


def keep_top_p(logits: mx.array, top_p: float) -> mx.array:
    """Keep the most probable tokens that together reach top_p, one at least: (L, V) -> (L, V)."""
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
    wishes: tuple[float, float, float, float],
) -> mx.array:
    """Sampler.sample. wishes: temperature, min-p, top-p, repetition penalty."""
    temperature, min_p, top_p, penalty = wishes
    logits = mx.where(forbidden, -mx.inf, logits)
    if history is not None:
        logits = penalize(logits, history, penalty)
    if temperature == 0:
        return mx.argmax(logits, axis=-1)
    logits = logits.astype(mx.float32) / temperature
    if min_p > 0:
        logits = keep_min_p(logits, min_p)
    if top_p < 1:
        logits = keep_top_p(logits, top_p)
    return mx.argmax(logits + indexed_gumbel(key, positions, logits.shape[1]), axis=-1)


_sample_compiled = mx.compile(_sample)  # for a GPU, where an operation costs more than its arithmetic


@dataclass(frozen=True)
class Sampler:
    """Samples the tokens of one sentence. key: of its noise. forbidden: (V,) bool, ids that are never sampled."""

    options: SpeakOptions
    key: mx.array
    forbidden: mx.array

    def sample(self, logits: mx.array, history: mx.array | None, position: int) -> mx.array:
        """Tokens (L,) for guided logits (L, V) of speech positions position, position + 1, ...

        history: (L, V) bool, the tokens before each position; None without a repetition penalty.
        """
        options = self.options
        if options.top_p == 1 and (native() or cuda.available()):
            # The same in one operation, which draws noise only for the few tokens that the filter leaves.
            seen = None if history is None else (history, options.repetition_penalty)
            if native():
                noise = self.key, position
                return kernels.choose(logits, self.forbidden, noise, options.temperature, options.min_p, seen)
            drawn = self.key, seed_key(position)
            return cuda.choose(logits, self.forbidden, drawn, options.temperature, options.min_p, seen)
        sample = _sample if on_cpu() else _sample_compiled
        positions = [seed_key(position + i) for i in range(logits.shape[0])]
        wishes = options.temperature, options.min_p, options.top_p, options.repetition_penalty
        tokens: mx.array = sample(logits, history, self.forbidden, self.key, positions, wishes)
        return tokens

    def empty_history(self) -> mx.array | None:
        """The history (1, V) that a sentence begins with; None where no penalty asks for one."""
        return mx.zeros((1, self.forbidden.size), mx.bool_) if self.options.repetition_penalty > 1 else None


def histories(history: mx.array | None, tokens: mx.array) -> mx.array | None:
    """The tokens seen before each of tokens (L,), and after the last: (1, V) -> (L + 1, V). None stays None."""
    if history is None:
        return None
    ids = mx.arange(history.shape[-1])
    rows = [history]
    for i in range(tokens.size):
        rows.append(rows[-1] | (ids == tokens[i]))
    return mx.concatenate(rows)
