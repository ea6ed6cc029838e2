"""Voice files: found by name, read back as written, and named in every error."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from tiny_models import tiny_voice

from nightingale.checkpoints import bundled, voices
from nightingale.checkpoints.bundled import list_voices
from nightingale.checkpoints.voices import load_voice, save_voice
from nightingale.errors import CheckpointMismatch, OutputUnavailable, VoiceNotFound, WriteFailed
from nightingale.models.voice import Voice


def full_voice() -> Voice:
    return dataclasses.replace(
        tiny_voice(),
        t3_prompt_tokens=mx.array([3, 1, 2]),
        t3_emotion=mx.array(0.5),
        s3gen_prompt_tokens=mx.array([7, 8]),
        s3gen_prompt_mel=mx.ones((4, 80)),
    )


@pytest.mark.parametrize("voice", [tiny_voice(), full_voice()], ids=["small", "full"])
def test_a_saved_voice_is_read_back(tmp_path: Path, voice: Voice) -> None:
    save_voice(tmp_path / "ada.safetensors", voice)
    loaded = load_voice(str(tmp_path / "ada.safetensors"))
    assert loaded.name == "ada"
    for field in dataclasses.fields(Voice)[1:]:
        before, after = getattr(voice, field.name), getattr(loaded, field.name)
        assert (before is None) == (after is None)
        if before is not None:
            assert after.shape == before.shape
            np.testing.assert_array_equal(np.array(after), np.array(before))


def test_bundled_voices_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bundled, voices):
        monkeypatch.setattr(module, "VOICES_DIR", tmp_path)
    for name in ("zoe", "florence", "ada"):
        save_voice(tmp_path / f"{name}.safetensors", tiny_voice())
    assert list_voices() == ["florence", "ada", "zoe"]
    assert load_voice("zoe").name == "zoe"
    assert load_voice().name == "florence"


@pytest.mark.parametrize("name", ["nobody", "../voices/nobody", "", ".", "/etc/passwd", "n" * 300])
def test_an_unknown_name_is_an_error_that_says_how_to_list_voices(name: str) -> None:
    with pytest.raises(VoiceNotFound, match=f'no voice "{name}".*run --list-voices'):
        load_voice(name)


def test_a_missing_voice_file_is_an_error() -> None:
    for name in ("gone", "n" * 300):
        with pytest.raises(VoiceNotFound, match=rf"no voice file {name}\.safetensors"):
            load_voice(f"{name}.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t3.speaker_embed": None}, "not a voice, t3.speaker_embed is missing"),
        ({"other": mx.zeros((1,))}, "has no entry other"),
        ({"t3.speaker_embed": mx.zeros((1, 16))}, "t3.speaker_embed has shape"),
        ({"s3gen.prompt_tokens": mx.array([1])}, "do not fit each other"),
        ({"s3gen.prompt_tokens": mx.array([1]), "s3gen.prompt_mel": mx.zeros((3, 80))}, "do not fit each other"),
    ],
)
def test_a_file_that_is_not_a_voice(tmp_path: Path, change: dict[str, mx.array | None], message: str) -> None:
    arrays = {"t3.speaker_embed": mx.zeros((16,)), "s3gen.speaker_embed": mx.zeros((12,))} | change
    path = tmp_path / "bad.safetensors"
    mx.save_safetensors(str(path), {name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(CheckpointMismatch, match=f"bad.safetensors.*{message}"):
        load_voice(str(path))


def test_a_voice_file_that_cannot_be_created(tmp_path: Path) -> None:
    with pytest.raises(OutputUnavailable, match=r"cannot create the voice .*: No such file or directory"):
        save_voice(tmp_path / "nowhere" / "ada.safetensors", tiny_voice())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_while_a_voice_is_written(tmp_path: Path) -> None:
    (tmp_path / "ada.safetensors").symlink_to("/dev/full")
    with pytest.raises(WriteFailed, match=r"cannot write the voice .*: No space left on device"):
        save_voice(tmp_path / "ada.safetensors", tiny_voice())
