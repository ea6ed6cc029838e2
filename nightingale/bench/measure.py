"""All rows in turn, several times, so that a busy moment of the machine hits every row; medians and ratios of pairs."""

import hashlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.bench.rows import SETTINGS, TEXTS, Setting
from nightingale.bench.worker import Hello, Spoken, Worker, start

MIN_ROUNDS, MAX_ROUNDS = 2, 5
BUDGET_S = 95.0  # no further round that would end later, counted from the start of the command


@dataclass
class Cell:
    """One text in one row: all its runs, and the sound of the first."""

    samples: NDArray[np.float32]
    runs: list[Spoken] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)

    def add(self, spoken: Spoken) -> None:
        self.runs.append(spoken)
        self.hashes.append(hashlib.sha256(spoken.samples.tobytes()).hexdigest())

    @property
    def seconds(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    @property
    def t3_s(self) -> float:
        return statistics.median(run.t3_s for run in self.runs)

    @property
    def first_sound_s(self) -> float:
        return statistics.median(run.first_sound_s for run in self.runs)

    @property
    def tokens_per_s(self) -> float:
        return statistics.median(run.num_tokens / max(run.t3_s, 1e-9) for run in self.runs)

    @property
    def realtime_factor(self) -> float:
        return self.seconds / max(len(self.samples) / SAMPLE_RATE, 1e-9)

    @property
    def num_tokens(self) -> int:
        return self.runs[0].num_tokens

    def ratio(self, baseline: "Cell") -> float:
        """How many times as fast as the baseline, by runs of the same round."""
        pairs = zip(baseline.runs, self.runs, strict=True)
        return statistics.median(theirs.seconds / ours.seconds for theirs, ours in pairs)


@dataclass
class Row:
    """A setting and what came of it, by the name of the text."""

    setting: Setting
    hello: Hello
    cells: dict[str, Cell] = field(default_factory=dict)

    @property
    def peak_mb(self) -> float:
        return max(run.peak_mb for cell in self.cells.values() for run in cell.runs)


@dataclass(frozen=True)
class Measured:
    """rows: the baseline first. other: each text by the last row with another seed, as another reading of it.

    left_out: settings whose kernels do not run here.
    """

    rows: list[Row]
    left_out: list[Setting]
    texts: Mapping[str, str]
    other: dict[str, NDArray[np.float32]]
    rounds: int
    seconds: float

    def row(self, setting: Setting) -> Row | None:
        return next((row for row in self.rows if row.setting is setting), None)


def measure(
    model: str | None,
    voice: str | None,
    seed: int,
    progress: Callable[[str], None],
    settings: Sequence[Setting] = SETTINGS,
    texts: Mapping[str, str] = TEXTS,
    budget_s: float = BUDGET_S,
) -> Measured:
    """Run the benchmark; progress is told what is being done. Raises what the engines raise."""
    began = time.perf_counter()
    with ExitStack() as stack:
        rows: list[tuple[Row, Worker]] = []
        left_out = []
        for setting in settings:
            progress(f"loading: {setting.key}")
            worker = stack.enter_context(start(setting, model, voice))
            if setting.kernels and not worker.hello.kernels:
                left_out.append(setting)
            else:
                rows.append((Row(setting, worker.hello), worker))
        rounds, lasted_s = 0, 0.0
        while rounds < MIN_ROUNDS or (rounds < MAX_ROUNDS and time.perf_counter() - began + lasted_s < budget_s):
            started = time.perf_counter()
            _round(rows, texts, seed, rounds, progress)
            rounds, lasted_s = rounds + 1, time.perf_counter() - started
        other = {name: rows[-1][1].speak(text, seed + 1).samples for name, text in texts.items()}
    seconds = time.perf_counter() - began
    return Measured([row for row, _ in rows], left_out, texts, other, rounds, seconds)


def _round(
    rows: list[tuple[Row, Worker]], texts: Mapping[str, str], seed: int, number: int, progress: Callable[[str], None]
) -> None:
    """Every row speaks every text once; every other round in reverse order, or what drifts would favour the last."""
    for name, text in texts.items():
        for row, worker in rows if number % 2 == 0 else reversed(rows):
            progress(f"round {number + 1}: {name}, {row.setting.key}")
            spoken = worker.speak(text, seed)
            row.cells.setdefault(name, Cell(spoken.samples)).add(spoken)
