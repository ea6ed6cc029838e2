"""Every native kernel against its twin of plain MLX operations: odd sizes, poisoned outputs, threads, row by row."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from conftest import ROOT
from tiny import close, noise, use_backend

from nightingale.decoding.sampling import Sampler
from nightingale.kernels import cpu as kernels
from nightingale.kernels.backend import Backend
from nightingale.kernels.kv_quantization import compress, expand
from nightingale.kernels.noise import fold_in, indexed_gumbel, seed_key
from nightingale.kernels.sampling import penalize
from nightingale.options import SpeakOptions

pytestmark = pytest.mark.skipif(not kernels.available(), reason=f"no native kernels: {kernels.description()}")
SETS = kernels._native.instruction_sets() if kernels.available() else []


@pytest.fixture(autouse=True, params=SETS)
def instruction_set(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test on every instruction set that runs here, and the best again after it."""
    assert kernels._native.use_instruction_set(request.param)
    yield
    kernels._native.use_instruction_set(SETS[0])
    kernels._native.set_num_threads(0)


def poisoned(make: Callable[[], mx.array]) -> mx.array:
    """What `make` makes when the memory it gets is full of NaN: mlx gives buffers out again."""
    size = make().size
    waste = [mx.full((size,), float("nan")) for _ in range(4)]
    mx.eval(waste)
    del waste
    result = make()
    assert bool(mx.isfinite(result).all())
    return result


def same_for_any_threads(make: Callable[[], mx.array]) -> None:
    results = []
    for count in (1, 2, 3, 7):
        kernels._native.set_num_threads(count)
        results += [np.array(make()) for _ in range(3)]
    assert all(np.array_equal(result, results[0]) for result in results)


# --- products -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs,inputs", [(1, 1), (31, 7), (32, 16), (33, 65), (100, 80), (192, 193), (300, 384)])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 14, 15, 57, 130])
def test_multiply(outputs: int, inputs: int, rows: int) -> None:
    weight, x = noise("w", (outputs, inputs)), noise("x", (rows, inputs))
    bias, residual = noise("b", (outputs,)), noise("r", (rows, outputs))
    packed = kernels.pack(weight)
    close(poisoned(lambda: kernels.multiply(x, packed)), x @ weight.T, 2e-6)
    close(poisoned(lambda: kernels.multiply(x, packed, bias, residual)), x @ weight.T + bias + residual, 2e-6)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("group", [32, 64, 128])
def test_quantized_multiply(bits: int, group: int) -> None:
    for outputs, inputs, rows in ((1, 128, 1), (63, 256, 2), (65, 384, 3), (130, 128, 16), (200, 256, 37)):
        weight = noise("w", (outputs, inputs))
        stored = mx.quantize(weight, group_size=group, bits=bits)
        packed = kernels.pack_quantized(*stored, bits)
        unpacked = poisoned(lambda stored=stored: kernels.dequantize(*stored, bits))
        close(unpacked, mx.dequantize(*stored, group_size=group, bits=bits), 1e-6)
        assert (packed.inputs, packed.outputs, packed.group) == (inputs, outputs, group)
        x, residual = noise("x", (rows, inputs)), noise("r", (rows, outputs))
        expected = x @ mx.dequantize(*stored, group_size=group, bits=bits).T
        close(poisoned(lambda x=x, p=packed: kernels.multiply(x, p)), expected, 2e-6)
        close(kernels.multiply(x, packed, residual[0], residual), expected + residual[0] + residual, 2e-6)


@pytest.mark.parametrize("bits", [0, 4, 6, 8])
def test_a_row_among_others_is_the_row_alone(bits: int) -> None:
    """Bit for bit: or speculation would decide near-ties."""
    weight, x = noise("w", (333, 384)), noise("x", (37, 384))
    packed = kernels.pack_quantized(*mx.quantize(weight, bits=bits), bits) if bits else kernels.pack(weight)
    whole = kernels.multiply(x, packed)
    for first, count in ((0, 1), (36, 1), (5, 2), (7, 3), (3, 4), (1, 5), (0, 16), (9, 20)):
        assert mx.array_equal(kernels.multiply(x[first : first + count], packed), whole[first : first + count])


@pytest.mark.parametrize("taps,dilation", [(1, 1), (3, 1), (7, 5), (2, 3)])
@pytest.mark.parametrize("channels", [(5, 7), (64, 64), (80, 50), (33, 96)])
def test_conv1d(taps: int, dilation: int, channels: tuple[int, int]) -> None:
    weight, bias = noise("w", (channels[1], taps, channels[0])), noise("b", (channels[1],))
    packed = kernels.pack_taps(weight)
    for batch, rows in ((1, 1), (1, 60), (2, 17)):
        x = noise("x", (batch, rows + (taps - 1) * dilation, channels[0]))
        residual = noise("r", (batch, rows, channels[1]))
        expected = mx.conv1d(x, weight, 1, 0, dilation) + bias
        run = lambda x=x: kernels.conv1d(x, packed, taps, dilation, bias)  # noqa: E731
        close(poisoned(run), expected, 2e-6)
        close(kernels.conv1d(x, packed, taps, dilation, bias, residual), expected + residual, 2e-6)
        assert kernels.conv1d(x[:, : (taps - 1) * dilation], packed, taps, dilation, bias).shape[1] == 0


def test_inputs_in_any_order_of_memory() -> None:
    weight, wide = noise("w", (40, 24)), noise("x", (3, 30, 48))
    packed = kernels.pack(weight)
    views = [
        wide[:, :, 8:32], wide[:, ::2, :24], wide[1, 3:9, 4:28], wide[:, :, ::2], wide[:, :24].swapaxes(1, 2),
        mx.broadcast_to(wide[:1, :, :24], (3, 30, 24)), wide[:, 2:3, :24], wide.reshape(3, 2, 15, 48)[..., :24],
    ]  # fmt: skip
    for x in views:
        close(kernels.multiply(x, packed), x @ weight.T, 2e-6)
    close(kernels.multiply(views[0], kernels.pack(noise("v", (24, 40)).T)), views[0] @ noise("v", (24, 40)), 2e-6)
    transposed = noise("r", (40, 30)).T
    close(kernels.multiply(wide[0, :, :24], packed, None, transposed), wide[0, :, :24] @ weight.T + transposed, 2e-6)


# --- functions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["exp", "silu", "gelu", "mish", "elu"])
@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 17, 33), (40000,)])
def test_functions(name: kernels.Function, shape: tuple[int, ...]) -> None:
    x = 6.0 * noise("x", shape)
    builtin = mx.exp if name == "exp" else getattr(nn, name)
    ours, theirs = poisoned(lambda: kernels.apply(name, x)), builtin(x)
    assert bool((mx.abs(ours - theirs) <= 1e-6 * mx.maximum(mx.abs(x), mx.abs(theirs)) + 2e-7).all())


def test_functions_at_their_ends() -> None:
    x = mx.array([-1e30, -200.0, -87.0, 0.0, 87.0, 200.0, 1e30])
    for name in ("silu", "gelu", "mish", "elu"):
        expected = mx.maximum(x, -1.0 if name == "elu" else 0.0)
        assert bool((mx.abs(kernels.apply(name, x) - expected) <= 1e-6 * (1.0 + mx.abs(x))).all())


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 40, 5), (2, 33, 64), (1, 300, 100)])
def test_snake(shape: tuple[int, ...]) -> None:
    x, alpha = 10.0 * noise("x", shape), 1.5 + noise("a", shape[-1:])
    turns, inverse = alpha / np.pi, 1.0 / alpha
    expected = x + mx.square(mx.sin(x * alpha)) * inverse
    close(poisoned(lambda: kernels.snake(x, turns, inverse)), expected, 2e-6)


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (2, 33, 192), (200, 100)])
def test_layer_norm(shape: tuple[int, ...]) -> None:
    x, weight, bias = 3.0 + noise("x", shape), noise("w", shape[-1:]), noise("b", shape[-1:])
    expected = mx.fast.layer_norm(x, weight, bias, 1e-5)
    close(poisoned(lambda: kernels.layer_norm(x, weight, bias, 1e-5)), expected, 5e-6)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5, 17), (2, 3, 40, 64), (300, 100)])
def test_softmax(shape: tuple[int, ...]) -> None:
    x = 5.0 * noise("x", shape)
    close(poisoned(lambda: kernels.softmax(x)), mx.softmax(x, axis=-1), 1e-6)
    hidden = mx.arange(shape[-1])[None] > mx.arange(shape[-2])[:, None]
    bias = mx.where(hidden, -mx.inf, 0.0)
    close(kernels.softmax(x, bias), mx.softmax(x + bias, axis=-1), 1e-6)


# --- attention and llama --------------------------------------------------------------------------------------------


def heads_of(x: mx.array, count: int) -> mx.array:
    return x.reshape(*x.shape[:2], count, -1).swapaxes(1, 2)


@pytest.mark.parametrize("window", [None, 1, 4, 50])
@pytest.mark.parametrize(
    "rows,count,heads,dim", [(1, 1, 1, 16), (5, 9, 2, 8), (20, 20, 3, 64), (33, 70, 2, 40), (130, 150, 2, 64)]
)
def test_attention(window: int | None, rows: int, count: int, heads: int, dim: int) -> None:
    q, k, v = (noise(name, (2, n, heads * dim)) for name, n in (("q", rows), ("k", count), ("v", count)))
    lag = mx.arange(count - rows, count)[:, None] - mx.arange(count)[None]
    bias = mx.where((lag >= 0) & (lag < window), 0.0, -mx.inf) if window else mx.zeros((rows, count))
    by_content = heads_of(q, heads) @ heads_of(k, heads).swapaxes(2, 3)

    def finished(scores: mx.array) -> mx.array:
        out = mx.softmax(scores * dim**-0.5 + bias, axis=-1) @ heads_of(v, heads)
        return out.swapaxes(1, 2).reshape(2, rows, -1)

    close(poisoned(lambda: kernels.attention(q, k, v, heads, window)), finished(by_content), 2e-6)

    u, w, table = noise("u", (heads, dim)), noise("w", (heads, dim)), noise("t", (count + rows - 1, heads * dim))
    by_content = (heads_of(q, heads) + u[:, None]) @ heads_of(k, heads).swapaxes(2, 3)
    all_distances = (heads_of(q, heads) + w[:, None]) @ heads_of(table[None], heads).swapaxes(2, 3)
    places = count - 1 - lag  # the table begins with distance count - 1
    by_distance = mx.take_along_axis(all_distances, mx.broadcast_to(places, by_content.shape), axis=-1)
    ours = poisoned(lambda: kernels.attention(q, k, v, heads, window, (u, w, table)))
    close(ours, finished(by_content + by_distance), 2e-6)


class Llama:
    """One layer's random weights, and its twin of MLX operations."""

    heads, kv_heads, hidden, inner, eps = 6, 2, 128, 96, 1e-5

    def __init__(self, bits: int, dim: int = 24) -> None:
        self.dim = dim
        shapes = {
            "qkv": ((self.heads + 2 * self.kv_heads) * self.dim, self.hidden),
            "o": (self.hidden, self.heads * self.dim),
            "gate_up": (2 * self.inner, self.hidden),
            "down": (self.hidden, self.inner),
        }
        self.weights, self.packed = {}, {}
        for name, shape in shapes.items():
            weight = noise(name, shape) * shape[1] ** -0.5
            if bits and shape[1] % 32 == 0:
                stored = mx.quantize(weight, group_size=32, bits=bits)
                self.weights[name] = mx.dequantize(*stored, group_size=32, bits=bits)
                self.packed[name] = kernels.pack_quantized(*stored, bits)
            else:
                self.weights[name], self.packed[name] = weight, kernels.pack(weight)
        self.norms = 1.0 + 0.1 * noise("n1", (self.hidden,)), 1.0 + 0.1 * noise("n2", (self.hidden,))
        self.tail = kernels.LlamaTail(
            self.packed["o"], self.norms[1], self.packed["gate_up"], self.packed["down"], self.eps
        )

    def run(self, x: mx.array, keys: mx.array, values: mx.array, angles: tuple[mx.array, mx.array]) -> mx.array:
        heads = self.heads, self.kv_heads
        q, k, v = kernels.llama_input(x, self.norms[0], self.packed["qkv"], angles, heads, self.eps)
        keys, values = mx.concatenate([keys, k], axis=2), mx.concatenate([values, v], axis=2)
        return kernels.llama_output(x, q, (keys, values), heads, self.tail)

    def twin(self, x: mx.array, keys: mx.array, values: mx.array, angles: tuple[mx.array, mx.array]) -> mx.array:
        length, total = angles[0].shape[0], self.heads + 2 * self.kv_heads
        normed = mx.fast.rms_norm(x, self.norms[0], self.eps)
        qkv = (normed @ self.weights["qkv"].T).reshape(-1, length, total, self.dim).swapaxes(1, 2)
        turned = qkv * angles[0] + mx.roll(qkv, self.dim // 2, -1) * angles[1]
        keys = mx.concatenate([keys, turned[:, self.heads : -self.kv_heads]], axis=2)
        values = mx.concatenate([values, qkv[:, -self.kv_heads :]], axis=2)
        return self.tail_twin(x, turned[:, : self.heads].swapaxes(1, 2).reshape(x.shape[0], -1), keys, values)

    def tail_twin(
        self, x: mx.array, queries: mx.array, keys: mx.array, values: mx.array, mask: mx.array | str = "causal"
    ) -> mx.array:
        q = queries.reshape(keys.shape[0], -1, self.heads, self.dim).swapaxes(1, 2)
        out = mx.fast.scaled_dot_product_attention(q, keys, values, scale=self.dim**-0.5, mask=mask)
        x = x + out.swapaxes(1, 2).reshape(x.shape[0], -1) @ self.weights["o"].T
        wide = mx.fast.rms_norm(x, self.norms[1], self.eps) @ self.weights["gate_up"].T
        gate, up = mx.split(wide, 2, axis=-1)
        return x + (gate * mx.sigmoid(gate) * up) @ self.weights["down"].T


def angles(length: int, dim: int) -> tuple[mx.array, mx.array]:
    turns = noise("angle", (length, dim // 2))
    cos, sin = mx.cos(turns), mx.sin(turns)
    return mx.concatenate([cos, cos], axis=-1), mx.concatenate([-sin, sin], axis=-1)


@pytest.mark.parametrize("bits", [0, 4, 6, 8])
@pytest.mark.parametrize("batch,length,before", [(1, 1, 9), (2, 1, 0), (1, 5, 3), (2, 20, 30)])
def test_llama(bits: int, batch: int, length: int, before: int) -> None:
    layer = Llama(bits)
    x = noise("x", (batch * length, layer.hidden))
    buffers = [noise(name, (batch, layer.kv_heads, before + 7, layer.dim)) for name in "kv"]
    keys, values = (buffer[:, :, :before] for buffer in buffers)  # as a cache gives them: part of something longer
    turns = angles(length, layer.dim)
    close(poisoned(lambda: layer.run(x, keys, values, turns)), layer.twin(x, keys, values, turns), 5e-6)
    same_for_any_threads(lambda: layer.run(x, keys, values, turns))


@pytest.mark.parametrize("bits", [0, 6])
def test_llama_position_by_position(bits: int) -> None:
    """Several positions in one pass are, bit for bit, what they are one after the other."""
    layer = Llama(bits)
    x, turns, norm = noise("x", (6, layer.hidden)), angles(6, layer.dim), layer.norms[0]
    heads = layer.heads, layer.kv_heads
    q, k, v = kernels.llama_input(x, norm, layer.packed["qkv"], turns, heads, layer.eps)
    together = kernels.llama_output(x, q, (k, v), heads, layer.tail)
    for i in range(6):
        row = x[i : i + 1], norm, layer.packed["qkv"], (turns[0][i : i + 1], turns[1][i : i + 1]), heads, layer.eps
        alone = kernels.llama_input(*row)
        assert mx.array_equal(alone[0], q[i : i + 1]) and mx.array_equal(alone[1], k[:, :, i : i + 1])
        held = k[:, :, : i + 1], v[:, :, : i + 1]
        out = kernels.llama_output(x[i : i + 1], alone[0], held, heads, layer.tail)
        assert mx.array_equal(out, together[i : i + 1])


@pytest.mark.parametrize("bits,cache_bits", [(0, 0), (4, 0), (4, 8), (4, 4)])
@pytest.mark.parametrize("batch,length,start", [(1, 1, 0), (1, 1, 11), (2, 1, 5), (2, 7, 4), (1, 12, 0)])
def test_a_pass_is_its_layers(bits: int, cache_bits: int, batch: int, length: int, start: int) -> None:
    """Bit for bit; it writes its keys and values where they belong, and nowhere else."""
    layers = Llama(bits, 32), Llama(bits, 32)
    first = layers[0]
    heads, room = (first.heads, first.kv_heads), 12
    x = noise("x", (batch, length, first.hidden))
    tables = angles(room, first.dim)
    now = tables[0][start : start + length], tables[1][start : start + length]
    stored = [noise(name, (batch, first.kv_heads, room, first.dim)) for name in ("k1", "v1", "k2", "v2")]
    if cache_bits:
        stored = [kernels.compress(*stored[i : i + 2], cache_bits) for i in (0, 2)]
    count = len(stored) // 2
    expected, flat = [mx.array(np.array(array)) for array in stored], x.reshape(-1, first.hidden)
    for i, layer in enumerate(layers):
        q, k, v = kernels.llama_input(flat, layer.norms[0], layer.packed["qkv"], now, heads, layer.eps)
        buffers = expected[count * i : count * (i + 1)]
        for buffer, new in zip(buffers, [kernels.compress(k, v, cache_bits)] if cache_bits else [k, v], strict=True):
            buffer[:, :, start : start + length] = new
        held = tuple(buffer[:, :, : start + length] for buffer in buffers)
        flat = kernels.llama_output(flat, q, held, heads, layer.tail)
    mx.eval(stored)
    states = kernels.llama_pass(all_layers(layers), x, tables, start, start, stored, mx.zeros((1,)))
    close(states, mx.fast.rms_norm(flat, first.norms[1], first.eps).reshape(x.shape), 2e-6)
    assert all(mx.array_equal(*pair) for pair in zip(stored, expected, strict=True))


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("batch,length,start,place", [(1, 1, 11, 4), (2, 3, 5, 7), (1, 6, 2, 0)])
def test_a_pass_goes_on_elsewhere(batch: int, length: int, start: int, place: int, kept: bool) -> None:
    """Bit for bit where some positions were forgotten: rotated by `start`, stored by `place`, queries in a ring."""
    layers = Llama(4, 32), Llama(4, 32)
    first, ring, room = layers[0], 4, 12
    heads, dim = (first.heads, first.kv_heads), first.dim
    x, tables = noise("x", (batch, length, first.hidden)), angles(20, dim)
    now = tables[0][start : start + length], tables[1][start : start + length]
    stored: list[mx.array] = []
    for name in "12":
        stored += [noise(kind + name, (batch, first.kv_heads, room, dim)) for kind in "kv"]
        if kept:
            starts = mx.array([0, *range(2, first.kv_heads + 2)], mx.int32)
            rows = int(starts[-1])
            stored += [noise(kind + name, (batch, rows, dim)) for kind in "KV"]
            stored += [noise("bias" + name, (rows,)), starts]
        stored.append(noise("q" + name, (batch, ring, first.heads * dim)))
    count = len(stored) // 2
    expected, flat = [mx.array(np.array(array)) for array in stored], x.reshape(-1, first.hidden)
    for i, layer in enumerate(layers):
        q, k, v = kernels.llama_input(flat, layer.norms[0], layer.packed["qkv"], now, heads, layer.eps)
        buffers = expected[count * i : count * (i + 1)]
        for buffer, new in zip(buffers[:2], (k, v), strict=True):
            buffer[:, :, place : place + length] = new
        for position in range(length):
            buffers[-1][:, (place + position) % ring] = q.reshape(batch, length, -1)[:, position]
        held = [buffer[:, :, : place + length] for buffer in buffers[:2]] + buffers[2:-1]
        flat = kernels.llama_output(flat, q, held, heads, layer.tail)
    mx.eval(stored)
    states = kernels.llama_pass(all_layers(layers), x, tables, start, place, stored, mx.zeros((1,)))
    close(states, mx.fast.rms_norm(flat, first.norms[1], first.eps).reshape(x.shape), 2e-6)
    assert all(mx.array_equal(*pair) for pair in zip(stored, expected, strict=True))


def all_layers(layers: Sequence[Llama]) -> kernels.LlamaLayers:
    first, kinds = layers[0], ("qkv", "o", "gate_up", "down")
    weights: list[mx.array] = []
    for layer in layers:
        qkv, o, gate_up, down = (layer.packed[kind].weights for kind in kinds)
        weights += [layer.norms[0], qkv, o, layer.norms[1], gate_up, down]
    sizes = [first.packed[kind].sizes for kind in kinds]
    return kernels.LlamaLayers(weights, sizes, first.norms[1], (first.heads, first.kv_heads), first.eps)


def test_a_pass_refuses_what_does_not_fit() -> None:
    layer = Llama(4)
    x, tables, after = noise("x", (2, 3, layer.hidden)), angles(9, layer.dim), mx.zeros((1,))
    held = [noise(name, (2, layer.kv_heads, 8, layer.dim)) for name in "kv"]
    layers = all_layers([layer])
    with pytest.raises(ValueError, match="no room for more keys"):
        kernels.llama_pass(layers, x, tables, 0, 6, held, after)
    with pytest.raises(ValueError, match="tables end before"):
        kernels.llama_pass(layers, x, tables, 7, 0, held, after)
    with pytest.raises(ValueError, match="1, 2, 3 or 7 arrays"):
        kernels.llama_pass(layers, x, tables, 0, 0, held * 2, after)
    with pytest.raises(ValueError, match="layers do not fit"):
        kernels.llama_pass(all_layers([layer, layer]), x, tables, 0, 0, held * 2 + held[:1], after)
    with pytest.raises(ValueError, match="of as many sequences"):
        kernels.llama_pass(layers, x[:1, :2], tables, 0, 0, held, after)
    with pytest.raises(ValueError, match="heads do not fit"):
        kernels.llama_pass(layers, x, angles(9, layer.dim + 2), 0, 0, held, after)
    for shape in ((1, 4, layer.heads * layer.dim), (2, 0, layer.heads * layer.dim), (2, 4, layer.dim)):
        with pytest.raises(ValueError, match="queries must be"):
            kernels.llama_pass(layers, x, tables, 0, 0, [*held, mx.zeros(shape)], after)
    apart = noise("k", (2, 8, layer.kv_heads, layer.dim)).swapaxes(1, 2)
    with pytest.raises(RuntimeError, match="in one piece"):
        mx.eval(kernels.llama_pass(layers, x, tables, 0, 0, [apart, held[1]], after))


# --- what caches hold -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("dim", [8, 16, 24, 40, 64, 72, 128])
def test_compress(bits: int, dim: int) -> None:
    for batch, heads, length in ((1, 1, 1), (2, 3, 5), (1, 4, 70)):
        keys, values = noise("k", (batch, heads, length, dim)), 5.0 + noise("v", (batch, heads, length, dim))
        theirs = compress(keys, values, bits)
        waste = [mx.full(theirs.shape, 0xFFFFFFFF, mx.uint32) for _ in range(4)]
        mx.eval(waste)
        del waste
        ours = kernels.compress(keys, values, bits)
        # Not bit for bit: on a tie a value may go to either neighbour.
        for mine, other in zip(expand(ours, bits), expand(theirs, bits), strict=True):
            assert float((mx.abs(mine - other) > 1e-5).mean()) < 0.001
    flat = mx.full((1, 1, 1, dim), 2.5)
    assert all(mx.array_equal(back, flat) for back in expand(kernels.compress(flat, flat, bits), bits))


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("batch,length,count", [(1, 1, 1), (2, 1, 9), (1, 5, 5), (2, 20, 75)])
@pytest.mark.parametrize("dim", [16, 24, 64, 72])
def test_attention_to_few_bits(bits: int, batch: int, length: int, count: int, dim: int) -> None:
    layer = Llama(0, dim)
    x, q = noise("x", (batch * length, layer.hidden)), noise("q", (batch * length, layer.heads * dim))
    keys, values = (noise(name, (batch, layer.kv_heads, count + 3, dim)) for name in "kv")
    rows = kernels.compress(keys, values, bits)[:, :, :count]  # as a cache gives it: part of something longer
    expected = layer.tail_twin(x, q, *expand(rows, bits))
    run = lambda: kernels.llama_output(x, q, (rows,), (layer.heads, layer.kv_heads), layer.tail)  # noqa: E731
    close(poisoned(run), expected, 5e-6)
    same_for_any_threads(run)


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
    # Both heads' rows padded to the same number, those that are not there hidden.
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
    run = lambda: kernels.llama_output(x, q, stored, heads, layer.tail)  # noqa: E731
    close(poisoned(run), layer.tail_twin(x, q, *joined, mask), 5e-6)
    same_for_any_threads(run)


@pytest.mark.parametrize("form", ["4 bits", "8 bits", "kept"])
def test_cached_position_by_position(form: str) -> None:
    """Several positions in one pass are, bit for bit, what they are one after the other."""
    layer = Llama(0, 64)
    heads = layer.heads, layer.kv_heads
    x, q = noise("x", (6, layer.hidden)), noise("q", (6, layer.heads * 64))
    keys, values = (noise(name, (1, layer.kv_heads, 20, 64)) for name in "kv")
    starts = mx.array([0, 3, 9], dtype=mx.int32)
    kept = noise("kk", (1, 9, 64)), noise("kv", (1, 9, 64)), noise("b", (9,)), starts

    def stored(count: int) -> tuple[mx.array, ...]:
        if form == "kept":
            return keys[:, :, :count], values[:, :, :count], *kept
        return (kernels.compress(keys, values, int(form[0]))[:, :, :count],)

    together = kernels.llama_output(x, q, stored(20), heads, layer.tail)
    for i in range(6):
        alone = kernels.llama_output(x[i : i + 1], q[i : i + 1], stored(15 + i), heads, layer.tail)
        assert mx.array_equal(alone, together[i : i + 1])


# --- choosing tokens ------------------------------------------------------------------------------------------------


def twin(sampler: Sampler, logits: mx.array, seen: mx.array | None, position: int) -> mx.array:
    with pytest.MonkeyPatch.context() as patch:
        use_backend(patch, Backend.CPU)
        return sampler.sample(logits, seen, position)


def chosen_like_twin(sampler: Sampler, logits: mx.array, seen: mx.array | None = None, position: int = 0) -> list[int]:
    """What `choose` gives: MLX's tokens, or one with as much noise where logarithms of another library decide a tie."""
    ours = poisoned(lambda: sampler.sample(logits, seen, position))
    theirs = twin(sampler, logits, seen, position)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    options = sampler.options
    for row in np.flatnonzero(np.array(ours) != np.array(theirs)).tolist():
        assert options.temperature > 0 and not bool(sampler.forbidden[ours[row]])
        scores = logits[row] if seen is None else penalize(logits[row], seen[row], options.repetition_penalty)
        noisy = scores / options.temperature + indexed_gumbel(
            sampler.key, [seed_key(position + row)], logits.shape[1]
        )
        assert float(mx.abs(noisy[0, ours[row]] - noisy[0, theirs[row]])) <= 1e-5
    return ours.tolist()


def allowing_all(width: int, options: SpeakOptions, seed: int = 0) -> Sampler:
    return Sampler(options, seed_key(seed), mx.zeros((width,), mx.bool_))


@pytest.mark.parametrize("width", [1, 2, 3, 16, 17, 63, 64, 700, 6563])
@pytest.mark.parametrize("penalty", [1.0, 1.3])
@pytest.mark.parametrize(
    "temperature,min_p", [(0.0, 0.0), (0.0, 0.05), (0.5, 0.05), (1.0, 0.0), (2.0, 0.3), (1.0, 1.0)]
)
def test_sample_tokens(width: int, penalty: float, temperature: float, min_p: float) -> None:
    options = SpeakOptions(temperature=temperature, min_p=min_p, repetition_penalty=penalty)
    for rows in (1, 2, 6, 37):
        logits = 3.0 * noise("logits", (rows, width))
        forbidden = noise("forbidden", (width,)) > 1.0
        seen = noise("seen", logits.shape) > 0.5 if penalty > 1 else None
        chosen_like_twin(Sampler(options, seed_key(rows), forbidden), logits, seen, position=rows)


def test_sample_tokens_many_rows() -> None:
    logits = 2.0 * noise("logits", (4000, 99))
    tokens = chosen_like_twin(allowing_all(99, SpeakOptions(temperature=1.5)), logits)
    assert len(set(tokens)) == 99


def test_sample_tokens_position_by_position() -> None:
    logits, seen = 2.0 * noise("logits", (6, 333)), noise("seen", (6, 333)) > 0.0
    sampler = allowing_all(333, SpeakOptions(temperature=2.0, repetition_penalty=1.2))
    together = sampler.sample(logits, seen, 40).tolist()
    assert len(set(together)) > 1
    assert together == [int(sampler.sample(logits[i : i + 1], seen[i : i + 1], 40 + i)) for i in range(6)]


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**63 - 1, 2**64 - 1])
@pytest.mark.parametrize("position", [0, 1, 2**31, 2**32 - 3, 2**32, 2**63 + 5, 2**64 - 40])
def test_sample_tokens_with_any_seed_and_position(seed: int, position: int) -> None:
    sampler = allowing_all(65, SpeakOptions(temperature=1.0, min_p=0.0), seed)
    assert len(set(chosen_like_twin(sampler, mx.zeros((9, 65)), position=position))) > 1


def test_sample_tokens_among_ties() -> None:
    flat = mx.zeros((50, 40))
    assert set(chosen_like_twin(allowing_all(40, SpeakOptions(temperature=0.0)), flat)) == {0}
    assert len(set(chosen_like_twin(allowing_all(40, SpeakOptions(min_p=1.0)), flat))) > 20
    # What lies on the floor of min-p is kept, what lies next below it is not.
    floor = float(np.log(np.float64(0.25)).astype(np.float32))
    steps = mx.array([0.0, floor, float(np.nextafter(np.float32(floor), np.float32(-9.0)))])
    tokens = chosen_like_twin(
        allowing_all(3, SpeakOptions(temperature=1.0, min_p=0.25)), mx.repeat(steps[None], 200, 0)
    )
    assert set(tokens) == {0, 1}


@pytest.mark.parametrize("temperature,min_p", [(0.0, 0.0), (0.5, 0.05), (1.0, 0.0)])
def test_sample_tokens_at_the_ends(temperature: float, min_p: float) -> None:
    options = SpeakOptions(temperature=temperature, min_p=min_p)
    logits = noise("logits", (30, 33))
    forbidden = mx.arange(33) != 29
    assert set(chosen_like_twin(Sampler(options, seed_key(0), forbidden), logits)) == {29}
    assert set(chosen_like_twin(Sampler(options, seed_key(0), mx.ones((33,), mx.bool_)), logits)) == {0}
    impossible = mx.where(mx.arange(33) < 17, -mx.inf, logits)
    assert min(chosen_like_twin(allowing_all(33, options), impossible)) >= 17
    for value in (-mx.inf, mx.nan):
        assert set(chosen_like_twin(allowing_all(33, options), mx.full((9, 33), value))) == {0}
    for scale in (1e-30, 1e8, 1e30):
        chosen_like_twin(allowing_all(33, options), logits * scale)
    said = mx.where(mx.arange(33) < 9, -mx.inf, logits)
    penalizing = SpeakOptions(temperature=temperature, min_p=min_p, repetition_penalty=2.0)
    chosen_like_twin(allowing_all(33, penalizing), said, mx.ones(said.shape, mx.bool_))


def test_the_loudest_noise_is_finite() -> None:
    """A uniform number that would be rounded to 1 stays below, and its noise is 16.6."""
    position, entry, width = 426, 1498, 6563
    key = seed_key(0)
    assert float(mx.random.uniform(shape=(width,), key=fold_in(key, position))[entry]) == float(1 - mx.array(2.0**-24))
    sampler, ids = allowing_all(width, SpeakOptions(temperature=1.0, min_p=0.0)), mx.arange(width)
    for rival in (7, 5000):
        for below, winner in ((12.0, entry), (25.0, rival)):
            logits = mx.where(ids == entry, -below, mx.where(ids == rival, 0.0, -60.0))
            assert chosen_like_twin(sampler, logits[None], None, position) == [winner]


def test_sample_tokens_in_any_order_of_memory() -> None:
    wide, mask = 2.0 * noise("logits", (12, 80)), noise("mask", (12, 80)) > 0.5
    options = SpeakOptions(temperature=1.0, repetition_penalty=1.5)
    key = mx.array([1, 2, 3, 4], dtype=mx.uint32)[::2]
    views: list[Callable[[mx.array], mx.array]] = [
        lambda x: x[:, 8:48], lambda x: x[::2, ::2], lambda x: x[:, :12].T, lambda x: mx.broadcast_to(x[:1], (5, 80)),
        lambda x: x[3:4, 5:],
    ]  # fmt: skip
    for view in views:
        logits, seen = view(wide), view(mask)
        for forbidden in (mask[1, : logits.shape[1]], mx.repeat(mask[0], 2)[::2][: logits.shape[1]]):
            chosen_like_twin(Sampler(options, key, forbidden), logits, seen)


def test_top_p_is_left_to_mlx(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, native = noise("logits", (20, 30)), kernels.sample_tokens
    for top_p, expected in ((0.5, 0), (1.0, 1)):
        calls: list[object] = []
        monkeypatch.setattr(kernels, "sample_tokens", lambda *given, calls=calls: calls.append(given) or native(*given))
        mx.eval(allowing_all(30, SpeakOptions(top_p=top_p)).sample(logits, None, 0))
        assert len(calls) == expected


# --- threads, processes, mistakes -----------------------------------------------------------------------------------


def test_results_do_not_depend_on_threads() -> None:
    x, weight = noise("x", (1, 400, 96)), noise("w", (80, 3, 96))
    packed = kernels.pack_taps(weight)
    quantized = kernels.pack_quantized(*mx.quantize(noise("q", (500, 128)), bits=6), 6)
    same_for_any_threads(lambda: kernels.conv1d(x, packed, 3))
    same_for_any_threads(lambda: kernels.multiply(x.reshape(-1, 128)[:9], quantized))
    same_for_any_threads(lambda: kernels.apply("mish", x))
    same_for_any_threads(lambda: kernels.attention(x, x, x, 3, 20))
    same_for_any_threads(lambda: kernels.attention(x, x, x, 3))


def test_two_streams_at_once() -> None:
    x, packed = noise("x", (300, 96)), kernels.pack(noise("w", (96, 96)))
    expected = np.array(kernels.multiply(x, packed))
    streams = [mx.new_stream(mx.cpu) for _ in range(2)]
    for _ in range(10):
        results = []
        for stream in streams:
            with mx.stream(stream):
                results += [kernels.multiply(x, packed) for _ in range(5)]
        mx.async_eval(results)
        assert all(np.array_equal(np.array(result), expected) for result in results)


HASH = """
import hashlib, mlx.core as mx, numpy as np
from nightingale.kernels import cpu as kernels
kernels._native.use_instruction_set("{name}")
x = mx.random.normal((5, 384), key=mx.random.key(1))
w = mx.random.normal((999, 384), key=mx.random.key(2))
a = kernels.multiply(x, kernels.pack(w))
b = kernels.multiply(x, kernels.pack_quantized(*mx.quantize(w, bits=6), 6))
print(hashlib.sha256(np.array(mx.concatenate([a, b])).tobytes()).hexdigest())
"""


def test_many_processes_at_once_agree() -> None:
    code = HASH.format(name=kernels._native.instruction_set())
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    results = {process.communicate(timeout=120)[0] for process in running}
    assert len(results) == 1 and len(results.pop().strip()) == 64


def test_mistakes_are_refused() -> None:
    x, weight = noise("x", (4, 64)), noise("w", (10, 64))
    packed = kernels.pack(weight)
    stored = mx.quantize(weight, bits=4)
    layer, keys = Llama(0), noise("k", (1, 2, 3, 24))

    nothing, key = mx.zeros((64,), mx.bool_), seed_key(0)

    def read_cache(*held: mx.array) -> mx.array:
        queries = noise("q", (1, layer.heads * layer.dim))
        return kernels.llama_output(noise("x", (1, layer.hidden)), queries, held, (6, 2), layer.tail)

    for wrong in (
        lambda: kernels.multiply(x[:, :32], packed),
        lambda: kernels.multiply(x.astype(mx.float16), packed),
        lambda: kernels.multiply(x, packed, noise("b", (11,))),
        lambda: kernels.multiply(x, packed, None, x),
        lambda: kernels.multiply(x, kernels.PackedMatrix(packed.weights, 64, 999)),
        lambda: kernels.conv1d(x[None], kernels.pack_taps(noise("t", (8, 9, 64))), 9),
        lambda: kernels.pack(mx.zeros((4, 4), mx.float16)),
        lambda: kernels.pack_quantized(stored[0], stored[1][:5], stored[2][:5], 4),
        lambda: kernels.pack_quantized(*stored, 7),
        lambda: kernels.apply("tan", x),
        lambda: kernels.snake(x, weight, weight),
        lambda: kernels.attention(x[None], x[None, :2], x[None, :2], 4, 5),
        lambda: kernels.softmax(x, x[:1]),
        lambda: kernels.compress(x[None, None], x[None, None], 3),
        lambda: kernels.compress(x[None, None, :, :12], x[None, None, :, :12], 4),
        lambda: kernels.sample_tokens(x.astype(mx.float16), nothing, (key, 0), 1.0, 0.0),
        lambda: kernels.sample_tokens(x[0], nothing, (key, 0), 1.0, 0.0),
        lambda: kernels.sample_tokens(x[:, :0], nothing[:0], (key, 0), 1.0, 0.0),
        lambda: kernels.sample_tokens(x, nothing[1:], (key, 0), 1.0, 0.0),
        lambda: kernels.sample_tokens(x, nothing.astype(mx.float32), (key, 0), 1.0, 0.0),
        lambda: kernels.sample_tokens(x, nothing, (key[:1], 0), 1.0, 0.0),
        lambda: kernels.sample_tokens(x, nothing, (key.astype(mx.int32), 0), 1.0, 0.0),
        lambda: kernels.sample_tokens(x, nothing, (key, 0), 1.0, 0.0, (nothing[None], 2.0)),
        lambda: kernels.sample_tokens(x, nothing, (key, 0), 1.0, 0.0, (x, 2.0)),
        lambda: kernels.sample_tokens(x, nothing, (key, 0), 1.0, 0.0, (x > 0, 0.5)),
        lambda: read_cache(keys, keys[:, :, 1:]),
        lambda: read_cache(keys.astype(mx.float16), keys),
        lambda: read_cache(keys),
        lambda: read_cache(kernels.compress(keys, keys, 8)[..., 1:]),
        lambda: read_cache(keys, keys, keys[0], keys[0]),
        lambda: read_cache(keys, keys, keys[0], keys[0], mx.zeros((9,)), mx.array([0, 1, 3])),
        lambda: read_cache(keys, keys, keys[0], keys[0], mx.zeros((3,)), mx.array([0, 1, 3, 3])),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_switched_off() -> None:
    code = "from nightingale.kernels import cpu as kernels; print(kernels.available(), kernels.description())"
    environment = os.environ | {"NIGHTINGALE_KERNELS": "off"}
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert told.stdout.startswith("False switched off")
