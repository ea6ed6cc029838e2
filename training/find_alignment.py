"""Finds the attention head of T3 that follows the text, for `alignment` in a model's config.json.

    python -m training.find_alignment [MODEL] [--sentences 8]

Prints for the best heads how much of their attention lies within two text tokens of the position that a tracker finds
from it, and how much of the text the tracker passed. Run it after each training of T3, with the first
head's layer and number in config.json. Then `benchmarks/word_times.py` gives the signed median error of word starts:
subtract it from `offset_s`; a `lead` between 0 and 4 with the smallest mean error is the right one.
"""

import argparse
import dataclasses
from pathlib import Path

import mlx.core as mx
import numpy as np

from nightingale.decoding.alignment import TextTracker
from nightingale.decoding.loop import Request, T3Session, generate, token_limit
from nightingale.decoding.sampling import Sampler
from nightingale.engine import Engine
from nightingale.kernels.noise import seed_key
from nightingale.models.config import AlignmentConfig
from nightingale.options import SpeakOptions
from nightingale.statistics import Statistics

SENTENCES = Path(__file__).parents[1] / "benchmarks" / "held_out.txt"
NEAR = 2  # text tokens


def score(attention: np.ndarray) -> tuple[float, float]:
    """Of attention (T, text + 1): the part near the tracked position, and the part of the text that was passed."""
    tracker = TextTracker(attention.shape[1] - 1)
    tracker.advance(attention)
    distance = np.abs(np.arange(attention.shape[1]) - np.array(tracker.positions)[:, None])
    return float((attention * (distance <= NEAR)).sum(axis=1).mean()), tracker.positions[-1] / attention.shape[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", help="a model folder; default: the bundled one")
    parser.add_argument("--sentences", type=int, default=8)
    args = parser.parse_args()
    engine = Engine(args.model)
    t3, tokenizer = engine._model.t3, engine._model.tokenizer
    config, llama = t3.config, t3.config.llama
    sampling = engine._sampling(SpeakOptions())
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    sentences = [line for line in lines if 40 < len(line) < 120][: args.sentences]
    scores: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for layer in range(llama.num_layers):
        for sentence in sentences:
            ids = tokenizer.encode(sentence)
            t3.config = dataclasses.replace(config, alignment=AlignmentConfig(layer, 0, 0.0, 0.0))
            session = T3Session(t3, 0.0)
            sampler = Sampler(sampling, seed_key(0), engine._forbidden)
            request = Request(ids, sampler, token_limit(len(sentence)))
            rows: list[list[np.ndarray]] = [[] for _ in range(llama.num_heads)]
            speech = generate(session, engine._conditioning, request, Statistics())
            for index, _ in enumerate(speech):
                for head in range(llama.num_heads):
                    t3.config = dataclasses.replace(config, alignment=AlignmentConfig(layer, head, 0.0, 0.0))
                    rows[head].append(session.text_attention(index, 1, len(ids)))
            for head, parts in enumerate(rows):
                scores.setdefault((layer, head), []).append(score(np.concatenate(parts)))
    t3.config = config
    mx.synchronize()
    means = {key: np.mean(values, axis=0) for key, values in scores.items()}
    for (layer, head), (near, passed) in sorted(means.items(), key=lambda item: -item[1][0] * item[1][1])[:5]:
        print(f"layer {layer}, head {head}: {near:.1%} of its attention near the position, {passed:.1%} of the text")


if __name__ == "__main__":
    main()
