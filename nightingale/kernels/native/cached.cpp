// Attention to what a key-value cache holds, and how keys and values are stored in few bits.
#include "cached.h"

#include <algorithm>
#include <cmath>

#include "pool.h"
#include "primitives.h"
#include "routines.h"

namespace nightingale {
namespace {

// Bits of each value in rows of so many words, 0 if none fit.
int bits_of(int words, int dim) {
  for (const int bits : {4, 8}) {
    if (dim * bits % 32 == 0 && words == 2 * packed_words(dim, bits)) {
      return bits;
    }
  }
  return 0;
}

// Keys and values (B, K, L, D) -> rows (B, K, L, 2 * packed_words).
class Compress : public CpuPrimitive {
 public:
  Compress(mx::Stream stream, int bits) : CpuPrimitive(stream), bits_(bits) {}
  const char* name() const override { return "Compress"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    mx::array& out = outputs[0];
    out.set_data(mx::allocator::malloc(out.nbytes()));
    uint32_t* words = out.data<uint32_t>();
    const float *keys = inputs[0].data<float>(), *values = inputs[1].data<float>();
    const int dim = inputs[0].shape(3), rows = static_cast<int>(inputs[0].size()) / dim;
    mx::cpu::get_command_encoder(stream()).dispatch([=, bits = bits_] {
      const ptrdiff_t width = packed_words(dim, bits);
      const int tasks = (rows + kRowsAtOnce - 1) / kRowsAtOnce;
      parallel(tasks, [&](int task) {
        const int end = std::min(rows, (task + 1) * kRowsAtOnce);
        for (ptrdiff_t row = static_cast<ptrdiff_t>(task) * kRowsAtOnce; row < end; ++row) {
          routines().compress(keys + row * dim, words + 2 * row * width, dim, bits);
          routines().compress(values + row * dim, words + (2 * row + 1) * width, dim, bits);
        }
      });
    });
  }

 private:
  static constexpr int kRowsAtOnce = 64;  // less is not worth a thread
  int bits_;
};

}  // namespace

Cached::Place Cached::place(const mx::array& a) {
  if (a.strides()[3] != 1) {
    throw std::runtime_error("what a cache holds must have its last axis in one piece");
  }
  return {a.data<void>(), a.strides()[0], a.strides()[1], a.strides()[2]};
}

Cached::Cached(const mx::array* buffers, size_t count, int positions, int heads, int dim)
    : heads_(heads), dim_(dim), batches_(buffers[0].shape(0)), kv_heads_(buffers[0].shape(1)), positions_(positions),
      first_(place(buffers[0])) {
  if (count == 1) {
    bits_ = bits_of(buffers[0].shape(3), dim);
  } else {
    second_ = place(buffers[1]);
  }
  if (count == 6) {
    for (size_t i = 2; i < count; ++i) {  // mx::contiguous would be a node for each, every token
      if (!buffers[i].flags().row_contiguous && buffers[i].size() > 1) {
        throw std::runtime_error("kept rows and their tables must be in one piece");
      }
    }
    kept_keys_ = buffers[2].data<float>();
    kept_values_ = buffers[3].data<float>();
    num_kept_ = buffers[2].shape(1);
    kept_bias_ = buffers[4].data<float>();
    starts_ = buffers[5].data<int32_t>();
  }
}

Cached::Cached(const std::vector<mx::array>& inputs, size_t first, int heads, int dim)
    : Cached(&inputs[first], inputs.size() - first, inputs[first].shape(2), heads, dim) {}

void Cached::attend(const float* queries, int rows, float* out) const {
  const int shared = heads_ / kv_heads_, length = rows / batches_;  // query heads that read the same keys
  parallel(rows * heads_, [&](int task) {
    const int row = task / heads_, head = task % heads_ / shared, batch = row / length;
    const int count = positions_ - length + row % length + 1;  // a position sees those up to itself
    thread_local std::vector<float> scratch;
    if (const size_t needed = static_cast<size_t>(positions_) + num_kept_; scratch.size() < needed) {
      scratch.resize(needed);
    }
    const ptrdiff_t at = static_cast<ptrdiff_t>(task) * dim_;
    if (bits_ != 0) {
      attend_packed(queries + at, batch, head, count, scratch.data(), out + at);
    } else {
      attend_floats(queries + at, batch, head, count, scratch.data(), out + at);
    }
  });
}

void Cached::attend_packed(const float* query, int batch, int head, int count, float* scratch, float* out) const {
  PackedLookup lookup{};
  lookup.query = query;
  lookup.rows = first_.at<uint32_t>(batch, head);
  lookup.stride = first_.row;
  lookup.count = count;
  lookup.head_dim = dim_;
  lookup.bits = bits_;
  lookup.scale = 1.0f / std::sqrt(static_cast<float>(dim_));
  lookup.scratch = scratch;
  lookup.out = out;
  routines().attend_packed(lookup);
}

void Cached::attend_floats(const float* query, int batch, int head, int count, float* scratch, float* out) const {
  Lookup lookup{};
  lookup.query = query;
  lookup.keys = first_.at<float>(batch, head);
  lookup.values = second_.at<float>(batch, head);
  lookup.key_stride = first_.row;
  lookup.value_stride = second_.row;
  if (starts_ != nullptr) {
    const ptrdiff_t kept = (static_cast<ptrdiff_t>(batch) * num_kept_ + starts_[head]) * dim_;
    lookup.kept_keys = kept_keys_ + kept;
    lookup.kept_values = kept_values_ + kept;
    lookup.kept_bias = kept_bias_ + starts_[head];
    lookup.num_kept = starts_[head + 1] - starts_[head];
  }
  lookup.count = count;
  lookup.head_dim = dim_;
  lookup.scale = 1.0f / std::sqrt(static_cast<float>(dim_));
  lookup.scratch = scratch;
  lookup.out = out;
  routines().attend(lookup);
}

void Cached::require_form(const std::vector<mx::array>& stored, int rows, int heads, int kv_heads, int dim) {
  require(stored.size() == 1 || stored.size() == 2 || stored.size() == 6, "a cache holds 1, 2 or 6 arrays");
  const mx::array& newest = stored[0];
  require(newest.ndim() == 4 && newest.size() > 0, "keys must be (B, heads, S, D)");
  require(newest.shape(1) == kv_heads && kv_heads > 0 && heads % kv_heads == 0, "heads do not fit");
  require(rows % newest.shape(0) == 0 && rows / newest.shape(0) <= newest.shape(2), "there are fewer keys than queries");
  if (stored.size() == 1) {
    const bool fits = dim <= kMostPackedDims && bits_of(newest.shape(3), dim) != 0;
    require(newest.dtype() == mx::uint32 && fits, "rows must be words of 4 or 8 bits a value");
    return;
  }
  for (size_t i = 0; i < std::min<size_t>(stored.size(), 5); ++i) {
    require(stored[i].dtype() == mx::float32, "keys and values must be float32");
  }
  require(newest.shape(3) == dim && stored[1].shape() == newest.shape(), "keys and values must have one shape");
  if (stored.size() == 6) {
    const mx::Shape& kept = stored[2].shape();
    require(kept.size() == 3 && kept[0] == newest.shape(0) && kept[2] == dim, "kept keys must be (B, T, D)");
    require(stored[3].shape() == kept, "kept keys and values must have one shape");
    require(stored[4].shape() == mx::Shape{kept[1]}, "the bias must be (T,)");
    require(stored[5].dtype() == mx::int32 && stored[5].shape() == mx::Shape{kv_heads + 1}, "starts must be (heads + 1,)");
  }
}

mx::array compress(const mx::array& keys, const mx::array& values, int bits) {
  require(keys.dtype() == mx::float32 && values.dtype() == mx::float32, "keys and values must be float32");
  require(keys.ndim() == 4 && keys.shape() == values.shape(), "keys and values must be (B, heads, L, D)");
  const int dim = keys.shape(3);
  require((bits == 4 || bits == 8) && dim > 0 && dim * bits % 32 == 0, "values are stored in 4 or 8 bits, whole words");
  const mx::Shape shape{keys.shape(0), keys.shape(1), keys.shape(2), 2 * packed_words(dim, bits)};
  auto primitive = std::make_shared<Compress>(cpu_stream(), bits);
  return mx::array(shape, mx::uint32, primitive, {mx::contiguous(keys), mx::contiguous(values)});
}

}  // namespace nightingale
