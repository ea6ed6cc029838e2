"""Chunks against the whole: exactly where the models go on from a state, without a seam where they are recomputed."""

from collections.abc import Iterator

import mlx.core as mx
import numpy as np
import pytest
from tiny import Floats, fill, hift_config, noise, s3gen_config

from nightingale.models.hift import HiFT
from nightingale.models.noise import fold_in, seed_key
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.voice import Voice
from nightingale.vocoding import (
    SEAM_FRAMES,
    CarryingVocoder,
    Keys,
    RecomputingVocoder,
    chunk_sizes,
    speak_tokens,
    vocoder_for,
)

KEYS = Keys(fold_in(seed_key(5), 1), fold_in(seed_key(5), 2))
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


def test_the_vocoder_fits_the_models() -> None:
    assert isinstance(vocoder_for(*tiny_models(6, True)), CarryingVocoder)
    assert isinstance(vocoder_for(*tiny_models(None, True)), RecomputingVocoder)
    assert isinstance(vocoder_for(*tiny_models(6, False)), RecomputingVocoder)


def test_chunks_grow() -> None:
    sizes = chunk_sizes(first=6, growth=1.5, largest=25)
    assert [next(sizes) for _ in range(7)] == [6, 9, 13, 20, 25, 25, 25]


@pytest.mark.parametrize("speed,prompted", [(1.0, False), (1.0, True), (1.3, False), (0.8, True)])
def test_any_chunks_are_the_whole(speed: float, prompted: bool) -> None:
    models, voice = tiny_models(6, True), tiny_voice(prompted)
    expected = whole(*models, voice, speed)
    assert len(expected) == 480 * round(120 / speed) and np.abs(expected).max() > 0.05
    vocoder = CarryingVocoder(*models)
    for seed in range(4):
        chunks = list(speak_tokens(vocoder, iter(TOKENS), vocoder.start(voice, KEYS, speed), random_sizes(seed)))
        assert len(chunks) > 3
        assert np.abs(np.concatenate(chunks) - expected).max() < 1e-4


def test_a_state_can_be_used_twice() -> None:
    vocoder = CarryingVocoder(*tiny_models(6, True))
    _, state = vocoder.step(TOKENS[:20], vocoder.start(tiny_voice(False), KEYS, 1.0), last=False)
    first, _ = vocoder.step(TOKENS[20:30], state, last=False)
    again, _ = vocoder.step(TOKENS[20:30], state, last=False)
    other, _ = vocoder.step(TOKENS[30:40], state, last=False)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_sound_begins_before_the_tokens_end() -> None:
    vocoder = CarryingVocoder(*tiny_models(6, True))
    taken = 0

    def count() -> Iterator[int]:
        nonlocal taken
        for token in TOKENS:
            taken += 1
            yield token

    chunks = speak_tokens(vocoder, count(), vocoder.start(tiny_voice(False), KEYS, 1.0), chunk_sizes(10))
    # three tokens and three frames are waited for
    assert len(next(chunks)) == 480 * (2 * (10 - 3) - 3) and taken == 11
    assert sum(map(len, chunks)) == 480 * (2 * 60 - 11)


@pytest.mark.parametrize("tokens", [[], [3], [3, 4], TOKENS[:7]])
@pytest.mark.parametrize("window", [6, None])
def test_short_sentences(tokens: list[int], window: int | None) -> None:
    vocoder = vocoder_for(*tiny_models(window, window is not None))
    chunks = list(speak_tokens(vocoder, tokens, vocoder.start(tiny_voice(False), KEYS, 1.0), [3, 3, 3]))
    assert sum(map(len, chunks)) == 960 * len(tokens)


def test_recomputed_source_goes_on_in_phase_and_samples_are_faded_over(monkeypatch: pytest.MonkeyPatch) -> None:
    s3gen, hift = tiny_models(None, False)
    monkeypatch.setattr(HiFT, "f0", lambda self, mel: mx.full((1, mel.shape[1]), 163.0))
    source, _ = hift.source(mx.full((1, 120), 163.0), mx.zeros((1,), mx.uint32), KEYS.source, 0)
    vocoder = RecomputingVocoder(s3gen, hift)
    _, first = vocoder.step(TOKENS[:20], vocoder.start(tiny_voice(False), KEYS, 1.0), last=False)
    chunk, second = vocoder.step(TOKENS[20:40], first, last=False)
    assert (first.frame, second.frame) == (2 * 17, 2 * 37)
    for state in (first, second):
        span = slice((state.frame - SEAM_FRAMES) * 480, state.frame * 480)
        assert np.abs(np.array(state.source - source[:, span])).max() < 1e-5
        assert len(state.samples) == SEAM_FRAMES * 480
    assert len(chunk) == (second.frame - first.frame) * 480
    assert abs(chunk[0] - first.samples[0]) < 1e-3


@pytest.mark.parametrize("speed,prompted", [(1.0, False), (1.0, True), (1.3, False)])
def test_recomputed_chunks_have_the_length_of_the_whole_and_no_seam(speed: float, prompted: bool) -> None:
    models, voice = tiny_models(None, False), tiny_voice(prompted)
    vocoder = RecomputingVocoder(*models)
    expected = whole(*models, voice, speed)
    alone = list(speak_tokens(vocoder, TOKENS, vocoder.start(voice, KEYS, speed), [100]))
    assert len(alone) == 1 and np.abs(alone[0] - expected).max() < 1e-6
    chunks = list(speak_tokens(vocoder, TOKENS, vocoder.start(voice, KEYS, speed), [13, 17, 20, 30]))
    sound = np.concatenate(chunks)
    assert len(chunks) == 4 and len(sound) == len(expected)
    jumps = np.abs(np.diff(sound))
    seams = np.cumsum([len(c) for c in chunks])[:-1] - 1
    assert jumps[seams].max() <= np.quantile(jumps, 0.999)
