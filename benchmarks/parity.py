"""Compares the networks with those of chatterbox-tts: the same random weights, at the official sizes, in float32.

Prints a table in Markdown. A difference is the largest of any element, as a share of the largest element (of 1 if that
is smaller). Ends with exit code 1 if one is above its limit. Needs PyTorch and chatterbox-tts beside this package:

    pip install -r benchmarks/requirements-parity.txt && pip install --no-deps chatterbox-tts s3tokenizer
    python benchmarks/parity.py --recording speech.wav

One large network is in memory at a time; 8 GB are enough.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any, NamedTuple
from unittest import mock

from nightingale.kernels.blas import use_openblas

use_openblas()

import mlx.core as mx  # noqa: E402
import numpy as np  # noqa: E402
import parity_reference as reference  # noqa: E402
import torch  # noqa: E402

from nightingale.checkpoints.chatterbox.cloning import official_cloning, remap_cloning  # noqa: E402
from nightingale.checkpoints.chatterbox.names import remap_s3gen, remap_t3  # noqa: E402
from nightingale.checkpoints.chatterbox.sizes import GPT2_T3, HIFT, LLAMA_T3, MEANFLOW, S3GEN  # noqa: E402
from nightingale.checkpoints.loading import load_arrays  # noqa: E402
from nightingale.cloning.clone import make_voice  # noqa: E402
from nightingale.cloning.recording import read_recording  # noqa: E402
from nightingale.decoding.cache import make_caches  # noqa: E402
from nightingale.decoding.loop import Request, T3Session, generate  # noqa: E402
from nightingale.decoding.sampling import Sampler, apply_cfg  # noqa: E402
from nightingale.kernels.linear import pack_layers  # noqa: E402
from nightingale.models.cloning import CloningNetworks  # noqa: E402
from nightingale.models.config import GPT2Config, T3Config  # noqa: E402
from nightingale.models.hift import HiFT  # noqa: E402
from nightingale.models.s3gen import flow  # noqa: E402
from nightingale.models.s3gen.generator import S3Gen  # noqa: E402
from nightingale.models.streaming import StreamingContext  # noqa: E402
from nightingale.models.t3 import T3  # noqa: E402
from nightingale.models.voice import Voice  # noqa: E402
from nightingale.options import SamplingOptions  # noqa: E402
from nightingale.statistics import Statistics  # noqa: E402

SPEECH_TOKENS = 6561
CFG_WEIGHT = 0.5
T3_LIMIT, LIMIT = 1e-4, 1e-3


class Row(NamedTuple):
    """A line of the table."""

    part: str
    compared: str
    result: str
    limit: str
    passed: bool


def numbers(part: str, compared: str, ours: Any, theirs: Any, limit: float) -> Row:
    """A row for two arrays of the same shape."""
    mine, other = as_numpy(ours).astype(np.float64), as_numpy(theirs).astype(np.float64)
    assert mine.shape == other.shape, (part, compared, mine.shape, other.shape)
    difference = float(np.abs(mine - other).max() / max(1.0, np.abs(other).max()))
    return Row(part, f"{compared}, {shape(mine)}", f"{difference:.1e}", f"{limit:.0e}", difference <= limit)


def tokens(part: str, compared: str, ours: Any, theirs: Any, may_differ: int = 0) -> Row:
    """A row for two lists of ids. may_differ: how many of them may."""
    mine, other = as_numpy(ours).reshape(-1), as_numpy(theirs).reshape(-1)
    assert mine.shape == other.shape, (part, compared, mine.shape, other.shape)
    equal = int(np.sum(mine == other))
    limit = f"{len(mine) - may_differ} equal"
    return Row(part, compared, f"{equal} of {len(mine)} equal", limit, len(mine) - equal <= may_differ)


def as_numpy(array: Any) -> np.ndarray[Any, Any]:
    return array.numpy() if isinstance(array, torch.Tensor) else np.array(array)


def shape(array: np.ndarray[Any, Any]) -> str:
    return " x ".join(map(str, array.shape))


def random(name: str, *size: int) -> Any:
    """Normal noise that depends on the name."""
    return np.random.RandomState(sum(name.encode())).standard_normal(size).astype(np.float32)


def ids(name: str, count: int, below: int = SPEECH_TOKENS) -> Any:
    return np.random.RandomState(sum(name.encode())).randint(0, below, count)


def english_t3() -> Iterator[Row]:
    return compare_t3("T3, English", reference.english_t3(), LLAMA_T3, 150)


def gpt2_t3(name: str, width: int, num_layers: int, num_heads: int) -> Iterator[Row]:
    gpt2 = GPT2Config(width, num_layers, num_heads, 8196, 1e-5)
    module = reference.gpt2_t3(width, num_layers, num_heads)
    return compare_t3(f"T3, {name}", module, replace(GPT2_T3, gpt2=gpt2), 375)


def compare_t3(name: str, theirs: Any, config: T3Config, num_prompt: int) -> Iterator[Row]:
    """T3 with conditioning, and guidance where it has it: 100 teacher-forced tokens, and both greedy loops."""
    t3 = T3(config)
    load_arrays(t3, remap_t3(reference.arrays(theirs)), "the reference")
    t3.fuse()
    mx.eval(t3.parameters())
    cfg_weight, rows = (CFG_WEIGHT, 2) if config.guidance else (0.0, 1)
    speaker, prompt, text = random("speaker", 256), ids("prompt", num_prompt), ids("text", 40, 250).tolist()
    logits, chosen = reference.t3_run(theirs, speaker, prompt, text, 100, CFG_WEIGHT)
    del theirs
    voice = Voice("random", mx.array(speaker), mx.zeros((192,)), mx.array(prompt), mx.array(0.5))
    conditioning = t3.condition(voice)
    start = t3.prompt(conditioning, text, guided=config.guidance)
    spoken = mx.repeat(t3.embed_speech(mx.array(chosen[:-1]), 1), rows, axis=0)
    ours = t3(mx.concatenate([start, spoken], axis=1), make_caches(t3.num_layers), num_last=len(chosen))
    yield numbers(name, "logits of teacher-forced tokens", ours, logits, T3_LIMIT)
    if config.guidance:
        guided = apply_cfg(mx.array(logits), cfg_weight)
        yield numbers(name, "guided logits", apply_cfg(ours, cfg_weight), guided, T3_LIMIT)
    options = SamplingOptions(temperature=0.0, min_p=0.0, repetition_penalty=1.0, cfg_weight=cfg_weight)
    sampler = Sampler(options, mx.zeros((2,), mx.uint32), mx.zeros((config.speech_vocab_size,), mx.bool_))
    session = T3Session(t3, cfg_weight)
    greedy = list(generate(session, conditioning, Request(text, sampler, len(chosen)), Statistics()))
    yield tokens(name, "greedy tokens of both loops", greedy, chosen)


def synthesis(meanflow: bool) -> Iterator[Row]:
    """S3Gen: encoder, velocity network, a whole flow; HiFT."""
    name = "S3Gen, mean flow" if meanflow else "S3Gen"
    theirs = reference.s3gen(meanflow)
    s3gen, hift = S3Gen(MEANFLOW if meanflow else S3GEN), HiFT(HIFT)
    s3gen_arrays, hift_arrays = remap_s3gen(reference.arrays(theirs))
    load_arrays(s3gen, s3gen_arrays, "the reference")
    pack_layers(s3gen)
    with torch.inference_mode():
        if not meanflow:
            embedded = random("embedded", 1, 60, 512)
            hidden, _ = theirs.flow.encoder(torch.from_numpy(embedded), torch.tensor([60]))
            yield numbers(name, "encoder", s3gen.encoder(mx.array(embedded)), hidden, LIMIT)
        yield velocity(name, s3gen, theirs, meanflow)
        yield whole_flow(name, s3gen, theirs, meanflow)
        if not meanflow:
            load_arrays(hift, hift_arrays, "the reference")
            pack_layers(hift)
            mel, source = random("mel", 1, 100, 80), 0.1 * random("source", 1, 48_000)
            channels_first = torch.from_numpy(mel).transpose(1, 2)
            f0 = theirs.mel2wav.f0_predictor(channels_first)
            yield numbers("HiFT", "F0", hift.f0(mx.array(mel)), f0, LIMIT)
            samples = theirs.mel2wav.decode(channels_first, torch.from_numpy(source)[:, None])
            yield numbers("HiFT", "samples", hift.decode(mx.array(mel), mx.array(source)), samples, LIMIT)


def velocity(name: str, s3gen: S3Gen, theirs: Any, meanflow: bool) -> Row:
    x, mu, prompt = (random(n, 2, 120, 80) for n in ("x", "mu", "prompt"))
    speaker, t, r = random("who", 2, 80), np.array([0.2, 0.7], np.float32), np.array([0.5, 1.0], np.float32)
    time = s3gen.estimator.embed_time(mx.array(t), mx.array(r))
    ours = s3gen.estimator(mx.array(x), mx.array(mu), mx.array(speaker), mx.array(prompt), time, StreamingContext())
    first = (torch.from_numpy(array).transpose(1, 2) for array in (x, mu, prompt))
    x_first, mu_first, prompt_first = first
    official = theirs.flow.decoder.estimator(
        x_first, torch.ones(2, 1, 120), mu_first, torch.from_numpy(t), torch.from_numpy(speaker), prompt_first,
        r=torch.from_numpy(r) if meanflow else None,
    )  # fmt: skip
    return numbers(name, "velocity network", ours, official.transpose(1, 2), LIMIT)


def whole_flow(name: str, s3gen: S3Gen, theirs: Any, meanflow: bool) -> Row:
    """51 tokens after a prompt of 125, with the same noise on both sides."""
    speech, prompt = ids("speech", 51), ids("prompt", 125)
    prompt_mel, speaker, noise = random("prompt mel", 250, 80), random("speaker", 192), random("noise", 1, 352, 80)
    steps = s3gen.config.flow.num_steps
    with mock.patch.object(flow, "sample_prior", lambda key, start, stop: mx.array(noise)[:, start:stop]):
        arguments = mx.array(speech)[None], mx.array(speaker), mx.array(prompt), mx.array(prompt_mel)
        ours = s3gen(*arguments, key=mx.zeros((2,), mx.uint32))
        mx.eval(ours)
    with reference.injected_noise(noise.transpose(0, 2, 1)):
        official, _ = theirs.flow.inference(
            torch.from_numpy(speech)[None], torch.tensor([51]), torch.from_numpy(prompt)[None], torch.tensor([125]),
            torch.from_numpy(prompt_mel)[None], None, torch.from_numpy(speaker)[None], finalize=True,
            n_timesteps=steps, meanflow=meanflow,
        )  # fmt: skip
    return numbers(name, f"mel of {steps} steps with the same noise", ours, official.transpose(1, 2), LIMIT)


def cloning(recording: str) -> Iterator[Row]:
    """The three networks, and a voice made of a recording."""
    s3gen, voice_encoder = reference.s3gen(False), reference.voice_encoder()
    networks = CloningNetworks(official_cloning(150))
    load_arrays(networks, remap_cloning(reference.arrays(voice_encoder), reference.arrays(s3gen)), "the reference")
    del s3gen.mel2wav
    with torch.inference_mode():
        mel = np.abs(random("mel", 700, 40))
        theirs = voice_encoder.embeds_from_mels([mel], rate=1.3)
        yield numbers("VoiceEncoder", "embedding", networks.voice_encoder(mx.array(mel)[None]), theirs, LIMIT)
        log_mel = random("log mel", 1, 1000, 128)
        channels_first, length = torch.from_numpy(log_mel).transpose(1, 2), torch.tensor([1000])
        hidden, _ = s3gen.tokenizer.encoder(channels_first, length)
        levels = s3gen.tokenizer.quantizer._codebook.project_down(hidden).tanh() * 0.9990000128746033
        ours = networks.speech_tokenizer.levels(mx.array(log_mel))
        yield numbers("S3TokenizerV2", "levels before rounding", ours, levels, LIMIT)
        ties = int(np.sum(np.abs(np.abs(levels.numpy()) - 0.5) < LIMIT))
        codes, _ = s3gen.tokenizer.quantize(channels_first, length)
        name = f"tokens of 10 s, of which {ties} have a level within {LIMIT:.0e} of a tie"
        yield tokens("S3TokenizerV2", name, networks.speech_tokenizer(mx.array(log_mel)), codes, ties)
        bank = random("bank", 1, 998, 80)
        embed = s3gen.speaker_encoder(torch.from_numpy(bank))
        yield numbers("CAMPPlus", "embedding", networks.speaker_encoder(mx.array(bank)), embed, LIMIT)
        yield from whole_voice(networks, s3gen, voice_encoder, recording)


def whole_voice(networks: CloningNetworks, s3gen: Any, voice_encoder: Any, recording: str) -> Iterator[Row]:
    """Resampling, features and networks together. soxr and our filter differ, so tokens near a tie may differ."""
    theirs = reference.prepare_voice(s3gen, voice_encoder, recording, 150)
    voice = make_voice(read_recording(recording), networks, "random", "random")
    name = "voice of a recording"
    yield numbers(name, "T3's speaker embedding", voice.t3_speaker_embed[None], theirs.t3.speaker_emb, LIMIT)
    yield numbers(name, "S3Gen's speaker embedding", voice.s3gen_speaker_embed[None], theirs.gen["embedding"], LIMIT)
    yield numbers(name, "prompt mel", voice.s3gen_prompt_mel, theirs.gen["prompt_feat"][0], LIMIT)
    yield tokens(name, "T3's prompt", voice.t3_prompt_tokens, theirs.t3.cond_prompt_speech_tokens, 3)
    yield tokens(name, "S3Gen's prompt", voice.s3gen_prompt_tokens, theirs.gen["prompt_token"], 3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", required=True, help="a recording of speech, for the comparison of whole voices")
    parser.add_argument("--only", nargs="+", help="t3, turbo, nano, s3gen, meanflow, cloning; all by default")
    args = parser.parse_args()
    checks: dict[str, Callable[[], Iterator[Row]]] = {
        "t3": english_t3,
        "turbo": lambda: gpt2_t3("Turbo", 1024, 24, 16),
        "nano": lambda: gpt2_t3("Nano", 768, 12, 12),
        "s3gen": lambda: synthesis(False),
        "meanflow": lambda: synthesis(True),
        "cloning": lambda: cloning(args.recording),
    }
    print("| network | compared | difference | limit |\n|---|---|---|---|")
    table, failed = sys.stdout, 0
    for name, check in checks.items():
        if args.only and name not in args.only:
            continue
        with redirect_stdout(sys.stderr):  # the reference prints
            for row in check():
                failed += not row.passed
                mark = "" if row.passed else " **too large**"
                print(f"| {row.part} | {row.compared} | {row.result}{mark} | {row.limit} |", file=table, flush=True)
        gc.collect()
        mx.clear_cache()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
