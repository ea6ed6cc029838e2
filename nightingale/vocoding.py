"""Vocoding: speech tokens to samples. S3Gen makes a mel spectrogram of the tokens, HiFT a waveform of the mel.

Models with attention windows and causal convolutions (the bundled ones) are streamed chunk by chunk, with the same
result as for the whole sentence at once. The official models look both ways and make each sentence as a whole.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import mlx.core as mx
import numpy as np

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.models.config import SAMPLES_PER_TOKEN, OutputConfig
from nightingale.models.dsp import Floats
from nightingale.models.hift import HiFT
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.voice import Voice


@dataclass(frozen=True)
class NoiseKeys:
    """Random keys of one sentence: for the prior noise of the flow, and for the noise in HiFT's source signal."""

    flow: mx.array
    source: mx.array


class Vocoder(Protocol):
    """Tokens of a sentence to samples at 24 kHz."""

    def stream(self, tokens: Iterable[int], voice: Voice, keys: NoiseKeys, speed: float) -> Iterator[Floats]:
        """Yield chunks of samples (N,), none of them empty, while tokens arrive. speed 2 halves the duration."""


class StreamingVocoder:
    """For models with windows: each chunk continues from the state after the one before it."""

    def __init__(self, s3gen: S3Gen, hift: HiFT) -> None:
        self._s3gen, self._hift = s3gen, hift

    def stream(self, tokens: Iterable[int], voice: Voice, keys: NoiseKeys, speed: float) -> Iterator[Floats]:
        s3gen_state = self._s3gen.start(
            voice.s3gen_speaker_embed, voice.s3gen_prompt_tokens, voice.s3gen_prompt_mel, key=keys.flow, speed=speed
        )
        hift_state = self._hift.start(keys.source)
        for chunk, last in split_into_chunks(tokens, chunk_sizes()):
            mel, s3gen_state = self._s3gen.step(mx.array([chunk], dtype=mx.int32), s3gen_state, last)
            samples, hift_state = self._hift.step(mel, hift_state, last)
            if samples.size:
                yield np.array(samples[0], dtype=np.float32)


class WholeVocoder:
    """For models that look both ways: one chunk, after the last token."""

    def __init__(self, s3gen: S3Gen, hift: HiFT, output: OutputConfig | None = None) -> None:
        self._s3gen, self._hift, self._output = s3gen, hift, output or OutputConfig()

    def stream(self, tokens: Iterable[int], voice: Voice, keys: NoiseKeys, speed: float) -> Iterator[Floats]:
        ids = list(tokens)
        if ids:
            ids += self._output.closing_tokens
            mel = self._s3gen(
                mx.array([ids], dtype=mx.int32), voice.s3gen_speaker_embed, voice.s3gen_prompt_tokens,
                voice.s3gen_prompt_mel, key=keys.flow, speed=speed,
            )  # fmt: skip
            samples = np.array(self._hift(mel, key=keys.source)[0], dtype=np.float32)
            if self._output.drop_last_token and len(ids) > 1:
                samples = samples[: -round(SAMPLES_PER_TOKEN / speed)]
            yield fade_in(samples) if self._output.fade_in else samples


def fade_in(samples: Floats) -> Floats:
    """The first 20 ms silent and the next 20 ms faded in, as S3Token2Wav of the official code."""
    side = min(SAMPLE_RATE // 50, len(samples) // 2)
    rise = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, side))
    gain = np.concatenate([np.zeros(side), rise, np.ones(len(samples) - 2 * side)])
    faded: Floats = (samples * gain).astype(np.float32)
    return faded


def make_vocoder(s3gen: S3Gen, hift: HiFT, output: OutputConfig | None = None) -> Vocoder:
    """The streaming vocoder if both models can be streamed."""
    config = s3gen.config
    streams = config.encoder.window is not None and config.estimator.window is not None and hift.config.causal
    return StreamingVocoder(s3gen, hift) if streams else WholeVocoder(s3gen, hift, output)


def chunk_sizes(first: int = 10, growth: float = 1.3, largest: int = 50) -> Iterator[int]:
    """Tokens for each chunk: few at first, so that playback begins early; then more, which costs less per token.

    Each chunk must be ready before the one before it has been played, so sizes grow slowly.
    """
    size = float(first)
    while True:
        yield min(int(size), largest)
        size = min(size * growth, float(largest))


def split_into_chunks(tokens: Iterable[int], sizes: Iterator[int]) -> Iterator[tuple[list[int], bool]]:
    """Yield (chunk, whether it is the last). A full chunk waits for one more token, which shows that it is not."""
    chunk: list[int] = []
    size = next(sizes)
    for token in tokens:
        if len(chunk) == size:
            yield chunk, False
            chunk, size = [], next(sizes)
        chunk.append(token)
    yield chunk, True
