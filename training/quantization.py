"""Training with weights as they will be stored: MLX's affine quantization, its gradient passed straight through."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

GROUP_SIZE = 64
T3_BITS = 4  # that T3 and its draft are shipped in
_SUFFIX = ".parametrizations.weight.original"


def as_stored(weight: Tensor, bits: int, group_size: int = GROUP_SIZE) -> Tensor:
    """What is left of a weight (..., n * group_size) once mlx.core.quantize and dequantize have had it."""
    groups = weight.unflatten(-1, (-1, group_size))
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    levels = 2**bits - 1
    scale = ((high - low) / levels).clamp(min=1e-7)
    from_low = low.abs() > high.abs()
    scale = torch.where(from_low, scale, -scale)
    edge = torch.where(from_low, low, high)
    # The edge of larger magnitude is kept exactly, and zero is a level.
    zero = (edge / scale).round()
    scale = torch.where(zero != 0, edge / torch.where(zero != 0, zero, 1.0), scale)
    bias = torch.where(zero != 0, edge, 0.0)
    codes = ((groups - bias) / scale).round().clamp(0, levels)
    # Scales and biases are stored as float16, after the codes were found with the exact ones.
    stored: Tensor = codes * scale.half().float() + bias.half().float()
    return stored.flatten(-2)


class Stored(nn.Module):
    """A weight as it will be stored, with the gradient of the weight."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            return weight + (as_stored(weight.detach().float(), self.bits) - weight).detach()


def train_as_stored(module: nn.Module, bits: int) -> None:
    """From here on the module computes with stored weights: those of its linear layers and embeddings of tokens."""
    for name, layer in list(module.named_modules()):
        kept = name.endswith(("text_pos_embed", "speech_pos_embed"))
        if isinstance(layer, nn.Linear | nn.Embedding) and not kept and layer.weight.shape[-1] % GROUP_SIZE == 0:
            parametrize.register_parametrization(layer, "weight", Stored(bits))


def store(module: nn.Module, bits: int) -> None:
    """Give the module the weights that it will be stored with, for good."""
    train_as_stored(module, bits)
    for layer in module.modules():
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight")


def plain_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict as if nothing were parametrized."""
    return {k.removesuffix(_SUFFIX) + ".weight" if k.endswith(_SUFFIX) else k: v for k, v in state.items()}
