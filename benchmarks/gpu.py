#!/usr/bin/env python3
"""Speed of models with the official Chatterbox's sizes on a GPU, beside PyTorch's on the same GPU.

    gpu.py [--json FILE] [--seconds 200] [--only PART ...] [--layers 30] [--tokens 102] [--repeat 3]
    gpu.py --show FILE      print the tables of an earlier run

All weights are random, so no checkpoint is needed; only the part `florence` is the bundled voice. Each part runs in a
process of its own with a time limit; figures from before a failure or the limit are kept. The most important parts run
first, and --seconds limits all of them together. Figures are medians. "first" is the first call in a new process, with
all compilation; "new length" has an input of a new length in each call. PyTorch's T3 is transformers' LlamaModel; its
S3Gen and HiFT are those of chatterbox-tts (requirements-official.txt).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PARTS = {  # name: side, part, limit in seconds
    "kernels": ("ours", "kernels", 60),
    "ours": ("ours, bfloat16", "t3", 60),
    "torch": ("torch, bfloat16", "t3", 50),
    "ours-sound": ("ours", "sound", 50),
    "torch-sound": ("torch", "sound", 60),
    "ours-4": ("ours, 4 bits", "t3", 40),
    "agreement": ("ours", "agreement", 50),
    "ours-8": ("ours, 8 bits", "t3", 40),
    "florence": ("ours", "florence", 150),
}
TABLES = [["ours, bfloat16", "ours, 8 bits", "ours, 4 bits", "torch, bfloat16", "torch, graph"], ["ours", "torch"]]
Figure = dict[str, Any]


def measure(name: str, limit: float, args: argparse.Namespace) -> list[Figure]:
    """Run one part and return the figures that it gave before it ended."""
    side, part, _ = PARTS[name]
    command = [sys.executable, str(HERE / f"gpu_{side.split(',')[0]}.py"), side, part]
    for option in ("layers", "tokens", "repeat"):
        command += [f"--{option}", str(getattr(args, option))]
    began, failure = time.monotonic(), ""
    print(f"== {name}, at most {limit:.0f} s", file=sys.stderr, flush=True)
    with tempfile.TemporaryFile("w+") as answers:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=answers)
        try:
            if process.wait(limit):
                failure = f"exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()  # without wait: a hanging driver may keep the process
            failure = f"stopped after {limit:.0f} s"
        answers.seek(0)
        figures = [json.loads(line) for line in answers.read().splitlines(keepends=True) if line.endswith("\n")]
    if failure:
        figures.append({"side": side, "name": "the process", "error": failure})
    print(f"== {name} took {time.monotonic() - began:.1f} s {failure}", file=sys.stderr, flush=True)
    return [{"part": name, **figure} for figure in figures]


def table(sides: list[str], figures: list[Figure]) -> list[str]:
    """A row for each figure, a column for each side, and the speedup of the first side over PyTorch."""
    rows: dict[str, dict[str, float]] = {}
    for figure in figures:
        if figure["side"] in sides and "value" in figure and "bound" not in figure:
            rows.setdefault(figure["name"], {})[figure["side"]] = figure["value"]
    lines = [f"| | {' | '.join(sides)} | speedup |", "|---|" + "---|" * (len(sides) + 1)]
    theirs = next(side for side in sides if side.startswith("torch"))
    for name, values in rows.items():
        cells = [f"{values[side]:.4g}" if side in values else "-" for side in sides]
        if sides[0] in values and theirs in values:
            ratio = values[sides[0]] / values[theirs]
            cells.append(f"{ratio if name.endswith('/s') else 1 / ratio:.2f}")
        else:
            cells.append("-")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""] if rows else []


def remarks(figures: list[Figure]) -> list[str]:
    """Lines below the tables: devices, agreement, failures."""
    lines = []
    for figure in figures:
        where = f"{figure['part']}: {figure['name']}"
        if "bound" in figure:
            verdict = f"{'ok' if figure['ok'] else 'WRONG'} {figure.get('text', '')}".rstrip()
            lines.append(f"{where}: {figure['value']:.3g}, at most {figure['bound']}: {verdict}")
        elif "error" in figure:
            lines.append(f"{where}: FAILED: {figure['error'].splitlines()[0]}")
        elif "text" in figure:
            lines.append(f"{where}: {figure['text']}")
    return lines


def show(figures: list[Figure]) -> None:
    print(*(line for sides in TABLES for line in table(sides, figures)), *remarks(figures), sep="\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write all figures to this file after each part")
    parser.add_argument("--show", type=Path, metavar="FILE", help="print the tables of this file and measure nothing")
    parser.add_argument("--seconds", type=float, default=200, help="limit for all parts together")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--layers", type=int, default=30, help="layers of T3")
    parser.add_argument("--tokens", type=int, default=102, help="speech tokens of the sentence; 25 are a second")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement")
    return parser.parse_args()


def main() -> int:
    args, began, figures = arguments(), time.monotonic(), []
    if args.show:
        show(json.loads(args.show.read_text()))
        return 0
    for name in args.only:
        left = args.seconds - (time.monotonic() - began)
        if left < 8:
            figures.append({"part": name, "side": PARTS[name][0], "name": "all", "error": "no time left"})
        else:
            figures += measure(name, min(left, PARTS[name][2]), args)
        if args.json:
            args.json.write_text(json.dumps(figures, indent=1))
    show(figures)
    return 1 if any("error" in figure or figure.get("ok") is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
