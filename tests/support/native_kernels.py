"""Helpers for tests of the C++ kernels: instruction sets, reused memory, thread counts, a Llama layer for reference."""

from collections.abc import Callable, Iterator

import mlx.core as mx
import numpy as np
import pytest
from tiny import noise

from nightingale.kernels import cpu

INSTRUCTION_SETS = cpu._native.instruction_sets() if cpu.available() else []
NATIVE = [
    pytest.mark.skipif(not cpu.available(), reason=f"no native kernels: {cpu.description()}"),
    pytest.mark.usefixtures("instruction_set"),
]  # the mark of a module of tests, which also imports `instruction_set`


@pytest.fixture(params=INSTRUCTION_SETS)
def instruction_set(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs a test with each instruction set of this processor, and resets the choice after it."""
    assert cpu._native.use_instruction_set(request.param)
    yield
    cpu._native.use_instruction_set(INSTRUCTION_SETS[0])
    cpu._native.set_num_threads(0)


def poisoned(make: Callable[[], mx.array]) -> mx.array:
    """The result of `make` when MLX reuses memory full of NaN; it must be finite, so all of it was written."""
    size = make().size
    freed = [mx.full((size,), float("nan")) for _ in range(4)]
    mx.eval(freed)
    del freed
    result = make()
    assert bool(mx.isfinite(result).all())
    return result


def assert_same_for_any_threads(make: Callable[[], mx.array]) -> None:
    results = []
    for count in (1, 2, 3, 7):
        cpu._native.set_num_threads(count)
        results += [np.array(make()) for _ in range(3)]
    assert all(np.array_equal(result, results[0]) for result in results)


class Llama:
    """A layer with random weights: by the kernels, and in MLX's operations for reference."""

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
                self.packed[name] = cpu.pack_quantized(*stored, bits)
            else:
                self.weights[name], self.packed[name] = weight, cpu.pack(weight)
        self.norms = 1.0 + 0.1 * noise("n1", (self.hidden,)), 1.0 + 0.1 * noise("n2", (self.hidden,))
        o, gate_up, down = (self.packed[name] for name in ("o", "gate_up", "down"))
        self.tail = cpu.LlamaTail(o, self.norms[1], gate_up, down, self.eps)

    def run(self, x: mx.array, keys: mx.array, values: mx.array, angles: tuple[mx.array, mx.array]) -> mx.array:
        heads = self.heads, self.kv_heads
        q, k, v = cpu.llama_input(x, self.norms[0], self.packed["qkv"], angles, heads, self.eps)
        keys, values = mx.concatenate([keys, k], axis=2), mx.concatenate([values, v], axis=2)
        return cpu.llama_output(x, q, (keys, values), heads, self.tail)

    def reference(self, x: mx.array, keys: mx.array, values: mx.array, angles: tuple[mx.array, mx.array]) -> mx.array:
        length, total = angles[0].shape[0], self.heads + 2 * self.kv_heads
        normed = mx.fast.rms_norm(x, self.norms[0], self.eps)
        qkv = (normed @ self.weights["qkv"].T).reshape(-1, length, total, self.dim).swapaxes(1, 2)
        rotated = qkv * angles[0] + mx.roll(qkv, self.dim // 2, -1) * angles[1]
        keys = mx.concatenate([keys, rotated[:, self.heads : -self.kv_heads]], axis=2)
        values = mx.concatenate([values, qkv[:, -self.kv_heads :]], axis=2)
        return self.reference_tail(x, rotated[:, : self.heads].swapaxes(1, 2).reshape(x.shape[0], -1), keys, values)

    def reference_tail(
        self, x: mx.array, queries: mx.array, keys: mx.array, values: mx.array, mask: mx.array | str = "causal"
    ) -> mx.array:
        q = queries.reshape(keys.shape[0], -1, self.heads, self.dim).swapaxes(1, 2)
        out = mx.fast.scaled_dot_product_attention(q, keys, values, scale=self.dim**-0.5, mask=mask)
        x = x + out.swapaxes(1, 2).reshape(x.shape[0], -1) @ self.weights["o"].T
        wide = mx.fast.rms_norm(x, self.norms[1], self.eps) @ self.weights["gate_up"].T
        gate, up = mx.split(wide, 2, axis=-1)
        return x + (gate * mx.sigmoid(gate) * up) @ self.weights["down"].T


def rotary_angles(length: int, dim: int) -> tuple[mx.array, mx.array]:
    """Cosines and sines (length, dim) of random angles, the sines of the first half negated."""
    turns = noise("angle", (length, dim // 2))
    cos, sin = mx.cos(turns), mx.sin(turns)
    return mx.concatenate([cos, cos], axis=-1), mx.concatenate([-sin, sin], axis=-1)
