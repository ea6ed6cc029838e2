"""Sizes of the official checkpoints, which have no config.json.

Widths, numbers of layers and vocabularies are read from the shapes of the arrays, under their native names. What shapes
cannot tell is as in the code of chatterbox-tts.
"""

import re
from dataclasses import replace

from nightingale.checkpoints.chatterbox.cloning import official_cloning
from nightingale.checkpoints.safetensors import Arrays
from nightingale.errors import CheckpointMismatch
from nightingale.models.config import (
    EncoderConfig,
    EstimatorConfig,
    FlowConfig,
    GPT2Config,
    HiFTConfig,
    LlamaConfig,
    ModelConfig,
    PerceiverConfig,
    RopeScaling,
    S3GenConfig,
    T3Config,
)  # fmt: skip

_HEAD_DIM = 64  # everywhere but in the encoder
LLAMA = LlamaConfig(
    hidden_size=1024, num_layers=30, num_heads=16, num_kv_heads=16, head_dim=_HEAD_DIM, intermediate_size=4096,
    rms_norm_eps=1e-5, rope_theta=500_000.0, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 8192),
)  # fmt: skip
LLAMA_T3 = T3Config(
    llama=LLAMA, text_vocab_size=704, start_text_token=255, stop_text_token=0, max_text_tokens=2048,
    speech_vocab_size=8194, start_speech_token=6561, stop_speech_token=6562, max_speech_tokens=4096,
    speaker_embed_size=256, perceiver=PerceiverConfig(num_queries=32, num_heads=4), emotion=True,
)  # fmt: skip
GPT2_T3 = T3Config(
    llama=None, text_vocab_size=50_276, start_text_token=255, stop_text_token=0, max_text_tokens=2048,
    speech_vocab_size=6563, start_speech_token=6561, stop_speech_token=6562, max_speech_tokens=4096,
    speaker_embed_size=256, gpt2=GPT2Config(1024, 24, 16, 8196, 1e-5),
)  # fmt: skip
_ENCODER = EncoderConfig(
    vocab_size=6561, hidden_size=512, num_heads=8, ffn_size=2048, num_blocks=6, num_up_blocks=4, lookahead_tokens=3
)
_ESTIMATOR = EstimatorConfig(channels=256, num_heads=8, head_dim=_HEAD_DIM, blocks_per_stage=4, num_mid_blocks=12)
S3GEN = S3GenConfig(_ENCODER, _ESTIMATOR, FlowConfig(10, 0.7, "cosine"), speaker_embed_size=192)
MEANFLOW = S3GenConfig(_ENCODER, replace(_ESTIMATOR, meanflow=True), FlowConfig(2, 0.0, "linear"), 192)
HIFT = HiFTConfig(
    base_channels=512, upsample_rates=(8, 5, 3), upsample_kernel_sizes=(16, 11, 7), n_fft=16, hop_length=4,
    resblock_kernel_sizes=(3, 7, 11), resblock_dilations=(1, 3, 5), source_resblock_kernel_sizes=(7, 7, 11),
    f0_channels=512, num_harmonics=8, sine_amplitude=0.1, noise_std=0.003, voiced_threshold=10.0,
    leaky_slope=0.1, audio_limit=0.99,
)  # fmt: skip


def chatterbox_english() -> ModelConfig:
    """Config of ResembleAI/chatterbox (English, 500M), as in https://github.com/resemble-ai/chatterbox."""
    return ModelConfig(t3=LLAMA_T3, draft=None, s3gen=S3GEN, hift=HIFT, cloning=official_cloning(150))


def t3_sizes(config: T3Config, arrays: Arrays) -> T3Config:
    """The config with the sizes of these arrays. Raises CheckpointMismatch for a missing entry."""
    width = _size(arrays, "text_embed.weight", 1)
    config = replace(
        config,
        text_vocab_size=_size(arrays, "text_embed.weight", 0),
        speech_vocab_size=_size(arrays, "speech_embed.weight", 0),
        speaker_embed_size=_size(arrays, "speaker_proj.weight", 1),
    )
    if config.gpt2 is not None:
        layers, positions = _count(arrays, r"gpt2\.layers\.(\d+)\..*"), _size(arrays, "gpt2.pos_embed.weight", 0)
        heads = width // _HEAD_DIM
        gpt2 = replace(config.gpt2, hidden_size=width, num_layers=layers, num_heads=heads, max_positions=positions)
        return replace(config, gpt2=gpt2)
    assert config.llama is not None and config.perceiver is not None
    attention, mlp = "llama.layers.0.attention", "llama.layers.0.mlp"
    llama = replace(
        config.llama,
        hidden_size=width,
        num_layers=_count(arrays, r"llama\.layers\.(\d+)\..*"),
        num_heads=_size(arrays, f"{attention}.q_proj.weight", 0) // _HEAD_DIM,
        num_kv_heads=_size(arrays, f"{attention}.k_proj.weight", 0) // _HEAD_DIM,
        intermediate_size=_size(arrays, f"{mlp}.gate_proj.weight", 0),
    )
    return replace(
        config,
        llama=llama,
        max_text_tokens=_size(arrays, "text_pos_embed.weight", 0) - 2,
        max_speech_tokens=_size(arrays, "speech_pos_embed.weight", 0) - 4,
        perceiver=replace(config.perceiver, num_queries=_size(arrays, "perceiver.queries", 0)),
    )


def s3gen_sizes(config: S3GenConfig, arrays: Arrays) -> S3GenConfig:
    """As t3_sizes."""
    encoder = replace(
        config.encoder,
        vocab_size=_size(arrays, "token_embed.weight", 0),
        hidden_size=_size(arrays, "token_embed.weight", 1),
        num_heads=_size(arrays, "encoder.blocks.0.attention.pos_bias_u", 0),
        ffn_size=_size(arrays, "encoder.blocks.0.ffn.linear_1.weight", 0),
        num_blocks=_count(arrays, r"encoder\.blocks\.(\d+)\..*"),
        num_up_blocks=_count(arrays, r"encoder\.up_blocks\.(\d+)\..*"),
    )
    down = "estimator.down.transformers"
    estimator = replace(
        config.estimator,
        channels=_size(arrays, "estimator.final_proj.weight", 1),
        num_heads=_size(arrays, f"{down}.0.attention.q_proj.weight", 0) // _HEAD_DIM,
        blocks_per_stage=_count(arrays, rf"{re.escape(down)}\.(\d+)\..*"),
        num_mid_blocks=_count(arrays, r"estimator\.mid\.(\d+)\..*"),
    )
    speaker_size = _size(arrays, "speaker_proj.weight", 1)
    return replace(config, encoder=encoder, estimator=estimator, speaker_embed_size=speaker_size)


def hift_sizes(config: HiFTConfig, arrays: Arrays) -> HiFTConfig:
    """As t3_sizes."""
    channels = _size(arrays, "f0_predictor.convs.0.weight", 0)
    return replace(config, base_channels=_size(arrays, "conv_pre.weight", 0), f0_channels=channels)


def _size(arrays: Arrays, name: str, axis: int) -> int:
    array = arrays.get(name)
    if array is None:
        raise CheckpointMismatch(f"{name} is missing")
    if axis >= array.ndim:
        raise CheckpointMismatch(f"{name} has shape {array.shape}, too few dimensions")
    return array.shape[axis]


def _count(arrays: Arrays, pattern: str) -> int:
    """One more than the largest number that the pattern's group matches: the length of a list of layers."""
    numbers = [int(match[1]) for name in arrays if (match := re.fullmatch(pattern, name))]
    if len(set(numbers)) != max(numbers, default=-1) + 1:
        raise CheckpointMismatch(f"layers are missing: no entry for each number of {pattern}")
    return len(set(numbers))
