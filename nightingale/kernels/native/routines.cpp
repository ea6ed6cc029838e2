// Compiled once for each instruction set. No templates of the standard library here: the linker keeps one copy of such
// a function for the whole module, and it might be the one with instructions that this processor does not have.
#include "packed.h"
#include "products.h"
#include "reductions.h"
#include "routines.h"
#include "simd.h"

namespace nightingale::INSTRUCTION_SET {
namespace {

Floats gelu(Floats x) {
  constexpr float kTop[] = {0.398940257f, 0.0625214573f, 0.00620802009f, 4.38873953e-4f, 5.83137199e-6f, -1.77177143e-8f};
  constexpr float kBottom[] = {1.0f, 0.32336287f, 0.0444867859f, 0.00338378722f, 1.49203466e-4f};
  const Floats bounded = min(max(x, all(-5.0f)), all(5.0f));  // beyond, the tail is below 3e-7
  const Floats z = bounded * bounded;
  return x * (bounded * polynomial(z, kTop) / polynomial(z, kBottom) + all(0.5f));
}

Floats mish(Floats x) {
  const Floats e = exponential(min(x, all(20.0f)));  // above 20 the quotient is 1
  const Floats n = e * (e + all(2.0f));
  return x * (n / (n + all(2.0f)));
}

Floats elu(Floats x) {
  return max(x, all(0.0f)) + (exponential(min(x, all(0.0f))) - all(1.0f));
}

void apply(Function function, const float* x, float* y, ptrdiff_t count) {
  switch (function) {
    case Function::exp: return map([](Floats v) { return exponential(v); }, x, y, count);
    case Function::silu: return map([](Floats v) { return silu(v); }, x, y, count);
    case Function::gelu: return map([](Floats v) { return gelu(v); }, x, y, count);
    case Function::mish: return map([](Floats v) { return mish(v); }, x, y, count);
    case Function::elu: return map([](Floats v) { return elu(v); }, x, y, count);
  }
}

Floats snake_of(Floats x, Floats turns, Floats inverse) {
  constexpr float kSinSquared[] = {9.8696029f, -32.4695811f, 42.7253848f, -30.085953f, 12.9907297f, -3.27294512f};
  const Floats u = x * turns;
  const Floats r = u - round(u);
  const Floats z = r * r;
  return fma(polynomial(z, kSinSquared) * z, inverse, x);
}

void snake(const float* x, const float* turns, const float* inverse, float* y, int rows, int channels) {
  for (int row = 0; row < rows; ++row, x += channels, y += channels) {
    int c = 0;
    for (; c + kLanes <= channels; c += kLanes) {
      store(y + c, snake_of(load(x + c), load(turns + c), load(inverse + c)));
    }
    if (const int left = channels - c; left > 0) {
      store_part(y + c, snake_of(load_part(x + c, left), load_part(turns + c, left), load_part(inverse + c, left)), left);
    }
  }
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* y, int width) {
  const float mean = reduce(x, width, [](Floats v) { return v; }) / static_cast<float>(width);
  const Floats center = all(mean);
  const float variance =
      reduce(x, width, [=](Floats v) { return (v - center) * (v - center); }) / static_cast<float>(width);
  const Floats scale = all(1.0f / __builtin_sqrtf(variance + eps));
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    store(y + i, fma((load(x + i) - center) * scale, load(weight + i), load(bias + i)));
  }
  if (const int left = width - i; left > 0) {
    const Floats v = (load_part(x + i, left) - center) * scale;
    store_part(y + i, fma(v, load_part(weight + i, left), load_part(bias + i, left)), left);
  }
}

void rms_norm(const float* x, const float* weight, float eps, float* y, int width) {
  const float square = reduce(x, width, [](Floats v) { return v * v; }) / static_cast<float>(width);
  const Floats scale = all(1.0f / __builtin_sqrtf(square + eps));
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    store(y + i, load(x + i) * scale * load(weight + i));
  }
  if (const int left = width - i; left > 0) {
    store_part(y + i, load_part(x + i, left) * scale * load_part(weight + i, left), left);
  }
}

// cosines and sines have head_dim entries, the sines of the first half negated.
void rotate(float* x, const float* cosines, const float* sines, int head_dim) {
  const int half = head_dim / 2;
  for (int i = 0; i < half; ++i) {
    const float a = x[i], b = x[i + half];
    x[i] = a * cosines[i] + b * sines[i];
    x[i + half] = b * cosines[i + half] + a * sines[i + half];
  }
}

void gate(const float* gate_up, float* y, int width) {
  const float* up = gate_up + width;
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    store(y + i, silu(load(gate_up + i)) * load(up + i));
  }
  if (const int left = width - i; left > 0) {
    store_part(y + i, silu(load_part(gate_up + i, left)) * load_part(up + i, left), left);
  }
}

// bias may be null; where it is -inf nothing is left, for e^-126 of the greatest is lost in the sum's rounding.
void softmax(const float* scores, const float* bias, float* y, int width) {
  for (int i = 0; i < width; ++i) {
    y[i] = bias == nullptr ? scores[i] : scores[i] + bias[i];
  }
  const float total = exponentials(y, width);
  const Floats scale = all(1.0f / total);
  map([=](Floats v) { return v * scale; }, y, y, width);
}

float dot(const float* a, const float* b, int width) {
  Floats total = all(0.0f);
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    total = fma(load(a + i), load(b + i), total);
  }
  if (i < width) {
    total = fma(load_part(a + i, width - i), load_part(b + i, width - i), total);
  }
  return sum(total);
}

void score(const Lookup& lookup, const float* keys, ptrdiff_t stride, int count, float* scores) {
  for (int j = 0; j < count; ++j) {
    scores[j] = dot(lookup.query, keys + j * stride, lookup.head_dim) * lookup.scale;
  }
}

// VECTORS chains of sums that hide each other's waits.
template <int VECTORS>
void add_weighed(Floats (&total)[VECTORS], const float* values, ptrdiff_t stride, const float* weights, int count) {
  for (int j = 0; j < count; ++j, values += stride) {
    const Floats weight = all(weights[j]);
    UNROLL
    for (int v = 0; v < VECTORS; ++v) {
      total[v] = fma(weight, load(values + v * kLanes), total[v]);
    }
  }
}

// The weighted values of so many vectors of channels from `at` on.
template <int VECTORS>
void weigh(const Lookup& lookup, int at, Floats scale) {
  Floats total[VECTORS] = {};
  add_weighed(total, lookup.kept_values + at, lookup.head_dim, lookup.scratch, lookup.num_kept);
  add_weighed(total, lookup.values + at, lookup.value_stride, lookup.scratch + lookup.num_kept, lookup.count);
  for (int v = 0; v < VECTORS; ++v) {
    store(lookup.out + at + v * kLanes, total[v] * scale);
  }
}

// Channels from `at` on, fewer than a vector.
void weigh_rest(const Lookup& lookup, int at, Floats scale) {
  const int left = lookup.head_dim - at;
  Floats total = all(0.0f);
  for (int j = 0; j < lookup.num_kept; ++j) {
    const float* values = lookup.kept_values + static_cast<ptrdiff_t>(j) * lookup.head_dim + at;
    total = fma(all(lookup.scratch[j]), load_part(values, left), total);
  }
  for (int j = 0; j < lookup.count; ++j) {
    const float* values = lookup.values + j * lookup.value_stride + at;
    total = fma(all(lookup.scratch[lookup.num_kept + j]), load_part(values, left), total);
  }
  store_part(lookup.out + at, total * scale, left);
}

void attend(const Lookup& lookup) {
  const int width = lookup.head_dim;
  float* newest = lookup.scratch + lookup.num_kept;
  score(lookup, lookup.kept_keys, width, lookup.num_kept, lookup.scratch);
  for (int j = 0; j < lookup.num_kept; ++j) {
    lookup.scratch[j] += lookup.kept_bias[j];
  }
  if (lookup.position_query == nullptr) {
    score(lookup, lookup.keys, lookup.key_stride, lookup.count, newest);
  } else {
    for (int j = 0; j < lookup.count; ++j) {
      const float content = dot(lookup.query, lookup.keys + j * lookup.key_stride, width);
      const float place = dot(lookup.position_query, lookup.positions + j * lookup.position_stride, width);
      newest[j] = (content + place) * lookup.scale;
    }
  }
  const Floats scale = all(1.0f / exponentials(lookup.scratch, lookup.num_kept + lookup.count));
  int at = 0;
  for (; at + 4 * kLanes <= width; at += 4 * kLanes) {
    weigh<4>(lookup, at, scale);
  }
  for (; at + kLanes <= width; at += kLanes) {
    weigh<1>(lookup, at, scale);
  }
  if (at < width) {
    weigh_rest(lookup, at, scale);
  }
}

// The compiler makes vectors of a loop that only chooses between two values, where bytes, not bools, say which.
float temper(const Choice& choice, float* y) {
  const float* x = choice.logits;
  const uint8_t *forbidden = choice.forbidden, *seen = choice.seen;
  const Floats temperature = all(choice.temperature), penalty = all(choice.penalty);
  if (seen == nullptr) {
    map([=](Floats v) { return v / temperature; }, x, y, choice.width);
  } else {
    map([=](Floats v) { return min(v / penalty, v * penalty); }, x, y, choice.width);  // the lesser, whatever its sign
    for (int i = 0; i < choice.width; ++i) {
      y[i] = seen[i] != 0 ? y[i] : x[i];
    }
    map([=](Floats v) { return v / temperature; }, y, y, choice.width);
  }
  for (int i = 0; i < choice.width; ++i) {
    y[i] = forbidden[i] != 0 ? -__builtin_inff() : y[i];
  }
  return greatest(y, choice.width);
}

bool supported() {
#if defined(__AVX512F__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
#elif defined(__AVX2__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

#define NAME_OF(set) #set
#define NAME(set) NAME_OF(set)

}  // namespace

extern const Routines kRoutines;
const Routines kRoutines = {
    NAME(INSTRUCTION_SET), supported, panels, blocks,  group_sums, apply,   snake,
    layer_norm,            rms_norm,  rotate, gate,    softmax,    attend,  attend_packed,
    compress,              temper,
};

}  // namespace nightingale::INSTRUCTION_SET
