"""What must be the same in all rows, and how far the sound of the lossy ones is from the baseline's."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nightingale.bench.measure import Measured, Row
from nightingale.bench.rows import BASELINE, KERNELS, KERNELS_SPECULATION
from nightingale.dsp import mel_spectrogram

_DB = 20.0 / math.log(10.0)  # the mel is in natural logarithms

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


def distances(measured: Measured) -> dict[str, dict[str, float]]:
    """Row -> text -> dB from the baseline; under "other seed" what another reading of the same text has."""
    found: dict[str, dict[str, float]] = {}
    baseline = measured.rows[0].cells
    for row in measured.rows:
        found[row.setting.key] = {
            name: 0.0 if cell.hashes[0] == baseline[name].hashes[0] else mel_distance(baseline[name].samples, cell.samples)
            for name, cell in row.cells.items()
        }
    last = measured.rows[-1].cells
    found["other seed"] = {name: mel_distance(last[name].samples, sound) for name, sound in measured.other.items()}
    return found


def check(measured: Measured, off_db: dict[str, dict[str, float]]) -> list[Check]:
    """The list."""
    return [
        _same_samples(measured),
        _same_tokens(measured),
        _same_every_run(measured),
        _same_with_speculation(measured),
        _spectra(measured, off_db),
    ]


def _verdict(wrong: Iterable[str]) -> Verdict:
    return "NOT held" if list(wrong) else "held"


def _lossless(measured: Measured) -> list[Row]:
    return [row for row in measured.rows if row.setting.lossless and row.setting is not BASELINE]


def _same_samples(measured: Measured) -> Check:
    baseline = measured.rows[0].cells
    wrong = [
        f"{row.setting.title.strip()}, {name}: {len(cell.samples)} samples, not {len(baseline[name].samples)}"
        for row in _lossless(measured)
        for name, cell in row.cells.items()
        if len(cell.samples) != len(baseline[name].samples)
    ]
    counts = ", ".join(str(len(cell.samples)) for cell in baseline.values())
    return Check("sample count unchanged by the lossless rows", _verdict(wrong), "; ".join(wrong) or counts)


def _same_tokens(measured: Measured) -> Check:
    """In every run of a row; and the lossless rows say as many as the baseline."""
    baseline = measured.rows[0].cells
    wrong = []
    for row in measured.rows:
        for name, cell in row.cells.items():
            counts = {run.num_tokens for run in cell.runs}
            wanted = baseline[name].num_tokens if row.setting.lossless else cell.num_tokens
            if counts != {wanted}:
                wrong.append(f"{row.setting.title.strip()}, {name}: {sorted(counts)}, not {wanted}")
    counts_text = ", ".join(str(cell.num_tokens) for cell in baseline.values())
    return Check("token count stable in every run, the baseline's in lossless rows", _verdict(wrong),
                 "; ".join(wrong) or counts_text)  # fmt: skip


def _same_every_run(measured: Measured) -> Check:
    wrong = [
        f"{row.setting.title.strip()}, {name}: {len(set(cell.hashes))} different sounds"
        for row in measured.rows
        for name, cell in row.cells.items()
        if len(set(cell.hashes)) > 1
    ]
    return Check("same hash in every run of a row", _verdict(wrong), "; ".join(wrong) or f"{measured.rounds} runs")


def _same_with_speculation(measured: Measured) -> Check:
    """Where the kernels give a row the same arithmetic alone and among others."""
    title = "same hash with speculation on and off, with kernels"
    off, on = measured.row(KERNELS), measured.row(KERNELS_SPECULATION)
    if off is None or on is None:
        return Check(title, "not checked", "the kernels do not run here")
    wrong = [name for name, cell in off.cells.items() if cell.hashes[0] != on.cells[name].hashes[0]]
    return Check(title, _verdict(wrong), ", ".join(wrong) or f"{len(off.cells)} texts")


def _spectra(measured: Measured, off_db: dict[str, dict[str, float]]) -> Check:
    """A lossy row must be nearer to the baseline than another reading of the same text is."""
    other = off_db["other seed"]
    lossy = [row.setting for row in measured.rows if not row.setting.lossless]
    wrong = [s.key for s in lossy if any(off_db[s.key][name] > other[name] for name in other)]
    told = [f"{s.title.strip()} {max(off_db[s.key].values()):.1f} dB" for s in lossy]
    detail = f"at most: {', '.join(told)}; another seed {min(other.values()):.1f} to {max(other.values()):.1f} dB"
    return Check("spectra of the lossy rows nearer than another seed's", _verdict(wrong), detail)
