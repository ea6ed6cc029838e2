  // The body of a kernel, for which MLX writes the signature: x (M, K) @ weight.T -> out (M, N) in float32.
  __shared__ __align__(16) Shared shared;
  multiply<N, false>(
      shared, Matrix<T, K, BITS, GROUP>(weight, scales, biases, 0), x, x_shape[0], (const T*)nullptr, 0.0f,
      (const float*)nullptr, out);
