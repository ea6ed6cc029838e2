"""Writes tests/golden/cloning.npz: what the official cloning networks and their features give at small sizes.

Needs torch, torchaudio, librosa, pyloudnorm, s3tokenizer and chatterbox-tts (the last two with --no-deps), and what
these import:
    python tests/support/make_golden_cloning.py
Every weight is made from its official name by golden_weights.py, so the file holds names, shapes and outputs only.
"""

import importlib
import importlib.util
import sys
import types
from pathlib import Path

import librosa
import numpy as np
import pyloudnorm
import torch
import torchaudio
from golden_weights import named_noise, named_weight

GOLDEN = Path(__file__).parents[1] / "golden"
PACKAGE = Path(importlib.util.find_spec("chatterbox").submodule_search_locations[0])
RATE = 16_000


def official(name):
    """A module of chatterbox.models, imported without the application around it."""
    for package in ("", ".models", ".models.s3gen"):
        if "chatterbox" + package not in sys.modules:
            bare = sys.modules["chatterbox" + package] = types.ModuleType("chatterbox" + package)
            bare.__path__ = [str(PACKAGE / package[1:].replace(".", "/"))]
    return importlib.import_module(f"chatterbox.models.{name}")


def sound():
    """Noise with a quiet beginning, a quiet end and a pause, and less of the high frequencies."""
    noise = named_noise("recording", (9600,))
    envelope = np.interp(np.linspace(0, 1, 9600), [0, 0.15, 0.2, 0.5, 0.6, 0.7, 0.9, 1], [0, 0, 1, 0.7, 0, 1, 0, 0])
    smooth = np.convolve(noise, np.ones(3) / 3, mode="same")
    return (0.2 * envelope * smooth).astype(np.float32)


def randomise(module, prefix):
    """Give every entry the weight of its official name. Returns names and shapes, a line for each."""
    lines = []
    for name, value in module.state_dict().items():
        lines.append(f"{prefix}{name} {'x'.join(map(str, value.shape))}")
        if value.is_floating_point() and name not in ("_mel_filters", "window"):
            value.copy_(torch.from_numpy(np.array(named_weight(prefix + name, tuple(value.shape)))))
    module.eval()
    return lines


def features(saved):
    samples = sound()
    tensor = torch.from_numpy(samples)
    melspec = official("voice_encoder.melspec")
    saved["trimmed"] = np.array(librosa.effects.trim(samples, top_db=20)[1])
    saved["mel_power"] = melspec.melspectrogram(samples, official("voice_encoder.config").VoiceEncConfig()).T
    saved["log_mel"] = official("s3tokenizer").S3Tokenizer.log_mel_spectrogram(
        types.SimpleNamespace(
            device="cpu", n_fft=400, window=torch.hann_window(400),
            _mel_filters=torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=400, n_mels=128)),
        ),
        tensor,
    ).T.numpy()  # fmt: skip
    saved["filter_bank"] = official("s3gen.xvector").extract_feature([tensor])[0][0].numpy()
    saved["loudness"] = np.array(pyloudnorm.Meter(RATE).integrated_loudness(samples))
    saved["soxr"] = librosa.resample(samples, orig_sr=RATE, target_sr=24_000)
    saved["torchaudio"] = torchaudio.transforms.Resample(24_000, RATE)(tensor).numpy()


def voice_encoder(saved):
    module = official("voice_encoder.voice_encoder")
    hp = type("Small", (module.VoiceEncConfig,), {"num_mels": 6, "ve_hidden_size": 10, "speaker_embed_size": 7})()
    network = module.VoiceEncoder(hp)
    names = randomise(network, "")
    for frames in (30, 237, 350, 380):
        mel = np.abs(named_noise(f"mel{frames}", (frames, 6)))
        saved[f"voice_{frames}"] = network.embeds_from_mels([mel], rate=1.3)
    return names


def s3gen(saved):
    model_v2 = importlib.import_module("s3tokenizer.model_v2")
    config = model_v2.ModelConfig(n_mels=9, n_audio_state=128, n_audio_head=2, n_audio_layer=2)
    tokenizer = model_v2.S3TokenizerV2("speech_tokenizer_v2_25hz", config)
    names = randomise(tokenizer, "tokenizer.")
    mel = torch.from_numpy(named_noise("logmel", (1, 77, 9))).transpose(1, 2)
    hidden, _ = tokenizer.encoder(mel, torch.tensor([77]))
    saved["levels"] = tokenizer.quantizer._codebook.project_down(hidden).tanh()
    saved["tokens"] = tokenizer.quantize(mel, torch.tensor([77]))[0]
    xvector = official("s3gen.xvector")
    encoder = xvector.CAMPPlus(
        feat_dim=16, embedding_size=7, growth_rate=4, bn_size=2, init_channels=12, memory_efficient=False
    )
    names += randomise(encoder, "speaker_encoder.")
    for frames in (230, 405):
        saved[f"speaker_{frames}"] = encoder(torch.from_numpy(named_noise(f"bank{frames}", (1, frames, 16))))
    return names


if __name__ == "__main__":
    arrays = {}
    with torch.no_grad():
        features(arrays)
        arrays["voice_encoder_names"] = "\n".join(voice_encoder(arrays))
        arrays["s3gen_names"] = "\n".join(s3gen(arrays))
    np.savez_compressed(GOLDEN / "cloning.npz", **{k: np.asarray(v) for k, v in arrays.items()})
