// One vocabulary of vector operations, spelled for each instruction set. A translation unit is compiled for one set by
// its compiler flags; everything here lives in a namespace of its own for each, or the linker would mix them.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

namespace nightingale::INSTRUCTION_SET {

#if defined(__AVX512F__)

constexpr int kLanes = 16;
using Floats = __m512;
inline Floats load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Floats v) { _mm512_storeu_ps(p, v); }
inline Floats all(float x) { return _mm512_set1_ps(x); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats round(Floats v) { return _mm512_roundscale_ps(v, 0); }
inline float sum(Floats v) { return _mm512_reduce_add_ps(v); }

#elif defined(__AVX2__)

constexpr int kLanes = 8;
using Floats = __m256;
inline Floats load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, Floats v) { _mm256_storeu_ps(p, v); }
inline Floats all(float x) { return _mm256_set1_ps(x); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
inline Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats round(Floats v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline float sum(Floats v) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}

#elif defined(__aarch64__)

constexpr int kLanes = 4;
using Floats = float32x4_t;
inline Floats load(const float* p) { return vld1q_f32(p); }
inline void store(float* p, Floats v) { vst1q_f32(p, v); }
inline Floats all(float x) { return vdupq_n_f32(x); }
inline Floats fma(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
inline Floats min(Floats a, Floats b) { return vminq_f32(a, b); }
inline Floats max(Floats a, Floats b) { return vmaxq_f32(a, b); }
inline Floats round(Floats v) { return vrndnq_f32(v); }
inline float sum(Floats v) { return vaddvq_f32(v); }

#else  // any compiler with vector extensions, any processor

constexpr int kLanes = 4;
typedef float Floats __attribute__((vector_size(16)));
inline Floats load(const float* p) {
  Floats v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Floats v) { std::memcpy(p, &v, sizeof v); }
inline Floats all(float x) { return Floats{x, x, x, x}; }
inline Floats fma(Floats a, Floats b, Floats c) { return a * b + c; }
inline Floats min(Floats a, Floats b) { return a < b ? a : b; }
inline Floats max(Floats a, Floats b) { return a > b ? a : b; }
inline Floats round(Floats v) {
  const Floats magic = all(12582912.0f);  // 1.5 * 2^23: adding it leaves no room for a fraction
  const Floats size = v < 0.0f ? -v : v;
  return size < 4194304.0f ? (v + magic) - magic : v;
}
inline float sum(Floats v) { return (v[0] + v[2]) + (v[1] + v[3]); }

#endif

typedef float Plain __attribute__((vector_size(4 * kLanes)));
typedef int32_t Whole __attribute__((vector_size(4 * kLanes)));
typedef uint32_t Words __attribute__((vector_size(4 * kLanes)));

inline Words load(const uint32_t* p) {
  Words v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline void store(uint32_t* p, Words v) { std::memcpy(p, &v, sizeof v); }

// The first `count` words, the others zero.
inline Words load_part(const uint32_t* p, int count) {
#if defined(__AVX512F__)
  return (Words)_mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << count) - 1), p);
#else
  uint32_t words[kLanes] = {};
  std::memcpy(words, p, sizeof(uint32_t) * count);
  return load(words);
#endif
}

inline Words whole(Floats v) { return (Words)__builtin_convertvector((Plain)v, Whole); }

// `bits` bits of every word from bit `first` on.
inline Floats field(Words v, int first, int bits) {
#if defined(__AVX512F__)
  if (bits == 4) {  // a look-up among 16 lanes reads the lowest 4 bits only: neither a mask nor a conversion is needed
    const Floats numbers = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_permutexvar_ps((__m512i)(v >> first), numbers);
  }
#endif
  const Words low = first + bits == 32 ? v >> first : (v >> first) & ((1u << bits) - 1);
  return (Floats)__builtin_convertvector((Whole)low, Plain);
}

inline Floats power_of_two(Floats whole) {
  return (Floats)((__builtin_convertvector((Plain)whole, Whole) + 127) << 23);
}

// The first `count` lanes from memory, the others zero; and the same to memory.
inline Floats load_part(const float* p, int count) {
  float lanes[kLanes] = {};
  std::memcpy(lanes, p, sizeof(float) * count);
  return load(lanes);
}

inline void store_part(float* p, Floats v, int count) {
  float lanes[kLanes];
  store(lanes, v);
  std::memcpy(p, lanes, sizeof(float) * count);
}

inline float largest(Floats v) {
  float lanes[kLanes];
  store(lanes, v);
  float most = lanes[0];
  for (int i = 1; i < kLanes; ++i) {
    most = lanes[i] > most ? lanes[i] : most;
  }
  return most;
}

template <int COUNT>
inline Floats polynomial(Floats z, const float (&coefficients)[COUNT]) {
  Floats total = all(coefficients[COUNT - 1]);
  UNROLL
  for (int i = COUNT - 2; i >= 0; --i) {
    total = fma(total, z, all(coefficients[i]));
  }
  return total;
}

// Minimax fits; nightingale/elementary.py has the same.
inline Floats exponential(Floats x) {
  constexpr float kExp2[] = {1.0f, 0.6931472f, 0.24022647f, 0.055503288f, 0.009618490f, 0.00133999312f, 0.000153458075f};
  const Floats turns = min(max(x * all(1.44269504f), all(-126.0f)), all(127.0f));
  const Floats whole = round(turns);
  return polynomial(turns - whole, kExp2) * power_of_two(whole);
}

inline Floats silu(Floats x) { return x / (exponential(all(0.0f) - x) + all(1.0f)); }

}  // namespace nightingale::INSTRUCTION_SET
