"""Linear layers and layer norms in the form that the backend computes fastest."""

from collections.abc import Sequence
from typing import TypeAlias

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_unflatten

from nightingale.kernels import backend, cpu, cuda

MIN_PACKED_OUTPUTS = 16  # fewer would fill a fraction of a vector


class PackedLinear(nn.Module):
    """A linear layer for the native kernels; float weights or quantized ones."""

    def __init__(self, matrix: cpu.PackedMatrix, bias: mx.array | None = None) -> None:
        super().__init__()
        mx.async_eval(matrix.weights)
        self.matrix = matrix
        if bias is not None:
            self.bias = bias

    def __call__(self, x: mx.array) -> mx.array:
        return cpu.multiply(x, self.matrix, self.bias if "bias" in self else None)


class CudaLinear(nn.Module):
    """A linear layer on an NVIDIA GPU: few rows by kernels.cuda, more by MLX.

    MLX would multiply more rows with quantized weights by CUTLASS, which it compiles in every process for each
    precision and size of input. Unpacking the weight for each such product needs no compilation.
    """

    def __init__(self, matrix: cuda.Matrix, bias: mx.array | None = None) -> None:
        super().__init__()
        self.weight, self.bits = matrix.weight, matrix.bits
        if bias is not None:
            self.bias = bias
        if matrix.scales is not None:
            self.scales, self.biases = matrix.scales, matrix.biases

    @property
    def matrix(self) -> cuda.Matrix:
        return cuda.Matrix(self.weight, self.bits, self.get("scales"), self.get("biases"))

    def __call__(self, x: mx.array, dtype: mx.Dtype | None = None) -> mx.array:
        """(..., in) -> (..., out) in x's dtype or in `dtype`; few rows are rounded only once, to that."""
        rows = x.reshape(-1, x.shape[-1])
        if rows.shape[0] <= cuda.MAX_ROWS:
            y = cuda.project(rows, self.matrix).reshape(*x.shape[:-1], -1)
        elif self.bits:
            y = x @ mx.dequantize(self.weight, self.scales, self.biases, self.matrix.group, self.bits).T
        else:
            y = x @ self.weight.T
        if "bias" in self:
            y = y + self.bias
        return y.astype(dtype or x.dtype)


class PackedLayerNorm(nn.Module):
    """Layer normalisation by the native kernels."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        self.weight, self.bias, self._eps = norm.weight, norm.bias, norm.eps

    def __call__(self, x: mx.array) -> mx.array:
        return cpu.layer_norm(x, self.weight, self.bias, self._eps)


Projection: TypeAlias = nn.Linear | nn.QuantizedLinear | PackedLinear | CudaLinear


def join_linears(parts: Sequence[Projection]) -> Projection:
    """One layer whose output is the outputs of the parts side by side; the parts have one precision, and all or none of
    them a bias.

    Where MLX multiplies on a CPU a float weight keeps its shape (out, in) but lies in memory as its transpose, which is
    multiplied by one row of input a quarter faster.
    """
    first = parts[0]
    assert isinstance(first, nn.Linear | nn.QuantizedLinear)
    bias = mx.concatenate([part.bias for part in parts]) if "bias" in first else None
    if bias is not None:
        first.bias = bias
    if isinstance(first, nn.QuantizedLinear):
        for name in ("weight", "scales", "biases"):
            first[name] = mx.concatenate([part[name] for part in parts])
        weight, scales, biases = (first[name] for name in ("weight", "scales", "biases"))
        if backend.is_native():
            return PackedLinear(cpu.pack_quantized(weight, scales, biases, first.bits), bias)
        return CudaLinear(cuda.Matrix(weight, first.bits, scales, biases), bias) if backend.is_cuda() else first
    weight = mx.concatenate([part.weight for part in parts])
    if backend.is_native():
        return PackedLinear(cpu.pack(weight), bias)
    if backend.is_cuda():
        return CudaLinear(cuda.Matrix(weight), bias)
    first.weight = weight if backend.on_gpu() else mx.contiguous(weight.T).T
    return first


def project_float32(x: mx.array, layer: Projection) -> mx.array:
    """Rows (M, in) through a layer: (M, out) in float32."""
    if isinstance(layer, CudaLinear):
        return layer(x, mx.float32)
    product: mx.array = layer(x)
    return product.astype(mx.float32)


def dequantize(weight: mx.array, scales: mx.array, biases: mx.array, bits: int, group_size: int) -> mx.array:
    """MLX's affine quantization (rows, words), scales and biases (rows, groups) -> float32 (rows, width)."""
    if backend.is_native():
        return cpu.dequantize(weight, scales, biases, bits)
    return mx.dequantize(weight, scales, biases, group_size=group_size, bits=bits)


def pack_layers(module: nn.Module) -> None:
    """Replace, in place, the linear layers and layer norms below a module by those of the native kernels.

    Call it once, after loading. Without native kernels nothing happens.
    """
    if not backend.is_native():
        return
    replaced: list[tuple[str, nn.Module]] = []
    for name, layer in module.named_modules():
        if type(layer) is nn.LayerNorm:
            replaced.append((name, PackedLayerNorm(layer)))
        # `pos_proj` projects a table of positions, once.
        elif type(layer) is nn.Linear and len(layer.weight) >= MIN_PACKED_OUTPUTS and not name.endswith("pos_proj"):
            bias = layer.bias if "bias" in layer else None
            replaced.append((name, PackedLinear(cpu.pack(layer.weight), bias)))
    module.update_modules(tree_unflatten(replaced))
