// Compiled once for each instruction set. No templates of the standard library here: the linker keeps one copy of such
// a function for the whole module, and it might be the one with instructions that this processor does not have.
#include "products.h"
#include "routines.h"
#include "simd.h"

namespace nightingale::INSTRUCTION_SET {
namespace {

Floats gelu(Floats x) {
  constexpr float kTop[] = {0.398940257f, 0.0625214573f, 0.00620802009f, 4.38873953e-4f, 5.83137199e-6f, -1.77177143e-8f};
  constexpr float kBottom[] = {1.0f, 0.32336287f, 0.0444867859f, 0.00338378722f, 1.49203466e-4f};
  const Floats bounded = min(max(x, all(-5.0f)), all(5.0f));  // beyond, the tail is below 3e-7
  const Floats z = bounded * bounded;
  return x * (bounded * polynomial(z, kTop) / polynomial(z, kBottom) + all(0.5f));
}

Floats mish(Floats x) {
  const Floats e = exponential(min(x, all(20.0f)));  // above 20 the quotient is 1
  const Floats n = e * (e + all(2.0f));
  return x * (n / (n + all(2.0f)));
}

Floats elu(Floats x) {
  return max(x, all(0.0f)) + (exponential(min(x, all(0.0f))) - all(1.0f));
}

template <class F>
void map(F function, const float* x, float* y, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store(y + i, function(load(x + i)));
  }
  if (i < count) {
    const int left = static_cast<int>(count - i);
    store_part(y + i, function(load_part(x + i, left)), left);
  }
}

void apply(Function function, const float* x, float* y, ptrdiff_t count) {
  switch (function) {
    case Function::exp: return map([](Floats v) { return exponential(v); }, x, y, count);
    case Function::silu: return map([](Floats v) { return silu(v); }, x, y, count);
    case Function::gelu: return map([](Floats v) { return gelu(v); }, x, y, count);
    case Function::mish: return map([](Floats v) { return mish(v); }, x, y, count);
    case Function::elu: return map([](Floats v) { return elu(v); }, x, y, count);
  }
}

Floats snake_of(Floats x, Floats turns, Floats inverse) {
  constexpr float kSinSquared[] = {9.8696029f, -32.4695811f, 42.7253848f, -30.085953f, 12.9907297f, -3.27294512f};
  const Floats u = x * turns;
  const Floats r = u - round(u);
  const Floats z = r * r;
  return fma(polynomial(z, kSinSquared) * z, inverse, x);
}

void snake(const float* x, const float* turns, const float* inverse, float* y, int rows, int channels) {
  for (int row = 0; row < rows; ++row, x += channels, y += channels) {
    int c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      store(y + c, snake_of(load(x + c), load(turns + c), load(inverse + c)));
    }
    if (const int left = channels - c; left > 0) {
      store_part(y + c, snake_of(load_part(x + c, left), load_part(turns + c, left), load_part(inverse + c, left)), left);
    }
  }
}

// Sum of f(lane) over a row; lanes beyond its end count as nothing.
template <class F>
float reduce(const float* x, int width, F function) {
  Floats total = all(0.0f);
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    total = total + function(load(x + i));
  }
  float rest = 0.0f;
  if (i < width) {
    float lanes[kLanes];
    store(lanes, function(load_part(x + i, width - i)));
    for (int j = 0; j < width - i; ++j) {
      rest += lanes[j];
    }
  }
  return sum(total) + rest;
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* y, int width) {
  const float mean = reduce(x, width, [](Floats v) { return v; }) / static_cast<float>(width);
  const Floats center = all(mean);
  const float variance =
      reduce(x, width, [=](Floats v) { return (v - center) * (v - center); }) / static_cast<float>(width);
  const Floats scale = all(1.0f / __builtin_sqrtf(variance + eps));
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    store(y + i, fma((load(x + i) - center) * scale, load(weight + i), load(bias + i)));
  }
  if (const int left = width - i; left > 0) {
    const Floats v = (load_part(x + i, left) - center) * scale;
    store_part(y + i, fma(v, load_part(weight + i, left), load_part(bias + i, left)), left);
  }
}

void rms_norm(const float* x, const float* weight, float eps, float* y, int width) {
  const float square = reduce(x, width, [](Floats v) { return v * v; }) / static_cast<float>(width);
  const Floats scale = all(1.0f / __builtin_sqrtf(square + eps));
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    store(y + i, load(x + i) * scale * load(weight + i));
  }
  if (const int left = width - i; left > 0) {
    store_part(y + i, load_part(x + i, left) * scale * load_part(weight + i, left), left);
  }
}

// cosines and sines have head_dim entries, the sines of the first half negated.
void rotate(float* x, const float* cosines, const float* sines, int head_dim) {
  const int half = head_dim / 2;
  for (int i = 0; i < half; ++i) {
    const float a = x[i], b = x[i + half];
    x[i] = a * cosines[i] + b * sines[i];
    x[i + half] = b * cosines[i + half] + a * sines[i + half];
  }
}

void gate(const float* gate_up, float* y, int width) {
  const float* up = gate_up + width;
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    store(y + i, silu(load(gate_up + i)) * load(up + i));
  }
  if (const int left = width - i; left > 0) {
    store_part(y + i, silu(load_part(gate_up + i, left)) * load_part(up + i, left), left);
  }
}

float greatest(const float* x, int width) {
  Floats most = all(x[0]);
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    most = max(most, load(x + i));
  }
  float found = largest(most);
  for (; i < width; ++i) {
    found = x[i] > found ? x[i] : found;
  }
  return found;
}

// x becomes e^(x - greatest); their sum is returned.
float exponentials(float* x, int width) {
  const Floats most = all(greatest(x, width));
  map([=](Floats v) { return exponential(v - most); }, x, x, width);
  return reduce(x, width, [](Floats v) { return v; });
}

// bias may be null; where it is -inf nothing is left, for e^-126 of the greatest is lost in the sum's rounding.
void softmax(const float* scores, const float* bias, float* y, int width) {
  for (int i = 0; i < width; ++i) {
    y[i] = bias == nullptr ? scores[i] : scores[i] + bias[i];
  }
  const float total = exponentials(y, width);
  const Floats scale = all(1.0f / total);
  map([=](Floats v) { return v * scale; }, y, y, width);
}

float dot(const float* a, const float* b, int width) {
  Floats total = all(0.0f);
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    total = fma(load(a + i), load(b + i), total);
  }
  if (i < width) {
    total = fma(load_part(a + i, width - i), load_part(b + i, width - i), total);
  }
  return sum(total);
}

void score(const Lookup& lookup, const float* keys, ptrdiff_t stride, int count, float* scores) {
  for (int j = 0; j < count; ++j) {
    scores[j] = dot(lookup.query, keys + j * stride, lookup.head_dim) * lookup.scale;
  }
}

// VECTORS chains of sums that hide each other's waits.
template <int VECTORS>
void add_weighed(Floats (&total)[VECTORS], const float* values, ptrdiff_t stride, const float* weights, int count) {
  for (int j = 0; j < count; ++j, values += stride) {
    const Floats weight = all(weights[j]);
    UNROLL
    for (int v = 0; v < VECTORS; ++v) {
      total[v] = fma(weight, load(values + v * kLanes), total[v]);
    }
  }
}

// The weighted values of so many vectors of channels from `at` on.
template <int VECTORS>
void weigh(const Lookup& lookup, int at, Floats scale) {
  Floats total[VECTORS] = {};
  add_weighed(total, lookup.kept_values + at, lookup.head_dim, lookup.scratch, lookup.num_kept);
  add_weighed(total, lookup.values + at, lookup.value_stride, lookup.scratch + lookup.num_kept, lookup.count);
  for (int v = 0; v < VECTORS; ++v) {
    store(lookup.out + at + v * kLanes, total[v] * scale);
  }
}

// Channels from `at` on, fewer than a vector.
void weigh_rest(const Lookup& lookup, int at, Floats scale) {
  const int left = lookup.head_dim - at;
  Floats total = all(0.0f);
  for (int j = 0; j < lookup.num_kept; ++j) {
    const float* values = lookup.kept_values + static_cast<ptrdiff_t>(j) * lookup.head_dim + at;
    total = fma(all(lookup.scratch[j]), load_part(values, left), total);
  }
  for (int j = 0; j < lookup.count; ++j) {
    const float* values = lookup.values + j * lookup.value_stride + at;
    total = fma(all(lookup.scratch[lookup.num_kept + j]), load_part(values, left), total);
  }
  store_part(lookup.out + at, total * scale, left);
}

void attend(const Lookup& lookup) {
  const int width = lookup.head_dim;
  float* newest = lookup.scratch + lookup.num_kept;
  score(lookup, lookup.kept_keys, width, lookup.num_kept, lookup.scratch);
  for (int j = 0; j < lookup.num_kept; ++j) {
    lookup.scratch[j] += lookup.kept_bias[j];
  }
  if (lookup.position_query == nullptr) {
    score(lookup, lookup.keys, lookup.key_stride, lookup.count, newest);
  } else {
    for (int j = 0; j < lookup.count; ++j) {
      const float content = dot(lookup.query, lookup.keys + j * lookup.key_stride, width);
      const float place = dot(lookup.position_query, lookup.positions + j * lookup.position_stride, width);
      newest[j] = (content + place) * lookup.scale;
    }
  }
  const Floats scale = all(1.0f / exponentials(lookup.scratch, lookup.num_kept + lookup.count));
  int at = 0;
  for (; at + 4 * kLanes <= width; at += 4 * kLanes) {
    weigh<4>(lookup, at, scale);
  }
  for (; at + kLanes <= width; at += kLanes) {
    weigh<1>(lookup, at, scale);
  }
  if (at < width) {
    weigh_rest(lookup, at, scale);
  }
}

inline float as_float(uint32_t word) {
  float value;
  __builtin_memcpy(&value, &word, sizeof value);
  return value;
}

// Each part of x = its scale * integers + its offset.
void compress(const float* x, uint32_t* words, int width, int bits) {
  const int count = width * bits / 32, groups = packed_groups(width, bits), part = width / groups;
  const float levels = static_cast<float>((1 << bits) - 1);
  float least[2], inverse[2];
  for (int g = 0; g < groups; ++g) {
    least[g] = x[g * part];
    for (int i = 1; i < part; ++i) {
      least[g] = x[g * part + i] < least[g] ? x[g * part + i] : least[g];
    }
    const float scale = (greatest(x + g * part, part) - least[g]) / levels;
    inverse[g] = scale > 0.0f ? 1.0f / scale : 0.0f;
    __builtin_memcpy(words + g, &scale, sizeof scale);
    __builtin_memcpy(words + groups + g, &least[g], sizeof scale);
  }
  for (int at = 0; at < count; at += kLanes) {
    const int lanes = count - at < kLanes ? count - at : kLanes;
    Words packed = {};
    for (int first = 0, from = at; first < 32; first += bits, from += count) {
      const int g = from / part;
      const Floats level = round((load_part(x + from, lanes) - all(least[g])) * all(inverse[g]));
      packed |= whole(min(max(level, all(0.0f)), all(levels))) << first;
    }
    uint32_t stored[kLanes];
    store(stored, packed);
    __builtin_memcpy(words + 2 * groups + at, stored, sizeof(uint32_t) * lanes);
  }
}

inline Words some(const uint32_t* words, int lanes) { return lanes == kLanes ? load(words) : load_part(words, lanes); }

constexpr int kMostDims = 256;

// The query laid out as the integers are, `padded` floats for each place in a word; lanes beyond the words are zero.
template <int BITS>
void lay_out(const float* query, int count, int padded, float* laid) {
  for (int field = 0; field < 32 / BITS; ++field) {
    for (int i = 0; i < padded; ++i) {
      laid[field * padded + i] = i < count ? query[field * count + i] : 0.0f;
    }
  }
}

template <int BITS, int GROUPS>
void score_packed(const PackedLookup& lookup) {
  constexpr int kFields = 32 / BITS, kPart = kFields / GROUPS;
  const int count = lookup.head_dim / kFields, padded = (count + kLanes - 1) / kLanes * kLanes;
  float laid[kMostDims + kFields * kLanes], sums[GROUPS];
  lay_out<BITS>(lookup.query, count, padded, laid);
  for (int g = 0; g < GROUPS; ++g) {
    sums[g] = reduce(lookup.query + g * kPart * count, kPart * count, [](Floats v) { return v; });
  }
  for (int j = 0; j < lookup.count; ++j) {
    const uint32_t* key = lookup.rows + j * lookup.stride;
    Floats total[GROUPS] = {};
    for (int at = 0; at < count; at += kLanes) {
      const Words words = some(key + 2 * GROUPS + at, count - at < kLanes ? count - at : kLanes);
      UNROLL
      for (int f = 0; f < kFields; ++f) {
        total[f / kPart] = fma(load(laid + f * padded + at), field(words, f * BITS, BITS), total[f / kPart]);
      }
    }
    Floats scaled = total[0] * all(as_float(key[0]));
    float offset = sums[0] * as_float(key[GROUPS]);
    for (int g = 1; g < GROUPS; ++g) {
      scaled = fma(total[g], all(as_float(key[g])), scaled);
      offset += sums[g] * as_float(key[GROUPS + g]);
    }
    lookup.scratch[j] = (sum(scaled) + offset) * lookup.scale;
  }
}

template <int BITS, int GROUPS>
void weigh_packed(const PackedLookup& lookup, float scale) {
  constexpr int kFields = 32 / BITS, kPart = kFields / GROUPS;
  const int count = lookup.head_dim / kFields;
  const uint32_t* values = lookup.rows + packed_words(lookup.head_dim, BITS);
  float offset[GROUPS] = {};
  for (int j = 0; j < lookup.count; ++j) {
    for (int g = 0; g < GROUPS; ++g) {
      offset[g] += lookup.scratch[j] * as_float(values[j * lookup.stride + GROUPS + g]);
    }
  }
  for (int at = 0; at < count; at += kLanes) {
    const int lanes = count - at < kLanes ? count - at : kLanes;
    Floats total[kFields] = {};
    for (int j = 0; j < lookup.count; ++j) {
      const uint32_t* value = values + j * lookup.stride;
      const Words words = some(value + 2 * GROUPS + at, lanes);
      Floats weight[GROUPS];
      for (int g = 0; g < GROUPS; ++g) {
        weight[g] = all(lookup.scratch[j] * as_float(value[g]));
      }
      UNROLL
      for (int f = 0; f < kFields; ++f) {
        total[f] = fma(weight[f / kPart], field(words, f * BITS, BITS), total[f]);
      }
    }
    for (int f = 0; f < kFields; ++f) {
      store_part(lookup.out + f * count + at, (total[f] + all(offset[f / kPart])) * all(scale), lanes);
    }
  }
}

template <int BITS, int GROUPS>
void attend_to(const PackedLookup& lookup) {
  score_packed<BITS, GROUPS>(lookup);
  weigh_packed<BITS, GROUPS>(lookup, 1.0f / exponentials(lookup.scratch, lookup.count));
}

#if defined(__AVX512F__)

// 64 values in 4 bits are 8 words, half a register. So a register has them twice, the second time shifted: its lower
// lanes give the first half of the values, with the first scale, and its upper lanes the second.
constexpr int kHalf = 8;
constexpr int kFieldsOfHalf = 4;

inline Floats halves(float first, float second) { return _mm512_mask_blend_ps(0xff00, all(first), all(second)); }

inline Words twice(const uint32_t* words) {
  const __m512i both = _mm512_broadcast_i32x8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)));
  return (Words)_mm512_mask_srli_epi32(both, 0xff00, both, 16);
}

void score_halves(const PackedLookup& lookup) {
  Floats query[kFieldsOfHalf];
  for (int f = 0; f < kFieldsOfHalf; ++f) {
    const __m512 low = _mm512_castps256_ps512(_mm256_loadu_ps(lookup.query + f * kHalf));
    query[f] = _mm512_insertf32x8(low, _mm256_loadu_ps(lookup.query + (kFieldsOfHalf + f) * kHalf), 1);
  }
  const Floats sums = (query[0] + query[1]) + (query[2] + query[3]);
  for (int j = 0; j < lookup.count; ++j) {
    const uint32_t* key = lookup.rows + j * lookup.stride;
    const Words words = twice(key + 4);
    Floats total = all(0.0f);
    UNROLL
    for (int f = 0; f < kFieldsOfHalf; ++f) {
      total = fma(query[f], field(words, 4 * f, 4), total);
    }
    const Floats offsets = sums * halves(as_float(key[2]), as_float(key[3]));
    lookup.scratch[j] = sum(fma(total, halves(as_float(key[0]), as_float(key[1])), offsets)) * lookup.scale;
  }
}

void weigh_halves(const PackedLookup& lookup, float scale) {
  Floats total[kFieldsOfHalf] = {}, offsets = all(0.0f);
  const uint32_t* value = lookup.rows + packed_words(64, 4);
  for (int j = 0; j < lookup.count; ++j, value += lookup.stride) {
    const Floats weight = all(lookup.scratch[j]);
    const Words words = twice(value + 4);
    const Floats scaled = weight * halves(as_float(value[0]), as_float(value[1]));
    offsets = fma(weight, halves(as_float(value[2]), as_float(value[3])), offsets);
    UNROLL
    for (int f = 0; f < kFieldsOfHalf; ++f) {
      total[f] = fma(scaled, field(words, 4 * f, 4), total[f]);
    }
  }
  for (int f = 0; f < kFieldsOfHalf; ++f) {
    const Floats out = (total[f] + offsets) * all(scale);
    _mm256_storeu_ps(lookup.out + f * kHalf, _mm512_castps512_ps256(out));
    _mm256_storeu_ps(lookup.out + (kFieldsOfHalf + f) * kHalf, _mm512_extractf32x8_ps(out, 1));
  }
}

bool attend_to_halves(const PackedLookup& lookup) {
  if (lookup.bits != 4 || lookup.head_dim != 64) {
    return false;
  }
  score_halves(lookup);
  weigh_halves(lookup, 1.0f / exponentials(lookup.scratch, lookup.count));
  return true;
}

#else

bool attend_to_halves(const PackedLookup&) { return false; }

#endif

void attend_packed(const PackedLookup& lookup) {
  if (attend_to_halves(lookup)) {
    return;
  }
  if (lookup.bits == 8) {
    attend_to<8, 1>(lookup);
  } else if (packed_groups(lookup.head_dim, 4) == 2) {
    attend_to<4, 2>(lookup);
  } else {
    attend_to<4, 1>(lookup);
  }
}

bool supported() {
#if defined(__AVX512F__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
#elif defined(__AVX2__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

#define NAME_OF(set) #set
#define NAME(set) NAME_OF(set)

}  // namespace

extern const Routines kRoutines;
const Routines kRoutines = {
    NAME(INSTRUCTION_SET), supported, panels, blocks,  group_sums, apply,   snake,
    layer_norm,            rms_norm,  rotate, gate,    softmax,    attend,  attend_packed,
    compress,
};

}  // namespace nightingale::INSTRUCTION_SET
