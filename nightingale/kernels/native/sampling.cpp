// Chooses tokens as nightingale/sampling.py does, with the same noise, drawn only for those that can still be chosen.
#include <algorithm>
#include <cmath>
#include <limits>

#include "arrays.h"
#include "primitives.h"
#include "routines.h"

namespace nightingale {
namespace {

struct Key {
  uint32_t first;
  uint32_t second;
};

// mlx's generator: Threefry of two words and 20 rounds.
Key threefry(Key key, uint32_t first, uint32_t second) {
  constexpr int kTurns[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t keys[3] = {key.first, key.second, key.first ^ key.second ^ 0x1BD11BDAu};
  first += keys[0];
  second += keys[1];
  for (uint32_t i = 0; i < 5; ++i) {
    for (const int turn : kTurns[i % 2]) {
      first += second;
      second = (second << turn | second >> (32 - turn)) ^ first;
    }
    first += keys[(i + 1) % 3];
    second += keys[(i + 2) % 3] + i + 1;
  }
  return {first, second};
}

// mx.random.split(key, 1)[0].
Key split(Key key) { return threefry(key, 0, 1); }

// sampling.fold.
Key fold(Key key, uint64_t number) {
  const Key mixed = split(key);
  return split({mixed.first ^ static_cast<uint32_t>(number >> 32), mixed.second ^ static_cast<uint32_t>(number)});
}

constexpr float kMostNoise = 17.0f;  // of the uniform number next to 1 it is 16.6

// Entry i of mx.random.gumbel((width,), key=key), bit for bit where mlx takes its logarithms from the same library.
float gumbel(Key key, uint32_t i, uint32_t width) {
  // A hash gives one entry of each half; the middle one of an odd number has a hash to itself.
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

class Choose : public CpuPrimitive {
 public:
  Choose(mx::Stream stream, uint64_t position, float temperature, float log_min_p, float penalty)
      : CpuPrimitive(stream),
        position_(position),
        temperature_(temperature),
        log_min_p_(log_min_p),
        penalty_(penalty) {}
  const char* name() const override { return "Choose"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    mx::array& out = outputs[0];
    out.set_data(mx::allocator::malloc(out.nbytes()));
    uint32_t* tokens = out.data<uint32_t>();
    Choice choice{};
    choice.forbidden = inputs[1].data<uint8_t>();
    choice.seen = inputs.size() > 3 ? inputs[3].data<uint8_t>() : nullptr;
    choice.width = inputs[0].shape(1);
    choice.penalty = penalty_;
    const bool greedy = temperature_ == 0.0f;
    choice.temperature = greedy ? 1.0f : temperature_;
    const uint32_t* key = inputs[2].data<uint32_t>();
    mx::cpu::get_command_encoder(stream()).dispatch(
        [=, logits = Rows(inputs[0]), position = position_, least = log_min_p_]() mutable {
          thread_local std::vector<float> scratch;
          scratch.resize(std::max(scratch.size(), static_cast<size_t>(choice.width)));
          const float *begin = scratch.data(), *end = begin + choice.width;
          choice.logits = logits.data();
          for (int row = 0; row < logits.rows(); ++row) {
            const float most = routines().temper(choice, scratch.data());
            tokens[row] = greedy ? first(begin, end, most)
                                 : loudest(begin, end, most + least, fold({key[0], key[1]}, position + row));
            choice.logits += logits.row_stride();
            choice.seen += choice.seen == nullptr ? 0 : choice.width;
          }
        });
  }

 private:
  static uint32_t first(const float* begin, const float* end, float value) {
    const float* found = std::find(begin, end, value);
    return found == end ? 0 : static_cast<uint32_t>(found - begin);  // not found among NaN
  }

  // The argmax of what is not below `floor`, with noise.
  static uint32_t loudest(const float* begin, const float* end, float floor, Key key) {
    const auto width = static_cast<uint32_t>(end - begin);
    uint32_t best = 0;
    float most = -std::numeric_limits<float>::infinity();
    for (uint32_t i = 0; i < width; ++i) {
      if (begin[i] < floor || begin[i] + kMostNoise < most) {
        continue;
      }
      if (const float value = begin[i] + gumbel(key, i, width); value > most) {
        most = value;
        best = i;
      }
    }
    return best;
  }

  uint64_t position_;
  float temperature_, log_min_p_, penalty_;
};

// mx::contiguous would be a node for each, every token.
mx::array in_one_piece(const mx::array& a) {
  return a.is_available() && a.flags().row_contiguous ? a : mx::contiguous(a);
}

}  // namespace

mx::array choose(
    const mx::array& logits, const mx::array& forbidden, const mx::array& key, uint64_t position, float temperature,
    double min_p, const std::optional<mx::array>& seen, float penalty) {
  require(logits.dtype() == mx::float32 && logits.ndim() == 2 && logits.shape(1) > 0, "logits must be float32 (L, V)");
  const bool fits = forbidden.shape() == mx::Shape{logits.shape(1)};
  require(forbidden.dtype() == mx::bool_ && fits, "forbidden must be bool (V,)");
  require(key.dtype() == mx::uint32 && key.shape() == mx::Shape{2}, "a key is two words");
  std::vector<mx::array> inputs{logits, in_one_piece(forbidden), in_one_piece(key)};
  if (seen) {
    require(seen->dtype() == mx::bool_ && seen->shape() == logits.shape(), "seen must be bool (L, V)");
    inputs.push_back(in_one_piece(*seen));
  }
  require(penalty >= 1.0f, "a penalty is at least 1");
  const auto log_min_p = static_cast<float>(std::log(min_p));
  auto primitive = std::make_shared<Choose>(cpu_stream(), position, temperature, log_min_p, penalty);
  return mx::array(mx::Shape{logits.shape(0)}, mx::uint32, primitive, std::move(inputs));
}

}  // namespace nightingale
