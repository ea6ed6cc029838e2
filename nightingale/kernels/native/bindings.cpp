// The Python module nightingale.kernels._native, whose only caller is nightingale/kernels/cpu.py.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "mlx/version.h"
#include "ops.h"
#include "simd/dispatch.h"
#include "threads.h"

namespace nb = nanobind;
namespace native = nightingale;
using mlx::core::array;
using Sizes = std::tuple<int, int, int, int>;  // inputs, outputs, bits, group size

namespace {

native::Packing packing(const Sizes& sizes) {
  const auto [inputs, outputs, bits, group_size] = sizes;
  if (inputs <= 0 || outputs <= 0 || bits < 0 || (bits > 0 && (group_size <= 0 || inputs % group_size != 0))) {
    throw nb::value_error("the sizes of the matrix are impossible");
  }
  return {inputs, outputs, bits, group_size};
}

}  // namespace

NB_MODULE(_native, m) {
  // For the caller to compare: another version of MLX may lay out its classes differently.
  m.attr("MLX_VERSION") = std::to_string(MLX_VERSION_MAJOR) + "." + std::to_string(MLX_VERSION_MINOR) + "." +
      std::to_string(MLX_VERSION_PATCH);

  m.def("num_threads", &native::num_threads);
  m.def("set_num_threads", &native::set_num_threads);
  m.def("instruction_set", [] { return std::string(native::kernels().name); });
  m.def("use_instruction_set", [](const std::string& name) { return native::use_instruction_set(name.c_str()); });
  m.def("instruction_sets", [] {
    std::vector<std::string> names;
    for (const native::Kernels* table : native::supported_kernels()) {
      names.emplace_back(table->name);
    }
    return names;
  });

  m.def("pack_panels", &native::pack_panels);
  m.def("pack_blocks", &native::pack_blocks);
  m.def("unpack", &native::unpack);
  m.def(
      "multiply",
      [](const array& x, const array& weights, const Sizes& sizes, int taps, int dilation,
         const std::optional<array>& bias, const std::optional<array>& residual) {
        return native::multiply(x, weights, packing(sizes), taps, dilation, bias, residual);
      },
      nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg().none());
  m.def("apply", &native::apply);
  m.def("snake", &native::snake);
  m.def("layer_norm", &native::layer_norm);
  m.def("softmax", &native::softmax, nb::arg(), nb::arg().none());
  m.def("attention", &native::attention);
  m.def(
      "llama_input",
      [](const array& x, const array& norm, const array& qkv, const Sizes& sizes, const array& cosines,
         const array& sines, int heads, int kv_heads, float eps) {
        return native::llama_input(x, norm, qkv, packing(sizes), cosines, sines, heads, kv_heads, eps);
      });
  m.def(
      "llama_output",
      [](const array& x, const array& queries, const std::vector<array>& stored, int heads, int kv_heads,
         const array& o, const array& norm, const array& gate_up, const array& down, const Sizes& o_sizes,
         const Sizes& gate_up_sizes, const Sizes& down_sizes, float eps) {
        const native::LlamaPackings packings{packing(o_sizes), packing(gate_up_sizes), packing(down_sizes)};
        return native::llama_output(x, queries, stored, heads, kv_heads, o, norm, gate_up, down, packings, eps);
      });
  m.def(
      "llama_pass",
      [](const array& x, const std::pair<array, array>& tables, int start, int write_index,
         const std::vector<array>& weights, const array& last_norm, const std::vector<array>& stored,
         const array& after, const std::array<Sizes, 4>& sizes, int heads, int kv_heads, float eps) {
        const native::LlamaPackings packings{packing(sizes[1]), packing(sizes[2]), packing(sizes[3])};
        return native::llama_pass(
            x, tables, start, write_index, weights, last_norm, stored, after, packing(sizes[0]), packings, heads,
            kv_heads, eps);
      });
  m.def("compress", &native::compress);
  m.def(
      "choose", &native::choose, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(),
      nb::arg());
}
