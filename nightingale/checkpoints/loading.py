"""Loads a model folder: finds its files, reads them, and checks that every entry fits the networks exactly.

There are two kinds of folder: native (config.json, tokenizer.json, t3, s3gen, hift and perhaps draft and voice
.safetensors), and the official Chatterbox checkpoints that chatterbox/families.py lists.
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
from nightingale.checkpoints.quantize import T3_LAYERS, dequantize_arrays, quantized_layout, requantize
from nightingale.checkpoints.safetensors import Arrays, read_arrays
from nightingale.checkpoints.tokenizer import TextTokenizer
from nightingale.checkpoints.voices import make_voice
from nightingale.errors import CheckpointMismatch, UsageError, VoiceNotFound
from nightingale.kernels import backend
from nightingale.kernels.linear import pack_layers
from nightingale.models.config import ModelConfig
from nightingale.models.draft import DraftModel
from nightingale.models.from_dict import from_dict
from nightingale.models.hift import HiFT
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.t3 import T3
from nightingale.models.voice import Voice
from nightingale.text.languages import preparation

BUNDLED_MODEL = VOICES_DIR / "model"


@dataclass(frozen=True)
class Model:
    """The networks of one folder, with their config and tokenizer. voice: the one that the folder brings."""

    config: ModelConfig
    tokenizer: TextTokenizer
    t3: T3
    draft: DraftModel | None
    s3gen: S3Gen
    hift: HiFT
    voice: Voice | None = None


def load_model(
    folder: Path | None = None, bits: int | None = None, with_draft: bool = True, language: str | None = None
) -> Model:
    """Load the model of a folder, or the bundled one.

    language: of the text, a code of two letters; None for English.
    bits: of the layers of T3 and of the draft; None keeps them as stored.

    Raises VoiceNotFound if there is no model, CheckpointMismatch if its files are damaged or do not fit each other.
    """
    if folder is None:
        model = _load_native(BUNDLED_MODEL, bits, with_draft, language)
    else:
        from nightingale.checkpoints.hub import local_folder  # not above: the bundled model needs none of it

        folder = local_folder(folder, language)
        if os.path.isfile(folder / "config.json"):  # Path.is_file raises for a name that is too long
            model = _load_native(folder, bits, with_draft, language)
        else:
            model = _load_official(folder, bits, language)
    _prepare(model)
    return model


def read_config(path: Path) -> ModelConfig:
    """Read and check a config.json."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointMismatch(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointMismatch(f"{path} is not a config")
    if "model_type" in values:
        raise CheckpointMismatch(f"{path} is of another program (mlx-audio, transformers); use the original checkpoint")
    try:
        return from_dict(ModelConfig, values)
    except (CheckpointMismatch, UsageError) as error:  # the ranges of sampling are those of options
        raise CheckpointMismatch(f"{path}: {error}") from error


def load_arrays(module: nn.Module, arrays: Arrays, source: str, bits: int | None = None) -> None:
    """Load entries into a module, strictly: names and shapes must be exactly those of its parameters.

    Quantized weights stay quantized where the device multiplies them fast; elsewhere they become floats.

    source: the file, for messages. bits: quantize T3_LAYERS to this width first; None keeps what is stored.

    Raises CheckpointMismatch naming the source and the entry.
    """
    expected = dict(tree_flatten(module.parameters()))
    keep = T3_LAYERS if backend.multiplies_quantized() else None
    try:
        widths = {name: array.shape[-1] for name, array in expected.items() if array.ndim}
        if bits is not None:
            arrays = requantize(arrays, widths, bits)
        arrays = dequantize_arrays(arrays, widths, keep)
        _quantize_layers(module, arrays, expected)
        check_entries(module, arrays)
    except CheckpointMismatch as error:
        raise CheckpointMismatch(f"{source}: {error}") from error
    # float16 is for storage only.
    dtype = backend.token_model_dtype() if isinstance(module, T3 | DraftModel) else mx.float32
    module.load_weights([(name, _cast_floats(array, dtype)) for name, array in arrays.items()])


def _build(
    folder: Path, config: ModelConfig, tokenizer: TextTokenizer, with_draft: bool = False, voice: Voice | None = None
) -> Model:
    """Networks whose weights are not loaded yet."""
    config_path = folder / "config.json"
    source = config_path if os.path.isfile(config_path) else folder
    _check_sizes(folder, config, tokenizer)
    try:
        draft = DraftModel(config.draft) if with_draft and config.draft is not None else None
        networks = T3(config.t3), draft, S3Gen(config.s3gen), HiFT(config.hift)
    except (ArithmeticError, AssertionError, ValueError) as error:
        raise CheckpointMismatch(f"{source} has sizes that no model can have: {error}") from error
    return Model(config, tokenizer, *networks, voice)


def _load_native(folder: Path, bits: int | None, with_draft: bool, language: str | None) -> Model:
    config = read_config(folder / "config.json")
    tokenizer = TextTokenizer(folder / "tokenizer.json", preparation(config.text, language, folder))
    voice = folder / "voice.safetensors"
    own = make_voice(voice, folder.resolve().name, read_arrays(voice)) if os.path.isfile(voice) else None
    model = _build(folder, config, tokenizer, with_draft, own)
    modules = {"t3": model.t3, "draft": model.draft, "s3gen": model.s3gen, "hift": model.hift}
    for name, module in modules.items():
        if module is None:
            continue
        path = folder / f"{name}.safetensors"
        if not os.path.isfile(path):
            raise CheckpointMismatch(f"{path} is missing")
        load_arrays(module, read_arrays(path), str(path), bits if isinstance(module, T3 | DraftModel) else None)
    return model


def _load_official(folder: Path, bits: int | None, language: str | None) -> Model:
    from nightingale.checkpoints.chatterbox.families import FAMILIES, find_family
    from nightingale.checkpoints.official import read_official

    if (found := find_family(folder, language)) is None:
        names = ", ".join(family.t3 for family in FAMILIES)
        raise VoiceNotFound(f"no model in {folder}: neither config.json nor one of {names}")
    family, folder = found
    read = read_official(family, folder, language)
    model = _build(folder, read.config, read.tokenizer, voice=read.voice)
    load_arrays(model.t3, read.t3, str(folder / family.t3), bits)
    load_arrays(model.s3gen, read.s3gen, f"{folder}: S3Gen")
    load_arrays(model.hift, read.hift, f"{folder}: HiFT")
    return model


def _prepare(model: Model) -> None:
    """Read the weights from disk, in the layouts that the kernels multiply fastest."""
    model.t3.fuse()
    pack_layers(model.s3gen)
    pack_layers(model.hift)
    modules: list[nn.Module] = [model.t3, model.s3gen, model.hift]
    if model.draft is not None:
        model.draft.fuse()
        modules.append(model.draft)
    mx.eval([module.parameters() for module in modules])


def _check_sizes(folder: Path, config: ModelConfig, tokenizer: TextTokenizer) -> None:
    """Check that T3 has an embedding for every text id, and that the draft is as wide as T3."""
    if tokenizer.vocab_size > config.t3.text_vocab_size:
        raise CheckpointMismatch(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} tokens, T3 only {config.t3.text_vocab_size}"
        )
    width = config.t3.backbone.hidden_size
    if config.draft is not None and config.draft.llama.hidden_size != width:
        raise CheckpointMismatch(
            f"{folder}: the draft is {config.draft.llama.hidden_size} wide, the states of T3 that it reads {width}"
        )


def _quantize_layers(module: nn.Module, arrays: Arrays, expected: Arrays) -> None:
    """Replace the layers whose arrays are quantized by their quantized form. expected: the parameters as floats."""

    def parameters(path: str, layer: nn.Module) -> bool | dict[str, Any]:
        weight, scales = f"{path}.weight", arrays.get(f"{path}.scales")
        if scales is None or weight not in arrays or not hasattr(layer, "to_quantized"):
            return False
        layout = quantized_layout(weight, arrays[weight], scales, expected[weight].shape[-1])
        return {"bits": layout.bits, "group_size": layout.group_size, "mode": "affine"}

    if any(name.endswith(".scales") for name in arrays):
        nn.quantize(module, class_predicate=parameters)


def check_entries(module: nn.Module, arrays: Arrays) -> None:
    """Raise CheckpointMismatch unless names, shapes and kinds of numbers are those of the module's parameters."""
    expected = dict(tree_flatten(module.parameters()))
    for name in sorted(set(expected) | set(arrays)):
        if name not in arrays:
            raise CheckpointMismatch(f"{name} is missing")
        if name not in expected:
            raise CheckpointMismatch(f"{name} is not a parameter of {type(module).__name__}")
        if arrays[name].shape != expected[name].shape:
            raise CheckpointMismatch(f"{name} has shape {arrays[name].shape}, not {expected[name].shape}")
        has, needs = arrays[name].dtype, expected[name].dtype
        if has != needs and not (mx.issubdtype(has, mx.floating) and mx.issubdtype(needs, mx.floating)):
            raise CheckpointMismatch(f"{name} is {has}, not {needs}")


def _cast_floats(array: mx.array, dtype: mx.Dtype) -> mx.array:
    return array.astype(dtype) if mx.issubdtype(array.dtype, mx.floating) else array
