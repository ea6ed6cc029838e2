#!/usr/bin/env python3
"""Finds sentences in which the voice skips or repeats words or does not end, by their durations beside the teacher's.

    robust.py [--text benchmarks/held_out.txt] [--limit N] [--asr]

Lists the sentences whose speech is shorter than 0.6 or longer than 1.6 times the teacher's, or that reached the token
limit; with --asr also their transcripts. Then prints the percentiles of the ratios. Exit code 1 if any is listed.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from inprocess import load_engine, speak
from quality import hibari_speaker, speech_seconds
from scoring import Recogniser

HELD_OUT = Path(__file__).with_name("held_out.txt")
SHORTEST, LONGEST = 0.6, 1.6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, default=HELD_OUT, help="a file with a sentence on each line")
    parser.add_argument("--limit", type=int, help="only the first sentences")
    parser.add_argument("--asr", action="store_true", help="transcribe the sentences that are listed")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    engine, teacher = load_engine(openblas=True), hibari_speaker()
    recognise = Recogniser() if args.asr else None
    lines = [line for line in args.text.read_text(encoding="utf-8").splitlines() if line.strip()][: args.limit]
    ratios, num_listed = [], 0
    for index, text in enumerate(lines):
        sound = speak(engine, text)
        ended = engine.statistics.stop_reason == "stop token"
        ratio = speech_seconds(sound) / max(0.1, speech_seconds(teacher(index, text)))
        ratios.append(ratio)
        if not SHORTEST <= ratio <= LONGEST or not ended:
            num_listed += 1
            transcript = f"\n    transcript: {' '.join(recognise(sound))}" if recognise else ""
            print(f"{index:5d} {ratio:5.2f} {'' if ended else 'did not end: '}{text}{transcript}", flush=True)
    names, values = ("min", "1 %", "median", "99 %", "max"), np.percentile(ratios, [0, 1, 50, 99, 100])
    spread = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, values, strict=True))
    print(f"{len(lines)} sentences, {num_listed} listed; duration relative to the teacher's: {spread}")
    return 1 if num_listed else 0


if __name__ == "__main__":
    sys.exit(main())
