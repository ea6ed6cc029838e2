"""Quantizing and dequantizing weights: which ones, and to how many bits. Reads and writes no files.

Affine quantization of MLX (https://ml-explore.github.io/mlx/build/html/python/_autosummary/mlx.core.quantize.html): a
quantized `x.weight` is uint32, with `x.scales` and `x.biases` beside it.
"""

import re
from dataclasses import dataclass

import mlx.core as mx

from nightingale.checkpoints.safetensors import Arrays
from nightingale.errors import CheckpointMismatch, UsageError
from nightingale.kernels.linear import dequantize
from nightingale.options import FLOAT_BITS, QUANTIZED_BITS

GROUP_SIZES = (32, 64, 128)
# Layers of T3 and of its draft that run once for each token, and so decide the speed. The kernels multiply their
# quantized form directly.
T3_LAYERS = r"((llama|gpt2)\.layers\..*_proj|input_proj|speech_head)\.weight"
# Position tables are excepted: they are small, and the rhythm of the speech depends on them.
ALL_MATRICES = r"(?!.*pos_(embed|bias)).*\.weight"


@dataclass(frozen=True)
class Policy:
    """Which weights to quantize, and how.

    layers: a regular expression for whole names. Vectors, and weights whose last axis group_size does not divide, stay
    floats. Raises UsageError for bits or a group size that MLX does not support.
    """

    bits: int
    group_size: int = 64
    layers: str = ALL_MATRICES

    def __post_init__(self) -> None:
        if self.bits not in QUANTIZED_BITS:
            raise UsageError(f"weights can have {', '.join(map(str, QUANTIZED_BITS))} bits, not {self.bits}")
        if self.group_size not in GROUP_SIZES:
            raise UsageError(f"groups can have {', '.join(map(str, GROUP_SIZES))} weights, not {self.group_size}")

    def applies(self, name: str, array: mx.array) -> bool:
        return (
            array.ndim >= 2
            and array.shape[-1] % self.group_size == 0
            and mx.issubdtype(array.dtype, mx.floating)
            and re.fullmatch(self.layers, name) is not None
        )


def quantize_arrays(arrays: Arrays, policy: Policy) -> Arrays:
    """The arrays, with the weights that the policy selects in quantized form."""
    out: Arrays = {}
    for name, array in arrays.items():
        if not policy.applies(name, array):
            out[name] = array
            continue
        stem = name.removesuffix(".weight")
        # mlx quantizes matrices only: the weight of a convolution, (out, kernel, in), is passed as (out * kernel, in).
        rows = array.astype(mx.float32).reshape(-1, array.shape[-1])
        quantized, scales, biases = mx.quantize(rows, group_size=policy.group_size, bits=policy.bits)
        for part, value in (("weight", quantized), ("scales", scales), ("biases", biases)):
            out[f"{stem}.{part}"] = value.reshape(*array.shape[:-1], -1)
    return out


@dataclass(frozen=True)
class QuantizedLayout:
    """Bits of a quantized weight, and weights that share a scale."""

    bits: int
    group_size: int


def quantized_layout(name: str, weight: mx.array, scales: mx.array, width: int) -> QuantizedLayout:
    """Layout of a stored weight, from its shapes. width: last axis of the dequantized weight.

    Raises CheckpointMismatch if the shapes fit no layout.
    """
    groups = scales.shape[-1] if scales.ndim else 0
    if weight.dtype != mx.uint32 or not groups or weight.shape[:-1] != scales.shape[:-1]:
        raise CheckpointMismatch(f"{name}, {weight.dtype} {weight.shape}, does not fit its scales, {scales.shape}")
    bits, bits_rest = divmod(weight.shape[-1] * 32, width)
    group_size, group_rest = divmod(width, groups)
    if bits_rest or group_rest or bits not in QUANTIZED_BITS or group_size not in GROUP_SIZES:
        raise CheckpointMismatch(f"{name} {weight.shape} with {groups} groups is not a quantized row of {width}")
    return QuantizedLayout(bits, group_size)


def dequantize_arrays(arrays: Arrays, widths: dict[str, int], keep: str | None = None) -> Arrays:
    """The arrays, with quantized weights as float32 except those whose names match `keep`.

    widths: last axis, dequantized, of every weight that may be quantized.
    """
    out: Arrays = {}
    for name, array in arrays.items():
        stem, _, part = name.rpartition(".")
        is_quantized = f"{stem}.scales" in arrays
        if part == "weight" and is_quantized and not (keep and re.fullmatch(keep, name)):
            out[name] = _dequantize(name, arrays, widths)
        elif part in ("scales", "biases") and is_quantized and not (keep and re.fullmatch(keep, f"{stem}.weight")):
            if f"{stem}.weight" not in arrays:
                raise CheckpointMismatch(f"{name} belongs to no weight")
        else:
            out[name] = array
    return out


def requantize(arrays: Arrays, widths: dict[str, int], bits: int) -> Arrays:
    """Arrays of T3 or of its draft, with T3_LAYERS in so many bits; FLOAT_BITS: as floats.

    Weights that already have this width are kept as stored: quantizing them again would lose precision.
    """
    unchanged = [
        re.escape(name)
        for name, array in arrays.items()
        if re.fullmatch(T3_LAYERS, name)
        and (scales := arrays.get(f"{name.removesuffix('.weight')}.scales")) is not None
        and name in widths
        and quantized_layout(name, array, scales, widths[name]).bits == bits
    ]
    floats = dequantize_arrays(arrays, widths, keep="|".join(unchanged))
    return floats if bits == FLOAT_BITS else quantize_arrays(floats, Policy(bits, layers=T3_LAYERS))


def _dequantize(name: str, arrays: Arrays, widths: dict[str, int]) -> mx.array:
    stem = name.removesuffix(".weight")
    weight, scales, biases = (arrays.get(f"{stem}.{part}") for part in ("weight", "scales", "biases"))
    if weight is None or scales is None or biases is None or scales.shape != biases.shape or name not in widths:
        raise CheckpointMismatch(f"{name} is not a quantized weight of this model")
    layout = quantized_layout(name, weight, scales, widths[name])
    rows = weight.reshape(-1, weight.shape[-1])
    scale, bias = (part.astype(mx.float32).reshape(rows.shape[0], -1) for part in (scales, biases))
    floats = dequantize(rows, scale, bias, layout.bits, layout.group_size)
    return floats.reshape(*weight.shape[:-1], -1)
