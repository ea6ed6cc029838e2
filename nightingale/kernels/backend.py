"""Which backend computes."""

import mlx.core as mx

from nightingale.kernels import cpu as kernels


def on_cpu() -> bool:
    """Whether tensors are computed on the CPU, where whole-tensor products are cheap and all else is dear."""
    return bool(mx.default_device().type == mx.DeviceType.cpu)


def native() -> bool:
    """Whether tensors are computed on the CPU by the native kernels, which take float32."""
    return kernels.available() and on_cpu()
