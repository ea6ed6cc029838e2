  // The body of a kernel, for which MLX writes the signature: x (B, L, E) through all layers of a Llama and the norm after
  // them -> states (B, L, E). A layer has five phases with a barrier after each.
  // E is the hidden size, F the inner size; there are H heads and KH key-value heads of D values.
  constexpr int W = (H + 2 * KH) * D;
  __shared__ __align__(16) Shared shared;
  __shared__ T *keys[LAYERS], *values[LAYERS];
  __shared__ T *stream, *projected, *attended, *gated;
  __shared__ Pass pass;
  __shared__ float epsilon;
  const int M = x_shape[0] * x_shape[1];
  if (threadIdx.x == 0) {
    CACHES
    pass = {x_shape[0], x_shape[1], keys0_shape[2], start[0], cosines, sines};
    epsilon = eps[0];
    stream = scratch, projected = stream + M * E, attended = projected + M * W, gated = attended + M * H * D;
  }
  __syncthreads();
  unsigned expected = 0;
  for (int layer = 0; layer < LAYERS; layer++) {
    const Matrix<T, E, QKV_BITS, QKV_GROUP> qkv_now(qkv, qkv_scales, qkv_biases, long(layer) * W);
    const Matrix<T, H * D, O_BITS, O_GROUP> o_now(o, o_scales, o_biases, long(layer) * E);
    const Matrix<T, E, GATE_UP_BITS, GATE_UP_GROUP> gate_up_now(
        gate_up, gate_up_scales, gate_up_biases, long(layer) * 2 * F);
    const Matrix<T, F, DOWN_BITS, DOWN_GROUP> down_now(down, down_scales, down_biases, long(layer) * E);
    const T* before = layer == 0 ? x : stream;

    // A phase prefetches the weights of later ones, so that HBM is busy at barriers and while few blocks attend.
    prefetch_matrix(o_now, E);
    prefetch_cache<H, KH, D>(pass, keys[layer], values[layer]);
    multiply<W, false>(shared, qkv_now, before, M, input_norm + layer * E, epsilon, (const T*)nullptr, projected);
    grid_barrier(arrived, expected);
    prefetch_matrix(gate_up_now, F);
    prefetch_matrix(gate_up_now, F, F);
    prefetch(post_norm + layer * E, E * sizeof(T));
    attend<H, KH, D>(
        shared, pass, projected, keys[layer], values[layer], const_cast<T*>(queries),
        layer == query_layer[0] ? queries_shape[1] : 0, attended);
    grid_barrier(arrived, expected);
    prefetch_matrix(down_now, E);
    multiply<E, false>(shared, o_now, attended, M, (const T*)nullptr, 0.0f, before, stream);
    grid_barrier(arrived, expected);
    if (layer + 1 < LAYERS) {
      prefetch_matrix(Matrix<T, E, QKV_BITS, QKV_GROUP>(qkv, qkv_scales, qkv_biases, long(layer + 1) * W), W);
      prefetch(input_norm + (layer + 1) * E, E * sizeof(T));
    }
    multiply<F, true>(shared, gate_up_now, stream, M, post_norm + layer * E, epsilon, (const T*)nullptr, gated);
    grid_barrier(arrived, expected);
    multiply<E, false>(shared, down_now, gated, M, (const T*)nullptr, 0.0f, stream, stream);
    grid_barrier(arrived, expected);
  }
  normalize<E>(shared, stream, M, last_norm, epsilon, states);
