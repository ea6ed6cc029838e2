"""Converts checkpoints to the model folder and voice files that the package ships.

    python -m training.export CHECKPOINTS

The parameter names are already native. Layouts change (convolutions to (out, k, in)), weight norms are folded, and
weights are quantized by POLICIES. Needs both PyTorch and MLX.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from nightingale.checkpoints.quantize import ALL_MATRICES, Policy, quantize_arrays
from nightingale.checkpoints.voices import save_voice
from nightingale.models.config import ModelConfig
from nightingale.models.voice import Voice
from training.common import load, speaker_embeddings, to_native, trained_voices
from training.models.hift import HIFT_CONFIG, HiFT, widened
from training.models.s3gen import S3GEN_CONFIG, S3Gen
from training.models.s3gen import SPEAKER_SIZE as S3GEN_SPEAKER_SIZE
from training.models.speech_tokenizer import Encoder
from training.models.t3 import DRAFT_CONFIG, STOP_TEXT, T3, T3_CONFIG, TEXT_IDS, Draft
from training.models.t3 import SPEAKER_SIZE as T3_SPEAKER_SIZE
from training.quantization import T3_BITS
from training.restore import TOKENIZER
from training.voices import VOICES

FOLDER = Path(__file__).parent.parent / "nightingale" / "voices"
TIME = r".*(time_mlp|time_mixer|time_proj).*\.weight"  # has only a few different inputs
POSITIONS = r"(text|speech)_pos_embed\.weight"
POLICIES = {
    "t3": [Policy(8, layers=POSITIONS), Policy(T3_BITS)],
    "draft": [Policy(T3_BITS)],
    "s3gen": [Policy(4, layers=TIME), Policy(8, layers=rf"(?!{TIME}){ALL_MATRICES}")],
    "hift": [Policy(8)],
}


def native_arrays(module: nn.Module) -> dict[str, mx.array]:
    """A PyTorch module's parameters, in MLX's layouts."""
    arrays: dict[str, mx.array] = {}
    for path, layer in module.named_modules():
        if parametrize.is_parametrized(layer):
            for name in list(layer.parametrizations):
                parametrize.remove_parametrizations(layer, name)
        for name, value in layer.named_parameters(recurse=False):
            if name == "weight":
                value = to_native(layer, value)
            arrays[f"{path}.{name}".removeprefix(".")] = mx.array(np.ascontiguousarray(value.detach().float().numpy()))
    return arrays


def write_arrays(path: Path, arrays: dict[str, mx.array], policies: list[Policy]) -> None:
    """Write arrays, quantized by the policies; the others as float16."""
    for policy in policies:
        arrays = quantize_arrays(arrays, policy)
    half = {k: v.astype(mx.float16) if mx.issubdtype(v.dtype, mx.floating) else v for k, v in arrays.items()}
    mx.save_safetensors(str(path), half)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def tokenizer_json() -> dict[str, Any]:
    """The character tokenizer as the contents of a `tokenizers` file: BPE without merges."""
    vocab = {"[STOP]": STOP_TEXT, "[START]": STOP_TEXT + 1, **TEXT_IDS}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": None, "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": []},
    }  # fmt: skip


def write_voices(folder: Path, trained: set[str]) -> None:
    """Write a file for each trained voice, and delete the files of the other known voices.

    All voices have the first one's embedding for T3; they differ in that for S3Gen.
    """
    t3, s3gen = (speaker_embeddings(size).numpy() for size in (T3_SPEAKER_SIZE, S3GEN_SPEAKER_SIZE))
    for number, name in enumerate(VOICES):
        path = folder / f"{name}.safetensors"
        if name in trained:
            save_voice(path, Voice(name, mx.array(t3[0]), mx.array(s3gen[number])))
        else:
            path.unlink(missing_ok=True)


def main() -> None:
    checkpoints = Path(sys.argv[1])
    tokenizer, t3_state, draft_state, s3gen_state, hift_state = (
        load(checkpoints / f"{name}.pt", torch.device("cpu")) for name in ("tokenizer", "t3", "draft", "s3gen", "hift")
    )
    modules = {
        "t3": (T3(T3_CONFIG), t3_state["t3"]),
        "draft": (Draft(DRAFT_CONFIG), draft_state["draft"]),
        "s3gen": (S3Gen(), s3gen_state["s3gen"]),
        "hift": (HiFT(), hift_state["hift"]),
    }
    folder = FOLDER / "model"
    folder.mkdir(parents=True, exist_ok=True)
    for name, (module, state) in modules.items():
        module.load_state_dict(widened(state, module) if isinstance(module, HiFT) else state)
        write_arrays(folder / f"{name}.safetensors", native_arrays(module), POLICIES[name])
    encoder = Encoder()
    encoder.load_state_dict(tokenizer["encoder"])
    write_arrays(TOKENIZER, native_arrays(encoder), [])
    config = ModelConfig(T3_CONFIG, DRAFT_CONFIG, S3GEN_CONFIG, HIFT_CONFIG)
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=1) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json(), indent=1) + "\n")
    write_voices(FOLDER, trained_voices(s3gen_state) & trained_voices(hift_state))


if __name__ == "__main__":
    main()
