"""Official Chatterbox checkpoints to native names and layouts: tables, and the three ways a matrix lies in memory.

An entry must be named by exactly one rule or by the list of what is left out; anything else is an error that names it.
Native files need none of this.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import mlx.core as mx

from nightingale.errors import CheckpointMismatch
from nightingale.models.config import (
    EncoderConfig,
    EstimatorConfig,
    FlowConfig,
    HiFTConfig,
    LlamaConfig,
    ModelConfig,
    PerceiverConfig,
    RopeScaling,
    S3GenConfig,
    T3Config,
)  # fmt: skip

Arrays = dict[str, mx.array]
# How the official array lies: as ours, conv (out, in, k), transposed conv (in, out, k), a 1-wide conv that is a Linear
# of ours, or with a leading axis of one.
Layout = Literal["same", "conv", "conv_transpose", "pointwise", "unbatched"]


class Rule(NamedTuple):
    """`official` is a regular expression for the whole name, `native` what re.sub would put there."""

    official: str
    native: str
    layout: Layout = "same"


_WB = r"(weight|bias)"

T3_RULES = (
    Rule(rf"cond_enc\.spkr_enc\.{_WB}", r"speaker_proj.\1"),
    Rule(r"cond_enc\.emotion_adv_fc\.weight", r"emotion_proj.weight"),
    Rule(r"cond_enc\.perceiver\.pre_attention_query", r"perceiver.queries", "unbatched"),
    Rule(rf"cond_enc\.perceiver\.attn\.norm\.{_WB}", r"perceiver.norm.\1"),
    Rule(rf"cond_enc\.perceiver\.attn\.to_([qkv])\.{_WB}", r"perceiver.\1_proj.\2"),
    Rule(rf"cond_enc\.perceiver\.attn\.proj_out\.{_WB}", r"perceiver.o_proj.\1"),
    Rule(r"(text|speech)_emb\.weight", r"\1_embed.weight"),
    Rule(r"(text|speech)_pos_emb\.emb\.weight", r"\1_pos_embed.weight"),
    Rule(r"speech_head\.weight", r"speech_head.weight"),
    Rule(r"tfmr\.layers\.(\d+)\.self_attn\.([qkvo])_proj\.weight", r"llama.layers.\1.attention.\2_proj.weight"),
    Rule(r"tfmr\.layers\.(\d+)\.mlp\.(gate|up|down)_proj\.weight", r"llama.layers.\1.mlp.\2_proj.weight"),
    Rule(r"tfmr\.layers\.(\d+)\.input_layernorm\.weight", r"llama.layers.\1.input_norm.weight"),
    Rule(r"tfmr\.layers\.(\d+)\.post_attention_layernorm\.weight", r"llama.layers.\1.post_attention_norm.weight"),
    Rule(r"tfmr\.norm\.weight", r"llama.norm.weight"),
)
# Llama's own vocabulary is never looked up; the text head only serves a training loss.
T3_DROPPED = (r"tfmr\.embed_tokens\.weight", r"text_head\.weight")


def _conformer(official: str, native: str) -> tuple[Rule, ...]:
    """The rules of a stack of conformer blocks."""
    old, new = rf"flow\.encoder\.{official}\.(\d+)", rf"encoder.{native}.\1"
    return (
        Rule(rf"{old}\.norm_mha\.{_WB}", rf"{new}.norm_attention.\2"),
        Rule(rf"{old}\.norm_ff\.{_WB}", rf"{new}.norm_ffn.\2"),
        Rule(rf"{old}\.self_attn\.linear_([qkv])\.{_WB}", rf"{new}.attention.\2_proj.\3"),
        Rule(rf"{old}\.self_attn\.linear_out\.{_WB}", rf"{new}.attention.o_proj.\2"),
        Rule(rf"{old}\.self_attn\.linear_pos\.weight", rf"{new}.attention.pos_proj.weight"),
        Rule(rf"{old}\.self_attn\.pos_bias_([uv])", rf"{new}.attention.pos_bias_\2"),
        Rule(rf"{old}\.feed_forward\.w_([12])\.{_WB}", rf"{new}.ffn.linear_\2.\3"),
    )


def _stage(official: str, native: str) -> tuple[Rule, ...]:
    """The rules of a stage of the estimator: resnet, transformers and, down and up, a convolution.

    official: an expression with no group, or with one, which `native` then uses as \\1.
    """
    old, n = rf"flow\.decoder\.estimator\.{official}", 1 + official.count("(")
    a, b = rf"\{n}", rf"\{n + 1}"
    new = f"estimator.{native}"
    old_transformer, new_transformer = rf"{old}\.1\.(\d+)", rf"{new}.transformers.{a}"
    return (
        Rule(rf"{old}\.0\.mlp\.1\.{_WB}", rf"{new}.resnet.time_proj.{a}"),
        Rule(rf"{old}\.0\.block([12])\.block\.0\.{_WB}", rf"{new}.resnet.block{a}.conv.{b}", "conv"),
        Rule(rf"{old}\.0\.block([12])\.block\.2\.{_WB}", rf"{new}.resnet.block{a}.norm.{b}"),
        Rule(rf"{old}\.0\.res_conv\.{_WB}", rf"{new}.resnet.res_conv.{a}", "pointwise"),
        Rule(rf"{old_transformer}\.norm1\.{_WB}", rf"{new_transformer}.norm1.{b}"),
        Rule(rf"{old_transformer}\.norm3\.{_WB}", rf"{new_transformer}.norm2.{b}"),
        Rule(rf"{old_transformer}\.attn1\.to_([qkv])\.weight", rf"{new_transformer}.attention.{b}_proj.weight"),
        Rule(rf"{old_transformer}\.attn1\.to_out\.0\.{_WB}", rf"{new_transformer}.attention.o_proj.{b}"),
        Rule(rf"{old_transformer}\.ff\.net\.0\.proj\.{_WB}", rf"{new_transformer}.ffn.linear_1.{b}"),
        Rule(rf"{old_transformer}\.ff\.net\.2\.{_WB}", rf"{new_transformer}.ffn.linear_2.{b}"),
        Rule(rf"{old}\.2\.{_WB}", rf"{new}.conv.{a}", "conv"),
    )


S3GEN_RULES = (
    Rule(r"flow\.input_embedding\.weight", r"token_embed.weight"),
    Rule(rf"flow\.spk_embed_affine_layer\.{_WB}", r"speaker_proj.\1"),
    Rule(rf"flow\.encoder_proj\.{_WB}", r"encoder_proj.\1"),
    Rule(rf"flow\.encoder\.(up_)?embed\.out\.0\.{_WB}", r"encoder.\1embed.linear.\2"),
    Rule(rf"flow\.encoder\.(up_)?embed\.out\.1\.{_WB}", r"encoder.\1embed.norm.\2"),
    Rule(rf"flow\.encoder\.pre_lookahead_layer\.conv([12])\.{_WB}", r"encoder.lookahead.conv\1.\2", "conv"),
    Rule(rf"flow\.encoder\.up_layer\.conv\.{_WB}", r"encoder.upsample.\1", "conv"),
    Rule(rf"flow\.encoder\.after_norm\.{_WB}", r"encoder.norm.\1"),
    *_conformer("encoders", "blocks"),
    *_conformer("up_encoders", "up_blocks"),
    Rule(rf"flow\.decoder\.estimator\.time_mlp\.linear_([12])\.{_WB}", r"estimator.time_mlp.linear_\1.\2"),
    Rule(r"flow\.decoder\.estimator\.time_embed_mixer\.weight", r"estimator.time_mixer.weight"),
    *_stage(r"down_blocks\.0", "down"),
    *_stage(r"mid_blocks\.(\d+)", r"mid.\1"),
    *_stage(r"up_blocks\.0", "up"),
    Rule(rf"flow\.decoder\.estimator\.final_block\.block\.0\.{_WB}", r"estimator.final_block.conv.\1", "conv"),
    Rule(rf"flow\.decoder\.estimator\.final_block\.block\.2\.{_WB}", r"estimator.final_block.norm.\1"),
    Rule(rf"flow\.decoder\.estimator\.final_proj\.{_WB}", r"estimator.final_proj.\1", "pointwise"),
)

HIFT_RULES = (
    Rule(rf"mel2wav\.conv_(pre|post)\.{_WB}", r"conv_\1.\2", "conv"),
    Rule(rf"mel2wav\.ups\.(\d+)\.{_WB}", r"ups.\1.\2", "conv_transpose"),
    Rule(rf"mel2wav\.source_downs\.(\d+)\.{_WB}", r"source_downs.\1.\2", "conv"),
    Rule(
        rf"mel2wav\.(source_)?resblocks\.(\d+)\.convs([12])\.(\d+)\.{_WB}", r"\1resblocks.\2.convs\3.\4.\5", "conv"
    ),
    Rule(
        r"mel2wav\.(source_)?resblocks\.(\d+)\.activations([12])\.(\d+)\.alpha",
        r"\1resblocks.\2.activations\3.\4.alpha",
    ),
    Rule(rf"mel2wav\.m_source\.l_linear\.{_WB}", r"source_linear.\1"),
    Rule(rf"mel2wav\.f0_predictor\.classifier\.{_WB}", r"f0_predictor.classifier.\1"),
    # Convolution and ELU take turns in the official list.
    *(
        Rule(rf"mel2wav\.f0_predictor\.condnet\.{2 * i}\.{_WB}", rf"f0_predictor.convs.{i}.\1", "conv")
        for i in range(5)
    ),
)
# What makes a voice from a recording is not S3Gen's business.
S3GEN_DROPPED = (r"tokenizer\..*", r"speaker_encoder\..*")


def remap_t3(arrays: Arrays) -> Arrays:
    """The official t3_cfg.safetensors in native names."""
    return _remap(arrays, T3_RULES, T3_DROPPED)


def remap_s3gen(arrays: Arrays) -> tuple[Arrays, Arrays]:
    """The official s3gen.safetensors as native S3Gen and native HiFT."""
    arrays = fold_weight_norm(arrays)
    s3gen = _remap(arrays, S3GEN_RULES, (*S3GEN_DROPPED, r"mel2wav\..*"))
    hift = _remap(arrays, HIFT_RULES, (*S3GEN_DROPPED, r"flow\..*"))
    return s3gen, hift


def fold_weight_norm(arrays: Arrays) -> Arrays:
    """Weights that are stored as magnitude and direction (over their first axis), multiplied out."""
    magnitude, direction = ".parametrizations.weight.original0", ".parametrizations.weight.original1"
    folded = {}
    for name, array in arrays.items():
        if name.endswith(direction):
            stem = name[: -len(direction)]
            if stem + magnitude not in arrays:
                raise CheckpointMismatch(f"{name} has no magnitude beside it")
            v, scale = array.astype(mx.float32), arrays[stem + magnitude]
            length = mx.sqrt(mx.sum(v * v, axis=tuple(range(1, v.ndim)), keepdims=True))
            if scale.shape != length.shape:
                raise CheckpointMismatch(f"{stem + magnitude} has shape {scale.shape}, not {length.shape}")
            folded[stem + ".weight"] = scale * v / length
        elif not name.endswith(magnitude):
            folded[name] = array
    return folded


def _remap(arrays: Arrays, rules: Sequence[Rule], dropped: Sequence[str]) -> Arrays:
    native: Arrays = {}
    for name, array in arrays.items():
        if any(re.fullmatch(pattern, name) for pattern in dropped):
            continue
        hits = [(rule, match) for rule in rules if (match := re.fullmatch(rule.official, name))]
        if len(hits) != 1:
            raise CheckpointMismatch(f"{name} is not an entry of this kind of checkpoint")
        rule, match = hits[0]
        target = match.expand(rule.native)
        if target in native:
            raise CheckpointMismatch(f"{name} and another entry are both {target}")
        try:
            native[target] = _relaid(array, rule.layout)
        except ValueError as error:
            raise CheckpointMismatch(f"{name} has shape {array.shape}, which is not that of such an entry") from error
    return native


def _relaid(array: mx.array, layout: Layout) -> mx.array:
    """The array as ours lies; biases and norms are vectors and lie as they are."""
    if layout == "unbatched":
        return array.squeeze(0)
    if array.ndim != 3:
        return array
    if layout == "conv":
        return array.swapaxes(1, 2)
    if layout == "conv_transpose":
        return array.transpose(1, 2, 0)
    if layout == "pointwise":
        return array.squeeze(-1)
    return array


def chatterbox_english() -> ModelConfig:
    """Sizes of ResembleAI/chatterbox (English, 500M), from its published configuration."""
    return ModelConfig(
        t3=T3Config(
            llama=LlamaConfig(
                hidden_size=1024, num_layers=30, num_heads=16, num_kv_heads=16, head_dim=64, intermediate_size=4096,
                rms_norm_eps=1e-5, rope_theta=500_000.0, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 8192),
            ),
            text_vocab_size=704, start_text_token=255, stop_text_token=0, max_text_tokens=2048,
            speech_vocab_size=8194, start_speech_token=6561, stop_speech_token=6562, max_speech_tokens=4096,
            speaker_embed_size=256, perceiver=PerceiverConfig(num_queries=32, num_heads=4), emotion=True,
        ),
        draft=None,
        s3gen=S3GenConfig(
            encoder=EncoderConfig(
                vocab_size=6561, hidden_size=512, num_heads=8, ffn_size=2048, num_blocks=6, num_up_blocks=4,
                lookahead_tokens=3,
            ),
            estimator=EstimatorConfig(channels=256, num_heads=8, head_dim=64, blocks_per_stage=4, num_mid_blocks=12),
            flow=FlowConfig(num_steps=10, cfg_rate=0.7, schedule="cosine"),
            speaker_embed_size=192,
        ),
        hift=HiFTConfig(
            base_channels=512, upsample_rates=(8, 5, 3), upsample_kernel_sizes=(16, 11, 7), n_fft=16, hop_length=4,
            resblock_kernel_sizes=(3, 7, 11), resblock_dilations=(1, 3, 5), source_resblock_kernel_sizes=(7, 7, 11),
            f0_channels=512, num_harmonics=8, sine_amplitude=0.1, noise_std=0.003, voiced_threshold=10.0,
            leaky_slope=0.1, audio_limit=0.99,
        ),
    )
