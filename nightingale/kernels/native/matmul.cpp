// Divides a product into tasks of a few microseconds for the threads. How it is divided does not change a result.
#include "matmul.h"

#include "ops.h"
#include "simd/dispatch.h"
#include "threads.h"

namespace nightingale {
namespace {

constexpr int kTaskRows = 56;              // four full tiles of the widest instruction set
constexpr double kMinTaskProducts = 150e3;  // a microsecond or two, many times the cost of a task

// How many units (panels or blocks) a task needs for enough work.
int units_per_task(double unit_products, double min_products) {
  return static_cast<int>(std::min(min_products / unit_products + 1.0, 1e6));
}

void multiply_panels(const Product& product, int rows) {
  const int panels = divide_up(product.outputs, kPanel);
  const int tile_rows = std::min(rows, kTaskRows);
  const double panel_products = static_cast<double>(tile_rows) * kPanel * product.inputs * product.taps;
  // The tiles of few rows are several panels wide; a task has a multiple of that.
  const int tile_panels = tile_rows <= 3 ? 4 : tile_rows <= 6 ? 2 : 1;
  const int wanted = divide_up(units_per_task(panel_products, kMinTaskProducts), tile_panels) * tile_panels;
  const int task_panels = std::min(panels, wanted);
  const int across = divide_up(panels, task_panels), down = divide_up(rows, kTaskRows);
  parallel(across * down, [&](int task) {
    const int row = task / across * kTaskRows, panel = task % across * task_panels;
    const Range some_rows{row, std::min(row + kTaskRows, rows)};
    kernels().multiply_panels(product, some_rows, {panel, std::min(panel + task_panels, panels)});
  });
}

void multiply_blocks(Product product, int rows) {
  thread_local std::vector<float> memory;
  const int groups = product.inputs / product.group_size;
  float* sums = scratch(memory, static_cast<size_t>(rows) * groups);
  for (int row = 0; row < rows; ++row) {
    kernels().group_sums(product.x + row * product.x_stride, product.inputs, product.group_size, sums + row * groups);
  }
  product.group_sums = sums;
  const int blocks = divide_up(product.outputs, kBlock);
  const double block_products = static_cast<double>(rows) * kBlock * product.inputs;
  const int task_blocks = std::min(blocks, units_per_task(block_products, kMinTaskProducts / 3));
  parallel(divide_up(blocks, task_blocks), [&](int task) {
    const int block = task * task_blocks;
    kernels().multiply_blocks(product, {0, rows}, {block, std::min(block + task_blocks, blocks)});
  });
}

class Multiply : public CpuPrimitive {
 public:
  Multiply(mx::Stream stream, Packing packing, int taps, int dilation, bool has_bias, bool has_residual)
      : CpuPrimitive(stream), packing_(packing), taps_(taps), dilation_(dilation), has_bias_(has_bias),
        has_residual_(has_residual) {}
  const char* name() const override { return "PackedMultiply"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    if (outputs[0].size() == 0) {
      return;
    }
    Product product = make_product({inputs[1].data<void>(), packing_});
    product.taps = taps_;
    product.bias = has_bias_ ? inputs[2].data<float>() : nullptr;
    Rows x(inputs[0]), residual(inputs[has_residual_ ? inputs.size() - 1 : 0]);
    enqueue([x, residual, product, y, dilation = dilation_, has_residual = has_residual_]() mutable {
      const float* from = x.data();
      const float* added = has_residual ? residual.data() : nullptr;
      product.x_stride = x.row_stride();
      product.tap_stride = dilation * product.x_stride;
      product.residual_stride = residual.row_stride();
      int batches = x.batches(), rows = x.rows() - (product.taps - 1) * dilation;
      if (product.taps == 1 && x.is_flat() && (!has_residual || residual.is_flat())) {
        rows *= batches;
        batches = 1;
      }
      for (int b = 0; b < batches; ++b) {
        product.x = from + b * x.batch_stride();
        product.residual = has_residual ? added + b * residual.batch_stride() : nullptr;
        product.y = y + static_cast<ptrdiff_t>(b) * rows * product.outputs;
        multiply(product, rows);
      }
    });
  }

 private:
  Packing packing_;
  int taps_, dilation_;
  bool has_bias_, has_residual_;
};

}  // namespace

Product make_product(const Matrix& matrix) {
  const Packing& p = matrix.packing;
  Product product{};
  product.x_stride = p.inputs;
  product.weights = matrix.weights;
  product.inputs = p.inputs;
  product.outputs = p.outputs;
  product.bits = p.bits;
  product.group_size = p.group_size;
  product.residual_stride = p.outputs;
  product.y_stride = p.outputs;
  return product;
}

void multiply(Product product, int rows) {
  product.bits == 0 ? multiply_panels(product, rows) : multiply_blocks(product, rows);
}

void multiply(const Matrix& matrix, const float* x, int rows, const float* residual, float* y) {
  Product product = make_product(matrix);
  product.x = x;
  product.residual = residual;
  product.y = y;
  multiply(product, rows);
}

mx::array multiply(
    const mx::array& x, const mx::array& weights, const Packing& packing, int taps, int dilation,
    const std::optional<mx::array>& bias, const std::optional<mx::array>& residual) {
  require(x.ndim() >= 2 && x.shape(-1) == packing.inputs, "x must be (..., rows, inputs)");
  require(x.dtype() == mx::float32, "x must be float32");
  require(taps >= 1 && dilation >= 1 && (taps == 1 || (packing.bits == 0 && x.ndim() <= 3)), "taps do not fit x");
  mx::Shape shape = x.shape();
  shape[shape.size() - 2] -= (taps - 1) * dilation;
  shape[shape.size() - 1] = packing.outputs;
  require(shape[shape.size() - 2] >= 0, "x is shorter than the convolution");
  require_packed(weights, packing, taps);
  std::vector<mx::array> inputs{x, weights};
  if (bias) {
    require(bias->size() == static_cast<size_t>(packing.outputs) && bias->dtype() == mx::float32, "bias does not fit");
    inputs.push_back(mx::contiguous(*bias));
  }
  if (residual) {
    require(residual->shape() == shape && residual->dtype() == mx::float32, "residual must have the product's shape");
    inputs.push_back(*residual);
  }
  auto primitive = std::make_shared<Multiply>(
      cpu_stream(), packing, taps, dilation, bias.has_value(), residual.has_value());
  return mx::array(std::move(shape), mx::float32, primitive, std::move(inputs));
}

}  // namespace nightingale
