"""Masks and relative positions of S3Gen's attention."""

import mlx.core as mx
import numpy as np

from nightingale.kernels.attention import skew, window_bias


def test_skew_brings_each_distance_to_its_key() -> None:
    rows, keys = 3, 5
    distances = mx.arange(keys - 1, -rows, -1)
    by_key = skew(mx.broadcast_to(distances, (1, 1, rows, keys + rows - 1)), keys)
    expected = [[keys - rows + i - j for j in range(keys)] for i in range(rows)]
    assert by_key[0, 0].tolist() == expected


def test_window_bias_masks_all_but_the_window() -> None:
    bias = window_bias(3, 5, 2)
    assert np.isfinite(np.array(bias)).astype(int).tolist() == [[0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]
