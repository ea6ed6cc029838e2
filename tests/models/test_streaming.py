"""The memory of causal layers between two pieces of their input."""

import mlx.core as mx
import pytest
from tiny import noise

from nightingale.models.layers import Conv1d
from nightingale.models.streaming import StreamingContext, pad_both


def test_pieces_continue_where_the_last_one_ended() -> None:
    x = noise("x", (1, 10, 3))
    convolution, attention = Conv1d(3, 3, 5), object()
    whole = StreamingContext()
    expected = whole.extend(convolution, x), whole.append(attention, x, 3)
    assert expected[0].shape == (1, 14, 3) and expected[1].shape == (1, 10, 3)
    first = StreamingContext()
    first.extend(convolution, x[:, :2]), first.append(attention, x[:, :2], 3)
    second = StreamingContext(first.memory)
    assert mx.array_equal(second.append(attention, x[:, 2:], 3), expected[1])  # in another order than before
    assert mx.array_equal(second.extend(convolution, x[:, 2:]), expected[0][:, 2:])
    assert second.memory.keys() == whole.memory.keys()
    for layer, rows in second.memory.items():
        assert mx.array_equal(rows, whole.memory[layer])


def test_a_layer_asks_once_in_a_pass() -> None:
    context, convolution = StreamingContext(), Conv1d(3, 3, 5)
    context.extend(convolution, mx.zeros((1, 2, 3)))
    with pytest.raises(AssertionError, match="asked twice"):
        context.extend(convolution, mx.zeros((1, 2, 3)))


def test_pad_both() -> None:
    assert pad_both(mx.ones((1, 2, 1)), 4)[0, :, 0].tolist() == [0, 0, 1, 1, 0, 0]
