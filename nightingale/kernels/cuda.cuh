// What the kernels of cuda.py are made of; that file puts kThreads (of a block) and kMaxRows before it.
//
// K is the length of a matrix's rows, N their number, M the number of rows that it is multiplied by; a grid's blocks
// share each function's work. A row's arithmetic depends neither on M nor on the number of blocks.

constexpr int kWarps = kThreads / 32;
constexpr int kAtOnce = 8;  // weight rows that a warp has under way: with 16 warps 64 KB, enough to hide HBM's latency

struct Shared {
  float sums[kWarps][kAtOnce][kMaxRows];
  float squares[kWarps][kMaxRows];
  float attended[kWarps][128 + 2];
};

// All blocks of the grid come here before one goes on. At first `arrived` is 0, and `expected` in every thread.
__device__ void meet(unsigned* arrived, unsigned& expected) {
  expected += gridDim.x;
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    atomicAdd(arrived, 1u);
    // Some ten seconds: a block that cannot come must not hang the GPU for ever.
    for (unsigned tries = 0; __ldcv(arrived) < expected; tries++)
      if (tries == 1u << 24) __trap();
    __threadfence();
  }
  __syncthreads();
}

// Asks for memory that a later phase reads, so that it comes from L2 then.
__device__ void prefetch(const void* from, long bytes) {
#if __CUDA_ARCH__ >= 900
  const size_t begin = __cvta_generic_to_global(from) / 16 * 16;
  const size_t size = (__cvta_generic_to_global(from) + bytes - begin) / 16 * 16;
  if (threadIdx.x == 0 && size > 0)
    asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(begin), "r"(static_cast<unsigned>(size)));
#endif
}

template <typename T>
struct Eight {
  uint4 words[sizeof(T) / 2];
  __device__ float operator[](int i) const { return static_cast<float>(reinterpret_cast<const T*>(words)[i]); }
};

template <typename T>
__device__ Eight<T> load8(const T* from) { return *reinterpret_cast<const Eight<T>*>(from); }

// (rows, K) floats (BITS 0), or integers of BITS bits, from the lowest up, with a scale and an offset for each GROUP.
template <typename T, int K, int BITS, int GROUP>
struct Matrix {
  const unsigned char* weight;
  const T *scales, *biases;

  static constexpr long kRowBytes = long(K) * (BITS ? BITS : 8 * sizeof(T)) / 8;

  // From a row on.
  __device__ Matrix(const void* w, const T* s, const T* b, long row)
      : weight(static_cast<const unsigned char*>(w) + row * kRowBytes),
        scales(s + row * (K / GROUP)),
        biases(b + row * (K / GROUP)) {}

  // Eight weights as they lie there: all that a warp takes at once is loaded before any of it is used.
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

// This block's part of N columns: from share(N, blockIdx.x) to share(N, blockIdx.x + 1).
__device__ int share(unsigned N, unsigned block) { return N * block / gridDim.x; }

// What this block will read of N rows of a matrix from row `from` on.
template <typename T, int K, int BITS, int GROUP>
__device__ void prefetch_share(const Matrix<T, K, BITS, GROUP>& matrix, int N, int from = 0) {
  const long begin = from + share(N, blockIdx.x), rows = from + share(N, blockIdx.x + 1) - begin;
  prefetch(matrix.weight + begin * matrix.kRowBytes, rows * matrix.kRowBytes);
  if constexpr (BITS > 0) {
    prefetch(matrix.scales + begin * (K / GROUP), rows * (K / GROUP) * sizeof(T));
    prefetch(matrix.biases + begin * (K / GROUP), rows * (K / GROUP) * sizeof(T));
  }
}

// Over all lanes: what comes back in lane i is the sum of every lane's values[i / 4].
__device__ float sum8(float* values, int lane) {
#pragma unroll
  for (int half = 4, step = 16; half; half /= 2, step /= 2)
    for (int i = 0; i < half; i++) {
      const bool upper = lane & step;
      const float given = upper ? values[i] : values[i + half], kept = upper ? values[i + half] : values[i];
      values[i] = kept + __shfl_xor_sync(~0u, given, step);
    }
  values[0] += __shfl_xor_sync(~0u, values[0], 2);
  return values[0] + __shfl_xor_sync(~0u, values[0], 1);
}

// residual + rows of x (M, K), normed first, @ matrix.T: (M, N). norm and residual may be null. GATED: the matrix has
// 2 N rows, and what the first half gives through SiLU is multiplied by what the second gives.
//
// A warp takes 256 weights of each of kAtOnce rows; the warps of a team have whole rows between them.
template <int N, bool GATED, typename T, int K, int BITS, int GROUP, typename O>
__device__ void multiply(
    Shared& shared, const Matrix<T, K, BITS, GROUP>& matrix, const T* x, int M, const T* norm, float eps,
    const O* residual, O* out) {
  constexpr int HALVES = GATED ? 2 : 1, COLUMNS = kAtOnce / HALVES, CHUNKS = (K + 255) / 256;
  constexpr int PARTS = CHUNKS < kWarps ? CHUNKS : kWarps, TEAMS = kWarps / PARTS;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, part = warp % PARTS, team = warp / PARTS;
  const int end = share(N, blockIdx.x + 1);
  for (int first = share(N, blockIdx.x); first < end; first += TEAMS * COLUMNS) {
    for (int chunk = part; chunk < CHUNKS && team < TEAMS; chunk += PARTS) {
      const int k = (chunk * 32 + lane) * 8;
      const bool inside = K % 256 == 0 || k < K;
      typename Matrix<T, K, BITS, GROUP>::Stored stored[kAtOnce];
      Eight<T> gains = {}, rows[2] = {};
      float weights[kAtOnce][8];
#pragma unroll
      for (int i = 0; i < kAtOnce; i++) {
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
      for (int i = 0; i < kAtOnce; i++)
        for (int j = 0; j < 8; j++) weights[i][j] = matrix.weight_of(stored[i], j);
      for (int two = 0; two < M; two += 2) {
#pragma unroll
        for (int r = 0; r < 2; r++) {
          const int m = two + r;
          float sums[kAtOnce] = {}, square = 0;
          for (int j = 0; j < 8; j++) {
            float value = rows[r][j];
            square += value * value;
            if (norm) value *= gains[j];
            for (int i = 0; i < kAtOnce; i++) sums[i] += value * weights[i][j];
          }
          const float sum = sum8(sums, lane);
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

// Sizes of a pass: B sequences of L new positions, the first of which is `start`; S positions fit into the cache.
struct Pass {
  int B, L, S, start;
  const float *cosines, *sines;  // (positions, D); the sines signed, as what comes from the other half takes them
};

// Eight entries of a head (D,), turned to a position.
template <int D, typename T>
__device__ void turned(const Pass& pass, const T* head, int position, int part, float* to) {
  const Eight<T> here = load8(head + part), other = load8(head + (part + D / 2) % D);
  const long at = long(position) * D + part;
  const Eight<float> cosine = load8(pass.cosines + at), sine = load8(pass.sines + at);
  for (int i = 0; i < 8; i++) to[i] = here[i] * cosine[i] + other[i] * sine[i];
}

// Rotary attention of each row of qkv (B * L, (H + 2 KH) * D) to what its sequence has up to it: (B * L, H * D).
// keys, values: (B, KH, S, D), which get the new ones. A block for each head of each row, D / 8 lanes for each key.
// Not inlined, or `multiply` beside it has too few registers.
template <int H, int KH, int D, typename T>
__device__ __noinline__ void attend(Shared& shared, const Pass& pass, const T* qkv, T* keys, T* values, T* out) {
  constexpr int LANES = D / 8, WIDTH = (H + 2 * KH) * D, STRIDE = kThreads / LANES;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, part = lane % LANES * 8;
  const unsigned team = ((1u << LANES) - 1) << lane / LANES * LANES;
  for (int unit = blockIdx.x; unit < pass.B * pass.L * H; unit += gridDim.x) {
    const int row = unit / H, h = unit % H, kv = h / (H / KH), b = row / pass.L, now = pass.start + row % pass.L;
    const T* fresh = qkv + long(b) * pass.L * WIDTH;  // of position `start`
    const long cache = (long(b) * KH + kv) * pass.S * D + part;
    float query[8], sums[8] = {}, top = -1e30f, total = 0;
    turned<D>(pass, qkv + long(row) * WIDTH + h * D, now, part, query);
    for (int i = 0; i < 8; i++) query[i] *= 1.44269504f * rsqrtf(float(D));
    auto take = [&](const auto& key, const auto& value) {
      float score = 0;
      for (int i = 0; i < 8; i++) score += query[i] * key[i];
      for (int step = LANES / 2; step; step /= 2) score += __shfl_xor_sync(team, score, step);
      const float most = fmaxf(top, score), kept = exp2f(top - most), weight = exp2f(score - most);
      top = most;
      total = total * kept + weight;
      for (int i = 0; i < 8; i++) sums[i] = sums[i] * kept + weight * value[i];
    };
    int j = threadIdx.x / LANES;
    while (j < pass.start) {
      Eight<T> key[4] = {}, value[4] = {};
#pragma unroll
      for (int i = 0; i < 4; i++)
        if (const int at = j + i * STRIDE; at < pass.start) {
          key[i] = load8(keys + cache + long(at) * D);
          value[i] = load8(values + cache + long(at) * D);
        }
#pragma unroll
      for (int i = 0; i < 4 && j < pass.start; i++, j += STRIDE) take(key[i], value[i]);
    }
    for (; j <= now; j += STRIDE) {
      const T* from = fresh + long(j - pass.start) * WIDTH;
      float key[8];
      turned<D>(pass, from + (H + kv) * D, j, part, key);
      for (int i = 0; i < 8; i++) key[i] = static_cast<float>(static_cast<T>(key[i]));
      const Eight<T> value = load8(from + (H + KH + kv) * D + part);
      take(key, value);
      if (j == now && h % (H / KH) == 0)
        for (int i = 0; i < 8; i++) {
          keys[cache + long(j) * D + i] = static_cast<T>(key[i]);
          values[cache + long(j) * D + i] = static_cast<T>(value[i]);
        }
    }
    for (int step = 16; step >= LANES; step /= 2) {
      const float theirs = __shfl_xor_sync(~0u, top, step), most = fmaxf(top, theirs);
      const float mine = exp2f(top - most), yours = exp2f(theirs - most);
      top = most;
      total = total * mine + __shfl_xor_sync(~0u, total, step) * yours;
      for (int i = 0; i < 8; i++) sums[i] = sums[i] * mine + __shfl_xor_sync(~0u, sums[i], step) * yours;
    }
    if (lane < LANES)
      for (int i = 0; i < 8; i++) shared.attended[warp][part + i] = sums[i];
    if (lane == 0) shared.attended[warp][D] = top, shared.attended[warp][D + 1] = total;
    __syncthreads();
    for (int d = threadIdx.x; d < D; d += kThreads) {
      float most = -1e30f, sum = 0, all = 0;
      for (int w = 0; w < kWarps; w++) most = fmaxf(most, shared.attended[w][D]);
      for (int w = 0; w < kWarps; w++) {
        const float part_of_all = exp2f(shared.attended[w][D] - most);
        sum += shared.attended[w][d] * part_of_all;
        all += shared.attended[w][D + 1] * part_of_all;
      }
      out[(long(row) * H + h) * D + d] = static_cast<T>(sum / all);
    }
    __syncthreads();
  }
}

// What `attend` will read of the past in this block.
template <int H, int KH, int D, typename T>
__device__ void prefetch_past(const Pass& pass, const T* keys, const T* values) {
  for (int unit = blockIdx.x; unit < pass.B * pass.L * H; unit += gridDim.x) {
    const long cache = (long(unit / H / pass.L) * KH + unit % H / (H / KH)) * pass.S * D;
    prefetch(keys + cache, long(pass.start) * D * sizeof(T));
    prefetch(values + cache, long(pass.start) * D * sizeof(T));
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
      // Rounded before the weight too, as mx.fast.rms_norm does it.
      const T scaled = static_cast<T>(static_cast<float>(from[k]) * scale);
      out[long(row) * K + k] = static_cast<T>(static_cast<float>(scaled) * static_cast<float>(norm[k]));
    }
    __syncthreads();
  }
}

struct Key {
  unsigned first, second;
};

// MLX's generator: Threefry of two words and 20 rounds (Salmon et al. 2011).
__device__ Key threefry(Key key, unsigned first, unsigned second) {
  constexpr int kTurns[8] = {13, 15, 26, 6, 17, 29, 16, 24};
  const unsigned keys[3] = {key.first, key.second, key.first ^ key.second ^ 0x1BD11BDAu};
  first += keys[0];
  second += keys[1];
#pragma unroll
  for (int i = 0; i < 20; i++) {
    const int turn = kTurns[i % 8];
    first += second;
    second = (second << turn | second >> (32 - turn)) ^ first;
    if (i % 4 == 3) {
      first += keys[(i / 4 + 1) % 3];
      second += keys[(i / 4 + 2) % 3] + i / 4 + 1;
    }
  }
  return {first, second};
}

// sampling.fold.
__device__ Key fold(Key key, unsigned long long number) {
  const Key mixed = threefry(key, 0, 1);
  const Key folded = {mixed.first ^ static_cast<unsigned>(number >> 32), mixed.second ^ static_cast<unsigned>(number)};
  return threefry(folded, 0, 1);
}

// Entry i of mx.random.gumbel((width,), key=key).
__device__ float gumbel(Key key, unsigned i, unsigned width) {
  // A hash gives one entry of each half; the middle one of an odd number has a hash to itself.
  const unsigned half = width / 2, second = width - half;
  const Key bits = i < half     ? threefry(key, i, second + i)
                   : i < second ? threefry(key, half, 0)
                                : threefry(key, i - second, i);
  const float uniform = static_cast<float>(i < second ? bits.first : bits.second) * 0x1p-32f;
  return -logf(-logf(fminf(uniform, 0x1.fffffep-1f)));  // rounding must not give 1
}

// The greatest value of a block's threads, with the least index that has it; in every thread.
__device__ void greatest(Shared& shared, float& value, int& index) {
  auto merge = [&](float other, int at) {
    if (other > value || (other == value && at < index)) value = other, index = at;
  };
  for (int step = 16; step; step /= 2) {
    const float other = __shfl_xor_sync(~0u, value, step);
    merge(other, __shfl_xor_sync(~0u, index, step));
  }
  __syncthreads();  // what this gave before has been read
  if (threadIdx.x % 32 == 0) {
    shared.squares[threadIdx.x / 32][0] = value;
    shared.squares[threadIdx.x / 32][1] = __int_as_float(index);
  }
  __syncthreads();
  for (int w = 0; w < kWarps; w++) merge(shared.squares[w][0], __float_as_int(shared.squares[w][1]));
}
