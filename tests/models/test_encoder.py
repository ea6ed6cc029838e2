"""The encoder against the official module, and piece by piece against itself."""

import dataclasses

import mlx.core as mx
import numpy as np
import pytest
from tiny import close, encoder_config, fill, golden, noise

from nightingale.kernels.linear import pack_layers
from nightingale.models.s3gen.encoder import Encoder, RelativeAttention, relative_positions


def test_matches_the_official_module() -> None:
    encoder = Encoder(encoder_config())
    fill(encoder, "encoder.")
    close(encoder(noise("embedded", (1, 7, 16))), golden("s3gen")["encoder"])


def test_matches_the_official_module_with_a_banded_mask() -> None:
    encoder = Encoder(encoder_config(window=3))
    fill(encoder, "encoder.")
    close(encoder(noise("embedded", (1, 7, 16))), golden("s3gen")["encoder_window"])


def test_relative_positions_are_odd_in_sine_and_even_in_cosine() -> None:
    table = np.array(relative_positions(4, 4, 6))
    np.testing.assert_allclose(table[:, 0::2], -table[::-1, 0::2], atol=1e-6)
    np.testing.assert_allclose(table[:, 1::2], table[::-1, 1::2], atol=1e-6)


@pytest.mark.parametrize("packed", [False, True])
def test_positions_do_not_depend_on_what_was_asked_for_before(packed: bool) -> None:
    """Bit for bit: or a sentence would sound otherwise after a longer one."""
    config = dataclasses.replace(encoder_config(), hidden_size=192)

    def attention() -> RelativeAttention:
        fresh = RelativeAttention(config)
        fill(fresh, "attention.")
        if packed:
            pack_layers(fresh)
        return fresh

    used = attention()
    for back, ahead in ((40, 9), (3, 70), (400, 300), (40, 9), (0, 0), (127, 128), (128, 129)):
        positions = used._positions(back, ahead)
        assert positions.shape == (back + ahead + 1, 192)
        assert mx.array_equal(positions, attention()._positions(back, ahead))
        close(positions, used.pos_proj(relative_positions(back, ahead, 192)), 1e-5)


@pytest.mark.parametrize("pieces", [[1] * 30, [4, 1, 12, 13], [30, 0], [2, 28], [0, 29, 1]])
def test_pieces_give_what_the_whole_gives(pieces: list[int]) -> None:
    encoder = Encoder(encoder_config(window=5))
    fill(encoder, "encoder.")
    x = noise("long", (1, 30, 16))
    state, outputs, at = encoder.start(), [], 0
    for i, count in enumerate(pieces):
        y, state = encoder.step(x[:, at : at + count], state, last=i == len(pieces) - 1)
        at += count
        assert i == len(pieces) - 1 or sum(o.shape[1] for o in outputs) + y.shape[1] == 2 * max(0, at - 3)
        outputs.append(y)
    close(mx.concatenate(outputs, axis=1), encoder(x), 1e-5)


def test_window_bounds_what_is_seen() -> None:
    encoder = Encoder(encoder_config(window=5))
    fill(encoder, "encoder.")
    x = noise("long", (1, 40, 16))
    changed = mx.concatenate([x[:, :1] + 1.0, x[:, 1:]], axis=1)
    difference = np.abs(np.array(encoder(x) - encoder(changed)))[0].max(axis=1)
    assert difference[:20].max() > 1e-2
    # two blocks of 5 tokens, one of 10 frames and the convolutions' reach: nothing of token 0 is left after 20 tokens
    assert difference[40:].max() == 0.0


def test_only_the_look_ahead_is_seen_ahead() -> None:
    encoder = Encoder(encoder_config(window=5))
    fill(encoder, "encoder.")
    x = noise("long", (1, 20, 16))
    changed = mx.concatenate([x[:, :12], x[:, 12:] + 1.0], axis=1)
    difference = np.abs(np.array(encoder(x) - encoder(changed)))[0].max(axis=1)
    assert difference[: 2 * 9].max() < 1e-6
    assert difference[2 * 9] > 1e-3
