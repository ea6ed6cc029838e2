// Runs a CUDA kernel on the CPU, each thread of the grid as a coroutine: its arithmetic, its barriers and what goes on
// between threads are the kernel's; its memory is coherent, as a GPU's is only after fences, which this cannot check.
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
#define __grid_constant__
#define __launch_bounds__(threads)
#define __align__(bytes) __attribute__((aligned(bytes)))
// One copy, which holds what belongs to the block that runs.
#define __shared__ static __attribute__((section("shared")))
extern char __start_shared[] __attribute__((visibility("hidden")));
extern char __stop_shared[] __attribute__((visibility("hidden")));

struct dim3 {
  unsigned x, y, z;
};
// Not aligned as a GPU's are: MLX's arrays are not, on a CPU.
struct uint2 {
  unsigned x, y;
};
struct uint4 {
  unsigned x, y, z, w;
};
struct float4 {
  float x, y, z, w;
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

// Threads that wait for each other: all of a block, or the lanes of a shuffle.
struct Team {
  int arrived = 0;
  int rounds = 0;
  uint32_t words[2][32];
};

struct Thread {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  const int* watched = nullptr;  // it waits until this is no longer `seen`
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
inline int visits;  // to blocks
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

// Each block in turn until all its threads wait; backwards: in the opposite order, for what must not depend on it.
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

// What polls lets others run.
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
