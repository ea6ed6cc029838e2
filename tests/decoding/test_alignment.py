"""Word starts: the attention that a session gives, the tracker, and the words of each chunk."""

from __future__ import annotations

import dataclasses
from typing import cast

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import use_backend
from tiny_models import t3_config, tiny_draft, tiny_t3, tiny_voice

from nightingale.decoding.alignment import TextTracker, WordTimer
from nightingale.decoding.cache.full import KVCache
from nightingale.decoding.draft_length import DraftLength
from nightingale.decoding.loop import Draft, Request, T3Session, generate
from nightingale.decoding.sampling import Sampler
from nightingale.engine import Engine
from nightingale.kernels import cpu
from nightingale.kernels.backend import Backend
from nightingale.kernels.cache import CacheArrays
from nightingale.kernels.noise import seed_key
from nightingale.models.config import AlignmentConfig
from nightingale.models.t3 import T3
from nightingale.options import CacheOptions, SamplingOptions
from nightingale.statistics import Statistics

Floats = NDArray[np.float32]

CONFIG = AlignmentConfig(layer=1, head=2, lead=2, offset_s=-0.01)
TEXT_IDS = [5, 6, 7, 8, 9, 30, 31]
NUM_TOKENS = 90
BACKENDS = [Backend.CPU, *([Backend.NATIVE] if cpu.available() else [])]


class RecordingCache(KVCache):
    """Remembers the queries and the keys of all positions."""

    def update(self, keys: mx.array, values: mx.array, queries: mx.array) -> CacheArrays:
        self.all_queries, self.all_keys = queries, keys
        return super().update(keys, values, queries)


def aligned_t3() -> tuple[T3, mx.array]:
    """A T3 and the conditioning of its voice."""
    t3 = tiny_t3(config=t3_config(alignment=CONFIG))
    return t3, t3.condition(tiny_voice())


def expected_attention(tokens: list[int]) -> Floats:
    """From one pass of MLX over the whole sequence: (tokens, text + 1)."""
    t3, conditioning = aligned_t3()
    prompt = t3.prompt(conditioning, TEXT_IDS, guided=False)
    caches = [RecordingCache(), RecordingCache()]
    t3.llama(mx.concatenate([prompt, t3.embed_speech(mx.array(tokens[:-1]), 1)], axis=1), caches)
    text, speech = conditioning.shape[1], prompt.shape[1] - 1
    queries = np.array(caches[CONFIG.layer].all_queries).reshape(-1, 4, 16)[speech:, CONFIG.head]
    keys = np.array(caches[CONFIG.layer].all_keys)[0, CONFIG.head // 2, text : text + len(TEXT_IDS) + 2]
    weights = np.exp(queries @ keys.T / 4)
    return cast(Floats, (weights / weights.sum(axis=1, keepdims=True))[:, 1:])


class AlwaysThree(DraftLength):
    def num_draft(self) -> int | None:
        return 3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cfg_weight", [0.0, 0.5])
@pytest.mark.parametrize("draft", [False, True], ids=["plain", "speculative"])
@pytest.mark.parametrize(
    ("cache", "tolerance"),
    [(None, 1e-5), (CacheOptions(bits=8), 0.01), (CacheOptions(budget=64), 0.02)],
    ids=["whole", "quantized", "budget"],
)
def test_the_attention_of_a_session_is_that_of_one_pass(
    backend: Backend, cfg_weight: float, draft: bool, cache: CacheOptions | None, tolerance: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    use_backend(monkeypatch, backend)
    t3, conditioning = aligned_t3()
    sampler = Sampler(SamplingOptions(cfg_weight=cfg_weight), seed_key(0), mx.arange(42) >= 40)
    session, statistics = T3Session(t3, cfg_weight, cache), Statistics()
    speech = generate(
        session, conditioning, Request(TEXT_IDS, sampler, NUM_TOKENS), statistics,
        Draft(tiny_draft(), AlwaysThree()) if draft else None,
    )  # fmt: skip
    tokens: list[int] = []
    rows = []
    for token in speech:
        tokens.append(token)
        if len(tokens) % 30 == 0:  # read in parts, as for chunks of sound
            rows.append(session.text_attention(len(tokens) - 30, 30, len(TEXT_IDS)))
    assert len(tokens) == NUM_TOKENS
    use_backend(monkeypatch, Backend.CPU)
    # A cache that loses something changes the states and with them the queries a little.
    np.testing.assert_allclose(np.concatenate(rows), expected_attention(tokens), atol=tolerance)


def follow(positions: list[int], num_text: int, weight: float = 0.9) -> Floats:
    """Attention that has most of its weight on one position for each token."""
    attention = np.full((len(positions), num_text + 1), (1 - weight) / num_text, np.float32)
    attention[np.arange(len(positions)), positions] = weight
    return attention


def test_the_tracker_follows_the_attention() -> None:
    path = [0, 0, 1, 2, 2, 3, 5, 6, 6, 7, 8, 8, 9, 10]
    tracker = TextTracker(10)
    tracker.advance(follow(path, 10))
    np.testing.assert_allclose(tracker.positions, path, atol=0.3)


def test_the_tracker_ignores_a_single_jump() -> None:
    tracker = TextTracker(10)
    tracker.advance(follow([0, 1, 9, 2, 3, 0, 4, 5], 10))
    assert tracker.positions[-1] == pytest.approx(5, abs=0.3) and max(tracker.positions[:4]) < 3.3


def test_the_tracker_never_goes_back_and_is_causal() -> None:
    attention = np.random.default_rng(0).dirichlet(np.ones(21), 60).astype(np.float32)
    whole, parts = TextTracker(20), TextTracker(20)
    whole.advance(attention)
    for part in np.array_split(attention, 7):
        parts.advance(part)
    np.testing.assert_allclose(whole.positions, parts.positions, rtol=1e-6)
    assert whole.positions == sorted(whole.positions)


class ScriptedSession:
    """Attends to these positions, one for each token."""

    def __init__(self, positions: list[int]) -> None:
        self.positions = positions

    def text_attention(self, index: int, count: int, num_text: int) -> Floats:
        return follow(self.positions[index : index + count], num_text)


TEXT = "one, two - (three)"  # words at 0, 5, 11


def timer(speed: float = 1.0, begin_s: float = 0.0) -> WordTimer:
    """A position is a token of text; one token of speech for each."""
    session = cast(T3Session, ScriptedSession(list(range(len(TEXT) + 1))))
    return WordTimer(session, CONFIG, TEXT, range(len(TEXT)), speed, begin_s)


def sound(num_tokens: int) -> Floats:
    return np.full(num_tokens * 960, 0.1, np.float32)


def starts(words: tuple[object, ...]) -> list[tuple[str, int, float]]:
    return [(word.text, word.first, round(word.start_s, 3)) for word in words]  # type: ignore[attr-defined]


def test_words_begin_with_the_token_that_reaches_them() -> None:
    assert starts(timer().words(19, sound(19), True)) == [("one,", 0, 0.09), ("two", 5, 0.29), ("(three)", 11, 0.53)]
    assert starts(timer(2.0, 5.0).words(19, sound(10), True)) == [
        ("one,", 0, 5.04), ("two", 5, 5.14), ("(three)", 11, 5.26),
    ]  # fmt: skip


def test_each_chunk_has_the_words_that_begin_in_it() -> None:
    words = timer()
    assert starts(words.words(8, sound(5), False)) == [("one,", 0, 0.09)]  # "two" is known, but begins later
    assert starts(words.words(12, sound(4), False)) == [("two", 5, 0.29)]
    assert starts(words.words(19, sound(10), True)) == [("(three)", 11, 0.53)]


def test_a_start_in_silence_moves_to_the_sound() -> None:
    words, samples = timer(), sound(19)
    samples[int(0.25 * 24000) : int(0.35 * 24000)] = 0.0
    samples[int(0.53 * 24000) : int(0.54 * 24000)] = 0.0  # too short to be a pause
    assert starts(words.words(19, samples, True)) == [("one,", 0, 0.09), ("two", 5, 0.35), ("(three)", 11, 0.53)]


def test_a_silence_over_the_end_of_a_chunk() -> None:
    words, silence = timer(), sound(3)
    silence[:960] = 0.0
    before = np.concatenate([sound(7), np.zeros(960, np.float32)])
    assert starts(words.words(13, before, False)) == [("one,", 0, 0.09)]
    assert starts(words.words(19, silence, False)) == [("two", 5, 0.36)]
    assert starts(words.words(19, np.zeros(9600, np.float32), True)) == [("(three)", 11, 0.84)]  # no sound of its own


def test_the_engine_tells_the_words_and_the_sound_is_the_same_without() -> None:
    engine = Engine()
    text = "The door is open. Please shut it."
    chunks = list(engine.speak(text))
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == text.split()
    assert [word.first for word in words] == [0, 4, 9, 12, 0, 7, 12]
    position = 0.0
    for chunk in chunks:
        assert all(position <= word.start_s <= position + len(chunk.samples) / 24000 for word in chunk.words)
        assert all(chunk.text[word.first :].startswith(word.text) for word in chunk.words)
        position += len(chunk.samples) / 24000
    t3 = dataclasses.replace(engine._model.t3.config, alignment=None)
    engine._model.t3.config = t3
    object.__setattr__(engine._model, "config", dataclasses.replace(engine._model.config, t3=t3))
    without = list(engine.speak(text))
    assert all(not chunk.words for chunk in without)
    np.testing.assert_array_equal(
        np.concatenate([chunk.samples for chunk in chunks]), np.concatenate([chunk.samples for chunk in without])
    )
