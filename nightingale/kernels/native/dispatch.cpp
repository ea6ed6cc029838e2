// Chooses an instruction set, once, by what the processor says of itself.
#include <atomic>
#include <cstring>
#include <vector>

#include "routines.h"

namespace nightingale {

#if defined(__x86_64__)
namespace avx512 { extern const Routines kRoutines; }
namespace avx2 { extern const Routines kRoutines; }
namespace plain { extern const Routines kRoutines; }
#elif defined(__aarch64__)
namespace neon { extern const Routines kRoutines; }
#else
namespace plain { extern const Routines kRoutines; }
#endif

namespace {

// Those that run here, the best first.
const std::vector<const Routines*>& runnable() {
  static const std::vector<const Routines*> found = [] {
    std::vector<const Routines*> sets;
    for (const Routines* set : {
#if defined(__x86_64__)
             &avx512::kRoutines, &avx2::kRoutines, &plain::kRoutines
#elif defined(__aarch64__)
             &neon::kRoutines
#else
             &plain::kRoutines
#endif
         }) {
      if (set->supported()) {
        sets.push_back(set);
      }
    }
    return sets;
  }();
  return found;
}

std::atomic<const Routines*> chosen{nullptr};

}  // namespace

const Routines& routines() {
  const Routines* set = chosen.load(std::memory_order_relaxed);
  return set != nullptr ? *set : *runnable().front();
}

bool use_instruction_set(const char* name) {
  for (const Routines* set : runnable()) {
    if (std::strcmp(set->name, name) == 0) {
      chosen.store(set);
      return true;
    }
  }
  return false;
}

int num_instruction_sets() { return static_cast<int>(runnable().size()); }

const char* instruction_set(int index) { return runnable()[static_cast<size_t>(index)]->name; }

}  // namespace nightingale
