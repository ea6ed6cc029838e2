// Keys and values in few bits: how they are stored, and attention that reads them as they are.
#pragma once

#include "reductions.h"
#include "routines.h"

namespace nightingale::INSTRUCTION_SET {

inline float as_float(uint32_t word) {
  float value;
  __builtin_memcpy(&value, &word, sizeof value);
  return value;
}

// Each part of x = its scale * integers + its offset.
inline void compress(const float* x, uint32_t* words, int width, int bits) {
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
  float laid[kMostPackedDims + kFields * kLanes], sums[GROUPS];
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

inline void score_halves(const PackedLookup& lookup) {
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

inline void weigh_halves(const PackedLookup& lookup, float scale) {
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

inline bool attend_to_halves(const PackedLookup& lookup) {
  if (lookup.bits != 4 || lookup.head_dim != 64) {
    return false;
  }
  score_halves(lookup);
  weigh_halves(lookup, 1.0f / exponentials(lookup.scratch, lookup.count));
  return true;
}

#else

inline bool attend_to_halves(const PackedLookup&) { return false; }

#endif

inline void attend_packed(const PackedLookup& lookup) {
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

}  // namespace nightingale::INSTRUCTION_SET
