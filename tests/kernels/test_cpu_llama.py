"""A Llama layer and a whole pass of the C++ kernels: against MLX, and against each other bit for bit."""

from collections.abc import Sequence

import mlx.core as mx
import numpy as np
import pytest
from native_kernels import NATIVE, Llama, assert_same_for_any_threads, instruction_set, poisoned, rotary_angles  # noqa: F401
from tiny import close, noise

from nightingale.kernels import cpu

pytestmark = NATIVE


def pass_layers(layers: Sequence[Llama]) -> cpu.LlamaLayers:
    """For llama_pass; after the last layer comes the second norm of the first."""
    first, kinds = layers[0], ("qkv", "o", "gate_up", "down")
    weights: list[mx.array] = []
    for layer in layers:
        qkv, o, gate_up, down = (layer.packed[kind].weights for kind in kinds)
        weights += [layer.norms[0], qkv, o, layer.norms[1], gate_up, down]
    sizes = [first.packed[kind].sizes for kind in kinds]
    return cpu.LlamaLayers(weights, sizes, first.norms[1], (first.heads, first.kv_heads), first.eps)


@pytest.mark.parametrize("bits", [0, 4, 6, 8])
@pytest.mark.parametrize("batch,length,before", [(1, 1, 9), (2, 1, 0), (1, 5, 3), (2, 20, 30)])
def test_llama_layer(bits: int, batch: int, length: int, before: int) -> None:
    layer = Llama(bits)
    x = noise("x", (batch * length, layer.hidden))
    buffers = [noise(name, (batch, layer.kv_heads, before + 7, layer.dim)) for name in "kv"]
    keys, values = (buffer[:, :, :before] for buffer in buffers)  # views of longer arrays, as a cache gives them
    turns = rotary_angles(length, layer.dim)
    close(poisoned(lambda: layer.run(x, keys, values, turns)), layer.reference(x, keys, values, turns), 5e-6)
    assert_same_for_any_threads(lambda: layer.run(x, keys, values, turns))


@pytest.mark.parametrize("bits", [0, 6])
def test_llama_layer_position_by_position(bits: int) -> None:
    """Several positions in one call have the same results, bit for bit, as one after the other."""
    layer = Llama(bits)
    x, turns, norm = noise("x", (6, layer.hidden)), rotary_angles(6, layer.dim), layer.norms[0]
    heads = layer.heads, layer.kv_heads
    q, k, v = cpu.llama_input(x, norm, layer.packed["qkv"], turns, heads, layer.eps)
    together = cpu.llama_output(x, q, (k, v), heads, layer.tail)
    for i in range(6):
        row = x[i : i + 1], norm, layer.packed["qkv"], (turns[0][i : i + 1], turns[1][i : i + 1]), heads, layer.eps
        alone = cpu.llama_input(*row)
        assert mx.array_equal(alone[0], q[i : i + 1]) and mx.array_equal(alone[1], k[:, :, i : i + 1])
        held = k[:, :, : i + 1], v[:, :, : i + 1]
        out = cpu.llama_output(x[i : i + 1], alone[0], held, heads, layer.tail)
        assert mx.array_equal(out, together[i : i + 1])


@pytest.mark.parametrize("bits,cache_bits", [(0, 0), (4, 0), (4, 8), (4, 4)])
@pytest.mark.parametrize("batch,length,start", [(1, 1, 0), (1, 1, 11), (2, 1, 5), (2, 7, 4), (1, 12, 0)])
def test_pass_equals_its_layers(bits: int, cache_bits: int, batch: int, length: int, start: int) -> None:
    """Bit for bit; keys and values are written at their positions and nowhere else."""
    layers = Llama(bits, 32), Llama(bits, 32)
    first = layers[0]
    heads, capacity = (first.heads, first.kv_heads), 12
    x = noise("x", (batch, length, first.hidden))
    tables = rotary_angles(capacity, first.dim)
    now = tables[0][start : start + length], tables[1][start : start + length]
    stored = [noise(name, (batch, first.kv_heads, capacity, first.dim)) for name in ("k1", "v1", "k2", "v2")]
    if cache_bits:
        stored = [cpu.compress(*stored[i : i + 2], cache_bits) for i in (0, 2)]
    count = len(stored) // 2
    expected, flat = [mx.array(np.array(array)) for array in stored], x.reshape(-1, first.hidden)
    for i, layer in enumerate(layers):
        q, k, v = cpu.llama_input(flat, layer.norms[0], layer.packed["qkv"], now, heads, layer.eps)
        buffers = expected[count * i : count * (i + 1)]
        for buffer, new in zip(buffers, [cpu.compress(k, v, cache_bits)] if cache_bits else [k, v], strict=True):
            buffer[:, :, start : start + length] = new
        held = tuple(buffer[:, :, : start + length] for buffer in buffers)
        flat = cpu.llama_output(flat, q, held, heads, layer.tail)
    mx.eval(stored)
    states = cpu.llama_pass(pass_layers(layers), x, tables, start, start, stored, mx.zeros((1,)))
    close(states, mx.fast.rms_norm(flat, first.norms[1], first.eps).reshape(x.shape), 2e-6)
    assert all(mx.array_equal(*pair) for pair in zip(stored, expected, strict=True))


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("batch,length,start,write_index", [(1, 1, 11, 4), (2, 3, 5, 7), (1, 6, 2, 0)])
def test_pass_after_an_eviction(batch: int, length: int, start: int, write_index: int, kept: bool) -> None:
    """Bit for bit after some positions were evicted: rotated by `start`, written from `write_index` on."""
    layers = Llama(4, 32), Llama(4, 32)
    first, ring, capacity = layers[0], 4, 12
    heads, dim = (first.heads, first.kv_heads), first.dim
    x, tables = noise("x", (batch, length, first.hidden)), rotary_angles(20, dim)
    now = tables[0][start : start + length], tables[1][start : start + length]
    stored: list[mx.array] = []
    for name in "12":
        stored += [noise(kind + name, (batch, first.kv_heads, capacity, dim)) for kind in "kv"]
        if kept:
            starts = mx.array([0, *range(2, first.kv_heads + 2)], mx.int32)
            rows = int(starts[-1])
            stored += [noise(kind + name, (batch, rows, dim)) for kind in "KV"]
            stored += [noise("bias" + name, (rows,)), starts]
        stored.append(noise("q" + name, (batch, ring, first.heads * dim)))
    count = len(stored) // 2
    expected, flat = [mx.array(np.array(array)) for array in stored], x.reshape(-1, first.hidden)
    for i, layer in enumerate(layers):
        q, k, v = cpu.llama_input(flat, layer.norms[0], layer.packed["qkv"], now, heads, layer.eps)
        buffers = expected[count * i : count * (i + 1)]
        for buffer, new in zip(buffers[:2], (k, v), strict=True):
            buffer[:, :, write_index : write_index + length] = new
        for position in range(length):
            buffers[-1][:, (start + position) % ring] = q.reshape(batch, length, -1)[:, position]
        held = [buffer[:, :, : write_index + length] for buffer in buffers[:2]] + buffers[2:-1]
        flat = cpu.llama_output(flat, q, held, heads, layer.tail)
    mx.eval(stored)
    states = cpu.llama_pass(pass_layers(layers), x, tables, start, write_index, stored, mx.zeros((1,)))
    close(states, mx.fast.rms_norm(flat, first.norms[1], first.eps).reshape(x.shape), 2e-6)
    assert all(mx.array_equal(*pair) for pair in zip(stored, expected, strict=True))


def test_pass_rejects_arguments_that_do_not_fit() -> None:
    layer = Llama(4)
    x, tables, after = noise("x", (2, 3, layer.hidden)), rotary_angles(9, layer.dim), mx.zeros((1,))
    held = [noise(name, (2, layer.kv_heads, 8, layer.dim)) for name in "kv"]
    layers = pass_layers([layer])
    with pytest.raises(ValueError, match="no room for more keys"):
        cpu.llama_pass(layers, x, tables, 0, 6, held, after)
    with pytest.raises(ValueError, match="tables end before"):
        cpu.llama_pass(layers, x, tables, 7, 0, held, after)
    with pytest.raises(ValueError, match="1, 2 or 6 arrays"):
        cpu.llama_pass(layers, x, tables, 0, 0, held * 2, after)
    with pytest.raises(ValueError, match="layers do not fit"):
        cpu.llama_pass(pass_layers([layer, layer]), x, tables, 0, 0, held * 2 + held[:1], after)
    with pytest.raises(ValueError, match="of as many sequences"):
        cpu.llama_pass(layers, x[:1, :2], tables, 0, 0, held, after)
    with pytest.raises(ValueError, match="heads do not fit"):
        cpu.llama_pass(layers, x, rotary_angles(9, layer.dim + 2), 0, 0, held, after)
    for shape in ((1, 4, layer.heads * layer.dim), (2, 4, layer.dim)):
        with pytest.raises(ValueError, match="queries must be"):
            cpu.llama_pass(layers, x, tables, 0, 0, [*held, mx.zeros(shape)], after)
    strided = noise("k", (2, 8, layer.kv_heads, layer.dim)).swapaxes(1, 2)
    with pytest.raises(RuntimeError, match="in one piece"):
        mx.eval(cpu.llama_pass(layers, x, tables, 0, 0, [strided, held[1]], after))
