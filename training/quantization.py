"""Quantization-aware training: MLX's affine quantization with a straight-through gradient."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

GROUP_SIZE = 64
T3_BITS = 4  # of the shipped T3 and draft
_SUFFIX = ".parametrizations.weight.original"


def as_stored(weight: Tensor, bits: int, group_size: int = GROUP_SIZE) -> Tensor:
    """A weight (..., n * group_size) after mlx.core.quantize and dequantize."""
    groups = weight.unflatten(-1, (-1, group_size))
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    levels = 2**bits - 1
    scale = ((high - low) / levels).clamp(min=1e-7)
    from_low = low.abs() > high.abs()
    scale = torch.where(from_low, scale, -scale)
    edge = torch.where(from_low, low, high)
    # The end of the range with the larger magnitude is exact, and zero is a level.
    zero = (edge / scale).round()
    scale = torch.where(zero != 0, edge / torch.where(zero != 0, zero, 1.0), scale)
    bias = torch.where(zero != 0, edge, 0.0)
    codes = ((groups - bias) / scale).round().clamp(0, levels)
    # Scales and biases are stored as float16; the codes were chosen with the exact ones.
    stored: Tensor = codes * scale.half().float() + bias.half().float()
    return stored.flatten(-2)


class Stored(nn.Module):
    """A parametrization: the quantized weight, with the gradient of the exact one."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            return weight + (as_stored(weight.detach().float(), self.bits) - weight).detach()


def train_as_stored(module: nn.Module, bits: int) -> None:
    """Make a module compute with quantized weights in its linear layers and token embeddings."""
    for name, layer in list(module.named_modules()):
        kept = name.endswith(("text_pos_embed", "speech_pos_embed"))
        if isinstance(layer, nn.Linear | nn.Embedding) and not kept and layer.weight.shape[-1] % GROUP_SIZE == 0:
            parametrize.register_parametrization(layer, "weight", Stored(bits))


def store(module: nn.Module, bits: int) -> None:
    """Replace a module's weights by the quantized ones, permanently."""
    train_as_stored(module, bits)
    for layer in module.modules():
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")


def plain_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with the names of a module without parametrizations."""
    return {k.removesuffix(_SUFFIX) + ".weight" if k.endswith(_SUFFIX) else k: v for k, v in state.items()}
