"""Activations, snake, layer norm and softmax of the C++ kernels against MLX."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from native_kernels import NATIVE, instruction_set, poisoned  # noqa: F401
from tiny import close, noise

from nightingale.kernels import cpu

pytestmark = NATIVE


@pytest.mark.parametrize("name", ["exp", "silu", "gelu", "mish", "elu"])
@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 17, 33), (40000,)])
def test_activations(name: cpu.Activation, shape: tuple[int, ...]) -> None:
    x = 6.0 * noise("x", shape)
    builtin = mx.exp if name == "exp" else getattr(nn, name)
    ours, theirs = poisoned(lambda: cpu.apply(name, x)), builtin(x)
    assert bool((mx.abs(ours - theirs) <= 1e-6 * mx.maximum(mx.abs(x), mx.abs(theirs)) + 2e-7).all())


def test_activations_of_extreme_values() -> None:
    x = mx.array([-1e30, -200.0, -87.0, 0.0, 87.0, 200.0, 1e30])
    for name in ("silu", "gelu", "mish", "elu"):
        expected = mx.maximum(x, -1.0 if name == "elu" else 0.0)
        assert bool((mx.abs(cpu.apply(name, x) - expected) <= 1e-6 * (1.0 + mx.abs(x))).all())


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 5), (2, 33, 64), (1, 300, 100)])
def test_snake(shape: tuple[int, ...]) -> None:
    x, alpha = 10.0 * noise("x", shape), 1.5 + noise("a", shape[-1:])
    turns, inverse = alpha / np.pi, 1.0 / alpha
    expected = x + mx.square(mx.sin(x * alpha)) * inverse
    close(poisoned(lambda: cpu.snake(x, turns, inverse)), expected, 2e-6)


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (2, 33, 192), (200, 100)])
def test_layer_norm(shape: tuple[int, ...]) -> None:
    x, weight, bias = 3.0 + noise("x", shape), noise("w", shape[-1:]), noise("b", shape[-1:])
    expected = mx.fast.layer_norm(x, weight, bias, 1e-5)
    close(poisoned(lambda: cpu.layer_norm(x, weight, bias, 1e-5)), expected, 5e-6)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5, 17), (2, 3, 40, 64), (300, 100)])
def test_softmax(shape: tuple[int, ...]) -> None:
    x = 5.0 * noise("x", shape)
    close(poisoned(lambda: cpu.softmax(x)), mx.softmax(x, axis=-1), 1e-6)
    hidden = mx.arange(shape[-1])[None] > mx.arange(shape[-2])[:, None]
    bias = mx.where(hidden, -mx.inf, 0.0)
    close(cpu.softmax(x, bias), mx.softmax(x + bias, axis=-1), 1e-6)
