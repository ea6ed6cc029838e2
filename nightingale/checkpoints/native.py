"""Model folders: find, read, remap, unpack, and load so that nothing is missing and nothing is left over.

Two kinds of folder: native (config.json, tokenizer.json, t3, s3gen, hift and perhaps draft .safetensors) and the
official English Chatterbox (t3_cfg.safetensors, s3gen.safetensors, tokenizer.json).
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from nightingale.checkpoints.bundled import VOICES_DIR
from nightingale.checkpoints.chatterbox import chatterbox_english, remap_s3gen, remap_t3
from nightingale.checkpoints.quantize import T3_LAYERS, in_bits, packing, unpack
from nightingale.checkpoints.safetensors import read_arrays
from nightingale.checkpoints.tokenizer import TextTokenizer
from nightingale.errors import CheckpointMismatch, VoiceNotFound
from nightingale.kernels import cpu as kernels
from nightingale.kernels.backend import on_cpu
from nightingale.models.config import ModelConfig, from_dict
from nightingale.models.draft import DraftModel
from nightingale.models.hift import HiFT
from nightingale.models.layers import pack
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.t3 import T3

Arrays = dict[str, mx.array]

BUNDLED_MODEL = VOICES_DIR / "model"
_OFFICIAL = ("t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json")


@dataclass(frozen=True)
class Model:
    """Everything that turns text ids into sound."""

    config: ModelConfig
    tokenizer: TextTokenizer
    t3: T3
    draft: DraftModel | None
    s3gen: S3Gen
    hift: HiFT


def load_model(folder: Path | None = None, bits: int | None = None, with_draft: bool = True) -> Model:
    """The model in a folder, or the bundled one. bits: of the layers of T3 and of the draft, None as they are stored.

    Raises VoiceNotFound where there is none, CheckpointMismatch where it is damaged or does not fit together.
    """
    folder = BUNDLED_MODEL if folder is None else folder
    if os.path.isfile(folder / "config.json"):  # Path.is_file raises for a name that is too long
        return _load_native(folder, bits, with_draft)
    if all(os.path.isfile(folder / name) for name in _OFFICIAL):
        return _load_official(folder, bits)
    raise VoiceNotFound(f"no model in {folder}: neither config.json nor {', '.join(_OFFICIAL)}")


def read_config(path: Path) -> ModelConfig:
    """A folder's config.json."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointMismatch(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointMismatch(f"{path} is not a config")
    try:
        return from_dict(ModelConfig, values)
    except CheckpointMismatch as error:
        raise CheckpointMismatch(f"{path}: {error}") from error


def load_arrays(module: nn.Module, arrays: Arrays, source: str, bits: int | None = None) -> None:
    """Give a module its parameters; what is quantized stays so only where the device multiplies it fast.

    bits: what T3_LAYERS are rounded to before, None for nothing.

    Raises CheckpointMismatch, naming `source` and the entry, unless names and shapes are exactly the module's.
    """
    expected = dict(tree_flatten(module.parameters()))
    # On a CPU mlx's own quantized matmul is slower than a float32 one.
    keep = None if on_cpu() and not kernels.available() else T3_LAYERS
    try:
        widths = {name: array.shape[-1] for name, array in expected.items() if array.ndim}
        if bits is not None:
            arrays = in_bits(arrays, widths, bits)
        arrays = unpack(arrays, widths, keep)
        _quantize_modules(module, arrays, expected)
    except CheckpointMismatch as error:
        raise CheckpointMismatch(f"{source}: {error}") from error
    expected = dict(tree_flatten(module.parameters()))
    for name in sorted(set(expected) | set(arrays)):
        if name not in arrays:
            raise CheckpointMismatch(f"{source}: {name} is missing")
        if name not in expected:
            raise CheckpointMismatch(f"{source}: {name} is no parameter of {type(module).__name__}")
        if arrays[name].shape != expected[name].shape:
            raise CheckpointMismatch(f"{source}: {name} has shape {arrays[name].shape}, not {expected[name].shape}")
        has, needs = arrays[name].dtype, expected[name].dtype
        if has != needs and not (mx.issubdtype(has, mx.floating) and mx.issubdtype(needs, mx.floating)):
            raise CheckpointMismatch(f"{source}: {name} is {has}, not {needs}")
    # float16 is for the disk. A GPU reads T3's weights anew for each token: half as many bytes in bfloat16.
    dtype = mx.bfloat16 if isinstance(module, T3 | DraftModel) and not on_cpu() else mx.float32
    module.load_weights([(name, _computable(array, dtype)) for name, array in arrays.items()])


def _load_native(folder: Path, bits: int | None, with_draft: bool) -> Model:
    config = read_config(folder / "config.json")
    tokenizer = TextTokenizer(folder / "tokenizer.json")
    _check_sizes(folder, config, tokenizer)
    try:
        t3, s3gen, hift = T3(config.t3), S3Gen(config.s3gen), HiFT(config.hift)
        draft = DraftModel(config.draft) if with_draft and config.draft is not None else None
    except (ArithmeticError, AssertionError, ValueError) as error:
        raise CheckpointMismatch(f"{folder / 'config.json'} has sizes that no model can have: {error}") from error
    modules: dict[str, nn.Module | None] = {"t3": t3, "draft": draft, "s3gen": s3gen, "hift": hift}
    for name, module in modules.items():
        if module is None:
            continue
        path = folder / f"{name}.safetensors"
        if not os.path.isfile(path):
            raise CheckpointMismatch(f"{path} is missing")
        load_arrays(module, read_arrays(path), str(path), bits if isinstance(module, T3 | DraftModel) else None)
    return _ready(Model(config, tokenizer, t3, draft, s3gen, hift))


def _load_official(folder: Path, bits: int | None) -> Model:
    config = chatterbox_english()
    tokenizer = TextTokenizer(folder / "tokenizer.json")
    _check_sizes(folder, config, tokenizer)
    t3, s3gen, hift = T3(config.t3), S3Gen(config.s3gen), HiFT(config.hift)
    t3_path, s3gen_path = folder / "t3_cfg.safetensors", folder / "s3gen.safetensors"
    try:
        t3_arrays = remap_t3(read_arrays(t3_path))
        s3gen_arrays, hift_arrays = remap_s3gen(read_arrays(s3gen_path))
    except CheckpointMismatch as error:
        raise CheckpointMismatch(f"{folder}: {error}") from error
    load_arrays(t3, t3_arrays, str(t3_path), bits)
    load_arrays(s3gen, s3gen_arrays, str(s3gen_path))
    load_arrays(hift, hift_arrays, str(s3gen_path))
    return _ready(Model(config, tokenizer, t3, None, s3gen, hift))


def _ready(model: Model) -> Model:
    """With the weights read and laid out for speed."""
    model.t3.fuse()
    pack(model.s3gen)
    pack(model.hift)
    modules: list[Any] = [model.t3, model.s3gen, model.hift]
    if model.draft is not None:
        model.draft.fuse()
        modules.append(model.draft)
    mx.eval([module.parameters() for module in modules])
    return model


def _check_sizes(folder: Path, config: ModelConfig, tokenizer: TextTokenizer) -> None:
    """The parts of a folder fit together."""
    if tokenizer.vocab_size > config.t3.text_vocab_size:
        raise CheckpointMismatch(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} tokens, T3 reads {config.t3.text_vocab_size}"
        )
    width = config.t3.llama.hidden_size
    if config.draft is not None and config.draft.llama.hidden_size != width:
        raise CheckpointMismatch(
            f"{folder}: the draft is {config.draft.llama.hidden_size} wide, T3, whose states it reads, {width}"
        )


def _quantize_modules(module: nn.Module, arrays: Arrays, expected: Arrays) -> None:
    """Turn the layers whose weights are still quantized into layers that multiply them so."""

    def how(path: str, layer: nn.Module) -> bool | dict[str, Any]:
        weight, scales = f"{path}.weight", arrays.get(f"{path}.scales")
        if scales is None or weight not in arrays or not hasattr(layer, "to_quantized"):
            return False
        found = packing(weight, arrays[weight], scales, expected[weight].shape[-1])
        return {"bits": found.bits, "group_size": found.group_size, "mode": "affine"}

    if any(name.endswith(".scales") for name in arrays):
        nn.quantize(module, class_predicate=how)


def _computable(array: mx.array, dtype: mx.Dtype) -> mx.array:
    return array.astype(dtype) if mx.issubdtype(array.dtype, mx.floating) else array
