// Products with packed matrices, divided among threads.
#pragma once

#include "packing.h"
#include "simd/kernels.h"

namespace nightingale {

struct Matrix {
  const void* weights;
  Packing packing;
};

// A product with this matrix, for contiguous rows. The caller sets x, y and the optional fields.
Product make_product(const Matrix& matrix);

// Computes `rows` rows. All fields of the product are set, except group_sums.
void multiply(Product product, int rows);

// y = x @ matrix.T, plus residual unless it is null. y may be the residual.
void multiply(const Matrix& matrix, const float* x, int rows, const float* residual, float* y);

}  // namespace nightingale
