// A layer's key-value cache as the kernels see it: attention to its arrays, and writing new positions into them.
#pragma once

#include <vector>

#include "arrays.h"

namespace nightingale {

// The arrays that a cache gives to attention, in one of three forms:
//   1 array: quantized rows (B, kv_heads, S, 2 * quantized_words), see QuantizedHeadAttention;
//   2 arrays: keys and values (B, kv_heads, S, D);
//   6 arrays: the same two, kept keys and kept values (B, T, D), bias (T,) and starts (kv_heads + 1,). Head h also
//     attends to kept rows starts[h] .. starts[h + 1] - 1, which are older than all others, with their bias added to
//     the scores.
// Make it in eval_cpu, not before: strides are undefined until then.
class CacheView {
 public:
  CacheView(const std::vector<mx::array>& inputs, size_t first, int heads, int dim);
  // `count` arrays, of which only the first `positions` positions are read.
  CacheView(const mx::array* arrays, size_t count, int positions, int heads, int dim);

  // Causal attention of queries (B * L, heads * D), which are the last L positions -> (B * L, heads * D).
  void attend(const float* queries, int rows, float* out) const;

  // Of a quantized value; 0 for float32.
  int bits() const { return bits_; }

  // Throws std::invalid_argument unless the arrays have one of the forms and fit `rows` queries.
  static void require_form(const std::vector<mx::array>& arrays, int rows, int heads, int kv_heads, int dim);

 private:
  struct Buffer {
    const void* data = nullptr;
    ptrdiff_t batch = 0, head = 0, row = 0;  // strides
    template <class T>
    const T* at(int b, int h) const {
      return static_cast<const T*>(data) + b * batch + h * head;
    }
  };
  static Buffer buffer(const mx::array& a);
  void attend_quantized(const float* query, int batch, int head, int count, float* scores, float* out) const;
  void attend_float32(const float* query, int batch, int head, int count, float* scores, float* out) const;

  int heads_, dim_, batches_, kv_heads_, positions_, bits_ = 0, num_kept_ = 0;
  Buffer first_, second_;  // keys and values, or quantized rows
  const float *kept_keys_ = nullptr, *kept_values_ = nullptr, *kept_bias_ = nullptr;
  const int32_t* starts_ = nullptr;
};

// Where the keys and values of new positions are written, from the first of them on. The positions of a head are
// contiguous.
struct CacheWriter {
  float *keys = nullptr, *values = nullptr;  // if bits is 0
  ptrdiff_t batch = 0, head = 0;             // strides
  uint32_t* rows = nullptr;                  // otherwise quantized rows of so many words
  int bits = 0, row_words = 0;
  float* queries = nullptr;  // ring buffer (B, ring, heads * D): new position p goes to row (first + p) % ring
  int ring = 0, first = 0;   // no queries are kept if ring is 0

  void write(int batch_index, int head_index, int position, const float* key, const float* value, int dim) const;
  void write_queries(int batch_index, int position, const float* from, int width) const;
};

}  // namespace nightingale
