"""Layers that two models share. Layout (B, T, C) everywhere; convolutions have no padding of their own."""

from collections.abc import Callable

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels.activations import gelu, snake
from nightingale.kernels.convolution import Convolution, TransposedConvolution


class _Convolving(nn.Module):
    """A weight (out, k, in), laid out for the backend when first used, and anew when it has been replaced."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, bias: bool) -> None:
        super().__init__()
        self.weight = mx.zeros((out_channels, kernel_size, in_channels))
        if bias:
            self.bias = mx.zeros((out_channels,))
        self.kernel_size = kernel_size
        self._prepared_from: mx.array | None = None

    def _lay_out(self) -> Callable[..., mx.array]:
        raise NotImplementedError

    def prepare(self) -> Callable[..., mx.array]:
        """The weight laid out for the backend."""
        if self._prepared_from is not self.weight:
            self._convolution = self._lay_out()
            self._prepared_from = self.weight
        return self._convolution


class Conv1d(_Convolving):
    """Convolution: (B, context + T * stride, in) -> (B, T, out). A stride must divide k and excludes dilation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, bias)
        assert kernel_size % stride == 0 and (stride == 1 or dilation == 1)
        self.stride, self.dilation = stride, dilation

    @property
    def context(self) -> int:
        """How many rows more than T * stride the input has."""
        return (self.kernel_size - 1) * self.dilation if self.stride == 1 else self.kernel_size - self.stride

    def _lay_out(self) -> Convolution:
        return Convolution(self.weight, self.stride, self.dilation)

    def __call__(self, x: mx.array, residual: mx.array | None = None) -> mx.array:
        """residual: added to the output, shaped like it."""
        return self.prepare()(x, self.bias if "bias" in self else None, residual)


class ConvTranspose1d(_Convolving):
    """Causal part of a transposed convolution: (B, context + T, in) -> (B, T * stride, out)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size, bias=True)
        self.stride = stride

    @property
    def context(self) -> int:
        """Input rows needed before the first: an output row depends on so many rows before its own."""
        return -(-self.kernel_size // self.stride) - 1

    def _lay_out(self) -> TransposedConvolution:
        return TransposedConvolution(self.weight, self.stride)

    def __call__(self, x: mx.array) -> mx.array:
        return self.prepare()(x) + self.bias


class Snake(nn.Module):
    """x + sin^2(alpha x) / alpha, with alpha for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = mx.ones((channels,))
        self._prepared_from: mx.array | None = None

    def __call__(self, x: mx.array) -> mx.array:
        if self._prepared_from is not self.alpha:
            self._turns, self._inverse = self.alpha * 0.3183098861837907, 1.0 / (self.alpha + 1e-9)
            self._prepared_from = self.alpha
        return snake(x, self._turns, self._inverse)


class FeedForward(nn.Module):
    """Two layers with exact GELU between."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, 4 * width)
        self.linear_2 = nn.Linear(4 * width, width)

    def __call__(self, x: mx.array) -> mx.array:
        return self.linear_2(gelu(self.linear_1(x)))
