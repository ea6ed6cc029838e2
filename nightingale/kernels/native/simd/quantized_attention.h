// Keys and values in 4 or 8 bits: quantization, and attention that reads them without unpacking them to memory.
//
// A vector is scale * integers + offset in each of its groups (QuantizedHeadAttention has the layout), so
//   query . key = sum over groups of scale * (query . integers) + offset * (sum of the query's values in the group).
#pragma once

#include "kernels.h"
#include "rows.h"
#include "vector.h"

namespace nightingale::INSTRUCTION_SET {

inline float as_float(uint32_t word) {
  float value;
  __builtin_memcpy(&value, &word, sizeof value);
  return value;
}

inline void quantize(const float* x, uint32_t* words, int dim, int bits) {
  const int count = dim * bits / 32, groups = quantized_groups(dim, bits), group_size = dim / groups;
  const float levels = static_cast<float>((1 << bits) - 1);
  float least[2], inverse[2];
  for (int g = 0; g < groups; ++g) {
    const float* values = x + g * group_size;
    least[g] = values[0];
    for (int i = 1; i < group_size; ++i) {
      least[g] = values[i] < least[g] ? values[i] : least[g];
    }
    const float scale = (row_max(values, group_size) - least[g]) / levels;
    inverse[g] = scale > 0.0f ? 1.0f / scale : 0.0f;
    __builtin_memcpy(words + g, &scale, sizeof scale);
    __builtin_memcpy(words + groups + g, &least[g], sizeof scale);
  }
  for (int at = 0; at < count; at += kLanes) {
    const int lanes = count - at < kLanes ? count - at : kLanes;
    Words packed = {};
    for (int first = 0, from = at; first < 32; first += bits, from += count) {
      const int g = from / group_size;
      const Floats level = round((load_part(x + from, lanes) - broadcast(least[g])) * broadcast(inverse[g]));
      packed |= to_words(min(max(level, broadcast(0.0f)), broadcast(levels))) << first;
    }
    store_part(words + 2 * groups + at, packed, lanes);
  }
}

inline Words load_words(const uint32_t* words, int lanes) {
  return lanes == kLanes ? load(words) : load_part(words, lanes);
}

// Reorders a query as the integers are: `padded` floats for each field of a word. Lanes beyond the last word are zero.
template <int BITS>
void reorder_query(const float* query, int count, int padded, float* reordered) {
  for (int field = 0; field < 32 / BITS; ++field) {
    for (int i = 0; i < padded; ++i) {
      reordered[field * padded + i] = i < count ? query[field * count + i] : 0.0f;
    }
  }
}

template <int BITS, int GROUPS>
void score_quantized_keys(const QuantizedHeadAttention& head) {
  constexpr int kFields = 32 / BITS, kGroupFields = kFields / GROUPS;
  const int count = head.dim / kFields, padded = (count + kLanes - 1) / kLanes * kLanes;
  float query[kMaxQuantizedDim + kFields * kLanes], sums[GROUPS];
  reorder_query<BITS>(head.query, count, padded, query);
  for (int g = 0; g < GROUPS; ++g) {
    sums[g] = row_sum(head.query + g * kGroupFields * count, kGroupFields * count);
  }
  for (int j = 0; j < head.count; ++j) {
    const uint32_t* key = head.rows + j * head.stride;
    Floats total[GROUPS] = {};
    for (int at = 0; at < count; at += kLanes) {
      const Words words = load_words(key + 2 * GROUPS + at, count - at < kLanes ? count - at : kLanes);
      UNROLL
      for (int f = 0; f < kFields; ++f) {
        const Floats integers = extract(words, f * BITS, BITS);
        total[f / kGroupFields] = fma(load(query + f * padded + at), integers, total[f / kGroupFields]);
      }
    }
    Floats scaled = total[0] * broadcast(as_float(key[0]));
    float offset = sums[0] * as_float(key[GROUPS]);
    for (int g = 1; g < GROUPS; ++g) {
      scaled = fma(total[g], broadcast(as_float(key[g])), scaled);
      offset += sums[g] * as_float(key[GROUPS + g]);
    }
    head.scores[j] = (reduce_add(scaled) + offset) * head.scale;
  }
}

// scale: the reciprocal of the sum of the weights, which are in head.scores.
template <int BITS, int GROUPS>
void sum_quantized_values(const QuantizedHeadAttention& head, float scale) {
  constexpr int kFields = 32 / BITS, kGroupFields = kFields / GROUPS;
  const int count = head.dim / kFields;
  const uint32_t* values = head.rows + quantized_words(head.dim, BITS);
  float offset[GROUPS] = {};
  for (int j = 0; j < head.count; ++j) {
    for (int g = 0; g < GROUPS; ++g) {
      offset[g] += head.scores[j] * as_float(values[j * head.stride + GROUPS + g]);
    }
  }
  for (int at = 0; at < count; at += kLanes) {
    const int lanes = count - at < kLanes ? count - at : kLanes;
    Floats total[kFields] = {};
    for (int j = 0; j < head.count; ++j) {
      const uint32_t* value = values + j * head.stride;
      const Words words = load_words(value + 2 * GROUPS + at, lanes);
      Floats weight[GROUPS];
      for (int g = 0; g < GROUPS; ++g) {
        weight[g] = broadcast(head.scores[j] * as_float(value[g]));
      }
      UNROLL
      for (int f = 0; f < kFields; ++f) {
        total[f] = fma(weight[f / kGroupFields], extract(words, f * BITS, BITS), total[f]);
      }
    }
    for (int f = 0; f < kFields; ++f) {
      const Floats sum = total[f] + broadcast(offset[f / kGroupFields]);
      store_part(head.out + f * count + at, sum * broadcast(scale), lanes);
    }
  }
}

template <int BITS, int GROUPS>
void attend_quantized_as(const QuantizedHeadAttention& head) {
  score_quantized_keys<BITS, GROUPS>(head);
  sum_quantized_values<BITS, GROUPS>(head, 1.0f / softmax_numerators(head.scores, head.count));
}

#if defined(__AVX512F__)

// 64 values (a head of T3) in 4 bits are 8 words: half a register. The register holds them twice, in the upper half
// shifted by 16 bits. So its lower lanes give the first 32 values, with the first scale, its upper lanes the others.
constexpr int kHalf = 8;
constexpr int kHalfFields = 4;  // fields of 16 bits

inline Floats halves(float lower, float upper) {
  return _mm512_mask_blend_ps(0xff00, broadcast(lower), broadcast(upper));
}

inline Words load_words_twice(const uint32_t* words) {
  const __m512i both = _mm512_broadcast_i32x8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)));
  return (Words)_mm512_mask_srli_epi32(both, 0xff00, both, 16);
}

inline void score_keys_64_in_4_bits(const QuantizedHeadAttention& head) {
  Floats query[kHalfFields];
  for (int f = 0; f < kHalfFields; ++f) {
    const __m512 low = _mm512_castps256_ps512(_mm256_loadu_ps(head.query + f * kHalf));
    query[f] = _mm512_insertf32x8(low, _mm256_loadu_ps(head.query + (kHalfFields + f) * kHalf), 1);
  }
  const Floats sums = (query[0] + query[1]) + (query[2] + query[3]);
  for (int j = 0; j < head.count; ++j) {
    const uint32_t* key = head.rows + j * head.stride;
    const Words words = load_words_twice(key + 4);
    Floats total = broadcast(0.0f);
    UNROLL
    for (int f = 0; f < kHalfFields; ++f) {
      total = fma(query[f], extract(words, 4 * f, 4), total);
    }
    const Floats offsets = sums * halves(as_float(key[2]), as_float(key[3]));
    head.scores[j] = reduce_add(fma(total, halves(as_float(key[0]), as_float(key[1])), offsets)) * head.scale;
  }
}

inline void sum_values_64_in_4_bits(const QuantizedHeadAttention& head, float scale) {
  Floats total[kHalfFields] = {}, offsets = broadcast(0.0f);
  const uint32_t* value = head.rows + quantized_words(64, 4);
  for (int j = 0; j < head.count; ++j, value += head.stride) {
    const Floats weight = broadcast(head.scores[j]);
    const Words words = load_words_twice(value + 4);
    const Floats scaled = weight * halves(as_float(value[0]), as_float(value[1]));
    offsets = fma(weight, halves(as_float(value[2]), as_float(value[3])), offsets);
    UNROLL
    for (int f = 0; f < kHalfFields; ++f) {
      total[f] = fma(scaled, extract(words, 4 * f, 4), total[f]);
    }
  }
  for (int f = 0; f < kHalfFields; ++f) {
    const Floats out = (total[f] + offsets) * broadcast(scale);
    _mm256_storeu_ps(head.out + f * kHalf, _mm512_castps512_ps256(out));
    _mm256_storeu_ps(head.out + (kHalfFields + f) * kHalf, _mm512_extractf32x8_ps(out, 1));
  }
}

inline void attend_64_in_4_bits(const QuantizedHeadAttention& head) {
  score_keys_64_in_4_bits(head);
  sum_values_64_in_4_bits(head, 1.0f / softmax_numerators(head.scores, head.count));
}

#else

inline void attend_64_in_4_bits(const QuantizedHeadAttention& head) { attend_quantized_as<4, 2>(head); }

#endif

inline void attend_quantized(const QuantizedHeadAttention& head) {
  if (head.bits == 8) {
    attend_quantized_as<8, 1>(head);
  } else if (head.dim == 64) {
    attend_64_in_4_bits(head);
  } else if (quantized_groups(head.dim, 4) == 2) {
    attend_quantized_as<4, 2>(head);
  } else {
    attend_quantized_as<4, 1>(head);
  }
}

}  // namespace nightingale::INSTRUCTION_SET
