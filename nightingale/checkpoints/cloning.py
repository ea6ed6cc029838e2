"""Loads the cloning networks of a model folder, without its other networks.

A native folder has them in cloning.safetensors, an official one in ve.safetensors and in the file of S3Gen.
"""

import os
from pathlib import Path

from nightingale.checkpoints.chatterbox.cloning import official_cloning, remap_cloning
from nightingale.checkpoints.loading import load_arrays, read_config
from nightingale.checkpoints.safetensors import Arrays, read_arrays
from nightingale.checkpoints.torch_file import read_torch_arrays
from nightingale.errors import CheckpointMismatch, VoiceNotFound
from nightingale.models.cloning import CloningNetworks

NATIVE_FILE = "cloning.safetensors"
VOICE_ENCODER_FILES = ("ve.safetensors", "ve.pt")
# Turbo and Nano condition T3 on 15 s of the recording instead of 6, and bring it to -27 LUFS first.
S3GEN_FILES = {
    "s3gen.safetensors": official_cloning(150), "s3gen_meanflow.safetensors": official_cloning(375, -27.0),
    "s3gen.pt": official_cloning(150),
}  # fmt: skip


def load_cloning(folder: Path | None) -> CloningNetworks:
    """The cloning networks of a folder. Raises VoiceNotFound if it has none, CheckpointMismatch if they are damaged."""
    if folder is None:
        raise VoiceNotFound("the bundled model cannot clone voices; give a Chatterbox checkpoint with --model DIR")
    if os.path.isfile(folder / "config.json") and os.path.isfile(folder / NATIVE_FILE):
        return _load_native(folder)
    encoders = [folder / name for name in VOICE_ENCODER_FILES if os.path.isfile(folder / name)]
    for name, config in S3GEN_FILES.items():
        if encoders and os.path.isfile(folder / name):
            networks = CloningNetworks(config)
            arrays = remap_cloning(_read(encoders[0]), _read(folder / name))
            load_arrays(networks, arrays, str(folder))
            return networks
    files = f"{NATIVE_FILE}, or {' or '.join(VOICE_ENCODER_FILES)} and {' or '.join(S3GEN_FILES)}"
    raise VoiceNotFound(f"the model in {folder} cannot clone voices: it has no {files}")


def _read(path: Path) -> Arrays:
    return read_arrays(path) if path.suffix == ".safetensors" else read_torch_arrays(path)


def _load_native(folder: Path) -> CloningNetworks:
    config = read_config(folder / "config.json").cloning
    if config is None:
        raise CheckpointMismatch(f"{folder / 'config.json'} has no cloning, which {NATIVE_FILE} needs")
    networks = CloningNetworks(config)
    load_arrays(networks, read_arrays(folder / NATIVE_FILE), str(folder / NATIVE_FILE))
    return networks
