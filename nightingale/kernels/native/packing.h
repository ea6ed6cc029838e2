// Weights laid out for the kernels: panels of float32, or blocks of quantized integers. Product has the layouts.
#pragma once

#include "arrays.h"
#include "simd/kernels.h"

namespace nightingale {

// How a packed matrix (outputs, inputs) is stored.
struct Packing {
  int inputs;
  int outputs;
  int bits;        // of a weight; 0: float32 in panels
  int group_size;  // inputs that share a scale and an offset
};

// 32-bit words of one block of kBlock outputs.
size_t block_words(const Packing& packing);

// Throws std::invalid_argument unless an array has the size of a matrix in this packing, or of one for each tap.
void require_packed(const mx::array& weights, const Packing& packing, int taps = 1);

}  // namespace nightingale
