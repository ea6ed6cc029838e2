// Operations on single elements or rows: activations, snake, layer norm, softmax.
#include <iterator>

#include "arrays.h"
#include "ops.h"
#include "simd/dispatch.h"
#include "threads.h"

namespace nightingale {
namespace {

constexpr int kTaskElements = 16384;  // some microseconds of work

// Calls work(first row, number of rows) for all rows of `width` elements, divided among threads.
template <class Work>
void for_rows(int rows, int width, Work work) {
  const int task_rows = std::max(1, kTaskElements / std::max(width, 1));
  parallel(divide_up(rows, task_rows), [&](int task) {
    const int first = task * task_rows;
    work(first, std::min(task_rows, rows - first));
  });
}

int num_rows(const mx::array& x) { return x.shape(-1) > 0 ? static_cast<int>(x.size() / x.shape(-1)) : 0; }

class Activate : public CpuPrimitive {
 public:
  Activate(mx::Stream stream, Activation activation) : CpuPrimitive(stream), activation_(activation) {}
  const char* name() const override { return "Activate"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const float* x = inputs[0].data<float>();
    const auto count = static_cast<ptrdiff_t>(outputs[0].size());
    enqueue([x, y, count, activation = activation_] {
      parallel(static_cast<int>((count + kTaskElements - 1) / kTaskElements), [&](int task) {
        const ptrdiff_t first = static_cast<ptrdiff_t>(task) * kTaskElements;
        kernels().activate(activation, x + first, y + first, std::min<ptrdiff_t>(kTaskElements, count - first));
      });
    });
  }

 private:
  Activation activation_;
};

class Snake : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;
  const char* name() const override { return "Snake"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const auto *x = inputs[0].data<float>(), *turns = inputs[1].data<float>(), *inverse = inputs[2].data<float>();
    enqueue([=, rows = num_rows(inputs[0]), width = inputs[0].shape(-1)] {
      for_rows(rows, width, [=](int first, int count) {
        const ptrdiff_t at = static_cast<ptrdiff_t>(first) * width;
        kernels().snake(x + at, turns, inverse, y + at, count, width);
      });
    });
  }
};

class LayerNorm : public CpuPrimitive {
 public:
  LayerNorm(mx::Stream stream, float eps) : CpuPrimitive(stream), eps_(eps) {}
  const char* name() const override { return "NativeLayerNorm"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const auto *x = inputs[0].data<float>(), *weight = inputs[1].data<float>(), *bias = inputs[2].data<float>();
    enqueue([=, rows = num_rows(inputs[0]), width = inputs[0].shape(-1), eps = eps_] {
      for_rows(rows, width, [=](int first, int count) {
        for (ptrdiff_t row = first; row < first + count; ++row) {
          kernels().layer_norm(x + row * width, weight, bias, eps, y + row * width, width);
        }
      });
    });
  }

 private:
  float eps_;
};

class Softmax : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;
  const char* name() const override { return "NativeSoftmax"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const float* x = inputs[0].data<float>();
    const float* bias = inputs.size() > 1 ? inputs[1].data<float>() : nullptr;
    enqueue([=, rows = num_rows(inputs[0]), width = inputs[0].shape(-1), period = inputs[0].shape(-2)] {
      for_rows(rows, width, [=](int first, int count) {
        for (ptrdiff_t row = first; row < first + count; ++row) {
          const float* row_bias = bias == nullptr ? nullptr : bias + row % period * width;
          kernels().softmax(x + row * width, row_bias, y + row * width, width);
        }
      });
    });
  }
};

// An array of the first input's shape.
template <class Primitive, class... Arguments>
mx::array same_shape(std::vector<mx::array> inputs, Arguments... arguments) {
  require_float32(inputs);
  const mx::Shape shape = inputs[0].shape();
  for (mx::array& input : inputs) {
    input = mx::contiguous(input);
  }
  auto primitive = std::make_shared<Primitive>(cpu_stream(), arguments...);
  return mx::array(shape, mx::float32, primitive, std::move(inputs));
}

bool fits_channels(const mx::array& a, const mx::array& x) {
  return x.ndim() >= 1 && a.size() == static_cast<size_t>(x.shape(-1));
}

}  // namespace

mx::array apply(const std::string& activation, const mx::array& x) {
  constexpr const char* kNames[] = {"exp", "silu", "gelu", "mish", "elu"};  // in the order of Activation
  const auto found = std::find(std::begin(kNames), std::end(kNames), activation);
  require(found != std::end(kNames), "there is no such activation");
  return same_shape<Activate>({x}, static_cast<Activation>(found - std::begin(kNames)));
}

mx::array snake(const mx::array& x, const mx::array& turns, const mx::array& inverse_alpha) {
  require(fits_channels(turns, x) && fits_channels(inverse_alpha, x), "alpha must have one value for each channel");
  return same_shape<Snake>({x, turns, inverse_alpha});
}

mx::array layer_norm(const mx::array& x, const mx::array& weight, const mx::array& bias, float eps) {
  require(fits_channels(weight, x) && fits_channels(bias, x), "weight and bias must have one value for each channel");
  return same_shape<LayerNorm>({x, weight, bias}, eps);
}

mx::array softmax(const mx::array& scores, const std::optional<mx::array>& bias) {
  require(scores.ndim() >= 2, "scores must be (..., rows, keys)");
  if (!bias) {
    return same_shape<Softmax>({scores});
  }
  require(bias->shape() == mx::Shape{scores.shape(-2), scores.shape(-1)}, "bias must be (rows, keys)");
  return same_shape<Softmax>({scores, *bias});
}

}  // namespace nightingale
