"""S3Gen: speech tokens to mel, whole or piece by piece. Wires embedding, encoder, speaking speed and flow.

The token-to-mel model of Chatterbox, which is that of CosyVoice 2 (https://arxiv.org/abs/2412.10117).
"""

from dataclasses import dataclass, replace

import mlx.core as mx
import mlx.nn as nn

from nightingale.models.config import N_MELS, S3GenConfig
from nightingale.models.dsp import StretchState, start_stretch, stretch
from nightingale.models.s3gen import flow
from nightingale.models.s3gen.encoder import Encoder, EncoderState
from nightingale.models.s3gen.estimator import Estimator
from nightingale.models.s3gen.flow import FlowState

__all__ = ["S3Gen", "S3GenState"]


@dataclass(frozen=True)
class S3GenState:
    """A sentence between two pieces.

    key: of the flow's noise. speaker: (1, 80). prompt_tokens (1, N): of a reference recording, until they are encoded.
    prompt_mel (1, P, 80): its mel, normalised for the flow. It conditions the first P frames, which are not part of the
    output.
    """

    key: mx.array
    speaker: mx.array
    prompt_tokens: mx.array
    prompt_mel: mx.array
    encoder: EncoderState
    stretch: StretchState
    flow: FlowState


class S3Gen(nn.Module):
    """Speech tokens (1, N) to mel (1, 2 N, 80).

    With windows in the config it is causal but for the encoder's look-ahead, and the pieces that `step` gives are
    together the whole. Without windows it looks both ways, and only the whole can be computed.
    """

    def __init__(self, config: S3GenConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embed = nn.Embedding(config.encoder.vocab_size, config.encoder.hidden_size)
        self.speaker_proj = nn.Linear(config.speaker_embed_size, N_MELS)
        self.encoder = Encoder(config.encoder)
        self.encoder_proj = nn.Linear(config.encoder.hidden_size, N_MELS)
        self.estimator = Estimator(config.estimator)

    def start(
        self,
        speaker_embed: mx.array,
        prompt_tokens: mx.array | None = None,
        prompt_mel: mx.array | None = None,
        *,
        key: mx.array,
        speed: float = 1.0,
    ) -> S3GenState:
        """The state before a sentence's first token. speaker_embed (E,), prompt_tokens (N,), prompt_mel (2 N, 80)."""
        voice = speaker_embed.reshape(1, -1)
        voice = voice / mx.maximum(mx.linalg.norm(voice, axis=1, keepdims=True), 1e-12)
        if prompt_tokens is None or prompt_mel is None:
            prompt_tokens, prompt_mel = mx.zeros((0,), mx.int32), mx.zeros((0, N_MELS))
        mean, scale = self.config.flow.mel_mean, self.config.flow.mel_scale
        return S3GenState(
            key=key,
            speaker=self.speaker_proj(voice),
            prompt_tokens=prompt_tokens.astype(mx.int32).reshape(1, prompt_tokens.size),
            prompt_mel=(prompt_mel.reshape(1, prompt_mel.size // N_MELS, N_MELS) - mean) / scale,
            encoder=self.encoder.start(),
            stretch=start_stretch(self.config.encoder.hidden_size, speed),
            flow=flow.start(self.estimator, self.config.flow),
        )

    def step(self, speech_tokens: mx.array, state: S3GenState, last: bool) -> tuple[mx.array, S3GenState]:
        """New tokens (1, N) -> the frames that are final (1, T, 80), and the state after them."""
        hidden, state = self._encode(speech_tokens, state, last)
        if not hidden.shape[1]:
            return mx.zeros((1, 0, N_MELS)), state
        first, stop = state.flow.frame, state.flow.frame + hidden.shape[1]
        prompt = state.prompt_mel[:, first:stop]
        prompt = mx.pad(prompt, [(0, 0), (0, hidden.shape[1] - prompt.shape[1]), (0, 0)])
        conditions = (self.encoder_proj(hidden), state.speaker, prompt)
        noise = flow.sample_prior(state.key, first, stop) * self.config.flow.temperature
        mel, after = flow.solve(self.estimator, self.config.flow, noise, conditions, state.flow)
        unspoken = min(max(0, state.prompt_mel.shape[1] - first), mel.shape[1])
        mel = mel[:, unspoken:] * self.config.flow.mel_scale + self.config.flow.mel_mean
        return mel, replace(state, flow=after)

    def __call__(
        self,
        speech_tokens: mx.array,
        speaker_embed: mx.array,
        prompt_tokens: mx.array | None = None,
        prompt_mel: mx.array | None = None,
        *,
        key: mx.array,
        speed: float = 1.0,
    ) -> mx.array:
        """Tokens (1, N) -> mel (1, T, 80) at once; T is 2 N / speed, rounded."""
        state = self.start(speaker_embed, prompt_tokens, prompt_mel, key=key, speed=speed)
        return self.step(speech_tokens, state, last=True)[0]

    def _encode(self, speech_tokens: mx.array, state: S3GenState, last: bool) -> tuple[mx.array, S3GenState]:
        """New tokens -> frames (1, T, hidden) at the requested speed; the prompt's frames keep theirs."""
        tokens = mx.concatenate([state.prompt_tokens, speech_tokens.astype(mx.int32)], axis=1)
        frames, encoder = self.encoder.step(self.token_embed(tokens), state.encoder, last)
        lead = max(0, state.prompt_mel.shape[1] - state.flow.frame)
        spoken, paced = stretch(frames[:, lead:], state.stretch, last)
        hidden = mx.concatenate([frames[:, :lead], spoken], axis=1) if lead else spoken
        return hidden, replace(state, prompt_tokens=tokens[:, :0], encoder=encoder, stretch=paced)
