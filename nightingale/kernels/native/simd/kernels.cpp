// The table of kernels for one instruction set; CMakeLists.txt compiles this file once for each.
//
// This file and its headers use no templates of the standard library. The linker keeps one copy of such a function for
// the whole module, and that copy might have instructions that the processor does not have.
#include "kernels.h"

#include "activations.h"
#include "attention.h"
#include "gemm.h"
#include "quantized_attention.h"
#include "rows.h"

namespace nightingale::INSTRUCTION_SET {
namespace {

bool supported() {
#if defined(__AVX512F__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
#elif defined(__AVX2__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return true;
#endif
}

}  // namespace

#define QUOTE(name) #name
#define QUOTE_VALUE(macro) QUOTE(macro)

extern const Kernels kKernels;
const Kernels kKernels = {
    .name = QUOTE_VALUE(INSTRUCTION_SET),
    .supported = supported,
    .multiply_panels = multiply_panels,
    .multiply_blocks = multiply_blocks,
    .group_sums = group_sums,
    .activate = activate,
    .snake = snake,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .rotate = rotate,
    .swiglu = swiglu,
    .softmax = softmax,
    .attend = attend,
    .attend_quantized = attend_quantized,
    .quantize = quantize,
    .process_logits = process_logits,
};

}  // namespace nightingale::INSTRUCTION_SET
