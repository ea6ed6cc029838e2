"""Training: the PyTorch networks give the results of the MLX ones, and each can read the files of the other.

Skipped without PyTorch, which only training needs; no extra of the package installs it.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlx.core as mx
import mlx.nn
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from tiny import close, hift_config, s3gen_config

from nightingale.checkpoints.loading import load_arrays
from nightingale.checkpoints.quantize import Policy, quantize_arrays
from nightingale.checkpoints.voices import load_voice
from nightingale.decoding.cache import make_caches
from nightingale.kernels.noise import seed_key
from nightingale.models.config import DraftConfig, FlowConfig, LlamaConfig, T3Config
from nightingale.models.hift import HiFT
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.t3 import T3
from nightingale.models.voice import Voice
from nightingale.text.characters import ALPHABET

torch = pytest.importorskip("torch", reason="PyTorch is not installed; only training needs it")

from training import (  # noqa: E402
    average,
    common,
    corpus,
    data,
    export,
    intonation,
    pipeline,
    quantization,
    restore,
    resynthesize,
    teacher,
    train_draft,
    train_hift,
    train_s3gen,
    train_t3,
    train_tokenizer,
)
from training.models import hift as torch_hift  # noqa: E402
from training.models import s3gen as torch_s3gen  # noqa: E402
from training.models import t3 as torch_t3  # noqa: E402
from training.models.speech_tokenizer import MEL_MEAN, MEL_SCALE, Encoder  # noqa: E402
from training.voices import VOICES  # noqa: E402

TINY_T3 = T3Config(
    llama=LlamaConfig(32, 2, 4, 2, 8, 48, 1e-5, 10_000.0), text_vocab_size=20, start_text_token=1, stop_text_token=0,
    max_text_tokens=16, speech_vocab_size=42, start_speech_token=40, stop_speech_token=41, max_speech_tokens=24,
    speaker_embed_size=8,
)  # fmt: skip
WINDOW = 4  # tokens: shorter than the test input, so that the window limits attention


def shaken(module: Any) -> Any:
    """A PyTorch module with noise added to every parameter, also to those that start at zero or one."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return module.eval()


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def same(ours: mx.array, theirs: Any) -> None:
    close(ours, theirs.detach().numpy(), 1e-4)


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    torch.manual_seed(0)


def test_t3_gives_the_same_logits() -> None:
    twin, t3 = shaken(torch_t3.T3(TINY_T3, 0.0)), T3(TINY_T3)
    text, speech, speaker = [5, 9, 2, 17, 3], [7, 0, 39, 12, 12, 30], noise(8)
    ids = torch.tensor([[0, 1, *text, 0, 40, 40, *speech]])
    length, has_text = torch.tensor([len(text) + 2]), torch.tensor([True])
    load_arrays(t3, export.native_arrays(twin), "twin")
    t3.fuse()
    row = t3.prompt(t3.condition(Voice("tiny", mx.array(speaker), mx.array(noise(12)))), text, guided=True)
    tail = t3.embed_speech(mx.array(speech), 1)
    embeds = mx.concatenate([row, mx.concatenate([tail, tail])], axis=1)
    ours = t3(embeds, make_caches(t3.num_layers))
    with torch.no_grad():
        for i, shown in enumerate((has_text, ~has_text)):
            embeds = twin.embed(ids, length, torch.from_numpy(speaker)[None], shown)
            same(ours[i : i + 1], twin.speech_head(twin(embeds)))


def test_draft_depths_build_on_its_own_predictions() -> None:
    """Depth d at position i equals a pass whose input has T3's states only up to position i - 1 - d."""
    draft = shaken(torch_t3.Draft(DraftConfig(replace(TINY_T3.llama, num_layers=2))))
    embeds, states = torch.from_numpy(noise(2, 9, 32)), torch.from_numpy(noise(2, 9, 32))[:, torch.randperm(9)]
    with torch.no_grad():
        together = draft(embeds, states, 3)
        for place in range(3, 9):
            known = states.clone()
            for depth in range(3):
                at = place - 2 + depth
                guess = draft(embeds[:, : at + 1], known[:, : at + 1], 1)[0][:, at]
                assert torch.allclose(together[depth][:, at], guess, atol=1e-5), (place, depth)
                known[:, at] = guess


@pytest.fixture
def s3gens() -> tuple[Any, S3Gen]:
    flow = FlowConfig(2, 0.0, "linear", mel_mean=-5.5, mel_scale=2.8, temperature=0.0)
    config = replace(s3gen_config(meanflow=True, window=WINDOW), flow=flow)
    twin, s3gen = shaken(torch_s3gen.S3Gen(config)), S3Gen(config)
    load_arrays(s3gen, export.native_arrays(twin), "twin")
    return twin, s3gen


def test_s3gen_encoder_gives_the_same_frames(s3gens: tuple[Any, S3Gen]) -> None:
    twin, s3gen = s3gens
    x = noise(1, 13, 16)
    same(s3gen.encoder(mx.array(x)), twin.encoder(torch.from_numpy(x)))


def test_s3gen_estimator_gives_the_same_velocity(s3gens: tuple[Any, S3Gen]) -> None:
    from nightingale.models.streaming import StreamingContext

    twin, s3gen = s3gens
    x, mu, speaker, prompt = noise(2, 14, 80), noise(2, 14, 80)[::-1].copy(), noise(2, 80), noise(2, 14, 80) * 0.5
    t, r = np.array([0.0, 0.25], np.float32), np.array([0.5, 1.0], np.float32)
    time = s3gen.estimator.embed_time(mx.array(t), mx.array(r))
    ours = s3gen.estimator(mx.array(x), mx.array(mu), mx.array(speaker), mx.array(prompt), time, StreamingContext())
    same(ours, twin.estimator(*(torch.from_numpy(a) for a in (x, mu, speaker, prompt, t, r))))


def test_s3gen_gives_the_same_mel(s3gens: tuple[Any, S3Gen]) -> None:
    twin, s3gen = s3gens
    tokens, speaker = np.random.default_rng(0).integers(0, 10, (1, 15)), noise(12)
    ours = s3gen(mx.array(tokens), mx.array(speaker), key=seed_key(0))
    same(ours, twin.sample(torch.from_numpy(tokens), torch.from_numpy(speaker)[None], steps=2, temperature=0.0))


def hifts(pitch: float) -> tuple[Any, HiFT]:
    """Both implementations, predicting about this pitch everywhere, without noise in voiced sound."""
    config = replace(hift_config(causal=True), noise_std=0.0)
    twin, hift = shaken(torch_hift.HiFT(config)), HiFT(config)
    with torch.no_grad():
        twin.f0_predictor.classifier.bias.fill_(pitch)
    load_arrays(hift, export.native_arrays(twin), "twin")
    return twin, hift


def test_hift_gives_the_same_samples() -> None:
    """Over 10 frames: a phase counted in 2^-32 of a turn does not drift from one in doubles."""
    twin, hift = hifts(180.0)
    mel = noise(1, 10, 80)
    samples, f0 = twin(torch.from_numpy(mel))
    same(hift.f0(mx.array(mel)), f0)
    assert float(f0.detach().min()) > hift.config.voiced_threshold
    ours = hift(mx.array(mel), key=seed_key(0))
    assert float(mx.abs(ours).max()) > 0.01
    same(ours, samples)


def test_hift_unvoiced_noise_has_the_same_level() -> None:
    """The noise itself differs between the two."""
    twin, hift = hifts(180.0)
    f0 = np.zeros((1, 40), np.float32)
    source, _ = hift.source(mx.array(f0), mx.zeros((1,), mx.uint32), seed_key(0), 0)
    theirs = twin.source(torch.from_numpy(f0)).detach().numpy()
    assert np.std(np.array(source)) == pytest.approx(np.std(theirs), rel=0.05)


@pytest.mark.parametrize("bits", [3, 4, 5, 6, 8])
def test_as_stored_equals_mlx_quantization(bits: int) -> None:
    """Except for rounding ties: fewer than one weight in ten thousand; none was seen on a CPU."""
    weight = 0.05 * noise(256, 512)
    weight[3] = 0.0
    packed, scales, biases = mx.quantize(mx.array(weight), group_size=64, bits=bits)
    stored = [part.astype(mx.float16).astype(mx.float32) for part in (scales, biases)]
    theirs = np.array(mx.dequantize(packed, *stored, group_size=64, bits=bits))
    ours = quantization.as_stored(torch.from_numpy(weight), bits).numpy()
    assert np.mean(np.abs(ours - theirs) > 1e-6) < 1e-4


def test_training_as_stored_has_gradients_and_keeps_names() -> None:
    config = replace(TINY_T3, llama=replace(TINY_T3.llama, hidden_size=64, intermediate_size=128))
    plain = torch_t3.T3(config, 0.0)
    names = set(plain.state_dict())
    quantization.train_as_stored(plain, 4)
    layer = plain.llama.layers[0].mlp.gate_proj
    layer(torch.ones(1, 64)).sum().backward()
    stored = quantization.as_stored(layer.parametrizations.weight.original, 4)
    assert torch.allclose(layer.weight, stored, atol=1e-7)
    assert torch.equal(layer.parametrizations.weight.original.grad, torch.ones(128, 64))
    assert set(quantization.plain_names(plain.state_dict())) == names


@pytest.mark.parametrize("make", [lambda: torch_hift.HiFT(), lambda: torch_s3gen.S3Gen(), lambda: Encoder()])
def test_restore_inverts_export(make: Callable[[], Any], tmp_path: Path) -> None:
    """Floats come back exactly; 8-bit weights within half a quantization step and float16 precision."""
    first = make()
    exported = export.native_arrays(first)
    mx.save_safetensors(str(tmp_path / "whole.safetensors"), exported)
    back = export.native_arrays(restore.fill(make(), tmp_path / "whole.safetensors"))
    export.write_arrays(tmp_path / "8.safetensors", dict(exported), [Policy(8)])
    rough = export.native_arrays(restore.fill(make(), tmp_path / "8.safetensors"))
    steps = quantize_arrays(exported, Policy(8))
    assert back.keys() == exported.keys() == rough.keys()
    for name, array in exported.items():
        value = np.array(array)
        assert np.abs(np.array(back[name]) - value).max() < 1e-5, name
        scales = steps.get(name.removesuffix("weight") + "scales")
        # Half a step for rounding, the rest for scale and bias in float16.
        allowed = 1e-3 * np.abs(value).max() + 1e-4
        if scales is not None:
            allowed = allowed + np.repeat(np.abs(np.array(scales)), 64, axis=-1)
        assert (np.abs(np.array(rough[name]) - value) <= allowed).all(), name


def test_restore_rejects_extra_and_missing_weights(tmp_path: Path) -> None:
    arrays = export.native_arrays(Encoder())
    path = tmp_path / "encoder.safetensors"
    mx.save_safetensors(str(path), arrays | {"extra": mx.zeros((1,))})
    with pytest.raises(SystemExit, match="extra"):
        restore.fill(Encoder(), path)
    del arrays["outlet.bias"]
    mx.save_safetensors(str(path), arrays)
    with pytest.raises(KeyError, match=re.escape("outlet.bias")):
        restore.fill(Encoder(), path)


SENTENCES = [f"The {animal} found {count} old stones by the {place}." for animal in ("fox", "heron", "child")
             for count in ("two", "seven", "forty") for place in ("river", "mill", "garden wall")]  # fmt: skip


def test_planner_is_deterministic() -> None:
    one, other = corpus.Planner(SENTENCES), corpus.Planner(list(SENTENCES))
    said = [one.utterance(epoch, i) for epoch in (0, 1) for i in range(200)]
    assert said == [other.utterance(epoch, i) for epoch in (0, 1) for i in range(200)]
    assert said[:200] != said[200:]
    assert said[:200] != [corpus.Planner(SENTENCES, seed=1).utterance(0, i) for i in range(200)]
    as_they_stand = np.mean([text in SENTENCES for text in said])
    assert 0.55 < as_they_stand < 0.75


def test_planner_stays_in_the_alphabet() -> None:
    planner = corpus.Planner(SENTENCES)
    said = [planner.utterance(0, i) for i in range(1000)]
    assert set("".join(said)) <= set(ALPHABET) == set(torch_t3.CHARACTERS)
    assert max(map(len, said)) <= corpus.MAX_CHARS


def test_planner_adds_questions() -> None:
    """Rising questions are a twelfth of the utterances, though one sentence in 28."""
    planner = corpus.Planner([*SENTENCES, "Did the fox find the stones?", "Who found them?"])
    assert planner.questions == ["Did the fox find the stones?"]
    asked = np.mean([planner.utterance(0, i) == planner.questions[0] for i in range(2000)])
    assert 0.06 < asked < 0.11


def test_held_out_share() -> None:
    """Five sentences in a thousand, by their text alone."""
    share = np.mean([corpus.is_held_out(f"Sentence number {i}.") for i in range(20_000)])
    assert share == pytest.approx(corpus.HELD_OUT_PER_MILLE / 1000, rel=0.3)


FLORENCE, KEATS = range(2)
TEXTS = ["Hello there.", "A second, longer one: is it read?", "No."]
TOKENS = [20, 33, 8]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Three utterances of TOKENS tokens, each a tone of a different pitch."""
    pitches = (200.0, 400.0, 600.0)
    said = [(tone(*row), text) for text, *row in zip(TEXTS, TOKENS, pitches, strict=True)]
    teacher.write_shard(tmp_path / "00000-000.npz", "florence", said)
    return tmp_path


def tone(tokens: int, hertz: float) -> teacher.Speech:
    """A tone; its `source` is half as loud, so that the two can be distinguished."""
    time = np.arange(tokens * 960) / 24_000
    audio = 0.3 * np.sin(2 * np.pi * hertz * time)
    return teacher.Speech(audio, audio / 2, np.full(2 * tokens, hertz), "abc")


@pytest.fixture
def two_voices(shards: Path) -> Path:
    """The same texts again by the second voice, at a lower pitch."""
    said = [(tone(count, 100.0), text) for text, count in zip(TEXTS, TOKENS, strict=True)]
    teacher.write_shard(shards / "00000-001.npz", "keats", said)
    return shards


@pytest.fixture
def run() -> common.Run:
    return common.Run(argparse.Namespace(seed=0, seconds=60.0, lr=1e-3, decay_from=0.5, toy=True))


def frame_count(mel: Any) -> Any:
    """A stand-in for the speech tokenizer: token i is i."""
    return torch.arange(mel.shape[1] // 2)


def test_speech_pool(shards: Path, run: common.Run) -> None:
    pool = data.SpeechPool(run, shards, hours=0.01, keep_audio=True, encode=frame_count)
    pool.refresh(0.0, wait_for=3)
    assert pool.lengths == [2 * n for n in TOKENS] and pool.starts == [0, 40, 106]
    assert pool.seconds == pytest.approx(sum(TOKENS) / 25)
    start, size, began, goes_on = pool.spans(np.array([0, 1, 2]), 20)
    assert not (start % 2).any()
    assert size.tolist() == [20, 20, 16] and began[2].item() is goes_on[2].item() is False
    assert began.tolist() == [s > first for s, first in zip(start.tolist(), pool.starts, strict=True)]
    assert pool.spans(np.array([0, 1, 2] * 9), 20, from_start=1.0).start.tolist() == pool.starts * 9
    assert data.gather(pool.f0, start, 16)[:, 0].tolist() == [200.0, 400.0, 600.0]
    assert data.gather(pool.tokens, start // 2, 4)[:, 0].tolist() == (start // 2).tolist()
    audio = data.gather(pool.audio, start * 480, 480)
    assert audio.shape == (3, 480) and audio.abs().max() > 9000
    assert data.span_mask(size, 20).sum(1).tolist() == [20, 20, 16]


def test_batches_have_similar_lengths(shards: Path, run: common.Run) -> None:
    """A batch has utterances of one range of lengths, and the upper limit of that range."""
    pool = data.SpeechPool(run, shards, hours=0.01)
    pool.refresh(0.0, wait_for=3)
    drawn = {}
    for _ in range(50):
        numbers, length = pool.alike(300)
        assert len(numbers) == 300 // length == 3
        drawn[length] = drawn.get(length, set()) | set(numbers.tolist())
    assert drawn == {100: {0, 1, 2}}
    pool._lengths[1] = 140  # this longer one is in another range
    pool._by_length, pool._sorted_lengths = np.array([2, 0, 1]), np.array([16, 40, 140])
    pool._edges = np.cumsum(pool._sorted_lengths)
    drawn = {}
    for _ in range(100):
        numbers, length = pool.alike(300)
        drawn[length] = drawn.get(length, set()) | set(numbers.tolist())
    assert drawn == {100: {0, 2}, 150: {1}}


def test_moving_average_of_weights() -> None:
    model = torch.nn.Linear(2, 1)
    average = common.Ema(model, decay=0.9)
    before = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1.0
    average.update(step=1000)
    copy = torch.nn.Linear(2, 1)
    average.copy_to(copy)
    assert torch.allclose(copy.weight, before + 0.1) and torch.allclose(copy.bias, model.bias)


def test_token_rows(shards: Path, run: common.Run) -> None:
    """[text length, speech length, 0, start, characters, stop, BOS, BOS, speech, padding]."""
    pool = train_t3.TokenPool(run, shards, frame_count)
    pool.refresh(1)
    assert sum(pool.counts.values()) + len(pool.held_out) == 3 + sum(map(intonation.rises, TEXTS)) > 3
    row = next(r for r in pool.rows[80][: pool.counts[80]].tolist() if r[1] == TOKENS[0])
    text = [torch_t3.START_TEXT, *(torch_t3.TEXT_IDS[c] for c in TEXTS[0]), torch_t3.STOP_TEXT]
    begin = [len(text), 20, 0, *text, torch_t3.START_SPEECH, torch_t3.START_SPEECH]
    assert row[: len(begin) + 20] == begin + list(range(20))
    assert set(row[len(begin) + 20 :]) == {torch_t3.STOP_SPEECH} and len(row) == 82


def test_t3_loss_ignores_padding_and_hidden_text(shards: Path, run: common.Run) -> None:
    """The loss also covers the stop token."""
    pool = train_t3.TokenPool(run, shards, frame_count)
    pool.refresh(1)
    config = replace(torch_t3.t3_config(32, 1, 4, 2, 48), speaker_embed_size=8)
    t3 = shaken(torch_t3.T3(config, 0.0))
    row = pool.rows[80][:1]
    longer = torch.cat([row, torch.full((1, 30), torch_t3.STOP_SPEECH, dtype=torch.int16)], 1)
    exact = row[:, : 2 + 3 + int(row[0, 0]) + int(row[0, 1])]  # without a stop token
    found = [t3_loss(t3, r) for r in (row, longer, exact)]
    assert found == pytest.approx([found[0]] * 3, abs=1e-5)
    assert t3_loss(t3, row, textless=1.1) == pytest.approx(t3_loss(t3, changed(row), textless=1.1), abs=1e-6)
    assert t3_loss(t3, row) != pytest.approx(t3_loss(t3, changed(row)), abs=1e-6)


def t3_loss(t3: Any, rows: Any, textless: float = 0.0) -> float:
    with torch.no_grad():
        return float(train_t3.losses(t3, train_t3.read_rows(rows, 0.0, 1.0), torch.ones(8), textless)["loss"])


def test_t3_loss_covers_the_speech_positions(shards: Path, run: common.Run) -> None:
    """All of them if the share allows it, otherwise the first ones."""
    pool = train_t3.TokenPool(run, shards, frame_count)
    pool.refresh(1)
    rows = pool.rows[80][:2]
    speaking = int((rows[:, 1] + 1).sum())
    index, counts = train_t3.counted_places(rows, share=1.0)
    assert len(index) == 160 and int(counts.sum()) == speaking
    places = index[counts]
    row, place = places // 80, places % 80
    assert (place >= rows[row, 0] + 2).all() and (place <= rows[row, 0] + 2 + rows[row, 1]).all()
    index, counts = train_t3.counted_places(rows, share=0.1)
    assert len(index) == 16 and counts.all() and (index == places[:16]).all()


def changed(row: Any) -> Any:
    """The same row with a different first letter."""
    other = row.clone()
    other[0, 4] += 1
    return other


def test_bundled_sizes_load_into_native_modules() -> None:
    """All parameter names and shapes match."""
    config: list[tuple[mlx.nn.Module, Any]] = [
        (T3(torch_t3.T3_CONFIG), torch_t3.T3(torch_t3.T3_CONFIG)),
        (S3Gen(torch_s3gen.S3GEN_CONFIG), torch_s3gen.S3Gen()),
        (HiFT(torch_hift.HIFT_CONFIG), torch_hift.HiFT()),
    ]
    for module, twin in config:
        load_arrays(module, export.native_arrays(twin), type(twin).__name__)


def test_embeddings_of_florence_are_unchanged() -> None:
    """They are those of the shipped file, also when voices are added."""
    t3, s3gen = (common.speaker_embeddings(size) for size in (torch_t3.SPEAKER_SIZE, torch_s3gen.SPEAKER_SIZE))
    florence = load_voice("florence")
    np.testing.assert_array_equal(np.array(florence.t3_speaker_embed), t3[FLORENCE].numpy())
    np.testing.assert_array_equal(np.array(florence.s3gen_speaker_embed), s3gen[FLORENCE].numpy())
    assert abs(float(s3gen[FLORENCE] @ s3gen[KEATS])) < 0.2


def test_pools_record_the_voice(two_voices: Path, run: common.Run) -> None:
    speech = data.SpeechPool(run, two_voices, hours=0.01)
    speech.refresh(0.0, wait_for=6)
    pitches = [float(speech.f0[start]) for start in speech.starts]
    assert speech.voice(np.arange(6)).tolist() == [KEATS if hertz == 100.0 else FLORENCE for hertz in pitches]
    assert speech.voices == {"florence", "keats"}
    speech.held_out = list(range(6))
    assert [pitches[i] for i in speech.held_out_of(KEATS)] == [100.0] * 3


def test_voices_are_drawn_equally(two_voices: Path, run: common.Run) -> None:
    """However much each has spoken. A voice that has used up its room leaves the other's free."""
    rest = [(tone(TOKENS[0], 100.0), "And what of him?")] * 18
    teacher.write_shard(two_voices / "00001-001.npz", "keats", rest)
    pool = data.SpeechPool(run, two_voices, hours=0.01)
    pool.refresh(0.0, wait_for=24)
    drawn = pool.voice(pool.random(4000)).float().mean()
    assert float(drawn) == pytest.approx(0.5, abs=0.04)  # 5 standard deviations
    teacher.write_shard(two_voices / "00002-001.npz", "keats", rest * 2)
    teacher.write_shard(two_voices / "00003-000.npz", "florence", [(tone(TOKENS[0], 200.0), "And of her?")] * 18)
    pool.refresh(0.0, wait_for=42)
    assert len(pool.starts) == 42 and pool.reader.voices == {"florence"}


def test_questions_are_drawn_often(two_voices: Path, run: common.Run) -> None:
    """Rising ones of each voice, however few there are."""
    for voice, worker in (("florence", 0), ("keats", 1)):
        said = [(tone(TOKENS[0], 100.0), "He found it.")] * 18 + [(tone(TOKENS[0], 100.0), "Did he find it?")]
        teacher.write_shard(two_voices / f"00001-00{worker}.npz", voice, said)
    pool = data.SpeechPool(run, two_voices, hours=0.01)
    pool.refresh(0.0, wait_for=44)
    drawn = pool.random(4000)
    rising = np.asarray(pool.rising)[drawn]
    assert rising.mean() == pytest.approx(data.RISING, abs=0.04)  # 5 standard deviations
    assert float(pool.voice(drawn[rising]).float().mean()) == pytest.approx(0.5, abs=0.08)


def test_yes_no_questions_are_recognised() -> None:
    rising = ["Did you lock the door?", "Olivia, have you seen my keys?", "You left the keys?", "Really?", "Isn't she?",
              "When he came, were you there?", '"Well, may I come in?"', "He said: are you there?"]  # fmt: skip
    falling = ["Where is my shoe?", "What do you think, John?", "And who are you?", "Is it tea or coffee?",
               "He owed her much - why did she go?", "Did you lock the door.", "To whom was it sent?", "How's that?",
               "Are you there? I am not.",
               "'Where are you going?'", "Into which room did he go?", "Yet whatever can I do?"]  # fmt: skip
    assert [intonation.rises(sentence) for sentence in rising + falling] == [True] * 8 + [False] * 12


def test_f0_rises_from_the_last_stressed_vowel() -> None:
    """Up to the last voiced frame. Other frames are unchanged, and unvoiced ones stay unvoiced."""
    phonemes, durations = list("dˈɪd ˈi sˈi?"), np.array([8, *[4] * 11, 10, 1])
    f0 = np.full(2 * int(durations.sum()), 180.0)
    f0[-22:], f0[90:94] = 0, 0
    found = intonation.risen(f0, phonemes, durations)
    changed = np.flatnonzero(found != f0)
    assert changed[0] == pytest.approx(2 * (8 + 9 * 4), abs=8) and changed[-1] == len(f0) - 23
    assert not found[90:94].any() and not found[-22:].any()
    assert found[-23] == pytest.approx(intonation.MEDIAN * 2 ** (intonation.HIGH / 12))
    assert (np.diff(found[changed[6]:][found[changed[6]:] > 0]) > 0).all()
    np.testing.assert_array_equal(intonation.risen(np.zeros(40), ["a"], np.array([5, 10, 5])), np.zeros(40))


def test_all_voices_share_the_tokens_of_florence(two_voices: Path, run: common.Run) -> None:
    """T3 reads only her shards. For the other voice, S3Gen gets her tokens and the other's mel."""
    tokens = train_t3.TokenPool(run, two_voices, frame_count)
    tokens.refresh(2)
    assert sum(tokens.counts.values()) + len(tokens.held_out) == len(TEXTS) + sum(map(intonation.rises, TEXTS))
    loudness: list[tuple[str, float, float]] = []
    pool = data.SpeechPool(run, two_voices, hours=0.01, encode=lambda mel: mel[0, ::2].amax(-1))
    pool.tokens = pool.tokens.float()
    pool.refresh(0.0, wait_for=6)
    for number, (start, length) in enumerate(zip(pool.starts, pool.lengths, strict=True)):
        inside = slice(start + 4, start + length - 4)
        sound = float(pool.mel[inside].amax(-1).float().median())
        source = float(pool.tokens[inside.start // 2 : inside.stop // 2].median())
        loudness.append((VOICES[pool.speakers[number]], sound, source))
    for voice, sound, source in loudness:
        assert source == pytest.approx(sound - (math.log(2) if voice == "keats" else 0.0), abs=0.02)


def test_draft_loss_compares_with_t3(shards: Path, run: common.Run) -> None:
    pool = train_t3.TokenPool(run, shards, frame_count)
    pool.refresh(1)
    config = replace(torch_t3.t3_config(32, 1, 4, 2, 48), speaker_embed_size=8)
    t3, draft = shaken(torch_t3.T3(config, 0.0)), shaken(torch_t3.Draft(DraftConfig(config.llama)))
    task = train_t3.read_rows(pool.rows[80][:3], 0.0, 1.0)
    with torch.no_grad():
        parts = train_draft.losses(t3, draft, task, torch.from_numpy(noise(8)))
    assert float(parts["divergence"]) > 0 and 0 < float(parts["overlap2"]) < 1


def test_s3gen_has_a_speaker_for_each_row(s3gens: tuple[Any, S3Gen]) -> None:
    twin, _ = s3gens
    tokens, speakers = torch.randint(0, 10, (2, 15)), torch.from_numpy(noise(2, 12))
    both = twin.sample(tokens, speakers, steps=2, temperature=0.0)
    for row in range(2):
        alone = twin.sample(tokens[row : row + 1], speakers[row : row + 1], steps=2, temperature=0.0)
        assert torch.allclose(both[row : row + 1], alone, atol=1e-5)


class Brightness(torch.nn.Module):
    """A stand-in for the speech tokenizer's encoder: two features for each pair of frames."""

    def features(self, mel: Any) -> Any:
        return mel.unflatten(1, (-1, 2)).mean((2, 3))[..., None].expand(-1, -1, 2)


class First(torch.nn.Module):
    """A stand-in for HiFT's predictor: F0 is the first band of the mel."""

    def forward(self, mel: Any) -> Any:
        return mel[:, 0].exp()


def test_s3gen_loss_skips_frames_without_context(shards: Path, run: common.Run) -> None:
    """Frames without past or look-ahead are skipped, unless the utterance begins or ends there."""
    pool = data.SpeechPool(run, shards, hours=0.01, encode=frame_count)
    pool.refresh(0.0, wait_for=3)
    start, size = torch.tensor([0, 40, 106]), torch.tensor([40, 30, 16])
    spans = data.Spans(start, size, torch.tensor([False, True, False]), torch.tensor([False, False, True]))
    mel, tokens, mask = train_s3gen.draw(pool, spans, 40)
    assert mel.shape == (3, 40, 80) and tokens[:, 0].tolist() == [0, 20, 53]
    past, ahead = train_s3gen.PAST_FRAMES, train_s3gen.LOOKAHEAD_FRAMES
    asked = [mask[i].nonzero()[:, 0].tolist() for i in range(3)]
    assert asked == [list(range(40)), list(range(past, 30)), list(range(16 - ahead))]


def test_s3gen_content_and_pitch_losses() -> None:
    """Content is compared inside the mask, pitch only in voiced frames."""
    ear = train_s3gen.Ear(Brightness(), First())  # type: ignore[arg-type]
    mel, f0 = torch.zeros(1, 8, 80), torch.tensor([[100.0, 200, 200, 0, 200, 200, 200, 200]])
    mel[:, :, 0] = (f0.clamp(min=1).log() - MEL_MEAN) / MEL_SCALE
    mask = torch.tensor([[1.0, 1, 1, 1, 1, 1, 0, 0]])
    alike = train_s3gen.heard(ear, mel, mel, f0, mask)
    assert float(alike["mel"]) == float(alike["content"]) == 0 and float(alike["pitch"]) == pytest.approx(0, abs=1e-5)
    made = mel.clone()
    made[:, 6:] = 9.0  # outside the mask
    made[:, 3, 0] = 9.0  # unvoiced: in the content, but without pitch
    made[:, 1, 0] += math.log(2) / MEL_SCALE  # an octave higher, in one of five voiced frames
    made.requires_grad_()
    other = train_s3gen.heard(ear, made, mel, f0, mask)
    found = common.detached(other)
    assert float(found["pitch"]) == pytest.approx(0.2, abs=1e-5) and float(found["content"]) > 0
    assert float(found["mel"]) == pytest.approx(float((made.detach() - mel)[:, :6].abs().mean()))
    (other["pitch"] + other["content"]).backward()
    moved = made.grad.abs().sum(-1)[0] > 0
    assert moved.tolist() == [True] * 6 + [False] * 2


def test_resynthesis_keeps_the_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut to whole tokens. With --mel the sound differs from that of the codes."""
    said = {"Yes.": tone(6, 200.0).audio, "No.": tone(9, 300.0).audio[:-5]}
    monkeypatch.setitem(sys.modules, "hibari", SimpleNamespace(Hibari=lambda: lambda text, seed: said[text]))
    common.save(tmp_path / "tokenizer.pt", encoder=common.half(Encoder()))
    common.save(tmp_path / "s3gen.pt", s3gen=common.half(torch_s3gen.S3Gen()))
    common.save(tmp_path / "hift.pt", hift=common.half(torch_hift.HiFT()))
    (tmp_path / "text").write_text("Yes.\n\nNo.\n")
    for out, options in (("codes", []), ("mel", ["--mel"])):
        paths = map(str, (tmp_path, tmp_path / "text", tmp_path / out))
        monkeypatch.setattr(sys, "argv", ["resynthesize", *paths, *options])
        resynthesize.main()
    codes, mel = ([soundfile.read(tmp_path / out / f"000{i}.wav")[0] for i in range(2)] for out in ("codes", "mel"))
    assert [len(x) for x in codes] == [len(x) for x in mel] == [6 * 960, 8 * 960]
    assert np.abs(codes[0] - mel[0]).max() > 1e-4


class SpeakerAsMel:
    """A stand-in for S3Gen: every frame is the start of the speaker embedding."""

    config = torch_s3gen.S3GEN_CONFIG

    def sample(self, tokens: Any, speaker: Any, steps: int, temperature: float) -> Any:
        return speaker[:, None, :80].expand(-1, 2 * tokens.shape[1], -1)


def test_vocoder_crops_have_the_mels_of_their_voice(two_voices: Path, run: common.Run) -> None:
    pool = data.SpeechPool(run, two_voices, hours=0.01, keep_audio=True, encode=frame_count)
    pool.refresh(0.0, wait_for=6)
    crops = train_hift.Crops(pool, 4, SpeakerAsMel())  # type: ignore[arg-type]
    numbers = np.arange(6)
    mel, f0, _ = crops.draw(crops.starts(numbers), pool.voice(numbers), made=True)
    table = common.speaker_embeddings(torch_s3gen.SPEAKER_SIZE)[:, :80]
    for row, hertz in zip(mel, f0[:, 0], strict=True):
        assert torch.equal(row[0], table[KEATS if hertz == 100.0 else FLORENCE])


class CountAsMel:
    """A stand-in for S3Gen: every frame is the number of frames made up to it, itself included."""

    config = torch_s3gen.S3GEN_CONFIG

    def sample(self, tokens: Any, speaker: Any, steps: int, temperature: float) -> Any:
        frames = 2 * tokens.shape[1]
        return torch.arange(1.0, frames + 1)[None, :, None].expand(len(tokens), -1, 80)


def test_vocoder_crops_lack_a_past_only_at_beginnings(two_voices: Path, run: common.Run) -> None:
    pool = data.SpeechPool(run, two_voices, hours=0.01, keep_audio=True, encode=frame_count)
    pool.refresh(0.0, wait_for=6)
    crops = train_hift.Crops(pool, 4, CountAsMel())  # type: ignore[arg-type]
    numbers = np.repeat([1, 4], 20)  # the longest text, by each voice
    beginnings, amid = crops.starts(numbers, left=0), crops.starts(numbers)
    assert set(beginnings.tolist()) == {pool.starts[1], pool.starts[4]} and len(set(amid.tolist())) > 4
    mel, _, audio = crops.draw(beginnings, pool.voice(numbers), made=True, left=0)
    assert mel[:, 0].eq(1.0).all() and audio.shape == (40, 4 * 480)
    mel, _, _ = crops.draw(amid, pool.voice(numbers), made=True)
    before = amid.clamp(max=train_hift.BEFORE)  # the pool's first frame has no past
    assert torch.equal(mel[:, 0, 0], before + 1.0)


def test_vocoder_content_loss(much_speech: Path, run: common.Run) -> None:
    """Zero for the same sound, large for another pitch. It is in the report and leaves the tokenizer unchanged."""
    common.save(much_speech / "hift.pt", hift=common.half(torch_hift.HiFT()))
    training = trainer("hift", much_speech, run)
    low, high = (torch.from_numpy(tone(8, hertz).audio).float()[None] for hertz in (200.0, 300.0))
    with torch.no_grad():
        assert float(training._content(training.listener, low, low)) == 0.0
        assert float(training._content(training.listener, low, high)) > 0.05
        assert len(re.findall(r"real mel: spectral [\d.]+ content [\d.]+ f0", training.held_out())) == 2
    heard = [p.clone() for p in training.listener.parameters()]
    assert "content" in training.advance(0)
    assert all(torch.equal(a, b) for a, b in zip(heard, training.listener.parameters(), strict=True))


@pytest.fixture
def much_speech(tmp_path: Path) -> Path:
    """Forty short utterances of each voice, eight of them held out."""
    texts = [f"Sentence number {i}." for i in range(20_000)]
    aside = [text for text in texts if corpus.is_held_out(text)][:8]
    learned = [text for text in texts if not corpus.is_held_out(text)][:32]
    for worker, (voice, hertz) in enumerate((("florence", 200.0), ("keats", 100.0))):
        said = [(tone(20, hertz), text) for text in aside + learned]
        teacher.write_shard(tmp_path / f"00000-{worker:03d}.npz", voice, said)
    return tmp_path


def trainer(name: str, folder: Path, run: common.Run) -> Any:
    """A training script's state, resumed from a checkpoint in the folder."""
    common.save(folder / "tokenizer.pt", encoder=common.half(Encoder()))
    common.save(folder / "ear.pt", hift=common.half(torch_hift.HiFT()))
    args = argparse.Namespace(
        shards=folder, resume=folder / f"{name}.pt", tokenizer=folder / "tokenizer.pt", hours=0.1, seed=0, noise=0.0,
        textless=0.0, dropout=0.0, bits=None, s3gen=None, hift=folder / "ear.pt",
    )  # fmt: skip
    kinds = {"s3gen": train_s3gen.S3GenTraining, "hift": train_hift.HiFTTraining}
    return kinds[name](run, args)


def test_resumed_encoder_waits_for_its_heads(much_speech: Path, run: common.Run) -> None:
    """The codes stay while the heads, which are not shipped, learn alone; then the encoder learns too."""
    path = much_speech / "tokenizer.pt"
    common.save(path, encoder=common.half(Encoder()))
    args = argparse.Namespace(shards=much_speech, resume=path, hours=0.1)
    training = train_tokenizer.TokenizerTraining(run, args)
    before = {name: p.detach().clone() for name, p in training.both.named_parameters()}

    def moved(part: str) -> bool:
        now = training.both.named_parameters()
        return any(not torch.equal(p, before[name]) for name, p in now if name.startswith(part))

    run.seconds = 1e6
    for progress, encoder_moves in ((0.0, False), (0.5, True)):
        run.start = time.monotonic() - progress * run.seconds
        for step in range(2):
            run.set_lr(training.optimizer, 10, progress)
            parts = training.advance(step)
        assert moved("heads") and moved("encoder") == encoder_moves
    assert set(parts) == set(train_tokenizer.WEIGHTS) and all(np.isfinite(float(part)) for part in parts.values())
    with torch.no_grad():
        assert re.search(r" [01]\.\d{3} as before$", training.held_out())


def test_unclear_loss_moves_latents_from_thresholds() -> None:
    """It is zero at the levels. Near a threshold both views move to the level that is nearer to both."""
    levels = torch.tensor([-20.0, 0.0, 20.0, 0.0, 20.0, -20.0, 0.0, 20.0])
    assert float(train_tokenizer.unclear(levels, levels)) == 0.0
    for pair, up in (((0.49, 0.52), True), ((0.48, 0.51), False)):
        one, other = (torch.full((1, 8), math.atanh(at)).requires_grad_() for at in pair)
        train_tokenizer.unclear(one, other).sum().backward()
        assert all(((z.grad < 0) == up).all() for z in (one, other))  # descent is against the gradient


def test_second_view_is_the_same_sound_delayed(much_speech: Path, run: common.Run) -> None:
    path = much_speech / "tokenizer.pt"
    common.save(path, encoder=common.half(Encoder()))
    training = train_tokenizer.TokenizerTraining(run, argparse.Namespace(shards=much_speech, resume=path, hours=0.1))
    pool = training.pool
    pool.audio.copy_(torch.randint(-9999, 9999, pool.audio.shape))
    mel = pool.log_mel(pool.audio[None].float() / 32767)[:, 60:78]
    heard = {ms: training.heard_again(torch.tensor([60]), 18, torch.tensor([ms])) for ms in (0.0, 5.0, 20.0)}
    torch.testing.assert_close(heard[0.0], mel)
    torch.testing.assert_close(heard[20.0][:, 1:], mel[:, :-1])
    assert 0.05 < float((heard[5.0] - mel).abs().mean()) < 0.5 * float((heard[20.0] - mel).abs().mean())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["s3gen", "hift"])
def test_checkpoint_of_one_voice_learns_a_second(name: str, much_speech: Path, run: common.Run) -> None:
    """A checkpoint without a list of voices is florence's. Later ones list both, and report each separately."""
    modules = {"s3gen": torch_s3gen.S3Gen, "hift": torch_hift.HiFT}
    path = much_speech / f"{name}.pt"
    common.save(path, **{name: common.half(modules[name]())})
    assert common.trained_voices(common.load(path, run.device)) == {"florence"}
    training = trainer(name, much_speech, run)
    parts = training.advance(0)
    assert all(np.isfinite(float(part)) for part in parts.values())
    with torch.no_grad():
        found = training.held_out()
    assert re.fullmatch(r"florence: [^;]*\d[^;]*; keats: [^;]*\d[^;]*", found)
    training.keep(path)
    assert common.trained_voices(common.load(path, run.device)) == {"florence", "keats"}
    (much_speech / "00000-001.npz").unlink()  # no more speech of the second voice, but it was learned
    (much_speech / "00000-000.npz").rename(much_speech / "00000-001.npz")
    teacher.write_shard(much_speech / "00000-000.npz", "florence", [(tone(20, 200.0), "Hello.")] * 40)
    again = trainer(name, much_speech, run)
    with torch.no_grad():
        found = again.held_out()
    assert found.startswith("florence: ") and "keats" not in found
    again.keep(path)
    assert common.trained_voices(common.load(path, run.device)) == {"florence", "keats"}


def test_only_trained_voices_are_exported(tmp_path: Path) -> None:
    export.write_voices(tmp_path, {"florence", "keats"})
    keats = load_voice(str(tmp_path / "keats.safetensors"))
    np.testing.assert_array_equal(np.array(keats.t3_speaker_embed), common.speaker_embeddings(256)[FLORENCE].numpy())
    np.testing.assert_array_equal(np.array(keats.s3gen_speaker_embed), common.speaker_embeddings(192)[KEATS].numpy())
    export.write_voices(tmp_path, {"florence"})
    assert [path.name for path in tmp_path.iterdir()] == ["florence.safetensors"]


def test_mean_of_checkpoints() -> None:
    before = {"net": {"a": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)}, "voices": ["florence"]}
    after = {"net": {"a": torch.tensor([3.0, 2.0]).half(), "n": torch.tensor(4)}, "voices": ["florence", "keats"]}
    found = average.mean(before, after)
    assert found["net"]["a"].tolist() == [2.0, 2.0] and found["net"]["a"].dtype == torch.float16
    assert found["net"]["n"] == 4 and found["voices"] == ["florence", "keats"]
    with pytest.raises(KeyError, match="only in one of the checkpoints: b"):
        average.mean({"a": 1}, {"a": 1, "b": 2})


def test_trim_cuts_audio_and_source_together() -> None:
    """By florence's silence, whatever the other voice does there. F0 is cut with them, 0 where unvoiced."""
    time = np.arange(24_000) / 24_000
    source = np.where((time > 0.3) & (time < 0.7), 0.2, 0.0)
    f0 = np.where((np.arange(80) >= 24) & (np.arange(80) < 56), 100.0, 0.0)
    speech = teacher.Speech(time.astype(np.float32), source, f0, "abc")
    found = teacher.trim(speech, random.Random(0))
    assert found is not None and len(found.audio) == len(found.source) == 480 * len(found.f0)
    assert len(found.audio) % 960 == 0
    assert 0.22 <= found.audio[0] <= 0.26 + 1e-3  # the samples are times: 40 to 80 ms before her sound
    first = np.flatnonzero(found.source)[0]
    assert found.audio[first] == pytest.approx(0.3, abs=1e-3)
    voiced = np.flatnonzero(found.f0)
    assert found.f0[voiced] == pytest.approx(100.0, abs=30.0) and len(voiced) == pytest.approx(20, abs=1)
    assert teacher.trim(replace(speech, source=np.zeros_like(source)), random.Random(0)) is None


def test_teacher_waits_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = iter([1e9, 1e9, 2e9, 5e9])
    monkeypatch.setattr(teacher.shutil, "disk_usage", lambda folder: SimpleNamespace(free=next(free)))
    monkeypatch.setattr(teacher.time, "sleep", lambda seconds: None)
    teacher.write_shard(tmp_path / "00000-000.npz", "florence", [(tone(4, 200.0), "One.")])
    assert "less than 4 GB left; waiting" in capsys.readouterr().out
    assert next(free, None) is None and (tmp_path / "00000-000.npz").exists()


def test_workers_are_shared_among_voices() -> None:
    """With two reading processes, each of which reads every second worker, both get every voice."""
    voices = teacher.shared_out(["florence", "keats", "keats"], 12)
    assert voices == ["florence"] * 4 + ["keats"] * 8
    assert set(voices[::2]) == set(voices[1::2]) == {"florence", "keats"}


def test_failed_worker_ends_the_teacher() -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=time.sleep, args=(60,)), context.Process(target=sys.exit, args=(3,))]
    for process in processes:
        process.start()
    began = time.monotonic()
    with pytest.raises(SystemExit, match="ended with 3"):
        teacher.stand_by(processes)
    processes[0].join(20)
    assert processes[0].exitcode and time.monotonic() - began < 30


def test_lanes_run_in_parallel_or_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In parallel if there are GPUs for all, else in turn. Stages without a share are left out."""
    ran: list[tuple[str, list[int], float]] = []
    monkeypatch.setattr(pipeline.Pipeline, "stage", lambda _, *what: ran.append(what))
    monkeypatch.setattr(pipeline.Pipeline, "teacher_speaks", lambda _: True)
    lanes: list[pipeline.Lane] = [[("t3", 0.6), ("draft", 0.2)], [("s3gen", 0.0), ("hift", 1.0)]]

    def stages(gpus: int) -> list[tuple[str, list[int], float]]:
        ran.clear()
        pipeline.Pipeline(tmp_path, None, gpus, toy=True).train(lanes, 100.0)
        return sorted((name, places, round(seconds, 6)) for name, places, seconds in ran)

    assert stages(1) == [("draft", [0], 12.5), ("hift", [0], 50.0), ("t3", [0], 37.5)]
    assert stages(2) == [("draft", [0], 25.0), ("hift", [1], 100.0), ("t3", [0], 75.0)]
    assert stages(4) == [("draft", [0, 1, 2], 25.0), ("hift", [3], 100.0), ("t3", [0, 1, 2], 75.0)]
    assert pipeline.of_stage("s3gen=0.25") == ("s3gen", 0.25)
    with pytest.raises(argparse.ArgumentTypeError, match="no stage 'tokeniser'"):
        pipeline.of_stage("tokeniser=1")


def test_pipeline_ends_when_the_teacher_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reports the teacher's last lines and ends the stages that wait for it."""
    monkeypatch.setattr(pipeline, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(pipeline, "launcher", lambda _: [sys.executable, "-c", "import time; time.sleep(60)"])
    run = pipeline.Pipeline(tmp_path, None, 1, toy=True)
    run.running["teacher"] = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1); exit(1)"])
    (tmp_path / "teacher.log").write_text("starting\nno such voice\n")
    began = time.monotonic()
    with pytest.raises(pipeline.TeacherStopped, match="no such voice"):
        run.train([[("t3", 1.0), ("draft", 1.0)]], 100.0)
    assert run.running["t3"].wait(20) < 0 and "draft" not in run.running
    assert time.monotonic() - began < 30


def test_stages_resume_from_checkpoints(tmp_path: Path) -> None:
    """Those of --resume are copied to the new folder. A stage reads its own, and those of others that exist."""
    (tmp_path / "before").mkdir()
    for name in ("t3", "tokenizer", "s3gen"):
        (tmp_path / "before" / f"{name}.pt").write_bytes(name.encode())
    run = pipeline.Pipeline(tmp_path / "work", tmp_path / "before", 1, toy=True)
    own, other = (str(tmp_path / "work" / f"{name}.pt") for name in ("t3", "tokenizer"))
    options = run._options("t3", 10.0)
    assert options[options.index("--resume") + 1] == own and options[options.index("--tokenizer") + 1] == other
    assert "--s3gen" in run._options("hift", 10.0)
    run.ahead = {"s3gen"}  # S3Gen will be replaced: the vocoder does not use the old one's mels
    assert "--s3gen" not in run._options("hift", 10.0) and "--decay-from" in run._options("hift", 10.0)
    assert "--hift" not in run._options("s3gen", 10.0)
    (tmp_path / "work" / "hift.pt").write_bytes(b"hift")
    run.ahead = {"hift"}  # a HiFT that is still in training is good enough
    assert "--hift" in run._options("s3gen", 10.0)
    assert Path(own).read_bytes() == b"t3"
    run.rates = {"t3": 4e-4}
    assert "0.0004" in run._options("t3", 10.0) and "0.0004" not in run._options("draft", 10.0)
