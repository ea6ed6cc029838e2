// Products are divided among threads by matmul.h, attention by kv_cache.h; the rest is little and stays on one thread.
#include "llama_layer.h"

#include "simd/dispatch.h"

namespace nightingale {

void project_qkv(
    const LlamaLayer& layer, const float* x, int rows, const RotaryAngles& angles, float* queries,
    const CacheWriter& cache) {
  thread_local std::vector<float> memory;
  const int hidden = layer.qkv.packing.inputs, width = layer.qkv.packing.outputs;
  const int dim = angles.dim, heads = layer.heads, kv_heads = layer.kv_heads;
  float* normed = scratch(memory, static_cast<size_t>(rows) * (hidden + width));
  float* qkv = normed + static_cast<ptrdiff_t>(rows) * hidden;
  for (ptrdiff_t row = 0; row < rows; ++row) {
    kernels().rms_norm(x + row * hidden, layer.input_norm, layer.eps, normed + row * hidden, hidden);
  }
  multiply(layer.qkv, normed, rows, nullptr, qkv);
  for (int row = 0; row < rows; ++row) {
    const int batch = row / angles.length, position = row % angles.length;
    float* from = qkv + static_cast<ptrdiff_t>(row) * width;
    for (int head = 0; head < heads + kv_heads; ++head) {
      kernels().rotate(from + head * dim, angles.cosines + position * dim, angles.sines + position * dim, dim);
    }
    std::copy_n(from, heads * dim, queries + static_cast<ptrdiff_t>(row) * heads * dim);
    cache.write_queries(batch, position, from, heads * dim);
    for (int head = 0; head < kv_heads; ++head) {
      const float* key = from + (heads + head) * dim;
      cache.write(batch, head, position, key, key + kv_heads * dim, dim);
    }
  }
}

void attend_and_transform(
    const LlamaLayer& layer, const float* x, const float* queries, int rows, const CacheView& cache, float* y) {
  const ptrdiff_t width = layer.o.packing.inputs, hidden = layer.o.packing.outputs, inner = layer.down.packing.inputs;
  thread_local std::vector<float> memory;
  float* attended = scratch(memory, rows * (width + 2 * hidden + 3 * inner));
  float *middle = attended + rows * width, *normed = middle + rows * hidden;
  float *gate_up = normed + rows * hidden, *gated = gate_up + rows * 2 * inner;
  cache.attend(queries, rows, attended);
  multiply(layer.o, attended, rows, x, middle);
  for (ptrdiff_t row = 0; row < rows; ++row) {
    const float* from = middle + row * hidden;
    kernels().rms_norm(from, layer.post_norm, layer.eps, normed + row * hidden, static_cast<int>(hidden));
  }
  multiply(layer.gate_up, normed, rows, nullptr, gate_up);
  for (ptrdiff_t row = 0; row < rows; ++row) {
    kernels().swiglu(gate_up + row * 2 * inner, gated + row * inner, static_cast<int>(inner));
  }
  multiply(layer.down, gated, rows, middle, y);
}

}  // namespace nightingale
