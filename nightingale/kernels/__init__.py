"""Arithmetic for which MLX has no fast form, and the one place that decides what computes it.

The models call activations, attention, convolution, linear, llama, kv_quantization, noise and sampling. These ask
backend.py what runs here: the C++ kernels on a CPU (cpu.py, native/), CUDA kernels on an NVIDIA GPU (cuda.py), or MLX's
own operations. cache.py is the protocol by which a Llama pass reads and writes key-value caches. blas.py is used before
MLX is imported. No module here knows a model.
"""
