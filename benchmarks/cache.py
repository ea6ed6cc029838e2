#!/usr/bin/env python3
"""Memory, speed and effect on the tokens of T3's KV caches: plain, quantized, and with a fixed budget.

    cache.py [--layers N] [--budget N ...] [--json]

All caches are fed the same tokens in turn, one at a time, so that other load of the machine affects all of them. The
tokens are those that the bundled T3 generates with a plain cache.

- memory: of the caches of all layers.
- per token: time of a pass over one token. A budget cache evicts once in a block of tokens, so for each place in a
  block the median over the last blocks is taken, and then the mean over the places.
- different tokens: share of positions at which T3 would choose another token than with the plain cache, given the same
  tokens before and the same noise. In free generation, all tokens after the first difference may differ.

The bundled T3 reads a text of 300 characters and may not stop, so from about 500 tokens on it is past the end of its
text. The second model has the official sizes and random weights in 8 bits. Its tokens mean nothing and are not shown.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from inprocess import choose_blas

choose_blas(openblas=True)

import mlx.core as mx  # noqa: E402
import mlx.nn as nn  # noqa: E402
import numpy as np  # noqa: E402

from nightingale.checkpoints.chatterbox.sizes import LLAMA, chatterbox_english  # noqa: E402
from nightingale.checkpoints.loading import load_model  # noqa: E402
from nightingale.checkpoints.voices import load_voice  # noqa: E402
from nightingale.decoding.cache.budget import EVICTION_INTERVAL  # noqa: E402
from nightingale.decoding.loop import Request, T3Session, generate  # noqa: E402
from nightingale.decoding.sampling import Sampler  # noqa: E402
from nightingale.kernels.noise import seed_key  # noqa: E402
from nightingale.models.t3 import T3  # noqa: E402
from nightingale.options import CacheOptions, SamplingOptions  # noqa: E402
from nightingale.statistics import Statistics  # noqa: E402

if TYPE_CHECKING:
    from nightingale.models.voice import Voice

NUM_TIMED = 3  # blocks that are timed before each length
TEXT = (
    "The harbour was quiet that evening, and only two of the boats had put out. We walked along the wall as far as "
    "the lamp, where the old man sat mending his nets and talking to nobody, and then we turned round, because the "
    "wind had gone to the north and it would soon begin to rain on us."
)


Prompt = tuple[mx.array, list[int]]  # conditioning and text ids


@dataclass
class Run:
    """One kind of cache. seconds: of each timed token. choices: the tokens that T3 would choose."""

    name: str
    session: T3Session
    seconds: list[float] = field(default_factory=list)
    choices: list[int] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        return sum(cache.nbytes for cache in self.session.caches)

    @property
    def token_s(self) -> float:
        return float(np.median(np.reshape(self.seconds, (NUM_TIMED, EVICTION_INTERVAL)), axis=0).mean())

    def read(self, sampler: Sampler, tokens: list[int], index: int) -> None:
        """Feed tokens index, index + 1, ... in one pass."""
        began = time.perf_counter()
        logits = self.session.step(mx.array(tokens), index)
        mx.eval(logits)
        self.seconds.append(time.perf_counter() - began)
        self.choices += np.array(sampler.sample(logits, None, index + 1)).tolist()


@dataclass(frozen=True)
class Figures:
    model: str
    tokens: int
    cache: str
    memory_mb: float
    token_ms: float
    speedup: float
    different_tokens: float | None


def kinds(budgets: list[int]) -> dict[str, CacheOptions]:
    few_bits = {f"{bits} bits": CacheOptions(bits=bits) for bits in (8, 4)}
    return {"plain": CacheOptions()} | few_bits | {f"budget {n}": CacheOptions(budget=n) for n in budgets}


def measure(model: str, t3: T3, prompt: Prompt, tokens: list[int], options: argparse.Namespace, lengths: list[int],
            meaningful: bool) -> Iterator[Figures]:  # fmt: skip
    sampler = Sampler(SamplingOptions(), seed_key(0), forbidden(t3))
    runs = [Run(name, T3Session(t3, 0.0, cache)) for name, cache in kinds(options.budget).items()]
    for run in runs:
        mx.eval(run.session.start(*prompt))
    for length, begin in zip(lengths, [0, *lengths], strict=False):
        for run in runs:
            at = begin
            while (left := length - NUM_TIMED * EVICTION_INTERVAL - at) > 0:
                count = min(left, EVICTION_INTERVAL, run.session.max_step)
                run.read(sampler, tokens[at : at + count], at)
                at += count
            run.seconds = []
        for i in range(length - NUM_TIMED * EVICTION_INTERVAL, length):
            for run in runs:
                run.read(sampler, tokens[i : i + 1], i)
        yield from summarise(model, runs, length, meaningful)


def summarise(model: str, runs: list[Run], length: int, meaningful: bool) -> Iterator[Figures]:
    plain = runs[0]
    for run in runs:
        different = sum(a != b for a, b in zip(run.choices, plain.choices, strict=True)) / len(plain.choices)
        memory_mb, token_ms, speedup = run.nbytes / 1e6, 1000 * run.token_s, plain.token_s / run.token_s
        shown = round(different, 4) if meaningful else None
        yield Figures(model, length, run.name, round(memory_mb, 2), round(token_ms, 2), round(speedup, 2), shown)


def forbidden(t3: T3) -> mx.array:
    """Mask of all special tokens, including the stop token."""
    return mx.arange(t3.config.speech_vocab_size) >= t3.config.start_speech_token


def bundled(voice: Voice) -> tuple[T3, Prompt, list[int]]:
    """The bundled T3, its prompt, and the tokens that it generates."""
    model = load_model(with_draft=False)
    conditioning, text_ids = model.t3.condition(voice), model.tokenizer.encode(TEXT)
    request = Request(text_ids, Sampler(SamplingOptions(), seed_key(0), forbidden(model.t3)), max_tokens=10_000)
    tokens = generate(T3Session(model.t3, 0.0), conditioning, request, Statistics())
    return model.t3, (conditioning, text_ids), list(tokens)


def official(num_layers: int) -> tuple[T3, Prompt, list[int]]:
    """The official sizes with random weights, a prompt of the usual length, and random tokens."""
    mx.random.seed(0)
    config = chatterbox_english().t3
    t3 = T3(replace(config, llama=replace(LLAMA, num_layers=num_layers)))
    nn.quantize(t3.llama, group_size=64, bits=8)
    nn.quantize(t3, group_size=64, bits=8, class_predicate=lambda path, _: path == "speech_head")
    t3.fuse()
    conditioning = mx.random.normal((1, 34, LLAMA.hidden_size)) * 0.02
    tokens = np.random.default_rng(0).integers(0, config.start_speech_token, 1000)
    return t3, (conditioning, list(range(10, 90))), [int(token) for token in tokens]


def as_table(figures: list[Figures]) -> str:
    lines = ["| model | tokens | cache | memory | per token | speedup | different tokens |", "|---" * 7 + "|"]
    for f in figures:
        different = "" if f.different_tokens is None else f"{100 * f.different_tokens:.1f} %"
        row = f.model, f.tokens, f.cache, f"{f.memory_mb:.1f} MB", f"{f.token_ms:.1f} ms", f"{f.speedup:.2f}", different
        lines.append("| " + " | ".join(map(str, row)) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=30, help="layers of the official sizes; 0 leaves them out")
    parser.add_argument("--budget", type=int, nargs="+", default=[128, 256], help="speech positions that a head keeps")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    options = parser.parse_args()
    t3, prompt, tokens = bundled(load_voice())
    figures = list(measure("bundled", t3, prompt, tokens, options, [100, 500, len(tokens)], True))
    if options.layers:
        t3, prompt, tokens = official(options.layers)
        name = f"official, {options.layers} layers"
        figures += measure(name, t3, prompt, tokens, options, [100, 500, 1000], False)
    print(json.dumps([asdict(f) for f in figures], indent=1) if options.json else as_table(figures))


if __name__ == "__main__":
    main()
