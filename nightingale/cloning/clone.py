"""A recording to a voice: what the official prepare_conditionals computes
(https://github.com/resemble-ai/chatterbox, src/chatterbox/tts.py)."""

import mlx.core as mx
import numpy as np

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.cloning import features
from nightingale.cloning.features import RATE, TORCHAUDIO, Floats
from nightingale.cloning.recording import Recording
from nightingale.models.cloning import CloningNetworks
from nightingale.models.config import FRAMES_PER_TOKEN, SAMPLES_PER_TOKEN
from nightingale.models.dsp import mel_spectrogram
from nightingale.models.voice import Voice

EXAGGERATION = 0.5  # the official default, for models that read it
RATE_OF_TOKENS = 25


def make_voice(recording: Recording, networks: CloningNetworks, name: str, model: str) -> Voice:
    """The voice of a recording. model: the folder of the networks, which the voice file keeps."""
    config = networks.config
    samples = features.resample(recording.samples, recording.sample_rate, SAMPLE_RATE)
    if config.loudness is not None:
        samples = normalize_loudness(samples, config.loudness)
    low = features.resample(samples, SAMPLE_RATE, RATE)
    prompt = samples[: config.s3gen_prompt_tokens * SAMPLES_PER_TOKEN]
    low_prompt = features.resample(prompt, SAMPLE_RATE, RATE, TORCHAUDIO)
    mel = mel_spectrogram(prompt)[0]
    num_tokens = len(mel) // FRAMES_PER_TOKEN
    voice = Voice(
        name=name,
        model=model,
        t3_speaker_embed=embed_voice(low, networks)[0],
        t3_prompt_tokens=tokenize(low[: config.t3_prompt_tokens * RATE // RATE_OF_TOKENS], networks),
        t3_emotion=mx.array(EXAGGERATION),
        s3gen_speaker_embed=networks.speaker_encoder(mx.array(features.filter_bank(low_prompt)))[0],
        s3gen_prompt_tokens=tokenize(low_prompt, networks)[:num_tokens],
        s3gen_prompt_mel=mx.array(mel[: FRAMES_PER_TOKEN * num_tokens]),
    )
    mx.eval([value for value in vars(voice).values() if isinstance(value, mx.array)])
    return voice


def normalize_loudness(samples: Floats, target: float) -> Floats:
    """Samples (N,) at 24 kHz, scaled to a loudness in LUFS; silence stays as it is."""
    loudness = features.loudness(samples, SAMPLE_RATE)
    if not np.isfinite(loudness):
        return samples
    return samples * np.float32(10.0 ** ((target - loudness) / 20.0))


def embed_voice(samples: Floats, networks: CloningNetworks) -> mx.array:
    """Samples (N,) at 16 kHz -> T3's speaker embedding (1, E)."""
    mel = features.mel_power(features.trim_silence(samples), networks.config.voice_encoder.num_mels)
    embed: mx.array = networks.voice_encoder(mx.array(mel))
    return embed


def tokenize(samples: Floats, networks: CloningNetworks) -> mx.array:
    """Samples (N,) at 16 kHz, at most 30 s -> speech tokens (N / 640, rounded up)."""
    mel = features.log_mel(samples, networks.config.speech_tokenizer.num_mels)
    tokens: mx.array = networks.speech_tokenizer(mx.array(mel))
    return tokens[0]
