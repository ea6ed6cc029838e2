// Device functions that all kernels use: shared memory, a barrier for the grid, prefetching, loads of eight values.
//
// ../cuda.py joins the files of this folder into kernels. It puts kThreads (threads of a block) and kMaxRows first.

constexpr int kWarps = kThreads / 32;
constexpr int kRowsAtOnce = 8;  // weight rows that a warp loads at once: with 16 warps 64 KB, to hide HBM's latency

struct Shared {
  float sums[kWarps][kRowsAtOnce][kMaxRows];
  float squares[kWarps][kMaxRows];
  float attended[kWarps][128 + 2];
};

// A barrier for all blocks of the grid, which must all be resident. At first `arrived` is 0, and `expected` is 0 in
// every thread.
__device__ void grid_barrier(unsigned* arrived, unsigned& expected) {
  expected += gridDim.x;
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    atomicAdd(arrived, 1u);
    // Some ten seconds: a block that cannot become resident must not hang the GPU.
    for (unsigned tries = 0; __ldcv(arrived) < expected; tries++)
      if (tries == 1u << 24) __trap();
    __threadfence();
  }
  __syncthreads();
}

// Prefetches memory into the L2 cache for a later phase.
__device__ void prefetch(const void* from, long bytes) {
#if __CUDA_ARCH__ >= 900
  const size_t begin = __cvta_generic_to_global(from) / 16 * 16;
  const size_t size = (__cvta_generic_to_global(from) + bytes - begin) / 16 * 16;
  if (threadIdx.x == 0 && size > 0)
    asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(begin), "r"(static_cast<unsigned>(size)));
#endif
}

// The first of a block's columns, where the grid's blocks share N. The last is before block_begin(N, block + 1).
__device__ int block_begin(unsigned N, unsigned block) { return N * block / gridDim.x; }

// Eight values: one load of 16 bytes, or two in float32.
template <typename T>
struct Eight {
  uint4 words[sizeof(T) / 2];
  __device__ float operator[](int i) const { return static_cast<float>(reinterpret_cast<const T*>(words)[i]); }
};

template <typename T>
__device__ Eight<T> load8(const T* from) { return *reinterpret_cast<const Eight<T>*>(from); }
