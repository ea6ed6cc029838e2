"""CUDA kernels for T3 on an NVIDIA GPU, where MLX spends 5 microseconds of host time on each operation.

A Llama pass over few rows is one persistent kernel: as many blocks as the GPU has multiprocessors, all resident at
once, go through all layers and meet at a barrier after each of the five phases of a layer. Two more kernels compute
logits and sample tokens. Their source is in the folder gpu.

MLX compiles a kernel when a process first needs it, which takes more than a second, and does not cache the result.
Therefore numbers of rows, positions and sampling parameters are inputs and not part of the source.

A row's result does not depend on the other rows of the call, as on the CPU.
"""

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import mlx.core as mx

MAX_ROWS = 16  # of one pass or product, over all its sequences
_THREADS = 512  # of a block

_KINDS = ("qkv", "o", "gate_up", "down")
_INPUTS = [
    "x", "start", "query_layer", "queries", "after", "cosines", "sines", "eps", "input_norm", "post_norm", "last_norm",
]  # fmt: skip


@dataclass(frozen=True)
class Matrix:
    """A matrix (out, in) as MLX stores it: floats (bits 0), or integers with a scale and an offset for each group."""

    weight: mx.array
    bits: int = 0
    scales: mx.array | None = None
    biases: mx.array | None = None

    @property
    def inputs(self) -> int:
        return self.weight.shape[-1] * 32 // self.bits if self.bits else self.weight.shape[-1]

    @property
    def group(self) -> int:
        return 8 if self.scales is None else self.inputs // self.scales.shape[-1]

    def arrays(self, dtype: mx.Dtype) -> list[mx.array]:
        """Weight, scales and offsets, with something else of that dtype where there are none."""
        return [self.weight, *(_filled((0.0,), dtype) if a is None else a for a in (self.scales, self.biases))]


@dataclass(frozen=True)
class Layers:
    """A Llama's layers, of each kind all in one array: norms (layers * hidden,), matrices (layers * out, in).

    gate_up: of each layer the gates, then what they let through. last_norm: (hidden,). heads: H, K.
    """

    input_norm: mx.array
    qkv: Matrix
    o: Matrix
    post_norm: mx.array
    gate_up: Matrix
    down: Matrix
    last_norm: mx.array
    eps: float
    heads: tuple[int, int]


def available() -> bool:
    """Whether tensors are computed on an NVIDIA GPU."""
    return mx.default_device().type == mx.DeviceType.gpu and mx.cuda.is_available()


def llama_pass(
    layers: Layers,
    x: mx.array,
    tables: tuple[mx.array, mx.array],
    start: int,
    stored: Sequence[mx.array],
    after: mx.array,
    queries: tuple[int, mx.array] | None = None,
) -> mx.array:
    """cpu.llama_pass over few rows: (B, L, hidden) -> normalised states (B, L, hidden).

    stored: keys and values (B, K, S, D) of each layer by turns, WRITTEN IN PLACE. queries: the layer whose queries are
    written too, and the ring (B, R, H * D) that receives those of position p in row p modulo R. The tables are float32,
    all other floats of x's dtype. B * L is at most MAX_ROWS; D / 8 is a power of two from 2 to 16; other sizes, and
    groups, are multiples of 8.

    Two passes that are independent of each other must not be under way at once: each might keep the other's blocks from
    the multiprocessors. Then, or where the GPU has fewer than it says, it ends with an error after some ten seconds.
    """
    B, L, E = x.shape
    (H, K), D = layers.heads, stored[0].shape[3]
    matrices = [layers.qkv, layers.o, layers.gate_up, layers.down]
    sizes = {"LAYERS": len(stored) // 2, "E": E, "F": layers.down.inputs, "H": H, "KH": K, "D": D}
    for kind, matrix in zip(_KINDS, matrices, strict=True):
        sizes |= {f"{kind.upper()}_BITS": matrix.bits, f"{kind.upper()}_GROUP": matrix.group}
    layer, ring = queries or (-1, _filled((0.0,), x.dtype).reshape(1, 1, 1))
    scratch = B * L * (E + (2 * H + 2 * K) * D + layers.down.inputs)
    states: mx.array = _pass_kernel(len(stored) // 2)(
        inputs=[
            x, mx.array([start], mx.int32), mx.array([layer], mx.int32), ring, after, *tables,
            _filled((layers.eps,), mx.float32), layers.input_norm, layers.post_norm, layers.last_norm,
            *(array for matrix in matrices for array in matrix.arrays(x.dtype)), *stored,
        ],
        template=[("T", x.dtype), *sizes.items()],
        grid=(multiprocessors() * _THREADS, 1, 1), threadgroup=(_THREADS, 1, 1),
        # The counter of arrivals, one number for each launch, has a cache line: up to 8 bytes MLX keeps where the host
        # reads them, and there a block would wait for the bus at every meeting.
        output_shapes=[x.shape, (scratch,), (32,)], output_dtypes=[x.dtype, x.dtype, mx.uint32], init_value=0.0,
    )[0]  # fmt: skip
    return states


def project(x: mx.array, matrix: Matrix) -> mx.array:
    """Rows x (M, in) @ matrix.T: (M, out) in float32.

    M is at most MAX_ROWS, `in` and groups are multiples of 8; weights, scales and offsets are of x's dtype.
    """
    M, K = x.shape
    N = matrix.weight.shape[0]
    product: mx.array = _project_kernel()(
        inputs=[x, *matrix.arrays(x.dtype)],
        template=[("T", x.dtype), ("K", K), ("N", N), ("BITS", matrix.bits), ("GROUP", matrix.group)],
        grid=(multiprocessors() * _THREADS, 1, 1), threadgroup=(_THREADS, 1, 1),
        output_shapes=[(M, N)], output_dtypes=[mx.float32],
    )[0]  # fmt: skip
    return product


def sample_tokens(
    logits: mx.array,
    forbidden: mx.array,
    noise: tuple[mx.array, mx.array],
    temperature: float,
    min_p: float,
    history: tuple[mx.array, float] | None = None,
) -> mx.array:
    """cpu.sample_tokens: tokens (L,), uint32, for logits (L, V) in float32.

    noise: a key, and the position of the first row as noise.seed_key makes it.
    """
    seen, penalty = history or (forbidden, 1.0)
    parameters = _filled((temperature, math.log(min_p) if min_p > 0 else -math.inf, penalty), mx.float32)
    tokens: mx.array = _sample_kernel()(
        inputs=[logits, forbidden, seen, *noise, parameters],
        grid=(logits.shape[0] * _THREADS, 1, 1), threadgroup=(_THREADS, 1, 1),
        output_shapes=[(logits.shape[0],)], output_dtypes=[mx.uint32],
    )[0]  # fmt: skip
    return tokens


@lru_cache
def multiprocessors() -> int:
    """How many the first GPU has, which is MLX's. MLX does not tell; the driver's cuDeviceGetAttribute does.

    Raises OSError without a driver, RuntimeError if it does not say.
    """
    driver, count = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetAttribute(ctypes.byref(count), 16, 0):  # 16: MULTIPROCESSOR_COUNT
        raise RuntimeError("the CUDA driver does not say how many multiprocessors the GPU has")
    return count.value


def _source(name: str) -> str:
    """A file of the folder gpu: device functions (.cuh), or the body of a kernel (.cu)."""
    return (Path(__file__).parent / "gpu" / name).read_text(encoding="utf-8")


def _header(*names: str) -> str:
    # MLX sets no launch bounds. Without them so many threads might need more registers than a multiprocessor has.
    return f"""
constexpr int kThreads = {_THREADS}, kMaxRows = {MAX_ROWS};
{"".join(map(_source, names))}
#undef __global__
#define __global__ __attribute__((global)) __launch_bounds__(kThreads)
"""


@lru_cache
def _pass_kernel(layers: int) -> Any:
    arrays = [f"{kind}{part}" for kind in _KINDS for part in ("", "_scales", "_biases")]
    stored = [f"{name}{i}" for i in range(layers) for name in ("keys", "values")]
    caches = "".join(
        f"keys[{i}] = const_cast<T*>(keys{i}), values[{i}] = const_cast<T*>(values{i});\n" for i in range(layers)
    )
    source = _source("llama_pass.cu").replace("CACHES", caches)
    outputs = ["states", "scratch", "arrived"]
    header = _header("grid.cuh", "matmul.cuh", "attention.cuh")
    return mx.fast.cuda_kernel("nightingale_pass", [*_INPUTS, *arrays, *stored], outputs, source, header)


@lru_cache
def _project_kernel() -> Any:
    inputs = ["x", "weight", "scales", "biases"]
    header = _header("grid.cuh", "matmul.cuh")
    return mx.fast.cuda_kernel("nightingale_project", inputs, ["out"], _source("project.cu"), header)


@lru_cache
def _sample_kernel() -> Any:
    inputs = ["logits", "forbidden", "seen", "key", "position", "parameters"]
    header = _header("grid.cuh", "sampling.cuh")
    return mx.fast.cuda_kernel("nightingale_sample", inputs, ["tokens"], _source("sample.cu"), header)


@lru_cache
def _filled(values: tuple[float, ...], dtype: mx.Dtype) -> mx.array:
    """(n,): numbers for a kernel, or a placeholder for an array that it does not read."""
    return mx.array(values, dtype)
