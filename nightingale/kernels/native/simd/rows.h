// Kernels over one row: reductions, norms, softmax, rotary embedding, SwiGLU, and the processing of logits.
#pragma once

#include "activations.h"
#include "kernels.h"
#include "vector.h"

namespace nightingale::INSTRUCTION_SET {

// The sum of function(x) over a row.
template <class F>
float row_sum(const float* x, int width, F function) {
  Floats total = broadcast(0.0f);
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    total = total + function(load(x + i));
  }
  float rest = 0.0f;
  if (i < width) {
    float lanes[kLanes];
    store(lanes, function(load_part(x + i, width - i)));
    for (int j = 0; j < width - i; ++j) {
      rest += lanes[j];
    }
  }
  return reduce_add(total) + rest;
}

inline float row_sum(const float* x, int width) {
  return row_sum(x, width, [](Floats v) { return v; });
}

inline float row_max(const float* x, int width) {
  Floats most = broadcast(x[0]);
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    most = max(most, load(x + i));
  }
  float found = reduce_max(most);
  for (; i < width; ++i) {
    found = x[i] > found ? x[i] : found;
  }
  return found;
}

// Replaces x by e^(x - max(x)), and returns the sum.
inline float softmax_numerators(float* x, int width) {
  const Floats most = broadcast(row_max(x, width));
  map([=](Floats v) { return exponential(v - most); }, x, x, width);
  return row_sum(x, width);
}

// bias may be null. Where it is -inf the result is 2^-126 of the greatest, too little to change their sum.
inline void softmax(const float* scores, const float* bias, float* y, int width) {
  for (int i = 0; i < width; ++i) {
    y[i] = bias == nullptr ? scores[i] : scores[i] + bias[i];
  }
  const float total = softmax_numerators(y, width);
  const Floats scale = broadcast(1.0f / total);
  map([=](Floats v) { return v * scale; }, y, y, width);
}

inline void layer_norm(const float* x, const float* weight, const float* bias, float eps, float* y, int width) {
  const float mean = row_sum(x, width) / static_cast<float>(width);
  const Floats center = broadcast(mean);
  const float variance =
      row_sum(x, width, [=](Floats v) { return (v - center) * (v - center); }) / static_cast<float>(width);
  const Floats scale = broadcast(1.0f / __builtin_sqrtf(variance + eps));
  for_each_vector(width, [&](auto place) INLINE {
    place.write(y, fma((place.read(x) - center) * scale, place.read(weight), place.read(bias)));
  });
}

inline void rms_norm(const float* x, const float* weight, float eps, float* y, int width) {
  const float square = row_sum(x, width, [](Floats v) { return v * v; }) / static_cast<float>(width);
  const Floats scale = broadcast(1.0f / __builtin_sqrtf(square + eps));
  for_each_vector(width, [&](auto place) INLINE { place.write(y, place.read(x) * scale * place.read(weight)); });
}

inline void rotate(float* x, const float* cosines, const float* sines, int dim) {
  const int half = dim / 2;
  for (int i = 0; i < half; ++i) {
    const float a = x[i], b = x[i + half];
    x[i] = a * cosines[i] + b * sines[i];
    x[i + half] = b * cosines[i + half] + a * sines[i + half];
  }
}

inline void swiglu(const float* gate_up, float* y, int width) {
  const float *gate = gate_up, *up = gate_up + width;
  for_each_vector(width, [&](auto place) INLINE { place.write(y, silu(place.read(gate)) * place.read(up)); });
}

// The loops over bytes only choose between two values, so that the compiler can vectorise them.
inline float process_logits(const LogitsRow& row, float* y) {
  const float* x = row.logits;
  const uint8_t *forbidden = row.forbidden, *seen = row.seen;
  const Floats temperature = broadcast(row.temperature), penalty = broadcast(row.penalty);
  if (seen == nullptr) {
    map([=](Floats v) { return v / temperature; }, x, y, row.width);
  } else {
    // The penalty is at least 1: the lesser of quotient and product is the penalised logit whatever its sign.
    map([=](Floats v) { return min(v / penalty, v * penalty); }, x, y, row.width);
    for (int i = 0; i < row.width; ++i) {
      y[i] = seen[i] != 0 ? y[i] : x[i];
    }
    map([=](Floats v) { return v / temperature; }, y, y, row.width);
  }
  for (int i = 0; i < row.width; ++i) {
    y[i] = forbidden[i] != 0 ? -__builtin_inff() : y[i];
  }
  return row_max(y, row.width);
}

}  // namespace nightingale::INSTRUCTION_SET
