"""Speech tokens to sound while tokens still arrive: chunk sizes, what is carried from chunk to chunk, seams.

A model with windows goes on exactly where it stopped: a chunk costs its own frames, and all chunks together are the
whole. One that looks both ways is computed again over everything so far, with a crossfade at each seam.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import mlx.core as mx
import numpy as np

from nightingale.models.config import FRAMES_PER_TOKEN, HOP_LENGTH, N_MELS
from nightingale.models.dsp import Floats, crossfade
from nightingale.models.hift import HiFT, HiFTState
from nightingale.models.s3gen.generator import S3Gen, S3GenState
from nightingale.models.voice import Voice

S = TypeVar("S")

SEAM_FRAMES = 8  # 160 ms that a recomputed chunk shares with the one before


@dataclass(frozen=True)
class Keys:
    """One sentence's keys: of the flow's noise and of the source's."""

    flow: mx.array
    source: mx.array


class Vocoder(Protocol[S]):
    """Tokens to samples, one state value passed in and out."""

    def start(self, voice: Voice, keys: Keys, speed: float) -> S:
        """The state before a sentence's first token."""

    def step(self, tokens: Sequence[int], state: S, last: bool) -> tuple[Floats, S]:
        """New tokens -> the samples (N,) that can be told by now, and the state after them."""


def chunk_sizes(first: int = 10, growth: float = 1.3, largest: int = 50) -> Iterator[int]:
    """Tokens for each chunk: small at first, for sound to begin soon; then larger, for a second of sound to cost less.

    A chunk must be made while the one before it is heard, so each is little larger than the last.
    """
    size = float(first)
    while True:
        yield min(int(size), largest)
        size = min(size * growth, float(largest))


def speak_tokens(
    vocoder: Vocoder[S], tokens: Iterable[int], state: S, sizes: Iterable[int] | None = None
) -> Iterator[Floats]:
    """The sound of a sentence's tokens, chunk by chunk, while they come. Empty chunks are left out.

    sizes: tokens for each chunk, as many as may be needed; chunk_sizes() unless given.
    """
    waiting: list[int] = []
    plan = iter(chunk_sizes() if sizes is None else sizes)
    wanted = next(plan)
    for token in tokens:
        # Only the token after a full chunk tells that the chunk was not the last.
        if len(waiting) == wanted:
            samples, state = vocoder.step(waiting, state, last=False)
            waiting, wanted = [], next(plan)
            if len(samples):
                yield samples
        waiting.append(token)
    samples, state = vocoder.step(waiting, state, last=True)
    if len(samples):
        yield samples


@dataclass(frozen=True)
class CarriedState:
    """The states of both models."""

    s3gen: S3GenState
    hift: HiFTState


class CarryingVocoder:
    """For models with windows: every chunk goes on from the state of the last."""

    def __init__(self, s3gen: S3Gen, hift: HiFT) -> None:
        self._s3gen, self._hift = s3gen, hift

    def start(self, voice: Voice, keys: Keys, speed: float) -> CarriedState:
        prompt = voice.s3gen_prompt_tokens, voice.s3gen_prompt_mel
        mel = self._s3gen.start(voice.s3gen_speaker_embed, *prompt, key=keys.flow, speed=speed)
        return CarriedState(mel, self._hift.start(keys.source))

    def step(self, tokens: Sequence[int], state: CarriedState, last: bool) -> tuple[Floats, CarriedState]:
        mel, s3gen = self._s3gen.step(mx.array([list(tokens)], dtype=mx.int32), state.s3gen, last)
        samples, hift = self._hift.step(mel, state.hift, last)
        return np.array(samples[0], dtype=np.float32), CarriedState(s3gen, hift)


@dataclass(frozen=True)
class RecomputedState:
    """What a sentence has come to, for models that look both ways.

    frame: mel frames made so far. mel (1, S, 80), source (1, 480 S), samples (480 S,): the last SEAM_FRAMES of them,
    the samples not yet given. phase: of the source after them.
    """

    voice: Voice
    keys: Keys
    speed: float
    tokens: tuple[int, ...]
    frame: int
    mel: mx.array
    source: mx.array
    samples: Floats
    phase: mx.array


class RecomputingVocoder:
    """For models that look both ways: S3Gen over all tokens so far, HiFT over the new frames and a seam.

    The flow's noise is that of the absolute frame and the source goes on in phase, so what is computed again differs
    only by what has become known since; the crossfade hides that difference.
    """

    def __init__(self, s3gen: S3Gen, hift: HiFT) -> None:
        self._s3gen, self._hift = s3gen, hift
        self._lookahead_tokens = s3gen.config.encoder.lookahead_tokens

    def start(self, voice: Voice, keys: Keys, speed: float) -> RecomputedState:
        return RecomputedState(
            voice, keys, speed, tokens=(), frame=0, mel=mx.zeros((1, 0, N_MELS)), source=mx.zeros((1, 0)),
            samples=np.zeros(0, np.float32), phase=mx.zeros((1,), mx.uint32),
        )  # fmt: skip

    def step(self, tokens: Sequence[int], state: RecomputedState, last: bool) -> tuple[Floats, RecomputedState]:
        state = replace(state, tokens=(*state.tokens, *tokens))
        known = len(state.tokens) - (0 if last else self._lookahead_tokens)
        if not known > 0 or (not last and self._frames(known, state.speed) <= state.frame):
            return (state.samples if last else state.samples[:0]), state
        mel = self._whole_mel(state)
        stop = mel.shape[1] if last else self._frames(known, state.speed)
        seam = state.mel.shape[1]
        window = mx.concatenate([state.mel, mel[:, state.frame : stop]], axis=1)
        pitch = self._hift.f0(window)[:, seam:]
        fresh, phase = self._hift.source(pitch, state.phase, state.keys.source, state.frame)
        source = mx.concatenate([state.source, fresh], axis=1)
        samples = np.array(self._hift.decode(window, source)[0], dtype=np.float32)
        shared = len(state.samples)
        samples[:shared] = crossfade(state.samples, samples[:shared])
        held = 0 if last else min(SEAM_FRAMES, window.shape[1])
        cut = len(samples) - held * HOP_LENGTH
        frames = window.shape[1] - held
        return samples[:cut], replace(
            state, frame=stop, mel=window[:, frames:], source=source[:, cut:], samples=samples[cut:], phase=phase
        )

    def _whole_mel(self, state: RecomputedState) -> mx.array:
        voice = state.voice
        return self._s3gen(
            mx.array([state.tokens]), voice.s3gen_speaker_embed, voice.s3gen_prompt_tokens, voice.s3gen_prompt_mel,
            key=state.keys.flow, speed=state.speed,
        )  # fmt: skip

    @staticmethod
    def _frames(num_tokens: int, speed: float) -> int:
        """Frames that lie before the end of so many tokens."""
        return int(num_tokens * FRAMES_PER_TOKEN / speed)


def vocoder_for(s3gen: S3Gen, hift: HiFT) -> CarryingVocoder | RecomputingVocoder:
    """The vocoder that these models allow."""
    config = s3gen.config
    carries = config.encoder.window is not None and config.estimator.window is not None and hift.config.causal
    return CarryingVocoder(s3gen, hift) if carries else RecomputingVocoder(s3gen, hift)
