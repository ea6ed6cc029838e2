"""Which backend computes. Nothing outside this package asks for it, except to report it or to choose a data type."""

import os
from enum import Enum

import mlx.core as mx

from nightingale.kernels import cpu, cuda


class Backend(Enum):
    """NATIVE: the C++ kernels on a CPU, in float32. CPU: MLX's operations there. CUDA: NVIDIA. METAL: Apple."""

    NATIVE = "native"
    CPU = "cpu"
    CUDA = "cuda"
    METAL = "metal"


def current() -> Backend:
    """The backend of MLX's default device."""
    if mx.default_device().type == mx.DeviceType.cpu:
        return Backend.NATIVE if cpu.available() else Backend.CPU
    return Backend.CUDA if cuda.available() else Backend.METAL


def is_native() -> bool:
    return current() is Backend.NATIVE


def is_cuda() -> bool:
    return current() is Backend.CUDA


def on_gpu() -> bool:
    return current() in (Backend.CUDA, Backend.METAL)


def description() -> str:
    """What computes, for people: the kernels' instruction set and threads, or why there are none, or the GPU."""
    return cpu.description() if not on_gpu() else current().value


def missing_kernels() -> str | None:
    """Why this CPU computes without the native kernels. None with them, on a GPU, and if they are switched off."""
    if current() is not Backend.CPU or os.environ.get("NIGHTINGALE_KERNELS") == "off":
        return None
    return cpu.description()


def multiplies_quantized() -> bool:
    """Whether quantized weights are multiplied as they are stored; else float32 is faster and they are unpacked."""
    return current() is not Backend.CPU


def token_model_dtype() -> mx.Dtype:
    """For the weights of T3 and its draft. A GPU reads them anew for each token: in bfloat16, half as many bytes."""
    return mx.bfloat16 if on_gpu() else mx.float32
