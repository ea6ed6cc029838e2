"""The official checkpoints: each is recognised, every entry has a place, and it speaks."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten
from random_checkpoints import FAMILIES, TAGS, all_shapes, write_checkpoint

from nightingale.checkpoints.chatterbox.families import FAMILIES as KNOWN
from nightingale.checkpoints.chatterbox.names import remap_s3gen, remap_t3
from nightingale.checkpoints.chatterbox.sizes import hift_sizes, s3gen_sizes, t3_sizes
from nightingale.checkpoints.loading import load_model
from nightingale.checkpoints.safetensors import read_arrays
from nightingale.engine import Engine
from nightingale.errors import CheckpointMismatch, EngineUnavailable, UsageError, VoiceNotFound
from nightingale.models.config import SAMPLES_PER_TOKEN
from nightingale.models.hift import HiFT
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.t3 import T3
from nightingale.options import SpeakOptions


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {family: write_checkpoint(root / family, family, tiny=True, prompt_tokens=3) for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_entry_at_full_size_has_a_place_and_every_parameter_an_entry(family: str) -> None:
    config = KNOWN[FAMILIES.index(family)].config
    official_t3, official_s3gen = (
        {name: mx.broadcast_to(mx.array(0.0), shape) for name, shape in shapes.items()} for shapes in all_shapes(family)
    )
    t3, (s3gen, hift) = remap_t3(official_t3), remap_s3gen(official_s3gen)
    networks = (
        (t3, T3(t3_sizes(config.t3, t3))), (s3gen, S3Gen(s3gen_sizes(config.s3gen, s3gen))),
        (hift, HiFT(hift_sizes(config.hift, hift))),
    )  # fmt: skip
    for arrays, module in networks:
        parameters = {name: array.shape for name, array in tree_flatten(module.parameters())}
        assert {name: array.shape for name, array in arrays.items()} == parameters


@pytest.mark.parametrize("family", ["english", "multilingual-v3", "turbo"])
def test_a_family_speaks_with_the_voice_it_brings(family: str, folders: dict[str, Path]) -> None:
    engine = Engine(model=folders[family])
    assert engine.voice.name == family
    samples = [chunk.samples for chunk in engine.speak("Hi.")]
    tokens = engine.statistics.num_tokens + (3 if family in ("turbo", "nano") else 0)
    tokens -= 1 if family.startswith("multilingual") else 0
    assert len(np.concatenate(samples)) == SAMPLES_PER_TOKEN * tokens
    assert not np.any(samples[0][:480]) and np.any(samples[0][480:])  # silenced, then faded in


def test_a_folder_with_several_checkpoints(folders: dict[str, Path], tmp_path: Path) -> None:
    for family in ("english", "multilingual-v2", "multilingual-v3"):
        for path in folders[family].iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert load_model(tmp_path).config.text == "english"
    assert load_model(tmp_path, language="fr").config.text == "multilingual"
    assert load_model(tmp_path / "t3_mtl23ls_v3.safetensors").config.text == "multilingual_cased"


def test_languages(folders: dict[str, Path]) -> None:
    v2, v3 = (load_model(folders[f"multilingual-{v}"], language="fr").tokenizer for v in ("v2", "v3"))
    letters = {token: v2._tokenizer.token_to_id(token) for token in ("[fr]", "[SPACE]", *"Ddae\u0301.")}
    assert v2.encode("Dé a") == [letters[t] for t in ("[fr]", "d", "e", "\u0301", "[SPACE]", "a", ".")]
    assert v3.encode("Dé a") == [letters[t] for t in ("[fr]", "D", "e", "\u0301", "[SPACE]", "a", ".")]
    with pytest.raises(UsageError, match="no language 'xx'; there are ar, da"):
        load_model(folders["multilingual-v2"], language="xx")
    with pytest.raises(UsageError, match="speaks no other language than English"):
        load_model(folders["english"], language="fr")
    with pytest.raises(EngineUnavailable, match="Japanese needs a package that is not installed: pip install pykakasi"):
        load_model(folders["multilingual-v2"], language="ja")


def test_tags_are_single_tokens(folders: dict[str, Path]) -> None:
    tokenizer = load_model(folders["turbo"]).tokenizer
    assert tokenizer.tags == TAGS
    ids = tokenizer.encode("so [laugh] to")
    assert len(ids) == len("So _o.") + 1 and tokenizer._tokenizer.token_to_id("[laugh]") in ids  # " t" is one token


def test_options_that_a_model_was_not_trained_for_change_nothing(folders: dict[str, Path]) -> None:
    for family, trained in (("turbo", False), ("english", True)):
        engine = Engine(model=folders[family])
        assert engine._sampling(SpeakOptions(cfg_weight=1.5)).cfg_weight == (1.5 if trained else 0.0)
        assert engine._sampling(SpeakOptions(top_k=7)).top_k == 7
        plain, other = engine._conditioning_for(None), engine._conditioning_for(2.0)
        assert mx.array_equal(plain, other) != trained
        assert mx.array_equal(engine._conditioning_for(0.5), plain)  # the voice's own


@pytest.mark.parametrize(
    ("family", "file"),
    [("english", "s3gen.safetensors"), ("turbo", "s3gen_meanflow.safetensors"), ("multilingual-v2", "s3gen.pt")],
)
def test_a_missing_file_is_named(family: str, file: str, folders: dict[str, Path], tmp_path: Path) -> None:
    for path in folders[family].iterdir():
        if path.name != file:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(VoiceNotFound, match=f"is not complete: .*{file}.* is missing"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["tfmr.h.1.mlp.c_fc.weight", "tfmr.ln_f.weight", "speech_head.bias"])
def test_a_missing_extra_or_misshapen_entry_is_named(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    for path in folders["turbo"].iterdir():
        (tmp_path / path.name).symlink_to(path)
    file = tmp_path / "t3_turbo_v1.safetensors"
    arrays = read_arrays(file)
    mx.eval(arrays)
    faults = [
        ({key: array for key, array in arrays.items() if key != name}, "is missing"),
        (arrays | {name: mx.zeros((2, 3, 5))}, "has shape"), (arrays | {"odd.weight": mx.zeros((3,))}, "odd.weight"),
    ]  # fmt: skip
    for fault, message in faults:
        file.unlink()
        mx.save_safetensors(str(file), fault)
        with pytest.raises(CheckpointMismatch, match=message):
            load_model(tmp_path)
