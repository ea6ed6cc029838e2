"""T3 against the official PyTorch modules, and against itself read in one go."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten
from tiny_models import randomized, t3_config, tiny_t3, tiny_voice

from nightingale.checkpoints.chatterbox.names import remap_t3
from nightingale.checkpoints.loading import load_arrays
from nightingale.decoding.cache import make_caches
from nightingale.decoding.loop import Request, T3Session, generate
from nightingale.decoding.sampling import Sampler
from nightingale.errors import CheckpointMismatch, TextError
from nightingale.kernels.backend import is_native
from nightingale.kernels.noise import seed_key
from nightingale.models.config import LlamaConfig, PerceiverConfig, RopeScaling, T3Config
from nightingale.models.t3 import T3
from nightingale.models.voice import Voice
from nightingale.options import SamplingOptions
from nightingale.statistics import Statistics

GOLDEN = Path(__file__).parents[1] / "golden"

OFFICIAL_TINY = T3Config(
    llama=LlamaConfig(
        hidden_size=16, num_layers=2, num_heads=2, num_kv_heads=1, head_dim=8, intermediate_size=24,
        rms_norm_eps=1e-5, rope_theta=100.0, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 64),
    ),
    text_vocab_size=20, start_text_token=18, stop_text_token=0, max_text_tokens=12,
    speech_vocab_size=28, start_speech_token=24, stop_speech_token=25, max_speech_tokens=20,
    speaker_embed_size=6, perceiver=PerceiverConfig(num_queries=4, num_heads=2), emotion=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "t3.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def official(golden: dict[str, np.ndarray]) -> T3:
    t3 = T3(OFFICIAL_TINY)
    prefix = "official."
    arrays = {name[len(prefix) :]: mx.array(value) for name, value in golden.items() if name.startswith(prefix)}
    load_arrays(t3, remap_t3(arrays), "golden")
    t3.fuse()
    return t3


def official_voice(golden: dict[str, np.ndarray]) -> Voice:
    return Voice(
        "golden",
        t3_speaker_embed=mx.array(golden["speaker_embed"]),
        s3gen_speaker_embed=mx.zeros((1,)),
        t3_prompt_tokens=mx.array(golden["prompt_tokens"]),
        t3_emotion=mx.array(golden["emotion"]),
    )


def test_every_step_has_the_official_logits(official: T3, golden: dict[str, np.ndarray]) -> None:
    caches = make_caches(official.num_layers)
    prompt = official.prompt(official.condition(official_voice(golden)), golden["text_ids"].tolist(), guided=True)
    steps = [official(prompt, caches, num_last=1)]
    for index, token in enumerate(golden["tokens"].tolist()[: len(golden["logits"]) - 1]):
        row = official.embed_speech(mx.array([token]), index + 1)
        steps.append(official(mx.concatenate([row, row]), caches))
    np.testing.assert_allclose(np.concatenate(steps, axis=1).swapaxes(0, 1), golden["logits"], atol=1e-4, rtol=1e-4)


def test_the_loop_chooses_the_official_tokens(official: T3, golden: dict[str, np.ndarray]) -> None:
    options = SamplingOptions(temperature=0.0, cfg_weight=0.5, repetition_penalty=1.3)
    # The official loop may say any token, and its history begins with start_speech, which it never penalizes in effect.
    sampler = Sampler(options, seed_key(0), mx.zeros((28,), mx.bool_))
    sentence = Request(golden["text_ids"].tolist(), sampler, max_tokens=len(golden["tokens"]))
    conditioning = official.condition(official_voice(golden))
    tokens = list(generate(T3Session(official, 0.5), conditioning, sentence, Statistics()))
    assert tokens == golden["tokens"].tolist()


@pytest.mark.parametrize("cfg_weight", [0.0, 0.5])
@pytest.mark.parametrize("pieces", [(1,) * 9, (4, 5), (1, 3, 5)])
def test_cached_is_uncached(cfg_weight: float, pieces: tuple[int, ...]) -> None:
    t3, tokens = tiny_t3(), mx.array([3, 17, 9, 9, 30, 2, 28, 0, 11])
    conditioning = t3.condition(tiny_voice())
    whole = T3Session(t3, cfg_weight)
    whole.start(conditioning, [5, 6, 7])
    expected = np.array(whole.step(tokens, 0))
    session, rows, start = T3Session(t3, cfg_weight), [], 0
    session.start(conditioning, [5, 6, 7])
    for size in pieces:
        rows.append(np.array(session.step(tokens[start : start + size], start)))
        start += size
    np.testing.assert_allclose(np.concatenate(rows), expected, atol=1e-4)


@pytest.mark.skipif(not is_native(), reason="MLX's own products differ in their last bits with the number of rows")
@pytest.mark.parametrize("cfg_weight", [0.0, 0.5])
@pytest.mark.parametrize("bits", [None, 5, 4])
def test_a_pass_over_several_tokens_is_bit_for_bit_several_passes(bits: int | None, cfg_weight: float) -> None:
    """Or speculation would decide near-ties otherwise than plain decoding."""
    source = T3(t3_config())
    randomized(source, 3)
    t3 = T3(t3_config())
    load_arrays(t3, dict(tree_flatten(source.parameters())), "made up", bits)
    t3.fuse()
    conditioning, tokens = t3.condition(tiny_voice()), mx.arange(12) % 40
    one, many = T3Session(t3, cfg_weight), T3Session(t3, cfg_weight)
    for session in (one, many):
        session.start(conditioning, [5, 6, 7])
    expected = np.concatenate([np.array(one.step(tokens[i : i + 1], i)) for i in range(12)])
    at = 0
    for size in (1, 2, 5, 4):
        many.step((tokens[at : at + 6] + 1) % 40, at)
        many.trim(tokens[at : at + 6].size)
        np.testing.assert_array_equal(np.array(many.step(tokens[at : at + size], at)), expected[at : at + size])
        at += size


def test_rewound_is_never_read() -> None:
    t3 = tiny_t3()
    conditioning = t3.condition(tiny_voice())
    plain, rewound = T3Session(t3, 0.5), T3Session(t3, 0.5)
    for session in (plain, rewound):
        session.start(conditioning, [5, 6, 7])
        session.step(mx.array([4, 5]), 0)
    rewound.step(mx.array([9, 8, 7]), 2)
    rewound.trim(3)
    newest = mx.array([12, 13])
    np.testing.assert_array_equal(np.array(rewound.step(newest, 2)), np.array(plain.step(newest, 2)))


def test_guidance_reads_one_row_with_text_and_one_without() -> None:
    t3 = tiny_t3()
    prompt = t3.prompt(t3.condition(tiny_voice()), [5, 6, 7], guided=True)
    C, D = 1, 64
    assert prompt.shape == (2, C + 5 + 2, D)
    np.testing.assert_allclose(np.array(prompt[1, C : C + 5]), np.array(t3.text_pos_embed.weight[:5]), atol=1e-6)
    for same in (prompt[:, :C], prompt[:, -2:]):
        np.testing.assert_array_equal(np.array(same[0]), np.array(same[1]))
    np.testing.assert_array_equal(np.array(prompt[0, -1]), np.array(prompt[0, -2]))


def test_too_much_text_is_refused() -> None:
    t3 = tiny_t3()
    with pytest.raises(TextError, match="400 text tokens in one sentence; this model reads 320"):
        t3.prompt(t3.condition(tiny_voice()), [5] * 400, guided=False)


def test_a_model_with_emotion_needs_a_voice_with_emotion() -> None:
    t3 = T3(t3_config(emotion=True))
    with pytest.raises(CheckpointMismatch, match=r'voice "tiny" has no t3\.emotion'):
        t3.condition(tiny_voice())
