// A Llama's pass in one primitive; or a layer in two, cut where a key-value cache of another kind comes in. A token's
// pass over a small model is hundreds of tiny operations, and as nodes of a graph each would cost more than it computes.
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

// One layer; half of it where half is needed.
struct Layer {
  const float* input_norm;
  Matrix qkv, o;
  const float* norm;
  Matrix gate_up, down;
  int heads, kv_heads;
  float eps;
};

// Where keys and values of new positions go, from the first of them on; a head's positions lie one after the other.
// With bits, rows of `words` words instead: see PackedLookup. With a ring, queries go there too: position p of a
// sequence to its row (first + p) % ring.
struct Slots {
  float *keys, *values;
  ptrdiff_t batch, head;  // strides
  uint32_t* rows = nullptr;
  int bits = 0, words = 0;
  float* queries = nullptr;
  int ring = 0, first = 0;

  void put(int at_batch, int at_head, int position, const float* key, const float* value, int dim) const {
    const ptrdiff_t at = at_batch * batch + at_head * head;
    if (bits == 0) {
      std::copy_n(key, dim, keys + at + static_cast<ptrdiff_t>(position) * dim);
      std::copy_n(value, dim, values + at + static_cast<ptrdiff_t>(position) * dim);
      return;
    }
    uint32_t* row = rows + at + static_cast<ptrdiff_t>(position) * words;
    routines().compress(key, row, dim, bits);
    routines().compress(value, row + words / 2, dim, bits);
  }

  void put_queries(int at_batch, int position, const float* from, int width) const {
    if (ring != 0) {
      const ptrdiff_t row = static_cast<ptrdiff_t>(at_batch) * ring + (first + position) % ring;
      std::copy_n(from, width, queries + row * width);
    }
  }
};

// Rotary angles of the new positions, (length, dim) each.
struct Angles {
  const float *cosines, *sines;
  int length, dim;
};

// x (rows, hidden) -> q (rows, heads * dim), and keys and values.
void read_input(const Layer& layer, const float* x, int rows, const Angles& angles, float* q, const Slots& slots) {
  thread_local std::vector<float> memory;
  const Matrix& qkv = layer.qkv;
  const int dim = angles.dim, heads = layer.heads, kv_heads = layer.kv_heads;
  float* normed = scratch(memory, static_cast<size_t>(rows) * (qkv.inputs + qkv.outputs));
  float* joined = normed + static_cast<ptrdiff_t>(rows) * qkv.inputs;
  const Routines& set = routines();
  for (ptrdiff_t row = 0; row < rows; ++row) {
    set.rms_norm(x + row * qkv.inputs, layer.input_norm, layer.eps, normed + row * qkv.inputs, qkv.inputs);
  }
  multiply(qkv, normed, rows, nullptr, joined);
  for (int row = 0; row < rows; ++row) {
    const int batch = row / angles.length, position = row % angles.length;
    float* from = joined + static_cast<ptrdiff_t>(row) * qkv.outputs;
    for (int head = 0; head < heads + kv_heads; ++head) {
      set.rotate(from + head * dim, angles.cosines + position * dim, angles.sines + position * dim, dim);
    }
    std::copy_n(from, heads * dim, q + static_cast<ptrdiff_t>(row) * heads * dim);
    slots.put_queries(batch, position, from, heads * dim);
    for (int head = 0; head < kv_heads; ++head) {
      const float* key = from + (heads + head) * dim;
      slots.put(batch, head, position, key, key + kv_heads * dim, dim);
    }
  }
}

// x and q -> y (rows, hidden), which may be x.
void write_output(const Layer& layer, const float* x, const float* q, int rows, const Cached& cached, float* y) {
  const Routines& set = routines();
  const Matrix& o = layer.o;
  const ptrdiff_t hidden = o.outputs, inner = layer.down.inputs;
  thread_local std::vector<float> memory;
  float* attended = scratch(memory, rows * (o.inputs + 2 * hidden + 3 * inner));
  float *middle = attended + static_cast<ptrdiff_t>(rows) * o.inputs, *normed = middle + rows * hidden;
  float *wide = normed + rows * hidden, *gated = wide + rows * 2 * inner;
  cached.attend(q, rows, attended);
  multiply(o, attended, rows, x, middle);
  for (ptrdiff_t row = 0; row < rows; ++row) {
    set.rms_norm(middle + row * hidden, layer.norm, layer.eps, normed + row * hidden, static_cast<int>(hidden));
  }
  multiply(layer.gate_up, normed, rows, nullptr, wide);
  for (ptrdiff_t row = 0; row < rows; ++row) {
    set.gate(wide + row * 2 * inner, gated + row * inner, static_cast<int>(inner));
  }
  multiply(layer.down, gated, rows, middle, y);
}

class LlamaInput : public CpuPrimitive {
 public:
  LlamaInput(mx::Stream stream, Packing packing, int heads, int kv_heads, float eps)
      : CpuPrimitive(stream), packing_(packing), heads_(heads), kv_heads_(kv_heads), eps_(eps) {}
  const char* name() const override { return "LlamaInput"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float *q = allocate(outputs[0]), *k = allocate(outputs[1]), *v = allocate(outputs[2]);
    const float* x = inputs[0].data<float>();
    const Angles angles{inputs[3].data<float>(), inputs[4].data<float>(), inputs[3].shape(0), inputs[3].shape(1)};
    const ptrdiff_t head = static_cast<ptrdiff_t>(angles.length) * angles.dim;
    Layer layer{};
    layer.input_norm = inputs[1].data<float>();
    layer.qkv = matrix(inputs[2], packing_);
    layer.heads = heads_, layer.kv_heads = kv_heads_, layer.eps = eps_;
    const Slots slots{k, v, kv_heads_ * head, head};
    mx::cpu::get_command_encoder(stream()).dispatch(
        [=, rows = inputs[0].shape(0)] { read_input(layer, x, rows, angles, q, slots); });
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
    const float *x = inputs[0].data<float>(), *q = inputs[1].data<float>();
    Layer layer{};
    layer.o = matrix(inputs[2], packings_.o);
    layer.norm = inputs[3].data<float>();
    layer.gate_up = matrix(inputs[4], packings_.gate_up);
    layer.down = matrix(inputs[5], packings_.down);
    layer.eps = eps_;
    const Cached cached(inputs, kNumOthers, heads_, packings_.o.inputs / heads_);
    mx::cpu::get_command_encoder(stream()).dispatch(
        [=, rows = inputs[0].shape(0)] { write_output(layer, x, q, rows, cached, y); });
  }

  static constexpr size_t kNumOthers = 6;  // inputs before what the cache holds

 private:
  LlamaPackings packings_;
  int heads_;
  float eps_;
};

// All layers. Keys, values and queries are written into the inputs that hold them, of which mlx knows nothing.
class LlamaPass : public CpuPrimitive {
 public:
  LlamaPass(
      mx::Stream stream, Packing qkv, LlamaPackings packings, int heads, int kv_heads, float eps, int start, int place,
      size_t num_buffers)
      : CpuPrimitive(stream), qkv_(qkv), packings_(packings), heads_(heads), kv_heads_(kv_heads), eps_(eps),
        start_(start), place_(place), num_buffers_(num_buffers) {}
  const char* name() const override { return "LlamaPass"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* states = allocate(outputs[0]);
    const mx::array& embedded = inputs[0];
    const float *x = embedded.data<float>(), *last_norm = inputs[4].data<float>();
    const int rows = embedded.shape(0) * embedded.shape(1), dim = inputs[1].shape(1);
    const ptrdiff_t first = static_cast<ptrdiff_t>(start_) * dim;
    const Angles angles{inputs[1].data<float>() + first, inputs[2].data<float>() + first, embedded.shape(1), dim};
    std::vector<Step> steps;
    for (size_t i = kNumOthers; i < inputs.size(); i += kNumWeights + num_buffers_) {
      const mx::array *in = &inputs[i], *buffers = in + kNumWeights;
      const Layer layer{
          in[0].data<float>(), matrix(in[1], qkv_), matrix(in[2], packings_.o), in[3].data<float>(),
          matrix(in[4], packings_.gate_up), matrix(in[5], packings_.down), heads_, kv_heads_, eps_};
      const Cached cached(buffers, num_attended(num_buffers_), place_ + angles.length, heads_, dim);
      steps.push_back({layer, slots(buffers, cached.bits()), cached});
    }
    mx::cpu::get_command_encoder(stream()).dispatch([=, steps = std::move(steps), eps = eps_] {
      const ptrdiff_t hidden = steps[0].layer.o.outputs, wide = steps[0].layer.o.inputs;
      thread_local std::vector<float> memory;
      float* stream = scratch(memory, rows * (hidden + wide));
      float* q = stream + rows * hidden;
      std::copy_n(x, rows * hidden, stream);
      for (const Step& step : steps) {
        read_input(step.layer, stream, rows, angles, q, step.slots);
        write_output(step.layer, stream, q, rows, step.cached, stream);
      }
      for (ptrdiff_t row = 0; row < rows; ++row) {
        routines().rms_norm(stream + row * hidden, last_norm, eps, states + row * hidden, static_cast<int>(hidden));
      }
    });
  }

  static constexpr size_t kNumOthers = 5, kNumWeights = 6;  // inputs before the layers; of each, before its buffers

  // How many of a layer's buffers attention reads; of 3 or 7 the last gets queries.
  static size_t num_attended(size_t buffers) { return buffers > 2 ? buffers - 1 : buffers; }

 private:
  struct Step {
    Layer layer;
    Slots slots;
    Cached cached;
  };

  Slots slots(const mx::array* buffers, int bits) const {
    const ptrdiff_t width = buffers[0].shape(3), head = buffers[0].shape(2) * width;
    Slots slots{nullptr, nullptr, kv_heads_ * head, head};
    if (bits != 0) {
      slots.rows = writable<uint32_t>(buffers[0]) + place_ * width;
      slots.words = static_cast<int>(width), slots.bits = bits;
    } else {
      slots.keys = writable<float>(buffers[0]) + place_ * width;
      slots.values = writable<float>(buffers[1]) + place_ * width;
    }
    if (num_attended(num_buffers_) < num_buffers_) {
      const mx::array& ring = buffers[num_buffers_ - 1];
      slots.queries = writable<float>(ring);
      slots.ring = ring.shape(1), slots.first = place_;
    }
    return slots;
  }

  template <class T>
  static T* writable(const mx::array& a) {
    if (!a.flags().row_contiguous) {
      throw std::runtime_error("what a pass writes to must be in one piece");
    }
    return const_cast<T*>(a.data<T>());
  }

  Packing qkv_;
  LlamaPackings packings_;
  int heads_, kv_heads_;
  float eps_;
  int start_, place_;
  size_t num_buffers_;  // of a layer's cache
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

mx::array llama_pass(
    const mx::array& x, const std::pair<mx::array, mx::array>& tables, int start, int place,
    const std::vector<mx::array>& weights, const mx::array& last_norm, const std::vector<mx::array>& stored,
    const mx::array& after, const Packing& qkv, const LlamaPackings& packings, int heads, int kv_heads, float eps) {
  const auto& [cosines, sines] = tables;
  require_floats({x, cosines, sines, last_norm});
  require(x.ndim() == 3 && x.size() > 0, "x must be (B, L, hidden)");
  const int batches = x.shape(0), length = x.shape(1), hidden = x.shape(2), inner = packings.down.inputs;
  require(cosines.ndim() == 2 && cosines.shape() == sines.shape(), "tables must be (positions, D)");
  const int dim = cosines.shape(1);
  require(start >= 0 && start + length <= cosines.shape(0), "the tables end before the last position");
  require(heads > 0 && kv_heads > 0 && heads % kv_heads == 0, "heads do not fit");
  require(qkv.inputs == hidden && qkv.outputs == (heads + 2 * kv_heads) * dim, "heads do not fit");
  require(packings.o.inputs == heads * dim && packings.o.outputs == hidden, "o does not fit");
  require(packings.gate_up.inputs == hidden && packings.gate_up.outputs == 2 * inner, "gate and up do not fit");
  require(packings.down.outputs == hidden && last_norm.shape() == mx::Shape{hidden}, "down or norm does not fit");
  constexpr size_t kNumWeights = LlamaPass::kNumWeights;
  const size_t layers = weights.size() / kNumWeights, buffers = layers == 0 ? 0 : stored.size() / layers;
  require(layers * kNumWeights == weights.size() && layers * buffers == stored.size(), "layers do not fit");
  require(buffers == 1 || buffers == 2 || buffers == 3 || buffers == 7, "a pass writes to 1, 2, 3 or 7 arrays");
  const size_t attended = LlamaPass::num_attended(buffers);
  std::vector<mx::array> inputs{mx::contiguous(x), cosines, sines, after, last_norm};
  inputs.reserve(inputs.size() + weights.size() + stored.size());
  for (size_t i = 0; i < layers; ++i) {
    const mx::array* of_layer = &weights[kNumWeights * i];
    const std::vector<mx::array> held(&stored[buffers * i], &stored[buffers * i] + attended);
    require_floats({of_layer[0], of_layer[3]});
    require(of_layer[0].shape() == last_norm.shape() && of_layer[3].shape() == last_norm.shape(), "a norm does not fit");
    require_packed(of_layer[1], qkv);
    require_packed(of_layer[2], packings.o);
    require_packed(of_layer[4], packings.gate_up);
    require_packed(of_layer[5], packings.down);
    Cached::require_form(held, batches * length, heads, kv_heads, dim);
    require(held[0].shape(0) == batches, "keys and values must be of as many sequences");
    require(place >= 0 && place + length <= held[0].shape(2), "there is no room for more keys");
    inputs.insert(inputs.end(), of_layer, of_layer + kNumWeights);
    inputs.insert(inputs.end(), held.begin(), held.end());
    if (attended < buffers) {
      const mx::array& ring = stored[buffers * i + attended];
      const bool fits = ring.ndim() == 3 && ring.shape(0) == batches && ring.shape(1) > 0 && ring.shape(2) == heads * dim;
      require(fits && ring.dtype() == mx::float32, "queries must be (B, R, heads * D) of float32");
      inputs.push_back(ring);
    }
  }
  auto primitive =
      std::make_shared<LlamaPass>(cpu_stream(), qkv, packings, heads, kv_heads, eps, start, place, buffers);
  return mx::array(x.shape(), mx::float32, primitive, inputs);
}

}  // namespace nightingale
