"""Writes tests/golden/s3gen.npz and hift.npz: what the official PyTorch modules give at tiny sizes.

Needs torch, chatterbox-tts (--no-deps), einops, conformer, diffusers 0.29, omegaconf, scipy, librosa:
    python tests/support/make_golden_s3gen.py
Every parameter is random, made from its native name by golden_weights.py; the modules are resized after construction
where their sizes are written into the code. The forms with windows and the causal HiFT, which the official program
does not have, are the same modules with another mask and other padding.
"""

import importlib
import importlib.util
import re
import sys
import types
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from golden_weights import named_noise, named_weight

GOLDEN = Path(__file__).parents[1] / "golden"
WIDTH, HEADS, FFN = 16, 2, 24

S3GEN_NAMES = [
    (r"^input_embedding\.", "token_embed."),
    (r"^spk_embed_affine_layer\.", "speaker_proj."),
    (r"^decoder\.estimator\.", "estimator."),
    (r"(up_)?embed\.out\.0\.", r"\1embed.linear."),
    (r"(up_)?embed\.out\.1\.", r"\1embed.norm."),
    (r"pre_lookahead_layer\.", "lookahead."),
    (r"up_encoders\.", "up_blocks."),
    (r"encoders\.", "blocks."),
    (r"up_layer\.conv\.", "upsample."),
    (r"after_norm\.", "norm."),
    (r"norm_mha\.", "norm_attention."),
    (r"norm_ff\.", "norm_ffn."),
    (r"self_attn\.linear_(q|k|v)\.", r"attention.\1_proj."),
    (r"self_attn\.linear_out\.", "attention.o_proj."),
    (r"self_attn\.linear_pos\.", "attention.pos_proj."),
    (r"self_attn\.pos_bias", "attention.pos_bias"),
    (r"feed_forward\.w_", "ffn.linear_"),
    (r"time_embed_mixer\.", "time_mixer."),
    (r"(down|up)_blocks\.0\.0\.", r"\1.resnet."),
    (r"(down|up)_blocks\.0\.1\.", r"\1.transformers."),
    (r"(down|up)_blocks\.0\.2\.", r"\1.conv."),
    (r"mid_blocks\.(\d+)\.0\.", r"mid.\1.resnet."),
    (r"mid_blocks\.(\d+)\.1\.", r"mid.\1.transformers."),
    (r"\.mlp\.1\.", ".time_proj."),
    (r"(block1|block2|final_block)\.block\.0\.", r"\1.conv."),
    (r"(block1|block2|final_block)\.block\.2\.", r"\1.norm."),
    (r"attn1\.to_(q|k|v)\.", r"attention.\1_proj."),
    (r"attn1\.to_out\.0\.", "attention.o_proj."),
    (r"\.norm3\.", ".norm2."),
    (r"ff\.net\.0\.proj\.", "ffn.linear_1."),
    (r"ff\.net\.2\.", "ffn.linear_2."),
]
HIFT_NAMES = [
    (r"^m_source\.l_linear\.", "source_linear."),
    (r"f0_predictor\.condnet\.(\d+)\.", lambda m: f"f0_predictor.convs.{int(m[1]) // 2}."),
    (r"parametrizations\.weight\.original1$", "weight"),
]


def official(*names):
    """Modules of chatterbox.models.s3gen, imported without the application around them."""
    root = Path(importlib.util.find_spec("chatterbox").submodule_search_locations[0])
    for package, folder in (
        ("chatterbox", root),
        ("chatterbox.models", root / "models"),
        ("chatterbox.models.s3gen", root / "models/s3gen"),
    ):
        bare = types.ModuleType(package)
        bare.__path__ = [str(folder)]
        sys.modules[package] = bare
    return [importlib.import_module(f"chatterbox.models.s3gen.{name}") for name in names]


def native_name(name, table):
    for pattern, replacement in table:
        name = re.sub(pattern, replacement, name)
    return name


def randomise(module, table, prefix=""):
    """Fill every parameter with the weight of its native name and layout; a folded weight norm keeps the direction."""
    for name, parameter in module.named_parameters():
        if name.endswith("original0"):
            continue  # the norm, set below
        native = prefix + native_name(name, table)
        shape = tuple(parameter.shape)
        is_transposed = native.startswith("ups.")
        if len(shape) == 3 and re.search(r"res_conv|final_proj", native):
            value = named_weight(native, shape[:2])[..., None]
        elif len(shape) == 3 and is_transposed:
            value = named_weight(native, (shape[1], shape[2], shape[0])).transpose(2, 0, 1)
        elif len(shape) == 3:
            value = named_weight(native, (shape[0], shape[2], shape[1])).transpose(0, 2, 1)
        else:
            value = named_weight(native, shape)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    for name, parameter in module.named_parameters():
        if name.endswith("original0"):
            direction = dict(module.named_parameters())[name.replace("original0", "original1")]
            with torch.no_grad():
                parameter.copy_(direction.flatten(1).norm(dim=1).reshape(parameter.shape))
    module.eval()


def tiny_encoder(encoder_module):
    encoder = encoder_module.UpsampleConformerEncoder(
        input_size=WIDTH,
        output_size=WIDTH,
        attention_heads=HEADS,
        linear_units=FFN,
        num_blocks=2,
        dropout_rate=0.0,
        positional_dropout_rate=0.0,
        attention_dropout_rate=0.0,
        macaron_style=False,
        use_cnn_module=False,
    )
    encoder.pre_lookahead_layer = encoder_module.PreLookaheadLayer(WIDTH, 3)
    encoder.up_layer = encoder_module.Upsample1D(WIDTH, WIDTH, 2)
    encoder.up_encoders = encoder.up_encoders[:1]
    return encoder


def tiny_estimator(decoder_module, meanflow):
    return decoder_module.ConditionalDecoder(
        in_channels=320,
        out_channels=80,
        causal=True,
        channels=[WIDTH],
        dropout=0.0,
        attention_head_dim=8,
        n_blocks=2,
        num_mid_blocks=2,
        num_heads=HEADS,
        act_fn="gelu",
        meanflow=meanflow,
    )


def banded(window):
    """In place of the official mask: query i sees keys i - window + 1 .. i; twice the window at twice the rate."""

    def mask(x, *_):
        length = x.shape[1]
        width = window if length == 7 else 2 * window
        lag = torch.arange(length)[:, None] - torch.arange(length)[None]
        return ((lag >= 0) & (lag < width)).expand(x.shape[0], length, length)

    return mask


def make_causal(generator):
    """Move all padding of a HiFT to the left, but for the first convolutions on the mel."""

    def pad_left(conv, amount):
        conv.padding = (0,)
        conv.register_forward_pre_hook(lambda _, inputs: (F.pad(inputs[0], (amount, 0)),))

    blocks = [*generator.resblocks, *generator.source_resblocks]
    convs = [c for block in blocks for c in (*block.convs1, *block.convs2)]
    convs += [generator.conv_post, *generator.f0_predictor.condnet[2::2]]
    for conv in convs:
        pad_left(conv, (conv.kernel_size[0] - 1) * conv.dilation[0])
    for conv in generator.source_downs:
        pad_left(conv, conv.kernel_size[0] - conv.stride[0])
    for up in generator.ups:
        up.padding = (0,)
        up.register_forward_hook(lambda up, inputs, y: y[..., : inputs[0].shape[-1] * up.stride[0]])
    n_fft, hop = generator.istft_params["n_fft"], generator.istft_params["hop_len"]
    window = generator.stft_window

    def stft(x):
        frames = F.pad(x, (n_fft - hop, 0)).unfold(-1, n_fft, hop) * window
        spectrum = torch.fft.rfft(frames).transpose(1, 2)
        return spectrum.real, spectrum.imag

    def istft(magnitude, phase):
        spectrum = torch.polar(magnitude.clip(max=100.0), phase).transpose(1, 2)
        frames = torch.fft.irfft(spectrum, n=n_fft) * window
        samples = torch.zeros(1, frames.shape[1] * hop + n_fft)
        for m in range(frames.shape[1]):
            samples[:, m * hop : m * hop + n_fft] += frames[:, m]
        return samples[:, : frames.shape[1] * hop] / (window**2).reshape(-1, hop).sum(0).repeat(frames.shape[1])

    generator.reflection_pad, generator._stft, generator._istft = torch.nn.Identity(), stft, istft


def golden_s3gen(encoder_module, decoder_module, matching, flow_module):
    saved = {}
    tokens = torch.tensor([[3, 9, 1, 0, 7, 5, 2]])
    prompt_tokens, prompt_mel = torch.tensor([[4, 8, 6]]), torch.from_numpy(named_noise("prompt_mel", (1, 6, 80)))
    speaker = torch.from_numpy(named_noise("speaker", (1, 12)))
    noise = torch.from_numpy(named_noise("noise", (1, 20, 80)))
    embedded = torch.from_numpy(named_noise("embedded", (1, 7, WIDTH)))
    full_mask = encoder_module.add_optional_chunk_mask
    for meanflow in (False, True):
        estimator = tiny_estimator(decoder_module, meanflow)
        solver = matching.CausalConditionalCFM(estimator=estimator)
        flow = flow_module.CausalMaskedDiffWithXvec(
            input_size=WIDTH, spk_embed_dim=12, vocab_size=10, encoder=tiny_encoder(encoder_module), decoder=solver
        )
        randomise(flow, S3GEN_NAMES)
        kind = "meanflow" if meanflow else "plain"
        if not meanflow:
            saved["encoder"] = flow.encoder(embedded, torch.tensor([7]))[0]
        x, mu, cond = (torch.from_numpy(named_noise(n, (2, 80, 9))) for n in ("x", "mu", "cond"))
        who = torch.from_numpy(named_noise("who", (2, 80)))
        t, r = torch.tensor([0.2, 0.7]), torch.tensor([0.5, 1.0])
        if meanflow:
            encoder_module.add_optional_chunk_mask = banded(3)
            saved["encoder_window"] = flow.encoder(embedded, torch.tensor([7]))[0]
            encoder_module.add_optional_chunk_mask = full_mask
            decoder_module.add_optional_chunk_mask = banded(2)  # of frames: 4
            windowed = estimator(x, torch.ones(2, 1, 9), mu, t, who, cond, r=r)
            saved["estimator_window"] = windowed.transpose(1, 2)
            decoder_module.add_optional_chunk_mask = full_mask
        velocity = estimator(x, torch.ones(2, 1, 9), mu, t, who, cond, r=r if meanflow else None)
        saved[f"estimator_{kind}"] = velocity.transpose(1, 2)
        torch.randn_like = lambda mu: noise.transpose(1, 2).clone()
        mel, _ = flow.inference(
            tokens,
            torch.tensor([7]),
            prompt_tokens,
            torch.tensor([3]),
            prompt_mel,
            None,
            speaker,
            finalize=True,
            n_timesteps=2 if meanflow else 4,
            meanflow=meanflow,
        )
        saved[f"mel_{kind}"] = mel.transpose(1, 2)
    np.savez_compressed(GOLDEN / "s3gen.npz", **{k: v.detach().numpy() for k, v in saved.items()})


def golden_hift(hifigan, pitch, mel_module):
    saved = {}
    mel = torch.from_numpy(named_noise("mel", (1, 5, 80))).transpose(1, 2)
    source = torch.from_numpy(0.1 * named_noise("source", (1, 1, 5 * 480)))
    for name, rates, kernels, source_kernels, n_fft, hop in (
        ("official", [8, 5, 3], [16, 11, 7], [7, 7, 11], 16, 4),
        ("two_stages", [8, 5], [16, 11], [7, 5], 48, 12),
    ):
        generator = hifigan.HiFTGenerator(
            base_channels=32,
            sampling_rate=24000,
            upsample_rates=rates,
            upsample_kernel_sizes=kernels,
            istft_params={"n_fft": n_fft, "hop_len": hop},
            source_resblock_kernel_sizes=source_kernels,
            resblock_kernel_sizes=[3, 7],
            resblock_dilation_sizes=[[1, 3, 5]] * 2,
            source_resblock_dilation_sizes=[[1, 3, 5]] * len(rates),
            f0_predictor=pitch.ConvRNNF0Predictor(cond_channels=24),
        )
        randomise(generator, HIFT_NAMES)
        # random weights saturate the output; a smaller last layer keeps samples inside the limit
        with torch.no_grad():
            generator.conv_post.parametrizations.weight.original0.mul_(0.25)
        saved[f"samples_{name}"] = generator.decode(mel, source)
        if name == "official":
            saved["f0"] = generator.f0_predictor(mel)
        make_causal(generator)
        saved[f"samples_{name}_causal"] = generator.decode(mel, source)
        if name == "official":
            saved["f0_causal"] = generator.f0_predictor(mel)
    sound = np.clip(0.2 * named_noise("sound", (6000,)), -1.0, 1.0)
    saved["mel"] = mel_module.mel_spectrogram(sound).transpose(1, 2)
    np.savez_compressed(GOLDEN / "hift.npz", **{k: v.detach().numpy() for k, v in saved.items()})


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    modules = official(
        "transformer.upsample_encoder", "decoder", "flow_matching", "flow", "hifigan", "f0_predictor", "utils.mel"
    )
    golden_s3gen(*modules[:4])
    golden_hift(*modules[4:])
