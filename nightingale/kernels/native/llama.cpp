// A Llama layer in two operations, with the cache's update between them, or all layers in one operation.
//
// One token is hundreds of tiny steps. As nodes of MLX's graph, each would cost more than its arithmetic.
#include "arrays.h"
#include "kv_cache.h"
#include "llama_layer.h"
#include "ops.h"
#include "simd/dispatch.h"

namespace nightingale {
namespace {

Matrix matrix(const mx::array& weights, const Packing& packing) { return {weights.data<void>(), packing}; }

class LlamaInput : public CpuPrimitive {
 public:
  LlamaInput(mx::Stream stream, Packing packing, int heads, int kv_heads, float eps)
      : CpuPrimitive(stream), packing_(packing), heads_(heads), kv_heads_(kv_heads), eps_(eps) {}
  const char* name() const override { return "LlamaInput"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float *q = allocate(outputs[0]), *k = allocate(outputs[1]), *v = allocate(outputs[2]);
    const float* x = inputs[0].data<float>();
    const RotaryAngles angles{inputs[3].data<float>(), inputs[4].data<float>(), inputs[3].shape(0), inputs[3].shape(1)};
    LlamaLayer layer{};
    layer.input_norm = inputs[1].data<float>();
    layer.qkv = matrix(inputs[2], packing_);
    layer.heads = heads_, layer.kv_heads = kv_heads_, layer.eps = eps_;
    CacheWriter writer;
    writer.keys = k, writer.values = v;
    writer.head = static_cast<ptrdiff_t>(angles.length) * angles.dim;
    writer.batch = kv_heads_ * writer.head;
    enqueue([=, rows = inputs[0].shape(0)] { project_qkv(layer, x, rows, angles, q, writer); });
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
    LlamaLayer layer{};
    layer.o = matrix(inputs[2], packings_.o);
    layer.post_norm = inputs[3].data<float>();
    layer.gate_up = matrix(inputs[4], packings_.gate_up);
    layer.down = matrix(inputs[5], packings_.down);
    layer.eps = eps_;
    const CacheView cache(inputs, kNumOthers, heads_, packings_.o.inputs / heads_);
    enqueue([=, rows = inputs[0].shape(0)] { attend_and_transform(layer, x, q, rows, cache, y); });
  }

  static constexpr size_t kNumOthers = 6;  // inputs before the cache's arrays

 private:
  LlamaPackings packings_;
  int heads_;
  float eps_;
};

// Writes keys, values and queries into its inputs; MLX does not know of these writes.
class LlamaPass : public CpuPrimitive {
 public:
  LlamaPass(
      mx::Stream stream, Packing qkv, LlamaPackings packings, int heads, int kv_heads, float eps, int start,
      int write_index, size_t num_arrays)
      : CpuPrimitive(stream), qkv_(qkv), packings_(packings), heads_(heads), kv_heads_(kv_heads), eps_(eps),
        start_(start), write_index_(write_index), num_arrays_(num_arrays) {}
  const char* name() const override { return "LlamaPass"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    float* states = allocate(outputs[0]);
    const mx::array& embedded = inputs[0];
    const float *x = embedded.data<float>(), *last_norm = inputs[4].data<float>();
    const int rows = embedded.shape(0) * embedded.shape(1), length = embedded.shape(1), dim = inputs[1].shape(1);
    const ptrdiff_t first = static_cast<ptrdiff_t>(start_) * dim;
    const RotaryAngles angles{inputs[1].data<float>() + first, inputs[2].data<float>() + first, length, dim};
    std::vector<Step> steps;
    for (size_t i = kNumOthers; i < inputs.size(); i += kNumWeights + num_arrays_) {
      const mx::array *weights = &inputs[i], *arrays = weights + kNumWeights;
      const CacheView cache(arrays, num_attended(arrays, num_arrays_), write_index_ + length, heads_, dim);
      steps.push_back({layer(weights), writer(arrays, cache.bits()), cache});
    }
    enqueue([=, steps = std::move(steps), eps = eps_] {
      const Packing& o = steps[0].layer.o.packing;
      const ptrdiff_t hidden = o.outputs;
      thread_local std::vector<float> memory;
      float* stream = scratch(memory, rows * (hidden + o.inputs));
      float* queries = stream + rows * hidden;
      std::copy_n(x, rows * hidden, stream);
      for (const Step& step : steps) {
        project_qkv(step.layer, stream, rows, angles, queries, step.writer);
        attend_and_transform(step.layer, stream, queries, rows, step.cache, stream);
      }
      for (ptrdiff_t row = 0; row < rows; ++row) {
        kernels().rms_norm(stream + row * hidden, last_norm, eps, states + row * hidden, static_cast<int>(hidden));
      }
    });
  }

  static constexpr size_t kNumOthers = 5;   // inputs before the first layer's
  static constexpr size_t kNumWeights = 6;  // inputs of a layer before its cache's arrays

  // How many of a cache's arrays attention reads. If the last one has three axes, it is the ring of queries.
  static size_t num_attended(const mx::array* arrays, size_t num_arrays) {
    return arrays[num_arrays - 1].ndim() == 3 ? num_arrays - 1 : num_arrays;
  }

 private:
  struct Step {
    LlamaLayer layer;
    CacheWriter writer;
    CacheView cache;
  };

  LlamaLayer layer(const mx::array* weights) const {
    return {
        weights[0].data<float>(), matrix(weights[1], qkv_), matrix(weights[2], packings_.o), weights[3].data<float>(),
        matrix(weights[4], packings_.gate_up), matrix(weights[5], packings_.down), heads_, kv_heads_, eps_};
  }

  CacheWriter writer(const mx::array* arrays, int bits) const {
    const ptrdiff_t width = arrays[0].shape(3);
    CacheWriter writer;
    writer.head = arrays[0].shape(2) * width;
    writer.batch = kv_heads_ * writer.head;
    if (bits != 0) {
      writer.rows = writable<uint32_t>(arrays[0]) + write_index_ * width;
      writer.row_words = static_cast<int>(width), writer.bits = bits;
    } else {
      writer.keys = writable<float>(arrays[0]) + write_index_ * width;
      writer.values = writable<float>(arrays[1]) + write_index_ * width;
    }
    if (num_attended(arrays, num_arrays_) < num_arrays_) {
      const mx::array& ring = arrays[num_arrays_ - 1];
      writer.queries = writable<float>(ring);
      writer.ring = ring.shape(1), writer.first = start_;
    }
    return writer;
  }

  template <class T>
  static T* writable(const mx::array& a) {
    if (!a.flags().row_contiguous) {
      throw std::runtime_error("an array that a pass writes to must be in one piece");
    }
    return const_cast<T*>(a.data<T>());
  }

  Packing qkv_;
  LlamaPackings packings_;
  int heads_, kv_heads_;
  float eps_;
  int start_, write_index_;
  size_t num_arrays_;  // of a layer's cache
};

// The matrices behind attention fit each other: (heads * D) -> hidden, hidden -> 2 * inner, inner -> hidden.
void require_fit(const LlamaPackings& packings, int hidden, int width) {
  const int inner = packings.down.inputs;
  require(packings.o.inputs == width && packings.o.outputs == hidden, "o does not fit");
  require(packings.gate_up.inputs == hidden && packings.gate_up.outputs == 2 * inner, "gate and up do not fit");
  require(packings.down.outputs == hidden, "down does not fit");
}

void require_weights(const mx::array* weights, int hidden, const Packing& qkv, const LlamaPackings& packings) {
  require_float32({weights[0], weights[3]});
  const mx::Shape norm{hidden};
  require(weights[0].shape() == norm && weights[3].shape() == norm, "a norm does not fit");
  require_packed(weights[1], qkv);
  require_packed(weights[2], packings.o);
  require_packed(weights[4], packings.gate_up);
  require_packed(weights[5], packings.down);
}

struct PassShape {
  int batches, write_index, length, heads, kv_heads, dim;
};

// The arrays of a layer's cache have room for the new positions.
void require_writable(const std::vector<mx::array>& arrays, const PassShape& pass) {
  const size_t attended = LlamaPass::num_attended(arrays.data(), arrays.size());
  const std::vector<mx::array> cache(arrays.begin(), arrays.begin() + attended);
  CacheView::require_form(cache, pass.batches * pass.length, pass.heads, pass.kv_heads, pass.dim);
  require(cache[0].shape(0) == pass.batches, "keys and values must be of as many sequences as x");
  const int end = pass.write_index + pass.length;
  require(pass.write_index >= 0 && end <= cache[0].shape(2), "there is no room for more keys");
  if (attended < arrays.size()) {
    const mx::array& ring = arrays.back();
    const bool fits = ring.ndim() == 3 && ring.shape(0) == pass.batches;
    require(fits && ring.shape(2) == pass.heads * pass.dim, "queries must be (B, R, heads * D)");
    require(ring.dtype() == mx::float32, "queries must be float32");
  }
}

}  // namespace

std::tuple<mx::array, mx::array, mx::array> llama_input(
    const mx::array& x, const mx::array& norm, const mx::array& qkv, const Packing& packing, const mx::array& cosines,
    const mx::array& sines, int heads, int kv_heads, float eps) {
  require_float32({x, norm, cosines, sines});
  require_packed(qkv, packing);
  require(x.ndim() == 2 && x.shape(1) == packing.inputs, "x must be (B * L, hidden)");
  require(norm.shape() == mx::Shape{packing.inputs}, "norm must be (hidden,)");
  require(cosines.ndim() == 2 && cosines.shape() == sines.shape() && cosines.shape(0) > 0, "angles must be (L, D)");
  const int length = cosines.shape(0), dim = cosines.shape(1);
  require(x.shape(0) % length == 0 && packing.outputs == (heads + 2 * kv_heads) * dim, "heads do not fit");
  auto primitive = std::make_shared<LlamaInput>(cpu_stream(), packing, heads, kv_heads, eps);
  const mx::Shape cached{x.shape(0) / length, kv_heads, length, dim};
  auto out = mx::array::make_arrays(
      {mx::Shape{x.shape(0), heads * dim}, cached, cached}, {mx::float32, mx::float32, mx::float32}, primitive,
      {mx::contiguous(x), norm, qkv, mx::contiguous(cosines), mx::contiguous(sines)});
  return {out[0], out[1], out[2]};
}

mx::array llama_output(
    const mx::array& x, const mx::array& queries, const std::vector<mx::array>& stored, int heads, int kv_heads,
    const mx::array& o, const mx::array& norm, const mx::array& gate_up, const mx::array& down,
    const LlamaPackings& packings, float eps) {
  require_float32({x, queries, norm});
  require_packed(o, packings.o);
  require_packed(gate_up, packings.gate_up);
  require_packed(down, packings.down);
  const int hidden = packings.o.outputs, width = packings.o.inputs;
  require(x.ndim() == 2 && x.shape(1) == hidden, "x must be (B * L, hidden)");
  require(queries.shape() == mx::Shape{x.shape(0), width}, "queries must be (B * L, heads * D)");
  require(heads > 0 && width % heads == 0, "heads do not fit");
  CacheView::require_form(stored, x.shape(0), heads, kv_heads, width / heads);
  require_fit(packings, hidden, width);
  require(norm.size() == static_cast<size_t>(hidden), "norm must be (hidden,)");
  std::vector<mx::array> inputs{mx::contiguous(x), mx::contiguous(queries), o, norm, gate_up, down};
  inputs.insert(inputs.end(), stored.begin(), stored.end());
  auto primitive = std::make_shared<LlamaOutput>(cpu_stream(), packings, heads, eps);
  return mx::array(x.shape(), mx::float32, primitive, inputs);
}

mx::array llama_pass(
    const mx::array& x, const std::pair<mx::array, mx::array>& tables, int start, int write_index,
    const std::vector<mx::array>& weights, const mx::array& last_norm, const std::vector<mx::array>& stored,
    const mx::array& after, const Packing& qkv, const LlamaPackings& packings, int heads, int kv_heads, float eps) {
  const auto& [cosines, sines] = tables;
  require_float32({x, cosines, sines, last_norm});
  require(x.ndim() == 3 && x.size() > 0, "x must be (B, L, hidden)");
  const int batches = x.shape(0), length = x.shape(1), hidden = x.shape(2);
  require(cosines.ndim() == 2 && cosines.shape() == sines.shape(), "tables must be (positions, D)");
  const int dim = cosines.shape(1);
  require(start >= 0 && start + length <= cosines.shape(0), "the tables end before the last position");
  require(heads > 0 && kv_heads > 0 && heads % kv_heads == 0, "heads do not fit");
  require(qkv.inputs == hidden && qkv.outputs == (heads + 2 * kv_heads) * dim, "heads do not fit");
  require_fit(packings, hidden, heads * dim);
  require(last_norm.shape() == mx::Shape{hidden}, "the last norm must be (hidden,)");
  constexpr size_t kNumWeights = LlamaPass::kNumWeights;
  const size_t layers = weights.size() / kNumWeights, arrays = layers == 0 ? 0 : stored.size() / layers;
  require(layers * kNumWeights == weights.size() && layers * arrays == stored.size(), "layers do not fit");
  require(arrays > 0, "a pass writes to a cache of at least one array");
  std::vector<mx::array> inputs{mx::contiguous(x), cosines, sines, after, last_norm};
  inputs.reserve(inputs.size() + weights.size() + stored.size());
  for (size_t i = 0; i < layers; ++i) {
    const mx::array *of_layer = &weights[kNumWeights * i], *cache = &stored[arrays * i];
    require_weights(of_layer, hidden, qkv, packings);
    require_writable({cache, cache + arrays}, {batches, write_index, length, heads, kv_heads, dim});
    inputs.insert(inputs.end(), of_layer, of_layer + kNumWeights);
    inputs.insert(inputs.end(), cache, cache + arrays);
  }
  auto primitive =
      std::make_shared<LlamaPass>(cpu_stream(), qkv, packings, heads, kv_heads, eps, start, write_index, arrays);
  return mx::array(x.shape(), mx::float32, primitive, inputs);
}

}  // namespace nightingale
