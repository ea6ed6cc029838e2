"""Quantized keys and values, and attention to each form of a cache, by the C++ kernels against MLX."""

import mlx.core as mx
import pytest
from native_kernels import NATIVE, Llama, assert_same_for_any_threads, instruction_set, poisoned  # noqa: F401
from tiny import close, noise

from nightingale.kernels import cpu
from nightingale.kernels.kv_quantization import compress, expand

pytestmark = NATIVE


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("dim", [8, 16, 24, 40, 64, 72, 128])
def test_compress(bits: int, dim: int) -> None:
    for batch, heads, length in ((1, 1, 1), (2, 3, 5), (1, 4, 70)):
        keys, values = noise("k", (batch, heads, length, dim)), 5.0 + noise("v", (batch, heads, length, dim))
        theirs = compress(keys, values, bits)
        freed = [mx.full(theirs.shape, 0xFFFFFFFF, mx.uint32) for _ in range(4)]
        mx.eval(freed)
        del freed
        ours = cpu.compress(keys, values, bits)
        # Not bit for bit: a value halfway between two levels may be rounded to either.
        for mine, other in zip(expand(ours, bits), expand(theirs, bits), strict=True):
            assert float((mx.abs(mine - other) > 1e-5).mean()) < 0.001
    flat = mx.full((1, 1, 1, dim), 2.5)
    assert all(mx.array_equal(back, flat) for back in expand(cpu.compress(flat, flat, bits), bits))


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("batch,length,count", [(1, 1, 1), (2, 1, 9), (1, 5, 5), (2, 20, 75)])
@pytest.mark.parametrize("dim", [16, 24, 64, 72])
def test_attention_to_quantized_rows(bits: int, batch: int, length: int, count: int, dim: int) -> None:
    layer = Llama(0, dim)
    x, q = noise("x", (batch * length, layer.hidden)), noise("q", (batch * length, layer.heads * dim))
    keys, values = (noise(name, (batch, layer.kv_heads, count + 3, dim)) for name in "kv")
    rows = cpu.compress(keys, values, bits)[:, :, :count]  # a view of a longer array, as a cache gives it
    expected = layer.reference_tail(x, q, *expand(rows, bits))
    run = lambda: cpu.llama_output(x, q, (rows,), (layer.heads, layer.kv_heads), layer.tail)  # noqa: E731
    close(poisoned(run), expected, 5e-6)
    assert_same_for_any_threads(run)


@pytest.mark.parametrize("batch,length,count", [(1, 1, 1), (2, 1, 9), (1, 5, 5), (2, 20, 75)])
@pytest.mark.parametrize("shares", [(0, 0), (1, 0), (5, 40), (33, 2)])
def test_attention_to_kept_rows(batch: int, length: int, count: int, shares: tuple[int, int]) -> None:
    layer = Llama(0)
    heads, dim = (layer.heads, layer.kv_heads), layer.dim
    x, q = noise("x", (batch * length, layer.hidden)), noise("q", (batch * length, layer.heads * dim))
    keys, values = (noise(name, (batch, layer.kv_heads, count + 3, dim))[:, :, :count] for name in "kv")
    kept = [noise(name, (batch, sum(shares), dim)) for name in ("kept keys", "kept values")]
    bias = noise("bias", (sum(shares),))
    if shares[0]:
        bias[0] = -mx.inf
    starts = mx.array([0, shares[0], sum(shares)], dtype=mx.int32)
    most = max(shares)
    # For the reference, the rows of both heads are padded to one number, and the padding is masked.
    padded = [mx.zeros((batch, 2, most, dim)) for _ in kept]
    mask = mx.full((2, length, most + count), -mx.inf)
    mask[:, :, most:] = mx.where(mx.tri(length, count, count - length) > 0, 0.0, -mx.inf)
    for head, (start, share) in enumerate(zip((0, shares[0]), shares, strict=True)):
        mask[head, :, :share] = bias[start : start + share]
        for whole, rows in zip(padded, kept, strict=True):
            whole[:, head, :share] = rows[:, start : start + share]
    mask = mx.repeat(mask, layer.heads // layer.kv_heads, axis=0)
    joined = (mx.concatenate([whole, x], axis=2) for whole, x in zip(padded, (keys, values), strict=True))
    stored = (keys, values, *kept, bias, starts)
    run = lambda: cpu.llama_output(x, q, stored, heads, layer.tail)  # noqa: E731
    close(poisoned(run), layer.reference_tail(x, q, *joined, mask), 5e-6)
    assert_same_for_any_threads(run)


@pytest.mark.parametrize("form", ["4 bits", "8 bits", "kept"])
def test_cache_position_by_position(form: str) -> None:
    """Several positions in one call have the same results, bit for bit, as one after the other."""
    layer = Llama(0, 64)
    heads = layer.heads, layer.kv_heads
    x, q = noise("x", (6, layer.hidden)), noise("q", (6, layer.heads * 64))
    keys, values = (noise(name, (1, layer.kv_heads, 20, 64)) for name in "kv")
    starts = mx.array([0, 3, 9], dtype=mx.int32)
    kept = noise("kk", (1, 9, 64)), noise("kv", (1, 9, 64)), noise("b", (9,)), starts

    def stored(count: int) -> tuple[mx.array, ...]:
        if form == "kept":
            return keys[:, :, :count], values[:, :, :count], *kept
        return (cpu.compress(keys, values, int(form[0]))[:, :, :count],)

    together = cpu.llama_output(x, q, stored(20), heads, layer.tail)
    for i in range(6):
        alone = cpu.llama_output(x[i : i + 1], q[i : i + 1], stored(15 + i), heads, layer.tail)
        assert mx.array_equal(alone, together[i : i + 1])
