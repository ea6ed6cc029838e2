"""Which weights are stored in few bits, and how: mlx's affine quantization, in one policy. Knows no file.

A quantized `x.weight` is uint32, with `x.scales` and `x.biases` beside it.
"""

import re
from dataclasses import dataclass

import mlx.core as mx

from nightingale.errors import CheckpointMismatch, UsageError
from nightingale.kernels import cpu as kernels
from nightingale.kernels.backend import native
from nightingale.options import FLOAT_BITS, QUANTIZED_BITS

Arrays = dict[str, mx.array]

GROUP_SIZES = (32, 64, 128)
# The layers of T3 and of its draft that run once a token: what speed is about. Their quantized form can be multiplied
# without unpacking.
T3_LAYERS = r"(llama\.layers\..*_proj|input_proj|speech_head)\.weight"
# Everything that is a matrix. Positions stay: they are few bytes and set the rhythm of all.
ALL_MATRICES = r"(?!.*pos_(embed|bias)).*\.weight"


@dataclass(frozen=True)
class Policy:
    """layers: a regular expression for the names of the weights to quantize; those whose last axis does not divide by
    group_size are left alone, as are vectors. Raises UsageError for bits or groups that mlx does not have."""

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
    """The arrays with what the policy names replaced by its quantized form."""
    out: Arrays = {}
    for name, array in arrays.items():
        if not policy.applies(name, array):
            out[name] = array
            continue
        stem = name.removesuffix(".weight")
        # Convolutions have three axes, and mlx quantizes matrices: (out, k, in) goes in as (out * k, in).
        rows = array.astype(mx.float32).reshape(-1, array.shape[-1])
        packed, scales, biases = mx.quantize(rows, group_size=policy.group_size, bits=policy.bits)
        for part, value in (("weight", packed), ("scales", scales), ("biases", biases)):
            out[f"{stem}.{part}"] = value.reshape(*array.shape[:-1], -1)
    return out


@dataclass(frozen=True)
class Packing:
    """How one stored weight is packed."""

    bits: int
    group_size: int


def packing(name: str, packed: mx.array, scales: mx.array, width: int) -> Packing:
    """Told from the shapes, given the width of the unpacked rows. Raises CheckpointMismatch if no packing fits."""
    groups = scales.shape[-1] if scales.ndim else 0
    if packed.dtype != mx.uint32 or not groups or packed.shape[:-1] != scales.shape[:-1]:
        raise CheckpointMismatch(f"{name} {packed.dtype} {packed.shape} does not go with scales {scales.shape}")
    bits, bits_rest = divmod(packed.shape[-1] * 32, width)
    group_size, group_rest = divmod(width, groups)
    if bits_rest or group_rest or bits not in QUANTIZED_BITS or group_size not in GROUP_SIZES:
        raise CheckpointMismatch(f"{name} {packed.shape} with {groups} groups is no quantized row of {width}")
    return Packing(bits, group_size)


def unpack(arrays: Arrays, widths: dict[str, int], keep: str | None = None) -> Arrays:
    """The arrays with quantized weights turned back into float32, but for names that `keep` matches.

    widths: the last axis of every weight that may be quantized, unpacked.
    """
    out: Arrays = {}
    for name, array in arrays.items():
        stem, _, part = name.rpartition(".")
        is_quantized = f"{stem}.scales" in arrays
        if part == "weight" and is_quantized and not (keep and re.fullmatch(keep, name)):
            out[name] = _dequantized(name, arrays, widths)
        elif part in ("scales", "biases") and is_quantized and not (keep and re.fullmatch(keep, f"{stem}.weight")):
            if f"{stem}.weight" not in arrays:
                raise CheckpointMismatch(f"{name} belongs to no weight")
        else:
            out[name] = array
    return out


def in_bits(arrays: Arrays, widths: dict[str, int], bits: int) -> Arrays:
    """T3's or its draft's arrays with T3_LAYERS in so many bits, whatever they are stored in; FLOAT_BITS: as floats.

    What has that width already stays as it is stored: rounding it again would cost.
    """
    right = [
        re.escape(name)
        for name, array in arrays.items()
        if re.fullmatch(T3_LAYERS, name)
        and (scales := arrays.get(f"{name.removesuffix('.weight')}.scales")) is not None
        and name in widths
        and packing(name, array, scales, widths[name]).bits == bits
    ]
    unpacked = unpack(arrays, widths, keep="|".join(right))
    return unpacked if bits == FLOAT_BITS else quantize_arrays(unpacked, Policy(bits, layers=T3_LAYERS))


def _dequantized(name: str, arrays: Arrays, widths: dict[str, int]) -> mx.array:
    stem = name.removesuffix(".weight")
    packed, scales, biases = (arrays.get(f"{stem}.{part}") for part in ("weight", "scales", "biases"))
    if packed is None or scales is None or biases is None or scales.shape != biases.shape or name not in widths:
        raise CheckpointMismatch(f"{name} is not a quantized weight of this model")
    how = packing(name, packed, scales, widths[name])
    rows = packed.reshape(-1, packed.shape[-1])
    scale, bias = (part.astype(mx.float32).reshape(rows.shape[0], -1) for part in (scales, biases))
    if native():
        unpacked = kernels.dequantize(rows, scale, bias, how.bits)
    else:
        unpacked = mx.dequantize(rows, scale, bias, group_size=how.group_size, bits=how.bits)
    return unpacked.reshape(*packed.shape[:-1], -1)
