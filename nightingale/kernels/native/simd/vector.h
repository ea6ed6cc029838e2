// SIMD vectors of float32: one set of operations for AVX-512, AVX2, NEON and, as "plain", any other processor.
//
// A file that includes this is compiled once for each instruction set, with that set's compiler flags (CMakeLists.txt).
// INSTRUCTION_SET is the set's name and also a namespace. Without the namespace the linker would keep one copy of an
// inline function for all sets, which might have instructions that the processor does not have.
#pragma once

#include <cstddef>
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
#define INLINE __attribute__((always_inline))  // otherwise GCC leaves calls in the innermost loops

namespace nightingale::INSTRUCTION_SET {

#if defined(__AVX512F__)

constexpr int kLanes = 16;
using Floats = __m512;
inline Floats load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Floats v) { _mm512_storeu_ps(p, v); }
inline Floats broadcast(float x) { return _mm512_set1_ps(x); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats round(Floats v) { return _mm512_roundscale_ps(v, 0); }
inline float reduce_add(Floats v) { return _mm512_reduce_add_ps(v); }

#elif defined(__AVX2__)

constexpr int kLanes = 8;
using Floats = __m256;
inline Floats load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, Floats v) { _mm256_storeu_ps(p, v); }
inline Floats broadcast(float x) { return _mm256_set1_ps(x); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
inline Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats round(Floats v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline float reduce_add(Floats v) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
}

#elif defined(__aarch64__)

constexpr int kLanes = 4;
using Floats = float32x4_t;
inline Floats load(const float* p) { return vld1q_f32(p); }
inline void store(float* p, Floats v) { vst1q_f32(p, v); }
inline Floats broadcast(float x) { return vdupq_n_f32(x); }
inline Floats fma(Floats a, Floats b, Floats c) { return vfmaq_f32(c, a, b); }
inline Floats min(Floats a, Floats b) { return vminq_f32(a, b); }
inline Floats max(Floats a, Floats b) { return vmaxq_f32(a, b); }
inline Floats round(Floats v) { return vrndnq_f32(v); }
inline float reduce_add(Floats v) { return vaddvq_f32(v); }

#else  // the vector extensions of GCC and Clang

constexpr int kLanes = 4;
typedef float Floats __attribute__((vector_size(16)));
inline Floats load(const float* p) {
  Floats v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Floats v) { std::memcpy(p, &v, sizeof v); }
inline Floats broadcast(float x) { return Floats{x, x, x, x}; }
inline Floats fma(Floats a, Floats b, Floats c) { return a * b + c; }
inline Floats min(Floats a, Floats b) { return a < b ? a : b; }
inline Floats max(Floats a, Floats b) { return a > b ? a : b; }
inline Floats round(Floats v) {
  const Floats magic = broadcast(12582912.0f);  // 1.5 * 2^23: a float of this size has no bits for a fraction
  const Floats size = v < 0.0f ? -v : v;
  return size < 4194304.0f ? (v + magic) - magic : v;
}
inline float reduce_add(Floats v) { return (v[0] + v[2]) + (v[1] + v[3]); }

#endif

// The same vector as the compiler's own types, which it converts and shifts without intrinsics.
typedef float FloatLanes __attribute__((vector_size(4 * kLanes)));
typedef int32_t Ints __attribute__((vector_size(4 * kLanes)));
typedef uint32_t Words __attribute__((vector_size(4 * kLanes)));

// Loads `count` lanes and sets the others to zero; stores `count` lanes.
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

inline Words load(const uint32_t* p) {
  Words v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline Words load_part(const uint32_t* p, int count) {
#if defined(__AVX512F__)
  return (Words)_mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << count) - 1), p);
#else
  uint32_t words[kLanes] = {};
  std::memcpy(words, p, sizeof(uint32_t) * count);
  return load(words);
#endif
}

inline void store_part(uint32_t* p, Words v, int count) { std::memcpy(p, &v, sizeof(uint32_t) * count); }

inline float reduce_max(Floats v) {
  float lanes[kLanes];
  store(lanes, v);
  float most = lanes[0];
  for (int i = 1; i < kLanes; ++i) {
    most = lanes[i] > most ? lanes[i] : most;
  }
  return most;
}

// Whole numbers, not negative.
inline Words to_words(Floats v) { return (Words)__builtin_convertvector((FloatLanes)v, Ints); }

// Of every word the `bits` bits from bit `first` on, as a number.
inline Floats extract(Words v, int first, int bits) {
#if defined(__AVX512F__)
  if (bits == 4) {  // a permutation of 16 lanes reads the lowest 4 bits only, so neither mask nor conversion is needed
    const Floats numbers = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_permutexvar_ps((__m512i)(v >> first), numbers);
  }
#endif
  const Words low = first + bits == 32 ? v >> first : (v >> first) & ((1u << bits) - 1);
  return (Floats)__builtin_convertvector((Ints)low, FloatLanes);
}

// 2^v for whole v from -126 to 127, by its exponent field.
inline Floats power_of_two(Floats v) { return (Floats)((__builtin_convertvector((FloatLanes)v, Ints) + 127) << 23); }

// A place in a row: a whole vector, or the part of one at the row's end.
struct WholeVector {
  ptrdiff_t at;
  Floats read(const float* row) const { return load(row + at); }
  void write(float* row, Floats v) const { store(row + at, v); }
};

struct PartVector {
  ptrdiff_t at;
  int count;
  Floats read(const float* row) const { return load_part(row + at, count); }
  void write(float* row, Floats v) const { store_part(row + at, v, count); }
};

// Calls function(place) for each vector of a row, in order.
template <class F>
INLINE inline void for_each_vector(ptrdiff_t width, F function) {
  ptrdiff_t at = 0;
  for (; at + kLanes <= width; at += kLanes) {
    function(WholeVector{at});
  }
  if (at < width) {
    function(PartVector{at, static_cast<int>(width - at)});
  }
}

// y = function(x), element by element; y may be x.
template <class F>
INLINE inline void map(F function, const float* x, float* y, ptrdiff_t count) {
  for_each_vector(count, [&](auto place) INLINE { place.write(y, function(place.read(x))); });
}

}  // namespace nightingale::INSTRUCTION_SET
