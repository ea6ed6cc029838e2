// Runs a CUDA kernel on the CPU, with a coroutine for each thread of the grid.
//
// Arithmetic, barriers and the exchange between threads are those of the kernel. Memory is coherent, while a GPU's is so
// only after fences: a missing fence is not found.
#pragma once
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

using std::max;
using std::min;

#define __device__
#define __noinline__
#define __global__
#define __launch_bounds__(threads)
#define __align__(bytes) __attribute__((aligned(bytes)))
// There is one copy of shared memory, in a section of its own. `run` exchanges its content when another block runs.
#define __shared__ static __attribute__((section("shared")))
extern char __start_shared[] __attribute__((visibility("hidden")));
extern char __stop_shared[] __attribute__((visibility("hidden")));

struct dim3 {
  unsigned x, y, z;
};
// Without a GPU's alignment, because MLX's arrays on a CPU do not have it.
struct uint2 {
  unsigned x, y;
};
struct uint4 {
  unsigned x, y, z, w;
};
using Shape = std::array<int32_t, 10>;

struct __nv_bfloat16 {
  uint16_t bits;
  __nv_bfloat16() = default;
  explicit __nv_bfloat16(float value) {
    uint32_t word;
    std::memcpy(&word, &value, 4);
    bits = static_cast<uint16_t>((word + 0x7FFF + (word >> 16 & 1)) >> 16);  // to the nearest, ties to even
  }
  explicit operator float() const {
    const uint32_t word = uint32_t(bits) << 16;
    float value;
    std::memcpy(&value, &word, 4);
    return value;
  }
};

inline dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

// A barrier: of a block's threads, or of the lanes in a shuffle, whose values are in `words` by turns.
struct Team {
  int arrived = 0;
  int rounds = 0;
  uint32_t words[2][32];
};

struct Thread {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  const int* watched = nullptr;  // the thread waits until this differs from `seen`
  int seen = 0;
  bool done = false;
};

struct Block {
  std::vector<Thread> threads;
  std::vector<std::map<unsigned, Team>> warps;
  Team all;
  std::vector<char> shared;
};

inline ucontext_t scheduler;
inline Block* block;
inline Thread* thread;
inline int visits;  // how many times a block was scheduled
inline void (*body)();

inline void wait(const int& watched, int seen) {
  thread->watched = &watched;
  thread->seen = seen;
  swapcontext(&thread->context, &scheduler);
}

inline void meet(Team& team, int count) {
  const int rounds = team.rounds;
  if (++team.arrived < count) return wait(team.rounds, rounds);
  team.arrived = 0;
  team.rounds++;
}

inline void enter() {
  body();
  thread->done = true;
  swapcontext(&thread->context, &scheduler);
}

inline bool step(Thread& next, unsigned index) {
  if (next.done || (next.watched && *next.watched == next.seen)) return false;
  next.watched = nullptr;
  thread = &next;
  threadIdx = {index, 0, 0};
  swapcontext(&scheduler, &next.context);
  return true;
}

// Runs each block in turn until all its threads wait. backwards: in the opposite order, on which no result may depend.
inline void run(void (*kernel)(), unsigned blocks, unsigned threads, bool backwards) {
  body = kernel;
  gridDim = {blocks, 1, 1};
  blockDim = {threads, 1, 1};
  const size_t size = __stop_shared - __start_shared;
  std::vector<Block> grid(blocks);
  for (Block& made : grid) {
    made.threads.resize(threads);
    made.warps.resize((threads + 31) / 32);
    made.shared.assign(size, '\xff');
    for (Thread& t : made.threads) {
      constexpr size_t kStack = 32768;
      t.stack.reset(new char[kStack]);
      getcontext(&t.context);
      t.context.uc_stack.ss_sp = t.stack.get();
      t.context.uc_stack.ss_size = kStack;
      makecontext(&t.context, enter, 0);
    }
  }
  auto unfinished = [](const Block& b) {
    return std::any_of(b.threads.begin(), b.threads.end(), [](const Thread& t) { return !t.done; });
  };
  for (int sweep = 0; std::any_of(grid.begin(), grid.end(), unfinished); sweep++) {
    if (sweep == 20000) std::fputs("the kernel hangs\n", stderr), std::abort();
    for (unsigned i = 0; i < blocks; i++) {
      blockIdx = {backwards ? blocks - 1 - i : i, 0, 0};
      block = &grid[blockIdx.x];
      visits++;
      std::copy(block->shared.begin(), block->shared.end(), __start_shared);
      for (bool moved = true; moved;) {
        moved = false;
        for (unsigned first = 0; first < threads; first += 32)
          for (bool ran = true; ran; moved |= ran) {
            ran = false;
            for (unsigned lane = first; lane < min(first + 32, threads); lane++) {
              const unsigned index = backwards ? threads - 1 - lane : lane;
              ran |= step(block->threads[index], index);
            }
          }
      }
      std::copy(__start_shared, __stop_shared, block->shared.begin());
    }
  }
}

}  // namespace emulator

inline void __syncthreads() { emulator::meet(emulator::block->all, static_cast<int>(blockDim.x)); }
inline void __threadfence() {}
[[noreturn]] inline void __trap() { std::abort(); }

inline unsigned atomicAdd(unsigned* at, unsigned value) {
  *at += value;
  return *at - value;
}

// A read that polls: the other threads run first.
inline unsigned __ldcv(const unsigned* at) {
  emulator::wait(emulator::visits, emulator::visits);
  return *at;
}

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int step) {
  emulator::Team& team = emulator::block->warps[threadIdx.x / 32][mask];
  const int lane = threadIdx.x % 32, round = team.rounds % 2;
  std::memcpy(&team.words[round][lane], &value, 4);
  emulator::meet(team, __builtin_popcount(mask));
  std::memcpy(&value, &team.words[round][lane ^ step], 4);
  return value;
}

inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }

inline float __int_as_float(int word) {
  float value;
  std::memcpy(&value, &word, 4);
  return value;
}

inline int __float_as_int(float value) {
  int word;
  std::memcpy(&word, &value, 4);
  return word;
}
