// Attention of one query: scores against its keys, softmax over all of them, weighted sum of the values.
#pragma once

#include "kernels.h"
#include "rows.h"
#include "vector.h"

namespace nightingale::INSTRUCTION_SET {

inline float dot(const float* a, const float* b, int width) {
  Floats total = broadcast(0.0f);
  for_each_vector(width, [&](auto place) INLINE { total = fma(place.read(a), place.read(b), total); });
  return reduce_add(total);
}

inline void score_keys(const HeadAttention& head, const float* keys, ptrdiff_t stride, int count, float* scores) {
  for (int j = 0; j < count; ++j) {
    scores[j] = dot(head.query, keys + j * stride, head.dim) * head.scale;
  }
}

inline void score_keys_by_position(const HeadAttention& head, float* scores) {
  for (int j = 0; j < head.count; ++j) {
    const float content = dot(head.query, head.keys + j * head.key_stride, head.dim);
    const float position = dot(head.position_query, head.positions + j * head.position_stride, head.dim);
    scores[j] = (content + position) * head.scale;
  }
}

// Adds weighted values to VECTORS independent sums, so that each hides the latency of the others.
template <int VECTORS, class Place>
INLINE inline void add_weighted(
    Floats (&total)[VECTORS], const float* values, ptrdiff_t stride, const float* weights, int count, Place place) {
  for (int j = 0; j < count; ++j, values += stride) {
    const Floats weight = broadcast(weights[j]);
    UNROLL
    for (int v = 0; v < VECTORS; ++v) {
      total[v] = fma(weight, place.read(values + v * kLanes), total[v]);
    }
  }
}

// VECTORS vectors of the result, from `place` on.
template <int VECTORS, class Place>
INLINE inline void write_weighted_sum(const HeadAttention& head, Place place, Floats scale) {
  Floats total[VECTORS] = {};
  add_weighted(total, head.kept_values, head.dim, head.scores, head.num_kept, place);
  add_weighted(total, head.values, head.value_stride, head.scores + head.num_kept, head.count, place);
  for (int v = 0; v < VECTORS; ++v) {
    place.write(head.out + v * kLanes, total[v] * scale);
  }
}

inline void attend(const HeadAttention& head) {
  float* newest = head.scores + head.num_kept;
  score_keys(head, head.kept_keys, head.dim, head.num_kept, head.scores);
  for (int j = 0; j < head.num_kept; ++j) {
    head.scores[j] += head.kept_bias[j];
  }
  if (head.position_query == nullptr) {
    score_keys(head, head.keys, head.key_stride, head.count, newest);
  } else {
    score_keys_by_position(head, newest);
  }
  const Floats scale = broadcast(1.0f / softmax_numerators(head.scores, head.num_kept + head.count));
  int at = 0;
  for (; at + 4 * kLanes <= head.dim; at += 4 * kLanes) {
    write_weighted_sum<4>(head, WholeVector{at}, scale);
  }
  for (; at + kLanes <= head.dim; at += kLanes) {
    write_weighted_sum<1>(head, WholeVector{at}, scale);
  }
  if (at < head.dim) {
    write_weighted_sum<1>(head, PartVector{at, head.dim - at}, scale);
  }
}

}  // namespace nightingale::INSTRUCTION_SET
