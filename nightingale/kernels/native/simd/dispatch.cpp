// The order of preference is AVX-512, AVX2, plain on x86-64, and NEON alone on aarch64.
#include "dispatch.h"

#include <atomic>
#include <cstring>

namespace nightingale {

#if defined(__x86_64__)
namespace avx512 { extern const Kernels kKernels; }
namespace avx2 { extern const Kernels kKernels; }
namespace plain { extern const Kernels kKernels; }
#elif defined(__aarch64__)
namespace neon { extern const Kernels kKernels; }
#else
namespace plain { extern const Kernels kKernels; }
#endif

namespace {

std::atomic<const Kernels*> chosen{nullptr};

}  // namespace

const std::vector<const Kernels*>& supported_kernels() {
  static const std::vector<const Kernels*> found = [] {
    std::vector<const Kernels*> tables;
    for (const Kernels* table : {
#if defined(__x86_64__)
             &avx512::kKernels, &avx2::kKernels, &plain::kKernels
#elif defined(__aarch64__)
             &neon::kKernels
#else
             &plain::kKernels
#endif
         }) {
      if (table->supported()) {
        tables.push_back(table);
      }
    }
    return tables;
  }();
  return found;
}

const Kernels& kernels() {
  const Kernels* table = chosen.load(std::memory_order_relaxed);
  return table != nullptr ? *table : *supported_kernels().front();
}

bool use_instruction_set(const char* name) {
  for (const Kernels* table : supported_kernels()) {
    if (std::strcmp(table->name, name) == 0) {
      chosen.store(table);
      return true;
    }
  }
  return false;
}

}  // namespace nightingale
