// Functions of each element, of each row, and softmax.
#include <algorithm>

#include "arrays.h"
#include "pool.h"
#include "primitives.h"
#include "routines.h"

namespace nightingale {
namespace {

constexpr int kElementsAtOnce = 16384;  // of a task: some microseconds

// Calls work(first row, rows) over all rows of `width` elements.
template <class Work>
void divide_rows(int rows, int width, Work work) {
  const int at_once = std::max(1, kElementsAtOnce / std::max(width, 1));
  parallel((rows + at_once - 1) / at_once, [&](int task) {
    const int first = task * at_once;
    work(first, std::min(at_once, rows - first));
  });
}

class Apply : public CpuPrimitive {
 public:
  Apply(mx::Stream stream, Function function) : CpuPrimitive(stream), function_(function) {}
  const char* name() const override { return "Apply"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const float* x = inputs[0].data<float>();
    const auto count = static_cast<ptrdiff_t>(outputs[0].size());
    mx::cpu::get_command_encoder(stream()).dispatch([x, y, count, function = function_] {
      parallel(static_cast<int>((count + kElementsAtOnce - 1) / kElementsAtOnce), [&](int task) {
        const ptrdiff_t first = static_cast<ptrdiff_t>(task) * kElementsAtOnce;
        routines().apply(function, x + first, y + first, std::min<ptrdiff_t>(kElementsAtOnce, count - first));
      });
    });
  }

 private:
  Function function_;
};

class Snake : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;
  const char* name() const override { return "Snake"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const auto *x = inputs[0].data<float>(), *turns = inputs[1].data<float>(), *inverse = inputs[2].data<float>();
    const int width = inputs[0].shape(-1), rows = width > 0 ? static_cast<int>(inputs[0].size() / width) : 0;
    mx::cpu::get_command_encoder(stream()).dispatch([=] {
      divide_rows(rows, width, [=](int first, int count) {
        const ptrdiff_t at = static_cast<ptrdiff_t>(first) * width;
        routines().snake(x + at, turns, inverse, y + at, count, width);
      });
    });
  }
};

class LayerNorm : public CpuPrimitive {
 public:
  LayerNorm(mx::Stream stream, float eps) : CpuPrimitive(stream), eps_(eps) {}
  const char* name() const override { return "PackedLayerNorm"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const auto *x = inputs[0].data<float>(), *weight = inputs[1].data<float>(), *bias = inputs[2].data<float>();
    const int width = inputs[0].shape(-1), rows = width > 0 ? static_cast<int>(inputs[0].size() / width) : 0;
    mx::cpu::get_command_encoder(stream()).dispatch([=, eps = eps_] {
      divide_rows(rows, width, [=](int first, int count) {
        for (ptrdiff_t row = first; row < first + count; ++row) {
          routines().layer_norm(x + row * width, weight, bias, eps, y + row * width, width);
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
  const char* name() const override { return "BiasedSoftmax"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const float* x = inputs[0].data<float>();
    const float* bias = inputs.size() > 1 ? inputs[1].data<float>() : nullptr;
    const int width = inputs[0].shape(-1), rows = width > 0 ? static_cast<int>(inputs[0].size() / width) : 0;
    const int period = inputs[0].shape(-2);
    mx::cpu::get_command_encoder(stream()).dispatch([=] {
      divide_rows(rows, width, [=](int first, int count) {
        for (ptrdiff_t row = first; row < first + count; ++row) {
          const float* added = bias == nullptr ? nullptr : bias + row % period * width;
          routines().softmax(x + row * width, added, y + row * width, width);
        }
      });
    });
  }
};

template <class Kind, class... Arguments>
mx::array same_shape(std::vector<mx::array> inputs, Arguments... arguments) {
  const mx::Shape shape = inputs[0].shape();
  for (mx::array& input : inputs) {
    require(input.dtype() == mx::float32, "all arrays must be float32");
    input = mx::contiguous(input);
  }
  auto primitive = std::make_shared<Kind>(cpu_stream(), arguments...);
  return mx::array(shape, mx::float32, primitive, std::move(inputs));
}

bool is_row(const mx::array& a, const mx::array& x) {
  return x.ndim() >= 1 && a.size() == static_cast<size_t>(x.shape(-1));
}

}  // namespace

mx::array apply(const std::string& function, const mx::array& x) {
  constexpr const char* kNames[] = {"exp", "silu", "gelu", "mish", "elu"};
  const auto found = std::find(std::begin(kNames), std::end(kNames), function);
  require(found != std::end(kNames), "no such function");
  return same_shape<Apply>({x}, static_cast<Function>(found - std::begin(kNames)));
}

mx::array snake(const mx::array& x, const mx::array& turns, const mx::array& inverse_alpha) {
  require(is_row(turns, x) && is_row(inverse_alpha, x), "one alpha for each channel is needed");
  return same_shape<Snake>({x, turns, inverse_alpha});
}

mx::array layer_norm(const mx::array& x, const mx::array& weight, const mx::array& bias, float eps) {
  require(is_row(weight, x) && is_row(bias, x), "weight and bias do not fit x");
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
