"""What must be the same in all rows, and how far the sound of the lossy ones is from the baseline's."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nightingale.bench.measure import Measured, Row
from nightingale.bench.rows import BASELINE, KERNELS, KERNELS_SPECULATION
from nightingale.models.dsp import mel_spectrogram

_DB = 20.0 / math.log(10.0)  # the mel is in natural logarithms

_FARTHER = 1.25  # how much farther than another reading a lossy row may be
OTHER_SEED = "other seed"

OffDb = dict[str, dict[str, float]]  # row, then text -> dB from the baseline
Verdict = Literal["held", "NOT held", "not checked"]


@dataclass(frozen=True)
class Check:
    """One line of the list. detail: what was found, for each row where it matters."""

    title: str
    verdict: Verdict
    detail: str


def mel_distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean difference of two sounds' log mels in dB, each frame of one against those of the other that fit it best.

    One token more or less moves all that comes after it: hence the alignment, by dynamic time warping.
    """
    if min(len(a), len(b)) < 960:  # two frames, less than which has no spectrum
        return 0.0 if len(a) == len(b) else math.inf
    first, second = mel_spectrogram(a)[0], mel_spectrogram(b)[0]
    costs = np.stack([np.abs(second - frame).mean(axis=-1) for frame in first]).astype(np.float64)
    total, steps = _warped(costs)
    return float(total / steps * _DB)


def _warped(costs: NDArray[np.float64]) -> tuple[float, int]:
    """The cheapest way from corner to corner of a matrix, and how many cells it has."""
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    steps = np.zeros((rows + 1, columns + 1), np.int64)
    total[0, 0] = 0.0
    for diagonal in range(2, rows + columns + 1):  # cells of a diagonal do not need each other
        i = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        j = diagonal - i
        before = np.stack([total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]])
        counts = np.stack([steps[i - 1, j - 1], steps[i - 1, j], steps[i, j - 1]])
        best = before.argmin(axis=0)
        at = np.arange(len(i))
        total[i, j] = costs[i - 1, j - 1] + before[best, at]
        steps[i, j] = counts[best, at] + 1
    return float(total[-1, -1]), int(steps[-1, -1])


def distances(measured: Measured) -> OffDb:
    """Row -> text -> dB from the baseline; under OTHER_SEED what another reading of the same text has."""
    found: OffDb = {}
    baseline = measured.rows[0].cells
    for row in measured.rows:
        found[row.setting.key] = {
            name: mel_distance(baseline[name].samples, cell.samples) for name, cell in row.cells.items()
        }
    last = measured.rows[-1].cells
    found[OTHER_SEED] = {name: mel_distance(last[name].samples, sound) for name, sound in measured.other.items()}
    return found


def check(measured: Measured, off_db: OffDb) -> list[Check]:
    """The list."""
    return [
        _same_samples(measured),
        _same_tokens(measured),
        _same_every_run(measured),
        _same_with_speculation(measured),
        _spectra(measured, off_db),
    ]


def _told(title: str, wrong: dict[str, list[str]], otherwise: str) -> Check:
    """wrong: row -> what is wrong with it."""
    details = [f"{key} ({', '.join(found)})" for key, found in wrong.items() if found]
    return Check(title, "NOT held" if details else "held", "; ".join(details) or otherwise)


def _lossless(measured: Measured) -> list[Row]:
    return [row for row in measured.rows if row.setting.lossless and row.setting is not BASELINE]


def _same_samples(measured: Measured) -> Check:
    wanted = {name: len(cell.samples) for name, cell in measured.rows[0].cells.items()}
    wrong = {
        row.setting.key: [
            f"{name}: {len(cell.samples)}, not {wanted[name]}"
            for name, cell in row.cells.items()
            if len(cell.samples) != wanted[name]
        ]
        for row in _lossless(measured)
    }
    return _told("sample count unchanged by the lossless rows", wrong, ", ".join(map(str, wanted.values())))


def _same_tokens(measured: Measured) -> Check:
    """In every run of a row; and the lossless rows say as many as the baseline."""
    wanted = {name: cell.num_tokens for name, cell in measured.rows[0].cells.items()}
    wrong: dict[str, list[str]] = {}
    for row in measured.rows:
        for name, cell in row.cells.items():
            counts = {run.num_tokens for run in cell.runs}
            if counts != {wanted[name] if row.setting.lossless else cell.num_tokens}:
                wrong.setdefault(row.setting.key, []).append(f"{name}: {', '.join(map(str, sorted(counts)))}")
    title = "token count stable, and the baseline's in the lossless rows"
    return _told(title, wrong, ", ".join(map(str, wanted.values())))


def _same_every_run(measured: Measured) -> Check:
    wrong = {
        row.setting.key: [name for name, cell in row.cells.items() if len(set(cell.hashes)) > 1]
        for row in measured.rows
    }
    return _told("same hash in every run of a row", wrong, f"{measured.rounds} runs")


def _same_with_speculation(measured: Measured) -> Check:
    """Where the kernels give a row the same arithmetic alone and among others."""
    title = "same hash with speculation on and off, with kernels"
    off, on = measured.row(KERNELS), measured.row(KERNELS_SPECULATION)
    if off is None or on is None:
        return Check(title, "not checked", "the kernels do not run here")
    wrong = [name for name, cell in off.cells.items() if cell.hashes[0] != on.cells[name].hashes[0]]
    return _told(title, {KERNELS_SPECULATION.key: wrong}, f"{len(off.cells)} texts")


def _spectra(measured: Measured, off_db: OffDb) -> Check:
    """One other token and all that follow may be others: so a lossy row may be as far off as another reading is."""
    limit = _FARTHER * max(off_db[OTHER_SEED].values())
    lossy = {row.setting.key: off_db[row.setting.key] for row in measured.rows if not row.setting.lossless}
    wrong = {key: [f"{name}: {db:.1f} dB" for name, db in found.items() if db > limit] for key, found in lossy.items()}
    told = [f"{key} {max(found.values()):.1f}" for key, found in lossy.items()]
    detail = f"{', '.join(told)} dB at most; limit {limit:.1f} dB"
    return _told("spectra of the lossy rows as near as another seed's", wrong, detail)
