"""CUDA routines for what MLX computes slowly on an NVIDIA GPU: a Llama's pass over few rows.

There a token costs what the host takes to encode its operations, 5 microseconds for one and 15 for a product of cuBLAS,
and attention of several rows 40 ms whenever its length is new. Here a layer is five operations, each of which reads its
weights once for all rows. Knows arrays; knows no model.

MLX compiles a kernel when a process first needs it, 1.4 s for each number of rows and each kind of product, and keeps
nothing of that for the next process; hence what can be an input, as a norm's epsilon, is no part of the source.

A row's arithmetic is the same alone and among others, as on the CPU.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mlx.core as mx

MAX_ROWS = 16  # of one pass, over all its sequences
MAX_LENGTH = 8  # of one sequence's part of it

_HEADER = r"""
template <typename T>
__device__ void read8(const T* from, float* to) {
  if constexpr (sizeof(T) == 4) {
    float4 a = *reinterpret_cast<const float4*>(from);
    float4 b = *(reinterpret_cast<const float4*>(from) + 1);
    to[0] = a.x; to[1] = a.y; to[2] = a.z; to[3] = a.w;
    to[4] = b.x; to[5] = b.y; to[6] = b.z; to[7] = b.w;
  } else {
    uint4 words = *reinterpret_cast<const uint4*>(from);
    const T* values = reinterpret_cast<const T*>(&words);
    for (int i = 0; i < 8; i++) to[i] = static_cast<float>(values[i]);
  }
}

// Eight weights of a row from column k on: floats, or integers of BITS bits with a scale and an offset for each group.
template <int BITS, typename W, typename T>
__device__ void read_weights(
    const W* weight, const T* scales, const T* biases, long row, int k, int K, int group, float* to) {
  if constexpr (BITS == 0) {
    read8(weight + row * K + k, to);
  } else {
    // BITS bytes, the first weight in the lowest bits.
    const unsigned char* bytes = reinterpret_cast<const unsigned char*>(weight) + (row * K + k) * BITS / 8;
    unsigned long long packed = 0;
    if constexpr (BITS == 8) packed = *reinterpret_cast<const unsigned long long*>(bytes);
    else if constexpr (BITS == 4) packed = *reinterpret_cast<const unsigned*>(bytes);
    else for (int i = 0; i < BITS; i++) packed |= static_cast<unsigned long long>(bytes[i]) << 8 * i;
    long at = row * (K / group) + k / group;
    float scale = static_cast<float>(scales[at]), bias = static_cast<float>(biases[at]);
    for (int i = 0; i < 8; i++) to[i] = static_cast<unsigned>(packed >> BITS * i & ((1 << BITS) - 1)) * scale + bias;
  }
}
"""

# One warp for each output column; a lane takes 8 inputs in every 256.
_MULTIPLY = r"""
  const int K = x_shape[1], N = GATED ? weight_shape[0] / 2 : weight_shape[0];
  const int lane = threadIdx.x % 32, n = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
  if (n >= N) return;
  constexpr int P = GATED ? 2 : 1;
  const bool normed = norm_shape[0] > 1, added = residual_ndim > 1;
  float sums[P][M] = {}, squares[M] = {};
  #pragma unroll 4
  for (int k = lane * 8; k < K; k += 256) {
    float w[P][8], g[8];
    for (int p = 0; p < P; p++) read_weights<BITS>(weight, scales, biases, n + long(p) * N, k, K, GROUP, w[p]);
    if (normed) read8(norm + k, g);
    #pragma unroll
    for (int m = 0; m < M; m++) {
      float v[8];
      read8(x + m * K + k, v);
      if (normed) {
        for (int i = 0; i < 8; i++) {
          squares[m] += v[i] * v[i];
          v[i] *= g[i];
        }
      }
      for (int p = 0; p < P; p++)
        for (int i = 0; i < 8; i++) sums[p][m] += v[i] * w[p][i];
    }
  }
  #pragma unroll
  for (int m = 0; m < M; m++) {
    for (int step = 16; step; step /= 2) {
      for (int p = 0; p < P; p++) sums[p][m] += __shfl_xor_sync(~0u, sums[p][m], step);
      if (normed) squares[m] += __shfl_xor_sync(~0u, squares[m], step);
    }
    if (lane == m % 32) {
      float scale = normed ? rsqrtf(squares[m] / K + eps[0]) : 1.0f, y = sums[0][m] * scale;
      if (GATED) y = y / (1.0f + expf(-y)) * sums[P - 1][m] * scale;
      if (added) y += static_cast<float>(residual[m * N + n]);
      out[m * N + n] = static_cast<O>(y);
    }
  }
"""

# One block for each head of each sequence; D / 8 lanes for each key.
_ATTEND = r"""
  constexpr int G = D / 8, PER_WARP = 32 / G, WARPS = 8, W = (H + 2 * KH) * D;
  const int b = blockIdx.x / H, h = blockIdx.x % H, kv = h / (H / KH), S = keys_shape[2], start = offset[0];
  const long cache = (long(b) * KH + kv) * S * D;
  __shared__ __align__(16) float query[L][D], key[L][D], value[L][D], merged[WARPS][L][D + 2];
  for (int i = threadIdx.x; i < L * D; i += 32 * WARPS) {
    int l = i / D, d = i % D, other = (d + D / 2) % D;
    const T* row = qkv + (b * L + l) * W;
    float c = cosines[(start + l) * D + d], s = sines[(start + l) * D + d];
    auto turned = [&](const T* r) { return static_cast<float>(r[d]) * c + static_cast<float>(r[other]) * s; };
    T k = static_cast<T>(turned(row + (H + kv) * D)), v = row[(H + KH + kv) * D + d];
    query[l][d] = turned(row + h * D) * (1.44269504f * rsqrtf(float(D)));
    key[l][d] = static_cast<float>(k);
    value[l][d] = static_cast<float>(v);
    if (h % (H / KH) == 0) {  // in place: what these positions held belongs to no pass before this one
      const_cast<T*>(keys)[cache + long(start + l) * D + d] = k;
      const_cast<T*>(values)[cache + long(start + l) * D + d] = v;
    }
  }
  __syncthreads();
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, part = lane % G * 8;
  const unsigned team = (G == 32 ? ~0u : (1u << G % 32) - 1) << lane / G * G;
  float q[L][8], sums[L][8] = {}, top[L], total[L] = {};
  #pragma unroll
  for (int l = 0; l < L; l++) {
    top[l] = -1e30f;
    for (int i = 0; i < 8; i++) q[l][i] = query[l][part + i];
  }
  auto take = [&](const float* k, const float* v, int l) {
    float score = 0;
    for (int i = 0; i < 8; i++) score += q[l][i] * k[i];
    for (int step = G / 2; step; step /= 2) score += __shfl_xor_sync(team, score, step);
    float most = fmaxf(top[l], score), kept = exp2f(top[l] - most), weight = exp2f(score - most);
    top[l] = most;
    total[l] = total[l] * kept + weight;
    for (int i = 0; i < 8; i++) sums[l][i] = sums[l][i] * kept + weight * v[i];
  };
  int j = threadIdx.x / G;
  #pragma unroll 4
  for (; j < start; j += PER_WARP * WARPS) {
    float k[8], v[8];
    read8(keys + cache + long(j) * D + part, k);
    read8(values + cache + long(j) * D + part, v);
    #pragma unroll
    for (int l = 0; l < L; l++) take(k, v, l);
  }
  for (; j < start + L; j += PER_WARP * WARPS)
    #pragma unroll
    for (int l = 0; l < L; l++)
      if (l >= j - start) take(&key[j - start][part], &value[j - start][part], l);
  #pragma unroll
  for (int l = 0; l < L; l++) {
    for (int step = 16; step >= G; step /= 2) {
      float theirs = __shfl_xor_sync(~0u, top[l], step), most = fmaxf(top[l], theirs);
      float mine = exp2f(top[l] - most), yours = exp2f(theirs - most);
      top[l] = most;
      total[l] = total[l] * mine + __shfl_xor_sync(~0u, total[l], step) * yours;
      for (int i = 0; i < 8; i++) sums[l][i] = sums[l][i] * mine + __shfl_xor_sync(~0u, sums[l][i], step) * yours;
    }
    if (lane < G) {
      for (int i = 0; i < 8; i++) merged[warp][l][part + i] = sums[l][i];
      if (lane == 0) {
        merged[warp][l][D] = top[l];
        merged[warp][l][D + 1] = total[l];
      }
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < L * D; i += 32 * WARPS) {
    int l = i / D, d = i % D;
    float most = -1e30f, sum = 0, all = 0;
    for (int w = 0; w < WARPS; w++) most = fmaxf(most, merged[w][l][D]);
    for (int w = 0; w < WARPS; w++) {
      float share = exp2f(merged[w][l][D] - most);
      sum += merged[w][l][d] * share;
      all += merged[w][l][D + 1] * share;
    }
    out[(b * L + l) * H * D + h * D + d] = static_cast<T>(sum / all);
  }
"""


@dataclass(frozen=True)
class Matrix:
    """A matrix (out, in) as MLX stores it: floats (bits 0), or integers with a scale and an offset for each group."""

    weight: mx.array
    bits: int = 0
    scales: mx.array | None = None
    biases: mx.array | None = None


@dataclass(frozen=True)
class Norm:
    """An RMS norm's weight (in,) and epsilon."""

    weight: mx.array
    eps: float


def available() -> bool:
    """Whether tensors are computed on an NVIDIA GPU."""
    return mx.default_device().type == mx.DeviceType.gpu and mx.cuda.is_available()


def multiply(
    x: mx.array,
    matrix: Matrix,
    norm: Norm | None = None,
    gated: bool = False,
    residual: mx.array | None = None,
    dtype: mx.Dtype | None = None,
) -> mx.array:
    """residual + rows of x (M, in), normed first, @ matrix.T: (M, out) in `dtype`, x's own unless given.

    gated: the first half of what comes out through SiLU, times the second, which gives (M, out / 2). `in` is a multiple
    of 8, and so is a group of quantized weights; M is at most MAX_ROWS. Weights, norm and residual are of x's dtype.
    """
    M, K = x.shape
    N, none = matrix.weight.shape[0] // (2 if gated else 1), _filled(0.0, x.dtype)
    scales, biases = (none if array is None else array for array in (matrix.scales, matrix.biases))
    product: mx.array = _multiply_kernel()(
        inputs=[
            x, none if norm is None else norm.weight, _filled(norm.eps if norm else 0.0, mx.float32),
            matrix.weight, scales, biases, none if residual is None else residual,
        ],
        template=[
            ("M", M), ("BITS", matrix.bits), ("GROUP", K // scales.shape[-1] if matrix.bits else 1), ("GATED", gated),
            ("O", dtype or x.dtype),
        ],
        grid=(-(-N // 8) * 256, 1, 1), threadgroup=(256, 1, 1),
        output_shapes=[(M, N)], output_dtypes=[dtype or x.dtype],
    )[0]  # fmt: skip
    return product


def attend(
    qkv: mx.array,
    tables: tuple[mx.array, mx.array],
    offset: mx.array,
    stored: tuple[mx.array, mx.array],
    heads: tuple[int, int],
    after: mx.array,
) -> mx.array:
    """Rotary attention of B sequences' newest L positions: (B * L, (H + 2 K) * D) -> (B * L, H * D).

    offset: (1,) int32, of the first of them. tables: cosines and signed sines (positions, D), float32. stored: keys and
    values (B, K, S, D), WRITTEN IN PLACE at those positions. heads: H, K. after: of the last pass that wrote there, so
    that this one comes after it; MLX knows nothing of such writing. D / 8 is a power of two, at most 16, and L at most
    MAX_LENGTH, or a block has too little shared memory.
    """
    B, D = stored[0].shape[0], stored[0].shape[3]
    H, K = heads
    out: mx.array = _attend_kernel()(
        inputs=[qkv, *tables, offset, *stored, after],
        template=[("T", qkv.dtype), ("L", qkv.shape[0] // B), ("H", H), ("KH", K), ("D", D)],
        grid=(B * H * 256, 1, 1), threadgroup=(256, 1, 1),
        output_shapes=[(qkv.shape[0], H * D)], output_dtypes=[qkv.dtype],
    )[0]  # fmt: skip
    return out


@lru_cache
def _multiply_kernel() -> Any:
    inputs = ["x", "norm", "eps", "weight", "scales", "biases", "residual"]
    return mx.fast.cuda_kernel("nightingale_multiply", inputs, ["out"], _MULTIPLY, _HEADER)


@lru_cache
def _attend_kernel() -> Any:
    inputs = ["qkv", "cosines", "sines", "offset", "keys", "values", "after"]
    return mx.fast.cuda_kernel("nightingale_attend", inputs, ["out"], _ATTEND, _HEADER)


@lru_cache
def _filled(value: float, dtype: mx.Dtype) -> mx.array:
    """(1,): a scalar for a kernel, or what stands for an array that it does not read."""
    return mx.array([value], dtype)
