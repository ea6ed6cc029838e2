"""Stores the trained speech tokenizer in this folder, and loads it.

    python -m training.multivoice.checkpoint tokenizer.pt

Writes speech_tokenizer.safetensors, most of it in 8 bits. The last block and the outlet stay float16: in 8 bits they
would change one code in 25, all other blocks together change one in 100. voices.json, which the synthesis writes, has
the gain and the median F0 of each voice. Needs both PyTorch and MLX.
"""

import argparse
from pathlib import Path

import torch

from nightingale.checkpoints.quantize import Policy
from training.common import load
from training.export import native_arrays, write_arrays
from training.models.speech_tokenizer import Encoder
from training.multivoice.speech_tokenizer import make_encoder
from training.restore import fill

ENCODER = Path(__file__).with_name("speech_tokenizer.safetensors")
POLICY = Policy(8, layers=r"(stride|fast\.\d+\..*|slow\.[0-4]\..*)\.weight")


def save_encoder(encoder: Encoder, path: Path = ENCODER) -> None:
    """Write an encoder of `make_encoder`'s sizes, quantized."""
    write_arrays(path, native_arrays(encoder), [POLICY])


def load_encoder(path: Path = ENCODER) -> Encoder:
    """The encoder on the CPU, in float32 and evaluation mode.

    It should also run in float32: with bfloat16 autocast, one code in 18 changes.
    """
    encoder = fill(make_encoder(), path)
    assert isinstance(encoder, Encoder)
    return encoder.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="output of training.multivoice.train_tokenizer")
    args = parser.parse_args()
    encoder = make_encoder()
    encoder.load_state_dict(load(args.checkpoint, torch.device("cpu"))["encoder"])
    save_encoder(encoder)


if __name__ == "__main__":
    main()
