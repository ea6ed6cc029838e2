"""A recording to a voice, with small networks in a model folder."""

import dataclasses
import json
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
import soundfile
from mlx.utils import tree_flatten
from test_recording import RATE, speech
from tiny import fill
from tiny_models import model_config, write_model

from nightingale.checkpoints.bundled import list_voices
from nightingale.checkpoints.cloning import load_cloning
from nightingale.checkpoints.voices import load_voice
from nightingale.cli.main import main
from nightingale.cloning.clone import make_voice, normalize_loudness
from nightingale.cloning.features import loudness
from nightingale.cloning.recording import Recording
from nightingale.engine import Engine
from nightingale.errors import CheckpointMismatch, VoiceNotFound
from nightingale.models.cloning import CloningNetworks
from nightingale.models.config import CloningConfig, SpeakerEncoderConfig, SpeechTokenizerConfig, VoiceEncoderConfig

CONFIG = CloningConfig(
    voice_encoder=VoiceEncoderConfig(num_mels=40, hidden_size=8, num_layers=3, embed_size=16),
    speech_tokenizer=SpeechTokenizerConfig(num_mels=128, hidden_size=32, num_heads=2, num_blocks=1, num_digits=3),
    speaker_encoder=SpeakerEncoderConfig(
        num_bands=80, head_channels=4, init_channels=8, growth=4, bottleneck_factor=2, block_layers=(1, 2),
        block_dilations=(1, 2), embed_size=12,
    ),
    t3_prompt_tokens=150, s3gen_prompt_tokens=250, loudness=-27.0,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model that can clone, and a place for voices."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "model"
    write_model(folder)
    config = dataclasses.replace(model_config(), cloning=CONFIG)
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config)))
    networks = CloningNetworks(CONFIG)
    fill(networks)
    mx.save_safetensors(str(folder / "cloning.safetensors"), dict(tree_flatten(networks.parameters())))
    soundfile.write(tmp_path / "ada.flac", speech(12.0), RATE)
    return folder


def test_a_recording_becomes_a_voice_that_speaks(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recording = str(folder.parent / "ada.flac")
    assert main(["--model", str(folder), "--clone", recording, "--save-voice", "ada"]) == 0
    assert f"speak with --model {folder} --voice ada" in capfd.readouterr().err
    assert list_voices()[-1] == "ada"
    voice = load_voice("ada")
    assert voice.model == str(folder)
    assert voice.t3_prompt_tokens is not None and voice.t3_prompt_tokens.shape == (150,)
    assert voice.s3gen_prompt_tokens is not None and voice.s3gen_prompt_tokens.shape == (250,)
    assert voice.s3gen_prompt_mel is not None and voice.s3gen_prompt_mel.shape == (500, 80)
    assert np.linalg.norm(np.array(voice.t3_speaker_embed)) == pytest.approx(1.0, abs=1e-5)
    Engine(folder, "ada")
    with pytest.raises(CheckpointMismatch, match=rf'^voice "ada" speaks only with .* add --model {folder}$'):
        Engine(None, "ada")
    os_listing = sorted(path.name for path in (folder.parent / "data/nightingale-tts/voices").iterdir())
    assert os_listing == ["ada.safetensors"]


@pytest.mark.parametrize("seconds", [5.01, 5.03, 7.777, 10.0])
def test_the_prompt_has_two_frames_for_each_token(folder: Path, seconds: float) -> None:
    voice = make_voice(Recording(speech(seconds), RATE, "ada"), load_cloning(folder), "ada", "here")
    assert voice.s3gen_prompt_tokens is not None and voice.s3gen_prompt_mel is not None
    assert len(voice.s3gen_prompt_mel) == 2 * len(voice.s3gen_prompt_tokens)
    assert len(voice.s3gen_prompt_tokens) == int(seconds * 25)


def test_loudness_is_brought_to_the_target() -> None:
    samples = normalize_loudness(speech(), -27.0)
    assert loudness(samples, 24_000) == pytest.approx(-27.0, abs=0.1)
    assert not np.any(normalize_loudness(np.zeros(24_000, np.float32), -27.0))


def test_a_model_without_cloning_networks_says_what_is_needed(folder: Path) -> None:
    with pytest.raises(VoiceNotFound, match=r"^the bundled model cannot clone voices; .* with --model DIR$"):
        load_cloning(None)
    (folder / "cloning.safetensors").rename(folder / "other.safetensors")
    with pytest.raises(VoiceNotFound, match=r"cannot clone voices: it has no cloning\.safetensors"):
        load_cloning(folder)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--clone", "ada.flac"], 2, "--clone FILE and --save-voice NAME go together"),
        (["--save-voice", "ada"], 2, "--clone FILE and --save-voice NAME go together"),
        (["--clone", "ada.flac", "--save-voice", "ada", "hello"], 2, "--clone speaks no text"),
        (["--clone", "ada.flac", "--save-voice", "florence"], 2, '"florence" is a bundled voice'),
        (["--clone", "ada.flac", "--save-voice", "../ada"], 2, 'a voice cannot have the name "../ada"'),
        (["--clone", "gone.flac", "--save-voice", "ada"], 66, "cannot open the recording gone.flac"),
        (["--clone", "model", "--save-voice", "ada"], 65, "model is not a sound file"),
        (["--clone", "ada.flac", "--save-voice", "ada"], 69, "the bundled model cannot clone voices"),
    ],
)
def test_what_cannot_be_cloned(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: list[str], code: int,
    message: str,
) -> None:
    monkeypatch.chdir(folder.parent)
    assert main(words) == code
    printed = capfd.readouterr()
    assert printed.err.startswith(f"nightingale-tts: {message}") and printed.err.count("\n") == 1
    assert not printed.out
    assert not (folder.parent / "data").exists()
