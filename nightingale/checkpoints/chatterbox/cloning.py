"""Names, layouts and sizes of the official cloning networks. names.py has the form of the rules.

The voice encoder has a file of its own (ve.safetensors). The other two networks are in the file of S3Gen.
"""

import mlx.core as mx

from nightingale.checkpoints.chatterbox.names import Rule, remap
from nightingale.checkpoints.safetensors import Arrays
from nightingale.errors import CheckpointMismatch
from nightingale.models.config import (
    CloningConfig,
    SpeakerEncoderConfig,
    SpeechTokenizerConfig,
    VoiceEncoderConfig,
)  # fmt: skip

_WB = r"(weight|bias)"
_NORM = r"(weight|bias|running_mean|running_var)"

VOICE_ENCODER_RULES = (
    Rule(r"lstm\.weight_ih_l(\d+)", r"voice_encoder.layers.\1.Wx"),
    Rule(r"lstm\.weight_hh_l(\d+)", r"voice_encoder.layers.\1.Wh"),
    Rule(r"lstm\.bias_l(\d+)", r"voice_encoder.layers.\1.bias"),
    Rule(rf"proj\.{_WB}", r"voice_encoder.proj.\1"),
)
VOICE_ENCODER_UNUSED = (r"similarity_(weight|bias)",)  # of a training loss


def _tokenizer_block() -> tuple[Rule, ...]:
    old, new = r"tokenizer\.encoder\.blocks\.(\d+)", r"speech_tokenizer.blocks.\1"
    return (
        *(
            Rule(rf"{old}\.attn\.{name}\.{_WB}", rf"{new}.attention.{name[0]}_proj.\2")
            for name in ("query", "key", "value", "out")
        ),
        Rule(rf"{old}\.attn\.fsmn_block\.weight", rf"{new}.attention.memory.weight", "conv"),
        Rule(rf"{old}\.attn_ln\.{_WB}", rf"{new}.norm_attention.\2"),
        Rule(rf"{old}\.mlp\.0\.{_WB}", rf"{new}.ffn.linear_1.\2"),
        Rule(rf"{old}\.mlp\.2\.{_WB}", rf"{new}.ffn.linear_2.\2"),
        Rule(rf"{old}\.mlp_ln\.{_WB}", rf"{new}.norm_ffn.\2"),
    )


def _res_block(official: str, index: int) -> tuple[Rule, ...]:
    old, new = rf"speaker_encoder\.head\.{official}", f"speaker_encoder.head.blocks.{index}"
    return (
        Rule(rf"{old}\.conv([12])\.weight", rf"{new}.conv\1.weight", "conv2d"),
        Rule(rf"{old}\.bn([12])\.{_NORM}", rf"{new}.norm\1.\2"),
        Rule(rf"{old}\.shortcut\.0\.weight", f"{new}.shortcut.weight", "conv2d"),
        Rule(rf"{old}\.shortcut\.1\.{_NORM}", rf"{new}.shortcut_norm.\1"),
    )


def _dense_layer(index: int) -> tuple[Rule, ...]:
    """Rules for one dense layer of any block: the official numbers of both begin at 1."""
    rules = []
    for block in range(3):
        old = rf"speaker_encoder\.xvector\.block{block + 1}\.tdnnd{index + 1}"
        new = f"speaker_encoder.blocks.{block}.layers.{index}"
        rules += [
            Rule(rf"{old}\.nonlinear([12])\.batchnorm\.{_NORM}", rf"{new}.norm\1.\2"),
            Rule(rf"{old}\.linear1\.weight", f"{new}.linear.weight", "pointwise"),
            Rule(rf"{old}\.cam_layer\.linear_local\.weight", f"{new}.masked_conv.conv.weight", "conv"),
            Rule(rf"{old}\.cam_layer\.linear([12])\.{_WB}", rf"{new}.masked_conv.linear_\1.\2", "pointwise"),
        ]
    return tuple(rules)


def _transition(block: int) -> tuple[Rule, ...]:
    old, new = rf"speaker_encoder\.xvector\.transit{block + 1}", f"speaker_encoder.blocks.{block}"
    return (
        Rule(rf"{old}\.nonlinear\.batchnorm\.{_NORM}", rf"{new}.norm.\1"),
        Rule(rf"{old}\.linear\.weight", f"{new}.linear.weight", "pointwise"),
    )


S3GEN_CLONING_RULES = (
    Rule(rf"tokenizer\.encoder\.conv([12])\.{_WB}", r"speech_tokenizer.conv\1.\2", "conv"),
    *_tokenizer_block(),
    Rule(rf"tokenizer\.quantizer\._codebook\.project_down\.{_WB}", r"speech_tokenizer.quantizer_proj.\1"),
    Rule(r"speaker_encoder\.head\.conv([12])\.weight", r"speaker_encoder.head.conv\1.weight", "conv2d"),
    Rule(rf"speaker_encoder\.head\.bn([12])\.{_NORM}", r"speaker_encoder.head.norm\1.\2"),
    *(rule for i in range(4) for rule in _res_block(rf"layer{i // 2 + 1}\.{i % 2}", i)),
    Rule(r"speaker_encoder\.xvector\.tdnn\.linear\.weight", r"speaker_encoder.tdnn.weight", "conv"),
    Rule(rf"speaker_encoder\.xvector\.tdnn\.nonlinear\.batchnorm\.{_NORM}", r"speaker_encoder.tdnn_norm.\1"),
    *(rule for i in range(24) for rule in _dense_layer(i)),
    *(rule for i in range(3) for rule in _transition(i)),
    Rule(rf"speaker_encoder\.xvector\.out_nonlinear\.batchnorm\.{_NORM}", r"speaker_encoder.norm.\1"),
    Rule(r"speaker_encoder\.xvector\.dense\.linear\.weight", r"speaker_encoder.linear.weight", "pointwise"),
    Rule(rf"speaker_encoder\.xvector\.dense\.nonlinear\.batchnorm\.{_NORM}", r"speaker_encoder.embed_norm.\1"),
)
# Synthesis; constants that are computed here; a counter of training.
S3GEN_CLONING_UNUSED = (
    r"flow\..*", r"mel2wav\..*", r"tokenizer\.(_mel_filters|window)", r"speaker_encoder\..*\.num_batches_tracked",
)  # fmt: skip


def remap_cloning(voice_encoder: Arrays, s3gen: Arrays) -> Arrays:
    """Entries of the official ve.safetensors and s3gen.safetensors -> entries of the native CloningNetworks."""
    native = remap(_join_biases(voice_encoder), VOICE_ENCODER_RULES, VOICE_ENCODER_UNUSED)
    return native | remap(s3gen, S3GEN_CLONING_RULES, S3GEN_CLONING_UNUSED)


def _join_biases(arrays: Arrays) -> Arrays:
    """PyTorch's LSTM has two biases, which are only ever added; MLX's has one."""
    joined = {name: array for name, array in arrays.items() if not name.startswith("lstm.bias_")}
    for name, array in arrays.items():
        if name.startswith("lstm.bias_ih_"):
            other = name.replace("_ih_", "_hh_")
            if other not in arrays or arrays[other].shape != array.shape:
                raise CheckpointMismatch(f"{name} has no {other} of its shape beside it")
            joined[name.replace("_ih_", "_")] = array.astype(mx.float32) + arrays[other]
    return joined


def official_cloning(t3_prompt_tokens: int, loudness: float | None = None) -> CloningConfig:
    """Sizes of the cloning networks, which are the same in every official checkpoint.

    t3_prompt_tokens: 150 (6 s) with a perceiver, 375 (15 s) in Turbo. loudness: -27 LUFS in Turbo.
    """
    return CloningConfig(
        voice_encoder=VoiceEncoderConfig(num_mels=40, hidden_size=256, num_layers=3, embed_size=256),
        speech_tokenizer=SpeechTokenizerConfig(
            num_mels=128, hidden_size=1280, num_heads=20, num_blocks=6, num_digits=8
        ),
        speaker_encoder=SpeakerEncoderConfig(
            num_bands=80, head_channels=32, init_channels=128, growth=32, bottleneck_factor=4,
            block_layers=(12, 24, 16), block_dilations=(1, 2, 2), embed_size=192,
        ),
        t3_prompt_tokens=t3_prompt_tokens, s3gen_prompt_tokens=250, loudness=loudness,
    )  # fmt: skip
