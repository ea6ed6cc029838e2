"""The engine with a tiny random model: order, pauses, seeds, and what it says when something is wrong."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from tiny_models import model_config, tiny_voice, write_model

from nightingale.audio.chunk import SAMPLE_RATE, AudioChunk
from nightingale.decoding.cache import make_caches
from nightingale.decoding.loop import token_limit
from nightingale.engine import Engine, _pause
from nightingale.errors import CheckpointMismatch, VoiceNotFound
from nightingale.kernels.cache import Cache
from nightingale.models.config import SAMPLES_PER_TOKEN
from nightingale.options import CacheOptions, SpeakOptions
from nightingale.text.stream import Sentence

TEXT = "Hello there. How are you? Fine!\n\nA new paragraph."
LIVELY = SpeakOptions(temperature=1.5, min_p=0.0)  # the random model stops at some point

LONG = "This is spoken in more than one chunk."
GREEDY = SpeakOptions(temperature=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine(folder, str(folder / "voice.safetensors"))


@pytest.fixture
def endless(folder: Path) -> Engine:
    """One that goes on to the limit: it may not say its stop token."""
    engine = Engine(folder, tiny_voice())
    engine._forbidden = engine._forbidden | (mx.arange(engine._forbidden.size) == 41)
    return engine


def samples(chunks: Iterable[AudioChunk]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks])


def test_sentences_in_order_with_pauses_between(engine: Engine) -> None:
    options = dataclasses.replace(LIVELY, sentence_silence_ms=100, paragraph_silence_ms=300)
    chunks = list(engine.speak(TEXT, options))
    assert all(chunk.sample_rate == SAMPLE_RATE and chunk.samples.dtype == np.float32 for chunk in chunks)
    order = [chunk.sentence for chunk in chunks]
    assert order == sorted(order) and set(order) == {0, 1, 2, 3}
    pauses = [chunk for chunk in chunks if not chunk.samples.any()]
    assert [(chunk.sentence, len(chunk.samples)) for chunk in pauses] == [(0, 2400), (1, 2400), (2, 7200)]
    for sentence in range(4):
        spoken = samples(chunk for chunk in chunks if chunk.sentence == sentence and chunk.samples.any())
        assert np.isfinite(spoken).all() and np.std(spoken) > 0
        assert len(spoken) % SAMPLES_PER_TOKEN == 0


def test_the_pause_does_not_wait_for_the_next_sentence_where_the_text_pauses(engine: Engine) -> None:
    options = dataclasses.replace(LIVELY, sentence_silence_ms=100, paragraph_silence_ms=300)
    events: list[int | str] = []

    def pieces() -> Iterator[str | None]:
        for piece in ("Disk is full\n", None, None, "\nThe end. ", None):
            events.append(f"{piece}")
            yield piece

    for chunk in engine.speak(pieces(), options):
        events.append(chunk.sentence if chunk.samples.any() else len(chunk.samples))
    events = [event for i, event in enumerate(events) if event != events[i - 1]]
    assert events == ["Disk is full\n", "None", 0, 2400, "None", "\nThe end. ", 4800, 1, "None", 2400]


def test_length_is_the_tokens(engine: Engine) -> None:
    assert len(samples(engine.speak("Hello there.", LIVELY))) == SAMPLES_PER_TOKEN * engine.statistics.num_tokens


def test_sentences_are_cut_to_what_the_model_reads(tmp_path: Path) -> None:
    """The tiny tokenizer has a token for each character; "1999" is 4 of them as typed and 20 as spoken."""
    config = model_config()
    folder = write_model(tmp_path, dataclasses.replace(config, t3=dataclasses.replace(config.t3, max_text_tokens=100)))
    engine = Engine(folder, tiny_voice())
    texts = [chunk.text for chunk in engine.speak("From 1999 to 2024, on and on it went, and then it " * 3, LIVELY)]
    assert len(set(texts)) == 3 and max(map(len, texts)) <= 100


def test_sound_begins_before_the_sentence_is_finished(endless: Engine) -> None:
    chunks = endless.speak(LONG, GREEDY)
    first = next(chunks)
    assert 0 < len(first.samples) <= 10 * SAMPLES_PER_TOKEN
    assert endless.statistics.stop_reason == "unfinished" and endless.statistics.num_tokens < 20
    assert len(list(chunks)) > 3


def test_chunks_are_the_whole(endless: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    chunked = samples(endless.speak(LONG, GREEDY))
    monkeypatch.setattr("nightingale.vocoding.chunk_sizes", lambda: iter([10**6]))
    whole = samples(endless.speak(LONG, GREEDY))
    np.testing.assert_allclose(chunked, whole, atol=1e-3)


def test_speed(engine: Engine) -> None:
    normal = len(samples(engine.speak("Hello there.", LIVELY)))
    fast = len(samples(engine.speak("Hello there.", dataclasses.replace(LIVELY, speed=2.0))))
    assert abs(fast - normal / 2) <= 480


def test_same_seed_same_sound(engine: Engine, folder: Path) -> None:
    first = samples(engine.speak(TEXT, LIVELY))
    np.testing.assert_array_equal(samples(engine.speak(TEXT, LIVELY)), first)
    again = Engine(folder, tiny_voice())
    np.testing.assert_array_equal(samples(again.speak(TEXT, LIVELY)), first)
    other = samples(engine.speak(TEXT, dataclasses.replace(LIVELY, seed=1)))
    assert len(other) != len(first) or not np.array_equal(other, first)


def test_tally_counts_all_sentences(engine: Engine) -> None:
    began = time.perf_counter()
    chunks = [chunk for chunk in engine.speak(TEXT, LIVELY) if chunk.samples.any()]
    assert engine.statistics.num_tokens * SAMPLES_PER_TOKEN == sum(len(chunk.samples) for chunk in chunks)
    assert engine.statistics.first_token_at is not None
    assert began < engine.statistics.first_token_at < began + engine.statistics.t3_s + 1 and engine.statistics.t3_s > 0


def test_another_voice(engine: Engine, folder: Path) -> None:
    first = samples(engine.speak("Hello there.", LIVELY))
    voice = tiny_voice()
    try:
        engine.use_voice(dataclasses.replace(voice, s3gen_speaker_embed=-voice.s3gen_speaker_embed))
        other = samples(engine.speak("Hello there.", LIVELY))
        assert len(other) != len(first) or not np.array_equal(other, first)
        with pytest.raises(VoiceNotFound):
            engine.use_voice("nobody")
        np.testing.assert_array_equal(samples(engine.speak("Hello there.", LIVELY)), other)
    finally:
        engine.use_voice(str(folder / "voice.safetensors"))
    np.testing.assert_array_equal(samples(engine.speak("Hello there.", LIVELY)), first)


def test_same_sound_with_a_draft(engine: Engine, folder: Path) -> None:
    guessing = Engine(folder, str(folder / "voice.safetensors"), speculate=True)
    np.testing.assert_array_equal(samples(guessing.speak(TEXT, LIVELY)), samples(engine.speak(TEXT, LIVELY)))


@pytest.mark.parametrize("cache", [CacheOptions(bits=4), CacheOptions(budget=64)], ids=["4 bits", "budget"])
def test_a_compressed_cache_is_the_targets(folder: Path, cache: CacheOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """It speaks to the limit, the same with a draft, which keeps caches of its own."""
    asked: list[CacheOptions | None] = []

    def listening(num_layers: int, options: CacheOptions | None = None, *rest: object) -> list[Cache]:
        asked.append(options)
        return make_caches(num_layers, options, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("nightingale.decoding.loop.make_caches", listening)
    spoken = []
    for speculate in (False, True):
        engine = Engine(folder, tiny_voice(), speculate=speculate, cache=cache)
        engine._forbidden = engine._forbidden | (mx.arange(engine._forbidden.size) == 41)
        spoken.append(samples(engine.speak(LONG, LIVELY)))
        assert engine.statistics.num_tokens > 100
    np.testing.assert_array_equal(spoken[0], spoken[1])
    assert asked == [cache, cache, None]  # the draft's own caches keep everything


def test_pieces_make_no_difference(engine: Engine) -> None:
    whole = samples(engine.speak(TEXT, LIVELY))
    np.testing.assert_array_equal(samples(engine.speak(iter(TEXT), LIVELY)), whole)


def test_speaks_before_the_text_is_finished(engine: Engine) -> None:
    taken: list[str] = []

    def pieces() -> Iterator[str]:
        for piece in ("One sentence. ", "Another one here. " * 20, "The last."):
            taken.append(piece)
            yield piece

    next(engine.speak(pieces(), LIVELY))
    assert "The last." not in taken


@pytest.mark.parametrize("text", ["", "  \n\n ", "\U0001f600"])
def test_nothing_to_speak_is_silence(engine: Engine, text: str) -> None:
    assert list(engine.speak(text)) == []


def test_what_is_left_out_is_told(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "nightingale"):
        list(engine.speak("Hello \u4f60 there.", LIVELY))
    assert "U+4F60" in caplog.text


def test_what_is_cut_off_is_told(endless: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "nightingale"):
        cut = samples(endless.speak("Hi.", GREEDY))
    assert endless.statistics.stop_reason == "token limit"
    assert len(cut) == SAMPLES_PER_TOKEN * token_limit(3)
    assert f"was cut after {token_limit(3)} tokens: Hi." in caplog.text


def test_a_sentence_of_unknown_characters_is_told(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "nightingale"):
        assert list(engine._speak_sentence(Sentence("\u4f60\u597d", False), 0, LIVELY)) == []
    assert "nothing to say" in caplog.text


def test_a_cut_within_a_sentence_is_a_shorter_pause() -> None:
    options = SpeakOptions(sentence_silence_ms=200, paragraph_silence_ms=500)
    lengths = {
        (before, paragraph): len(_pause(Sentence(before, False), Sentence("After.", paragraph), options))
        for before in ("Before.", "before,")
        for paragraph in (False, True)
    }
    assert lengths[("Before.", False)] == 4800
    assert lengths[("before,", False)] == 1200
    assert lengths[("Before.", True)] == lengths[("before,", True)] == 12_000


def test_a_voice_of_another_size_is_refused(folder: Path) -> None:
    voice = dataclasses.replace(tiny_voice(), t3_speaker_embed=mx.zeros((9,)))
    with pytest.raises(CheckpointMismatch, match=r"t3\.speaker_embed has 9 values, the model reads 16"):
        Engine(folder, voice)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [("t3", [3, 42]), ("t3", [-1]), ("t3", []), ("t3", [0] * 501), ("s3gen", [7, 40]), ("s3gen", [-1])],
)
def test_a_prompt_of_another_model_is_refused(folder: Path, name: str, tokens: list[int]) -> None:
    """MLX would read past the end of its tables."""
    engine = Engine(folder, tiny_voice())
    before = samples(engine.speak("Hi.", GREEDY))
    changes = {f"{name}_prompt_tokens": mx.array(tokens, dtype=mx.int32)}
    if name == "s3gen":
        changes["s3gen_prompt_mel"] = mx.zeros((2 * len(tokens), 80))
    with pytest.raises(CheckpointMismatch, match=rf'voice "tiny": {name}\.prompt_tokens'):
        engine.use_voice(dataclasses.replace(tiny_voice(), t3_speaker_embed=mx.ones((16,)), **changes))
    assert engine.voice.t3_prompt_tokens is engine.voice.s3gen_prompt_tokens is None  # the old one, in every part
    np.testing.assert_array_equal(samples(engine.speak("Hi.", GREEDY)), before)


def test_no_such_model_or_voice(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VoiceNotFound, match="no model in"):
        Engine(tmp_path, tiny_voice())
    with pytest.raises(VoiceNotFound, match='no voice "nobody"'):
        Engine(folder, "nobody")


def test_the_blas_is_chosen_before_mlx() -> None:
    code = (
        "import sys\n"
        "from nightingale.kernels.blas import use_openblas\n"
        "assert 'mlx.core' not in sys.modules\n"
        "import nightingale.engine as engine\n"
        "assert engine.BLAS is None or 'blas' in engine.BLAS or 'blis' in engine.BLAS\n"
        "assert use_openblas() is None, 'too late must be told'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)
