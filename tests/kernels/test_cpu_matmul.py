"""Products and convolutions of the C++ kernels against MLX: odd sizes, every precision, any strides."""

import mlx.core as mx
import pytest
from native_kernels import NATIVE, instruction_set, poisoned  # noqa: F401
from tiny import close, noise

from nightingale.kernels import cpu

pytestmark = NATIVE


@pytest.mark.parametrize("outputs,inputs", [(1, 1), (31, 7), (32, 16), (33, 65), (100, 80), (192, 193), (300, 384)])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 14, 15, 57, 130])
def test_multiply(outputs: int, inputs: int, rows: int) -> None:
    weight, x = noise("w", (outputs, inputs)), noise("x", (rows, inputs))
    bias, residual = noise("b", (outputs,)), noise("r", (rows, outputs))
    packed = cpu.pack(weight)
    close(poisoned(lambda: cpu.multiply(x, packed)), x @ weight.T, 2e-6)
    close(poisoned(lambda: cpu.multiply(x, packed, bias, residual)), x @ weight.T + bias + residual, 2e-6)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("group", [32, 64, 128])
def test_quantized_multiply(bits: int, group: int) -> None:
    for outputs, inputs, rows in ((1, 128, 1), (63, 256, 2), (65, 384, 3), (130, 128, 16), (200, 256, 37)):
        weight = noise("w", (outputs, inputs))
        stored = mx.quantize(weight, group_size=group, bits=bits)
        packed = cpu.pack_quantized(*stored, bits)
        unpacked = poisoned(lambda stored=stored: cpu.dequantize(*stored, bits))
        close(unpacked, mx.dequantize(*stored, group_size=group, bits=bits), 1e-6)
        assert (packed.inputs, packed.outputs, packed.group) == (inputs, outputs, group)
        x, residual = noise("x", (rows, inputs)), noise("r", (rows, outputs))
        expected = x @ mx.dequantize(*stored, group_size=group, bits=bits).T
        close(poisoned(lambda x=x, p=packed: cpu.multiply(x, p)), expected, 2e-6)
        close(cpu.multiply(x, packed, residual[0], residual), expected + residual[0] + residual, 2e-6)


@pytest.mark.parametrize("bits", [0, 4, 6, 8])
def test_a_row_has_the_same_result_in_any_batch(bits: int) -> None:
    """Bit for bit: otherwise speculative decoding would change tokens that are nearly tied."""
    weight, x = noise("w", (333, 384)), noise("x", (37, 384))
    packed = cpu.pack_quantized(*mx.quantize(weight, bits=bits), bits) if bits else cpu.pack(weight)
    whole = cpu.multiply(x, packed)
    for first, count in ((0, 1), (36, 1), (5, 2), (7, 3), (3, 4), (1, 5), (0, 16), (9, 20)):
        assert mx.array_equal(cpu.multiply(x[first : first + count], packed), whole[first : first + count])


@pytest.mark.parametrize("taps,dilation", [(1, 1), (3, 1), (7, 5), (2, 3)])
@pytest.mark.parametrize("channels", [(5, 7), (64, 64), (80, 50), (33, 96)])
def test_conv1d(taps: int, dilation: int, channels: tuple[int, int]) -> None:
    weight, bias = noise("w", (channels[1], taps, channels[0])), noise("b", (channels[1],))
    packed = cpu.pack_taps(weight)
    for batch, rows in ((1, 1), (1, 60), (2, 17)):
        x = noise("x", (batch, rows + (taps - 1) * dilation, channels[0]))
        residual = noise("r", (batch, rows, channels[1]))
        expected = mx.conv1d(x, weight, 1, 0, dilation) + bias
        run = lambda x=x: cpu.conv1d(x, packed, taps, dilation, bias)  # noqa: E731
        close(poisoned(run), expected, 2e-6)
        close(cpu.conv1d(x, packed, taps, dilation, bias, residual), expected + residual, 2e-6)
        assert cpu.conv1d(x[:, : (taps - 1) * dilation], packed, taps, dilation, bias).shape[1] == 0


def test_multiply_strided_inputs() -> None:
    weight, wide = noise("w", (40, 24)), noise("x", (3, 30, 48))
    packed = cpu.pack(weight)
    views = [
        wide[:, :, 8:32], wide[:, ::2, :24], wide[1, 3:9, 4:28], wide[:, :, ::2], wide[:, :24].swapaxes(1, 2),
        mx.broadcast_to(wide[:1, :, :24], (3, 30, 24)), wide[:, 2:3, :24], wide.reshape(3, 2, 15, 48)[..., :24],
    ]  # fmt: skip
    for x in views:
        close(cpu.multiply(x, packed), x @ weight.T, 2e-6)
    close(cpu.multiply(views[0], cpu.pack(noise("v", (24, 40)).T)), views[0] @ noise("v", (24, 40)), 2e-6)
    transposed = noise("r", (40, 30)).T
    close(cpu.multiply(wide[0, :, :24], packed, None, transposed), wide[0, :, :24] @ weight.T + transposed, 2e-6)
