"""A voice: the arrays that condition the models, by name. Reads and writes voice files; makes no voice.

A voice file is a safetensors file with these entries; those marked * may be absent:

    t3.speaker_embed (E,)   t3.prompt_tokens (N,) *   t3.emotion () *
    s3gen.speaker_embed (F,)   s3gen.prompt_tokens (M,) *   s3gen.prompt_mel (2M, 80) *   (both or neither)
"""

import os
from pathlib import Path

import mlx.core as mx

from nightingale.checkpoints.bundled import VOICE_SUFFIX, VOICES_DIR
from nightingale.checkpoints.safetensors import read_arrays
from nightingale.errors import CheckpointMismatch, UsageError, VoiceNotFound
from nightingale.models.config import FRAMES_PER_TOKEN, N_MELS
from nightingale.models.voice import Voice
from nightingale.options import DEFAULT_VOICE

_NDIM = {
    "t3.speaker_embed": 1,
    "t3.prompt_tokens": 1,
    "t3.emotion": 0,
    "s3gen.speaker_embed": 1,
    "s3gen.prompt_tokens": 1,
    "s3gen.prompt_mel": 2,
}
_REQUIRED = ("t3.speaker_embed", "s3gen.speaker_embed")


def find_voice(name: str) -> Path:
    """The file of a bundled voice, or of a path that ends in .safetensors. Raises VoiceNotFound."""
    path = Path(name) if name.endswith(VOICE_SUFFIX) else VOICES_DIR / (name + VOICE_SUFFIX)
    # A name is no path: "../x" must not reach out of the voices.
    if name.endswith(VOICE_SUFFIX) or Path(name).name == name:
        if os.path.isfile(path):  # Path.is_file raises for a name that is too long
            return path
        if name.endswith(VOICE_SUFFIX):
            raise VoiceNotFound(f"no voice file {path}")
    raise VoiceNotFound(f'no voice "{name}" in {VOICES_DIR}; run --list-voices')


def load_voice(name: str = DEFAULT_VOICE) -> Voice:
    """Read a voice by name or path. Raises VoiceNotFound, or CheckpointMismatch for a file that is no voice."""
    path = find_voice(name)
    arrays = read_arrays(path)
    if unknown := sorted(set(arrays) - set(_NDIM)):
        raise CheckpointMismatch(f"{path}: a voice has no entry {unknown[0]}")
    for key in _REQUIRED:
        if key not in arrays:
            raise CheckpointMismatch(f"{path}: not a voice, {key} is missing")
    for key, array in arrays.items():
        if array.ndim != _NDIM[key]:
            raise CheckpointMismatch(f"{path}: {key} has shape {array.shape}, not {_NDIM[key]} dimensions")
    _check_prompt(path, arrays)
    fields = {
        key.replace(".", "_"): array.astype(mx.int32 if key.endswith("tokens") else mx.float32)
        for key, array in arrays.items()
    }
    return Voice(name=path.stem, **fields)


def save_voice(path: Path, voice: Voice) -> None:
    """Write a voice file. Raises UsageError where it cannot be written."""
    arrays = {key: getattr(voice, key.replace(".", "_")) for key in _NDIM}
    try:
        mx.save_safetensors(str(path), {key: array for key, array in arrays.items() if array is not None})
    except (OSError, RuntimeError) as error:
        raise UsageError(f"cannot write the voice {path}: {error}") from error


def _check_prompt(path: Path, arrays: dict[str, mx.array]) -> None:
    """The prompt of S3Gen is two frames of mel to a token."""
    tokens, mel = arrays.get("s3gen.prompt_tokens"), arrays.get("s3gen.prompt_mel")
    if tokens is None and mel is None:
        return
    if tokens is None or mel is None or mel.shape != (FRAMES_PER_TOKEN * tokens.size, N_MELS):
        raise CheckpointMismatch(f"{path}: s3gen.prompt_tokens and s3gen.prompt_mel do not belong together")
