"""The source of the CUDA kernels against MLX, run on a CPU by an emulator of threads, blocks and barriers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from cuda_emulator import Emulator
from tiny import close, noise, use_backend
from tiny_models import llama_config, randomized

from nightingale.decoding.cache.full import KVCache
from nightingale.decoding.sampling import Sampler
from nightingale.kernels import cuda, sampling
from nightingale.kernels.backend import Backend
from nightingale.kernels.cache import Cache
from nightingale.kernels.linear import join_linears, project_float32
from nightingale.kernels.noise import indexed_gumbel, seed_key
from nightingale.models.config import LlamaConfig
from nightingale.models.llama import Llama
from nightingale.options import SamplingOptions


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Kernels run on the CPU, in three blocks of four warps."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    use_backend(monkeypatch, Backend.CUDA)
    emulator = Emulator(compiled(tmp_path_factory))
    made = (cuda._pass_kernel, cuda._project_kernel, cuda._sample_kernel)
    for kernel in made:
        kernel.cache_clear()
    monkeypatch.setattr(mx.fast, "cuda_kernel", emulator.cuda_kernel)
    monkeypatch.setattr(cuda, "multiprocessors", lambda: 3)
    monkeypatch.setattr(cuda, "_THREADS", 128)
    yield emulator
    for kernel in made:
        kernel.cache_clear()


def compiled(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "cuda"
    folder.mkdir(exist_ok=True)
    return folder


# Matrix rows shorter and longer than what a warp and a block read at once, and no multiples of it; grouped heads.
WIDE = llama_config(hidden_size=328, intermediate_size=1096, head_dim=32, num_heads=6)
GROUPED = llama_config(hidden_size=64, intermediate_size=320, head_dim=64, num_heads=4, num_kv_heads=1)


@pytest.mark.parametrize(
    ("config", "batch", "bits", "dtype"),
    [
        (llama_config(), 2, 0, mx.float32),
        (WIDE, 1, 0, mx.bfloat16),
        (GROUPED, 2, 8, mx.bfloat16),
        (GROUPED, 1, 4, mx.float32),
        (GROUPED, 1, 5, mx.bfloat16),
    ],
)
def test_pass(emulator: Emulator, config: LlamaConfig, batch: int, bits: int, dtype: mx.Dtype) -> None:
    """Against MLX in float32 with the same weights. A row's states do not depend on the other rows of its pass."""
    model = randomized(Llama(config), 3)
    if bits:
        nn.quantize(model, 64, bits)
    model.set_dtype(dtype)
    model.fuse()
    embeds = noise("embeds", (batch, 27, config.hidden_size)).astype(dtype)

    def states(few: tuple[int, ...]) -> mx.array:
        nonlocal caches
        caches = caches_for(model)
        parts, start = [], 0
        for count in (17, *few):
            parts.append(model(embeds[:, start : start + count], caches))
            start += count
        return mx.concatenate(parts, axis=1)

    tolerance = 1e-4 if dtype == mx.float32 else 0.1
    caches = caches_for(model)
    whole, queries = model(embeds, caches), caches[-1].queries(11, 27)
    by_eights = states((8, 2))
    close(by_eights.astype(mx.float32), whole.astype(mx.float32), tolerance)
    close(caches[-1].queries(11, 27).astype(mx.float32), queries.astype(mx.float32), tolerance)
    emulator.backwards = True
    np.testing.assert_array_equal(*(np.array(a.astype(mx.float32)) for a in (by_eights, states((1, 3, 6)))))


def caches_for(model: Llama) -> list[Cache]:
    """The last layer's cache keeps queries."""
    last = len(model.layers) - 1
    return [KVCache(24, num_queries=16 if i == last else 0) for i in range(last + 1)]


@pytest.mark.parametrize("bits", [0, 4])
def test_project(emulator: Emulator, bits: int) -> None:
    head: nn.Linear | nn.QuantizedLinear = nn.Linear(576, 205, bias=False)
    if bits:
        head = nn.QuantizedLinear.from_linear(head, 64, bits)
    x = noise("x", (3, 576))
    fused = join_linears([head])
    close(project_float32(x, fused), head(x), 1e-5)
    close(fused(x[None]), head(x[None]), 1e-5)
    many = noise("many", (1, 17, 576))
    close(fused(many), head(many), 1e-5)


@pytest.mark.parametrize("width", [1, 17, 64, 700, 6563])
@pytest.mark.parametrize(
    ("temperature", "min_p", "penalty"), [(0.0, 0.0, 1.3), (0.5, 0.05, 1.0), (1.0, 0.0, 1.3), (2.0, 1.0, 1.0)]
)
def test_sample_tokens(emulator: Emulator, width: int, temperature: float, min_p: float, penalty: float) -> None:
    """MLX's tokens, or nearly tied with them where the logarithms of two libraries differ."""
    options = SamplingOptions(temperature=temperature, min_p=min_p, repetition_penalty=penalty)
    logits, position = 3.0 * noise("logits", (3, width)), 2**32 - 2
    forbidden = noise("forbidden", (width,)) > 1.0
    seen = noise("seen", logits.shape) > 0.5 if penalty > 1 else None
    sampler = Sampler(options, seed_key(2**40 + 5), forbidden)
    ours = sampler.sample(logits, seen, position).tolist()
    positions = [seed_key(position + i) for i in range(3)]
    parameters = temperature, min_p, 1.0, 0, penalty
    theirs = sampling._sample(logits, seen, forbidden, sampler.key, positions, parameters, False).tolist()
    noisy = logits if seen is None else sampling.penalize(logits, seen, penalty)
    if temperature > 0:
        noisy = noisy / temperature + indexed_gumbel(sampler.key, positions, width)
    for row, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert mine == other or (not forbidden[mine] and abs(float(noisy[row, mine] - noisy[row, other])) < 1e-5)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_sample_tokens_without_a_possible_token(emulator: Emulator, temperature: float) -> None:
    sampler = Sampler(SamplingOptions(temperature=temperature), seed_key(0), mx.zeros((33,), mx.bool_))
    for value in (-mx.inf, mx.nan):
        assert sampler.sample(mx.full((2, 33), value), None, 0).tolist() == [0, 0]
    assert min(sampler.sample(mx.where(mx.arange(33) < 17, -mx.inf, mx.zeros((2, 33))), None, 0).tolist()) >= 17
