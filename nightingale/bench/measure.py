"""Runs all settings in turn, several times, so that other load of the machine affects each setting alike.

Figures are medians over the runs; speedups are medians of the ratios of runs in the same round.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.bench.settings import SETTINGS, TEXTS, Setting
from nightingale.bench.worker import Run, Worker, WorkerInfo, start

MIN_ROUNDS, MAX_ROUNDS = 2, 5
BUDGET_S = 95.0  # from the start of the command; a round that would end later is not begun


@dataclass
class TextResult:
    """All runs of one text with one setting."""

    runs: list[Run] = field(default_factory=list)

    @property
    def samples(self) -> NDArray[np.float32]:
        return self.runs[0].samples

    @property
    def num_tokens(self) -> int:
        return self.runs[0].statistics.num_tokens

    @property
    def seconds(self) -> float:
        return statistics.median(run.statistics.compute_s for run in self.runs)

    @property
    def t3_s(self) -> float:
        return statistics.median(run.statistics.t3_s for run in self.runs)

    @property
    def first_sound_s(self) -> float:
        return statistics.median(run.statistics.first_sample_s or 0.0 for run in self.runs)

    @property
    def tokens_per_s(self) -> float:
        return statistics.median(run.statistics.num_tokens / max(run.statistics.t3_s, 1e-9) for run in self.runs)

    @property
    def sound_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def realtime_factor(self) -> float:
        return self.seconds / max(self.sound_s, 1e-9)

    def speedup(self, baseline: "TextResult") -> float:
        pairs = zip(baseline.runs, self.runs, strict=True)
        return statistics.median(theirs.statistics.compute_s / ours.statistics.compute_s for theirs, ours in pairs)


@dataclass
class SettingResult:
    """All results of one setting, by the name of the text."""

    setting: Setting
    info: WorkerInfo
    texts: dict[str, TextResult] = field(default_factory=dict)

    @property
    def peak_mb(self) -> float:
        return max(run.peak_mb for text in self.texts.values() for run in text.runs)


@dataclass(frozen=True)
class BenchResult:
    """All results, those of the baseline first.

    left_out: settings whose kernels do not run here. other_seed: samples of each text with the last setting and another
    seed, a measure of how far two readings of the same text differ.
    """

    rows: list[SettingResult]
    left_out: list[Setting]
    texts: Mapping[str, str]
    other_seed: dict[str, NDArray[np.float32]]
    rounds: int
    seconds: float

    def row(self, setting: Setting) -> SettingResult | None:
        return next((row for row in self.rows if row.setting is setting), None)


def measure(
    model: str | None,
    voice: str | None,
    seed: int,
    progress: Callable[[str], None],
    settings: Sequence[Setting] = SETTINGS,
    texts: Mapping[str, str] = TEXTS,
    budget_s: float = BUDGET_S,
) -> BenchResult:
    """Run the benchmark; progress is called with each step. Raises the errors of the engines."""
    began = time.perf_counter()
    with ExitStack() as stack:
        pairs: list[tuple[SettingResult, Worker]] = []
        left_out = []
        for setting in settings:
            progress(f"loading: {setting.key}")
            worker = stack.enter_context(start(setting, model, voice))
            if setting.kernels and not worker.info.kernels:
                left_out.append(setting)
            else:
                pairs.append((SettingResult(setting, worker.info), worker))
        rounds, round_s = 0, 0.0
        while rounds < MIN_ROUNDS or (rounds < MAX_ROUNDS and time.perf_counter() - began + round_s < budget_s):
            round_began = time.perf_counter()
            _round(pairs, texts, seed, rounds, progress)
            rounds, round_s = rounds + 1, time.perf_counter() - round_began
        other_seed = {name: pairs[-1][1].speak(text, seed + 1).samples for name, text in texts.items()}
    seconds = time.perf_counter() - began
    return BenchResult([result for result, _ in pairs], left_out, texts, other_seed, rounds, seconds)


def _round(
    pairs: list[tuple[SettingResult, Worker]], texts: Mapping[str, str], seed: int, number: int,
    progress: Callable[[str], None],
) -> None:
    """Run every text once with every setting, in reverse order every other round: a steady drift then cancels out."""
    for name, text in texts.items():
        for result, worker in pairs if number % 2 == 0 else reversed(pairs):
            progress(f"round {number + 1}: {name}, {result.setting.key}")
            result.texts.setdefault(name, TextResult()).runs.append(worker.speak(text, seed))
