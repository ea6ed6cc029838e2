"""Tokens that the C++ kernels sample against those that MLX samples with the same noise."""

from collections.abc import Callable

import mlx.core as mx
import numpy as np
import pytest
from native_kernels import NATIVE, instruction_set, poisoned  # noqa: F401
from tiny import noise, use_backend

from nightingale.decoding.sampling import Sampler
from nightingale.kernels import cpu
from nightingale.kernels.backend import Backend
from nightingale.kernels.noise import fold_in, indexed_gumbel, seed_key
from nightingale.kernels.sampling import penalize
from nightingale.options import SamplingOptions

pytestmark = NATIVE


def sample_by_mlx(sampler: Sampler, logits: mx.array, seen: mx.array | None, position: int) -> mx.array:
    with pytest.MonkeyPatch.context() as patch:
        use_backend(patch, Backend.CPU)
        return sampler.sample(logits, seen, position)


def sample_like_mlx(sampler: Sampler, logits: mx.array, seen: mx.array | None = None, position: int = 0) -> list[int]:
    """Tokens by the kernel: MLX's, or nearly tied with them where the logarithms of two libraries differ."""
    ours = poisoned(lambda: sampler.sample(logits, seen, position))
    theirs = sample_by_mlx(sampler, logits, seen, position)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    options = sampler.options
    for row in np.flatnonzero(np.array(ours) != np.array(theirs)).tolist():
        assert options.temperature > 0 and not bool(sampler.forbidden[ours[row]])
        scores = logits[row] if seen is None else penalize(logits[row], seen[row], options.repetition_penalty)
        gumbel = indexed_gumbel(sampler.key, [seed_key(position + row)], logits.shape[1])
        noisy = scores / options.temperature + gumbel
        assert float(mx.abs(noisy[0, ours[row]] - noisy[0, theirs[row]])) <= 1e-5
    return ours.tolist()


def sampler_of_all(width: int, options: SamplingOptions, seed: int = 0) -> Sampler:
    """A sampler without forbidden tokens."""
    return Sampler(options, seed_key(seed), mx.zeros((width,), mx.bool_))


@pytest.mark.parametrize("width", [1, 2, 3, 16, 17, 63, 64, 700, 6563])
@pytest.mark.parametrize("penalty", [1.0, 1.3])
@pytest.mark.parametrize(
    "temperature,min_p", [(0.0, 0.0), (0.0, 0.05), (0.5, 0.05), (1.0, 0.0), (2.0, 0.3), (1.0, 1.0)]
)
def test_sample_tokens(width: int, penalty: float, temperature: float, min_p: float) -> None:
    options = SamplingOptions(temperature=temperature, min_p=min_p, repetition_penalty=penalty)
    for rows in (1, 2, 6, 37):
        logits = 3.0 * noise("logits", (rows, width))
        forbidden = noise("forbidden", (width,)) > 1.0
        seen = noise("seen", logits.shape) > 0.5 if penalty > 1 else None
        sample_like_mlx(Sampler(options, seed_key(rows), forbidden), logits, seen, position=rows)


def test_sample_tokens_many_rows() -> None:
    logits = 2.0 * noise("logits", (4000, 99))
    tokens = sample_like_mlx(sampler_of_all(99, SamplingOptions(temperature=1.5)), logits)
    assert len(set(tokens)) == 99


def test_sample_tokens_position_by_position() -> None:
    logits, seen = 2.0 * noise("logits", (6, 333)), noise("seen", (6, 333)) > 0.0
    sampler = sampler_of_all(333, SamplingOptions(temperature=2.0, repetition_penalty=1.2))
    together = sampler.sample(logits, seen, 40).tolist()
    assert len(set(together)) > 1
    assert together == [int(sampler.sample(logits[i : i + 1], seen[i : i + 1], 40 + i)) for i in range(6)]


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**63 - 1, 2**64 - 1])
@pytest.mark.parametrize("position", [0, 1, 2**31, 2**32 - 3, 2**32, 2**63 + 5, 2**64 - 40])
def test_sample_tokens_with_any_seed_and_position(seed: int, position: int) -> None:
    sampler = sampler_of_all(65, SamplingOptions(temperature=1.0, min_p=0.0), seed)
    assert len(set(sample_like_mlx(sampler, mx.zeros((9, 65)), position=position))) > 1


def test_sample_tokens_among_ties() -> None:
    flat = mx.zeros((50, 40))
    assert set(sample_like_mlx(sampler_of_all(40, SamplingOptions(temperature=0.0)), flat)) == {0}
    assert len(set(sample_like_mlx(sampler_of_all(40, SamplingOptions(min_p=1.0)), flat))) > 20
    # A logit equal to the min-p floor is kept, the next lower float is not.
    floor = float(np.log(np.float64(0.25)).astype(np.float32))
    steps = mx.array([0.0, floor, float(np.nextafter(np.float32(floor), np.float32(-9.0)))])
    sampler = sampler_of_all(3, SamplingOptions(temperature=1.0, min_p=0.25))
    tokens = sample_like_mlx(sampler, mx.repeat(steps[None], 200, 0))
    assert set(tokens) == {0, 1}


@pytest.mark.parametrize("temperature,min_p", [(0.0, 0.0), (0.5, 0.05), (1.0, 0.0)])
def test_sample_tokens_in_limiting_cases(temperature: float, min_p: float) -> None:
    options = SamplingOptions(temperature=temperature, min_p=min_p)
    logits = noise("logits", (30, 33))
    forbidden = mx.arange(33) != 29
    assert set(sample_like_mlx(Sampler(options, seed_key(0), forbidden), logits)) == {29}
    assert set(sample_like_mlx(Sampler(options, seed_key(0), mx.ones((33,), mx.bool_)), logits)) == {0}
    impossible = mx.where(mx.arange(33) < 17, -mx.inf, logits)
    assert min(sample_like_mlx(sampler_of_all(33, options), impossible)) >= 17
    for value in (-mx.inf, mx.nan):
        assert set(sample_like_mlx(sampler_of_all(33, options), mx.full((9, 33), value))) == {0}
    for scale in (1e-30, 1e8, 1e30):
        sample_like_mlx(sampler_of_all(33, options), logits * scale)
    excluded = mx.where(mx.arange(33) < 9, -mx.inf, logits)
    penalizing = SamplingOptions(temperature=temperature, min_p=min_p, repetition_penalty=2.0)
    sample_like_mlx(sampler_of_all(33, penalizing), excluded, mx.ones(excluded.shape, mx.bool_))


def test_the_greatest_noise_is_finite() -> None:
    """A uniform number that rounding would make 1 is limited to the float below, whose noise is 16.6."""
    position, entry, width = 426, 1498, 6563
    key = seed_key(0)
    assert float(mx.random.uniform(shape=(width,), key=fold_in(key, position))[entry]) == float(1 - mx.array(2.0**-24))
    sampler, ids = sampler_of_all(width, SamplingOptions(temperature=1.0, min_p=0.0)), mx.arange(width)
    for rival in (7, 5000):
        for below, winner in ((12.0, entry), (25.0, rival)):
            logits = mx.where(ids == entry, -below, mx.where(ids == rival, 0.0, -60.0))
            assert sample_like_mlx(sampler, logits[None], None, position) == [winner]


def test_sample_tokens_strided_inputs() -> None:
    wide, mask = 2.0 * noise("logits", (12, 80)), noise("mask", (12, 80)) > 0.5
    options = SamplingOptions(temperature=1.0, repetition_penalty=1.5)
    key = mx.array([1, 2, 3, 4], dtype=mx.uint32)[::2]
    views: list[Callable[[mx.array], mx.array]] = [
        lambda x: x[:, 8:48], lambda x: x[::2, ::2], lambda x: x[:, :12].T, lambda x: mx.broadcast_to(x[:1], (5, 80)),
        lambda x: x[3:4, 5:],
    ]  # fmt: skip
    for view in views:
        logits, seen = view(wide), view(mask)
        for forbidden in (mask[1, : logits.shape[1]], mx.repeat(mask[0], 2)[::2][: logits.shape[1]]):
            sample_like_mlx(Sampler(options, key, forbidden), logits, seen)


def test_top_p_is_computed_by_mlx(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, native = noise("logits", (20, 30)), cpu.sample_tokens
    for top_p, expected in ((0.5, 0), (1.0, 1)):
        calls: list[object] = []
        monkeypatch.setattr(cpu, "sample_tokens", lambda *given, calls=calls: calls.append(given) or native(*given))
        mx.eval(sampler_of_all(30, SamplingOptions(top_p=top_p)).sample(logits, None, 0))
        assert len(calls) == expected
