// What each instruction set implements: arithmetic on plain pointers, for one thread, without mlx.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nightingale {

constexpr int kPanel = 32;  // outputs in one panel of a float32 matrix
constexpr int kBlock = 64;  // outputs in one block of a quantized matrix

// y[r] = bias + sum over taps j of x[r + j * dilation] @ w[j] + residual[r], for rows r.
//
// A matrix of floats is stored in panels of 32 outputs: for each, the 32 weights of every input in turn, tap after tap.
// A quantized one is stored in blocks of 64 outputs: for each, group after group of inputs, first the integers, so many
// to a 32-bit word as fit in whole, 64 words (one for each output) after 64 words; then 64 scales; then 64 offsets.
// Outputs that fill the last panel or block up are zero and are not written to y.
struct Product {
  const float* x;
  ptrdiff_t x_stride;    // from row to row, in floats
  ptrdiff_t tap_stride;  // from tap to tap: dilation * x_stride
  int taps;
  int inputs;
  int outputs;
  const float* bias;      // null if there is none
  const float* residual;  // the same
  ptrdiff_t residual_stride;
  float* y;
  ptrdiff_t y_stride;
  const void* weights;
  int bits;   // 0: floats
  int group;  // inputs that share a scale
  const float* group_sums;  // of x: (rows, inputs / group); for quantized weights only
};

struct Range {
  int begin;
  int end;
};

enum class Function : int { exp, silu, gelu, mish, elu };

// Keys and values of one key-value head, and the queries that read them.
struct Lookup {
  const float* query;   // (head_dim,)
  const float* keys;    // (count, head_dim), rows key_stride apart
  const float* values;  // the same, value_stride
  ptrdiff_t key_stride;
  ptrdiff_t value_stride;
  const float* kept_keys;    // (num_kept, head_dim) in one piece, read before the others; no positions for them
  const float* kept_values;  // the same
  const float* kept_bias;    // (num_kept,), added to their scores
  int num_kept;
  const float* position_query;  // null, or read against positions, and the products added
  const float* positions;       // (count, head_dim), position_stride apart
  ptrdiff_t position_stride;
  int count;
  int head_dim;
  float scale;
  float* scratch;  // (num_kept + count,)
  float* out;      // (head_dim,)
};

constexpr int kMostPackedDims = 256;  // of a vector in few bits

// Parts of a vector of `dim` values that have a scale and an offset each. In 4 bits two are a third better than one.
constexpr int packed_groups(int dim, int bits) { return bits == 4 && dim >= 32 ? 2 : 1; }

// Words of such a vector: its scales and its offsets, all floats; then the integers.
constexpr int packed_words(int dim, int bits) { return 2 * packed_groups(dim, bits) + dim * bits / 32; }

// The same for keys and values in few bits. A row is a packed key and after it a packed value. Of n words of integers,
// word w holds values w, w + n, w + 2 n ... from its lowest bits up, so that neighbours lie in neighbouring words.
struct PackedLookup {
  const float* query;    // (head_dim,), at most kMostPackedDims
  const uint32_t* rows;  // (count, 2 * packed_words), `stride` words apart
  ptrdiff_t stride;
  int count;
  int head_dim;
  int bits;  // 4 or 8
  float scale;
  float* scratch;  // (count,)
  float* out;      // (head_dim,)
};

// A position's logits, and what becomes of them before there is noise.
struct Choice {
  const float* logits;       // (width,)
  const uint8_t* forbidden;  // (width,), 0 or 1
  const uint8_t* seen;       // null, or the same of tokens that the penalty is for
  int width;
  float penalty;  // at least 1
  float temperature;
};

// A result never depends on how rows, panels or blocks are divided into calls: each output is one chain of operations.
struct Routines {
  const char* name;
  bool (*supported)();
  void (*panels)(const Product& product, Range rows, Range panels);
  void (*blocks)(const Product& product, Range rows, Range blocks);
  void (*group_sums)(const float* x, int inputs, int group, float* sums);
  void (*apply)(Function function, const float* x, float* y, ptrdiff_t count);
  void (*snake)(const float* x, const float* turns, const float* inverse, float* y, int rows, int channels);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, float* y, int width);
  void (*rms_norm)(const float* x, const float* weight, float eps, float* y, int width);
  void (*rotate)(float* x, const float* cosines, const float* sines, int head_dim);
  void (*gate)(const float* gate_up, float* y, int width);  // silu(first half) * second half
  void (*softmax)(const float* scores, const float* bias, float* y, int width);
  void (*attend)(const Lookup& lookup);
  void (*attend_packed)(const PackedLookup& lookup);
  void (*compress)(const float* x, uint32_t* words, int width, int bits);  // (width,) -> (packed_words,)
  float (*temper)(const Choice& choice, float* y);  // logits to choose by, -inf where forbidden; the greatest of them
};

const Routines& routines();                // the best that this processor has, unless told otherwise
bool use_instruction_set(const char* name);  // for tests; false if it is not to be had here
int num_instruction_sets();
const char* instruction_set(int index);

}  // namespace nightingale
