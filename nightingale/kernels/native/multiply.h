// A whole matrix product, divided among threads.
#pragma once

#include <vector>

#include "routines.h"

namespace nightingale {

// A packed matrix as a layer knows it; the numbers mean what they mean in Product.
struct Matrix {
  const void* weights;
  int inputs;
  int outputs;
  int bits;
  int group;
};

// Computes `rows` rows of a product whose fields are filled in but for group_sums.
void multiply(Product product, int rows);

// The product of rows that lie one after the other, with a residual or none.
void multiply(const Matrix& matrix, const float* x, int rows, const float* residual, float* y);

// Words of one block of 64 outputs.
size_t block_words(int inputs, int bits, int group);

}  // namespace nightingale
