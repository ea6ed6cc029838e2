"""Layers that two models share, and the left context that makes a causal network resumable.

Layout is (B, T, C) everywhere. On the CPU, MLX multiplies matrices fast and does little else so: a convolution is one
matrix product for each tap on a shifted view, a transposed convolution one product for each tap of a phase, a strided
one is folded into wider rows. All three run at the speed of the matrix product, dilated or not. The native kernels,
where they were built, take all taps at once, and take the place of MLX's own layers by `pack`. On an NVIDIA GPU, where
MLX plans each convolution anew for each length of input and gives up after 256 plans, a convolution is one product.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_unflatten

from nightingale.kernels import cpu as kernels
from nightingale.kernels import cuda
from nightingale.kernels.activations import snake, softmax
from nightingale.kernels.backend import native, on_cpu

Extend = Callable[[mx.array, int], mx.array]  # (x (B, T, C), total) -> (B, T + total, C): a convolution's context


def pad_both(x: mx.array, total: int) -> mx.array:
    """Half of `total` zero rows on each side: the context of a convolution that looks both ways."""
    return mx.pad(x, [(0, 0), (total // 2, total - total // 2), (0, 0)])


class Carry:
    """What a causal network must remember from one piece of its input to the next.

    Each layer that looks back asks for its context in turn; the order is the same in every pass, so the memory is a
    flat tuple. A fresh Carry begins with silence: zeros for convolutions, no rows for attention.
    """

    def __init__(self, tails: Sequence[mx.array] | None = None) -> None:
        self._old = tails
        self._new: list[mx.array] = []

    def extend(self, x: mx.array, total: int) -> mx.array:
        """x (B, T, C) -> (B, total + T, C), led by the `total` rows that came before."""
        before = mx.zeros((x.shape[0], total, x.shape[2]), x.dtype) if self._old is None else self._old[len(self._new)]
        joined = mx.concatenate([before, x], axis=1) if total else x
        self._new.append(joined[:, joined.shape[1] - total :])
        return joined

    def append(self, x: mx.array, limit: int | None) -> mx.array:
        """x (B, T, C) -> (B, S + T, C), led by at most `limit` rows that came before; limit None keeps nothing."""
        if limit is None:
            return x
        joined = x if self._old is None else mx.concatenate([self._old[len(self._new)], x], axis=1)
        self._new.append(joined[:, max(0, joined.shape[1] - limit) :])
        return joined

    @property
    def rows_ahead(self) -> int:
        """How many rows the next `append` will put in front."""
        return 0 if self._old is None else self._old[len(self._new)].shape[1]

    @property
    def tails(self) -> tuple[mx.array, ...]:
        """The memory after this pass."""
        return tuple(self._new)


class Taps:
    """One (in, out) matrix for each tap of a convolution, laid out for whatever multiplies them."""

    def __init__(self, taps: mx.array) -> None:
        """taps: (k, in, out)."""
        self._count = taps.shape[0]
        self._packed: kernels.Packed | None = None
        self._joined: mx.array | None = None
        if native():
            self._packed = kernels.pack_taps(taps.transpose(2, 0, 1))
            mx.eval(self._packed.weights)
        elif cuda.available():
            self._joined = mx.contiguous(taps.reshape(-1, taps.shape[2]))
            mx.eval(self._joined)
        else:
            self._taps = [mx.contiguous(tap) for tap in taps]
            mx.eval(self._taps)

    def __call__(
        self, x: mx.array, dilation: int = 1, bias: mx.array | None = None, residual: mx.array | None = None
    ) -> mx.array:
        """Sum over taps j of x[:, t + j * dilation] @ taps[j]: (B, T + (k - 1) * dilation, in) -> (B, T, out)."""
        if self._packed is not None:
            return kernels.conv1d(x, self._packed, self._count, dilation, bias, residual)
        if self._joined is not None:
            y = _joined_matmul(x, self._joined, self._count, dilation, bias)
        else:
            y = _shifted_matmul(x, self._taps, dilation, bias)
        return y if residual is None else residual + y


def _shifted_matmul(x: mx.array, taps: Sequence[mx.array], dilation: int, bias: mx.array | None) -> mx.array:
    length = x.shape[1] - (len(taps) - 1) * dilation
    first = x[:, :length]
    total = first @ taps[0] if bias is None else mx.addmm(bias, first, taps[0])
    for j, tap in enumerate(taps[1:], start=1):
        total = mx.addmm(total, x[:, j * dilation : j * dilation + length], tap)
    return total


def _joined_matmul(x: mx.array, taps: mx.array, count: int, dilation: int, bias: mx.array | None) -> mx.array:
    """The same in one product: all rows that meet the taps (count * in, out) side by side, each copied for each tap."""
    batch, rows, width = x.shape
    length = rows - (count - 1) * dilation
    if dilation == 1:
        side_by_side = mx.as_strided(x, (batch, length, count * width), (rows * width, width, 1))
    else:
        strides = rows * width, width, dilation * width, 1
        side_by_side = mx.as_strided(x, (batch, length, count, width), strides)
    flat = mx.contiguous(side_by_side).reshape(batch * length, count * width)  # cuBLAS takes no rows that overlap
    y = flat @ taps if bias is None else mx.addmm(bias, flat, taps)
    return y.reshape(batch, length, -1)


class _Convolution(nn.Module):
    """Holds a convolution's weight and the matrices made of it, remade when the weight is replaced."""

    def __init__(self, out_channels: int, kernel_size: int, in_channels: int, bias: bool) -> None:
        super().__init__()
        self.weight = mx.zeros((out_channels, kernel_size, in_channels))  # a checkpoint's weights take their place
        if bias:
            self.bias = mx.zeros((out_channels,))
        self._made_of: mx.array | None = None

    def _bias(self) -> mx.array | None:
        return self.bias if "bias" in self else None

    def _make_taps(self) -> mx.array:
        """The weight as (k, in, out)."""
        raise NotImplementedError

    def taps(self) -> Taps:
        """The matrices, ready to be multiplied."""
        if self._made_of is not self.weight:
            self._taps = Taps(self._make_taps())
            self._made_of = self.weight
        return self._taps


class Conv1d(_Convolution):
    """Convolution without padding: (B, (k - 1) * dilation + T, in) -> (B, T, out), or T / stride with a stride.

    A stride must divide the kernel size. Weight (out, k, in).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(out_channels, kernel_size, in_channels, bias)
        assert kernel_size % stride == 0 and (stride == 1 or dilation == 1)
        self.kernel_size, self.stride, self.dilation = kernel_size, stride, dilation

    @property
    def context(self) -> int:
        """How many rows more than T * stride the input must have."""
        return (self.kernel_size - 1) * self.dilation if self.stride == 1 else self.kernel_size - self.stride

    def _make_taps(self) -> mx.array:
        out, k, width = self.weight.shape
        return self.weight.reshape(out, k // self.stride, self.stride * width).transpose(1, 2, 0)

    def __call__(self, x: mx.array, residual: mx.array | None = None) -> mx.array:
        """With `residual`, shaped as what comes out, added to it."""
        if not on_cpu() and not cuda.available():
            y = mx.conv1d(x, self.weight, self.stride, 0, self.dilation)
            y = y + self.bias if "bias" in self else y
            return y if residual is None else y + residual
        if self.stride > 1:
            rows = x.shape[1] // self.stride
            x = x[:, : rows * self.stride].reshape(x.shape[0], rows, -1)
        return self.taps()(x, self.dilation, self._bias(), residual)


class ConvTranspose1d(_Convolution):
    """Transposed convolution by its phases: (B, J + T, in) -> (B, (T + J) * stride - J * stride, out) rows.

    An output row depends on `context` = ceil(k / stride) - 1 input rows before its own; give them in front, and what
    comes out is aligned to the rows after them: the causal half of a transposed convolution. Weight (out, k, in).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int) -> None:
        super().__init__(out_channels, kernel_size, in_channels, bias=True)
        self.kernel_size, self.stride = kernel_size, stride

    @property
    def context(self) -> int:
        """Input rows needed before the first."""
        return -(-self.kernel_size // self.stride) - 1

    def _make_taps(self) -> mx.array:
        out, k, width = self.weight.shape
        count = self.context + 1
        whole = mx.pad(self.weight, [(0, 0), (0, count * self.stride - k), (0, 0)])
        phases = whole.reshape(out, count, self.stride, width).transpose(1, 3, 2, 0)  # tap, in, phase, out
        return phases.reshape(count, width, self.stride * out)[::-1]  # the oldest row comes first, meets the last tap

    def __call__(self, x: mx.array) -> mx.array:
        y = self.taps()(x)
        batch, rows, width = y.shape
        return y.reshape(batch, rows * self.stride, width // self.stride) + self.bias


class Snake(nn.Module):
    """x + sin^2(alpha x) / alpha, alpha for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = mx.ones((channels,))
        self._made_of: mx.array | None = None

    def __call__(self, x: mx.array) -> mx.array:
        if self._made_of is not self.alpha:
            self._turns, self._inverse = self.alpha * 0.3183098861837907, 1.0 / (self.alpha + 1e-9)
            self._made_of = self.alpha
        return snake(x, self._turns, self._inverse)


class PackedLinear(nn.Module):
    """A linear layer as the native kernels multiply it; floats or quantized integers."""

    def __init__(self, matrix: kernels.Packed, bias: mx.array | None = None) -> None:
        super().__init__()
        mx.async_eval(matrix.weights)
        self.matrix = matrix
        if bias is not None:
            self.bias = bias

    def __call__(self, x: mx.array) -> mx.array:
        return kernels.multiply(x, self.matrix, self.bias if "bias" in self else None)


class CudaLinear(nn.Module):
    """A linear layer without bias on an NVIDIA GPU: few rows by `kernels.cuda`, more by MLX.

    Of quantized weights MLX would multiply more rows by CUTLASS, which it compiles in every process for each precision
    and size of input; a weight unpacked for each product is there at once.
    """

    def __init__(self, matrix: cuda.Matrix) -> None:
        super().__init__()
        self.weight, self.bits = matrix.weight, matrix.bits
        if matrix.scales is not None:
            self.scales, self.biases = matrix.scales, matrix.biases

    @property
    def matrix(self) -> cuda.Matrix:
        return cuda.Matrix(self.weight, self.bits, self.get("scales"), self.get("biases"))

    def __call__(self, x: mx.array, dtype: mx.Dtype | None = None) -> mx.array:
        """(..., in) -> (..., out) of x's dtype or of another; to float32 few rows come unrounded."""
        rows = x.reshape(-1, x.shape[-1])
        if rows.shape[0] <= cuda.MAX_ROWS:
            y = cuda.project(rows, self.matrix).reshape(*x.shape[:-1], -1)
        elif self.bits:
            y = x @ mx.dequantize(self.weight, self.scales, self.biases, self.matrix.group, self.bits).T
        else:
            y = x @ self.weight.T
        return y.astype(dtype or x.dtype)


class PackedLayerNorm(nn.Module):
    """Layer normalisation by the native kernels."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        self.weight, self.bias, self._eps = norm.weight, norm.bias, norm.eps

    def __call__(self, x: mx.array) -> mx.array:
        return kernels.layer_norm(x, self.weight, self.bias, self._eps)


def pack(module: nn.Module) -> None:
    """Put the native kernels' layers in the place of mlx's, once, after loading; nothing where there are none."""
    if not native():
        return
    replaced: list[tuple[str, nn.Module]] = []
    for name, layer in module.named_modules():
        if type(layer) is nn.LayerNorm:
            replaced.append((name, PackedLayerNorm(layer)))
        # Few outputs would fill a fraction of a vector; what a table is made of by `pos_proj` is made once.
        elif type(layer) is nn.Linear and layer.weight.shape[0] >= 16 and not name.endswith("pos_proj"):
            bias = layer.bias if "bias" in layer else None
            replaced.append((name, PackedLinear(kernels.pack(layer.weight), bias)))
    module.update_modules(tree_unflatten(replaced))


def split_heads(x: mx.array, num_heads: int) -> mx.array:
    """(B, T, H * D) -> (B, H, T, D)."""
    batch, rows, width = x.shape
    return x.reshape(batch, rows, num_heads, width // num_heads).transpose(0, 2, 1, 3)


def merge_heads(x: mx.array) -> mx.array:
    """(B, H, T, D) -> (B, T, H * D)."""
    batch, num_heads, rows, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, rows, num_heads * width)


@lru_cache(maxsize=4)  # every layer of a pass asks for the same one or two
def window_bias(rows: int, keys: int, window: int | None) -> mx.array | None:
    """What to add to scores (rows, keys) so that a query sees itself and window - 1 rows before it; None: everything.

    The last query is the last key.
    """
    if window is None:
        return None
    lag = mx.arange(keys - rows, keys)[:, None] - mx.arange(keys)[None]
    bias = mx.where((lag >= 0) & (lag < window), 0.0, -float("inf"))
    mx.eval(bias)  # what outlives a pass must not hold on to its stream
    return bias


def attend(scores: mx.array, values: mx.array) -> mx.array:
    """Scores (B, H, T, S), values (B, H, S, D) -> (B, T, H * D)."""
    return merge_heads(softmax(scores) @ values)
