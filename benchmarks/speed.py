#!/usr/bin/env python3
"""How fast it speaks, how much memory it takes, and whether it says the same twice.

    speed.py [--command nightingale-tts] [--repeat N] [--json] [--skip realtime process same]

- Real-time factor: compute time over length of sound, engine loaded and warm, with the machine's OpenBLAS and without
  it. Two processes that differ in that alone speak every sentence in turn, so that a busy moment of the machine hits
  both; the figures are medians over sentences and repeats. The lower quartile says what a quiet moment gives.
- Process: the installed command from start to exit for one sentence of four seconds.
- Same bytes: the command run after run, and for twenty processes at once.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from process import Worker, run_command
from scoring import read_wav
from texts import FOUR_SECONDS, some_sentences

if TYPE_CHECKING:
    from nightingale.engine import Engine

BLAS = {"with OpenBLAS": "openblas", "without OpenBLAS": "plain"}


@dataclass(frozen=True)
class Spoken:
    """One sentence by a warm engine. tokens: speech tokens that T3 made in t3_s."""

    compute_s: float
    sound_s: float
    first_chunk_s: float
    tokens: int
    t3_s: float

    @property
    def realtime_factor(self) -> float:
        return self.compute_s / self.sound_s


def work(openblas: bool) -> None:
    """The worker's side: one text a line on stdin, one measurement a line on stdout."""
    from inprocess import choose_blas, load_engine

    library = choose_blas(openblas=openblas)
    engine = load_engine(openblas=openblas)
    speak_timed(engine, FOUR_SECONDS)  # warm: buffers allocated, files in memory
    print(json.dumps({"library": library}), flush=True)
    for line in sys.stdin:
        print(json.dumps(asdict(speak_timed(engine, json.loads(line)))), flush=True)


def speak_timed(engine: Engine, text: str) -> Spoken:
    """Speak all of a text and keep nothing but times."""
    began = time.perf_counter()
    first_chunk_s, sound_s = 0.0, 0.0
    for chunk in engine.speak(text):
        first_chunk_s = first_chunk_s or time.perf_counter() - began
        sound_s += len(chunk.samples) / chunk.sample_rate
    compute_s = time.perf_counter() - began
    return Spoken(compute_s, sound_s, first_chunk_s, engine.statistics.num_tokens, engine.statistics.t3_s)


def measure_realtime(repeat: int) -> dict[str, Any]:
    """Both engines speak each sentence in turn."""
    spoken: dict[str, list[Spoken]] = {name: [] for name in BLAS}
    argv = [sys.executable, str(Path(__file__).resolve()), "--worker"]
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker([*argv, blas])) for name, blas in BLAS.items()}
        for text in some_sentences() * repeat:
            for name, worker in workers.items():
                spoken[name].append(Spoken(**worker.ask(text)))
    pairs = zip(*spoken.values(), strict=True)
    figures: dict[str, Any] = {
        "openblas": workers["with OpenBLAS"].hello["library"],
        "gain": round(statistics.median(slow.compute_s / fast.compute_s for fast, slow in pairs), 2),
    }
    return figures | {name: summarise(measured) for name, measured in spoken.items()}


def summarise(measured: list[Spoken]) -> dict[str, float]:
    factors = [one.realtime_factor for one in measured]
    figures = {
        "realtime_factor": statistics.median(factors),
        "realtime_factor_quartile": statistics.quantiles(factors, n=4)[0],
        "first_chunk_s": statistics.median(one.first_chunk_s for one in measured),
        "t3_tokens_per_s": statistics.median(one.tokens / one.t3_s for one in measured if one.t3_s),
        "t3_share": sum(one.t3_s for one in measured) / sum(one.compute_s for one in measured),
    }
    return {name: round(value, 3) for name, value in figures.items()}


def measure_process(command: list[str], repeat: int) -> dict[str, float]:
    """The whole process, start to exit, and its peak memory."""
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
    """How many different outputs come of the same input; 1 is right, and an exit code other than 0 is never right."""

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
    """Markdown, one line a figure; nested figures are named with their group."""
    lines = ["| what | figure |", "|---|---|"]
    for group, values in figures.items():
        for name, value in values.items():
            inner = value if isinstance(value, dict) else {"": value}
            for key, shown in inner.items():
                title = f"{group}: {name}, {key}" if key else f"{group}: {name}"
                lines.append(f"| {title.replace('_', ' ')} | {shown} |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default="nightingale-tts", help="reads text, writes a WAV")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured")
    parser.add_argument("--together", type=int, default=20, help="how many processes at once must agree")
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
