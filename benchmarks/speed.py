#!/usr/bin/env python3
"""Speed, memory and reproducibility of the warm engine and of the command.

    speed.py [--command nightingale-tts] [--repeat N] [--json] [--skip realtime process same]

- realtime: real-time factor (compute time per second of sound), engine warm, with the system's OpenBLAS and without.
  Two processes that differ in nothing else speak every sentence in turn, so that other load of the machine affects
  both. Medians over sentences and repeats; the lower quartile shows the speed with less load.
- process: the command from start to exit, for one sentence of four seconds.
- same: whether the command writes the same bytes in every run, and in twenty processes at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from process import Worker, run_command
from scoring import read_wav
from texts import FOUR_SECONDS, some_sentences

if TYPE_CHECKING:
    from nightingale.engine import Engine

BLAS = {"with OpenBLAS": "openblas", "without OpenBLAS": "plain"}
Figures = dict[str, Any]


def work(openblas: bool) -> None:
    """Main function of a worker: a text on each line of stdin, its figures on a line of stdout."""
    from inprocess import choose_blas, load_engine

    library = choose_blas(openblas=openblas)
    engine = load_engine(openblas=openblas)
    speak_timed(engine, FOUR_SECONDS)  # allocates buffers and reads the files into memory
    print(json.dumps({"library": library}), flush=True)
    for line in sys.stdin:
        print(json.dumps(speak_timed(engine, json.loads(line))), flush=True)


def speak_timed(engine: Engine, text: str) -> Figures:
    for _ in engine.speak(text):
        pass
    run = engine.statistics
    return {
        "compute_s": run.compute_s,
        "realtime_factor": run.compute_s / run.sound_s,
        "first_sample_s": run.first_sample_s,
        "t3_s": run.t3_s,
        "t3_tokens_per_s": run.num_tokens / run.t3_s,
    }


def measure_realtime(repeat: int) -> Figures:
    runs: dict[str, list[Figures]] = {name: [] for name in BLAS}
    argv = [sys.executable, str(Path(__file__).resolve()), "--worker"]
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker([*argv, blas])) for name, blas in BLAS.items()}
        for text in some_sentences() * repeat:
            for name, worker in workers.items():
                runs[name].append(worker.ask(text))
    pairs = zip(*runs.values(), strict=True)
    figures: Figures = {
        "openblas": workers["with OpenBLAS"].hello["library"],
        "speedup": round(statistics.median(slow["compute_s"] / fast["compute_s"] for fast, slow in pairs), 2),
    }
    return figures | {name: summarise(of_blas) for name, of_blas in runs.items()}


def summarise(runs: list[Figures]) -> Figures:
    names = ("realtime_factor", "first_sample_s", "t3_tokens_per_s")
    medians = {name: statistics.median(run[name] for run in runs) for name in names}
    figures = medians | {
        "realtime_factor_quartile": statistics.quantiles([run["realtime_factor"] for run in runs], n=4)[0],
        "t3_share": sum(run["t3_s"] for run in runs) / sum(run["compute_s"] for run in runs),
    }
    return {name: round(value, 3) for name, value in figures.items()}


def measure_process(command: list[str], repeat: int) -> dict[str, float]:
    """Process time from start to exit, and peak memory."""
    outcomes = [run_command(command, FOUR_SECONDS) for _ in range(repeat)]
    for outcome in outcomes:
        if outcome.exit_code:
            raise SystemExit(f"speed: exit {outcome.exit_code}: {outcome.stderr.strip()}")
    sound = read_wav(outcomes[0].stdout)
    return {
        "median_s": round(statistics.median(one.seconds for one in outcomes), 2),
        "fastest_s": round(min(one.seconds for one in outcomes), 2),
        "first_sound_s": round(statistics.median(one.first_sound_s or one.seconds for one in outcomes), 2),
        "peak_mb": round(max(one.peak_mb for one in outcomes)),
        "sound_s": round(sound.seconds, 2),
    }


def measure_same(command: list[str], repeat: int, together: int) -> dict[str, Any]:
    """Number of different outputs for the same input, which should be 1. A failed run counts as another output."""

    def digest(_: int) -> str:
        outcome = run_command(command, FOUR_SECONDS, timeout_s=600)
        return hashlib.sha256(outcome.stdout).hexdigest() if outcome.exit_code == 0 else f"exit {outcome.exit_code}"

    began = time.perf_counter()
    in_turn = [digest(i) for i in range(repeat)]
    with ThreadPoolExecutor(together) as pool:
        at_once = list(pool.map(digest, range(together)))
    digests = set(in_turn) | set(at_once)
    failed = sum(digest.startswith("exit") for digest in in_turn + at_once)
    return {
        "different_outputs": len(digests),
        "in_turn": repeat,
        "at_once": together,
        "failed": failed,
        "seconds": round(time.perf_counter() - began, 1),
    }


def as_table(figures: dict[str, dict[str, Any]]) -> str:
    """Markdown table with a row for each figure."""
    lines = ["| measure | value |", "|---|---|"]
    for group, values in figures.items():
        for name, value in values.items():
            inner = value if isinstance(value, dict) else {"": value}
            for key, shown in inner.items():
                title = f"{group}: {name}, {key}" if key else f"{group}: {name}"
                lines.append(f"| {title.replace('_', ' ')} | {shown} |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default="nightingale-tts", help="a command that reads text and writes a WAV")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement")
    parser.add_argument("--together", type=int, default=20, help="number of processes at once")
    parser.add_argument("--skip", nargs="+", default=[], choices=["realtime", "process", "same"])
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--worker", choices=BLAS.values(), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    args = arguments()
    if args.worker:
        work(args.worker == "openblas")
        return 0
    command = shlex.split(args.command)
    figures: dict[str, dict[str, Any]] = {
        "machine": {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()}
    }
    if "process" not in args.skip:
        figures["process"] = measure_process(command, args.repeat)
    if "realtime" not in args.skip:
        figures["warm"] = measure_realtime(args.repeat)
    if "same" not in args.skip:
        figures["same bytes"] = measure_same(command, args.repeat, args.together)
    print(json.dumps(figures) if args.json else as_table(figures))
    return int(figures.get("same bytes", {}).get("different_outputs", 1) != 1)


if __name__ == "__main__":
    sys.exit(main())
