"""Convolutions made of matrix products against MLX's own; the carried context; attention's window."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from tiny import close, fill, noise

from nightingale.kernels import activations as elementary
from nightingale.kernels import cuda
from nightingale.models import layers
from nightingale.models.layers import Carry, Conv1d, ConvTranspose1d, Snake, pad_both, window_bias


@pytest.fixture(params=["here", "cuda"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU's way, and an NVIDIA GPU's on the CPU."""
    if request.param == "cuda":
        monkeypatch.setattr(layers, "native", lambda: False)
        monkeypatch.setattr(cuda, "available", lambda: True)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("kernel,stride,dilation", [(1, 1, 1), (3, 1, 1), (7, 1, 5), (6, 3, 1), (10, 5, 1)])
def test_conv1d(kernel: int, stride: int, dilation: int) -> None:
    conv = Conv1d(4, 6, kernel, stride, dilation)
    fill(conv)
    x = noise("x", (2, 60 + conv.context, 4))
    expected = mx.conv1d(x, conv.weight, stride, 0, dilation) + conv.bias
    assert expected.shape[1] == 60 // stride
    close(conv(x), expected, 1e-5)
    close(conv(x, expected), expected + expected, 1e-5)
    wide = mx.concatenate([x, x], axis=2)[:, 1:, 2:6]  # a view
    close(conv(wide), mx.conv1d(mx.contiguous(wide), conv.weight, stride, 0, dilation) + conv.bias, 1e-5)


def test_conv1d_uses_new_weights_after_an_update() -> None:
    conv = Conv1d(4, 6, 3)
    x = noise("x", (1, 9, 4))
    assert float(mx.abs(conv(x)).max()) == 0.0
    fill(conv)
    close(conv(x), mx.conv1d(x, conv.weight) + conv.bias, 1e-5)
    assert set(conv.parameters()) == {"weight", "bias"}


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("kernel,stride", [(16, 8), (11, 5), (7, 3), (4, 2)])
def test_transposed_conv1d(kernel: int, stride: int) -> None:
    conv = ConvTranspose1d(4, 6, kernel, stride)
    fill(conv)
    x = noise("x", (2, 9, 4))
    expected = (mx.conv_transpose1d(x, conv.weight, stride) + conv.bias)[:, : 9 * stride]
    close(conv(mx.pad(x, [(0, 0), (conv.context, 0), (0, 0)])), expected, 1e-5)


def test_carry_continues_where_the_last_piece_ended() -> None:
    x = noise("x", (1, 10, 3))
    whole = Carry()
    expected = whole.extend(x, 4), whole.append(x, 3)
    assert expected[0].shape == (1, 14, 3) and expected[1].shape == (1, 10, 3)
    first = Carry()
    first.extend(x[:, :2], 4), first.append(x[:, :2], 3)
    second = Carry(first.tails)
    assert mx.array_equal(second.extend(x[:, 2:], 4), expected[0][:, 2:])
    assert second.rows_ahead == 2
    assert mx.array_equal(second.append(x[:, 2:], 3), expected[1])
    for ours, theirs in zip(second.tails, whole.tails, strict=True):
        assert mx.array_equal(ours, theirs)


def test_pad_both() -> None:
    assert pad_both(mx.ones((1, 2, 1)), 4)[0, :, 0].tolist() == [0, 0, 1, 1, 0, 0]


def test_window_bias() -> None:
    bias = window_bias(3, 5, 2)
    assert bias is not None
    assert np.isfinite(np.array(bias)).astype(int).tolist() == [[0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]
    assert window_bias(3, 3, None) is None


def test_snake() -> None:
    snake = Snake(5)
    fill(snake)
    x = 10.0 * noise("x", (1, 200, 5))
    close(snake(x), x + mx.square(mx.sin(x * snake.alpha)) / snake.alpha, 1e-6)


@pytest.mark.parametrize("name", ["exp", "silu", "gelu", "mish", "elu", "softmax"])
def test_elementary_functions_are_exact_to_float32(name: str) -> None:
    x = mx.concatenate([noise("x", (40, 50)) * 5.0, mx.linspace(-80.0, 80.0, 2000).reshape(40, 50)])
    builtin = {"exp": mx.exp, "softmax": lambda x: mx.softmax(x, axis=-1)}.get(name) or getattr(nn, name)
    ours, theirs = np.array(getattr(elementary, name)(x)), np.array(builtin(x))
    assert (np.abs(ours - theirs) <= 1e-6 * np.maximum(np.abs(np.array(x)), np.abs(theirs)) + 2e-7).all()


def test_softmax_ignores_what_is_ruled_out() -> None:
    weights = elementary.softmax(mx.array([[0.0, -float("inf"), 1.0]]))
    assert weights[0, 1].item() < 1e-30
    assert weights.sum().item() == pytest.approx(1.0)


def test_sines() -> None:
    turns = noise("turns", (1000,)) * 20.0
    exact = np.array(turns, np.float64)
    np.testing.assert_allclose(np.array(elementary.sin_turns(turns)), np.sin(2 * np.pi * exact), atol=2e-6)
    x = mx.linspace(-1.0, 1.0, 1001)
    for ours, theirs in zip(elementary.sin_cos_unit(x), (mx.sin(x), mx.cos(x)), strict=True):
        np.testing.assert_allclose(np.array(ours), np.array(theirs), atol=2e-7)
