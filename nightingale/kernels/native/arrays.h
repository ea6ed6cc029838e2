// Helpers for the primitives: a base class, checks of arguments, memory, and arrays read as rows of floats.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <utility>
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

 protected:
  // Runs a function on the stream's thread, after what was enqueued before. The arrays it uses stay alive until then.
  template <class F>
  void enqueue(F&& function) {
    mx::cpu::get_command_encoder(stream()).dispatch(std::forward<F>(function));
  }
};

inline mx::Stream cpu_stream() { return mx::to_stream({}, mx::Device::cpu); }

inline void require(bool condition, const char* message) {
  if (!condition) {
    throw std::invalid_argument(message);
  }
}

inline void require_float32(const std::vector<mx::array>& arrays) {
  for (const mx::array& a : arrays) {
    require(a.dtype() == mx::float32, "all arrays must be float32");
  }
}

template <class T = float>
T* allocate(mx::array& out) {
  out.set_data(mx::allocator::malloc(out.nbytes()));
  return out.data<T>();
}

// Scratch memory of a thread, which only grows. The content is undefined.
inline float* scratch(std::vector<float>& memory, size_t count) {
  if (memory.size() < count) {
    memory.resize(count);
  }
  return memory.data();
}

inline int divide_up(int a, int b) { return (a + b - 1) / b; }

// An array (..., rows, width). It is read in place if each row is contiguous and the rows are evenly spaced, otherwise
// through a copy. Make it in eval_cpu, not before: strides are undefined until then.
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
    in_place_ = n <= 3 && (width_ == 1 || strides_[n - 1] == 1);
    if (in_place_) {
      row_stride_ = n > 1 ? strides_[n - 2] : 0;
      batch_stride_ = n > 2 ? strides_[0] : 0;
    }
  }

  // The first row. Call it once, in the enqueued function: it may copy.
  const float* data() {
    if (!in_place_) {
      copy_.reserve(static_cast<size_t>(batches_) * rows_ * width_);
      copy(data_, 0);
      return copy_.data();
    }
    return data_;
  }

  int batches() const { return batches_; }
  int rows() const { return rows_; }
  int width() const { return width_; }
  ptrdiff_t row_stride() const { return row_stride_; }
  ptrdiff_t batch_stride() const { return batch_stride_; }

  // Whether the rows of all batches together are evenly spaced.
  bool is_flat() const { return batches_ == 1 || batch_stride_ == rows_ * row_stride_; }

 private:
  void copy(const float* p, size_t axis) {
    if (axis == shape_.size()) {
      copy_.push_back(*p);
      return;
    }
    for (int i = 0; i < shape_[axis]; ++i) {
      copy(p + i * strides_[axis], axis + 1);
    }
  }

  const float* data_;
  mx::Shape shape_;
  mx::Strides strides_;
  int batches_, rows_, width_;
  ptrdiff_t row_stride_, batch_stride_;
  bool in_place_ = true;
  std::vector<float> copy_;
};

}  // namespace nightingale
