// Packing of matrices, and products with packed ones.
#include <cstring>

#include "arrays.h"
#include "multiply.h"
#include "pool.h"
#include "primitives.h"

namespace nightingale {
namespace {

int divide_up(int a, int b) { return (a + b - 1) / b; }

class PackPanels : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;
  const char* name() const override { return "PackPanels"; }
  bool is_equivalent(const mx::Primitive&) const override { return true; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    Rows w(inputs[0]);
    mx::cpu::get_command_encoder(stream()).dispatch([w, y]() mutable {
      const float* x = w.data();
      const int rows = w.rows(), width = w.width();
      parallel(divide_up(rows, kPanel), [&](int panel) {
        float* to = y + static_cast<ptrdiff_t>(panel) * width * kPanel;
        const int first = panel * kPanel, count = std::min(kPanel, rows - first);
        if (count < kPanel) {
          std::memset(to, 0, sizeof(float) * width * kPanel);
        }
        constexpr int kStrip = 16;  // as much of 32 rows as stays in the nearest cache
        for (int begin = 0; begin < width; begin += kStrip) {
          for (int i = 0; i < count; ++i) {
            const float* from = x + (first + i) * w.row_stride();
            for (int k = begin; k < std::min(begin + kStrip, width); ++k) {
              to[static_cast<ptrdiff_t>(k) * kPanel + i] = from[k];
            }
          }
        }
      });
    });
  }
};

// One row's integers: so many bits each, one after the other, lowest first.
class Bits {
 public:
  Bits(const uint32_t* words, int bits) : words_(words), bits_(bits) {}
  uint32_t operator[](int i) const {
    const int bit = i * bits_, word = bit / 32, shift = bit % 32;
    uint64_t both = words_[word];
    if (shift + bits_ > 32) {
      both |= static_cast<uint64_t>(words_[word + 1]) << 32;
    }
    return static_cast<uint32_t>(both >> shift) & ((1u << bits_) - 1);
  }

 private:
  const uint32_t* words_;
  int bits_;
};

class PackBlocks : public CpuPrimitive {
 public:
  PackBlocks(mx::Stream stream, Packing packing) : CpuPrimitive(stream), packing_(packing) {}
  const char* name() const override { return "PackBlocks"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    auto* y = reinterpret_cast<uint32_t*>(allocate(outputs[0]));
    const auto* words = inputs[0].data<uint32_t>();
    const auto *scales = inputs[1].data<float>(), *biases = inputs[2].data<float>();
    mx::cpu::get_command_encoder(stream()).dispatch([words, scales, biases, y, p = packing_] {
      const size_t size = block_words(p.inputs, p.bits, p.group);
      const int groups = p.inputs / p.group, row_words = p.inputs / 32 * p.bits;
      parallel(divide_up(p.outputs, kBlock), [&](int block) {
        uint32_t* to = y + block * size;
        std::memset(to, 0, size * sizeof(uint32_t));
        const ptrdiff_t group_size = size / groups;
        for (int i = 0; i < std::min(kBlock, p.outputs - block * kBlock); ++i) {
          const ptrdiff_t row = block * kBlock + i;
          const Bits values(words + row * row_words, p.bits);
          for (int g = 0; g < groups; ++g) {
            pack_group(values, g, p, to + g * group_size + i);
            std::memcpy(to + (g + 1) * group_size - 2 * kBlock + i, scales + row * groups + g, sizeof(float));
            std::memcpy(to + (g + 1) * group_size - kBlock + i, biases + row * groups + g, sizeof(float));
          }
        }
      });
    });
  }

 private:
  static void pack_group(const Bits& values, int group, const Packing& p, uint32_t* to) {
    const int fields = 32 / p.bits;
    for (int k = 0; k < p.group; k += fields, to += kBlock) {
      uint32_t word = 0;
      for (int f = 0; f < fields && k + f < p.group; ++f) {
        word |= values[group * p.group + k + f] << (f * p.bits);
      }
      *to = word;
    }
  }

  Packing packing_;
};

class Unpack : public CpuPrimitive {
 public:
  Unpack(mx::Stream stream, Packing packing) : CpuPrimitive(stream), packing_(packing) {}
  const char* name() const override { return "Unpack"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const auto* words = inputs[0].data<uint32_t>();
    const auto *scales = inputs[1].data<float>(), *biases = inputs[2].data<float>();
    mx::cpu::get_command_encoder(stream()).dispatch([words, scales, biases, y, p = packing_] {
      const int groups = p.inputs / p.group, row_words = p.inputs / 32 * p.bits;
      const int at_once = std::max(1, 16384 / p.inputs);
      parallel(divide_up(p.outputs, at_once), [&](int task) {
        for (ptrdiff_t row = task * at_once; row < std::min((task + 1) * at_once, p.outputs); ++row) {
          const Bits values(words + row * row_words, p.bits);
          for (int g = 0; g < groups; ++g) {
            const float scale = scales[row * groups + g], bias = biases[row * groups + g];
            float* to = y + row * p.inputs + g * p.group;
            for (int k = 0; k < p.group; ++k) {
              to[k] = scale * static_cast<float>(values[g * p.group + k]) + bias;
            }
          }
        }
      });
    });
  }

 private:
  Packing packing_;
};

// The sizes of mlx's quantized matrix, and its parts in one piece each.
std::pair<Packing, std::vector<mx::array>> quantized(
    const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits) {
  require(weight.ndim() == 2 && weight.dtype() == mx::uint32 && scales.ndim() == 2, "weight must be uint32 (out, words)");
  require(bits == 2 || bits == 3 || bits == 4 || bits == 5 || bits == 6 || bits == 8, "bits must be 2 to 6 or 8");
  require(scales.shape() == biases.shape() && scales.shape(0) == weight.shape(0), "scales and biases must fit weight");
  require(weight.size() > 0 && scales.size() > 0, "nothing is quantized");
  const int inputs = weight.shape(1) * 32 / bits, group = inputs / scales.shape(1);
  require(weight.shape(1) * 32 % bits == 0 && inputs % scales.shape(1) == 0, "bits or scales do not fit weight");
  require(group % 32 == 0, "a group must have a multiple of 32 weights");
  return {
      {inputs, weight.shape(0), bits, group},
      {mx::contiguous(weight), mx::contiguous(mx::astype(scales, mx::float32)),
       mx::contiguous(mx::astype(biases, mx::float32))}};
}

class Multiply : public CpuPrimitive {
 public:
  Multiply(mx::Stream stream, Packing packing, int taps, int dilation, bool bias, bool residual)
      : CpuPrimitive(stream), packing_(packing), taps_(taps), dilation_(dilation), bias_(bias), residual_(residual) {}
  const char* name() const override { return "PackedMultiply"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    if (outputs[0].size() == 0) {
      return;
    }
    Product p{};
    p.taps = taps_;
    p.inputs = packing_.inputs;
    p.outputs = packing_.outputs;
    p.weights = inputs[1].data<void>();
    p.bits = packing_.bits;
    p.group = packing_.group;
    p.y_stride = packing_.outputs;
    p.bias = bias_ ? inputs[2].data<float>() : nullptr;
    Rows x(inputs[0]), residual(inputs[residual_ ? inputs.size() - 1 : 0]);
    mx::cpu::get_command_encoder(stream()).dispatch(
        [x, residual, p, y, dilation = dilation_, adds = residual_]() mutable {
          const float* from = x.data();
          const float* added = adds ? residual.data() : nullptr;
          p.x_stride = x.row_stride();
          p.tap_stride = dilation * p.x_stride;
          p.residual_stride = residual.row_stride();
          int batches = x.batches(), rows = x.rows() - (p.taps - 1) * dilation;
          if (p.taps == 1 && x.flat() && (!adds || residual.flat())) {
            rows *= batches;
            batches = 1;
          }
          for (int b = 0; b < batches; ++b) {
            p.x = from + b * x.batch_stride();
            p.residual = adds ? added + b * residual.batch_stride() : nullptr;
            p.y = y + static_cast<ptrdiff_t>(b) * rows * p.outputs;
            multiply(p, rows);
          }
        });
  }

 private:
  Packing packing_;
  int taps_, dilation_;
  bool bias_, residual_;
};

}  // namespace

mx::array pack_panels(const mx::array& weight) {
  require(weight.ndim() == 2 && weight.dtype() == mx::float32 && weight.size() > 0, "weight must be float32 (out, in)");
  const int panels = divide_up(weight.shape(0), kPanel);
  auto primitive = std::make_shared<PackPanels>(cpu_stream());
  return mx::array(mx::Shape{panels, weight.shape(1), kPanel}, mx::float32, primitive, {weight});
}

mx::array pack_blocks(const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits) {
  auto [packing, parts] = quantized(weight, scales, biases, bits);
  const size_t words = block_words(packing.inputs, bits, packing.group);
  auto primitive = std::make_shared<PackBlocks>(cpu_stream(), packing);
  const mx::Shape shape{divide_up(packing.outputs, kBlock), static_cast<int>(words)};
  return mx::array(shape, mx::uint32, primitive, std::move(parts));
}

mx::array unpack(const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits) {
  auto [packing, parts] = quantized(weight, scales, biases, bits);
  auto primitive = std::make_shared<Unpack>(cpu_stream(), packing);
  return mx::array(mx::Shape{packing.outputs, packing.inputs}, mx::float32, primitive, std::move(parts));
}

mx::array multiply(
    const mx::array& x, const mx::array& weights, const Packing& packing, int taps, int dilation,
    const std::optional<mx::array>& bias, const std::optional<mx::array>& residual) {
  require(x.dtype() == mx::float32 && x.ndim() >= 2 && x.shape(-1) == packing.inputs, "x must be float32 (..., inputs)");
  require(taps >= 1 && dilation >= 1 && (taps == 1 || (packing.bits == 0 && x.ndim() <= 3)), "taps do not fit x");
  mx::Shape shape = x.shape();
  shape[shape.size() - 2] -= (taps - 1) * dilation;
  shape[shape.size() - 1] = packing.outputs;
  require(shape[shape.size() - 2] >= 0, "x is shorter than the context");
  const size_t words = packing.bits == 0
      ? static_cast<size_t>(divide_up(packing.outputs, kPanel)) * kPanel * packing.inputs * taps
      : divide_up(packing.outputs, kBlock) * block_words(packing.inputs, packing.bits, packing.group);
  require(weights.size() == words && weights.itemsize() == 4, "weights are not packed so");
  std::vector<mx::array> inputs{x, weights};
  if (bias) {
    require(bias->size() == static_cast<size_t>(packing.outputs) && bias->dtype() == mx::float32, "bias does not fit");
    inputs.push_back(mx::contiguous(*bias));
  }
  if (residual) {
    require(residual->shape() == shape && residual->dtype() == mx::float32, "residual must have the product's shape");
    inputs.push_back(*residual);
  }
  auto primitive = std::make_shared<Multiply>(cpu_stream(), packing, taps, dilation, bias.has_value(), residual.has_value());
  return mx::array(std::move(shape), mx::float32, primitive, std::move(inputs));
}

}  // namespace nightingale
