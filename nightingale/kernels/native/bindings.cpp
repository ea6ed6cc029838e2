// What Python sees. nightingale/kernels/__init__.py is the only caller.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "mlx/version.h"
#include "pool.h"
#include "primitives.h"
#include "routines.h"

namespace nb = nanobind;
namespace ours = nightingale;
using Sizes = std::tuple<int, int, int, int>;

namespace {

ours::Packing packing(const Sizes& sizes) {
  const auto [inputs, outputs, bits, group] = sizes;
  if (inputs <= 0 || outputs <= 0 || bits < 0 || (bits > 0 && (group <= 0 || inputs % group != 0))) {
    throw nb::value_error("a matrix has no such sizes");
  }
  return {inputs, outputs, bits, group};
}

}  // namespace

NB_MODULE(_native, m) {
  // Another mlx may lay its classes out otherwise: the caller compares.
  m.attr("MLX_VERSION") = std::to_string(MLX_VERSION_MAJOR) + "." + std::to_string(MLX_VERSION_MINOR) + "." +
      std::to_string(MLX_VERSION_PATCH);

  m.def("num_threads", &ours::num_threads);
  m.def("set_num_threads", &ours::set_num_threads);
  m.def("instruction_set", [] { return std::string(ours::routines().name); });
  m.def("use_instruction_set", [](const std::string& name) { return ours::use_instruction_set(name.c_str()); });
  m.def("instruction_sets", [] {
    std::vector<std::string> names;
    for (int i = 0; i < ours::num_instruction_sets(); ++i) {
      names.emplace_back(ours::instruction_set(i));
    }
    return names;
  });

  m.def("pack_panels", &ours::pack_panels);
  m.def("pack_blocks", &ours::pack_blocks);
  m.def("unpack", &ours::unpack);
  m.def(
      "multiply",
      [](const mlx::core::array& x, const mlx::core::array& weights, const Sizes& sizes, int taps, int dilation,
         const std::optional<mlx::core::array>& bias, const std::optional<mlx::core::array>& residual) {
        return ours::multiply(x, weights, packing(sizes), taps, dilation, bias, residual);
      },
      nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg().none());
  m.def("apply", &ours::apply);
  m.def("snake", &ours::snake);
  m.def("layer_norm", &ours::layer_norm);
  m.def("softmax", &ours::softmax, nb::arg(), nb::arg().none());
  m.def("attention", &ours::attention);
  m.def(
      "llama_input",
      [](const mlx::core::array& x, const mlx::core::array& norm, const mlx::core::array& qkv, const Sizes& sizes,
         const mlx::core::array& cosines, const mlx::core::array& sines, int heads, int kv_heads, float eps) {
        return ours::llama_input(x, norm, qkv, packing(sizes), cosines, sines, heads, kv_heads, eps);
      });
  m.def(
      "llama_output",
      [](const mlx::core::array& x, const mlx::core::array& queries, const std::vector<mlx::core::array>& stored,
         int heads, int kv_heads, const mlx::core::array& o, const mlx::core::array& norm,
         const mlx::core::array& gate_up, const mlx::core::array& down, const Sizes& o_sizes,
         const Sizes& gate_up_sizes, const Sizes& down_sizes, float eps) {
        const ours::LlamaPackings packings{packing(o_sizes), packing(gate_up_sizes), packing(down_sizes)};
        return ours::llama_output(x, queries, stored, heads, kv_heads, o, norm, gate_up, down, packings, eps);
      });
  m.def(
      "llama_pass",
      [](const mlx::core::array& x, const std::pair<mlx::core::array, mlx::core::array>& tables, int start, int place,
         const std::vector<mlx::core::array>& weights, const mlx::core::array& last_norm,
         const std::vector<mlx::core::array>& stored, const mlx::core::array& after, const std::array<Sizes, 4>& sizes,
         int heads, int kv_heads, float eps) {
        const ours::LlamaPackings packings{packing(sizes[1]), packing(sizes[2]), packing(sizes[3])};
        return ours::llama_pass(
            x, tables, start, place, weights, last_norm, stored, after, packing(sizes[0]), packings, heads, kv_heads,
            eps);
      });
  m.def("compress", &ours::compress);
  m.def(
      "choose", &ours::choose, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(),
      nb::arg());
}
