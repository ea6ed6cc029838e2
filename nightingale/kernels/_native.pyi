"""The C++ kernels; native/ops.h says what each function computes and the shapes of its arguments."""

from collections.abc import Sequence

import mlx.core as mx

MLX_VERSION: str

_Sizes = tuple[int, int, int, int]  # inputs, outputs, bits, group size

def num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
def instruction_set() -> str: ...
def use_instruction_set(name: str) -> bool: ...
def instruction_sets() -> list[str]: ...
def pack_panels(weight: mx.array) -> mx.array: ...
def pack_blocks(weight: mx.array, scales: mx.array, biases: mx.array, bits: int) -> mx.array: ...
def unpack(weight: mx.array, scales: mx.array, biases: mx.array, bits: int) -> mx.array: ...
def multiply(
    x: mx.array,
    weights: mx.array,
    sizes: _Sizes,
    taps: int,
    dilation: int,
    bias: mx.array | None,
    residual: mx.array | None,
) -> mx.array: ...
def apply(activation: str, x: mx.array) -> mx.array: ...
def snake(x: mx.array, turns: mx.array, inverse_alpha: mx.array) -> mx.array: ...
def layer_norm(x: mx.array, weight: mx.array, bias: mx.array, eps: float) -> mx.array: ...
def softmax(scores: mx.array, bias: mx.array | None) -> mx.array: ...
def attention(
    queries: mx.array, keys: mx.array, values: mx.array, positions: list[mx.array], heads: int, window: int
) -> mx.array: ...
def llama_input(
    x: mx.array,
    norm: mx.array,
    qkv: mx.array,
    sizes: _Sizes,
    cosines: mx.array,
    sines: mx.array,
    heads: int,
    kv_heads: int,
    eps: float,
) -> tuple[mx.array, mx.array, mx.array]: ...
def llama_output(
    x: mx.array,
    queries: mx.array,
    stored: Sequence[mx.array],
    heads: int,
    kv_heads: int,
    o: mx.array,
    norm: mx.array,
    gate_up: mx.array,
    down: mx.array,
    o_sizes: _Sizes,
    gate_up_sizes: _Sizes,
    down_sizes: _Sizes,
    eps: float,
) -> mx.array: ...
def llama_pass(
    x: mx.array,
    tables: tuple[mx.array, mx.array],
    start: int,
    write_index: int,
    weights: Sequence[mx.array],
    last_norm: mx.array,
    stored: Sequence[mx.array],
    after: mx.array,
    sizes: Sequence[_Sizes],
    heads: int,
    kv_heads: int,
    eps: float,
) -> mx.array: ...
def compress(keys: mx.array, values: mx.array, bits: int) -> mx.array: ...
def choose(
    logits: mx.array,
    forbidden: mx.array,
    key: mx.array,
    position: int,
    temperature: float,
    min_p: float,
    seen: mx.array | None,
    penalty: float,
) -> mx.array: ...
