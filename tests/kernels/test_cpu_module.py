"""The module of C++ kernels: threads, streams, processes, wrong arguments, the switch in the environment."""

import os
import subprocess
import sys

import mlx.core as mx
import numpy as np
import pytest
from conftest import ROOT
from native_kernels import NATIVE, Llama, assert_same_for_any_threads, instruction_set  # noqa: F401
from tiny import noise

from nightingale.kernels import cpu
from nightingale.kernels.noise import seed_key

pytestmark = NATIVE


def test_results_do_not_depend_on_threads() -> None:
    x, weight = noise("x", (1, 400, 96)), noise("w", (80, 3, 96))
    packed = cpu.pack_taps(weight)
    quantized = cpu.pack_quantized(*mx.quantize(noise("q", (500, 128)), bits=6), 6)
    assert_same_for_any_threads(lambda: cpu.conv1d(x, packed, 3))
    assert_same_for_any_threads(lambda: cpu.multiply(x.reshape(-1, 128)[:9], quantized))
    assert_same_for_any_threads(lambda: cpu.apply("mish", x))
    assert_same_for_any_threads(lambda: cpu.attention(x, x, x, 3, 20))
    assert_same_for_any_threads(lambda: cpu.attention(x, x, x, 3))


def test_two_streams_at_once() -> None:
    x, packed = noise("x", (300, 96)), cpu.pack(noise("w", (96, 96)))
    expected = np.array(cpu.multiply(x, packed))
    streams = [mx.new_stream(mx.cpu) for _ in range(2)]
    for _ in range(10):
        results = []
        for stream in streams:
            with mx.stream(stream):
                results += [cpu.multiply(x, packed) for _ in range(5)]
        mx.async_eval(results)
        assert all(np.array_equal(np.array(result), expected) for result in results)


HASH = """
import hashlib, mlx.core as mx, numpy as np
from nightingale.kernels import cpu
cpu._native.use_instruction_set("{name}")
x = mx.random.normal((5, 384), key=mx.random.key(1))
w = mx.random.normal((999, 384), key=mx.random.key(2))
a = cpu.multiply(x, cpu.pack(w))
b = cpu.multiply(x, cpu.pack_quantized(*mx.quantize(w, bits=6), 6))
print(hashlib.sha256(np.array(mx.concatenate([a, b])).tobytes()).hexdigest())
"""


def test_many_processes_at_once_agree() -> None:
    code = HASH.format(name=cpu._native.instruction_set())
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    results = {process.communicate(timeout=120)[0] for process in running}
    assert len(results) == 1 and len(results.pop().strip()) == 64


def test_arguments_that_do_not_fit_are_rejected() -> None:
    x, weight = noise("x", (4, 64)), noise("w", (10, 64))
    packed = cpu.pack(weight)
    stored = mx.quantize(weight, bits=4)
    layer, keys = Llama(0), noise("k", (1, 2, 3, 24))
    nothing, key = mx.zeros((64,), mx.bool_), seed_key(0)

    def read_cache(*held: mx.array) -> mx.array:
        queries = noise("q", (1, layer.heads * layer.dim))
        return cpu.llama_output(noise("x", (1, layer.hidden)), queries, held, (6, 2), layer.tail)

    for wrong in (
        lambda: cpu.multiply(x[:, :32], packed),
        lambda: cpu.multiply(x.astype(mx.float16), packed),
        lambda: cpu.multiply(x, packed, noise("b", (11,))),
        lambda: cpu.multiply(x, packed, None, x),
        lambda: cpu.multiply(x, cpu.PackedMatrix(packed.weights, 64, 999)),
        lambda: cpu.conv1d(x[None], cpu.pack_taps(noise("t", (8, 9, 64))), 9),
        lambda: cpu.pack(mx.zeros((4, 4), mx.float16)),
        lambda: cpu.pack_quantized(stored[0], stored[1][:5], stored[2][:5], 4),
        lambda: cpu.pack_quantized(*stored, 7),
        lambda: cpu.apply("tan", x),
        lambda: cpu.snake(x, weight, weight),
        lambda: cpu.attention(x[None], x[None, :2], x[None, :2], 4, 5),
        lambda: cpu.softmax(x, x[:1]),
        lambda: cpu.compress(x[None, None], x[None, None], 3),
        lambda: cpu.compress(x[None, None, :, :12], x[None, None, :, :12], 4),
        lambda: cpu.sample_tokens(x.astype(mx.float16), nothing, (key, 0), 1.0, 0.0),
        lambda: cpu.sample_tokens(x[0], nothing, (key, 0), 1.0, 0.0),
        lambda: cpu.sample_tokens(x[:, :0], nothing[:0], (key, 0), 1.0, 0.0),
        lambda: cpu.sample_tokens(x, nothing[1:], (key, 0), 1.0, 0.0),
        lambda: cpu.sample_tokens(x, nothing.astype(mx.float32), (key, 0), 1.0, 0.0),
        lambda: cpu.sample_tokens(x, nothing, (key[:1], 0), 1.0, 0.0),
        lambda: cpu.sample_tokens(x, nothing, (key.astype(mx.int32), 0), 1.0, 0.0),
        lambda: cpu.sample_tokens(x, nothing, (key, 0), 1.0, 0.0, (nothing[None], 2.0)),
        lambda: cpu.sample_tokens(x, nothing, (key, 0), 1.0, 0.0, (x, 2.0)),
        lambda: cpu.sample_tokens(x, nothing, (key, 0), 1.0, 0.0, (x > 0, 0.5)),
        lambda: read_cache(keys, keys[:, :, 1:]),
        lambda: read_cache(keys.astype(mx.float16), keys),
        lambda: read_cache(keys),
        lambda: read_cache(cpu.compress(keys, keys, 8)[..., 1:]),
        lambda: read_cache(keys, keys, keys[0], keys[0]),
        lambda: read_cache(keys, keys, keys[0], keys[0], mx.zeros((9,)), mx.array([0, 1, 3])),
        lambda: read_cache(keys, keys, keys[0], keys[0], mx.zeros((3,)), mx.array([0, 1, 3, 3])),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_switched_off_by_the_environment() -> None:
    code = "from nightingale.kernels import cpu; print(cpu.available(), cpu.description())"
    environment = os.environ | {"NIGHTINGALE_KERNELS": "off"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("False switched off")
