"""The solver of conditional flow matching: from noise to mel in a few Euler steps, piece by piece.

Flow matching: Lipman et al. 2022, https://arxiv.org/abs/2210.02747; the cosine schedule and guidance are CosyVoice's.
The velocity is computed by estimator.py.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import mlx.core as mx

from nightingale.kernels.noise import indexed_normal
from nightingale.models.config import N_MELS, FlowConfig
from nightingale.models.s3gen.estimator import Estimator
from nightingale.models.streaming import Memory, StreamingContext


@dataclass(frozen=True)
class FlowState:
    """The solver between two pieces: the estimator's memory and time vector of each step, and the frames solved."""

    memories: tuple[Memory | None, ...]
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
    context: StreamingContext, cfg_rate: float,
) -> mx.array:
    """Velocity (1, T, 80) at x, with classifier-free guidance over (mu, speaker, prompt) if cfg_rate > 0."""
    mu, speaker, prompt = conditions
    if cfg_rate <= 0:
        return estimator(x, mu, speaker, prompt, time, context)
    pairs = [mx.concatenate([c, mx.zeros_like(c)]) for c in conditions]
    both = estimator(mx.concatenate([x, x]), pairs[0], pairs[1], pairs[2], time, context)
    return (1.0 + cfg_rate) * both[:1] - cfg_rate * both[1:]


def solve(
    estimator: Estimator, config: FlowConfig, noise: mx.array, conditions: tuple[mx.array, mx.array, mx.array],
    state: FlowState,
) -> tuple[mx.array, FlowState]:
    """Noise (1, T, 80) of the next frames -> their mel, and the state after them."""
    x, times, memories = noise, timesteps(config), []
    for i in range(config.num_steps):
        context = StreamingContext(state.memories[i])
        x = x + (times[i + 1] - times[i]) * velocity(estimator, x, conditions, state.times[i], context, config.cfg_rate)
        memories.append(context.memory)
    return x, FlowState(tuple(memories), state.times, state.frame + noise.shape[1])
