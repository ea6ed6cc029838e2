"""Worker of official.py: times models with the official sizes and random weights.

Reads jobs as JSON lines on stdin, and prints wall-clock seconds, and processor seconds of the whole job, on stdout.
`ours` needs this package and no PyTorch, `reference` needs PyTorch and chatterbox-tts but not this package,
`mlx-audio` needs mlx-audio and times T3 only. Values of weights affect speed only if they are denormal, which none is.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parent.parent / "tests" / "support"
POSITIONS = 250  # in the KV cache before a step: conditioning, text, half of the speech tokens of a sentence
STEPS = 5  # of T3 in one measurement
SPEECH_TOKENS = 6561


def median_seconds(step: Callable[[], None], times: int = STEPS) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


class Ours:
    """nightingale-tts with the official sizes."""

    def __init__(self, layers: int) -> None:
        from dataclasses import replace

        from nightingale.checkpoints.chatterbox.sizes import LLAMA, chatterbox_english
        from nightingale.kernels import cpu as kernels
        from nightingale.kernels.blas import use_openblas

        use_openblas()
        config = chatterbox_english()
        llama = replace(LLAMA, num_layers=layers)
        self._config = replace(config, t3=replace(config.t3, llama=llama))
        self.description = {"kernels": kernels.description()}

    def t3(self, bits: int, batch: int, rows: int) -> float:
        """Seconds for a pass over `rows` new positions in a batch of `batch`."""
        import mlx.core as mx

        t3, caches, embeds = self._t3(bits), self._caches(bits, batch), mx.zeros((batch, rows, 1024)) + 0.1
        mx.eval(embeds)

        def step() -> None:
            mx.eval(t3(embeds, caches, num_last=rows))
            for cache in caches:
                cache.trim(rows)

        step()
        return median_seconds(step)

    def s3gen(self, tokens: int, prompt: int) -> float:
        """Seconds from speech tokens to mel."""
        import mlx.core as mx

        rng, key = np.random.default_rng(0), mx.random.key(0)
        ids = mx.array(rng.integers(0, SPEECH_TOKENS, (1, tokens)))
        speaker = mx.array(rng.standard_normal(192), mx.float32)
        before = mx.array(rng.integers(0, SPEECH_TOKENS, prompt)), mx.zeros((2 * prompt, 80))
        model = self._s3gen()
        return median_seconds(lambda: mx.eval(model(ids, speaker, *(before if prompt else ()), key=key)), 1)

    def hift(self, tokens: int) -> float:
        """Seconds from mel to sound."""
        import mlx.core as mx

        mel = mx.array(np.random.default_rng(0).standard_normal((1, 2 * tokens, 80)), mx.float32)
        model, key = self._hift(), mx.random.key(0)
        return median_seconds(lambda: mx.eval(model(mel, key=key)), 1)

    @lru_cache  # noqa: B019 (there is one object)
    def _t3(self, bits: int) -> Any:
        from nightingale.checkpoints.quantize import T3_LAYERS
        from nightingale.models.t3 import T3

        model = T3(self._config.t3)
        self._fill(model, T3_LAYERS, bits)
        model.fuse()
        return model

    @lru_cache  # noqa: B019
    def _caches(self, bits: int, batch: int) -> Any:
        import mlx.core as mx

        from nightingale.decoding.cache import make_caches

        caches = make_caches(self._t3(bits).num_layers)
        filling = mx.random.normal((batch, 16, POSITIONS, 64)) * 0.1
        for cache in caches:
            mx.eval(cache.update(filling, filling, filling))
        return caches

    @lru_cache  # noqa: B019
    def _s3gen(self) -> Any:
        from nightingale.kernels.linear import pack_layers
        from nightingale.models.s3gen.generator import S3Gen

        model = S3Gen(self._config.s3gen)
        self._fill(model)
        pack_layers(model)
        return model

    @lru_cache  # noqa: B019
    def _hift(self) -> Any:
        from nightingale.kernels.linear import pack_layers
        from nightingale.models.hift import HiFT

        model = HiFT(self._config.hift)
        self._fill(model)
        pack_layers(model)
        return model

    def _fill(self, model: Any, quantized: str = "", bits: int = 8) -> None:
        """Load random weights; those with names that match `quantized` get so many bits, in groups of 64."""
        import re

        import mlx.core as mx
        from mlx.utils import tree_flatten

        from nightingale.checkpoints.loading import load_arrays

        rng, arrays = np.random.default_rng(0), {}
        for name, like in dict(tree_flatten(model.parameters())).items():
            shape = like.shape
            if quantized and re.fullmatch(quantized, name):
                words = (shape[0], shape[1] * bits // 32)
                arrays[name] = mx.array(rng.integers(0, 2**32, words, dtype=np.uint32))
                stem, groups = name.removesuffix(".weight"), (shape[0], shape[1] // 64)
                arrays[f"{stem}.scales"] = mx.full(groups, 0.1 / 2**bits)
                arrays[f"{stem}.biases"] = mx.full(groups, -0.05)
            elif len(shape) < 2:
                arrays[name] = mx.ones(shape)
            else:
                scale = np.float32(np.prod(shape[1:]) ** -0.5)
                arrays[name] = mx.array(rng.standard_normal(shape, dtype=np.float32) * scale)
        load_arrays(model, arrays, "random weights")
        mx.eval(model.parameters())


class Reference:
    """The modules of chatterbox-tts, without its own inference code."""

    def __init__(self, layers: int) -> None:
        sys.path.insert(0, str(TESTS))
        import torch
        from make_golden_t3 import open_package

        open_package()
        torch.manual_seed(0)
        torch.set_grad_enabled(False)
        self._layers = layers
        self.description = {"torch": torch.__version__, "threads": torch.get_num_threads()}

    def t3(self, dtype: str, batch: int, rows: int) -> float:
        import torch

        model, cache = self._t3(dtype), self._cache(dtype, batch)
        embeds = torch.full((batch, rows, 1024), 0.1, dtype=getattr(torch, dtype))

        def step() -> None:
            out = model.tfmr(inputs_embeds=embeds, past_key_values=cache, use_cache=True)
            model.speech_head(out.last_hidden_state)
            cache.crop(-rows)

        step()
        return median_seconds(step)

    def s3gen(self, tokens: int, prompt: int) -> float:
        import torch

        ids, before = torch.randint(0, SPEECH_TOKENS, (1, tokens)), torch.randint(0, SPEECH_TOKENS, (1, prompt))
        flow, mel, speaker = self._sound().flow, torch.zeros(1, 2 * prompt, 80), torch.randn(1, 192)
        sizes = torch.tensor([tokens]), torch.tensor([prompt])
        return median_seconds(
            lambda: flow.inference(
                ids, sizes[0], before, sizes[1], mel, None, speaker, finalize=True, n_timesteps=10
            ), 1,
        )  # fmt: skip

    def hift(self, tokens: int) -> float:
        import torch

        mel, model = torch.randn(1, 80, 2 * tokens), self._sound().mel2wav
        return median_seconds(lambda: model.inference(speech_feat=mel), 1)

    @lru_cache  # noqa: B019
    def _t3(self, dtype: str) -> Any:
        import torch
        from chatterbox.models.t3 import T3
        from chatterbox.models.t3.llama_configs import LLAMA_CONFIGS

        LLAMA_CONFIGS["Llama_520M"]["num_hidden_layers"] = self._layers
        return T3().eval().to(getattr(torch, dtype))

    @lru_cache  # noqa: B019
    def _cache(self, dtype: str, batch: int) -> Any:
        import torch
        from transformers import DynamicCache

        cache = DynamicCache()
        filling = (torch.randn(batch, 16, POSITIONS, 64) * 0.1).to(getattr(torch, dtype))
        for layer in range(self._layers):
            cache.update(filling.clone(), filling.clone(), layer)
        return cache

    @lru_cache  # noqa: B019
    def _sound(self) -> Any:
        import torch
        from chatterbox.models.s3gen import s3gen

        s3gen.S3Tokenizer = lambda name: torch.nn.Linear(1, 1)  # for recordings; not timed here
        return s3gen.S3Token2Wav().eval()


class MlxAudio:
    """The T3 of mlx-audio's Chatterbox, quantized as in that package."""

    def __init__(self, layers: int) -> None:
        from importlib.metadata import version

        import mlx.core as mx

        self._layers = layers
        self.description = {name: version(name) for name in ("mlx-audio", "mlx")} | {"device": str(mx.default_device())}

    def t3(self, bits: int, batch: int, rows: int) -> float:
        import mlx.core as mx

        model, caches = self._t3(bits), self._caches(bits, batch)
        embeds = mx.zeros((batch, rows, 1024)) + 0.1

        def step() -> None:
            mx.eval(model.speech_head(model.tfmr.model(inputs=None, input_embeddings=embeds, cache=caches)))
            for cache in caches:
                cache.trim(rows)

        step()
        return median_seconds(step)

    @lru_cache  # noqa: B019
    def _t3(self, bits: int) -> Any:
        import mlx.core as mx
        import mlx.nn as nn
        from mlx_audio.tts.models.chatterbox.t3 import T3

        model = T3()
        del model.tfmr.model.layers[self._layers :]
        nn.quantize(model.tfmr.model, group_size=64, bits=bits)
        nn.quantize(model, group_size=64, bits=bits, class_predicate=lambda path, _: path == "speech_head")
        mx.eval(model.parameters())
        return model

    @lru_cache  # noqa: B019
    def _caches(self, bits: int, batch: int) -> Any:
        import mlx.core as mx
        from mlx_audio.lm.models.cache import make_prompt_cache

        caches = make_prompt_cache(self._t3(bits).tfmr)
        filling = mx.random.normal((batch, 16, POSITIONS, 64)) * 0.1
        for cache in caches:
            mx.eval(cache.update_and_fetch(filling, filling))
        return caches


def main() -> None:
    """`official_worker.py ours|reference|mlx-audio LAYERS`."""
    side: Any = {"ours": Ours, "reference": Reference, "mlx-audio": MlxAudio}[sys.argv[1]](int(sys.argv[2]))
    # The reference prints warnings to stdout, which is reserved for answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(side.description), file=answers, flush=True)
    for line in sys.stdin:
        job, *arguments = json.loads(line)
        began = time.process_time()
        seconds = getattr(side, job)(*arguments)
        print(json.dumps([seconds, time.process_time() - began]), file=answers, flush=True)


if __name__ == "__main__":
    main()
