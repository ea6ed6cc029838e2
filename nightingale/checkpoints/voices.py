"""Finds, reads and writes voice files. A voice file is a safetensors file with these entries; * marks optional ones:

    t3.speaker_embed (E,)   t3.prompt_tokens (N,) *   t3.emotion () *
    s3gen.speaker_embed (F,)   s3gen.prompt_tokens (M,) *   s3gen.prompt_mel (2M, 80) *   (both or neither)
"""

import os
from pathlib import Path

import mlx.core as mx

from nightingale.checkpoints.bundled import VOICE_SUFFIX, VOICES_DIR
from nightingale.checkpoints.safetensors import Arrays, read_arrays
from nightingale.errors import CheckpointMismatch, OutputUnavailable, VoiceNotFound, WriteFailed
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
    """The file of a bundled voice, or the path itself if it ends in .safetensors. Raises VoiceNotFound."""
    path = Path(name) if name.endswith(VOICE_SUFFIX) else VOICES_DIR / (name + VOICE_SUFFIX)
    # A name has no folder: "../x" must not leave VOICES_DIR.
    if name.endswith(VOICE_SUFFIX) or Path(name).name == name:
        if os.path.isfile(path):  # Path.is_file raises for a name that is too long
            return path
        if name.endswith(VOICE_SUFFIX):
            raise VoiceNotFound(f"no voice file {path}")
    raise VoiceNotFound(f'no voice "{name}" in {VOICES_DIR}; run --list-voices')


def load_voice(name: str = DEFAULT_VOICE) -> Voice:
    """Read a voice by name or path. Raises VoiceNotFound, or CheckpointMismatch if the file is not a voice."""
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
    """Write a voice file. Raises OutputUnavailable if it cannot be created, WriteFailed if writing fails."""
    arrays = {key: getattr(voice, key.replace(".", "_")) for key in _NDIM}
    try:
        file = path.open("wb")
    except OSError as error:
        raise OutputUnavailable(f"cannot create the voice {path}: {error.strerror}") from error
    try:
        with file:
            mx.save_safetensors(file, {key: array for key, array in arrays.items() if array is not None})
    except OSError as error:
        raise WriteFailed(f"cannot write the voice {path}: {error.strerror}") from error


def _check_prompt(path: Path, arrays: Arrays) -> None:
    """S3Gen's prompt has two mel frames for each token."""
    tokens, mel = arrays.get("s3gen.prompt_tokens"), arrays.get("s3gen.prompt_mel")
    if tokens is None and mel is None:
        return
    if tokens is None or mel is None or mel.shape != (FRAMES_PER_TOKEN * tokens.size, N_MELS):
        raise CheckpointMismatch(f"{path}: s3gen.prompt_tokens and s3gen.prompt_mel do not fit each other")
