// The interface of the SIMD kernels: arithmetic in float32 on plain pointers, in one thread, without MLX.
//
// kernels.cpp is compiled once for each instruction set and defines a table of functions; dispatch.h chooses a table.
//
// Each output value is one chain of operations in a fixed order. So it does not depend on how rows, panels and blocks
// are divided among calls, and a row has the same result, bit for bit, alone, in any batch and with any number of
// threads. The instruction set changes the last bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nightingale {

constexpr int kPanel = 32;  // outputs in a panel of a float32 matrix
constexpr int kBlock = 64;  // outputs in a block of a quantized matrix

// A matrix product or a convolution: y[r] = bias + sum over taps j of x[r + j * dilation] @ w[j] + residual[r].
//
// Float32 weights lie in panels of 32 outputs. A panel has, for each tap, for each input, the 32 weights.
// Quantized weights lie in blocks of 64 outputs. A block has, for each group of inputs, words with as many whole
// integers as fit into 32 bits, 64 words (one for each output) at a time; then 64 scales; then 64 offsets.
// The last panel or block is filled up with zeros, for which nothing is written to y.
struct Product {
  const float* x;
  ptrdiff_t x_stride;    // from row to row, in floats
  ptrdiff_t tap_stride;  // from tap to tap: dilation * x_stride
  int taps = 1;
  const void* weights;
  int inputs;
  int outputs;
  int bits;        // of a quantized weight; 0: float32
  int group_size;  // inputs that share a scale and an offset
  const float* group_sums;  // of x: (rows, inputs / group_size), for quantized weights
  const float* bias;        // (outputs,), or null
  const float* residual;    // (rows, outputs), or null
  ptrdiff_t residual_stride;
  float* y;
  ptrdiff_t y_stride;
};

struct Range {
  int begin;
  int end;
};

enum class Activation : int { exp, silu, gelu, mish, elu };

// Attention of one query head at one position: to `num_kept` keys without positions, then to `count` others.
struct HeadAttention {
  const float* query;   // (dim,)
  const float* keys;    // (count, dim), rows key_stride apart
  const float* values;  // (count, dim), rows value_stride apart
  ptrdiff_t key_stride;
  ptrdiff_t value_stride;
  const float* kept_keys;    // (num_kept, dim), contiguous
  const float* kept_values;  // (num_kept, dim), contiguous
  const float* kept_bias;    // (num_kept,), added to the scores
  int num_kept;
  const float* position_query;  // null, or its products with `positions` are added to the scores
  const float* positions;       // (count, dim), rows position_stride apart
  ptrdiff_t position_stride;
  int count;
  int dim;
  float scale;
  float* scores;  // scratch memory, (num_kept + count,)
  float* out;     // (dim,)
};

constexpr int kMaxQuantizedDim = 256;

// Parts of a quantized vector that have a scale and an offset each. In 4 bits the error with two is a third smaller.
constexpr int quantized_groups(int dim, int bits) { return bits == 4 && dim >= 32 ? 2 : 1; }

// 32-bit words of a quantized vector: the scales and the offsets as floats, then the integers.
constexpr int quantized_words(int dim, int bits) { return 2 * quantized_groups(dim, bits) + dim * bits / 32; }

// The same attention with quantized keys and values. A row is a quantized key and, after it, a quantized value.
// Of n words of integers, word w holds values w, w + n, w + 2n, ... from its lowest bits up: neighbouring values are in
// neighbouring words, so that a vector of words gives a vector of values.
struct QuantizedHeadAttention {
  const float* query;    // (dim,), dim at most kMaxQuantizedDim
  const uint32_t* rows;  // (count, 2 * quantized_words), rows `stride` words apart
  ptrdiff_t stride;
  int count;
  int dim;
  int bits;  // 4 or 8
  float scale;
  float* scores;  // scratch memory, (count,)
  float* out;     // (dim,)
};

// The logits of one position, and the changes made to them before a token is sampled.
struct LogitsRow {
  const float* logits;       // (width,)
  const uint8_t* forbidden;  // (width,), 0 or 1
  const uint8_t* seen;       // (width,), 1 for tokens to penalise; or null
  int width;
  float penalty;  // at least 1
  float temperature;
};

struct Kernels {
  const char* name;  // of the instruction set
  bool (*supported)();
  void (*multiply_panels)(const Product& product, Range rows, Range panels);
  void (*multiply_blocks)(const Product& product, Range rows, Range blocks);
  void (*group_sums)(const float* x, int inputs, int group_size, float* sums);  // (inputs / group_size,)
  void (*activate)(Activation activation, const float* x, float* y, ptrdiff_t count);
  void (*snake)(const float* x, const float* turns, const float* inverse, float* y, int rows, int channels);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, float* y, int width);
  void (*rms_norm)(const float* x, const float* weight, float eps, float* y, int width);
  // Rotary position embedding of a head in place. cosines, sines: (dim,), the sines of the first half negated.
  void (*rotate)(float* x, const float* cosines, const float* sines, int dim);
  void (*swiglu)(const float* gate_up, float* y, int width);  // (2 * width,): silu(first half) * second half
  void (*softmax)(const float* scores, const float* bias, float* y, int width);
  void (*attend)(const HeadAttention& head);
  void (*attend_quantized)(const QuantizedHeadAttention& head);
  void (*quantize)(const float* x, uint32_t* words, int dim, int bits);  // (dim,) -> (quantized_words,)
  // Penalty, temperature, and -inf where forbidden: (width,) -> (width,). Returns the greatest.
  float (*process_logits)(const LogitsRow& row, float* y);
};

}  // namespace nightingale
