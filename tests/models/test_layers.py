"""Convolutions as matrix products, and Snake, against MLX's own operations."""

import mlx.core as mx
import pytest
from tiny import close, fill, noise, use_backend

from nightingale.kernels.backend import Backend
from nightingale.models.layers import Conv1d, ConvTranspose1d, Snake


@pytest.fixture(params=[None, Backend.CPU, Backend.CUDA, Backend.METAL], ids=str)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form of each backend; all of them can be computed on the CPU."""
    if request.param is not None:
        use_backend(monkeypatch, request.param)


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


def test_snake() -> None:
    snake = Snake(5)
    fill(snake)
    x = 10.0 * noise("x", (1, 200, 5))
    close(snake(x), x + mx.square(mx.sin(x * snake.alpha)) / snake.alpha, 1e-6)
