"""Tiny models of every form with the weights of golden_weights.py."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from golden_weights import named_noise, named_weight
from mlx.utils import tree_flatten, tree_unflatten
from numpy.typing import NDArray

from nightingale.kernels.backend import Backend
from nightingale.models.config import EncoderConfig, EstimatorConfig, FlowConfig, HiFTConfig, S3GenConfig

Floats = NDArray[np.float32]
State = TypeVar("State")


def golden(name: str) -> dict[str, Floats]:
    """The arrays of a golden file."""
    with np.load(Path(__file__).parents[1] / "golden" / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def noise(name: str, shape: tuple[int, ...]) -> mx.array:
    return mx.array(named_noise(name, shape))


def fill(model: nn.Module, prefix: str = "") -> None:
    """Give every parameter the weight of its name."""
    weights = [(k, mx.array(named_weight(prefix + k, v.shape))) for k, v in tree_flatten(model.parameters())]
    model.update(tree_unflatten(weights))


def encoder_config(window: int | None = None) -> EncoderConfig:
    return EncoderConfig(
        vocab_size=10, hidden_size=16, num_heads=2, ffn_size=24, num_blocks=2, num_up_blocks=1, lookahead_tokens=3,
        window=window,
    )  # fmt: skip


def estimator_config(meanflow: bool, window: int | None = None) -> EstimatorConfig:
    return EstimatorConfig(
        channels=16, num_heads=2, head_dim=8, blocks_per_stage=2, num_mid_blocks=2, meanflow=meanflow, window=window
    )


def s3gen_config(meanflow: bool, window: int | None = None, cfg_rate: float | None = None) -> S3GenConfig:
    """The golden file's forms; a window makes it resumable, of twice as many frames in the encoder's second half."""
    flow = FlowConfig(2, 0.0, "linear") if meanflow else FlowConfig(4, 0.7, "cosine")
    if cfg_rate is not None:
        flow = FlowConfig(flow.num_steps, cfg_rate, flow.schedule)
    return S3GenConfig(encoder_config(window), estimator_config(meanflow, window), flow, speaker_embed_size=12)


def hift_config(causal: bool, three_stages: bool = False) -> HiFTConfig:
    return HiFTConfig(
        base_channels=32,
        upsample_rates=(8, 5, 3) if three_stages else (8, 5),
        upsample_kernel_sizes=(16, 11, 7) if three_stages else (16, 11),
        n_fft=16 if three_stages else 48,
        hop_length=4 if three_stages else 12,
        resblock_kernel_sizes=(3, 7),
        resblock_dilations=(1, 3, 5),
        source_resblock_kernel_sizes=(7, 7, 11) if three_stages else (7, 5),
        f0_channels=24,
        num_harmonics=8,
        sine_amplitude=0.1,
        noise_std=0.003,
        voiced_threshold=10.0,
        leaky_slope=0.1,
        audio_limit=0.99,
        causal=causal,
    )


def use_backend(monkeypatch: pytest.MonkeyPatch, which: Backend) -> None:
    """Compute on the CPU in the form that the models take on another backend."""
    monkeypatch.setattr("nightingale.kernels.backend.current", lambda: which)


def in_pieces(step: Callable[..., tuple[mx.array, State]], x: mx.array, state: State, pieces: list[int]) -> mx.array:
    """What a model gives for x (B, T, ...), of which it is given so many at a time."""
    outputs, at = [], 0
    for i, count in enumerate(pieces):
        output, state = step(x[:, at : at + count], state, last=i == len(pieces) - 1)
        outputs.append(output)
        at += count
    return mx.concatenate(outputs, axis=1)


def close(ours: mx.array, theirs: mx.array | Floats, tolerance: float = 1e-4) -> None:
    """Same shape, and no element further off than tolerance times the largest (at least 1)."""
    mine, other = np.array(ours), np.array(theirs)
    assert mine.shape == other.shape
    assert np.isfinite(mine).all()
    assert np.abs(mine - other).max() <= tolerance * max(1.0, float(np.abs(other).max()))
