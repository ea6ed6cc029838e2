"""What T3 computes with on an NVIDIA GPU, without one.

When a pass over few rows is taken, what it reads and writes and what follows what is tested with a stand-in for its
kernel; the kernels' own source with an emulator of threads, blocks and barriers (cuda_emulator.h).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from cuda_emulator import Emulator
from tiny import close, noise, use_backend
from tiny_models import draft_config, llama_config, randomized, t3_config

from nightingale.decoding.cache import make_caches
from nightingale.decoding.cache.full import KVCache
from nightingale.decoding.draft_length import DraftLength
from nightingale.decoding.loop import Draft, Request, generate
from nightingale.decoding.sampling import Sampler
from nightingale.kernels import cuda, sampling
from nightingale.kernels.backend import Backend
from nightingale.kernels.cache import Cache
from nightingale.kernels.linear import join_linears, project_float32
from nightingale.kernels.noise import indexed_gumbel, seed_key
from nightingale.models.config import LlamaConfig
from nightingale.models.draft import DraftModel
from nightingale.models.llama import Llama, rotate
from nightingale.models.t3 import T3
from nightingale.options import SpeakOptions
from nightingale.statistics import Statistics


def read(
    layers: cuda.Layers,
    x: mx.array,
    tables: tuple[mx.array, mx.array],
    start: int,
    stored: Sequence[mx.array],
    after: mx.array,
) -> mx.array:
    """In MLX's operations, in place as the kernel does it."""
    mx.eval(x, stored, after)
    (B, L, _), (H, K), D, first = x.shape, layers.heads, stored[0].shape[3], start
    assert B * L <= cuda.MAX_ROWS

    def normed(weight: mx.array) -> mx.array:
        return mx.fast.rms_norm(x, weight, layers.eps)

    matrices = [matrix.weight for matrix in (layers.qkv, layers.o, layers.gate_up, layers.down)]
    joined = layers.input_norm, layers.post_norm, *matrices
    split = zip(*(mx.split(array, len(stored) // 2) for array in joined), strict=True)
    for held, weights in zip(zip(stored[::2], stored[1::2], strict=True), split, strict=True):
        first_norm, second_norm, qkv, o, gate_up, down = weights
        qkv = (normed(first_norm) @ qkv.T).reshape(B, L, H + 2 * K, D).swapaxes(1, 2)
        qk = rotate(qkv[:, : H + K], *(table[first : first + L] for table in tables))
        for buffer, new in zip(held, (qk[:, H:], qkv[:, H + K :]), strict=True):
            np.asarray(buffer)[:, :, first : first + L] = np.array(new)
        keys, values = (mx.array(np.array(buffer)[:, :, : first + L]) for buffer in held)
        mask = "causal" if L > 1 else None
        out = mx.fast.scaled_dot_product_attention(qk[:, :H], keys, values, scale=D**-0.5, mask=mask)
        x = x + out.swapaxes(1, 2).reshape(B, L, H * D) @ o.T
        gate, up = mx.split(normed(second_norm) @ gate_up.T, 2, -1)
        x = x + (gate * mx.sigmoid(gate) * up) @ down.T
    return normed(layers.last_norm)


@pytest.fixture
def as_if_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    use_backend(monkeypatch, Backend.CUDA)


@pytest.fixture
def stand_ins(as_if_cuda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "read", read)
    monkeypatch.setattr(cuda, "project", lambda x, matrix: x @ matrix.weight.T)

    def sample_tokens(
        logits: mx.array,
        forbidden: mx.array,
        noise: tuple[mx.array, mx.array],
        temperature: float,
        min_p: float,
        history: tuple[mx.array, float] | None = None,
    ) -> mx.array:
        key, first = noise
        positions = [seed_key(int(first[1].item()) + i) for i in range(logits.shape[0])]
        seen, penalty = history or (None, 1.0)
        return sampling._sample(logits, seen, forbidden, key, positions, (temperature, min_p, 1.0, penalty))

    monkeypatch.setattr(cuda, "sample_tokens", sample_tokens)


def tiny_t3() -> T3:
    mx.random.seed(1)
    model = T3(t3_config())
    model.fuse()
    return model


@pytest.mark.parametrize("batch", [1, 2])
def test_few_rows_are_many_rows(stand_ins: None, batch: int) -> None:
    model = tiny_t3()
    embeds = noise("embeds", (batch, 310, 64))
    whole = model(embeds, make_caches(model.num_layers))
    caches, parts, start = make_caches(model.num_layers), [], 0
    for count in (250, 1, 4, 3, 8, 30, 1, 1, 12):  # past the first buffer's end, and by turns with the ordinary way
        caches_before = [cache.offset for cache in caches]
        parts.append(model(embeds[:, start : start + count], caches))
        if count == 4:  # rewound and read again
            for cache in caches:
                cache.trim(3)
            model(embeds[:, start + 1 : start + 4], caches)
        start += count
        assert [cache.offset for cache in caches] == [n + count for n in caches_before]
    close(mx.concatenate(parts, axis=1), whole, 1e-4)


@pytest.mark.parametrize("cfg_weight", [0.0, 0.5])
def test_speculation_says_the_same(stand_ins: None, cfg_weight: float) -> None:
    class Always(DraftLength):
        def should_speculate(self) -> bool:
            return True

        def num_draft(self) -> int:
            return 3

    model, draft = tiny_t3(), DraftModel(draft_config())
    draft.fuse()
    options = SpeakOptions(cfg_weight=cfg_weight, temperature=1.0, min_p=0.0, repetition_penalty=1.2)

    def tokens(draft: Draft | None) -> list[int]:
        sampler = Sampler(options, seed_key(3), mx.arange(42) >= 5)
        sentence = Request([5, 6, 7], sampler, 60)
        return list(generate(model, noise("conditioning", (1, 9, 64)), sentence, report, draft))

    report = Statistics()
    alone = tokens(None)
    report = Statistics()
    assert tokens(Draft(draft, Always())) == alone and len(set(alone)) > 2
    assert 0 < report.num_accepted < report.num_draft


def test_weights_are_views_of_what_the_kernel_reads(stand_ins: None) -> None:
    model = tiny_t3()
    mx.eval(model.parameters())
    with_kernel = mx.get_active_memory()
    del model.llama._fused_pass
    assert mx.get_active_memory() == with_kernel


def test_layers_of_different_precision_are_read_the_ordinary_way(stand_ins: None) -> None:
    model = Llama(llama_config())
    nn.quantize(model, 32, 4, class_predicate=lambda name, _: name.startswith("layers.1.mlp"))
    model.fuse()
    assert model._fused_pass is None


# --- the kernels' source --------------------------------------------------------------------------------------------


@pytest.fixture
def emulator(
    as_if_cuda: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Emulator]:
    """Kernels run on the CPU, in three blocks of four warps."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
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


# Rows shorter and longer than a warp takes at once and than a block does, and no multiples of it; heads in groups.
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
    """Against MLX in float32 with the same weights; a row's states are the same whatever rows it is read with."""
    model = randomized(Llama(config), 3)
    if bits:
        nn.quantize(model, 64, bits)
    model.set_dtype(dtype)
    model.fuse()
    embeds = noise("embeds", (batch, 27, config.hidden_size)).astype(dtype)

    def states(few: tuple[int, ...]) -> mx.array:
        caches = caches_for(model)
        parts, start = [], 0
        for count in (17, *few):
            parts.append(model(embeds[:, start : start + count], caches))
            start += count
        return mx.concatenate(parts, axis=1)

    whole = model(embeds, caches_for(model))
    by_eights = states((8, 2))
    close(by_eights.astype(mx.float32), whole.astype(mx.float32), 1e-4 if dtype == mx.float32 else 0.1)
    emulator.backwards = True
    np.testing.assert_array_equal(*(np.array(a.astype(mx.float32)) for a in (by_eights, states((1, 3, 6)))))


def caches_for(model: Llama) -> list[Cache]:
    return [KVCache(24) for _ in model.layers]


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
    """MLX's tokens, or one with as much noise where logarithms of another library decide a tie."""
    options = SpeakOptions(temperature=temperature, min_p=min_p, repetition_penalty=penalty)
    logits, position = 3.0 * noise("logits", (3, width)), 2**32 - 2
    forbidden = noise("forbidden", (width,)) > 1.0
    seen = noise("seen", logits.shape) > 0.5 if penalty > 1 else None
    sampler = Sampler(options, seed_key(2**40 + 5), forbidden)
    ours = sampler.sample(logits, seen, position).tolist()
    positions = [seed_key(position + i) for i in range(3)]
    wishes = temperature, min_p, 1.0, penalty
    theirs = sampling._sample(logits, seen, forbidden, sampler.key, positions, wishes).tolist()
    noisy = logits if seen is None else sampling.penalize(logits, seen, penalty)
    if temperature > 0:
        noisy = noisy / temperature + indexed_gumbel(sampler.key, positions, width)
    for row, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert mine == other or (not forbidden[mine] and abs(float(noisy[row, mine] - noisy[row, other])) < 1e-5)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_sample_tokens_where_nothing_can_be_said(emulator: Emulator, temperature: float) -> None:
    sampler = Sampler(SpeakOptions(temperature=temperature), seed_key(0), mx.zeros((33,), mx.bool_))
    for value in (-mx.inf, mx.nan):
        assert sampler.sample(mx.full((2, 33), value), None, 0).tolist() == [0, 0]
    assert min(sampler.sample(mx.where(mx.arange(33) < 17, -mx.inf, mx.zeros((2, 33))), None, 0).tolist()) >= 17
