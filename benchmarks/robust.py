#!/usr/bin/env python3
"""Whether the voice ever skips, repeats or runs on: the length of many sentences against the teacher's, by the engine.

    robust.py [--text benchmarks/held_out.txt] [--limit N] [--asr]

A sentence is odd when its speech is shorter than 0.6 or longer than 1.6 times the teacher's, or did not come to its
own end; each is listed. With --asr the odd ones are heard too, and what was heard is shown. Prints how the ratios are
spread; exit code 1 when a sentence is odd.
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

SHORTEST, LONGEST = 0.6, 1.6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, default=Path(__file__).with_name("held_out.txt"), help="a sentence a line")
    parser.add_argument("--limit", type=int, help="only the first sentences")
    parser.add_argument("--asr", action="store_true", help="show what is heard of the odd ones")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    engine, teacher = load_engine(openblas=True), hibari_speaker()
    recognise = Recogniser() if args.asr else None
    lines = [line for line in args.text.read_text(encoding="utf-8").splitlines() if line.strip()][: args.limit]
    ratios, num_odd = [], 0
    for index, text in enumerate(lines):
        sound = speak(engine, text)
        ended = engine.statistics.stop_reason == "stop token"
        ratio = speech_seconds(sound) / max(0.1, speech_seconds(teacher(index, text)))
        ratios.append(ratio)
        if not SHORTEST <= ratio <= LONGEST or not ended:
            num_odd += 1
            heard = f"\n    heard: {' '.join(recognise(sound))}" if recognise else ""
            print(f"{index:5d} {ratio:5.2f} {'' if ended else 'did not end: '}{text}{heard}", flush=True)
    places = np.percentile(ratios, [0, 1, 50, 99, 100])
    print(f"{len(lines)} sentences, {num_odd} odd; length over the teacher's:", end=" ")
    print(
        ", ".join(
            f"{name} {value:.2f}" for name, value in zip(("least", "1 %", "half", "99 %", "most"), places, strict=True)
        )
    )
    return 1 if num_odd else 0


if __name__ == "__main__":
    sys.exit(main())
