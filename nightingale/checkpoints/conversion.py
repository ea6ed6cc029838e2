"""Converts an official checkpoint to a native model folder, which loads faster and can have fewer bits."""

import dataclasses
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from nightingale import __version__
from nightingale.checkpoints.chatterbox.families import find_family
from nightingale.checkpoints.cloning import NATIVE_FILE, load_cloning
from nightingale.checkpoints.hub import local_folder
from nightingale.checkpoints.loading import check_entries
from nightingale.checkpoints.official import OfficialModel, read_official
from nightingale.checkpoints.quantize import T3_LAYERS, Policy, quantize_arrays
from nightingale.checkpoints.safetensors import Arrays
from nightingale.checkpoints.voices import save_voice
from nightingale.errors import CheckpointMismatch, OutputUnavailable, VoiceNotFound, WriteFailed
from nightingale.models.hift import HiFT
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.t3 import T3
from nightingale.options import FLOAT_BITS

_COPIED = ("Cangjie5_TC.json", "LICENSE", "LICENSE.txt", "LICENSE.md", "README.md")
_CARD = """\
# {name}

The {family} checkpoint of Chatterbox (https://github.com/resemble-ai/chatterbox), converted from `{source}` by
nightingale-tts {version}. {bits}

Licence: that of the original. Resemble AI publishes the Chatterbox checkpoints under the MIT licence. S3Gen and HiFT
come from CosyVoice (https://github.com/FunAudioLLM/CosyVoice), Apache-2.0. If the original folder had a LICENSE or
README.md, it is here too.
"""


def convert(source: Path, target: Path, bits: int | None = None, language: str | None = None) -> None:
    """Write the official checkpoint in `source` as a native folder `target`, in full or not at all.

    bits: of the layers of T3; None or 32 keeps floats. language: as in load_model; it chooses the checkpoint.
    Raises VoiceNotFound, CheckpointMismatch, OutputUnavailable and WriteFailed.
    """
    found = find_family(local_folder(source, language), language)
    if found is None:
        raise VoiceNotFound(f"no official Chatterbox checkpoint in {source}")
    family, folder = found
    model = read_official(family, folder, language)
    if os.path.lexists(target) and (not target.is_dir() or any(target.iterdir())):
        raise OutputUnavailable(f"{target} exists already and is not an empty folder")
    temporary = target.parent / f".{target.name}.{os.urandom(4).hex()}"
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise OutputUnavailable(f"cannot create {target}: {error.strerror}") from error
    try:
        _write(model, folder, temporary, bits)
        stored = f"The layers of T3 have {bits} bits." if bits not in (None, FLOAT_BITS) else "Its weights are floats."
        card = _CARD.format(
            name=target.name, family=family.name, source=folder.resolve().name, version=__version__, bits=stored
        )
        (temporary / "CARD.md").write_text(card)
        os.replace(temporary, target)
    except (OSError, RuntimeError) as error:
        raise WriteFailed(f"cannot write {target}: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(model: OfficialModel, source: Path, folder: Path, bits: int | None) -> None:
    config = model.config
    parts: dict[str, Arrays] = {"t3": model.t3, "s3gen": model.s3gen, "hift": model.hift}
    for name, network in (("t3", T3(config.t3)), ("s3gen", S3Gen(config.s3gen)), ("hift", HiFT(config.hift))):
        try:
            check_entries(network, parts[name])
        except CheckpointMismatch as error:
            raise CheckpointMismatch(f"{source}: {error}") from error
    if bits not in (None, FLOAT_BITS):
        parts["t3"] = quantize_arrays(model.t3, Policy(bits, layers=T3_LAYERS))
    for name in list(parts):
        mx.save_safetensors(str(folder / f"{name}.safetensors"), parts.pop(name))
        mx.clear_cache()
    config = replace(config, cloning=config.cloning if _write_cloning(source, folder) else None)
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=1) + "\n")
    (folder / "tokenizer.json").write_text(model.tokenizer.to_json())
    if model.voice is not None:
        save_voice(folder / "voice.safetensors", model.voice)
    for name in _COPIED:
        if os.path.isfile(source / name):
            shutil.copyfile(source / name, folder / name)


def _write_cloning(source: Path, folder: Path) -> bool:
    """Whether the checkpoint has the networks that make a voice."""
    try:
        networks = load_cloning(source)
    except VoiceNotFound:
        return False
    mx.save_safetensors(str(folder / NATIVE_FILE), dict(tree_flatten(networks.parameters())))
    return True
