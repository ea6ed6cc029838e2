"""How the tokens of one sentence are sampled: classifier-free guidance, a sentence's sampler, token histories."""

from dataclasses import dataclass

import mlx.core as mx

from nightingale.kernels.sampling import sample_tokens
from nightingale.options import SamplingOptions


def apply_cfg(logits: mx.array, cfg_weight: float) -> mx.array:
    """Classifier-free guidance: logits with and without text (2, L, V), or (1, L, V) without guidance -> (L, V)."""
    if logits.shape[0] == 1:
        return logits[0]
    return logits[0] + cfg_weight * (logits[0] - logits[1])


@dataclass(frozen=True)
class Sampler:
    """Samples the tokens of one sentence. key: of its noise. forbidden: (V,) bool, ids that are never sampled."""

    options: SamplingOptions
    key: mx.array
    forbidden: mx.array

    def sample(self, logits: mx.array, history: mx.array | None, position: int) -> mx.array:
        """Tokens (L,) for guided logits (L, V) of speech positions position, position + 1, ...

        history: the tokens before each position, (L, V) bool; None without a repetition penalty.
        """
        return sample_tokens(logits, self.forbidden, self.key, position, self.options, history)

    def empty_history(self) -> mx.array | None:
        """The history (1, V) at the beginning of a sentence; None without a repetition penalty."""
        return mx.zeros((1, self.forbidden.size), mx.bool_) if self.options.repetition_penalty > 1 else None


def histories(history: mx.array | None, tokens: mx.array) -> mx.array | None:
    """The history before each of tokens (L,), and after the last: (1, V) -> (L + 1, V). None stays None."""
    if history is None:
        return None
    ids = mx.arange(history.shape[-1])
    rows = [history]
    for i in range(tokens.size):
        rows.append(rows[-1] | (ids == tokens[i]))
    return mx.concatenate(rows)
