"""The flow's solver: from noise to mel in a few Euler steps, resumable frame by frame.

Knows times, noise, guidance and what each step must remember; the network that gives the direction is the estimator's.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import mlx.core as mx

from nightingale.models.config import N_MELS, FlowConfig
from nightingale.models.layers import Carry
from nightingale.models.noise import indexed_normal
from nightingale.models.s3gen.estimator import Estimator


@dataclass(frozen=True)
class FlowState:
    """What the solver remembers: the estimator's memory and time vector at each step, and the frames done."""

    tails: tuple[tuple[mx.array, ...] | None, ...]
    times: tuple[mx.array, ...]
    frame: int = 0


def timesteps(config: FlowConfig) -> list[float]:
    """The times 0 .. 1 that the steps go between, num_steps + 1 of them."""
    even = [i / config.num_steps for i in range(config.num_steps + 1)]
    return even if config.schedule == "linear" else [1.0 - math.cos(t * 0.5 * math.pi) for t in even]


def sample_prior(key: mx.array, start: int, stop: int) -> mx.array:
    """The noise (1, T, 80) of frames start to stop."""
    return indexed_normal(key, start, stop, N_MELS)[None]


def start(estimator: Estimator, config: FlowConfig) -> FlowState:
    """The state before the first frame."""
    times = timesteps(config)
    rows = 2 if config.cfg_rate > 0 else 1
    vectors = [estimator.embed_time(mx.full((rows,), t), mx.full((rows,), r)) for t, r in pairwise(times)]
    return FlowState((None,) * config.num_steps, tuple(vectors))


def velocity(
    estimator: Estimator, x: mx.array, conditions: tuple[mx.array, mx.array, mx.array], time: mx.array,
    carry: Carry, cfg_rate: float,
) -> mx.array:
    """Direction (1, T, 80) at x, led away from that without conditions (mu, speaker, prompt) when cfg_rate > 0."""
    mu, speaker, prompt = conditions
    if cfg_rate <= 0:
        return estimator(x, mu, speaker, prompt, time, carry)
    pairs = [mx.concatenate([c, mx.zeros_like(c)]) for c in conditions]
    both = estimator(mx.concatenate([x, x]), pairs[0], pairs[1], pairs[2], time, carry)
    return (1.0 + cfg_rate) * both[:1] - cfg_rate * both[1:]


def solve(
    estimator: Estimator, config: FlowConfig, noise: mx.array, conditions: tuple[mx.array, mx.array, mx.array],
    state: FlowState,
) -> tuple[mx.array, FlowState]:
    """Noise (1, T, 80) of the next frames -> their mel, and the state after them."""
    x, times, kept = noise, timesteps(config), []
    for i in range(config.num_steps):
        carry = Carry(state.tails[i])
        x = x + (times[i + 1] - times[i]) * velocity(estimator, x, conditions, state.times[i], carry, config.cfg_rate)
        kept.append(carry.tails)
    return x, FlowState(tuple(kept), state.times, state.frame + noise.shape[1])
