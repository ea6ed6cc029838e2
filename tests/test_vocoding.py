"""Vocoders: streamed chunks equal the whole sentence, and models that cannot stream make it at once."""

from collections.abc import Callable, Iterable, Iterator

import mlx.core as mx
import numpy as np
import pytest
from tiny import Floats, fill, hift_config, noise, s3gen_config

from nightingale.kernels.noise import fold_in, seed_key
from nightingale.models.hift import HiFT
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.voice import Voice
from nightingale.vocoding import NoiseKeys, StreamingVocoder, Vocoder, WholeVocoder, chunk_sizes, make_vocoder

KEYS = NoiseKeys(fold_in(seed_key(5), 1), fold_in(seed_key(5), 2))
TOKENS = np.random.RandomState(1).randint(0, 10, 60).tolist()


def tiny_models(window: int | None, causal: bool) -> tuple[S3Gen, HiFT]:
    s3gen, hift = S3Gen(s3gen_config(True, window)), HiFT(hift_config(causal))
    fill(s3gen)
    fill(hift)
    hift.conv_post.weight = hift.conv_post.weight * 0.25
    hift.f0_predictor.classifier.weight = hift.f0_predictor.classifier.weight * 30.0
    hift.f0_predictor.classifier.bias = mx.array([150.0])
    return s3gen, hift


def tiny_voice(prompted: bool) -> Voice:
    prompt = (mx.array([4, 8, 6]), noise("prompt_mel", (6, 80))) if prompted else (None, None)
    return Voice(
        name="tiny", t3_speaker_embed=mx.zeros((4,)), s3gen_speaker_embed=noise("speaker", (12,)),
        s3gen_prompt_tokens=prompt[0], s3gen_prompt_mel=prompt[1],
    )  # fmt: skip


def whole(s3gen: S3Gen, hift: HiFT, voice: Voice, speed: float) -> Floats:
    mel = s3gen(
        mx.array([TOKENS]), voice.s3gen_speaker_embed, voice.s3gen_prompt_tokens, voice.s3gen_prompt_mel,
        key=KEYS.flow, speed=speed,
    )  # fmt: skip
    return np.array(hift(mel, key=KEYS.source)[0])


def random_sizes(seed: int) -> Iterator[int]:
    generator = np.random.RandomState(seed)
    while True:
        yield int(generator.choice([1, 2, 3, 5, 8, 13, 30]))


def stream(vocoder: Vocoder, tokens: Iterable[int], voice: Voice, speed: float = 1.0) -> list[Floats]:
    return list(vocoder.stream(tokens, voice, KEYS, speed))


@pytest.fixture
def set_sizes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[int]], None]:
    return lambda sizes: monkeypatch.setattr("nightingale.vocoding.chunk_sizes", lambda: sizes)


def test_only_models_with_windows_are_streamed() -> None:
    assert isinstance(make_vocoder(*tiny_models(6, True)), StreamingVocoder)
    assert isinstance(make_vocoder(*tiny_models(None, True)), WholeVocoder)
    assert isinstance(make_vocoder(*tiny_models(6, False)), WholeVocoder)


def test_chunks_grow() -> None:
    sizes = chunk_sizes(first=6, growth=1.5, largest=25)
    assert [next(sizes) for _ in range(7)] == [6, 9, 13, 20, 25, 25, 25]


@pytest.mark.parametrize("speed,prompted", [(1.0, False), (1.0, True), (1.3, False), (0.8, True)])
def test_chunks_of_any_size_equal_the_whole(
    speed: float, prompted: bool, set_sizes: Callable[[Iterator[int]], None]
) -> None:
    models, voice = tiny_models(6, True), tiny_voice(prompted)
    expected = whole(*models, voice, speed)
    assert len(expected) == 480 * round(120 / speed) and np.abs(expected).max() > 0.05
    for seed in range(4):
        set_sizes(random_sizes(seed))
        chunks = stream(StreamingVocoder(*models), TOKENS, voice, speed)
        assert len(chunks) > 3
        assert np.abs(np.concatenate(chunks) - expected).max() < 1e-4


def test_two_streams_at_once_do_not_disturb_each_other() -> None:
    vocoder, voice = StreamingVocoder(*tiny_models(6, True)), tiny_voice(False)
    alone = stream(vocoder, TOKENS, voice)
    pairs = zip(*(vocoder.stream(TOKENS, voice, KEYS, 1.0) for _ in range(2)), strict=True)
    for expected, (first, second) in zip(alone, pairs, strict=True):
        np.testing.assert_array_equal(first, expected)
        np.testing.assert_array_equal(second, expected)


def test_states_can_be_used_twice() -> None:
    s3gen, hift = tiny_models(6, True)
    mel, state = s3gen.step(mx.array([TOKENS[:20]]), s3gen.start(noise("speaker", (12,)), key=KEYS.flow), last=False)
    _, hift_state = hift.step(mel, hift.start(KEYS.source), last=False)

    def continued(tokens: list[int]) -> Floats:
        mel, _ = s3gen.step(mx.array([tokens]), state, last=False)
        return np.array(hift.step(mel, hift_state, last=False)[0])

    first, again, other = continued(TOKENS[20:30]), continued(TOKENS[20:30]), continued(TOKENS[30:40])
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_sound_begins_before_the_tokens_end() -> None:
    vocoder = StreamingVocoder(*tiny_models(6, True))
    taken = 0

    def count() -> Iterator[int]:
        nonlocal taken
        for token in TOKENS:
            taken += 1
            yield token

    chunks = vocoder.stream(count(), tiny_voice(False), KEYS, 1.0)
    # The look-ahead is three tokens and three frames.
    assert len(next(chunks)) == 480 * (2 * (10 - 3) - 3) and taken == 11
    assert sum(map(len, chunks)) == 480 * (2 * 60 - 11)


@pytest.mark.parametrize("tokens", [[], [3], [3, 4], TOKENS[:7]])
@pytest.mark.parametrize("window", [6, None])
def test_short_sentences(tokens: list[int], window: int | None, set_sizes: Callable[[Iterator[int]], None]) -> None:
    set_sizes(iter([3, 3, 3]))
    chunks = stream(make_vocoder(*tiny_models(window, window is not None)), tokens, tiny_voice(False))
    assert all(map(len, chunks)) and sum(map(len, chunks)) == 960 * len(tokens)


@pytest.mark.parametrize("speed,prompted", [(1.0, False), (1.0, True), (1.3, False)])
def test_models_that_look_both_ways_make_one_chunk(speed: float, prompted: bool) -> None:
    models, voice = tiny_models(None, False), tiny_voice(prompted)
    (samples,) = stream(WholeVocoder(*models), TOKENS, voice, speed)
    np.testing.assert_array_equal(samples, whole(*models, voice, speed))
