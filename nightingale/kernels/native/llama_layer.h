// One Llama layer on plain pointers: RMS norm, grouped-query attention with rotary embedding, SwiGLU.
#pragma once

#include "kv_cache.h"
#include "matmul.h"

namespace nightingale {

struct LlamaLayer {
  const float* input_norm;
  Matrix qkv;  // queries, keys, values: (heads + 2 * kv_heads) * D outputs
  Matrix o;
  const float* post_norm;
  Matrix gate_up;  // gates, then the values that they scale
  Matrix down;
  int heads, kv_heads;
  float eps;
};

// Rotary angles of the new positions: cosines and sines (length, dim), the sines of the first half negated.
struct RotaryAngles {
  const float *cosines, *sines;
  int length, dim;
};

// Norm, projection and rotation: x (rows, hidden) -> queries (rows, heads * D); keys and values go to the cache.
// Uses input_norm, qkv, heads, kv_heads and eps of the layer.
void project_qkv(
    const LlamaLayer& layer, const float* x, int rows, const RotaryAngles& angles, float* queries,
    const CacheWriter& cache);

// Attention, projection and SwiGLU with both residuals: x (rows, hidden) and queries -> y (rows, hidden); y may be x.
// Uses o, post_norm, gate_up, down and eps of the layer.
void attend_and_transform(
    const LlamaLayer& layer, const float* x, const float* queries, int rows, const CacheView& cache, float* y);

}  // namespace nightingale
