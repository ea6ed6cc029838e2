"""Filters against their definitions, noise against its promises."""

from __future__ import annotations

import math

import mlx.core as mx
import numpy as np
import pytest

from nightingale.decoding.sampling import Sampler, apply_cfg, histories
from nightingale.kernels.noise import fold_in, indexed_gumbel, indexed_normal, seed_key
from nightingale.kernels.sampling import keep_min_p, keep_top_p, penalize
from nightingale.options import SamplingOptions

NEVER = mx.zeros((5,), mx.bool_)


def kept(logits: mx.array) -> list[int]:
    return [i for i, value in enumerate(logits[0].tolist()) if value != -math.inf]


def log(*probs: float) -> mx.array:
    return mx.log(mx.array([probs]))


def test_guide() -> None:
    logits = mx.array([[[1.0, 2.0]], [[3.0, 1.0]]])
    assert apply_cfg(logits, 0.5).tolist() == [[0.0, 2.5]]
    assert apply_cfg(logits[:1], 0.5).tolist() == [[1.0, 2.0]]


def test_penalize_only_what_was_said() -> None:
    logits = mx.array([[2.0, -2.0, 2.0, -2.0]])
    seen = mx.array([[True, True, False, False]])
    assert penalize(logits, seen, 2.0).tolist() == [[1.0, -4.0, 2.0, -2.0]]


def test_min_p() -> None:
    assert kept(keep_min_p(log(0.5, 0.26, 0.14, 0.1), 0.25)) == [0, 1, 2]
    assert kept(keep_min_p(log(0.5, 0.26, 0.14, 0.1), 1.0)) == [0]


@pytest.mark.parametrize(
    ("top_p", "expected"), [(0.0, [2]), (0.45, [2]), (0.55, [0, 2]), (0.85, [0, 1, 2]), (1.0, [0, 1, 2, 3])]
)
def test_top_p(top_p: float, expected: list[int]) -> None:
    assert kept(keep_top_p(log(0.3, 0.15, 0.5, 0.05), top_p)) == expected


def test_histories_are_one_a_place() -> None:
    rows = histories(mx.array([[False, True, False, False]]), mx.array([3, 0]))
    assert rows is not None
    assert [[i for i, said in enumerate(row) if said] for row in rows.tolist()] == [[1], [1, 3], [0, 1, 3]]
    assert histories(None, mx.array([3])) is None


def test_keys_differ_wherever_their_numbers_do() -> None:
    keys = {
        tuple(fold_in(seed_key(seed), a, b).tolist())
        for seed in (0, 1, 2, 2**32, 2**63 - 1)
        for a in (0, 1, 2, 2**32)
        for b in (0, 1, 2)
    }
    assert len(keys) == 5 * 4 * 3
    assert fold_in(seed_key(0), 1, 2).tolist() == fold_in(fold_in(seed_key(0), 1), 2).tolist()


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 200), (63, 65), (64, 128), (100, 100), (1000, 1001)])
def test_normal_noise_depends_on_the_absolute_row(start: int, stop: int) -> None:
    key = seed_key(7)
    whole = np.array(indexed_normal(key, 0, 1100, 3))
    np.testing.assert_array_equal(np.array(indexed_normal(key, start, stop, 3)), whole[start:stop])


def test_normal_noise_is_normal() -> None:
    noise = np.array(indexed_normal(seed_key(1), 0, 2000, 20))
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1) < 0.02
    assert abs(np.corrcoef(noise[:-64].ravel(), noise[64:].ravel())[0, 1]) < 0.02  # a block is not its neighbour


def test_gumbel_noise_depends_on_the_absolute_position() -> None:
    positions = [seed_key(i) for i in range(9)]
    whole = np.array(indexed_gumbel(seed_key(3), positions, 4))
    np.testing.assert_array_equal(np.array(indexed_gumbel(seed_key(3), positions[5:7], 4)), whole[5:7])
    assert len(np.unique(whole)) == whole.size


def test_a_token_depends_on_seed_and_position_only() -> None:
    sampler = Sampler(SamplingOptions(temperature=1.0, min_p=0.0), seed_key(11), NEVER)
    logits = mx.random.normal((30, 5), key=mx.random.key(0))
    together = sampler.sample(logits, None, 4).tolist()
    alone = [sampler.sample(logits[i : i + 1], None, 4 + i).tolist()[0] for i in range(30)]
    assert together == alone
    other = Sampler(SamplingOptions(temperature=1.0, min_p=0.0), seed_key(12), NEVER)
    assert other.sample(logits, None, 4).tolist() != together


def test_forbidden_tokens_are_never_said() -> None:
    forbidden = mx.array([True, False, True, False, True])
    for temperature in (0.0, 2.0):
        sampler = Sampler(SamplingOptions(temperature=temperature, min_p=0.0), seed_key(0), forbidden)
        said = set(sampler.sample(mx.broadcast_to(mx.array([9.0, 0, 9, 0, 9]), (200, 5)), None, 0).tolist())
        assert said <= {1, 3}


def test_greedy_has_no_noise() -> None:
    logits = mx.random.normal((50, 5), key=mx.random.key(0))
    sampler = Sampler(SamplingOptions(temperature=0.0), seed_key(0), NEVER)
    assert sampler.sample(logits, None, 0).tolist() == mx.argmax(logits, axis=-1).tolist()


def test_tokens_come_as_often_as_their_probabilities_say() -> None:
    """Chi-squared over 6000 positions, with temperature and a filter; 99.9 % of honest samplers pass."""
    num, logits = 6000, mx.array([0.0, 1.0, 0.5, -1.0, -4.0])
    sampler = Sampler(SamplingOptions(temperature=0.8, min_p=0.05), seed_key(21), NEVER)
    counts = np.zeros(5)
    for start in range(0, num, 500):
        tokens = sampler.sample(mx.broadcast_to(logits, (500, 5)), None, start)
        counts += np.bincount(np.array(tokens), minlength=5)
    probs = np.exp(np.array(logits) / 0.8)
    probs[4] = 0  # below min_p
    expected = num * probs / probs.sum()
    assert counts[4] == 0
    chi_squared = float((((counts - expected) ** 2)[:4] / expected[:4]).sum())
    assert chi_squared < 16.27  # 3 degrees of freedom
