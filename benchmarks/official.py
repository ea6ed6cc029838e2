#!/usr/bin/env python3
"""Speed of models with the official Chatterbox's sizes on a CPU, beside the original PyTorch modules.

    official.py [--reference PYTHON] [--mlx-audio PYTHON] [--layers 30] [--repeat N] [--threads N]
                [--only t3 sound] [--no-prompt]

All weights are random, so no checkpoint is needed. Each side runs in a process of its own, and they take turns job by
job, so that other load of the machine affects both. Figures are medians over the rounds, ratios are medians of the
ratios of each round. The load average shows what else was running. On a busy machine, threads that wait for each other
lose most time: compare with --threads 1, and compare processor time.

--reference is a Python with PyTorch and chatterbox-tts, --mlx-audio one with mlx-audio, of which T3 is timed. Without
them only nightingale-tts is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from process import Worker

HERE = Path(__file__).resolve().parent
LAYERS = 30
TOKENS = 102  # 4.08 s of sound
PROMPT_TOKENS = 250  # 10 s of a reference recording, as in the official program

Job = tuple[Any, ...]  # a method's name and its arguments
Times = list[tuple[float, float]]  # wall-clock seconds, processor seconds


def start(python: str, side: str, layers: int, threads: int | None) -> Worker:
    """Start the worker of one side."""
    # Our side uses the package of this checkout, whether it is installed or not.
    environment = {"PYTHONPATH": str(HERE.parent), "PYTHONWARNINGS": "ignore"}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    return Worker([python, str(HERE / "official_worker.py"), side, str(layers)], environment)


class Sides:
    """The workers, and their times by side and job."""

    def __init__(self, workers: dict[str, Worker]) -> None:
        self._workers = workers
        self.times: dict[tuple[str, Job], Times] = {}

    def measure(self, jobs: list[tuple[str, Job]], repeat: int, warm: bool = True) -> None:
        """Run all jobs in turn, `repeat` times, after one untimed round."""
        jobs = [(side, job) for side, job in jobs if side in self._workers]
        for turn in range(repeat + warm):
            for side, job in jobs:
                seconds, processor = self._workers[side].ask(job)
                if turn >= warm:
                    self.times.setdefault((side, job), []).append((seconds, processor))

    def seconds(self, side: str, job: Job, what: int = 0) -> list[float]:
        """Times of all rounds; `what` 1 is processor time. Empty for a side without a worker."""
        return [times[what] for times in self.times.get((side, job), [])]

    def ratio(self, above: tuple[str, Job], below: tuple[str, Job], what: int = 0) -> str:
        pairs = list(zip(self.seconds(*above, what), self.seconds(*below, what), strict=False))
        return f"{statistics.median(a / b for a, b in pairs):.2f}" if pairs else "-"


def t3_table(sides: Sides, repeat: int, layers: int) -> list[str]:
    kinds: list[tuple[str, str, int | str, str]] = [  # name, side, kind, target
        ("8 bits", "ours", 8, "32"), ("4 bits", "ours", 4, "50"),
        ("PyTorch float32", "reference", "float32", ""), ("PyTorch bfloat16", "reference", "bfloat16", ""),
        ("mlx-audio, 8 bits", "mlx-audio", 8, ""), ("mlx-audio, 4 bits", "mlx-audio", 4, ""),
    ]  # fmt: skip
    shapes = {"step": (1, 1), "guided": (2, 1), "verify": (1, 4)}
    sides.measure([(side, ("t3", kind, *shape)) for _, side, kind, _ in kinds for shape in shapes.values()], repeat)
    lines = [
        f"| T3, {layers} of {LAYERS} layers | steps/s | target | fastest | guided steps/s | 4 rows / 1 (target 1.5) |",
        "|---|---|---|---|---|---|",
    ]
    for name, side, kind, target in kinds:
        job = {shape: ("t3", kind, *rows) for shape, rows in shapes.items()}
        steps = sides.seconds(side, job["step"])
        if not steps:
            continue
        guided = 1 / statistics.median(sides.seconds(side, job["guided"]))
        verify = sides.ratio((side, job["verify"]), (side, job["step"]))
        rates = 1 / statistics.median(steps), 1 / min(steps)
        lines.append(f"| {name} | {rates[0]:.1f} | {target} | {rates[1]:.1f} | {guided:.1f} | {verify} |")
    return lines


def sound_table(sides: Sides, repeat: int, with_prompt: bool) -> list[str]:
    parts: dict[str, Job] = {"S3Gen, no prompt": ("s3gen", TOKENS, 0), "HiFT": ("hift", TOKENS)}
    sides.measure([(side, job) for job in parts.values() for side in ("ours", "reference")], repeat)
    if with_prompt:  # no untimed round: this job takes longest, and the model is warm
        long: Job = ("s3gen", TOKENS, PROMPT_TOKENS)
        parts[f"S3Gen, {PROMPT_TOKENS} prompt tokens"] = long
        sides.measure([("ours", long), ("reference", long)], max(1, repeat - 1), warm=False)
    lines = [
        f"| {TOKENS} tokens, {TOKENS / 25:.2f} s | seconds | PyTorch's | speedup (target 1.5) | fastest, both "
        "| processor seconds | PyTorch's | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, job in parts.items():
        ours, theirs = sides.seconds("ours", job), sides.seconds("reference", job)
        cells = [name, f"{statistics.median(ours):.2f}"]
        cells.append(f"{statistics.median(theirs):.2f}" if theirs else "-")
        cells.append(sides.ratio(("reference", job), ("ours", job)))
        cells.append(f"{min(ours):.2f}, {min(theirs):.2f}" if theirs else f"{min(ours):.2f}")
        for side in ("ours", "reference"):
            processor = sides.seconds(side, job, 1)
            cells.append(f"{statistics.median(processor):.1f}" if processor else "-")
        cells.append(sides.ratio(("reference", job), ("ours", job), what=1))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", metavar="PYTHON", help="a Python with PyTorch and chatterbox-tts")
    parser.add_argument("--mlx-audio", metavar="PYTHON", help="a Python with mlx-audio")
    parser.add_argument("--layers", type=int, default=LAYERS, help="layers of T3 on all sides; fewer need less memory")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--threads", type=int, help="threads of each side; default: one for each core")
    parser.add_argument("--only", nargs="+", choices=["t3", "sound"], default=["t3", "sound"])
    parser.add_argument("--no-prompt", action="store_true", help="leave out S3Gen with a prompt, the slowest job")
    return parser.parse_args()


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def main() -> int:
    args = arguments()
    before = load()
    pythons = {"ours": sys.executable, "reference": args.reference, "mlx-audio": args.mlx_audio}
    with ExitStack() as stack:
        workers = {
            side: stack.enter_context(start(python, side, args.layers, args.threads))
            for side, python in pythons.items()
            if python
        }
        sides, tables = Sides(workers), []
        if "t3" in args.only:
            tables.append(t3_table(sides, args.repeat, args.layers))
        if "sound" in args.only:
            tables.append(sound_table(sides, args.repeat, not args.no_prompt))
    described = json.dumps({side: worker.hello for side, worker in workers.items()})
    print(f"{os.cpu_count()} cores, load average {before} before and {load()} after; {described}")
    for table in tables:
        print(*table, sep="\n", end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
