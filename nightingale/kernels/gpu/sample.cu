  // The body of a kernel, for which MLX writes the signature: logits (L, V) -> tokens (L,), one block for each row.
  // parameters: temperature, the logarithm of min-p, repetition penalty.
  __shared__ __align__(16) Shared shared;
  const int V = logits_shape[1];
  const long row = long(blockIdx.x) * V;
  const float temperature = parameters[0], log_min_p = parameters[1], penalty = parameters[2];
  auto score = [&](int i) {
    float value = forbidden[i] ? -INFINITY : logits[row + i];
    if (penalty != 1.0f && seen[row + i]) value = value > 0.0f ? value / penalty : value * penalty;
    return temperature == 0.0f ? value : value / temperature;
  };
  float most = -INFINITY;
  int token = 0;
  for (int i = threadIdx.x; i < V; i += kThreads)
    if (const float value = score(i); value > most) most = value, token = i;
  block_argmax(shared, most, token);
  if (temperature > 0.0f) {
    const unsigned long long first = static_cast<unsigned long long>(position[0]) << 32 | position[1];
    const Key noise_key = fold_in({key[0], key[1]}, first + blockIdx.x);
    const float floor = most + log_min_p;
    most = -INFINITY, token = 0;
    for (int i = threadIdx.x; i < V; i += kThreads) {
      const float value = score(i);
      if (value < floor) continue;
      if (const float noisy = value + gumbel(noise_key, i, V); noisy > most) most = noisy, token = i;
    }
    block_argmax(shared, most, token);
  }
  if (threadIdx.x == 0) tokens[blockIdx.x] = token;
