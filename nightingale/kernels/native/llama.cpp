// A Llama layer in two primitives, cut where a key-value cache comes in. A token's pass over a small model is hundreds
// of tiny operations, and as nodes of a graph each would cost more than its arithmetic.
#include <algorithm>

#include "arrays.h"
#include "cached.h"
#include "multiply.h"
#include "pool.h"
#include "primitives.h"
#include "routines.h"

namespace nightingale {
namespace {

Matrix matrix(const mx::array& weights, const Packing& p) {
  return {weights.data<void>(), p.inputs, p.outputs, p.bits, p.group};
}

// Memory for one thread's passing results; it only grows.
float* scratch(std::vector<float>& memory, size_t count) {
  if (memory.size() < count) {
    memory.resize(count);
  }
  return memory.data();
}

class LlamaInput : public CpuPrimitive {
 public:
  LlamaInput(mx::Stream stream, Packing packing, int heads, int kv_heads, float eps)
      : CpuPrimitive(stream), packing_(packing), heads_(heads), kv_heads_(kv_heads), eps_(eps) {}
  const char* name() const override { return "LlamaInput"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float *q = allocate(outputs[0]), *k = allocate(outputs[1]), *v = allocate(outputs[2]);
    const float *x = inputs[0].data<float>(), *norm = inputs[1].data<float>();
    const float *cosines = inputs[3].data<float>(), *sines = inputs[4].data<float>();
    const int rows = inputs[0].shape(0), length = inputs[3].shape(0), dim = inputs[3].shape(1);
    const Matrix qkv = matrix(inputs[2], packing_);
    mx::cpu::get_command_encoder(stream()).dispatch([=, heads = heads_, kv_heads = kv_heads_, eps = eps_] {
      thread_local std::vector<float> memory;
      float* normed = scratch(memory, static_cast<size_t>(rows) * (qkv.inputs + qkv.outputs));
      float* joined = normed + static_cast<ptrdiff_t>(rows) * qkv.inputs;
      const Routines& set = routines();
      for (ptrdiff_t row = 0; row < rows; ++row) {
        set.rms_norm(x + row * qkv.inputs, norm, eps, normed + row * qkv.inputs, qkv.inputs);
      }
      multiply(qkv, normed, rows, nullptr, joined);
      for (int row = 0; row < rows; ++row) {
        const int batch = row / length, position = row % length;
        float* from = joined + static_cast<ptrdiff_t>(row) * qkv.outputs;
        for (int head = 0; head < heads + kv_heads; ++head) {
          set.rotate(from + head * dim, cosines + position * dim, sines + position * dim, dim);
        }
        std::copy_n(from, heads * dim, q + static_cast<ptrdiff_t>(row) * heads * dim);
        for (int head = 0; head < kv_heads; ++head) {
          const ptrdiff_t to = (static_cast<ptrdiff_t>(batch * kv_heads + head) * length + position) * dim;
          std::copy_n(from + (heads + head) * dim, dim, k + to);
          std::copy_n(from + (heads + kv_heads + head) * dim, dim, v + to);
        }
      }
    });
  }

 private:
  Packing packing_;
  int heads_, kv_heads_;
  float eps_;
};

class LlamaOutput : public CpuPrimitive {
 public:
  LlamaOutput(mx::Stream stream, LlamaPackings packings, int heads, float eps)
      : CpuPrimitive(stream), packings_(packings), heads_(heads), eps_(eps) {}
  const char* name() const override { return "LlamaOutput"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const int rows = inputs[0].shape(0);
    const float *x = inputs[0].data<float>(), *q = inputs[1].data<float>(), *norm = inputs[3].data<float>();
    const Matrix o = matrix(inputs[2], packings_.o), gate_up = matrix(inputs[4], packings_.gate_up),
                 down = matrix(inputs[5], packings_.down);
    const Cached cached(inputs, kNumOthers, heads_, packings_.o.inputs / heads_);
    mx::cpu::get_command_encoder(stream()).dispatch([=, eps = eps_] {
      const Routines& set = routines();
      const ptrdiff_t hidden = o.outputs, inner = down.inputs;
      thread_local std::vector<float> memory;
      float* attended = scratch(memory, rows * (o.inputs + 2 * hidden + 3 * inner));
      float *middle = attended + static_cast<ptrdiff_t>(rows) * o.inputs, *normed = middle + rows * hidden;
      float *wide = normed + rows * hidden, *gated = wide + rows * 2 * inner;
      cached.attend(q, rows, attended);
      multiply(o, attended, rows, x, middle);
      for (ptrdiff_t row = 0; row < rows; ++row) {
        set.rms_norm(middle + row * hidden, norm, eps, normed + row * hidden, static_cast<int>(hidden));
      }
      multiply(gate_up, normed, rows, nullptr, wide);
      for (ptrdiff_t row = 0; row < rows; ++row) {
        set.gate(wide + row * 2 * inner, gated + row * inner, static_cast<int>(inner));
      }
      multiply(down, gated, rows, middle, y);
    });
  }

  static constexpr size_t kNumOthers = 6;  // inputs before what the cache holds

 private:
  LlamaPackings packings_;
  int heads_;
  float eps_;
};

void require_packed(const mx::array& weights, const Packing& p) {
  const size_t panels = (p.outputs + kPanel - 1) / kPanel, blocks = (p.outputs + kBlock - 1) / kBlock;
  const size_t words = p.bits == 0 ? panels * kPanel * p.inputs : blocks * block_words(p.inputs, p.bits, p.group);
  require(weights.size() == words && weights.itemsize() == 4, "weights are not packed so");
}

void require_floats(const std::vector<mx::array>& arrays) {
  for (const mx::array& a : arrays) {
    require(a.dtype() == mx::float32, "all arrays must be float32");
  }
}

}  // namespace

std::tuple<mx::array, mx::array, mx::array> llama_input(
    const mx::array& x, const mx::array& norm, const mx::array& qkv, const Packing& packing, const mx::array& cosines,
    const mx::array& sines, int heads, int kv_heads, float eps) {
  require_floats({x, norm, cosines, sines});
  require_packed(qkv, packing);
  require(x.ndim() == 2 && x.shape(1) == packing.inputs && norm.ndim() == 1 && norm.shape(0) == x.shape(1), "x must be (B * L, hidden)");
  require(cosines.ndim() == 2 && cosines.shape() == sines.shape() && cosines.shape(0) > 0, "angles must be (L, D)");
  const int length = cosines.shape(0), dim = cosines.shape(1);
  require(x.shape(0) % length == 0 && packing.outputs == (heads + 2 * kv_heads) * dim, "heads do not fit");
  const int batches = x.shape(0) / length;
  auto primitive = std::make_shared<LlamaInput>(cpu_stream(), packing, heads, kv_heads, eps);
  const mx::Shape cached{batches, kv_heads, length, dim};
  auto out = mx::array::make_arrays(
      {mx::Shape{x.shape(0), heads * dim}, cached, cached}, {mx::float32, mx::float32, mx::float32}, primitive,
      {mx::contiguous(x), norm, qkv, mx::contiguous(cosines), mx::contiguous(sines)});
  return {out[0], out[1], out[2]};
}

mx::array llama_output(
    const mx::array& x, const mx::array& queries, const std::vector<mx::array>& stored, int heads, int kv_heads,
    const mx::array& o, const mx::array& norm, const mx::array& gate_up, const mx::array& down,
    const LlamaPackings& packings, float eps) {
  require_floats({x, queries, norm});
  require_packed(o, packings.o);
  require_packed(gate_up, packings.gate_up);
  require_packed(down, packings.down);
  const int hidden = packings.o.outputs, inner = packings.down.inputs;
  require(x.ndim() == 2 && x.shape(1) == hidden, "x must be (B * L, hidden)");
  require(queries.shape() == mx::Shape{x.shape(0), packings.o.inputs}, "queries must be (B * L, heads * D)");
  require(heads > 0 && packings.o.inputs % heads == 0, "heads do not fit");
  Cached::require_form(stored, x.shape(0), heads, kv_heads, packings.o.inputs / heads);
  require(packings.gate_up.inputs == hidden && packings.gate_up.outputs == 2 * inner, "gate and up do not fit");
  require(packings.down.outputs == hidden && norm.size() == static_cast<size_t>(hidden), "down or norm does not fit");
  std::vector<mx::array> inputs{mx::contiguous(x), mx::contiguous(queries), o, norm, gate_up, down};
  inputs.insert(inputs.end(), stored.begin(), stored.end());
  auto primitive = std::make_shared<LlamaOutput>(cpu_stream(), packings, heads, eps);
  return mx::array(x.shape(), mx::float32, primitive, inputs);
}

}  // namespace nightingale
