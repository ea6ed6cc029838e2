// The operations as nodes of mlx's graph: lazy, on the CPU, float32.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "mlx/mlx.h"

namespace nightingale {

namespace mx = mlx::core;

// How a packed matrix is read: what Matrix has, with the weights beside it.
struct Packing {
  int inputs;
  int outputs;
  int bits;
  int group;
};

// (outputs, inputs) floats -> panels.
mx::array pack_panels(const mx::array& weight);

// mlx's affine quantization (outputs, inputs) -> blocks.
mx::array pack_blocks(const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits);

// The same quantization -> floats (outputs, inputs).
mx::array unpack(const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits);

// x (..., T + (taps - 1) * dilation, inputs) -> (..., T, outputs).
mx::array multiply(
    const mx::array& x, const mx::array& weights, const Packing& packing, int taps, int dilation,
    const std::optional<mx::array>& bias, const std::optional<mx::array>& residual);

mx::array apply(const std::string& function, const mx::array& x);
mx::array snake(const mx::array& x, const mx::array& turns, const mx::array& inverse_alpha);
mx::array layer_norm(const mx::array& x, const mx::array& weight, const mx::array& bias, float eps);
// Over the last axis of (..., rows, keys), with a bias (rows, keys) or none.
mx::array softmax(const mx::array& scores, const std::optional<mx::array>& bias);

// Queries (B, T, heads * D), keys and values (B, S, heads * D) -> (B, T, heads * D). With a window a query sees itself,
// the last T keys being the queries' own, and window - 1 keys before it; with window 0 it sees all.
// positions: what is added to queries of content (heads, D), the same for queries of position, and a table
// (S + T - 1, heads * D) for the distances S - 1 .. 1 - T; or nothing.
mx::array attention(
    const mx::array& queries, const mx::array& keys, const mx::array& values, const std::vector<mx::array>& positions,
    int heads, int window);

// x (B * L, hidden) -> rotated queries (B * L, heads * D), rotated keys and values (B, kv_heads, L, D).
// cosines, sines: (L, D).
std::tuple<mx::array, mx::array, mx::array> llama_input(
    const mx::array& x, const mx::array& norm, const mx::array& qkv, const Packing& packing, const mx::array& cosines,
    const mx::array& sines, int heads, int kv_heads, float eps);

struct LlamaPackings {
  Packing o, gate_up, down;
};

// The rest of a layer: attention to what a cache holds (see Cached), projection, SwiGLU, both residuals.
mx::array llama_output(
    const mx::array& x, const mx::array& queries, const std::vector<mx::array>& stored, int heads, int kv_heads,
    const mx::array& o, const mx::array& norm, const mx::array& gate_up, const mx::array& down,
    const LlamaPackings& packings, float eps);

// All layers and the last norm: x (B, L, hidden) of positions start, start + 1, ... -> states (B, L, hidden).
// tables: cosines and sines (positions, D). weights: of each layer norm, qkv, o, norm, gate_up, down. stored: of each what
// its cache holds (see Cached), and with floats perhaps queries (B, R, heads * D) last: keys and values are WRITTEN IN PLACE
// from `place` on, queries at that modulo R. after: of the last pass that wrote there.
mx::array llama_pass(
    const mx::array& x, const std::pair<mx::array, mx::array>& tables, int start, int place,
    const std::vector<mx::array>& weights, const mx::array& last_norm, const std::vector<mx::array>& stored,
    const mx::array& after, const Packing& qkv, const LlamaPackings& packings, int heads, int kv_heads, float eps);

// Keys and values (B, kv_heads, L, D) -> rows (B, kv_heads, L, 2 * packed_words) of words, which a cache holds.
mx::array compress(const mx::array& keys, const mx::array& values, int bits);

// Tokens (L,) of positions position, position + 1, ... for logits (L, V): the argmax with the noise of this key among
// what is not forbidden (V,) and at least min_p times as probable as the most probable; without noise at temperature 0.
// seen: none, or (L, V) where the penalty is due.
mx::array choose(
    const mx::array& logits, const mx::array& forbidden, const mx::array& key, uint64_t position, float temperature,
    double min_p, const std::optional<mx::array>& seen, float penalty);

}  // namespace nightingale
