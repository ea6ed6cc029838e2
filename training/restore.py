"""Makes checkpoints from the shipped files, so that training can be resumed.

    python -m training.restore DIR

Writes tokenizer.pt, t3.pt, draft.pt, s3gen.pt and hift.pt. They lack the precision lost by quantization, the
optimizers' moments and the vocoder's critics; training regains these. Needs both PyTorch and MLX.

The speech tokenizer of the bundled voices is not in the repository any more, only in its history; the command to get
it back is printed if it is missing.
"""

import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from nightingale.checkpoints.quantize import dequantize_arrays
from nightingale.checkpoints.safetensors import read_arrays
from training.common import from_native, half, save, to_native
from training.models.hift import HiFT
from training.models.s3gen import S3Gen
from training.models.speech_tokenizer import Encoder
from training.models.t3 import DRAFT_CONFIG, T3, T3_CONFIG, Draft
from training.voices import VOICES

MODEL = Path(__file__).parent.parent / "nightingale" / "voices" / "model"
TOKENIZER = Path(__file__).with_name("speech_tokenizer.safetensors")
FROM_HISTORY = "git show 2f70727:training/speech_tokenizer.safetensors > training/speech_tokenizer.safetensors"


def fill(module: nn.Module, path: Path) -> nn.Module:
    """Load a native file into a module. Raises KeyError for a missing array, SystemExit for an extra one."""
    arrays = read_arrays(path)
    weights = {
        f"{n}.weight": m for n, m in module.named_modules() if isinstance(getattr(m, "weight", None), torch.Tensor)
    }
    widths = {name: to_native(layer, layer.weight).shape[-1] for name, layer in weights.items()}
    arrays = dequantize_arrays(arrays, widths)
    with torch.no_grad():
        for name, layer in module.named_modules():
            if name.endswith("parametrizations.weight"):
                continue
            keys = [key for key, _ in layer.named_parameters(recurse=False)]
            for key in [*keys, *(["weight"] if parametrize.is_parametrized(layer) else [])]:
                value = torch.from_numpy(np.array(arrays.pop(f"{name}.{key}".removeprefix(".")).astype(mx.float32)))
                value = from_native(layer, value) if key == "weight" else value
                if key in keys:
                    getattr(layer, key).copy_(value)
                else:
                    layer.weight = value.contiguous()  # inverts the weight norm
    if arrays:
        raise SystemExit(f"{path}: {', '.join(sorted(arrays))} belong to no layer")
    return module


def main() -> None:
    out = Path(sys.argv[1])
    if not TOKENIZER.exists():
        raise SystemExit(f"{TOKENIZER} is missing. To get it back, run: {FROM_HISTORY}")
    voices = [name for name in VOICES if (MODEL.parent / f"{name}.safetensors").exists()]
    save(out / "tokenizer.pt", encoder=half(fill(Encoder(), TOKENIZER)))
    save(out / "t3.pt", t3=half(fill(T3(T3_CONFIG), MODEL / "t3.safetensors")))
    save(out / "draft.pt", draft=half(fill(Draft(DRAFT_CONFIG), MODEL / "draft.safetensors")))
    save(out / "s3gen.pt", s3gen=half(fill(S3Gen(), MODEL / "s3gen.safetensors")), voices=voices)
    save(out / "hift.pt", hift=half(fill(HiFT(), MODEL / "hift.safetensors")), voices=voices)
    print(f"checkpoints in {out}")


if __name__ == "__main__":
    main()
