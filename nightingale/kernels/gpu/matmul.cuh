// Products of a few rows with a matrix of floats or quantized weights, and RMS norm.
//
// M rows of K values are multiplied by a matrix with N rows. The blocks of the grid share the N columns of the result.
// A row's arithmetic depends neither on M nor on the number of blocks.

// (rows, K) floats (BITS 0), or integers of BITS bits, from the lowest up, with a scale and an offset for each GROUP.
template <typename T, int K, int BITS, int GROUP>
struct Matrix {
  const unsigned char* weight;
  const T *scales, *biases;

  static constexpr long kRowBytes = long(K) * (BITS ? BITS : 8 * sizeof(T)) / 8;

  // The rows from `row` on.
  __device__ Matrix(const void* w, const T* s, const T* b, long row)
      : weight(static_cast<const unsigned char*>(w) + row * kRowBytes),
        scales(s + row * (K / GROUP)),
        biases(b + row * (K / GROUP)) {}

  // Eight weights as they are stored. A warp loads all weights of a step before it uses any.
  struct Stored {
    Eight<T> floats;
    uint2 packed;
    float scale, bias;
  };

  __device__ Stored load(int row, int k) const {
    const unsigned char* from = weight + row * kRowBytes + k / 8 * (kRowBytes * 8 / K);
    Stored stored = {};
    if constexpr (BITS == 0) {
      stored.floats = load8(reinterpret_cast<const T*>(from));
      return stored;
    } else if constexpr (BITS == 8) {
      stored.packed = *reinterpret_cast<const uint2*>(from);
    } else if constexpr (BITS == 4) {
      stored.packed.x = *reinterpret_cast<const unsigned*>(from);
    } else {
      for (int i = 0; i < BITS; i++) (i < 4 ? stored.packed.x : stored.packed.y) |= unsigned(from[i]) << i % 4 * 8;
    }
    const long group = long(row) * (K / GROUP) + k / GROUP;
    stored.scale = static_cast<float>(scales[group]);
    stored.bias = static_cast<float>(biases[group]);
    return stored;
  }

  static __device__ float weight_of(const Stored& stored, int i) {
    if constexpr (BITS == 0) return stored.floats[i];
    const unsigned long long packed = static_cast<unsigned long long>(stored.packed.y) << 32 | stored.packed.x;
    return static_cast<unsigned>(packed >> BITS * i & ((1 << BITS) - 1)) * stored.scale + stored.bias;
  }
};

// Prefetches the rows that this block reads of N rows from row `from` on.
template <typename T, int K, int BITS, int GROUP>
__device__ void prefetch_matrix(const Matrix<T, K, BITS, GROUP>& matrix, int N, int from = 0) {
  const long begin = from + block_begin(N, blockIdx.x), rows = from + block_begin(N, blockIdx.x + 1) - begin;
  prefetch(matrix.weight + begin * matrix.kRowBytes, rows * matrix.kRowBytes);
  if constexpr (BITS > 0) {
    prefetch(matrix.scales + begin * (K / GROUP), rows * (K / GROUP) * sizeof(T));
    prefetch(matrix.biases + begin * (K / GROUP), rows * (K / GROUP) * sizeof(T));
  }
}

// Eight sums over the lanes of a warp: lane i gets the sum of all lanes' values[i / 4].
__device__ float warp_sum8(float* values, int lane) {
#pragma unroll
  for (int half = 4, step = 16; half; half /= 2, step /= 2)
    for (int i = 0; i < half; i++) {
      const bool upper = lane & step;
      const float sent = upper ? values[i] : values[i + half], own = upper ? values[i + half] : values[i];
      values[i] = own + __shfl_xor_sync(~0u, sent, step);
    }
  values[0] += __shfl_xor_sync(~0u, values[0], 2);
  return values[0] + __shfl_xor_sync(~0u, values[0], 1);
}

// out (M, N) = residual + norm(x) @ matrix.T for x (M, K). norm: the weights (K,) of an RMS norm, or null. residual may
// be null. GATED: SwiGLU; the matrix has 2 N rows, and SiLU of the first half's result is multiplied by the second's.
//
// A warp multiplies 256 values of x by those of kRowsAtOnce weight rows; the warps of a team cover whole rows.
template <int N, bool GATED, typename T, int K, int BITS, int GROUP, typename O>
__device__ void multiply(
    Shared& shared, const Matrix<T, K, BITS, GROUP>& matrix, const T* x, int M, const T* norm, float eps,
    const O* residual, O* out) {
  constexpr int HALVES = GATED ? 2 : 1, COLUMNS = kRowsAtOnce / HALVES, CHUNKS = (K + 255) / 256;
  constexpr int PARTS = CHUNKS < kWarps ? CHUNKS : kWarps, TEAMS = kWarps / PARTS;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, part = warp % PARTS, team = warp / PARTS;
  const int end = block_begin(N, blockIdx.x + 1);
  for (int first = block_begin(N, blockIdx.x); first < end; first += TEAMS * COLUMNS) {
    for (int chunk = part; chunk < CHUNKS && team < TEAMS; chunk += PARTS) {
      const int k = (chunk * 32 + lane) * 8;
      const bool inside = K % 256 == 0 || k < K;
      typename Matrix<T, K, BITS, GROUP>::Stored stored[kRowsAtOnce];
      Eight<T> gains = {}, rows[2] = {};
      float weights[kRowsAtOnce][8];
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; i++) {
        const int column = first + i % COLUMNS * TEAMS + team;
        stored[i] = {};
        if (inside && column < end) stored[i] = matrix.load(column + i / COLUMNS * N, k);
      }
      auto load_two = [&](int m) {
        for (int r = 0; r < 2; r++)
          if (inside && m + r < M) rows[r] = load8(x + long(m + r) * K + k);
      };
      if (norm && inside) gains = load8(norm + k);
      load_two(0);
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; i++)
        for (int j = 0; j < 8; j++) weights[i][j] = matrix.weight_of(stored[i], j);
      for (int two = 0; two < M; two += 2) {
#pragma unroll
        for (int r = 0; r < 2; r++) {
          const int m = two + r;
          float sums[kRowsAtOnce] = {}, square = 0;
          for (int j = 0; j < 8; j++) {
            float value = rows[r][j];
            square += value * value;
            if (norm) value *= gains[j];
            for (int i = 0; i < kRowsAtOnce; i++) sums[i] += value * weights[i][j];
          }
          const float sum = warp_sum8(sums, lane);
          if (norm)
            for (int step = 16; step; step /= 2) square += __shfl_xor_sync(~0u, square, step);
          if (m == M) break;
          float &total = shared.sums[warp][lane / 4][m], &squares = shared.squares[warp][m];
          if (lane % 4 == 0) total = chunk < PARTS ? sum : total + sum;
          if (lane == 0) squares = chunk < PARTS ? square : squares + square;
        }
        load_two(two + 2);
      }
    }
    __syncthreads();
    for (int at = threadIdx.x; at < TEAMS * COLUMNS * M; at += kThreads) {
      const int m = at / (TEAMS * COLUMNS), at_column = at % (TEAMS * COLUMNS), column = first + at_column;
      if (column >= end) continue;
      const int from = at_column % TEAMS * PARTS, i = at_column / TEAMS;
      float y = 0, up = 0, square = 0;
      for (int w = from; w < from + PARTS; w++) {
        y += shared.sums[w][i][m];
        if constexpr (GATED) up += shared.sums[w][i + COLUMNS][m];
        square += shared.squares[w][m];
      }
      const float scale = norm ? rsqrtf(square / K + eps) : 1.0f;
      y *= scale;
      if (GATED) y = y / (1.0f + expf(-y)) * up * scale;
      const long to = long(m) * N + column;
      if (residual) y += static_cast<float>(residual[to]);
      out[to] = static_cast<O>(y);
    }
    __syncthreads();
  }
}

// RMS norm of rows x (M, K).
template <int K, typename T>
__device__ void normalize(Shared& shared, const T* x, int M, const T* norm, float eps, T* out) {
  for (int row = blockIdx.x; row < M; row += gridDim.x) {
    const T* from = x + long(row) * K;
    float square = 0;
    for (int k = threadIdx.x; k < K; k += kThreads) square += static_cast<float>(from[k]) * static_cast<float>(from[k]);
    for (int step = 16; step; step /= 2) square += __shfl_xor_sync(~0u, square, step);
    if (threadIdx.x % 32 == 0) shared.squares[threadIdx.x / 32][0] = square;
    __syncthreads();
    square = 0;
    for (int w = 0; w < kWarps; w++) square += shared.squares[w][0];
    const float scale = rsqrtf(square / K + eps);
    for (int k = threadIdx.x; k < K; k += kThreads) {
      // mx.fast.rms_norm, too, rounds before it multiplies by the weight.
      const T scaled = static_cast<T>(static_cast<float>(from[k]) * scale);
      out[long(row) * K + k] = static_cast<T>(static_cast<float>(scaled) * static_cast<float>(norm[k]));
    }
    __syncthreads();
  }
}
