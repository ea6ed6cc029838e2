// Samples tokens as nightingale/kernels/sampling.py does in MLX's operations, with the same noise.
//
// The argmax of logits plus Gumbel noise is a sample of their softmax (the Gumbel-max trick). The noise of a token is a
// function of the key, the position and the token, so it is computed only for tokens that can still win.
#include <cmath>
#include <limits>

#include "arrays.h"
#include "ops.h"
#include "simd/dispatch.h"

namespace nightingale {
namespace {

struct Key {
  uint32_t first;
  uint32_t second;
};

// Threefry-2x32 with 20 rounds, MLX's generator (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011).
Key threefry(Key key, uint32_t first, uint32_t second) {
  constexpr int kRotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t keys[3] = {key.first, key.second, key.first ^ key.second ^ 0x1BD11BDAu};
  first += keys[0];
  second += keys[1];
  for (uint32_t i = 0; i < 5; ++i) {
    for (const int rotation : kRotations[i % 2]) {
      first += second;
      second = (second << rotation | second >> (32 - rotation)) ^ first;
    }
    first += keys[(i + 1) % 3];
    second += keys[(i + 2) % 3] + i + 1;
  }
  return {first, second};
}

// mx.random.split(key, 1)[0].
Key split(Key key) { return threefry(key, 0, 1); }

// fold_in of noise.py.
Key fold_in(Key key, uint64_t number) {
  const Key mixed = split(key);
  return split({mixed.first ^ static_cast<uint32_t>(number >> 32), mixed.second ^ static_cast<uint32_t>(number)});
}

constexpr float kMaxNoise = 17.0f;  // above the noise of the greatest uniform number below 1, which is 16.6

// Entry i of mx.random.gumbel((width,), key=key): the same bits if MLX takes its logarithms from the same library.
float gumbel(Key key, uint32_t i, uint32_t width) {
  // MLX makes entries i and half + i from one hash; of an odd number the middle entry has a hash of its own.
  const uint32_t half = width / 2, second = width - half;
  uint32_t bits;
  if (i < half) {
    bits = threefry(key, i, second + i).first;
  } else if (i < second) {
    bits = threefry(key, half, 0).first;
  } else {
    bits = threefry(key, i - second, i).second;
  }
  const float uniform = std::min(static_cast<float>(bits) * 0x1p-32f, 0x1.fffffep-1f);  // rounding must not give 1
  return -std::log(-std::log(uniform));
}

uint32_t argmax(const float* begin, const float* end, float max) {
  const float* found = std::find(begin, end, max);
  return found == end ? 0 : static_cast<uint32_t>(found - begin);  // NaN is not found
}

// The argmax with noise of the logits that are not below `floor`.
uint32_t sample(const float* begin, const float* end, float floor, Key key) {
  const auto width = static_cast<uint32_t>(end - begin);
  uint32_t best = 0;
  float most = -std::numeric_limits<float>::infinity();
  for (uint32_t i = 0; i < width; ++i) {
    if (begin[i] < floor || begin[i] + kMaxNoise < most) {
      continue;
    }
    if (const float value = begin[i] + gumbel(key, i, width); value > most) {
      most = value;
      best = i;
    }
  }
  return best;
}

class Choose : public CpuPrimitive {
 public:
  Choose(mx::Stream stream, uint64_t position, float temperature, float log_min_p, float penalty)
      : CpuPrimitive(stream), position_(position), temperature_(temperature), log_min_p_(log_min_p),
        penalty_(penalty) {}
  const char* name() const override { return "Choose"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    uint32_t* tokens = allocate<uint32_t>(outputs[0]);
    const bool greedy = temperature_ == 0.0f;
    LogitsRow row{};
    row.forbidden = inputs[1].data<uint8_t>();
    row.seen = inputs.size() > 3 ? inputs[3].data<uint8_t>() : nullptr;
    row.width = inputs[0].shape(1);
    row.penalty = penalty_;
    row.temperature = greedy ? 1.0f : temperature_;
    const uint32_t* key = inputs[2].data<uint32_t>();
    enqueue([=, logits = Rows(inputs[0]), position = position_, log_min_p = log_min_p_]() mutable {
      thread_local std::vector<float> memory;
      float* processed = scratch(memory, static_cast<size_t>(row.width));
      const float* end = processed + row.width;
      row.logits = logits.data();
      for (int i = 0; i < logits.rows(); ++i) {
        const float max = kernels().process_logits(row, processed);
        tokens[i] = greedy ? argmax(processed, end, max)
                           : sample(processed, end, max + log_min_p, fold_in({key[0], key[1]}, position + i));
        row.logits += logits.row_stride();
        row.seen += row.seen == nullptr ? 0 : row.width;
      }
    });
  }

 private:
  uint64_t position_;
  float temperature_, log_min_p_, penalty_;
};

// mx::contiguous adds a node to the graph, which for every token is too slow.
mx::array make_contiguous(const mx::array& a) {
  return a.is_available() && a.flags().row_contiguous ? a : mx::contiguous(a);
}

}  // namespace

mx::array choose(
    const mx::array& logits, const mx::array& forbidden, const mx::array& key, uint64_t position, float temperature,
    double min_p, const std::optional<mx::array>& seen, float penalty) {
  require(logits.dtype() == mx::float32 && logits.ndim() == 2 && logits.shape(1) > 0, "logits must be float32 (L, V)");
  const bool fits = forbidden.shape() == mx::Shape{logits.shape(1)};
  require(forbidden.dtype() == mx::bool_ && fits, "forbidden must be bool (V,)");
  require(key.dtype() == mx::uint32 && key.shape() == mx::Shape{2}, "key must be uint32 (2,)");
  std::vector<mx::array> inputs{logits, make_contiguous(forbidden), make_contiguous(key)};
  if (seen) {
    require(seen->dtype() == mx::bool_ && seen->shape() == logits.shape(), "seen must be bool (L, V)");
    inputs.push_back(make_contiguous(*seen));
  }
  require(penalty >= 1.0f, "the penalty must be at least 1");
  const auto log_min_p = static_cast<float>(std::log(min_p));
  auto primitive = std::make_shared<Choose>(cpu_stream(), position, temperature, log_min_p, penalty);
  return mx::array(mx::Shape{logits.shape(0)}, mx::uint32, primitive, std::move(inputs));
}

}  // namespace nightingale
