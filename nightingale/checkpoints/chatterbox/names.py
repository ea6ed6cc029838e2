"""Names and layouts of the official Chatterbox checkpoint to native ones: tables of rules, and their application.

Every official entry must match exactly one rule or a pattern of unused entries. Any other entry is an error.
Official names are those of the PyTorch modules in src/chatterbox/models of https://github.com/resemble-ai/chatterbox.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import mlx.core as mx

from nightingale.checkpoints.safetensors import Arrays
from nightingale.errors import CheckpointMismatch

# Axes of the official weight. PyTorch has Conv1d as (out, in, kernel) and ConvTranspose1d as (in, out, kernel), MLX has
# (out, kernel, in) for both. "conv2d": (out, in, bands, time), here (out, time, bands, in). "pointwise": a Conv1d of
# kernel 1 that is a Linear here. "unbatched": a leading axis of 1. "transposed": a matrix (in, out).
Layout = Literal["same", "conv", "conv_transpose", "conv2d", "pointwise", "transposed", "unbatched"]


class Rule(NamedTuple):
    """One renaming: `official` is a regular expression for the whole name, `native` its replacement as in re.sub."""

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
# The embeddings of Llama's own vocabulary are not used; the text head serves a training loss only.
T3_UNUSED = (r"tfmr\.embed_tokens\.weight", r"text_head\.weight")

GPT2_RULES = (
    Rule(rf"cond_enc\.spkr_enc\.{_WB}", r"speaker_proj.\1"),
    Rule(r"(text|speech)_emb\.weight", r"\1_embed.weight"),
    Rule(rf"speech_head\.{_WB}", r"speech_head.\1"),
    Rule(r"tfmr\.wpe\.weight", r"gpt2.pos_embed.weight"),
    Rule(rf"tfmr\.h\.(\d+)\.ln_1\.{_WB}", r"gpt2.layers.\1.input_norm.\2"),
    Rule(rf"tfmr\.h\.(\d+)\.ln_2\.{_WB}", r"gpt2.layers.\1.post_attention_norm.\2"),
    Rule(rf"tfmr\.h\.(\d+)\.attn\.c_attn\.{_WB}", r"gpt2.layers.\1.attention.qkv_proj.\2", "transposed"),
    Rule(rf"tfmr\.h\.(\d+)\.attn\.c_proj\.{_WB}", r"gpt2.layers.\1.attention.o_proj.\2", "transposed"),
    Rule(rf"tfmr\.h\.(\d+)\.mlp\.c_fc\.{_WB}", r"gpt2.layers.\1.mlp.up_proj.\2", "transposed"),
    Rule(rf"tfmr\.h\.(\d+)\.mlp\.c_proj\.{_WB}", r"gpt2.layers.\1.mlp.down_proj.\2", "transposed"),
    Rule(rf"tfmr\.ln_f\.{_WB}", r"gpt2.norm.\1"),
)
# GPT-2's own embeddings and its causal masks.
GPT2_UNUSED = (r"tfmr\.wte\.weight", r"text_head\.(weight|bias)", r"tfmr\.h\.\d+\.attn\.(masked_)?bias")


def _conformer(official: str, native: str) -> tuple[Rule, ...]:
    """Rules for a stack of conformer blocks of S3Gen's encoder."""
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
    """Rules for one stage of the flow's estimator: a resnet, transformers and, except in the middle, a convolution.

    official: a pattern without a group, or with one group, to which `native` refers as \\1.
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
    # The official list alternates convolution and ELU.
    *(
        Rule(rf"mel2wav\.f0_predictor\.condnet\.{2 * i}\.{_WB}", rf"f0_predictor.convs.{i}.\1", "conv")
        for i in range(5)
    ),
)
# These two networks make a voice from a recording.
S3GEN_UNUSED = (r"tokenizer\..*", r"speaker_encoder\..*")


def remap_t3(arrays: Arrays) -> Arrays:
    """Entries of an official T3 -> entries of the native T3. Its backbone is a Llama, or GPT-2 (Turbo, Nano)."""
    if any(name.startswith("tfmr.h.") for name in arrays):
        return remap(arrays, GPT2_RULES, GPT2_UNUSED)
    return remap(arrays, T3_RULES, T3_UNUSED)


def remap_s3gen(arrays: Arrays) -> tuple[Arrays, Arrays]:
    """Entries of the official s3gen.safetensors -> entries of the native S3Gen and of the native HiFT."""
    arrays = fold_weight_norm(arrays)
    s3gen = remap(arrays, S3GEN_RULES, (*S3GEN_UNUSED, r"mel2wav\..*"))
    hift = remap(arrays, HIFT_RULES, (*S3GEN_UNUSED, r"flow\..*"))
    return s3gen, hift


def fold_weight_norm(arrays: Arrays) -> Arrays:
    """Multiply out weight norm over the first axis: w = g * v / |v|, as torch.nn.utils.parametrizations.weight_norm.

    original0 is g, original1 is v.
    """
    magnitude, direction = ".parametrizations.weight.original0", ".parametrizations.weight.original1"
    folded = {}
    for name, array in arrays.items():
        if name.endswith(direction):
            stem = name[: -len(direction)]
            if stem + magnitude not in arrays:
                raise CheckpointMismatch(f"{name} has no magnitude: {stem + magnitude} is missing")
            v, g = array.astype(mx.float32), arrays[stem + magnitude]
            length = mx.sqrt(mx.sum(v * v, axis=tuple(range(1, v.ndim)), keepdims=True))
            if g.shape != length.shape:
                raise CheckpointMismatch(f"{stem + magnitude} has shape {g.shape}, not {length.shape}")
            folded[stem + ".weight"] = g * v / length
        elif not name.endswith(magnitude):
            folded[name] = array
    return folded


def remap(arrays: Arrays, rules: Sequence[Rule], unused: Sequence[str]) -> Arrays:
    """Rename and lay out entries by the one rule that each matches; drop those that match a pattern of unused ones.

    Raises CheckpointMismatch for an entry that matches none, and for one whose shape does not fit.
    """
    native: Arrays = {}
    for name, array in arrays.items():
        if any(re.fullmatch(pattern, name) for pattern in unused):
            continue
        matches = [(rule, match) for rule in rules if (match := re.fullmatch(rule.official, name))]
        if len(matches) != 1:
            raise CheckpointMismatch(f"{name} is not an entry of an official checkpoint")
        rule, match = matches[0]
        target = match.expand(rule.native)
        if target in native:
            raise CheckpointMismatch(f"{name} and another entry are both {target}")
        try:
            native[target] = _to_native_layout(array, rule.layout)
        except ValueError as error:
            raise CheckpointMismatch(f"{name} has shape {array.shape}, not one of layout {rule.layout}") from error
    return native


def _to_native_layout(array: mx.array, layout: Layout) -> mx.array:
    """Biases and norms are vectors and stay as they are. Raises ValueError for a shape that does not fit."""
    if layout == "unbatched":
        return array.squeeze(0)
    if layout == "transposed":
        return array.T
    if layout == "conv2d":
        return array.transpose(0, 3, 2, 1)
    if array.ndim != 3:
        return array
    if layout == "conv":
        return array.swapaxes(1, 2)
    if layout == "conv_transpose":
        return array.transpose(1, 2, 0)
    if layout == "pointwise":
        return array.squeeze(-1)
    return array
