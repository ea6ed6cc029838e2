// Elementwise functions, as polynomials with range reduction.
//
// The coefficients are minimax fits (reweighted least squares on Chebyshev nodes), the same as in
// nightingale/kernels/activations.py. The error is below 1e-6 of the result's scale.
#pragma once

#include "kernels.h"
#include "vector.h"

namespace nightingale::INSTRUCTION_SET {

// c0 + c1 z + c2 z^2 ..., lowest order first, by Horner's rule.
template <int COUNT>
inline Floats polynomial(Floats z, const float (&coefficients)[COUNT]) {
  Floats total = broadcast(coefficients[COUNT - 1]);
  UNROLL
  for (int i = COUNT - 2; i >= 0; --i) {
    total = fma(total, z, broadcast(coefficients[i]));
  }
  return total;
}

// e^x as 2^n * 2^f, with n whole and |f| <= 1/2. n is limited to the exponents of normal numbers.
inline Floats exponential(Floats x) {
  constexpr float kExp2[] = {1.0f,         0.6931472f,     0.24022647f,    0.055503288f,
                             0.009618490f, 0.00133999312f, 0.000153458075f};
  const Floats power = min(max(x * broadcast(1.44269504f), broadcast(-126.0f)), broadcast(127.0f));
  const Floats whole = round(power);
  return polynomial(power - whole, kExp2) * power_of_two(whole);
}

inline Floats silu(Floats x) { return x / (exponential(broadcast(0.0f) - x) + broadcast(1.0f)); }

// x * Phi(x), where Phi(x) - 1/2 is x times a rational function of x^2.
inline Floats gelu(Floats x) {
  constexpr float kTop[] = {0.398940257f,   0.0625214573f,  0.00620802009f,
                            4.38873953e-4f, 5.83137199e-6f, -1.77177143e-8f};
  constexpr float kBottom[] = {1.0f, 0.32336287f, 0.0444867859f, 0.00338378722f, 1.49203466e-4f};
  const Floats bounded = min(max(x, broadcast(-5.0f)), broadcast(5.0f));  // beyond 5 the tail is below 3e-7
  const Floats z = bounded * bounded;
  return x * (bounded * polynomial(z, kTop) / polynomial(z, kBottom) + broadcast(0.5f));
}

// x * tanh(log(1 + e^x)), which is x * n / (n + 2) with n = e^x (e^x + 2).
inline Floats mish(Floats x) {
  const Floats e = exponential(min(x, broadcast(20.0f)));  // above 20 the quotient is 1
  const Floats n = e * (e + broadcast(2.0f));
  return x * (n / (n + broadcast(2.0f)));
}

inline Floats elu(Floats x) {
  return max(x, broadcast(0.0f)) + (exponential(min(x, broadcast(0.0f))) - broadcast(1.0f));
}

// x + sin^2(alpha x) / alpha, given turns = alpha / pi and inverse = 1 / alpha.
inline Floats snake_value(Floats x, Floats turns, Floats inverse) {
  constexpr float kSinSquared[] = {9.8696029f, -32.4695811f, 42.7253848f, -30.085953f, 12.9907297f, -3.27294512f};
  const Floats u = x * turns;
  const Floats r = u - round(u);  // sin^2(pi u) has period 1
  const Floats z = r * r;
  return fma(polynomial(z, kSinSquared) * z, inverse, x);
}

inline void activate(Activation activation, const float* x, float* y, ptrdiff_t count) {
  switch (activation) {
    case Activation::exp: return map([](Floats v) { return exponential(v); }, x, y, count);
    case Activation::silu: return map([](Floats v) { return silu(v); }, x, y, count);
    case Activation::gelu: return map([](Floats v) { return gelu(v); }, x, y, count);
    case Activation::mish: return map([](Floats v) { return mish(v); }, x, y, count);
    case Activation::elu: return map([](Floats v) { return elu(v); }, x, y, count);
  }
}

inline void snake(const float* x, const float* turns, const float* inverse, float* y, int rows, int channels) {
  for (int row = 0; row < rows; ++row, x += channels, y += channels) {
    for_each_vector(channels, [&](auto place) INLINE {
      place.write(y, snake_value(place.read(x), place.read(turns), place.read(inverse)));
    });
  }
}

}  // namespace nightingale::INSTRUCTION_SET
