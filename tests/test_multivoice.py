"""Training for eight voices: the speech tokenizer learns on a CPU, and its stored encoder can be read.

Skipped without PyTorch, which only training needs; no extra of the package installs it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="PyTorch is not installed; only training needs it")

from training import common, corpus, restore  # noqa: E402
from training.models.speech_tokenizer import MEL_MEAN, MEL_SCALE  # noqa: E402
from training.multivoice import (  # noqa: E402
    checkpoint,
    phonemes,
    shards,
    speech_tokenizer,
    synthesize,
    train_tokenizer,
)


def shaken(module: Any) -> Any:
    """A PyTorch module with noise added to every parameter, also to those that start at zero or one."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return module.eval()


def noise(*shape: int) -> Any:
    return torch.from_numpy(np.random.default_rng(3).standard_normal(shape).astype(np.float32))


@pytest.fixture(autouse=True)
def _one_seed_and_thread() -> Iterator[None]:
    """The networks are so small that more threads only make them slower."""
    torch.manual_seed(0)
    np.random.seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def eight_voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of tones, one for each of the eight voices."""
    folder = tmp_path_factory.mktemp("eight")
    for voice in range(len(shards.VOICES)):
        cuts = [synthesize.trimmed(*spoken(120.0 + 10 * voice), 1.0, np.random.default_rng(i)) for i in range(3)]
        audio, f0 = zip(*(cut for cut in cuts if cut is not None), strict=True)
        marks = [shards.labels("həlˈO.")] * len(audio)
        np.savez(
            folder / f"{voice:05d}.npz", audio=np.concatenate(audio), ends=np.cumsum([len(a) for a in audio]),
            f0=np.concatenate(f0), labels=np.concatenate(marks), label_ends=np.cumsum([len(m) for m in marks]),
            held=np.array([False, False, True]), voice=np.asarray(voice),
        )  # fmt: skip
    about = {name: {"gain": 1.0, "median": 120.0 + 10 * voice} for voice, name in enumerate(shards.VOICES)}
    (folder / "voices.json").write_text(json.dumps(about))
    return folder


def spoken(hertz: float) -> tuple[NDArray[np.int16], NDArray[np.float16]]:
    """A second of silence, tone and silence, with F0 at 80 frames per second."""
    time = np.arange(24_000) / 24_000
    audio = np.where((time > 0.2) & (time < 0.8), 8000 * np.sin(2 * np.pi * hertz * time), 0.0)
    f0 = np.where((np.arange(80) >= 16) & (np.arange(80) < 64), hertz, 0.0)
    return audio.astype(np.int16), f0.astype(np.float16)


def test_silence_is_trimmed() -> None:
    """To whole tokens, with the gain applied; F0 is 0 where unvoiced. Silence gives nothing."""
    audio, f0 = spoken(200.0)
    found = synthesize.trimmed(audio, f0, 0.5, np.random.default_rng(0))
    assert found is not None and len(found[0]) % 960 == 0 and len(found[0]) == 480 * len(found[1])
    assert 3900 < np.abs(found[0]).max() <= 4000
    voiced = found[1][found[1] > 0]
    assert np.median(voiced) == 200.0 and len(voiced) == pytest.approx(30, abs=1) and found[1][:2].tolist() == [0, 0]
    assert synthesize.trimmed(np.zeros_like(audio), f0, 0.5, np.random.default_rng(0)) is None


def tiny_training(folder: Path, **changes: Any) -> train_tokenizer.TokenizerTraining:
    options = {"shards": folder, "resume": None, "seconds": 100.0, "lr": 3e-3, "decay_from": 1.0,
               "seed": 0, "toy": True, "hours": 0.006, "begin": 0.0045, "patience": 2.0, "unclear": 0.5,
               "unclear_from": 0.5}  # fmt: skip
    args = argparse.Namespace(**(options | changes))
    training = train_tokenizer.TokenizerTraining(common.Run(args), args)
    training.wait_for_speech()
    return training


@pytest.mark.slow
def test_tokenizer_learns_and_resumes(eight_voices: Path, tmp_path: Path) -> None:
    """The loss falls, with one view and with two; all weights get gradients; a resumed run starts from the weights."""
    training = tiny_training(eight_voices)
    losses = []
    for step in range(18):
        training.run.set_lr(training.optimizer, 1000, 0.0)
        parts = training.advance(step, progress=0.1 if step < 12 else 0.9)
        losses.append(float(parts["l1"] + parts["ctc"]))
    assert losses[11] < 0.8 * losses[0] and losses[17] < losses[11]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in training.both.parameters())
    found = training.held_out(thorough=True)
    assert set(found) == {*shards.VOICES, "all"} and {"same", "known", "wrong", "as bf_lily"} <= set(found["all"])
    assert "bf_lily" in train_tokenizer.table(found) and 0 <= found["all"]["same"] <= 1
    training.keep(tmp_path / "tokenizer.pt")
    again = tiny_training(eight_voices, resume=tmp_path / "tokenizer.pt")
    for name, weight in training.both.state_dict().items():
        assert torch.allclose(again.both.state_dict()[name], weight, atol=1e-2), name
    assert common.load(tmp_path / "tokenizer.pt", torch.device("cpu"))["voices"] == list(shards.VOICES)


def test_decoder_depends_on_the_speaker() -> None:
    """The mel does, the phonemes do not."""
    heads = shaken(speech_tokenizer.Heads(5, 8, 32))
    levels, voices = noise(1, 6, 8), torch.eye(8)
    with torch.no_grad():
        one, other = (heads(levels, voices[i : i + 1]) for i in (0, 1))
    assert [part.shape for part in one] == [(1, 12, 80), (1, 12, 2), (1, 6, 6)]
    assert not torch.allclose(one[0], other[0]) and torch.equal(one[2], other[2])


def test_edit_distance() -> None:
    others = [1, 2, 3], [1, 3], [4, 1, 2, 3], [3, 2, 1], []
    assert [train_tokenizer.edits(other, [1, 2, 3]) for other in others] == [0, 1, 1, 2, 3]


def test_encoder_in_8_bits(tmp_path: Path) -> None:
    """The codes stay nearly the same after writing and reading; the last layers stay as they are."""
    encoder = shaken(speech_tokenizer.make_encoder())
    checkpoint.save_encoder(encoder, tmp_path / "encoder.safetensors")
    again = checkpoint.load_encoder(tmp_path / "encoder.safetensors")
    mel = noise(1, 200, 80) * MEL_SCALE + MEL_MEAN
    assert float((encoder.encode(mel) == again.encode(mel)).float().mean()) > 0.8
    assert torch.allclose(again.outlet.weight, encoder.outlet.weight, atol=1e-3)
    assert (tmp_path / "encoder.safetensors").stat().st_size < 8e6


def test_stored_encoder() -> None:
    """It gives many different codes for noise, and voices.json lists its voices."""
    codes = checkpoint.load_encoder().encode(noise(1, 200, 80) * MEL_SCALE + MEL_MEAN)
    assert codes.shape == (100,) and len(set(codes.tolist())) > 20 and 0 <= codes.min() <= codes.max() < 6561
    about = json.loads(checkpoint.ENCODER.with_name("voices.json").read_text())
    assert tuple(about) == shards.VOICES and about["am_michael"]["median"] == 105.5


def test_texts_and_phonemes() -> None:
    """Generated utterances are added, none twice; texts without phonemes are left out."""
    sentences = [f"Sentence number {word} is here." for word in ("one", "two", "three", "four", "five")]
    texts = phonemes.texts_of(sentences, generated=10)
    assert len(texts) == len(set(texts)) == 15 and set(sentences) <= set(texts)
    rows = phonemes.rows_of(["a", "b"], iter([("A", "B"), ("", "B")]))
    assert rows == [f"{int(corpus.is_held_out('a'))}\tA\tB\n"]


def test_restore_says_how_to_get_the_tokenizer_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "TOKENIZER", tmp_path / "missing.safetensors")
    monkeypatch.setattr(sys, "argv", ["restore", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"missing.safetensors is missing\. To get it back, run: git show 2f70727:"):
        restore.main()
