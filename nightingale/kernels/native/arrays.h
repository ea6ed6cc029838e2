// Reading mlx arrays as rows of floats, and the base of all our primitives.
#pragma once

#include <stdexcept>
#include <vector>

#include "mlx/backend/cpu/encoder.h"
#include "mlx/mlx.h"
#include "mlx/primitives.h"

namespace nightingale {

namespace mx = mlx::core;

class CpuPrimitive : public mx::Primitive {
 public:
  using mx::Primitive::Primitive;
  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {
    throw std::runtime_error(std::string(name()) + " runs on the CPU only");
  }
};

inline mx::Stream cpu_stream() { return mx::to_stream({}, mx::Device::cpu); }

inline void require(bool condition, const char* message) {
  if (!condition) {
    throw std::invalid_argument(message);
  }
}

inline float* allocate(mx::array& out) {
  out.set_data(mx::allocator::malloc(out.nbytes()));
  return out.data<float>();
}

// An array (..., rows, width) read in place if its rows are whole and evenly spaced, or else through a copy made when
// the work begins. Taken at evaluation: only then are strides known.
class Rows {
 public:
  explicit Rows(const mx::array& a)
      : data_(a.data<float>()), shape_(a.shape()), strides_(a.strides()), width_(a.shape(-1)) {
    rows_ = a.ndim() > 1 ? a.shape(-2) : 1;
    batches_ = a.size() == 0 ? 0 : static_cast<int>(a.size() / width_ / rows_);
    row_stride_ = width_;
    batch_stride_ = static_cast<ptrdiff_t>(rows_) * width_;
    if (a.flags().row_contiguous) {
      return;
    }
    const int n = static_cast<int>(a.ndim());
    regular_ = n <= 3 && (width_ == 1 || strides_[n - 1] == 1);
    if (regular_) {
      row_stride_ = n > 1 ? strides_[n - 2] : 0;
      batch_stride_ = n > 2 ? strides_[0] : 0;
    }
  }

  // The first row; call it where the work is done, once.
  const float* data() {
    if (!regular_) {
      copy_.reserve(static_cast<size_t>(batches_) * rows_ * width_);
      gather(data_, 0);
      return copy_.data();
    }
    return data_;
  }

  int batches() const { return batches_; }
  int rows() const { return rows_; }
  int width() const { return width_; }
  ptrdiff_t row_stride() const { return row_stride_; }
  ptrdiff_t batch_stride() const { return batch_stride_; }

  // Whether all batches' rows are one evenly spaced sequence.
  bool flat() const { return batches_ == 1 || batch_stride_ == rows_ * row_stride_; }

 private:
  void gather(const float* p, size_t axis) {
    if (axis == shape_.size()) {
      copy_.push_back(*p);
      return;
    }
    for (int i = 0; i < shape_[axis]; ++i) {
      gather(p + i * strides_[axis], axis + 1);
    }
  }

  const float* data_;
  mx::Shape shape_;
  mx::Strides strides_;
  int batches_, rows_, width_;
  ptrdiff_t row_stride_, batch_stride_;
  bool regular_ = true;
  std::vector<float> copy_;
};

}  // namespace nightingale
