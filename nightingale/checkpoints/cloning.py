"""Loads the cloning networks of a model folder, without its other networks.

A native folder has them in cloning.safetensors, an official one in ve.safetensors and in the file of S3Gen.
"""

import os
from pathlib import Path

from nightingale.checkpoints.chatterbox.cloning import remap_cloning
from nightingale.checkpoints.chatterbox.families import Family, find_family
from nightingale.checkpoints.hub import local_folder
from nightingale.checkpoints.loading import load_arrays, read_config
from nightingale.checkpoints.safetensors import Arrays, read_arrays
from nightingale.checkpoints.torch_file import read_torch_arrays
from nightingale.errors import CheckpointMismatch, VoiceNotFound
from nightingale.models.cloning import CloningNetworks

NATIVE_FILE = "cloning.safetensors"
VOICE_ENCODER_FILES = ("ve.safetensors", "ve.pt")


def load_cloning(folder: Path | None) -> CloningNetworks:
    """The cloning networks of a folder. Raises VoiceNotFound if it has none, CheckpointMismatch if they are damaged."""
    if folder is None:
        raise VoiceNotFound("the bundled model cannot clone voices; give a Chatterbox checkpoint with --model DIR")
    folder = local_folder(folder)
    if os.path.isfile(folder / "config.json"):
        return _load_native(folder)
    if found := find_family(folder, None):
        return _load_official(*found)
    raise VoiceNotFound(f"no model in {folder}")


def _load_native(folder: Path) -> CloningNetworks:
    config = read_config(folder / "config.json").cloning
    if config is None or not os.path.isfile(folder / NATIVE_FILE):
        raise VoiceNotFound(f"the model in {folder} cannot clone voices: it has no {NATIVE_FILE}")
    networks = CloningNetworks(config)
    load_arrays(networks, read_arrays(folder / NATIVE_FILE), str(folder / NATIVE_FILE))
    return networks


def _load_official(family: Family, folder: Path) -> CloningNetworks:
    assert family.config.cloning is not None
    networks = CloningNetworks(family.config.cloning)
    voice_encoder, s3gen = family.file(folder, VOICE_ENCODER_FILES), family.file(folder, family.s3gen)
    try:
        arrays = remap_cloning(_read(voice_encoder), _read(s3gen))
    except CheckpointMismatch as error:
        raise CheckpointMismatch(f"{folder}: {error}") from error
    load_arrays(networks, arrays, str(folder))
    return networks


def _read(path: Path) -> Arrays:
    """The entries that cloning needs, with the others of a safetensors file, whose data is not read."""
    if path.suffix == ".safetensors":
        return read_arrays(path)
    return read_torch_arrays(path, lambda name: not name.startswith(("flow.", "mel2wav.")))
