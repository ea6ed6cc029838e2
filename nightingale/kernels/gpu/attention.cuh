// Attention of a pass's new positions to a key-value cache, with rotary embedding.
//
// Softmax and the weighted sum of values are computed in one sweep over the keys (online softmax: Milakov and
// Gimelshein 2018, https://arxiv.org/abs/1805.02867), in parts that are merged at the end.

// B sequences have L new positions each, from `start` on, and a cache with room for S positions.
struct Pass {
  int B, L, S, start;
  const float *cosines, *sines;  // (positions, D), the sines of the first half negated
};

// Eight values of a head (D,) from `part` on, rotated to a position.
template <int D, typename T>
__device__ void rotate8(const Pass& pass, const T* head, int position, int part, float* to) {
  const Eight<T> here = load8(head + part), other = load8(head + (part + D / 2) % D);
  const long at = long(position) * D + part;
  const Eight<float> cosine = load8(pass.cosines + at), sine = load8(pass.sines + at);
  for (int i = 0; i < 8; i++) to[i] = here[i] * cosine[i] + other[i] * sine[i];
}

// Causal attention of each row of qkv (B * L, (H + 2 * KH) * D), before rotation, to its sequence: (B * L, H * D).
// New keys and values are written to the cache: keys, values (B, KH, S, D). Unless R is 0, the rotated queries of position
// p are written to row p % R of ring (B, R, H * D).
//
// A block computes one head of one row at a time; a team of D / 8 lanes reads one key at a time.
// Not inlined, because `multiply` beside it would have too few registers.
template <int H, int KH, int D, typename T>
__device__ __noinline__ void attend(
    Shared& shared, const Pass& pass, const T* qkv, T* keys, T* values, T* ring, int R, T* out) {
  constexpr int LANES = D / 8, WIDTH = (H + 2 * KH) * D, STRIDE = kThreads / LANES;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, part = lane % LANES * 8;
  const unsigned team = ((1u << LANES) - 1) << lane / LANES * LANES;
  for (int unit = blockIdx.x; unit < pass.B * pass.L * H; unit += gridDim.x) {
    const int row = unit / H, h = unit % H, kv = h / (H / KH), b = row / pass.L, now = pass.start + row % pass.L;
    const T* fresh = qkv + long(b) * pass.L * WIDTH;  // of position `start`
    const long cache = (long(b) * KH + kv) * pass.S * D + part;
    float query[8], sums[8] = {}, top = -1e30f, total = 0;
    rotate8<D>(pass, qkv + long(row) * WIDTH + h * D, now, part, query);
    if (R != 0 && threadIdx.x < LANES)
      for (int i = 0; i < 8; i++)
        ring[((long(b) * R + now % R) * H + h) * D + part + i] = static_cast<T>(query[i]);
    for (int i = 0; i < 8; i++) query[i] *= 1.44269504f * rsqrtf(float(D));  // scores in powers of 2
    auto add_key = [&](const auto& key, const auto& value) {
      float score = 0;
      for (int i = 0; i < 8; i++) score += query[i] * key[i];
      for (int step = LANES / 2; step; step /= 2) score += __shfl_xor_sync(team, score, step);
      const float most = fmaxf(top, score), scale = exp2f(top - most), weight = exp2f(score - most);
      top = most;
      total = total * scale + weight;
      for (int i = 0; i < 8; i++) sums[i] = sums[i] * scale + weight * value[i];
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
      for (int i = 0; i < 4 && j < pass.start; i++, j += STRIDE) add_key(key[i], value[i]);
    }
    for (; j <= now; j += STRIDE) {
      const T* from = fresh + long(j - pass.start) * WIDTH;
      float key[8];
      rotate8<D>(pass, from + (H + kv) * D, j, part, key);
      for (int i = 0; i < 8; i++) key[i] = static_cast<float>(static_cast<T>(key[i]));
      const Eight<T> value = load8(from + (H + KH + kv) * D + part);
      add_key(key, value);
      if (j == now && h % (H / KH) == 0)
        for (int i = 0; i < 8; i++) {
          keys[cache + long(j) * D + i] = static_cast<T>(key[i]);
          values[cache + long(j) * D + i] = static_cast<T>(value[i]);
        }
    }
    // Merge the teams of a warp, then the warps.
    for (int step = 16; step >= LANES; step /= 2) {
      const float other_top = __shfl_xor_sync(~0u, top, step), most = fmaxf(top, other_top);
      const float own_scale = exp2f(top - most), other_scale = exp2f(other_top - most);
      top = most;
      total = total * own_scale + __shfl_xor_sync(~0u, total, step) * other_scale;
      for (int i = 0; i < 8; i++) sums[i] = sums[i] * own_scale + __shfl_xor_sync(~0u, sums[i], step) * other_scale;
    }
    if (lane < LANES)
      for (int i = 0; i < 8; i++) shared.attended[warp][part + i] = sums[i];
    if (lane == 0) shared.attended[warp][D] = top, shared.attended[warp][D + 1] = total;
    __syncthreads();
    for (int d = threadIdx.x; d < D; d += kThreads) {
      float most = -1e30f, sum = 0, all = 0;
      for (int w = 0; w < kWarps; w++) most = fmaxf(most, shared.attended[w][D]);
      for (int w = 0; w < kWarps; w++) {
        const float scale = exp2f(shared.attended[w][D] - most);
        sum += shared.attended[w][d] * scale;
        all += shared.attended[w][D + 1] * scale;
      }
      out[(long(row) * H + h) * D + d] = static_cast<T>(sum / all);
    }
    __syncthreads();
  }
}

// Prefetches the cached keys and values that `attend` reads in this block.
template <int H, int KH, int D, typename T>
__device__ void prefetch_cache(const Pass& pass, const T* keys, const T* values) {
  for (int unit = blockIdx.x; unit < pass.B * pass.L * H; unit += gridDim.x) {
    const long cache = (long(unit / H / pass.L) * KH + unit % H / (H / KH)) * pass.S * D;
    prefetch(keys + cache, long(pass.start) * D * sizeof(T));
    prefetch(values + cache, long(pass.start) * D * sizeof(T));
  }
}
