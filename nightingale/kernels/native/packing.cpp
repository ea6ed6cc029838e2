// Packs weights into panels or blocks, and unpacks MLX's quantization to float32; rows are divided among threads.
#include "packing.h"

#include <cstring>

#include "ops.h"
#include "threads.h"

namespace nightingale {
namespace {

class PackPanels : public CpuPrimitive {
 public:
  using CpuPrimitive::CpuPrimitive;
  const char* name() const override { return "PackPanels"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    Rows weight(inputs[0]);
    enqueue([weight, y]() mutable {
      const float* x = weight.data();
      parallel(divide_up(weight.rows(), kPanel), [&](int panel) { pack_panel(weight, x, panel, y); });
    });
  }

 private:
  static void pack_panel(const Rows& weight, const float* x, int panel, float* y) {
    const int width = weight.width(), first = panel * kPanel, count = std::min(kPanel, weight.rows() - first);
    float* to = y + static_cast<ptrdiff_t>(panel) * width * kPanel;
    if (count < kPanel) {
      std::memset(to, 0, sizeof(float) * width * kPanel);
    }
    constexpr int kStrip = 16;  // columns at a time: 32 rows of them fit into the L1 cache
    for (int begin = 0; begin < width; begin += kStrip) {
      for (int i = 0; i < count; ++i) {
        const float* from = x + (first + i) * weight.row_stride();
        for (int k = begin; k < std::min(begin + kStrip, width); ++k) {
          to[static_cast<ptrdiff_t>(k) * kPanel + i] = from[k];
        }
      }
    }
  }
};

// A row of MLX's quantized matrix: `bits` bits for each weight without gaps, from the lowest bits of a word up.
class QuantizedRow {
 public:
  QuantizedRow(const uint32_t* words, int bits) : words_(words), bits_(bits) {}
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
    uint32_t* y = allocate<uint32_t>(outputs[0]);
    const auto* words = inputs[0].data<uint32_t>();
    const auto *scales = inputs[1].data<float>(), *biases = inputs[2].data<float>();
    enqueue([words, scales, biases, y, p = packing_] {
      const size_t size = block_words(p);
      const int groups = p.inputs / p.group_size, row_words = p.inputs / 32 * p.bits;
      parallel(divide_up(p.outputs, kBlock), [&](int block) {
        uint32_t* to = y + block * size;
        std::memset(to, 0, size * sizeof(uint32_t));
        const ptrdiff_t group_words = size / groups;
        for (int i = 0; i < std::min(kBlock, p.outputs - block * kBlock); ++i) {
          const ptrdiff_t row = block * kBlock + i;
          const QuantizedRow values(words + row * row_words, p.bits);
          for (int g = 0; g < groups; ++g) {
            uint32_t *begin = to + g * group_words + i, *end = begin + group_words;
            pack_group(values, g, p, begin);
            std::memcpy(end - 2 * kBlock, scales + row * groups + g, sizeof(float));
            std::memcpy(end - kBlock, biases + row * groups + g, sizeof(float));
          }
        }
      });
    });
  }

 private:
  static void pack_group(const QuantizedRow& values, int group, const Packing& p, uint32_t* to) {
    const int fields = 32 / p.bits;
    for (int k = 0; k < p.group_size; k += fields, to += kBlock) {
      uint32_t word = 0;
      for (int f = 0; f < fields && k + f < p.group_size; ++f) {
        word |= values[group * p.group_size + k + f] << (f * p.bits);
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
    enqueue([words, scales, biases, y, p = packing_] {
      const int groups = p.inputs / p.group_size, row_words = p.inputs / 32 * p.bits;
      const int task_rows = std::max(1, kTaskElements / p.inputs);
      parallel(divide_up(p.outputs, task_rows), [&](int task) {
        for (ptrdiff_t row = task * task_rows; row < std::min((task + 1) * task_rows, p.outputs); ++row) {
          const QuantizedRow values(words + row * row_words, p.bits);
          for (int g = 0; g < groups; ++g) {
            const float scale = scales[row * groups + g], bias = biases[row * groups + g];
            float* to = y + row * p.inputs + g * p.group_size;
            for (int k = 0; k < p.group_size; ++k) {
              to[k] = scale * static_cast<float>(values[g * p.group_size + k]) + bias;
            }
          }
        }
      });
    });
  }

 private:
  static constexpr int kTaskElements = 16384;
  Packing packing_;
};

// The sizes of MLX's quantized matrix, and its arrays, contiguous and with scales and offsets in float32.
std::pair<Packing, std::vector<mx::array>> quantized_matrix(
    const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits) {
  require(weight.ndim() == 2 && weight.dtype() == mx::uint32, "weight must be uint32 (out, words)");
  require(scales.ndim() == 2, "scales must be (out, groups)");
  require(bits == 2 || bits == 3 || bits == 4 || bits == 5 || bits == 6 || bits == 8, "bits must be 2 to 6 or 8");
  require(scales.shape() == biases.shape() && scales.shape(0) == weight.shape(0), "scales and biases must fit weight");
  require(weight.size() > 0 && scales.size() > 0, "the matrix is empty");
  const int inputs = weight.shape(1) * 32 / bits, group_size = inputs / scales.shape(1);
  require(weight.shape(1) * 32 % bits == 0 && inputs % scales.shape(1) == 0, "bits or scales do not fit weight");
  require(group_size % 32 == 0, "the group size must be a multiple of 32");
  return {
      {inputs, weight.shape(0), bits, group_size},
      {mx::contiguous(weight), mx::contiguous(mx::astype(scales, mx::float32)),
       mx::contiguous(mx::astype(biases, mx::float32))}};
}

}  // namespace

size_t block_words(const Packing& packing) {
  const int fields = 32 / packing.bits;
  const size_t group_words = divide_up(packing.group_size, fields) + 2;
  return packing.inputs / packing.group_size * group_words * kBlock;
}

void require_packed(const mx::array& weights, const Packing& p, int taps) {
  const size_t words = p.bits == 0
      ? static_cast<size_t>(divide_up(p.outputs, kPanel)) * kPanel * p.inputs * taps
      : divide_up(p.outputs, kBlock) * block_words(p);
  require(weights.size() == words && weights.itemsize() == 4, "the packed weights do not have these sizes");
}

mx::array pack_panels(const mx::array& weight) {
  require(weight.ndim() == 2 && weight.dtype() == mx::float32 && weight.size() > 0, "weight must be float32 (out, in)");
  const int panels = divide_up(weight.shape(0), kPanel);
  auto primitive = std::make_shared<PackPanels>(cpu_stream());
  return mx::array(mx::Shape{panels, weight.shape(1), kPanel}, mx::float32, primitive, {weight});
}

mx::array pack_blocks(const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits) {
  auto [packing, arrays] = quantized_matrix(weight, scales, biases, bits);
  auto primitive = std::make_shared<PackBlocks>(cpu_stream(), packing);
  const mx::Shape shape{divide_up(packing.outputs, kBlock), static_cast<int>(block_words(packing))};
  return mx::array(shape, mx::uint32, primitive, std::move(arrays));
}

mx::array unpack(const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits) {
  auto [packing, arrays] = quantized_matrix(weight, scales, biases, bits);
  auto primitive = std::make_shared<Unpack>(cpu_stream(), packing);
  return mx::array(mx::Shape{packing.outputs, packing.inputs}, mx::float32, primitive, std::move(arrays));
}

}  // namespace nightingale
