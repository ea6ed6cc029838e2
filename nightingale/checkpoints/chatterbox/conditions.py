"""The voice that comes with an official checkpoint: conds.pt, or conds.safetensors in conversions to MLX."""

import os
from pathlib import Path
from typing import Any

import mlx.core as mx

from nightingale.checkpoints.safetensors import Arrays, read_arrays
from nightingale.checkpoints.torch_file import StoredTensor, read_torch
from nightingale.checkpoints.voices import make_voice
from nightingale.errors import CheckpointMismatch
from nightingale.models.voice import Voice

# Official names, and those of voice files.
_NAMES = {
    "t3.speaker_emb": "t3.speaker_embed", "t3.cond_prompt_speech_tokens": "t3.prompt_tokens",
    "t3.emotion_adv": "t3.emotion", "gen.embedding": "s3gen.speaker_embed", "gen.prompt_token": "s3gen.prompt_tokens",
    "gen.prompt_feat": "s3gen.prompt_mel",
}  # fmt: skip


def read_conditions(folder: Path) -> Voice | None:
    """The voice of a folder, named as the folder; None if it has none. Raises CheckpointMismatch."""
    for name, read in (("conds.pt", _read_pickled), ("conds.safetensors", read_arrays)):
        if os.path.isfile(path := folder / name):
            arrays = {_NAMES[key]: _unbatched(array, key) for key, array in read(path).items() if key in _NAMES}
            return make_voice(path, folder.resolve().name, arrays)
    return None


def _read_pickled(path: Path) -> Arrays:
    """{"t3": {name: tensor}, "gen": {name: tensor}} -> tensors by "t3.name" and "gen.name"."""
    values: Any = read_torch(path)
    if not isinstance(values, dict) or not all(isinstance(values.get(part), dict) for part in ("t3", "gen")):
        raise CheckpointMismatch(f"{path} is no voice: it has no tables t3 and gen")
    return {
        f"{part}.{name}": tensor.load()
        for part in ("t3", "gen")
        for name, tensor in values[part].items()
        if isinstance(tensor, StoredTensor)
    }


def _unbatched(array: mx.array, name: str) -> mx.array:
    """Without the leading axis of one sequence; the emotion as a scalar."""
    if name == "t3.emotion_adv":
        return array.reshape(()) if array.size == 1 else array
    return array[0] if array.ndim > 1 and array.shape[0] == 1 else array
