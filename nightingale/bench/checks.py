"""Checks of the results: what all settings must have in common, and how far lossy settings may be from the baseline."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nightingale.bench.measure import BenchResult, SettingResult
from nightingale.bench.settings import BASELINE, KERNELS, KERNELS_SPECULATION
from nightingale.models.dsp import MEL_N_FFT, mel_spectrogram

OTHER_SEED = "other seed"
_DB = 20.0 / math.log(10.0)  # mel spectra are natural logarithms
_TOLERANCE = 1.25  # a lossy setting may be this many times as far from the baseline as another seed is

Distances = dict[str, dict[str, float]]  # setting key or OTHER_SEED -> text -> dB
Verdict = Literal["passed", "FAILED", "not checked"]


@dataclass(frozen=True)
class Check:
    """One check. detail: the values, or the settings and texts that failed."""

    title: str
    verdict: Verdict
    detail: str


def mel_distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean difference in dB between the log mel spectra of two sounds, aligned by dynamic time warping.

    Without alignment a single additional token would shift everything after it.
    """
    if min(len(a), len(b)) < MEL_N_FFT // 2:  # too short for a spectrum
        return 0.0 if len(a) == len(b) else math.inf
    first, second = mel_spectrogram(a)[0], mel_spectrogram(b)[0]
    costs = np.stack([np.abs(second - frame).mean(axis=-1) for frame in first]).astype(np.float64)
    total, steps = _warp(costs)
    return float(total / steps * _DB)


def _warp(costs: NDArray[np.float64]) -> tuple[float, int]:
    """Dynamic time warping: total cost and length of the cheapest path from corner to corner of a cost matrix."""
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    steps = np.zeros((rows + 1, columns + 1), np.int64)
    total[0, 0] = 0.0
    for diagonal in range(2, rows + columns + 1):  # the cells of a diagonal are independent of each other
        i = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        j = diagonal - i
        totals = np.stack([total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]])
        lengths = np.stack([steps[i - 1, j - 1], steps[i - 1, j], steps[i, j - 1]])
        best = totals.argmin(axis=0)
        at = np.arange(len(i))
        total[i, j] = costs[i - 1, j - 1] + totals[best, at]
        steps[i, j] = lengths[best, at] + 1
    return float(total[-1, -1]), int(steps[-1, -1])


def measure_distances(result: BenchResult) -> Distances:
    """Mel distances of every setting from the baseline, and under OTHER_SEED of two seeds with the same setting."""
    baseline, last = result.rows[0].texts, result.rows[-1].texts
    distances = {
        row.setting.key: {
            name: mel_distance(baseline[name].samples, text.samples) for name, text in row.texts.items()
        }
        for row in result.rows
    }
    distances[OTHER_SEED] = {
        name: mel_distance(last[name].samples, samples) for name, samples in result.other_seed.items()
    }
    return distances


def check(result: BenchResult, distances: Distances) -> list[Check]:
    """All checks, in the order in which they are shown."""
    return [
        _check_num_samples(result),
        _check_num_tokens(result),
        _check_repeatable(result),
        _check_speculation(result),
        _check_spectra(result, distances),
    ]


def _as_check(title: str, failures: dict[str, list[str]], detail: str) -> Check:
    """failures: setting key -> what failed. detail: shown if nothing failed."""
    failed = [f"{key} ({', '.join(found)})" for key, found in failures.items() if found]
    return Check(title, "FAILED" if failed else "passed", "; ".join(failed) or detail)


def _lossless(result: BenchResult) -> list[SettingResult]:
    return [row for row in result.rows if row.setting.lossless and row.setting is not BASELINE]


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _check_num_samples(result: BenchResult) -> Check:
    expected = {name: len(text.samples) for name, text in result.rows[0].texts.items()}
    failures = {
        row.setting.key: [
            f"{name}: {len(text.samples)}, not {expected[name]}"
            for name, text in row.texts.items()
            if len(text.samples) != expected[name]
        ]
        for row in _lossless(result)
    }
    return _as_check("lossless settings: same number of samples as the baseline", failures, _listed(expected.values()))


def _check_num_tokens(result: BenchResult) -> Check:
    """Every run of a setting must have the same number of tokens; in lossless settings, that of the baseline."""
    expected = {name: text.num_tokens for name, text in result.rows[0].texts.items()}
    failures: dict[str, list[str]] = {}
    for row in result.rows:
        for name, text in row.texts.items():
            counts = {run.statistics.num_tokens for run in text.runs}
            if counts != {expected[name] if row.setting.lossless else text.num_tokens}:
                failures.setdefault(row.setting.key, []).append(f"{name}: {_listed(sorted(counts))}")
    title = "same number of tokens in every run, in lossless settings that of the baseline"
    return _as_check(title, failures, _listed(expected.values()))


def _check_repeatable(result: BenchResult) -> Check:
    failures = {
        row.setting.key: [name for name, text in row.texts.items() if len({run.sha256 for run in text.runs}) > 1]
        for row in result.rows
    }
    return _as_check("same hash in every run of a setting", failures, f"{result.rounds} runs")


def _check_speculation(result: BenchResult) -> Check:
    """With the kernels, a row of a product has the same bits whether it is computed alone or among others."""
    title = "kernels: same hash with and without speculation"
    off, on = result.row(KERNELS), result.row(KERNELS_SPECULATION)
    if off is None or on is None:
        return Check(title, "not checked", "the kernels do not run here")
    failed = [name for name, text in off.texts.items() if text.runs[0].sha256 != on.texts[name].runs[0].sha256]
    return _as_check(title, {KERNELS_SPECULATION.key: failed}, f"{len(off.texts)} texts")


def _check_spectra(result: BenchResult, distances: Distances) -> Check:
    """One different token changes all later ones: a lossy setting may be as far from the baseline as another seed."""
    limit = _TOLERANCE * max(distances[OTHER_SEED].values())
    lossy = {row.setting.key: distances[row.setting.key] for row in result.rows if not row.setting.lossless}
    failures = {
        key: [f"{name}: {db:.1f} dB" for name, db in of_texts.items() if db > limit]
        for key, of_texts in lossy.items()
    }
    largest = [f"{key} {max(of_texts.values()):.1f}" for key, of_texts in lossy.items()]
    detail = f"{', '.join(largest)} dB at most; limit {limit:.1f} dB"
    return _as_check("lossy settings: spectra as near to the baseline as another seed", failures, detail)
