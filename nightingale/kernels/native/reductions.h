// A function of each element of a row, and what a row adds up to.
#pragma once

#include <cstddef>

#include "simd.h"

namespace nightingale::INSTRUCTION_SET {

template <class F>
void map(F function, const float* x, float* y, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    store(y + i, function(load(x + i)));
  }
  if (i < count) {
    const int left = static_cast<int>(count - i);
    store_part(y + i, function(load_part(x + i, left)), left);
  }
}

// Sum of f(lane) over a row; lanes beyond its end count as nothing.
template <class F>
float reduce(const float* x, int width, F function) {
  Floats total = all(0.0f);
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
  return sum(total) + rest;
}

inline float greatest(const float* x, int width) {
  Floats most = all(x[0]);
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    most = max(most, load(x + i));
  }
  float found = largest(most);
  for (; i < width; ++i) {
    found = x[i] > found ? x[i] : found;
  }
  return found;
}

// x becomes e^(x - greatest); their sum is returned.
inline float exponentials(float* x, int width) {
  const Floats most = all(greatest(x, width));
  map([=](Floats v) { return exponential(v - most); }, x, x, width);
  return reduce(x, width, [](Floats v) { return v; });
}

}  // namespace nightingale::INSTRUCTION_SET
