// Attention to what a key-value cache holds, in each of the ways a cache holds it.
#pragma once

#include <vector>

#include "arrays.h"

namespace nightingale {

// What a cache gave to attention, taken at evaluation: only then are strides known. Three forms:
//   keys, values (B, kv_heads, S, D);
//   rows (B, kv_heads, S, 2 * packed_words) of words: see PackedLookup;
//   keys, values, kept keys, kept values (B, T, D), bias (T,), starts (kv_heads + 1,): head h also sees kept rows
//   starts[h] .. starts[h + 1] - 1, older than all the others, and their bias is added to their scores.
class Cached {
 public:
  Cached(const std::vector<mx::array>& inputs, size_t first, int heads, int dim);
  // The same in `count` arrays, of which those of the newest may have room for more than so many positions.
  Cached(const mx::array* buffers, size_t count, int positions, int heads, int dim);

  // Queries (B * L, heads * D) -> the same; the last L positions are the queries' own.
  void attend(const float* queries, int rows, float* out) const;

  // Of each value in rows of words; 0 for floats.
  int bits() const { return bits_; }

  // Throws unless `stored` is one of the forms and fits `rows` queries of so many heads and dimensions.
  static void require_form(const std::vector<mx::array>& stored, int rows, int heads, int kv_heads, int dim);

 private:
  struct Place {
    const void* data = nullptr;
    ptrdiff_t batch = 0, head = 0, row = 0;  // strides
    template <class T>
    const T* at(int b, int h) const {
      return static_cast<const T*>(data) + b * batch + h * head;
    }
  };
  static Place place(const mx::array& a);
  void attend_packed(const float* query, int batch, int head, int count, float* scratch, float* out) const;
  void attend_floats(const float* query, int batch, int head, int count, float* scratch, float* out) const;

  int heads_, dim_, batches_, kv_heads_, positions_, bits_ = 0, num_kept_ = 0;
  Place first_, second_;
  const float *kept_keys_ = nullptr, *kept_values_ = nullptr, *kept_bias_ = nullptr;
  const int32_t* starts_ = nullptr;
};

}  // namespace nightingale
