// A Llama layer in two primitives, cut where a key-value cache comes in. A token's pass over a small model is hundreds
// of tiny operations, and as nodes of a graph each would cost more than its arithmetic.
#include <algorithm>

#include "arrays.h"
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

// Keys or values (B, heads, S, D), read where the cache has them.
struct Cached {
  explicit Cached(const mx::array& a)
      : data(a.data<float>()), batch(a.strides()[0]), head(a.strides()[1]), row(a.strides()[2]) {}
  const float* at(int b, int h) const { return data + b * batch + h * head; }
  const float* data;
  ptrdiff_t batch, head, row;
};

class LlamaOutput : public CpuPrimitive {
 public:
  LlamaOutput(mx::Stream stream, LlamaPackings packings, float eps)
      : CpuPrimitive(stream), packings_(packings), eps_(eps) {}
  const char* name() const override { return "LlamaOutput"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* y = allocate(outputs[0]);
    const mx::array& keys = inputs[2];
    if (keys.strides()[3] != 1 || inputs[3].strides()[3] != 1) {
      throw std::runtime_error("keys and values must have their last axis in one piece");
    }
    Shapes s{};
    s.rows = inputs[0].shape(0);
    s.batches = keys.shape(0);
    s.length = s.rows / s.batches;
    s.kv_heads = keys.shape(1);
    s.positions = keys.shape(2);
    s.dim = keys.shape(3);
    s.heads = inputs[1].shape(1) / s.dim;
    const float *x = inputs[0].data<float>(), *q = inputs[1].data<float>(), *norm = inputs[5].data<float>();
    const Cached k(keys), v(inputs[3]);
    const Matrix o = matrix(inputs[4], packings_.o), gate_up = matrix(inputs[6], packings_.gate_up),
                 down = matrix(inputs[7], packings_.down);
    mx::cpu::get_command_encoder(stream()).dispatch([=, eps = eps_] {
      const Routines& set = routines();
      const ptrdiff_t hidden = o.outputs, inner = down.inputs, rows = s.rows;
      thread_local std::vector<float> memory;
      float* attended = scratch(memory, rows * (o.inputs + 2 * hidden + 3 * inner));
      float *middle = attended + rows * o.inputs, *normed = middle + rows * hidden;
      float *wide = normed + rows * hidden, *gated = wide + rows * 2 * inner;
      attend(s, q, k, v, attended);
      multiply(o, attended, s.rows, x, middle);
      for (ptrdiff_t row = 0; row < rows; ++row) {
        set.rms_norm(middle + row * hidden, norm, eps, normed + row * hidden, static_cast<int>(hidden));
      }
      multiply(gate_up, normed, s.rows, nullptr, wide);
      for (ptrdiff_t row = 0; row < rows; ++row) {
        set.gate(wide + row * 2 * inner, gated + row * inner, static_cast<int>(inner));
      }
      multiply(down, gated, s.rows, middle, y);
    });
  }

 private:
  struct Shapes {
    int rows, batches, length, heads, kv_heads, positions, dim;
  };

  static void attend(const Shapes& s, const float* q, const Cached& k, const Cached& v, float* out) {
    const int shared = s.heads / s.kv_heads;  // query heads that read the same keys
    parallel(s.rows * s.heads, [&](int task) {
      const int row = task / s.heads, head = task % s.heads, batch = row / s.length;
      thread_local std::vector<float> weights;
      Lookup lookup{};
      lookup.query = q + static_cast<ptrdiff_t>(task) * s.dim;
      lookup.keys = k.at(batch, head / shared);
      lookup.values = v.at(batch, head / shared);
      lookup.key_stride = k.row;
      lookup.value_stride = v.row;
      lookup.count = s.positions - s.length + row % s.length + 1;  // a position sees those up to itself
      lookup.head_dim = s.dim;
      lookup.scale = 1.0f / std::sqrt(static_cast<float>(s.dim));
      lookup.scratch = scratch(weights, s.positions);
      lookup.out = out + static_cast<ptrdiff_t>(task) * s.dim;
      routines().attend(lookup);
    });
  }

  LlamaPackings packings_;
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
    const mx::array& x, const mx::array& queries, const mx::array& keys, const mx::array& values, const mx::array& o,
    const mx::array& norm, const mx::array& gate_up, const mx::array& down, const LlamaPackings& packings, float eps) {
  require_floats({x, queries, keys, values, norm});
  require_packed(o, packings.o);
  require_packed(gate_up, packings.gate_up);
  require_packed(down, packings.down);
  require(keys.ndim() == 4 && keys.shape() == values.shape() && keys.size() > 0, "keys must be (B, heads, S, D)");
  const int dim = keys.shape(3), hidden = packings.o.outputs, inner = packings.down.inputs;
  require(x.ndim() == 2 && x.shape(1) == hidden && x.shape(0) % keys.shape(0) == 0, "x must be (B * L, hidden)");
  require(x.shape(0) / keys.shape(0) <= keys.shape(2), "there are fewer keys than queries");
  require(queries.shape() == mx::Shape{x.shape(0), packings.o.inputs}, "queries must be (B * L, heads * D)");
  require(packings.o.inputs % (dim * keys.shape(1)) == 0, "heads do not fit");
  require(packings.gate_up.inputs == hidden && packings.gate_up.outputs == 2 * inner, "gate and up do not fit");
  require(packings.down.outputs == hidden && norm.size() == static_cast<size_t>(hidden), "down or norm does not fit");
  auto primitive = std::make_shared<LlamaOutput>(cpu_stream(), packings, eps);
  return mx::array(
      x.shape(), mx::float32, primitive,
      {mx::contiguous(x), mx::contiguous(queries), keys, values, o, norm, gate_up, down});
}

}  // namespace nightingale
