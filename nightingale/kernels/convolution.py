"""Convolutions over time as matrix products. Layout (B, T, C), no padding: a caller gives the context rows.

On the CPU MLX multiplies matrices fast and does little else so. There a convolution is one matrix product for each tap
on a shifted view, dilated or not, and a strided one is folded into wider rows. The native kernels take all taps at
once. On an NVIDIA GPU MLX plans each convolution anew for each length of input and gives up after 256 plans, so there
it is one product of rows laid side by side.
"""

from collections.abc import Sequence

import mlx.core as mx

from nightingale.kernels import backend, cpu


class Taps:
    """One (in, out) matrix for each tap of a convolution, laid out for the backend. taps: (k, in, out)."""

    def __init__(self, taps: mx.array) -> None:
        self._count = taps.shape[0]
        self._packed: cpu.PackedMatrix | None = None
        self._joined: mx.array | None = None
        if backend.is_native():
            self._packed = cpu.pack_taps(taps.transpose(2, 0, 1))
            mx.eval(self._packed.weights)
        elif backend.is_cuda():
            self._joined = mx.contiguous(taps.reshape(-1, taps.shape[2]))
            mx.eval(self._joined)
        else:
            self._matrices = [mx.contiguous(tap) for tap in taps]
            mx.eval(self._matrices)

    @property
    def context(self) -> int:
        """How many more rows than its output the input of an undilated convolution has."""
        return self._count - 1

    def __call__(
        self, x: mx.array, dilation: int = 1, bias: mx.array | None = None, residual: mx.array | None = None
    ) -> mx.array:
        """Sum over taps j of x[:, t + j * dilation] @ taps[j]: (B, T + (k - 1) * dilation, in) -> (B, T, out)."""
        if self._packed is not None:
            return cpu.conv1d(x, self._packed, self._count, dilation, bias, residual)
        if self._joined is not None:
            y = _side_by_side(x, self._joined, self._count, dilation, bias)
        else:
            y = _shifted(x, self._matrices, dilation, bias)
        return y if residual is None else residual + y


class Convolution:
    """A convolution with a weight (out, k, in), laid out for the backend. A stride divides k and excludes dilation."""

    def __init__(self, weight: mx.array, stride: int = 1, dilation: int = 1) -> None:
        self._weight, self._stride, self._dilation = weight, stride, dilation
        out, k, width = weight.shape
        self._taps: Taps | None = None
        if backend.current() is not backend.Backend.METAL:
            self._taps = Taps(weight.reshape(out, k // stride, stride * width).transpose(1, 2, 0))

    def __call__(self, x: mx.array, bias: mx.array | None = None, residual: mx.array | None = None) -> mx.array:
        """(B, rows, in) -> (B, T, out), plus residual, shaped as the output."""
        if self._taps is None:
            y = mx.conv1d(x, self._weight, self._stride, 0, self._dilation)
            y = y if bias is None else y + bias
            return y if residual is None else y + residual
        if self._stride > 1:
            rows = x.shape[1] // self._stride
            x = x[:, : rows * self._stride].reshape(x.shape[0], rows, -1)
        return self._taps(x, self._dilation, bias, residual)


class TransposedConvolution:
    """A transposed convolution with a weight (out, k, in), by phases: the output rows of an input row side by side."""

    def __init__(self, weight: mx.array, stride: int) -> None:
        self._stride = stride
        out, k, width = weight.shape
        count = -(-k // stride)
        whole = mx.pad(weight, [(0, 0), (0, count * stride - k), (0, 0)])
        phases = whole.reshape(out, count, stride, width).transpose(1, 3, 2, 0)  # tap, in, phase, out
        # The oldest row comes first and meets the last tap.
        self._taps = Taps(phases.reshape(count, width, stride * out)[::-1])

    def __call__(self, x: mx.array) -> mx.array:
        """(B, context + T, in) -> (B, T * stride, out)."""
        y = self._taps(x)
        batch, rows, width = y.shape
        return y.reshape(batch, rows * self._stride, width // self._stride)


def _shifted(x: mx.array, taps: Sequence[mx.array], dilation: int, bias: mx.array | None) -> mx.array:
    """One product for each tap on a shifted view."""
    length = x.shape[1] - (len(taps) - 1) * dilation
    first = x[:, :length]
    total = first @ taps[0] if bias is None else mx.addmm(bias, first, taps[0])
    for j, tap in enumerate(taps[1:], start=1):
        total = mx.addmm(total, x[:, j * dilation : j * dilation + length], tap)
    return total


def _side_by_side(x: mx.array, taps: mx.array, count: int, dilation: int, bias: mx.array | None) -> mx.array:
    """One product: all rows that meet the taps (count * in, out) side by side, each copied for each tap."""
    batch, rows, width = x.shape
    length = rows - (count - 1) * dilation
    if dilation == 1:
        windows = mx.as_strided(x, (batch, length, count * width), (rows * width, width, 1))
    else:
        strides = rows * width, width, dilation * width, 1
        windows = mx.as_strided(x, (batch, length, count, width), strides)
    flat = mx.contiguous(windows).reshape(batch * length, count * width)  # cuBLAS takes no rows that overlap
    y = flat @ taps if bias is None else mx.addmm(bias, flat, taps)
    return y.reshape(batch, length, -1)
