"""Finds, reads and writes voice files. A voice file is a safetensors file with these entries; * marks optional ones:

    t3.speaker_embed (E,)   t3.prompt_tokens (N,) *   t3.emotion () *
    s3gen.speaker_embed (F,)   s3gen.prompt_tokens (M,) *   s3gen.prompt_mel (2M, 80) *   (both or neither)

Its metadata has the model that a cloned voice was made with.
"""

import os
import re
from pathlib import Path

import mlx.core as mx

from nightingale.checkpoints.bundled import VOICE_SUFFIX, VOICES_DIR, user_voices_dir
from nightingale.checkpoints.safetensors import Arrays, read_arrays, read_metadata
from nightingale.errors import CheckpointMismatch, OutputUnavailable, UsageError, VoiceNotFound, WriteFailed
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
    """The file of a bundled voice or of the user's, or the path itself if it ends in .safetensors.

    Raises VoiceNotFound.
    """
    if name.endswith(VOICE_SUFFIX):
        if os.path.isfile(name):  # Path.is_file raises for a name that is too long
            return Path(name)
        raise VoiceNotFound(f"no voice file {name}")
    folders = VOICES_DIR, user_voices_dir()
    # A name has no folder: "../x" must not leave these.
    for path in (folder / (name + VOICE_SUFFIX) for folder in folders if Path(name).name == name):
        if os.path.isfile(path):
            return path
    raise VoiceNotFound(f'no voice "{name}" in {folders[0]} or {folders[1]}; run --list-voices')


def check_new_name(name: str) -> None:
    """Raises UsageError for a name that a voice of the user cannot have."""
    if not re.fullmatch(r"\w[\w .+-]{0,99}", name) or name.endswith(VOICE_SUFFIX):
        raise UsageError(f'a voice cannot have the name "{name}": use letters, digits, "-", "_" and ".", up to 100')
    if (VOICES_DIR / (name + VOICE_SUFFIX)).exists():
        raise UsageError(f'"{name}" is a bundled voice; choose another name')


def load_voice(name: str = DEFAULT_VOICE) -> Voice:
    """Read a voice by name or path. Raises VoiceNotFound, or CheckpointMismatch if the file is not a voice."""
    path = find_voice(name)
    return make_voice(path, path.stem, read_arrays(path), read_metadata(path).get("model"))


def make_voice(path: Path, name: str, arrays: Arrays, model: str | None = None) -> Voice:
    """A voice of these entries. path: the file, for messages. model: as in Voice. Raises CheckpointMismatch."""
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
    return Voice(name=name, model=model, **fields)


def save_voice(path: Path, voice: Voice) -> None:
    """Write a voice file. Raises OutputUnavailable if it cannot be created, WriteFailed if writing fails."""
    arrays = {key: array for key in _NDIM if (array := getattr(voice, key.replace(".", "_"))) is not None}
    try:
        file = path.open("wb")
    except OSError as error:
        raise OutputUnavailable(f"cannot create the voice {path}: {error.strerror}") from error
    try:
        with file:
            mx.save_safetensors(file, arrays, {"model": voice.model} if voice.model else {})
    except OSError as error:
        raise WriteFailed(f"cannot write the voice {path}: {error.strerror}") from error


def save_user_voice(voice: Voice) -> Path:
    """Write a voice of the user under its name, in full or not at all. An older voice of this name is replaced.

    Raises as check_new_name and save_voice do.
    """
    check_new_name(voice.name)
    folder = user_voices_dir()
    path = folder / (voice.name + VOICE_SUFFIX)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnavailable(f"cannot create the folder {folder}: {error.strerror}") from error
    temporary = folder / f".{os.urandom(6).hex()}"
    try:
        save_voice(temporary, voice)
        os.replace(temporary, path)
    except OSError as error:
        raise OutputUnavailable(f"cannot create the voice {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _check_prompt(path: Path, arrays: Arrays) -> None:
    """S3Gen's prompt has two mel frames for each token."""
    tokens, mel = arrays.get("s3gen.prompt_tokens"), arrays.get("s3gen.prompt_mel")
    if tokens is None and mel is None:
        return
    if tokens is None or mel is None or mel.shape != (FRAMES_PER_TOKEN * tokens.size, N_MELS):
        raise CheckpointMismatch(f"{path}: s3gen.prompt_tokens and s3gen.prompt_mel do not fit each other")
