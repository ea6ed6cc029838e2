"""Training: the PyTorch twins compute what MLX computes, and what is written for one is read by the other.

Skipped where PyTorch is not installed: it is needed to train, never to speak, and is in no extra of the package.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn
import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import close, hift_config, s3gen_config

from nightingale.config import DraftConfig, FlowConfig, LlamaConfig, T3Config
from nightingale.hift import HiFT
from nightingale.quantize import Policy, quantize_arrays
from nightingale.s3gen import S3Gen
from nightingale.sampling import seed_key
from nightingale.t3 import T3
from nightingale.text import ALPHABET
from nightingale.voice import Voice
from nightingale.weights import load_arrays

torch = pytest.importorskip("torch", reason="PyTorch is not installed; only training needs it")

from training import common, corpus, data, export, quantization, restore, train_t3  # noqa: E402
from training.models import hift as torch_hift  # noqa: E402
from training.models import s3gen as torch_s3gen  # noqa: E402
from training.models import t3 as torch_t3  # noqa: E402
from training.models.speech_tokenizer import Encoder  # noqa: E402

TINY_T3 = T3Config(
    llama=LlamaConfig(32, 2, 4, 2, 8, 48, 1e-5, 10_000.0), text_vocab_size=20, start_text_token=1, stop_text_token=0,
    max_text_tokens=16, speech_vocab_size=42, start_speech_token=40, stop_speech_token=41, max_speech_tokens=24,
    speaker_embed_size=8,
)  # fmt: skip
WINDOW = 4  # tokens: shorter than what is encoded, so that the bounds of attention count


def shaken(module: Any) -> Any:
    """A PyTorch module with every parameter moved, those too that begin at zero or one."""
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


def test_t3_reads_and_speaks_alike() -> None:
    twin, t3 = shaken(torch_t3.T3(TINY_T3, 0.0)), T3(TINY_T3)
    text, speech, speaker = [5, 9, 2, 17, 3], [7, 0, 39, 12, 12, 30], noise(8)
    ids = torch.tensor([[0, 1, *text, 0, 40, 40, *speech]])
    length, has_text = torch.tensor([len(text) + 2]), torch.tensor([True])
    load_arrays(t3, export.native_arrays(twin), "twin")
    t3.fuse()
    row = t3.prompt(t3.condition(Voice("tiny", mx.array(speaker), mx.array(noise(12)))), text, guided=True)
    tail = t3.embed_speech(mx.array(speech), 1)
    embeds = mx.concatenate([row, mx.concatenate([tail, tail])], axis=1)
    ours = t3(embeds, t3.new_caches())
    with torch.no_grad():
        for i, shown in enumerate((has_text, ~has_text)):
            embeds = twin.embed(ids, length, torch.from_numpy(speaker)[None], shown)
            same(ours[i : i + 1], twin.speech_head(twin(embeds)))


def test_draft_rests_on_its_own_guesses() -> None:
    """Depth d of place i: what the draft says there if its input had T3's states up to place i - 1 - d only."""
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


def test_s3gen_encoder(s3gens: tuple[Any, S3Gen]) -> None:
    twin, s3gen = s3gens
    x = noise(1, 13, 16)
    same(s3gen.encoder(mx.array(x)), twin.encoder(torch.from_numpy(x)))


def test_s3gen_estimator(s3gens: tuple[Any, S3Gen]) -> None:
    from nightingale.layers import Carry

    twin, s3gen = s3gens
    x, mu, speaker, prompt = noise(2, 14, 80), noise(2, 14, 80)[::-1].copy(), noise(2, 80), noise(2, 14, 80) * 0.5
    t, r = np.array([0.0, 0.25], np.float32), np.array([0.5, 1.0], np.float32)
    time = s3gen.estimator.embed_time(mx.array(t), mx.array(r))
    ours = s3gen.estimator(mx.array(x), mx.array(mu), mx.array(speaker), mx.array(prompt), time, Carry())
    same(ours, twin.estimator(*(torch.from_numpy(a) for a in (x, mu, speaker, prompt, t, r))))


def test_s3gen_whole(s3gens: tuple[Any, S3Gen]) -> None:
    twin, s3gen = s3gens
    tokens, speaker = np.random.default_rng(0).integers(0, 10, (1, 15)), noise(12)
    ours = s3gen(mx.array(tokens), mx.array(speaker), key=seed_key(0))
    same(ours, twin.sample(torch.from_numpy(tokens), torch.from_numpy(speaker)[None], steps=2, temperature=0.0))


def hifts(pitch: float) -> tuple[Any, HiFT]:
    """Twins that hear about this pitch everywhere and whose voiced sound has no noise."""
    config = replace(hift_config(causal=True), noise_std=0.0)
    twin, hift = shaken(torch_hift.HiFT(config)), HiFT(config)
    with torch.no_grad():
        twin.f0_predictor.classifier.bias.fill_(pitch)
    load_arrays(hift, export.native_arrays(twin), "twin")
    return twin, hift


def test_hift_whole() -> None:
    """10 frames: a phase counted in 2^-32 of a turn does not run away from one counted in doubles."""
    twin, hift = hifts(180.0)
    mel = noise(1, 10, 80)
    samples, f0 = twin(torch.from_numpy(mel))
    same(hift.f0(mx.array(mel)), f0)
    assert float(f0.detach().min()) > hift.config.voiced_threshold
    ours = hift(mx.array(mel), key=seed_key(0))
    assert float(mx.abs(ours).max()) > 0.01
    same(ours, samples)


def test_hift_is_as_loud_where_unvoiced() -> None:
    """Unvoiced noise differs between the two, but has one loudness."""
    twin, hift = hifts(180.0)
    f0 = np.zeros((1, 40), np.float32)
    source, _ = hift.source(mx.array(f0), mx.zeros((1,), mx.uint32), seed_key(0), 0)
    theirs = twin.source(torch.from_numpy(f0)).detach().numpy()
    assert np.std(np.array(source)) == pytest.approx(np.std(theirs), rel=0.05)


@pytest.mark.parametrize("bits", [3, 4, 5, 6, 8])
def test_as_stored_is_what_mlx_stores(bits: int) -> None:
    """All but ties of the rounding, which are fewer than one in ten thousand weights; none was seen on a CPU."""
    weight = 0.05 * noise(256, 512)
    weight[3] = 0.0
    packed, scales, biases = mx.quantize(mx.array(weight), group_size=64, bits=bits)
    stored = [part.astype(mx.float16).astype(mx.float32) for part in (scales, biases)]
    theirs = np.array(mx.dequantize(packed, *stored, group_size=64, bits=bits))
    ours = quantization.as_stored(torch.from_numpy(weight), bits).numpy()
    assert np.mean(np.abs(ours - theirs) > 1e-6) < 1e-4


def test_training_as_stored_learns_and_keeps_its_names() -> None:
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
def test_restore_undoes_export(make: Callable[[], Any], tmp_path: Path) -> None:
    """With full precision all weights come back; in 8 bits within half a step of each group, and float16."""
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
        # Half a step is the rounding; the rest is scale and bias in float16.
        allowed = 1e-3 * np.abs(value).max() + 1e-4
        if scales is not None:
            allowed = allowed + np.repeat(np.abs(np.array(scales)), 64, axis=-1)
        assert (np.abs(np.array(rough[name]) - value) <= allowed).all(), name


def test_restore_wants_every_weight(tmp_path: Path) -> None:
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


def test_planner_is_a_function_of_its_arguments() -> None:
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


def test_held_out_share() -> None:
    """Five sentences in a thousand, by their text alone."""
    share = np.mean([corpus.is_held_out(f"Sentence number {i}.") for i in range(20_000)])
    assert share == pytest.approx(corpus.HELD_OUT_PER_MILLE / 1000, rel=0.3)


TEXTS = ["Hello there.", "A second, longer one: is it read?", "No."]
TOKENS = [20, 33, 8]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Three utterances of TOKENS tokens: a tone of another pitch in each."""
    from training.teacher import write_shard

    rows = []
    for i, (text, count) in enumerate(zip(TEXTS, TOKENS, strict=True)):
        time = np.arange(count * 960) / 24_000
        rows.append((0.3 * np.sin(2 * np.pi * 200 * (i + 1) * time), np.full(2 * count, 200.0 * (i + 1)), text, "abc"))
    write_shard(tmp_path / "00000-000.npz", rows)
    return tmp_path


@pytest.fixture
def run() -> common.Run:
    return common.Run(argparse.Namespace(seed=0, seconds=60.0, lr=1e-3, decay_from=0.5, toy=True))


def frame_count(mel: Any) -> Any:
    """In place of the speech tokenizer: token i is i."""
    return torch.arange(mel.shape[1] // 2)


def test_speech_pool(shards: Path, run: common.Run) -> None:
    pool = data.SpeechPool(run, shards, hours=0.01, keep_audio=True, encode=frame_count)
    pool.refresh(0.0, wait_for=3)
    assert pool.lengths == [2 * n for n in TOKENS] and pool.starts == [0, 40, 106]
    assert pool.seconds == pytest.approx(sum(TOKENS) / 25)
    start, size, goes_on = pool.spans(np.array([0, 1, 2]), 20)
    assert not (start % 2).any()
    assert size.tolist() == [20, 20, 16] and goes_on[2].item() is False
    assert data.gather(pool.f0, start, 16)[:, 0].tolist() == [200.0, 400.0, 600.0]
    assert data.gather(pool.tokens, start // 2, 4)[:, 0].tolist() == (start // 2).tolist()
    audio = data.gather(pool.audio, start * 480, 480)
    assert audio.shape == (3, 480) and audio.abs().max() > 9000
    assert data.span_mask(size, 20).sum(1).tolist() == [20, 20, 16]


def test_batches_of_like_length(shards: Path, run: common.Run) -> None:
    """Only utterances of one range of lengths, and the length that holds them all."""
    pool = data.SpeechPool(run, shards, hours=0.01)
    pool.refresh(0.0, wait_for=3)
    drawn = {}
    for _ in range(50):
        numbers, length = pool.alike(300)
        assert len(numbers) == 300 // length == 3
        drawn[length] = drawn.get(length, set()) | set(numbers.tolist())
    assert drawn == {100: {0, 1, 2}}
    pool._lengths[1] = 140  # a longer one is in a range of its own
    pool._by_length, pool._sorted_lengths = np.array([2, 0, 1]), np.array([16, 40, 140])
    pool._edges = np.cumsum(pool._sorted_lengths)
    drawn = {}
    for _ in range(100):
        numbers, length = pool.alike(300)
        drawn[length] = drawn.get(length, set()) | set(numbers.tolist())
    assert drawn == {100: {0, 2}, 150: {1}}


def test_average_follows_the_weights() -> None:
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
    assert sum(pool.counts.values()) + len(pool.held_out) == 3
    row = next(r for r in pool.rows[80][: pool.counts[80]].tolist() if r[1] == TOKENS[0])
    text = [torch_t3.START_TEXT, *(torch_t3.TEXT_IDS[c] for c in TEXTS[0]), torch_t3.STOP_TEXT]
    begin = [len(text), 20, 0, *text, torch_t3.START_SPEECH, torch_t3.START_SPEECH]
    assert row[: len(begin) + 20] == begin + list(range(20))
    assert set(row[len(begin) + 20 :]) == {torch_t3.STOP_SPEECH} and len(row) == 82


def test_t3_learns_every_token_and_the_stop(shards: Path, run: common.Run) -> None:
    """A row's loss does not depend on its padding, nor on text that is hidden."""
    pool = train_t3.TokenPool(run, shards, frame_count)
    pool.refresh(1)
    config = replace(torch_t3.t3_config(32, 1, 4, 2, 48), speaker_embed_size=8)
    t3, draft = shaken(torch_t3.T3(config, 0.0)), shaken(torch_t3.Draft(DraftConfig(config.llama)))
    row = pool.rows[80][:1]
    longer = torch.cat([row, torch.full((1, 30), torch_t3.STOP_SPEECH, dtype=torch.int16)], 1)
    exact = row[:, : 2 + 3 + int(row[0, 0]) + int(row[0, 1])]  # no room for the stop itself
    found = [train_t3.losses(t3, draft, r, torch.ones(1, 8), noise=0.0) for r in (row, longer, exact)]
    for other in found[1:]:
        assert float(other["loss"].detach()) == pytest.approx(float(found[0]["loss"].detach()), abs=1e-5)
    assert 0 < float(found[0]["overlap2"]) < 1
    silent = [train_t3.losses(t3, draft, r, torch.ones(1, 8), 0.0, textless=1.1)["loss"] for r in (row, changed(row))]
    assert float(silent[0].detach()) == pytest.approx(float(silent[1].detach()), abs=1e-6)


def test_t3_counts_the_places_that_speak(shards: Path, run: common.Run) -> None:
    """All of them where the share holds them, the first where it does not."""
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
    """The same row with another first letter."""
    other = row.clone()
    other[0, 4] += 1
    return other


def test_modules_are_native() -> None:
    """The bundled sizes load into the package's modules, name for name."""
    config: list[tuple[mlx.nn.Module, Any]] = [
        (T3(torch_t3.T3_CONFIG), torch_t3.T3(torch_t3.T3_CONFIG)),
        (S3Gen(torch_s3gen.S3GEN_CONFIG), torch_s3gen.S3Gen()),
        (HiFT(torch_hift.HIFT_CONFIG), torch_hift.HiFT()),
    ]
    for module, twin in config:
        load_arrays(module, export.native_arrays(twin), type(twin).__name__)
