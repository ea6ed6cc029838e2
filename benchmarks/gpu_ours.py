"""nightingale-tts worker of gpu.py: models with the official sizes and random weights, the bundled voice, and agreement
of the GPU with the CPU."""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from gpu_part import CFG, CONDITIONING, POSITIONS, SPEECH_TOKENS, TEXT, WIDTH, Part, milliseconds, run
from mlx.utils import tree_map

from nightingale.checkpoints.chatterbox.sizes import LLAMA, chatterbox_english
from nightingale.checkpoints.quantize import T3_LAYERS
from nightingale.decoding.cache import make_caches
from nightingale.decoding.draft_length import DraftLength
from nightingale.decoding.loop import Draft, Request, T3Session, generate
from nightingale.decoding.sampling import Sampler
from nightingale.engine import Engine
from nightingale.kernels import cuda
from nightingale.kernels.linear import pack_layers
from nightingale.kernels.noise import seed_key
from nightingale.models.config import DraftConfig
from nightingale.models.draft import DraftModel
from nightingale.models.hift import HiFT
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.t3 import T3
from nightingale.options import SamplingOptions
from nightingale.statistics import Statistics

LOGITS_BOUNDS = {"bfloat16": 0.05, "float32": 5e-3}  # relative; a GPU's float32 products are TF32
PASSES = [("float32", 2, 5e-3), ("bfloat16", 30, 0.1), ("8 bits", 2, 0.05), ("4 bits", 2, 0.05)]  # kind, layers, bound
SOUND_BOUND = 2e-2
SENTENCE = "The birch canoe slid on the smooth planks of the old pier."


class OneToken(DraftLength):
    """Always one draft token."""

    def should_speculate(self) -> bool:
        return True

    def num_draft(self) -> int:
        return 1


class Ours(Part):
    """nightingale-tts."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.config = chatterbox_english()
        device = mx.device_info().get("device_name", "")
        self.report("device", text=f"mlx {vars(mx)['__version__']}, {mx.default_device()} {device}")
        self.report("CUDA kernels", text=f"on {cuda.multiprocessors()} multiprocessors" if cuda.available() else "none")

    def model(self, kind: str, layers: int) -> Any:
        """T3. kind: bfloat16, float32, "8 bits" or "4 bits"."""
        mx.random.seed(0)
        model = T3(replace(self.config.t3, llama=replace(LLAMA, num_layers=layers)))
        model.set_dtype(mx.float32 if kind == "float32" else mx.bfloat16)
        if kind.endswith("bits"):
            chosen, bits = re.compile(T3_LAYERS), int(kind.split(maxsplit=1)[0])
            nn.quantize(model, 64, bits, class_predicate=lambda name, _: bool(chosen.fullmatch(f"{name}.weight")))
        model.fuse()
        mx.eval(model.parameters())
        return model

    def speak(
        self, model: Any, more: int = 0, allowed: int = SPEECH_TOKENS, draft: Any = None, report: Any = None
    ) -> tuple[list[int], list[float]]:
        """Tokens of a guided sentence, all below `allowed`, and the time of each."""
        options = SamplingOptions(cfg_weight=CFG, repetition_penalty=1.2, temperature=0.8)
        sampler = Sampler(options, seed_key(1), mx.arange(model.config.speech_vocab_size) >= allowed)
        sentence = Request([5] * (TEXT + more), sampler, self.tokens + more)
        conditioning = mx.random.normal((1, CONDITIONING, WIDTH), key=mx.random.key(5)) * 0.1
        conditioning = conditioning.astype(model.speech_embed.weight.dtype)
        ids, stamps = [], []
        for token in generate(T3Session(model, CFG), conditioning, sentence, report or Statistics(), draft):
            ids.append(token)
            stamps.append(time.perf_counter())
        return ids, stamps

    def t3(self) -> None:
        """T3 alone; the name of the side has its kind."""
        model = self.model(kind := self.side.removeprefix("ours, "), self.layers)

        def rows(count: int) -> mx.array:
            return mx.full((2, count, WIDTH), 0.1, model.speech_embed.weight.dtype)

        def read(count: int) -> Callable[[], None]:
            caches, embeds = make_caches(model.num_layers), rows(count)
            mx.eval(model(rows(POSITIONS), caches, num_last=1))

            def run() -> None:
                mx.eval(model(embeds, caches))
                for cache in caches:
                    cache.trim(count)

            return run

        def prompt(more: int) -> None:
            mx.eval(model(rows(CONDITIONING + TEXT + more), make_caches(model.num_layers), num_last=1))

        self.rate(lambda: self.speak(model)[1])
        if kind == "bfloat16":  # the other kinds have the same products for the prompt
            self.times("CFG, prompt", prompt)
            self.passes(read)
            with self.guarded(name := "CFG, pass of 1 among many, ms"):
                self.report(name, value=self.many(model, make_caches(model.num_layers), rows) / 100)

    def many(self, model: Any, caches: Any, rows: Callable[[int], mx.array]) -> float:
        """Milliseconds of a hundred passes over one position, with a wait after the last only."""
        mx.eval(model.llama(rows(POSITIONS), caches, num_last=1), model.llama(rows(1), caches))

        def run() -> None:
            for _ in range(100):
                states = model.llama(rows(1), caches)
                mx.async_eval(states)
            mx.eval(states)

        return milliseconds(run)

    def sound_models(self, small: bool = False) -> tuple[Any, Any]:
        """S3Gen and HiFT; small: narrow, with few layers of each kind."""
        s3gen, hift = self.config.s3gen, self.config.hift
        if small:
            encoder = replace(s3gen.encoder, hidden_size=128, num_heads=2, ffn_size=256, num_blocks=1, num_up_blocks=1)
            estimator = replace(s3gen.estimator, channels=64, num_heads=2, blocks_per_stage=1, num_mid_blocks=1)
            s3gen = replace(s3gen, encoder=encoder, estimator=estimator)
            hift = replace(hift, base_channels=64, f0_channels=64)

        def filled(like: mx.array) -> mx.array:
            scale = float(np.prod(like.shape[1:])) ** -0.5
            return mx.random.normal(like.shape) * scale if like.ndim > 1 else like

        mx.random.seed(0)
        models = S3Gen(s3gen), HiFT(hift)
        for model in models:
            model.update(tree_map(filled, model.parameters()))
            mx.eval(model.parameters())
            pack_layers(model)
        return models

    def sound(self) -> None:
        """A whole sentence, from text ids to samples on the host; then S3Gen and HiFT alone."""
        model, (s3gen, hift), key = self.model("bfloat16", self.layers), self.sound_models(), mx.random.key(0)
        speaker = mx.random.normal((192,))

        def sentence(more: int) -> None:
            ids = self.speak(model, more)[0]
            samples = np.array(hift(s3gen(mx.array([ids]), speaker, key=key), key=key))
            assert samples.size == 960 * (self.tokens + more) and np.isfinite(samples).all()

        self.first("sentence", sentence)
        self.times("sentence", sentence)
        ids = mx.random.randint(0, SPEECH_TOKENS, (1, longest := self.tokens + 2 * self.repeat))
        mel = mx.random.normal((1, 2 * longest, 80))
        mx.eval(ids, mel)
        size = self.tokens + self.repeat  # longer than all sentences above
        self.times("S3Gen", lambda more: mx.eval(s3gen(ids[:, : size + more], speaker, key=key)))
        self.times("HiFT", lambda more: mx.eval(hift(mel[:, : 2 * (size + more)], key=key)))

    def florence(self) -> None:
        """The bundled voice: time to the first chunk, and to the end of a sentence."""
        began = time.perf_counter()
        engine = Engine()
        list(engine.speak(SENTENCE))
        self.report("florence, load and speak a sentence, ms", value=1e3 * (time.perf_counter() - began))

        def ready(chunks: int | None) -> list[float]:
            """Milliseconds until so many chunks are ready (None: all), for each repeat."""
            return [
                milliseconds(lambda: list(islice(engine.speak(SENTENCE), chunks))) for _ in range(self.repeat)
            ]

        self.report("florence, first sound, ms", value=statistics.median(ready(1)))
        self.report("florence, all of a sentence, ms", value=statistics.median(ready(None)))

    def check(self, name: str, error: float, bound: float, **values: Any) -> None:
        self.report(name, value=error, bound=bound, ok=bool(error <= bound), **values)

    def kernels(self) -> None:
        """Compare the CUDA kernels with MLX."""
        for kind, layers, bound in PASSES:
            with self.guarded(f"passes, {kind}"):
                self.passes_agree(kind, min(layers, self.layers), bound)
        with self.guarded("choices"):
            self.choices_agree()

    def passes_agree(self, kind: str, layers: int, bound: float) -> None:
        """Compare states of the kernel with MLX's, and states of rows computed together with those computed alone."""
        model = self.model(kind, layers)
        embeds = mx.random.normal((2, 30, WIDTH), key=mx.random.key(1)).astype(model.speech_embed.weight.dtype)

        def states(*counts: int) -> mx.array:
            caches, parts, start = make_caches(model.num_layers), [], 0
            for count in counts:
                parts.append(model.llama(embeds[:, start : start + count], caches))
                start += count
            joined = mx.concatenate(parts, axis=1)[:, 17:].astype(mx.float32)
            mx.eval(joined)
            return joined

        together, alone = states(17, 8, 4, 1), states(17, *[1] * 13)
        what = f"{layers} layers, {kind}"
        self.check(f"states of {what}, against MLX", distance(together, states(30)), bound)
        self.check(f"states of {what} that differ if computed alone", float(mx.sum(together != alone)), 0)

    def choices_agree(self) -> None:
        """Compare tokens for the same logits on GPU and CPU. Their logarithms differ, so a near-tie may differ."""
        key, wrong = mx.random.key(1), 0.0
        logits, seen = 3 * mx.random.normal((16, 8194), key=key), mx.random.bernoulli(0.05, (16, 8194), key=key)
        forbidden = mx.arange(8194) >= SPEECH_TOKENS
        mx.eval(logits, seen, forbidden)
        for temperature, min_p, penalty in ((0.0, 0.05, 1.2), (0.8, 0.05, 1.2), (1.0, 0.0, 1.0)):
            options = SamplingOptions(temperature=temperature, min_p=min_p, repetition_penalty=penalty)
            sampler = Sampler(options, seed_key(3), forbidden)

            def choose(sampler: Sampler = sampler, used: mx.array | None = seen if penalty > 1 else None) -> mx.array:
                tokens = sampler.sample(logits, used, 5)
                mx.eval(tokens)
                return tokens

            wrong += float(np.sum(np.array(choose()) != np.array(self.on_cpu(choose))))
        self.check("tokens of 48 that differ from the CPU's", wrong, 1)

    def agreement(self) -> None:
        """Compare the GPU with the CPU, and tokens with a draft with those without."""
        layers = min(self.layers, 4)
        for check in (self.sound_agrees, self.speculation_agrees, self.logits_agree):
            with self.guarded(check.__name__):
                check(layers)

    def on_cpu(self, run: Callable[[], Any]) -> Any:
        here = mx.default_device()
        mx.set_default_device(mx.cpu)
        try:
            return run()
        finally:
            mx.set_default_device(here)

    def logits_agree(self, layers: int) -> None:
        """Logits of 12 positions and of one more: float32 on the CPU against the default device."""
        embeds = mx.random.normal((2, 13, WIDTH), key=mx.random.key(1)) * 0.1
        mx.eval(embeds)

        def logits(kind: str) -> mx.array:
            model = self.model(kind, layers)
            caches, rows = make_caches(model.num_layers), embeds.astype(model.speech_embed.weight.dtype)
            joined = mx.concatenate([model(rows[:, :12], caches), model(rows[:, 12:], caches)], axis=1)
            mx.eval(joined)
            return joined

        ours = {kind: logits(kind) for kind in LOGITS_BOUNDS}
        theirs = self.on_cpu(lambda: logits("float32"))
        for kind, bound in LOGITS_BOUNDS.items():
            self.check(f"logits, {kind}, against the CPU", distance(ours[kind], theirs), bound)

    def speculation_agrees(self, layers: int) -> None:
        """Compare tokens with a draft and without. Few tokens are allowed, so that the draft is sometimes right."""
        model, report = self.model("float32", layers), Statistics()
        draft = DraftModel(DraftConfig(replace(LLAMA, num_layers=1)))
        draft.fuse()
        alone = self.speak(model, allowed=6)[0]
        guessed = self.speak(model, allowed=6, draft=Draft(draft, OneToken()), report=report)[0]
        wrong = sum(a != b for a, b in zip(alone, guessed, strict=True))
        right = f"{report.num_accepted} of {report.num_draft} draft tokens accepted"
        self.check(f"speculation: tokens of {len(alone)} that differ", wrong, 0, text=right)

    def sound_agrees(self, _: int) -> None:
        """Compare S3Gen and HiFT, with small models."""
        key = mx.random.key(0)
        ids, speaker = mx.arange(4)[None] * 800, mx.random.normal((192,), key=key)
        mel, source = mx.random.normal((1, 8, 80), key=key), mx.random.normal((1, 8 * 480), key=key) * 0.1
        mx.eval(ids, speaker, mel, source)

        def results() -> tuple[mx.array, ...]:
            s3gen, hift = self.sound_models(small=True)
            arrays = s3gen(ids, speaker, key=key), hift.f0(mel), hift.decode(mel, source)
            mx.eval(arrays)
            return arrays

        for name, ours, theirs in zip(("mel", "pitch", "sound"), results(), self.on_cpu(results), strict=True):
            self.check(f"{name} against the CPU", distance(ours, theirs), SOUND_BOUND)


def distance(ours: Any, theirs: Any) -> float:
    """Relative error: norm of the difference over the norm of theirs."""
    a, b = np.array(ours), np.array(theirs)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


if __name__ == "__main__":
    run(Ours)
