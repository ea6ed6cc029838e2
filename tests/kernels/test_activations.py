"""Elementwise functions against MLX's own."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from tiny import noise

from nightingale.kernels import activations


@pytest.mark.parametrize("name", ["exp", "silu", "gelu", "mish", "elu", "softmax"])
def test_activations_are_exact_to_float32(name: str) -> None:
    x = mx.concatenate([noise("x", (40, 50)) * 5.0, mx.linspace(-80.0, 80.0, 2000).reshape(40, 50)])
    builtin = {"exp": mx.exp, "softmax": lambda x: mx.softmax(x, axis=-1)}.get(name) or getattr(nn, name)
    ours, theirs = np.array(getattr(activations, name)(x)), np.array(builtin(x))
    assert (np.abs(ours - theirs) <= 1e-6 * np.maximum(np.abs(np.array(x)), np.abs(theirs)) + 2e-7).all()


def test_softmax_gives_no_weight_to_minus_infinity() -> None:
    weights = activations.softmax(mx.array([[0.0, -float("inf"), 1.0]]))
    assert weights[0, 1].item() < 1e-30
    assert weights.sum().item() == pytest.approx(1.0)


def test_sines() -> None:
    turns = noise("turns", (1000,)) * 20.0
    exact = np.array(turns, np.float64)
    np.testing.assert_allclose(np.array(activations.sin_turns(turns)), np.sin(2 * np.pi * exact), atol=2e-6)
    x = mx.linspace(-1.0, 1.0, 1001)
    for ours, theirs in zip(activations.sin_cos_unit(x), (mx.sin(x), mx.cos(x)), strict=True):
        np.testing.assert_allclose(np.array(ours), np.array(theirs), atol=2e-7)
