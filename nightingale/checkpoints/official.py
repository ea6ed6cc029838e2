"""Reads the files of an official Chatterbox checkpoint: entries under native names, sizes, tokenizer, voice."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from nightingale.checkpoints.chatterbox.conditions import read_conditions
from nightingale.checkpoints.chatterbox.families import Family
from nightingale.checkpoints.chatterbox.names import S3GEN_UNUSED, remap_s3gen, remap_t3
from nightingale.checkpoints.chatterbox.sizes import hift_sizes, s3gen_sizes, t3_sizes
from nightingale.checkpoints.safetensors import Arrays, read_arrays
from nightingale.checkpoints.tokenizer import TextTokenizer
from nightingale.checkpoints.torch_file import read_torch_arrays
from nightingale.errors import CheckpointMismatch
from nightingale.models.config import ModelConfig
from nightingale.models.voice import Voice
from nightingale.text.languages import preparation


@dataclass(frozen=True)
class OfficialModel:
    """An official checkpoint under native names. t3, s3gen, hift: entries that are not checked yet."""

    config: ModelConfig
    tokenizer: TextTokenizer
    t3: Arrays
    s3gen: Arrays
    hift: Arrays
    voice: Voice | None


def read_official(family: Family, folder: Path, language: str | None) -> OfficialModel:
    """Read the files of an official checkpoint. Raises VoiceNotFound, CheckpointMismatch."""
    s3gen_path, tokenizer_path = family.file(folder, family.s3gen), family.file(folder, family.tokenizer)
    try:
        t3 = remap_t3(read_arrays(folder / family.t3))
        s3gen, hift = remap_s3gen(_read_s3gen(s3gen_path))
        config = replace(
            family.config, t3=t3_sizes(family.config.t3, t3), s3gen=s3gen_sizes(family.config.s3gen, s3gen),
            hift=hift_sizes(family.config.hift, hift),
        )  # fmt: skip
    except CheckpointMismatch as error:
        raise CheckpointMismatch(f"{folder}: {error}") from error
    tokenizer = TextTokenizer(tokenizer_path, preparation(config.text, language, folder))
    return OfficialModel(config, tokenizer, t3, s3gen, hift, read_conditions(folder))


def _read_s3gen(path: Path) -> Arrays:
    if path.suffix == ".safetensors":
        return read_arrays(path)
    return read_torch_arrays(path, lambda name: not any(re.fullmatch(pattern, name) for pattern in S3GEN_UNUSED))
