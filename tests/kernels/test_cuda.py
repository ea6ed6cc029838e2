"""T3 on an NVIDIA GPU, without one: MLX's operations stand in for the CUDA kernels.

Tests which passes go to the kernels, with which arguments, and the use of the results. The kernels themselves are
tested in test_cuda_kernels.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from tiny import close, noise, use_backend
from tiny_models import draft_config, llama_config, t3_config

from nightingale.decoding.cache import make_caches
from nightingale.decoding.draft_length import DraftLength
from nightingale.decoding.loop import Draft, Request, T3Session, generate
from nightingale.decoding.sampling import Sampler
from nightingale.kernels import cuda, sampling
from nightingale.kernels.backend import Backend
from nightingale.kernels.noise import seed_key
from nightingale.models.draft import DraftModel
from nightingale.models.llama import Llama, rotate
from nightingale.models.t3 import T3
from nightingale.options import SamplingOptions
from nightingale.statistics import Statistics


def read(
    layers: cuda.Layers,
    x: mx.array,
    tables: tuple[mx.array, mx.array],
    start: int,
    stored: Sequence[mx.array],
    after: mx.array,
    queries: tuple[int, mx.array] | None = None,
) -> mx.array:
    """The pass in MLX's operations; like the kernel, it writes keys, values and the queries of a layer in place."""
    mx.eval(x, stored, after)
    (B, L, _), (H, K), D, first = x.shape, layers.heads, stored[0].shape[3], start
    assert B * L <= cuda.MAX_ROWS

    def normed(weight: mx.array) -> mx.array:
        return mx.fast.rms_norm(x, weight, layers.eps)

    matrices = [matrix.weight for matrix in (layers.qkv, layers.o, layers.gate_up, layers.down)]
    joined = layers.input_norm, layers.post_norm, *matrices
    split = zip(*(mx.split(array, len(stored) // 2) for array in joined), strict=True)
    for layer, (held, weights) in enumerate(zip(zip(stored[::2], stored[1::2], strict=True), split, strict=True)):
        first_norm, second_norm, qkv, o, gate_up, down = weights
        qkv = (normed(first_norm) @ qkv.T).reshape(B, L, H + 2 * K, D).swapaxes(1, 2)
        qk = rotate(qkv[:, : H + K], *(table[first : first + L] for table in tables))
        for buffer, new in zip(held, (qk[:, H:], qkv[:, H + K :]), strict=True):
            np.asarray(buffer)[:, :, first : first + L] = np.array(new)
        if queries is not None and layer == queries[0]:
            ring, rows = np.asarray(queries[1]), np.array(qk[:, :H].swapaxes(1, 2)).reshape(B, L, -1)
            for i in range(L):
                ring[:, (first + i) % ring.shape[1]] = rows[:, i]
        keys, values = (mx.array(np.array(buffer)[:, :, : first + L]) for buffer in held)
        mask = "causal" if L > 1 else None
        out = mx.fast.scaled_dot_product_attention(qk[:, :H], keys, values, scale=D**-0.5, mask=mask)
        x = x + out.swapaxes(1, 2).reshape(B, L, H * D) @ o.T
        gate, up = mx.split(normed(second_norm) @ gate_up.T, 2, -1)
        x = x + (gate * mx.sigmoid(gate) * up) @ down.T
    return normed(layers.last_norm)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    use_backend(monkeypatch, Backend.CUDA)
    monkeypatch.setattr(cuda, "llama_pass", read)
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
        return sampling._sample(logits, seen, forbidden, key, positions, (temperature, min_p, 1.0, 0, penalty), False)

    monkeypatch.setattr(cuda, "sample_tokens", sample_tokens)


def tiny_t3() -> T3:
    mx.random.seed(1)
    model = T3(t3_config())
    model.fuse()
    return model


@pytest.mark.parametrize("batch", [1, 2])
def test_passes_of_few_rows_equal_one_of_many(stand_ins: None, batch: int) -> None:
    model = tiny_t3()
    embeds = noise("embeds", (batch, 310, 64))
    whole = model(embeds, make_caches(model.num_layers))
    caches, parts, start = make_caches(model.num_layers), [], 0
    for count in (250, 1, 4, 3, 8, 30, 1, 1, 12):  # beyond the first buffer; 250 and 30 without the kernel
        caches_before = [cache.offset for cache in caches]
        parts.append(model(embeds[:, start : start + count], caches))
        if count == 4:  # three positions are removed and read again
            for cache in caches:
                cache.trim(3)
            model(embeds[:, start + 1 : start + 4], caches)
        start += count
        assert [cache.offset for cache in caches] == [n + count for n in caches_before]
    close(mx.concatenate(parts, axis=1), whole, 1e-4)


@pytest.mark.parametrize("cfg_weight", [0.0, 0.5])
def test_speculative_decoding_gives_the_same_tokens(stand_ins: None, cfg_weight: float) -> None:
    class Always(DraftLength):
        def should_speculate(self) -> bool:
            return True

        def num_draft(self) -> int:
            return 3

    model, draft = tiny_t3(), DraftModel(draft_config())
    draft.fuse()
    options = SamplingOptions(cfg_weight=cfg_weight, temperature=1.0, min_p=0.0, repetition_penalty=1.2)

    def tokens(draft: Draft | None) -> list[int]:
        sampler = Sampler(options, seed_key(3), mx.arange(42) >= 5)
        sentence = Request([5, 6, 7], sampler, 60)
        return list(generate(T3Session(model, cfg_weight), noise("conditioning", (1, 9, 64)), sentence, report, draft))

    report = Statistics()
    alone = tokens(None)
    report = Statistics()
    assert tokens(Draft(draft, Always())) == alone and len(set(alone)) > 2
    assert 0 < report.num_accepted < report.num_draft


def test_weights_are_views_of_the_joined_arrays(stand_ins: None) -> None:
    model = tiny_t3()
    mx.eval(model.parameters())
    with_kernel = mx.get_active_memory()
    del model.llama._fused_pass
    assert mx.get_active_memory() == with_kernel


def test_layers_of_different_precision_have_no_fused_pass(stand_ins: None) -> None:
    model = Llama(llama_config())
    nn.quantize(model, 32, 4, class_predicate=lambda name, _: name.startswith("layers.1.mlp"))
    model.fuse()
    assert model._fused_pass is None
