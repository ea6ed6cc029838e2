// The operations that Python calls: lazy nodes of MLX's graph, on the CPU, in float32.
//
// Each throws std::invalid_argument (ValueError in Python) if the arguments do not fit. A row's result does not depend
// on the other rows of the call nor on the number of threads.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "mlx/mlx.h"
#include "packing.h"

namespace nightingale {

namespace mx = mlx::core;

// (outputs, inputs) -> panels of float32.
mx::array pack_panels(const mx::array& weight);

// MLX's affine quantization of (outputs, inputs) -> blocks.
mx::array pack_blocks(const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits);

// The same quantization -> float32 (outputs, inputs).
mx::array unpack(const mx::array& weight, const mx::array& scales, const mx::array& biases, int bits);

// A product, or with several taps a convolution: x (..., T + (taps - 1) * dilation, inputs) -> (..., T, outputs).
mx::array multiply(
    const mx::array& x, const mx::array& weights, const Packing& packing, int taps, int dilation,
    const std::optional<mx::array>& bias, const std::optional<mx::array>& residual);

// activation: exp, silu, gelu, mish or elu.
mx::array apply(const std::string& activation, const mx::array& x);

// x + sin^2(alpha x) / alpha, with turns = alpha / pi and inverse_alpha of (channels,).
mx::array snake(const mx::array& x, const mx::array& turns, const mx::array& inverse_alpha);

// Over the last axis.
mx::array layer_norm(const mx::array& x, const mx::array& weight, const mx::array& bias, float eps);

// Over the last axis of scores (..., rows, keys), to which bias (rows, keys) is added first.
mx::array softmax(const mx::array& scores, const std::optional<mx::array>& bias);

// Queries (B, T, heads * D), keys and values (B, S, heads * D) -> (B, T, heads * D). The last T keys are the queries'
// own. window: a query attends to its own key and the window - 1 before it; 0: to all keys.
// positions: empty, or biases of content and of position (heads, D) and a projected table of relative positions
// (S + T - 1, heads * D) for the distances S - 1 .. 1 - T (Transformer-XL, https://arxiv.org/abs/1901.02860).
mx::array attention(
    const mx::array& queries, const mx::array& keys, const mx::array& values, const std::vector<mx::array>& positions,
    int heads, int window);

// The first half of a Llama layer, RMS norm, projection and rotary embedding: x (B * L, hidden) -> queries
// (B * L, heads * D), keys and values (B, kv_heads, L, D). cosines, sines: (L, D), the sines of the first half negated.
std::tuple<mx::array, mx::array, mx::array> llama_input(
    const mx::array& x, const mx::array& norm, const mx::array& qkv, const Packing& packing, const mx::array& cosines,
    const mx::array& sines, int heads, int kv_heads, float eps);

struct LlamaPackings {
  Packing o, gate_up, down;
};

// The second half, causal attention, projection and SwiGLU with both residuals: x (B * L, hidden) -> (B * L, hidden).
// stored: the arrays of a cache, see CacheView. Their last L positions are the queries' own.
mx::array llama_output(
    const mx::array& x, const mx::array& queries, const std::vector<mx::array>& stored, int heads, int kv_heads,
    const mx::array& o, const mx::array& norm, const mx::array& gate_up, const mx::array& down,
    const LlamaPackings& packings, float eps);

// All layers and the last norm: x (B, L, hidden) of positions start, start + 1, ... -> normalised states, same shape.
//   tables: cosines and sines (positions, D).
//   weights: for each layer norm, qkv, o, norm, gate_up, down.
//   stored: for each layer the arrays of a cache, and with float32 keys perhaps queries (B, R, heads * D) last. Keys
//     and values are WRITTEN IN PLACE from `write_index` on, queries at that index modulo R. MLX does not know of these
//     writes.
//   after: the result of the last pass that wrote there, for which this pass waits.
mx::array llama_pass(
    const mx::array& x, const std::pair<mx::array, mx::array>& tables, int start, int write_index,
    const std::vector<mx::array>& weights, const mx::array& last_norm, const std::vector<mx::array>& stored,
    const mx::array& after, const Packing& qkv, const LlamaPackings& packings, int heads, int kv_heads, float eps);

// Keys and values (B, kv_heads, L, D) -> quantized rows (B, kv_heads, L, 2 * quantized_words) of uint32.
mx::array compress(const mx::array& keys, const mx::array& values, int bits);

// Tokens (L,) of positions position, position + 1, ... for logits (L, V): the argmax with the key's Gumbel noise among
// tokens that are not forbidden (V,) and at least min_p times as probable as the most probable. temperature 0: no
// noise. seen: the tokens (L, V) that get the repetition penalty, at least 1.
mx::array choose(
    const mx::array& logits, const mx::array& forbidden, const mx::array& key, uint64_t position, float temperature,
    double min_p, const std::optional<mx::array>& seen, float penalty);

}  // namespace nightingale
