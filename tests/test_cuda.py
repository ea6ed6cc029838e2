"""The pass over few rows for an NVIDIA GPU, on the CPU with stand-ins for its two kernels: when it is taken, what it
reads and writes, and what follows what. The kernels themselves are checked where there is a GPU (benchmarks/gpu.py)."""

from __future__ import annotations

from collections.abc import Iterator

import mlx.core as mx
import numpy as np
import pytest
from tiny import close, noise
from tiny_models import draft_config, t3_config

from nightingale import elementary, layers, llama
from nightingale.config import SpeakOptions
from nightingale.decode import Draft, Report, Sentence, generate
from nightingale.draft import DraftModel
from nightingale.kernels import cuda
from nightingale.pace import Pace
from nightingale.sampling import Sampler, seed_key
from nightingale.t3 import T3


def multiply(
    x: mx.array,
    matrix: cuda.Matrix,
    norm: cuda.Norm | None = None,
    gated: bool = False,
    residual: mx.array | None = None,
    dtype: mx.Dtype | None = None,
) -> mx.array:
    assert matrix.bits == 0 and x.shape[0] <= cuda.MAX_ROWS
    y = (mx.fast.rms_norm(x, norm.weight, norm.eps) if norm else x) @ matrix.weight.T
    if gated:
        gate, up = mx.split(y, 2, -1)
        y = gate * mx.sigmoid(gate) * up
    return (y if residual is None else y + residual).astype(dtype or x.dtype)


def attend(
    qkv: mx.array,
    tables: tuple[mx.array, mx.array],
    offset: mx.array,
    stored: tuple[mx.array, mx.array],
    heads: tuple[int, int],
    after: mx.array,
) -> mx.array:
    """In place, as the kernel does it."""
    mx.eval(qkv, tables, offset, stored, after)
    (H, K), (B, _, _, D), start = heads, stored[0].shape, int(offset.item())
    L = qkv.shape[0] // B
    split = qkv.reshape(B, L, H + 2 * K, D).swapaxes(1, 2)
    qk = llama.rotate(split[:, : H + K], *(table[start : start + L] for table in tables))
    for held, new in zip(stored, (qk[:, H:], split[:, H + K :]), strict=True):
        np.asarray(held)[:, :, start : start + L] = np.array(new)
    keys, values = (mx.array(np.array(held)[:, :, : start + L]) for held in stored)
    mask = "causal" if L > 1 else None
    out = mx.fast.scaled_dot_product_attention(qk[:, :H], keys, values, scale=D**-0.5, mask=mask)
    return out.swapaxes(1, 2).reshape(B * L, H * D)


@pytest.fixture
def as_on_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (elementary, layers, llama):
        monkeypatch.setattr(module, "native", lambda: False)
    monkeypatch.setattr(cuda, "available", lambda: True)
    monkeypatch.setattr(cuda, "multiply", multiply)
    monkeypatch.setattr(cuda, "attend", attend)
    mx.disable_compile()  # the stand-in looks at its inputs
    yield
    mx.enable_compile()


def tiny_t3() -> T3:
    mx.random.seed(1)
    model = T3(t3_config())
    model.fuse()
    return model


@pytest.mark.parametrize("batch", [1, 2])
def test_few_rows_are_many_rows(as_on_cuda: None, batch: int) -> None:
    model = tiny_t3()
    embeds = noise("embeds", (batch, 310, 64))
    whole = model(embeds, model.new_caches())
    caches, parts, start = model.new_caches(), [], 0
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
def test_speculation_says_the_same(as_on_cuda: None, cfg_weight: float) -> None:
    class Always(Pace):
        def wanted(self) -> bool:
            return True

        def num_draft(self) -> int:
            return 3

    model, draft = tiny_t3(), DraftModel(draft_config())
    draft.fuse()
    options = SpeakOptions(cfg_weight=cfg_weight, temperature=1.0, min_p=0.0, repetition_penalty=1.2)

    def tokens(draft: Draft | None) -> list[int]:
        sampler = Sampler(options, seed_key(3), mx.arange(42) >= 5)
        sentence = Sentence([5, 6, 7], sampler, 60)
        return list(generate(model, noise("conditioning", (1, 9, 64)), sentence, report, draft))

    report = Report()
    alone = tokens(None)
    report = Report()
    assert tokens(Draft(draft, Always())) == alone and len(set(alone)) > 2
    assert 0 < report.num_accepted < report.num_draft
