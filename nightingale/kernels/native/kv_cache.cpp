// Each query head of each position is one task. The arithmetic is in simd/attention.h and simd/quantized_attention.h.
#include "kv_cache.h"

#include <cmath>

#include "ops.h"
#include "simd/dispatch.h"
#include "threads.h"

namespace nightingale {
namespace {

// The bits of a value in a row of so many words, 0 if there is no such form.
int bits_of(int row_words, int dim) {
  for (const int bits : {4, 8}) {
    if (dim * bits % 32 == 0 && row_words == 2 * quantized_words(dim, bits)) {
      return bits;
    }
  }
  return 0;
}

class Compress : public CpuPrimitive {
 public:
  Compress(mx::Stream stream, int bits) : CpuPrimitive(stream), bits_(bits) {}
  const char* name() const override { return "Compress"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    uint32_t* words = allocate<uint32_t>(outputs[0]);
    const float *keys = inputs[0].data<float>(), *values = inputs[1].data<float>();
    const int dim = inputs[0].shape(3), rows = static_cast<int>(inputs[0].size()) / dim;
    enqueue([=, bits = bits_] {
      const ptrdiff_t width = quantized_words(dim, bits);
      parallel(divide_up(rows, kTaskRows), [&](int task) {
        const int end = std::min(rows, (task + 1) * kTaskRows);
        for (ptrdiff_t row = static_cast<ptrdiff_t>(task) * kTaskRows; row < end; ++row) {
          kernels().quantize(keys + row * dim, words + 2 * row * width, dim, bits);
          kernels().quantize(values + row * dim, words + (2 * row + 1) * width, dim, bits);
        }
      });
    });
  }

 private:
  static constexpr int kTaskRows = 64;  // fewer take less time than it takes to hand them to a thread
  int bits_;
};

}  // namespace

CacheView::Buffer CacheView::buffer(const mx::array& a) {
  if (a.strides()[3] != 1) {
    throw std::runtime_error("the last axis of a cache's arrays must be contiguous");
  }
  return {a.data<void>(), a.strides()[0], a.strides()[1], a.strides()[2]};
}

CacheView::CacheView(const mx::array* arrays, size_t count, int positions, int heads, int dim)
    : heads_(heads), dim_(dim), batches_(arrays[0].shape(0)), kv_heads_(arrays[0].shape(1)), positions_(positions),
      first_(buffer(arrays[0])) {
  if (count == 1) {
    bits_ = bits_of(arrays[0].shape(3), dim);
  } else {
    second_ = buffer(arrays[1]);
  }
  if (count == 6) {
    for (size_t i = 2; i < count; ++i) {  // mx::contiguous would add a node to the graph for each, every token
      if (!arrays[i].flags().row_contiguous && arrays[i].size() > 1) {
        throw std::runtime_error("kept rows, their bias and their starts must be contiguous");
      }
    }
    kept_keys_ = arrays[2].data<float>();
    kept_values_ = arrays[3].data<float>();
    num_kept_ = arrays[2].shape(1);
    kept_bias_ = arrays[4].data<float>();
    starts_ = arrays[5].data<int32_t>();
  }
}

CacheView::CacheView(const std::vector<mx::array>& inputs, size_t first, int heads, int dim)
    : CacheView(&inputs[first], inputs.size() - first, inputs[first].shape(2), heads, dim) {}

void CacheView::attend(const float* queries, int rows, float* out) const {
  const int group = heads_ / kv_heads_, length = rows / batches_;  // `group` query heads share a key-value head
  parallel(rows * heads_, [&](int task) {
    const int row = task / heads_, head = task % heads_ / group, batch = row / length;
    const int count = positions_ - length + row % length + 1;  // causal: positions up to the query's own
    thread_local std::vector<float> memory;
    float* scores = scratch(memory, static_cast<size_t>(positions_) + num_kept_);
    const ptrdiff_t at = static_cast<ptrdiff_t>(task) * dim_;
    if (bits_ != 0) {
      attend_quantized(queries + at, batch, head, count, scores, out + at);
    } else {
      attend_float32(queries + at, batch, head, count, scores, out + at);
    }
  });
}

void CacheView::attend_quantized(
    const float* query, int batch, int head, int count, float* scores, float* out) const {
  QuantizedHeadAttention attention{};
  attention.query = query;
  attention.rows = first_.at<uint32_t>(batch, head);
  attention.stride = first_.row;
  attention.count = count;
  attention.dim = dim_;
  attention.bits = bits_;
  attention.scale = 1.0f / std::sqrt(static_cast<float>(dim_));
  attention.scores = scores;
  attention.out = out;
  kernels().attend_quantized(attention);
}

void CacheView::attend_float32(const float* query, int batch, int head, int count, float* scores, float* out) const {
  HeadAttention attention{};
  attention.query = query;
  attention.keys = first_.at<float>(batch, head);
  attention.values = second_.at<float>(batch, head);
  attention.key_stride = first_.row;
  attention.value_stride = second_.row;
  if (starts_ != nullptr) {
    const ptrdiff_t kept = (static_cast<ptrdiff_t>(batch) * num_kept_ + starts_[head]) * dim_;
    attention.kept_keys = kept_keys_ + kept;
    attention.kept_values = kept_values_ + kept;
    attention.kept_bias = kept_bias_ + starts_[head];
    attention.num_kept = starts_[head + 1] - starts_[head];
  }
  attention.count = count;
  attention.dim = dim_;
  attention.scale = 1.0f / std::sqrt(static_cast<float>(dim_));
  attention.scores = scores;
  attention.out = out;
  kernels().attend(attention);
}

void CacheView::require_form(const std::vector<mx::array>& arrays, int rows, int heads, int kv_heads, int dim) {
  require(arrays.size() == 1 || arrays.size() == 2 || arrays.size() == 6, "a cache has 1, 2 or 6 arrays");
  const mx::array& keys = arrays[0];
  require(keys.ndim() == 4 && keys.size() > 0, "keys must be (B, heads, S, D)");
  require(keys.shape(1) == kv_heads && kv_heads > 0 && heads % kv_heads == 0, "heads do not fit");
  require(rows % keys.shape(0) == 0 && rows / keys.shape(0) <= keys.shape(2), "there are fewer keys than queries");
  if (arrays.size() == 1) {
    const bool fits = dim <= kMaxQuantizedDim && bits_of(keys.shape(3), dim) != 0;
    require(keys.dtype() == mx::uint32 && fits, "quantized rows must be words with 4 or 8 bits a value");
    return;
  }
  for (size_t i = 0; i < std::min<size_t>(arrays.size(), 5); ++i) {
    require(arrays[i].dtype() == mx::float32, "keys and values must be float32");
  }
  require(keys.shape(3) == dim && arrays[1].shape() == keys.shape(), "keys and values must have one shape");
  if (arrays.size() == 6) {
    const mx::Shape& kept = arrays[2].shape();
    require(kept.size() == 3 && kept[0] == keys.shape(0) && kept[2] == dim, "kept keys must be (B, T, D)");
    require(arrays[3].shape() == kept, "kept keys and values must have one shape");
    require(arrays[4].shape() == mx::Shape{kept[1]}, "the bias must be (T,)");
    const bool fits = arrays[5].shape() == mx::Shape{kv_heads + 1};
    require(arrays[5].dtype() == mx::int32 && fits, "starts must be int32 (heads + 1,)");
  }
}

void CacheWriter::write(
    int batch_index, int head_index, int position, const float* key, const float* value, int dim) const {
  const ptrdiff_t at = batch_index * batch + head_index * head;
  if (bits == 0) {
    std::copy_n(key, dim, keys + at + static_cast<ptrdiff_t>(position) * dim);
    std::copy_n(value, dim, values + at + static_cast<ptrdiff_t>(position) * dim);
    return;
  }
  uint32_t* row = rows + at + static_cast<ptrdiff_t>(position) * row_words;
  kernels().quantize(key, row, dim, bits);
  kernels().quantize(value, row + row_words / 2, dim, bits);
}

void CacheWriter::write_queries(int batch_index, int position, const float* from, int width) const {
  if (ring != 0) {
    const ptrdiff_t row = static_cast<ptrdiff_t>(batch_index) * ring + (first + position) % ring;
    std::copy_n(from, width, queries + row * width);
  }
}

mx::array compress(const mx::array& keys, const mx::array& values, int bits) {
  require(keys.dtype() == mx::float32 && values.dtype() == mx::float32, "keys and values must be float32");
  require(keys.ndim() == 4 && keys.shape() == values.shape(), "keys and values must be (B, heads, L, D)");
  const int dim = keys.shape(3);
  require(bits == 4 || bits == 8, "bits must be 4 or 8");
  require(dim > 0 && dim * bits % 32 == 0, "D values must fill whole words");
  const mx::Shape shape{keys.shape(0), keys.shape(1), keys.shape(2), 2 * quantized_words(dim, bits)};
  auto primitive = std::make_shared<Compress>(cpu_stream(), bits);
  return mx::array(shape, mx::uint32, primitive, {mx::contiguous(keys), mx::contiguous(values)});
}

}  // namespace nightingale
