"""Small random models, and the whole of a model folder made of them, for tests that load and speak."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_map

from nightingale.checkpoints.voices import save_voice
from nightingale.models.config import (
    DraftConfig,
    EncoderConfig,
    EstimatorConfig,
    FlowConfig,
    HiFTConfig,
    LlamaConfig,
    ModelConfig,
    S3GenConfig,
    T3Config,
)
from nightingale.models.draft import DraftModel
from nightingale.models.t3 import T3
from nightingale.models.voice import Voice

CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'-,.!?;:()\""


def llama_config(**changes: Any) -> LlamaConfig:
    base = LlamaConfig(
        hidden_size=64, num_layers=2, num_heads=4, num_kv_heads=2, head_dim=16, intermediate_size=64,
        rms_norm_eps=1e-5, rope_theta=100.0,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def t3_config(**changes: Any) -> T3Config:
    base = T3Config(
        llama=llama_config(), text_vocab_size=80, start_text_token=1, stop_text_token=2, max_text_tokens=320,
        speech_vocab_size=42, start_speech_token=40, stop_speech_token=41, max_speech_tokens=500,
        speaker_embed_size=16,
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def draft_config(**changes: Any) -> DraftConfig:
    return DraftConfig(llama_config(num_layers=1, **changes))


def model_config() -> ModelConfig:
    """All parts, as small as they go; causal and windowed, as the bundled voice is."""
    return ModelConfig(
        t3=t3_config(),
        draft=draft_config(),
        s3gen=S3GenConfig(
            encoder=EncoderConfig(
                vocab_size=40, hidden_size=32, num_heads=2, ffn_size=32, num_blocks=1, num_up_blocks=1,
                lookahead_tokens=3, window=8,
            ),
            estimator=EstimatorConfig(
                channels=32, num_heads=2, head_dim=8, blocks_per_stage=1, num_mid_blocks=1, meanflow=True, window=16
            ),
            flow=FlowConfig(num_steps=1, cfg_rate=0.0, schedule="linear"),
            speaker_embed_size=12,
        ),
        hift=HiFTConfig(
            base_channels=64, upsample_rates=(8, 5), upsample_kernel_sizes=(16, 10), n_fft=48, hop_length=12,
            resblock_kernel_sizes=(3,), resblock_dilations=(1, 3), source_resblock_kernel_sizes=(3, 3),
            f0_channels=8, num_harmonics=2, sine_amplitude=0.1, noise_std=0.003, voiced_threshold=10.0,
            leaky_slope=0.1, audio_limit=0.99, causal=True,
        ),
    )  # fmt: skip


def randomized(module: nn.Module, seed: int, scale: float = 1.0) -> nn.Module:
    """Weights of a healthy size, the same for the same seed."""
    key = mx.random.key(seed)

    def fill(array: mx.array) -> mx.array:
        nonlocal key
        key, now = mx.random.split(key)
        return mx.random.normal(array.shape, key=now) * (scale * max(array.shape[-1], 1) ** -0.5 if array.ndim else 1)

    module.update(tree_map(fill, module.parameters()))
    return module


def tiny_t3(seed: int = 0, config: T3Config | None = None, down_scale: float = 1.0) -> T3:
    """A fused T3 whose choices are neither certain nor even; down_scale: of its second layer's down projection."""
    t3 = T3(config or t3_config())
    randomized(t3, seed)
    t3.speech_head.weight = t3.speech_head.weight * 3
    for layer in t3.llama.layers[1:2]:
        layer.mlp.down_proj.weight = layer.mlp.down_proj.weight * down_scale
    t3.fuse()
    return t3


def tiny_draft(seed: int = 0) -> DraftModel:
    """A fused draft for `tiny_t3`, which guesses at random."""
    draft = DraftModel(draft_config())
    randomized(draft, seed)
    draft.fuse()
    return draft


def tiny_voice() -> Voice:
    key = mx.random.key(5)
    return Voice("tiny", mx.random.normal((16,), key=key), mx.random.normal((12,), key=key))


def write_tokenizer(path: Path) -> None:
    """A character tokenizer in the file format of `tokenizers`, in which a space is [SPACE]."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers

    special = ["[UNK]", "[START]", "[STOP]", "[SPACE]"]
    vocabulary = {token: i for i, token in enumerate([*special, *CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), behavior="isolated")
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    tokenizer.save(str(path))


def write_model(folder: Path, config: ModelConfig | None = None) -> Path:
    """A native model folder with its voice beside it (voice.safetensors)."""
    from nightingale.models.hift import HiFT
    from nightingale.models.s3gen.generator import S3Gen

    config = config or model_config()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config)))
    write_tokenizer(folder / "tokenizer.json")
    assert config.draft is not None
    parts = {
        "t3": T3(config.t3),
        "draft": DraftModel(config.draft),
        "s3gen": S3Gen(config.s3gen),
        "hift": HiFT(config.hift),
    }
    for seed, (name, module) in enumerate(parts.items()):
        arrays = dict(tree_flatten(randomized(module, seed, 0.5).parameters()))
        mx.save_safetensors(str(folder / f"{name}.safetensors"), arrays)
    save_voice(folder / "voice.safetensors", tiny_voice())
    return folder
