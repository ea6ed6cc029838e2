#!/usr/bin/env python3
"""Compares sentences that are made chunk by chunk with the same sentences made in one piece.

    seams.py [--sentences N] [--json]

The same engine speaks every sentence twice with the same seed. Compares speech tokens, number of samples, samples and
log-mel spectra, and the steps between neighbouring samples at seams with those inside chunks. Exit code 1 if tokens or
lengths differ, or if the step at a seam is above the 99.9th percentile of its sentence.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from inprocess import load_engine
from texts import sentences

if TYPE_CHECKING:
    from nightingale.engine import Engine

PERCENTILE = 99.9


@dataclass(frozen=True)
class Take:
    """One reading. seams: index of the first sample of each chunk but the first."""

    tokens: list[int]
    samples: np.ndarray[Any, np.dtype[np.float32]]
    seams: list[int]


def take(engine: Engine, text: str) -> Take:
    """Speak a text and record the speech tokens."""
    from nightingale.decoding.loop import generate

    tokens: list[int] = []

    def recording(*args: Any, **kwargs: Any) -> Iterator[int]:
        for token in generate(*args, **kwargs):
            tokens.append(token)
            yield token

    with patch("nightingale.engine.generate", recording):
        chunks = [chunk.samples for chunk in engine.speak(text)]
    ends = np.cumsum([len(chunk) for chunk in chunks])
    return Take(tokens, np.concatenate(chunks), [int(end) for end in ends[:-1]])


def compare(engine: Engine, texts: list[str]) -> dict[str, Any]:
    """The largest differences over all sentences, and the steps of all sentences together."""
    from nightingale.models.dsp import mel_spectrogram

    figures: dict[str, Any] = {"sentences": len(texts), "seams": 0, "different tokens": 0, "different lengths": 0}
    difference, mel_distance = [], []
    inside, at_seams, louder = [], [], 0
    for text in texts:
        chunked = take(engine, text)
        with patch("nightingale.vocoding.chunk_sizes", lambda: iter([sys.maxsize])):
            whole = take(engine, text)
        figures["different tokens"] += chunked.tokens != whole.tokens
        figures["different lengths"] += len(chunked.samples) != len(whole.samples)
        figures["seams"] += len(chunked.seams)
        shared = min(len(chunked.samples), len(whole.samples))
        pair = chunked.samples[:shared], whole.samples[:shared]
        difference.append(float(np.abs(pair[0] - pair[1]).max()))
        mels = [np.array(mel_spectrogram(samples)) for samples in pair]
        mel_distance.append(float(np.abs(mels[0] - mels[1]).mean()))
        steps = np.abs(np.diff(chunked.samples))
        seams = np.array(chunked.seams, int) - 1
        at_seams.append(steps[seams])
        inside.append(np.delete(steps, seams))
        louder += int((steps[seams] > np.percentile(inside[-1], PERCENTILE)).sum())
    figures["largest difference of a sample"] = max(difference)
    figures["log-mel distance, mean"] = float(np.mean(mel_distance))
    figures["largest step at a seam"] = float(np.concatenate(at_seams).max(initial=0))
    figures[f"steps inside, {PERCENTILE}th percentile"] = float(np.percentile(np.concatenate(inside), PERCENTILE))
    figures["seams above the percentile of their own sentence"] = louder
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=20, help="number of sentences, all over 40 characters")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    args = parser.parse_args()
    texts = [line for line in sentences() if len(line) > 40][: args.sentences]
    figures = compare(load_engine(openblas=True), texts)
    if args.json:
        print(json.dumps(figures))
    else:
        shown = {name: value if isinstance(value, int) else f"{value:.2g}" for name, value in figures.items()}
        rows = [f"| {name} | {value} |" for name, value in shown.items()]
        print("\n".join(["| measure | value |", "|---|---|", *rows]))
    louder = figures["seams above the percentile of their own sentence"]
    return int(bool(figures["different tokens"] or figures["different lengths"] or louder))


if __name__ == "__main__":
    sys.exit(main())
