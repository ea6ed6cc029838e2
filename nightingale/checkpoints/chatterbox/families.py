"""The official checkpoints: which files each has, how one is recognised, its defaults of sampling and output.

From the folders at https://huggingface.co/ResembleAI and src/chatterbox of https://github.com/resemble-ai/chatterbox.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from nightingale.checkpoints.chatterbox.cloning import official_cloning
from nightingale.checkpoints.chatterbox.sizes import GPT2_T3, HIFT, LLAMA_T3, MEANFLOW, S3GEN
from nightingale.errors import UsageError, VoiceNotFound
from nightingale.models.config import ModelConfig, OutputConfig
from nightingale.options import SamplingOptions

_SILENCE = 4299  # the speech token of silence
_MAX_REPEATS = 25  # one second
_MAX_TOKENS = 1000  # 40 s
_OUTPUT = OutputConfig(fade_in=True, max_tokens=_MAX_TOKENS, max_repeats=_MAX_REPEATS)
_ENGLISH = ModelConfig(
    t3=LLAMA_T3, draft=None, s3gen=S3GEN, hift=HIFT, cloning=official_cloning(150), text="english", output=_OUTPUT,
    sampling=SamplingOptions(0.8, min_p=0.05, repetition_penalty=1.2, cfg_weight=0.5),
)  # fmt: skip
_MULTILINGUAL = replace(_ENGLISH, text="multilingual", output=replace(_OUTPUT, drop_last_token=True))
_TURBO = ModelConfig(
    t3=GPT2_T3, draft=None, s3gen=MEANFLOW, hift=HIFT, cloning=official_cloning(375, -27.0), text="gpt2",
    output=replace(_OUTPUT, closing_tokens=(_SILENCE,) * 3),
    sampling=SamplingOptions(0.8, min_p=0.0, top_p=0.95, top_k=1000, repetition_penalty=1.2, penalty_last=True),
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """Files of one checkpoint; of several names the first that is there. t3: the file by which it is recognised."""

    name: str
    t3: str
    s3gen: tuple[str, ...]
    tokenizer: tuple[str, ...]
    config: ModelConfig

    @property
    def is_multilingual(self) -> bool:
        return self.config.text.startswith("multilingual")

    def file(self, folder: Path, names: tuple[str, ...]) -> Path:
        """The first of some files of a folder that is there. Raises VoiceNotFound."""
        for name in names:
            if os.path.isfile(folder / name):
                return folder / name
        raise VoiceNotFound(f"the {self.name} checkpoint in {folder} is not complete: {' or '.join(names)} is missing")


_S3GEN = ("s3gen.safetensors", "s3gen.pt")
_GRAPHEMES = ("grapheme_mtl_merged_expanded_v1.json",)
FAMILIES = (
    Family("English", "t3_cfg.safetensors", _S3GEN, ("tokenizer.json",), _ENGLISH),
    Family("Multilingual v2", "t3_mtl23ls_v2.safetensors", _S3GEN, _GRAPHEMES, _MULTILINGUAL),
    Family(
        "Multilingual v3", "t3_mtl23ls_v3.safetensors", _S3GEN, _GRAPHEMES,
        replace(_MULTILINGUAL, text="multilingual_cased"),
    ),
    Family(
        "Turbo", "t3_turbo_v1.safetensors", ("s3gen_meanflow.safetensors",), ("tokenizer.json", "vocab.json"), _TURBO
    ),
    Family("Nano", "t3_nano_v1.safetensors", ("s3gen_meanflow.safetensors",), ("tokenizer.json", "vocab.json"), _TURBO),
)  # fmt: skip


def find_family(path: Path, language: str | None) -> tuple[Family, Path] | None:
    """The checkpoint in a folder, and the folder; None if there is none.

    path: a folder, or the file of T3 in it, which chooses one of several checkpoints. language: chooses a multilingual
    one. Without either, English comes before Multilingual and v2 before v3, which is the order of FAMILIES.
    """
    for family in FAMILIES:
        if path.name == family.t3 and os.path.isfile(path):
            return family, path.parent
    found = [family for family in FAMILIES if os.path.isfile(path / family.t3)]
    fitting = [family for family in found if language_fits(family, language)]
    if found and not fitting:
        raise UsageError(f"the {found[0].name} model in {path} speaks no other language than English")
    return (fitting[0], path) if fitting else None


def language_fits(family: Family, language: str | None) -> bool:
    """Whether a checkpoint speaks a language; None for English."""
    return language in (None, "en") or family.is_multilingual
