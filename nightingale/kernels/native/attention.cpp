// Self-attention of S3Gen: over all rows or within a window, with or without relative positions.
//
// Within a window a query has few keys, and scores them one by one. Without a window all queries read all keys, so
// scores and weighted values are matrix products: keys, values and distances are packed into panels once and read by
// many rows.
#include <cmath>

#include "arrays.h"
#include "matmul.h"
#include "ops.h"
#include "simd/dispatch.h"
#include "threads.h"

namespace nightingale {
namespace {

constexpr int kWindowRows = 8;  // queries of a task with a window
constexpr int kBlockRows = 56;  // queries of a task without one

// Packs one panel of a matrix whose element (output o, input i) is at from[o * output_stride + i * input_stride].
void pack_panel(
    const float* from, ptrdiff_t output_stride, ptrdiff_t input_stride, int outputs, int inputs, int panel, float* to) {
  const int first = panel * kPanel, count = std::min(kPanel, outputs - first);
  for (int i = 0; i < inputs; ++i) {
    for (int o = 0; o < count; ++o) {
      to[i * kPanel + o] = from[(first + o) * output_stride + i * input_stride];
    }
    std::fill(to + i * kPanel + count, to + (i + 1) * kPanel, 0.0f);
  }
}

// y (rows, outputs) = x (rows, inputs) @ panels, on this thread.
void multiply_panels(
    const float* x, int inputs, int rows, const float* panels, int outputs, float* y, ptrdiff_t y_stride) {
  Product product = make_product({panels, {inputs, outputs, 0, 0}});
  product.x = x;
  product.y = y;
  product.y_stride = y_stride;
  kernels().multiply_panels(product, {0, rows}, {0, divide_up(outputs, kPanel)});
}

// Packed matrices of one size, one after the other.
struct Panels {
  int count;    // panels of a matrix
  size_t size;  // floats of a panel
  float* memory = nullptr;

  float* matrix(int i) const { return memory + i * count * size; }
  float* panel(int i) const { return memory + i * size; }
};

struct AttentionJob {
  Rows q, k, v, table;  // the table of relative positions; any array where there is none
  float* out;
  int heads, window, dim;
  float scale;
  const float *content_bias = nullptr, *position_bias = nullptr;
  const float *queries, *keys, *values, *distances;

  AttentionJob(const std::vector<mx::array>& inputs, float* out, int heads, int window)
      : q(inputs[0]), k(inputs[1]), v(inputs[2]), table(inputs.back()), out(out), heads(heads), window(window),
        dim(q.width() / heads), scale(1.0f / std::sqrt(static_cast<float>(dim))) {
    if (inputs.size() > 3) {
      content_bias = inputs[3].data<float>();
      position_bias = inputs[4].data<float>();
    }
  }

  bool has_positions() const { return content_bias != nullptr; }

  void run() {
    queries = q.data();
    keys = k.data();
    values = v.data();
    distances = has_positions() ? table.data() : nullptr;
    window > 0 ? attend_within_window() : attend_to_all();
  }

  void attend_within_window() {
    const int chunks = divide_up(q.rows(), kWindowRows);
    parallel(q.batches() * heads * chunks, [&](int task) {
      const int pair = task / chunks, first = task % chunks * kWindowRows;
      for (int row = first; row < std::min(first + kWindowRows, q.rows()); ++row) {
        attend_row(pair / heads, pair % heads, row);
      }
    });
  }

  void attend_row(int batch, int head, int row) {
    thread_local std::vector<float> memory;
    const ptrdiff_t channel = static_cast<ptrdiff_t>(head) * dim;
    const int own = k.rows() - q.rows() + row;  // the query's own key
    const int begin = std::max(0, own - window + 1), end = own + 1;
    const float* query = queries + batch * q.batch_stride() + row * q.row_stride() + channel;
    float* scores = scratch(memory, k.rows() + 2 * dim);
    HeadAttention attention{};
    attention.query = query;
    if (has_positions()) {
      float *by_content = scores + k.rows(), *by_position = by_content + dim;
      for (int i = 0; i < dim; ++i) {
        by_content[i] = query[i] + content_bias[channel + i];
        by_position[i] = query[i] + position_bias[channel + i];
      }
      attention.query = by_content;
      attention.position_query = by_position;
      attention.positions = distances + channel + (k.rows() - 1 - own + begin) * table.row_stride();
      attention.position_stride = table.row_stride();
    }
    attention.keys = keys + batch * k.batch_stride() + begin * k.row_stride() + channel;
    attention.values = values + batch * v.batch_stride() + begin * v.row_stride() + channel;
    attention.key_stride = k.row_stride();
    attention.value_stride = v.row_stride();
    attention.count = end - begin;
    attention.dim = dim;
    attention.scale = scale;
    attention.scores = scores;
    attention.out = out + (static_cast<ptrdiff_t>(batch) * q.rows() + row) * q.width() + channel;
    kernels().attend(attention);
  }

  void attend_to_all() {
    const int pairs = q.batches() * heads, chunks = divide_up(q.rows(), kBlockRows);
    const size_t head_panel = static_cast<size_t>(dim) * kPanel, value_panel = static_cast<size_t>(k.rows()) * kPanel;
    Panels key_panels{divide_up(k.rows(), kPanel), head_panel}, value_panels{divide_up(dim, kPanel), value_panel};
    Panels distance_panels{has_positions() ? divide_up(table.rows(), kPanel) : 0, head_panel};
    thread_local std::vector<float> memory;
    const size_t key_floats = pairs * key_panels.count * key_panels.size;
    const size_t value_floats = pairs * value_panels.count * value_panels.size;
    const size_t distance_floats = heads * distance_panels.count * distance_panels.size;
    key_panels.memory = scratch(memory, key_floats + value_floats + distance_floats);
    value_panels.memory = key_panels.memory + key_floats;
    distance_panels.memory = value_panels.memory + value_floats;
    pack(key_panels, value_panels, distance_panels);
    parallel(pairs * chunks, [&](int task) {
      const int pair = task / chunks, batch = pair / heads, head = pair % heads;
      const ptrdiff_t channel = static_cast<ptrdiff_t>(head) * dim;
      QueryBlock block{};
      block.first = task % chunks * kBlockRows;
      block.rows = std::min(kBlockRows, q.rows() - block.first);
      block.queries = queries + batch * q.batch_stride() + block.first * q.row_stride() + channel;
      block.out = out + (static_cast<ptrdiff_t>(batch) * q.rows() + block.first) * q.width() + channel;
      block.keys = key_panels.matrix(pair);
      block.values = value_panels.matrix(pair);
      if (has_positions()) {
        block.distances = distance_panels.matrix(head);
        block.content_bias = content_bias + channel;
        block.position_bias = position_bias + channel;
      }
      attend_block(block);
    });
  }

  // Keys and values of each sequence's heads, and the distances of each head.
  void pack(const Panels& key_panels, const Panels& value_panels, const Panels& distance_panels) {
    const int pairs = q.batches() * heads, num_keys = pairs * key_panels.count, num_values = pairs * value_panels.count;
    parallel(num_keys + num_values + heads * distance_panels.count, [&](int task) {
      if (task < num_keys) {
        const int pair = task / key_panels.count;
        const float* from = keys + pair / heads * k.batch_stride() + pair % heads * dim;
        pack_panel(from, k.row_stride(), 1, k.rows(), dim, task % key_panels.count, key_panels.panel(task));
      } else if ((task -= num_keys) < num_values) {
        const int pair = task / value_panels.count;
        const float* from = values + pair / heads * v.batch_stride() + pair % heads * dim;
        pack_panel(from, 1, v.row_stride(), dim, k.rows(), task % value_panels.count, value_panels.panel(task));
      } else {
        task -= num_values;
        const float* from = distances + task / distance_panels.count * dim;
        const int panel = task % distance_panels.count;
        pack_panel(from, table.row_stride(), 1, table.rows(), dim, panel, distance_panels.panel(task));
      }
    });
  }

  // Some queries of one head, and the head's panels. The biases begin at the head's channels.
  struct QueryBlock {
    const float *queries, *keys, *values, *distances, *content_bias, *position_bias;
    float* out;
    int first, rows;
  };

  void attend_block(const QueryBlock& block) {
    thread_local std::vector<float> memory;
    const int count = k.rows(), rows = block.rows;
    // The distance of row r to key j is entry T - 1 - r + j of the table. The block reads entries from `nearest` on,
    // in panels `begin` to `end`.
    const int nearest = q.rows() - block.first - rows, begin = nearest / kPanel;
    const int end = divide_up(nearest + rows - 1 + count, kPanel), width = (end - begin) * kPanel;
    float* scaled = scratch(memory, static_cast<size_t>(rows) * (dim + count + (has_positions() ? width : 0)));
    float *scores = scaled + rows * dim, *by_distance = scores + rows * count;
    scale_queries(block, block.content_bias, scaled);
    multiply_panels(scaled, dim, rows, block.keys, count, scores, count);
    if (has_positions()) {
      scale_queries(block, block.position_bias, scaled);
      const float* panels = block.distances + static_cast<ptrdiff_t>(begin) * dim * kPanel;
      multiply_panels(scaled, dim, rows, panels, width, by_distance, width);
    }
    for (int row = 0; row < rows; ++row) {
      float* row_scores = scores + static_cast<ptrdiff_t>(row) * count;
      const float* row_distances = has_positions()
          ? by_distance + static_cast<ptrdiff_t>(row) * width + (nearest + rows - 1 - row - begin * kPanel)
          : nullptr;
      kernels().softmax(row_scores, row_distances, row_scores, count);
    }
    multiply_panels(scores, count, rows, block.values, dim, block.out, q.width());
  }

  // (queries + bias) / sqrt(D): (rows, D), contiguous. The bias may be null.
  void scale_queries(const QueryBlock& block, const float* bias, float* to) {
    for (int row = 0; row < block.rows; ++row) {
      const float* query = block.queries + row * q.row_stride();
      for (int i = 0; i < dim; ++i) {
        *to++ = (query[i] + (bias == nullptr ? 0.0f : bias[i])) * scale;
      }
    }
  }
};

class Attention : public CpuPrimitive {
 public:
  Attention(mx::Stream stream, int heads, int window) : CpuPrimitive(stream), heads_(heads), window_(window) {}
  const char* name() const override { return "WindowAttention"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    AttentionJob job(inputs, allocate(outputs[0]), heads_, window_);
    if (outputs[0].size() > 0) {
      enqueue([job]() mutable { job.run(); });
    }
  }

 private:
  int heads_, window_;
};

}  // namespace

mx::array attention(
    const mx::array& queries, const mx::array& keys, const mx::array& values, const std::vector<mx::array>& positions,
    int heads, int window) {
  require(queries.ndim() == 3 && keys.ndim() == 3 && values.shape() == keys.shape(), "queries must be (B, T, H * D)");
  const int width = queries.shape(2), rows = queries.shape(1), count = keys.shape(1);
  require(keys.shape(2) == width && keys.shape(0) == queries.shape(0), "keys do not fit queries");
  require(heads > 0 && width % heads == 0, "the channels must be a multiple of the heads");
  require(count > 0 && window >= 0 && (window == 0 || count >= rows), "there are fewer keys than queries");
  require(positions.empty() || positions.size() == 3, "positions are two biases and a table");
  std::vector<mx::array> inputs{queries, keys, values};
  if (!positions.empty()) {
    const size_t channels = static_cast<size_t>(width);
    require(positions[0].size() == channels && positions[1].size() == channels, "the biases must be (heads, D)");
    require(positions[2].shape() == mx::Shape{count + rows - 1, width}, "the table must be (S + T - 1, H * D)");
    inputs.insert(inputs.end(), {mx::contiguous(positions[0]), mx::contiguous(positions[1]), positions[2]});
  }
  require_float32(inputs);
  auto primitive = std::make_shared<Attention>(cpu_stream(), heads, window);
  return mx::array(queries.shape(), mx::float32, primitive, std::move(inputs));
}

}  // namespace nightingale
