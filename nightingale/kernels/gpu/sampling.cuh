// Gumbel noise as mx.random draws it, and the argmax over a block.

struct Key {
  unsigned first, second;
};

// Threefry-2x32 with 20 rounds, MLX's generator (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011).
__device__ Key threefry(Key key, unsigned first, unsigned second) {
  constexpr int kRotations[8] = {13, 15, 26, 6, 17, 29, 16, 24};
  const unsigned keys[3] = {key.first, key.second, key.first ^ key.second ^ 0x1BD11BDAu};
  first += keys[0];
  second += keys[1];
#pragma unroll
  for (int i = 0; i < 20; i++) {
    const int rotation = kRotations[i % 8];
    first += second;
    second = (second << rotation | second >> (32 - rotation)) ^ first;
    if (i % 4 == 3) {
      first += keys[(i / 4 + 1) % 3];
      second += keys[(i / 4 + 2) % 3] + i / 4 + 1;
    }
  }
  return {first, second};
}

// fold_in of ../noise.py.
__device__ Key fold_in(Key key, unsigned long long number) {
  const Key mixed = threefry(key, 0, 1);
  const Key folded = {mixed.first ^ static_cast<unsigned>(number >> 32), mixed.second ^ static_cast<unsigned>(number)};
  return threefry(folded, 0, 1);
}

// Entry i of mx.random.gumbel((width,), key=key).
__device__ float gumbel(Key key, unsigned i, unsigned width) {
  // MLX makes entries i and half + i from one hash; of an odd number the middle entry has a hash of its own.
  const unsigned half = width / 2, second = width - half;
  const Key bits = i < half     ? threefry(key, i, second + i)
                   : i < second ? threefry(key, half, 0)
                                : threefry(key, i - second, i);
  const float uniform = static_cast<float>(i < second ? bits.first : bits.second) * 0x1p-32f;
  return -logf(-logf(fminf(uniform, 0x1.fffffep-1f)));  // rounding must not give 1
}

// Of all threads of the block the greatest value, with the least index that has it; every thread gets both.
__device__ void block_argmax(Shared& shared, float& value, int& index) {
  auto merge = [&](float other, int at) {
    if (other > value || (other == value && at < index)) value = other, index = at;
  };
  for (int step = 16; step; step /= 2) {
    const float other = __shfl_xor_sync(~0u, value, step);
    merge(other, __shfl_xor_sync(~0u, index, step));
  }
  __syncthreads();  // all threads have read the result of an earlier call
  if (threadIdx.x % 32 == 0) {
    shared.squares[threadIdx.x / 32][0] = value;
    shared.squares[threadIdx.x / 32][1] = __int_as_float(index);
  }
  __syncthreads();
  for (int w = 0; w < kWarps; w++) merge(shared.squares[w][0], __float_as_int(shared.squares[w][1]));
}
