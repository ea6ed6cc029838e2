#include "multiply.h"

#include <algorithm>

#include "pool.h"

namespace nightingale {
namespace {

constexpr int kRowsAtOnce = 56;          // of a task: four full tiles of the widest instruction set
constexpr double kSmallestTask = 150e3;  // multiplications; a microsecond or two, many times what a task costs

int divide_up(int a, int b) { return (a + b - 1) / b; }

void multiply_panels(const Product& product, int rows) {
  const Routines& set = routines();
  const int panels = divide_up(product.outputs, kPanel);
  const int tall = std::min(rows, kRowsAtOnce);
  const double work = static_cast<double>(tall) * kPanel * product.inputs * product.taps;
  // Few rows go through several panels at once, or the multipliers would wait for their own results.
  const int together = tall <= 3 ? 4 : tall <= 6 ? 2 : 1;
  const int wanted = static_cast<int>(std::min(kSmallestTask / work + 1.0, 1e6));
  const int wide = std::min(panels, divide_up(wanted, together) * together);
  const int across = divide_up(panels, wide), down = divide_up(rows, kRowsAtOnce);
  parallel(across * down, [&](int task) {
    const int row = task / across * kRowsAtOnce, panel = task % across * wide;
    set.panels(product, {row, std::min(row + kRowsAtOnce, rows)}, {panel, std::min(panel + wide, panels)});
  });
}

void multiply_blocks(Product product, int rows) {
  const Routines& set = routines();
  thread_local std::vector<float> sums;
  const int groups = product.inputs / product.group;
  sums.resize(static_cast<size_t>(rows) * groups);
  for (int row = 0; row < rows; ++row) {
    set.group_sums(product.x + row * product.x_stride, product.inputs, product.group, &sums[row * groups]);
  }
  product.group_sums = sums.data();
  const int blocks = divide_up(product.outputs, kBlock);
  const double work = static_cast<double>(rows) * kBlock * product.inputs;
  const int wide = std::min(blocks, static_cast<int>(std::min(kSmallestTask / 3 / work + 1.0, 1e6)));
  parallel(divide_up(blocks, wide), [&](int task) {
    set.blocks(product, {0, rows}, {task * wide, std::min((task + 1) * wide, blocks)});
  });
}

}  // namespace

void multiply(Product product, int rows) {
  product.bits == 0 ? multiply_panels(product, rows) : multiply_blocks(product, rows);
}

void multiply(const Matrix& matrix, const float* x, int rows, const float* residual, float* y) {
  Product product{};
  product.x = x;
  product.x_stride = matrix.inputs;
  product.taps = 1;
  product.inputs = matrix.inputs;
  product.outputs = matrix.outputs;
  product.residual = residual;
  product.residual_stride = matrix.outputs;
  product.y = y;
  product.y_stride = matrix.outputs;
  product.weights = matrix.weights;
  product.bits = matrix.bits;
  product.group = matrix.group;
  multiply(product, rows);
}

size_t block_words(int inputs, int bits, int group) {
  const int fields = 32 / bits;
  return static_cast<size_t>(inputs / group) * (divide_up(group, fields) + 2) * kBlock;
}

}  // namespace nightingale
