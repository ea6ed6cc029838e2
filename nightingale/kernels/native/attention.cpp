// Attention among the rows of one sequence, with a window and relative positions or without: S3Gen's.
//
// Within a window a query has few keys, and each looks up its own. Without one all queries read all keys, and scores and
// weighted values are matrix products: keys, values and distances are laid out in panels once, then read by many rows.
#include <algorithm>
#include <cmath>

#include "arrays.h"
#include "pool.h"
#include "primitives.h"
#include "routines.h"

namespace nightingale {
namespace {

constexpr int kQueriesAtOnce = 8;  // of a task, each looking up its own
constexpr int kRowsAtOnce = 56;    // of a task of matrix products

// Pads to whole panels.
int panels_of(int outputs) { return (outputs + kPanel - 1) / kPanel; }

// A matrix as panels: output o, input i is at from[o * output_stride + i * input_stride].
void fill_panel(const float* from, ptrdiff_t output_stride, ptrdiff_t input_stride, int outputs, int inputs, int panel,
                float* to) {
  const int first = panel * kPanel, wide = std::min(kPanel, outputs - first);
  for (int i = 0; i < inputs; ++i) {
    for (int o = 0; o < wide; ++o) {
      to[i * kPanel + o] = from[(first + o) * output_stride + i * input_stride];
    }
    std::fill(to + i * kPanel + wide, to + (i + 1) * kPanel, 0.0f);
  }
}

class Attention : public CpuPrimitive {
 public:
  Attention(mx::Stream stream, int heads, int window) : CpuPrimitive(stream), heads_(heads), window_(window) {}
  const char* name() const override { return "WindowAttention"; }

  void eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) override {
    Job job{Rows(inputs[0]), Rows(inputs[1]), Rows(inputs[2]), Rows(inputs.back()), allocate(outputs[0]), heads_, window_};
    if (inputs.size() > 3) {
      job.content = inputs[3].data<float>();
      job.position = inputs[4].data<float>();
    }
    if (outputs[0].size() > 0) {
      mx::cpu::get_command_encoder(stream()).dispatch([job]() mutable { job.run(); });
    }
  }

 private:
  struct Job {
    Rows q, k, v, table;
    float* out;
    int heads, window;
    const float *content = nullptr, *position = nullptr;

    void run() { window > 0 ? look_up_all() : multiply_all(); }

    void look_up_all() {
      const float *queries = q.data(), *keys = k.data(), *values = v.data(), *distances = table.data();
      const int chunks = (q.rows() + kQueriesAtOnce - 1) / kQueriesAtOnce;
      parallel(q.batches() * heads * chunks, [&](int task) {
        const int batch = task / (heads * chunks), head = task / chunks % heads;
        const int first = task % chunks * kQueriesAtOnce;
        const ptrdiff_t at = static_cast<ptrdiff_t>(head) * (q.width() / heads);
        for (int row = first; row < std::min(first + kQueriesAtOnce, q.rows()); ++row) {
          look_up(queries + batch * q.batch_stride() + row * q.row_stride() + at, keys + batch * k.batch_stride() + at,
                  values + batch * v.batch_stride() + at, distances + at, row, at,
                  out + (static_cast<ptrdiff_t>(batch) * q.rows() + row) * q.width() + at);
        }
      });
    }

    void multiply_all() {
      const float *queries = q.data(), *keys = k.data(), *values = v.data();
      const float* distances = content == nullptr ? nullptr : table.data();
      const int dim = q.width() / heads, count = k.rows(), reach = distances == nullptr ? 0 : table.rows();
      const int pairs = q.batches() * heads, chunks = (q.rows() + kRowsAtOnce - 1) / kRowsAtOnce;
      const int key_panels = panels_of(count), value_panels = panels_of(dim), far_panels = panels_of(reach);
      const size_t key_size = static_cast<size_t>(dim) * kPanel, value_size = static_cast<size_t>(count) * kPanel;
      thread_local std::vector<float> memory;
      memory.resize(pairs * (key_panels * key_size + value_panels * value_size) + heads * far_panels * key_size);
      float *packed_keys = memory.data(), *packed_values = packed_keys + pairs * key_panels * key_size;
      float* packed_distances = packed_values + pairs * value_panels * value_size;
      parallel(pairs * (key_panels + value_panels) + heads * far_panels, [&](int task) {
        if (task < pairs * key_panels) {
          const int pair = task / key_panels;
          const float* from = keys + pair / heads * k.batch_stride() + pair % heads * dim;
          fill_panel(from, k.row_stride(), 1, count, dim, task % key_panels, packed_keys + task * key_size);
        } else if ((task -= pairs * key_panels) < pairs * value_panels) {
          const int pair = task / value_panels;
          const float* from = values + pair / heads * v.batch_stride() + pair % heads * dim;
          fill_panel(from, 1, v.row_stride(), dim, count, task % value_panels, packed_values + task * value_size);
        } else {
          task -= pairs * value_panels;
          const float* from = distances + task / far_panels * dim;
          fill_panel(from, table.row_stride(), 1, reach, dim, task % far_panels, packed_distances + task * key_size);
        }
      });
      parallel(pairs * chunks, [&](int task) {
        const int pair = task / chunks, head = pair % heads, first = task % chunks * kRowsAtOnce;
        const int rows = std::min(kRowsAtOnce, q.rows() - first);
        const ptrdiff_t at = static_cast<ptrdiff_t>(head) * dim;
        Tile tile{};
        tile.queries = queries + pair / heads * q.batch_stride() + first * q.row_stride() + at;
        tile.out = out + (static_cast<ptrdiff_t>(pair / heads) * q.rows() + first) * q.width() + at;
        tile.keys = packed_keys + pair * key_panels * key_size;
        tile.values = packed_values + pair * value_panels * value_size;
        tile.first = first;
        tile.rows = rows;
        if (distances != nullptr) {
          tile.distances = packed_distances + head * far_panels * key_size;
          tile.content = content + at;
          tile.position = position + at;
        }
        multiply(tile);
      });
    }

    // Some queries of one head.
    struct Tile {
      const float *queries, *keys, *values, *distances, *content, *position;
      float* out;
      int first, rows;
    };

    void multiply(const Tile& tile) {
      thread_local std::vector<float> memory;
      const Routines& set = routines();
      const int dim = q.width() / heads, count = k.rows(), rows = tile.rows;
      // Row r's distance to key j is entry T - 1 - r + j of the table; the last row's first is the least.
      const int nearest = q.rows() - tile.first - rows, begin = nearest / kPanel;
      const int end = panels_of(nearest + rows - 1 + count), far = (end - begin) * kPanel;
      memory.resize(static_cast<size_t>(rows) * (dim + count + (tile.distances == nullptr ? 0 : far)));
      float *scaled = memory.data(), *scores = scaled + rows * dim, *by_distance = scores + rows * count;
      scale_queries(tile, tile.content, scaled);
      multiply_panels(scaled, dim, rows, tile.keys, count, scores, count);
      if (tile.distances != nullptr) {
        scale_queries(tile, tile.position, scaled);
        const float* panels = tile.distances + static_cast<ptrdiff_t>(begin) * dim * kPanel;
        multiply_panels(scaled, dim, rows, panels, far, by_distance, far);
      }
      for (int row = 0; row < rows; ++row) {
        float* of_row = scores + static_cast<ptrdiff_t>(row) * count;
        const float* added = tile.distances == nullptr
            ? nullptr
            : by_distance + static_cast<ptrdiff_t>(row) * far + (nearest + rows - 1 - row - begin * kPanel);
        set.softmax(of_row, added, of_row, count);
      }
      multiply_panels(scores, count, rows, tile.values, dim, tile.out, q.width());
    }

    // Queries times 1 / sqrt(D), with an addition or none, row after row.
    void scale_queries(const Tile& tile, const float* added, float* to) {
      const int dim = q.width() / heads;
      const float scale = 1.0f / std::sqrt(static_cast<float>(dim));
      for (int row = 0; row < tile.rows; ++row) {
        const float* query = tile.queries + row * q.row_stride();
        for (int i = 0; i < dim; ++i) {
          *to++ = (query[i] + (added == nullptr ? 0.0f : added[i])) * scale;
        }
      }
    }

    static void multiply_panels(const float* x, int inputs, int rows, const float* panels, int outputs, float* y,
                                ptrdiff_t y_stride) {
      Product product{};
      product.x = x;
      product.x_stride = inputs;
      product.taps = 1;
      product.inputs = inputs;
      product.outputs = outputs;
      product.weights = panels;
      product.y = y;
      product.y_stride = y_stride;
      routines().panels(product, {0, rows}, {0, panels_of(outputs)});
    }

    // One query: row `row` of the queries, a head's channels from `at` on.
    void look_up(const float* query, const float* keys, const float* values, const float* distances, int row,
                 ptrdiff_t at, float* to) {
      thread_local std::vector<float> memory;
      const int dim = q.width() / heads, own = k.rows() - q.rows() + row;  // the query's own key
      const int begin = std::max(0, own - window + 1), end = own + 1;
      if (memory.size() < static_cast<size_t>(k.rows() + 2 * dim)) {
        memory.resize(k.rows() + 2 * dim);
      }
      Lookup lookup{};
      lookup.query = query;
      if (content != nullptr) {
        float *by_content = memory.data() + k.rows(), *by_position = by_content + dim;
        for (int i = 0; i < dim; ++i) {
          by_content[i] = query[i] + content[at + i];
          by_position[i] = query[i] + position[at + i];
        }
        lookup.query = by_content;
        lookup.position_query = by_position;
        lookup.positions = distances + (k.rows() - 1 - own + begin) * table.row_stride();
        lookup.position_stride = table.row_stride();
      }
      lookup.keys = keys + begin * k.row_stride();
      lookup.values = values + begin * v.row_stride();
      lookup.key_stride = k.row_stride();
      lookup.value_stride = v.row_stride();
      lookup.count = end - begin;
      lookup.head_dim = dim;
      lookup.scale = 1.0f / std::sqrt(static_cast<float>(dim));
      lookup.scratch = memory.data();
      lookup.out = to;
      routines().attend(lookup);
    }
  };

  int heads_, window_;
};

}  // namespace

mx::array attention(
    const mx::array& queries, const mx::array& keys, const mx::array& values, const std::vector<mx::array>& positions,
    int heads, int window) {
  require(queries.ndim() == 3 && keys.ndim() == 3 && values.shape() == keys.shape(), "queries must be (B, T, H * D)");
  const int width = queries.shape(2), rows = queries.shape(1), count = keys.shape(1);
  require(keys.shape(2) == width && keys.shape(0) == queries.shape(0), "keys do not fit queries");
  require(heads > 0 && width % heads == 0, "heads must share the channels evenly");
  require(count > 0 && window >= 0 && (window == 0 || count >= rows), "there are fewer keys than queries");
  require(positions.empty() || positions.size() == 3, "positions are two additions and a table");
  std::vector<mx::array> inputs{queries, keys, values};
  if (!positions.empty()) {
    const size_t channels = static_cast<size_t>(width);
    require(positions[0].size() == channels && positions[1].size() == channels, "additions must be (heads, D)");
    require(positions[2].shape() == mx::Shape{count + rows - 1, width}, "the table must be (S + T - 1, H * D)");
    inputs.insert(inputs.end(), {mx::contiguous(positions[0]), mx::contiguous(positions[1]), positions[2]});
  }
  for (const mx::array& input : inputs) {
    require(input.dtype() == mx::float32, "all arrays must be float32");
  }
  auto primitive = std::make_shared<Attention>(cpu_stream(), heads, window);
  return mx::array(queries.shape(), mx::float32, primitive, std::move(inputs));
}

}  // namespace nightingale
