"""The cloning networks against the official modules, whose entries are renamed as those of a checkpoint are."""

import functools
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
import torch_files
from golden_weights import named_weight
from mlx.utils import tree_flatten
from tiny import close, golden, noise

from nightingale.checkpoints.chatterbox.cloning import official_cloning, remap_cloning
from nightingale.checkpoints.chatterbox.families import FAMILIES
from nightingale.checkpoints.cloning import load_cloning
from nightingale.checkpoints.loading import load_arrays
from nightingale.checkpoints.safetensors import Arrays
from nightingale.errors import CheckpointMismatch, VoiceNotFound
from nightingale.models.cloning import CloningNetworks
from nightingale.models.cloning.voice_encoder import num_windows
from nightingale.models.config import CloningConfig, SpeakerEncoderConfig, SpeechTokenizerConfig, VoiceEncoderConfig

SMALL = CloningConfig(
    voice_encoder=VoiceEncoderConfig(num_mels=6, hidden_size=10, num_layers=3, embed_size=7),
    speech_tokenizer=SpeechTokenizerConfig(num_mels=9, hidden_size=128, num_heads=2, num_blocks=2, num_digits=8),
    speaker_encoder=SpeakerEncoderConfig(
        num_bands=16, head_channels=32, init_channels=12, growth=4, bottleneck_factor=2,
        block_layers=(12, 24, 16), block_dilations=(1, 2, 2), embed_size=7,
    ),
    t3_prompt_tokens=150, s3gen_prompt_tokens=250,
)  # fmt: skip


@functools.cache
def official_entries(part: str) -> Arrays:
    """Every entry of the small official modules, with the weight of its official name."""
    entries = {}
    for line in str(golden("cloning")[f"{part}_names"]).split("\n"):
        name, _, size = line.partition(" ")
        shape = tuple(int(n) for n in size.split("x") if n)
        entries[name] = mx.array(named_weight(name, shape) if shape else np.float32(0.0))
    return entries


@pytest.fixture(scope="module")
def networks() -> CloningNetworks:
    model = CloningNetworks(SMALL)
    load_arrays(model, remap_cloning(official_entries("voice_encoder"), official_entries("s3gen")), "golden")
    return model


@pytest.mark.parametrize("frames", [30, 237, 350, 380])
def test_voice_encoder_matches_the_official_module(networks: CloningNetworks, frames: int) -> None:
    mel = mx.abs(noise(f"mel{frames}", (frames, 6)))[None]
    close(networks.voice_encoder(mel), golden("cloning")[f"voice_{frames}"], 1e-5)


@pytest.mark.parametrize("frames,count", [(1, 1), (160, 1), (204, 1), (205, 2), (237, 2), (281, 2), (282, 3)])
def test_windows_that_are_mostly_outside_are_left_out(frames: int, count: int) -> None:
    assert num_windows(frames) == count


def test_speech_tokenizer_matches_the_official_module(networks: CloningNetworks) -> None:
    mel = noise("logmel", (1, 77, 9))
    close(networks.speech_tokenizer.levels(mel), 0.999 * golden("cloning")["levels"], 1e-4)
    assert np.array_equal(np.array(networks.speech_tokenizer(mel)), golden("cloning")["tokens"])


@pytest.mark.parametrize("frames", [230, 405])
def test_speaker_encoder_matches_the_official_module(networks: CloningNetworks, frames: int) -> None:
    bank = noise(f"bank{frames}", (1, frames, 16))
    close(networks.speaker_encoder(bank), golden("cloning")[f"speaker_{frames}"], 1e-4)


def test_a_missing_and_an_unknown_entry_are_named() -> None:
    voice, s3gen = official_entries("voice_encoder"), official_entries("s3gen")
    with pytest.raises(CheckpointMismatch, match=r"^lstm\.bias_ih_l1 has no lstm\.bias_hh_l1 of its shape beside it"):
        remap_cloning({k: v for k, v in voice.items() if k != "lstm.bias_hh_l1"}, s3gen)
    with pytest.raises(CheckpointMismatch, match=r"tokenizer\.encoder\.conv3\.bias is not an entry"):
        remap_cloning(voice, s3gen | {"tokenizer.encoder.conv3.bias": mx.zeros((1,))})
    arrays = remap_cloning(voice, {k: v for k, v in s3gen.items() if k != "speaker_encoder.head.bn1.running_var"})
    with pytest.raises(CheckpointMismatch, match=r"speaker_encoder\.head\.norm1\.running_var is missing"):
        load_arrays(CloningNetworks(SMALL), arrays, "golden")


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_an_official_folder(
    networks: CloningNetworks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    english = FAMILIES[0]
    small = replace(english, config=replace(english.config, cloning=SMALL))
    monkeypatch.setattr("nightingale.checkpoints.chatterbox.families.FAMILIES", (small,))
    (tmp_path / english.t3).touch()
    with pytest.raises(VoiceNotFound, match=r"is not complete: ve\.safetensors or ve\.pt is missing"):
        load_cloning(tmp_path)
    others = {"flow.a.weight": mx.zeros((2,)), "mel2wav.b.bias": mx.zeros((3,))}
    for name, entries in ("ve", official_entries("voice_encoder")), ("s3gen", official_entries("s3gen") | others):
        if suffix == "pt":
            values = {key: torch_files.tensor(np.array(value)) for key, value in entries.items()}
            torch_files.save(tmp_path / f"{name}.pt", values)
        else:
            mx.save_safetensors(str(tmp_path / f"{name}.safetensors"), entries)
    loaded = dict(tree_flatten(load_cloning(tmp_path).parameters()))
    assert all(mx.array_equal(loaded[name], value) for name, value in tree_flatten(networks.parameters()))


def test_sizes_of_the_official_networks() -> None:
    counts = dict.fromkeys(("voice_encoder", "speech_tokenizer", "speaker_encoder"), 0)
    for name, array in tree_flatten(CloningNetworks(official_cloning(150)).parameters()):
        counts[name.split(".")[0]] += array.size
    # The official LSTM has a second bias of 1024 in each layer, and two scalars of a loss.
    voice_encoder = 1_423_618 - 3 * 1024 - 2
    assert counts == {"voice_encoder": voice_encoder, "speech_tokenizer": 123_714_568, "speaker_encoder": 6_930_720}
