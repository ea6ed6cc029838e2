"""The T3 of Turbo and Nano against the official modules: logits and chosen tokens."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from tiny import use_backend

from nightingale.checkpoints.chatterbox.names import remap_t3
from nightingale.checkpoints.loading import load_arrays
from nightingale.decoding.cache import make_caches
from nightingale.decoding.loop import Request, T3Session, generate
from nightingale.decoding.sampling import Sampler
from nightingale.kernels.backend import Backend
from nightingale.kernels.noise import seed_key
from nightingale.models.config import GPT2Config, T3Config
from nightingale.models.t3 import T3
from nightingale.models.voice import Voice
from nightingale.options import SamplingOptions
from nightingale.statistics import Statistics

CONFIG = T3Config(
    llama=None, text_vocab_size=20, start_text_token=18, stop_text_token=0, max_text_tokens=12, speech_vocab_size=26,
    start_speech_token=24, stop_speech_token=25, max_speech_tokens=20, speaker_embed_size=6,
    gpt2=GPT2Config(hidden_size=16, num_layers=2, num_heads=2, max_positions=64, layer_norm_eps=1e-5),
)  # fmt: skip


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parents[1] / "golden" / "t3_gpt2.npz") as arrays:
        return dict(arrays)


def official(golden: dict[str, np.ndarray], bits: int | None = None) -> T3:
    t3, prefix = T3(CONFIG), "official."
    arrays = {name[len(prefix) :]: mx.array(value) for name, value in golden.items() if name.startswith(prefix)}
    load_arrays(t3, remap_t3(arrays), "golden", bits)
    t3.fuse()
    return t3


def conditioning(t3: T3, golden: dict[str, np.ndarray]) -> mx.array:
    prompt = mx.array(golden["prompt_tokens"])
    return t3.condition(Voice("golden", mx.array(golden["speaker_embed"]), mx.zeros((1,)), t3_prompt_tokens=prompt))


@pytest.mark.parametrize("plain", [False, True])
def test_every_step_has_the_official_logits(
    golden: dict[str, np.ndarray], plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plain:
        use_backend(monkeypatch, Backend.METAL)
    t3 = official(golden)
    t3.set_dtype(mx.float32)
    caches = make_caches(t3.num_layers)
    prompt = t3.prompt(conditioning(t3, golden), golden["text_ids"].tolist(), guided=False)
    steps = [t3(prompt, caches, num_last=1)]
    for index, token in enumerate(golden["tokens"].tolist()[: len(golden["logits"]) - 1]):
        steps.append(t3(t3.embed_speech(mx.array([token]), index + 1), caches))
    atol = 0.1 if plain else 1e-4  # on a GPU the weights are rounded to bfloat16
    np.testing.assert_allclose(np.concatenate(steps, axis=1)[0], golden["logits"][:, 0], atol=atol, rtol=atol)


def test_the_loop_chooses_the_official_tokens(golden: dict[str, np.ndarray]) -> None:
    t3 = official(golden)
    options = SamplingOptions(1e-3, min_p=0.0, top_k=20, top_p=0.95, repetition_penalty=1.3, penalty_last=True)
    sampler = Sampler(options, seed_key(0), mx.zeros((26,), mx.bool_))
    request = Request(golden["text_ids"].tolist(), sampler, max_tokens=len(golden["tokens"]))
    tokens = list(generate(T3Session(t3, 0.0), conditioning(t3, golden), request, Statistics()))
    assert tokens == golden["tokens"].tolist()


def test_several_rows_give_what_single_rows_give(golden: dict[str, np.ndarray]) -> None:
    t3 = official(golden)
    embeds = mx.random.normal((1, 9, 16), key=mx.random.key(3))
    whole, caches = t3(embeds, make_caches(2)), make_caches(2)
    parts = [t3(embeds[:, :5], caches), t3(embeds[:, 5:6], caches), t3(embeds[:, 6:], caches)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-4)
