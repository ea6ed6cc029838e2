// Chooses the kernels for this processor when the program runs.
#pragma once

#include <vector>

#include "kernels.h"

namespace nightingale {

// The tables of the instruction sets that this processor has, the fastest first.
const std::vector<const Kernels*>& supported_kernels();

// The table in use: the fastest, or that of use_instruction_set.
const Kernels& kernels();

// For tests. Returns false if this processor does not have the instruction set.
bool use_instruction_set(const char* name);

}  // namespace nightingale
