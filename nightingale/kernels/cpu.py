"""Bindings of the C++ kernels: operations of MLX's lazy graph for what MLX computes slowly on a CPU.

MLX's wheel for Linux multiplies floats with a reference BLAS and quantized weights on one thread, and takes a graph
node for every elementwise step. Each kernel has a twin of plain MLX operations in tests/kernels/test_cpu_*.py. The
extension is built when the package is installed. Where it is missing, `available()` is false and nothing else here may
be called.

A row's result depends neither on the number of threads nor on the other rows of the call. It depends on the instruction
set, in the last bits.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import mlx.core as mx

_problem = ""
if find_spec("nightingale.kernels._native") is None:
    _problem = "not built: there was no C++ compiler when nightingale-tts was installed"
elif os.environ.get("NIGHTINGALE_KERNELS") == "off":
    _problem = "switched off by NIGHTINGALE_KERNELS"
else:
    try:
        from nightingale.kernels import _native

        # A class laid out otherwise would crash, not complain; an array of another nanobind is not known as one.
        if vars(mx)["__version__"] != _native.MLX_VERSION:
            _problem = f"built for mlx {_native.MLX_VERSION}: install nightingale-tts again"
        else:
            _native.apply("exp", mx.zeros((1,)))
    except (ImportError, TypeError) as error:
        _problem = f"built for another mlx ({error}): install nightingale-tts again"

Activation = Literal["exp", "silu", "gelu", "mish", "elu"]


def available() -> bool:
    """Whether the kernels can be called."""
    return not _problem


def description() -> str:
    """For people: the instruction set and the number of threads, or why the kernels cannot be called."""
    return _problem or f"{_native.instruction_set()}, {_native.num_threads()} threads"


@dataclass(frozen=True)
class PackedMatrix:
    """A matrix laid out for the kernels: floats (bits 0), or integers of so many bits with a scale for each group."""

    weights: mx.array
    inputs: int
    outputs: int
    bits: int = 0
    group: int = 0

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        return self.inputs, self.outputs, self.bits, self.group


def pack(weight: mx.array) -> PackedMatrix:
    """A float32 matrix (out, in)."""
    outputs, inputs = weight.shape
    return PackedMatrix(_native.pack_panels(weight), inputs, outputs)


def pack_taps(weight: mx.array) -> PackedMatrix:
    """A convolution's weight (out, k, in), for `conv1d`."""
    outputs, taps, inputs = weight.shape
    return PackedMatrix(_native.pack_panels(weight.reshape(outputs, taps * inputs)), inputs, outputs)


def pack_quantized(weight: mx.array, scales: mx.array, biases: mx.array, bits: int) -> PackedMatrix:
    """A matrix (out, in) in MLX's affine quantization; groups of any multiple of 32."""
    inputs = weight.shape[1] * 32 // bits
    packed = _native.pack_blocks(weight, scales, biases, bits)
    return PackedMatrix(packed, inputs, weight.shape[0], bits, inputs // scales.shape[1])


def dequantize(weight: mx.array, scales: mx.array, biases: mx.array, bits: int) -> mx.array:
    """The same quantization back in float32 (out, in). MLX does it value by value, which took half of loading."""
    return _native.unpack(weight, scales, biases, bits)


def multiply(
    x: mx.array, matrix: PackedMatrix, bias: mx.array | None = None, residual: mx.array | None = None
) -> mx.array:
    """x (..., in) @ matrix.T + bias + residual: (..., out)."""
    if x.ndim == 1:
        x = x[None]
        return _native.multiply(x, matrix.weights, matrix.sizes, 1, 1, bias, residual)[0]
    return _native.multiply(x, matrix.weights, matrix.sizes, 1, 1, bias, residual)


def conv1d(
    x: mx.array,
    matrix: PackedMatrix,
    taps: int,
    dilation: int = 1,
    bias: mx.array | None = None,
    residual: mx.array | None = None,
) -> mx.array:
    """A convolution without padding, plus residual: x (B, T + (taps - 1) * dilation, in) -> (B, T, out)."""
    return _native.multiply(x, matrix.weights, matrix.sizes, taps, dilation, bias, residual)


def apply(function: Activation, x: mx.array) -> mx.array:
    """A function of each element."""
    return _native.apply(function, x)


def snake(x: mx.array, turns: mx.array, inverse_alpha: mx.array) -> mx.array:
    """x + sin^2(alpha x) / alpha, given turns = alpha / pi and the inverse of alpha, both (C,)."""
    return _native.snake(x, turns, inverse_alpha)


def layer_norm(x: mx.array, weight: mx.array, bias: mx.array, eps: float) -> mx.array:
    """Over the last axis."""
    return _native.layer_norm(x, weight, bias, eps)


def softmax(scores: mx.array, bias: mx.array | None = None) -> mx.array:
    """Over the last axis of scores (..., T, S), with bias (T, S) added first."""
    return _native.softmax(scores, bias)


def attention(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    num_heads: int,
    window: int | None = None,
    positions: tuple[mx.array, mx.array, mx.array] | None = None,
) -> mx.array:
    """Attention among rows: queries (B, T, H * D), keys and values (B, S, H * D) -> (B, T, H * D).

    Arguments as of kernels.attention.
    """
    return _native.attention(queries, keys, values, [] if positions is None else [*positions], num_heads, window or 0)


def llama_input(
    x: mx.array,
    norm: mx.array,
    qkv: PackedMatrix,
    angles: tuple[mx.array, mx.array],
    heads: tuple[int, int],
    eps: float,
) -> tuple[mx.array, mx.array, mx.array]:
    """Norm, projection and rotation: x (B * L, hidden) -> queries (B * L, H * D), keys and values (B, K, L, D).

    angles: cosines and signed sines (L, D). heads: H, K.
    """
    return _native.llama_input(x, norm, qkv.weights, qkv.sizes, *angles, *heads, eps)


@dataclass(frozen=True)
class LlamaTail:
    """The part of a layer after its keys and values are known: output projection, second norm, MLP."""

    o: PackedMatrix
    norm: mx.array
    gate_up: PackedMatrix
    down: PackedMatrix
    eps: float


def llama_output(
    x: mx.array, queries: mx.array, stored: Sequence[mx.array], heads: tuple[int, int], tail: LlamaTail
) -> mx.array:
    """Causal attention, projection and SwiGLU with both residuals: x (B * L, hidden) to the same.

    queries (B * L, H * D). heads: H, K. stored: the arrays of a cache, whose last L positions are the queries' own:
    keys and values (B, K, S, D), or rows of `compress`, or keys, values, kept keys and kept values (B, T, D), a bias
    (T,) for their scores and starts (K + 1,), where head h also sees kept rows starts[h] to starts[h + 1].
    """
    return _native.llama_output(
        x, queries, stored, *heads, tail.o.weights, tail.norm, tail.gate_up.weights, tail.down.weights,
        tail.o.sizes, tail.gate_up.sizes, tail.down.sizes, tail.eps,
    )  # fmt: skip


@dataclass(frozen=True)
class LlamaLayers:
    """All layers, each kind of matrix in one precision, and the norm after them.

    weights: of each layer a norm, qkv, o, a norm, gate_up and down, packed. sizes: of these four kinds of matrices.
    heads: H, K.
    """

    weights: list[mx.array]
    sizes: list[tuple[int, int, int, int]]
    last_norm: mx.array
    heads: tuple[int, int]
    eps: float


def llama_pass(
    layers: LlamaLayers,
    x: mx.array,
    tables: tuple[mx.array, mx.array],
    start: int,
    write_index: int,
    stored: Sequence[mx.array],
    after: mx.array,
) -> mx.array:
    """All layers over the newest L positions of B sequences, from position `start` on: (B, L, hidden) -> normalised
    states (B, L, hidden).

    tables: cosines and signed sines (positions, D). stored: for each layer the arrays that `llama_output` reads, and
    perhaps queries (B, R, H * D) last; R may be 0. Keys and values (B, K, S, D), or compressed rows, are WRITTEN IN
    PLACE from `write_index` on, the queries of position p in row p modulo R. MLX does not know of such writes: `after`
    is the result of the last pass that wrote there, which this pass waits for.
    """
    return _native.llama_pass(
        x, tables, start, write_index, layers.weights, layers.last_norm, stored, after,
        layers.sizes, *layers.heads, layers.eps,
    )  # fmt: skip


def compress(keys: mx.array, values: mx.array, bits: int) -> mx.array:
    """Keys and values (B, K, L, D) in 4 or 8 bits -> rows (B, K, L, words), laid out as kv_quantization.py says."""
    return _native.compress(keys, values, bits)


def sample_tokens(
    logits: mx.array,
    forbidden: mx.array,
    noise: tuple[mx.array, int],
    temperature: float,
    min_p: float,
    history: tuple[mx.array, float] | None = None,
) -> mx.array:
    """Tokens (L,) for logits (L, V): the argmax of what min-p leaves, with Gumbel noise unless temperature is 0.

    forbidden: (V,) bool. noise: a key, and the position of the first row. min_p: 0 for none. history: the tokens before
    each row (L, V) bool, and the repetition penalty, at least 1.
    """
    seen, penalty = history or (None, 1.0)
    key, position = noise
    return _native.choose(logits, forbidden, key, position, temperature, min_p, seen, penalty)
