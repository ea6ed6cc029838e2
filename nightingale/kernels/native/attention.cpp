// Attention among the rows of one sequence, with a window and relative positions or without: S3Gen's.
#include <algorithm>
#include <cmath>

#include "arrays.h"
#include "pool.h"
#include "primitives.h"
#include "routines.h"

namespace nightingale {
namespace {

constexpr int kQueriesAtOnce = 8;  // of a task

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

    void run() {
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

    // One query: row `row` of the queries, a head's channels from `at` on.
    void look_up(const float* query, const float* keys, const float* values, const float* distances, int row,
                 ptrdiff_t at, float* to) {
      thread_local std::vector<float> memory;
      const int dim = q.width() / heads, own = k.rows() - q.rows() + row;  // the query's own key
      const int begin = window > 0 ? std::max(0, own - window + 1) : 0, end = window > 0 ? own + 1 : k.rows();
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
