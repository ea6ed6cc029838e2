"""Measures which reading of a homograph a bundled voice takes, with the usual and with the other spelling.

    python benchmarks/homographs.py [--voice keats] [--seeds 0 1] [WORD...]

homographs.tsv has sentences with the phonemes of the right and of the wrong reading. The teacher (hibari-tts) says each
sentence with both. The take of the voice is compared with these by dynamic time warping of their cepstra. The margin is
the difference of the two distances over the distance between the teacher's readings: above zero the reading is right.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nightingale.engine import Engine
from nightingale.options import SpeakOptions
from nightingale.text.homographs import respell_homographs
from nightingale.text.spellings.user_lexicon import Lexicon

Floats = NDArray[np.float64]

RATE, HOP, WINDOW, FFT = 24_000, 240, 600, 1024  # samples
BANDS, COEFFICIENTS = 40, 13
LOWEST_HZ, HIGHEST_HZ = 60, 8000
QUIET = 0.01  # of the peak: what is below it at the edges is cut off
ENERGY_WEIGHT = 0.4  # of the first coefficient


def mel_bank() -> Floats:
    """(BANDS, FFT / 2 + 1): triangles that overlap by half."""
    low_mel, high_mel = (2595 * np.log10(1 + hz / 700) for hz in (LOWEST_HZ, HIGHEST_HZ))
    mels = np.linspace(low_mel, high_mel, BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    hz = np.fft.rfftfreq(FFT, 1 / RATE)
    low, middle, high = (edges[i : i + BANDS, None] for i in range(3))
    return np.asarray(np.clip(np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)), 0, None))


MEL_BANK = mel_bank()
COSINES = np.cos(np.pi / BANDS * (np.arange(BANDS) + 0.5) * np.arange(COEFFICIENTS)[:, None]) * np.sqrt(2 / BANDS)


def cepstra(samples: NDArray[np.float32]) -> Floats:
    """(T, COEFFICIENTS), a row each 10 ms, without the mean of the utterance."""
    loud = np.flatnonzero(np.abs(samples) > QUIET * np.abs(samples).max())
    samples = samples[max(0, loud[0] - WINDOW) : loud[-1] + WINDOW]
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), FFT)) ** 2
    rows = np.log(power @ MEL_BANK.T + 1e-6) @ COSINES.T
    rows[:, 0] *= ENERGY_WEIGHT
    rows -= rows.mean(0)
    return np.asarray(rows / np.abs(rows).mean())


def distance(one: Floats, other: Floats) -> float:
    """Cost of the best alignment of two sequences of cepstra; a diagonal step counts twice."""
    costs = np.linalg.norm(one[:, None] - other[None], axis=-1)
    n, m = costs.shape
    best = np.full((n + 1, m + 1), np.inf)
    best[0, 0] = 0
    for diagonal in range(2, n + m + 1):
        i = np.arange(max(1, diagonal - m), min(n, diagonal - 1) + 1)
        j, cost = diagonal - i, costs[i - 1, diagonal - i - 1]
        best[i, j] = np.minimum(np.minimum(best[i - 1, j], best[i, j - 1]) + cost, best[i - 1, j - 1] + 2 * cost)
    return float(best[n, m])


class Teacher:
    """hibari-tts, saying a sentence with given phonemes for one word."""

    def __init__(self) -> None:
        from hibari import Hibari

        self._model = Hibari()

    def say(self, sentence: str, word: str, phonemes: str) -> Floats:
        words = [re.sub(r"\W", "", w).lower() for w in sentence.split()]
        pieces = self._model.g2p(sentence, normalize_text=False).split(" ")
        index = words.index(word)
        pieces[index] = phonemes + "".join(c for c in pieces[index] if c in ",.?!;:")
        return cepstra(np.asarray(self._model.from_phonemes(" ".join(pieces), seed=0), np.float32))


def say_as_written(engine: Engine, sentence: str, spelling: str, word: str, seed: int) -> Floats:
    """The voice's take with this spelling of the word: the user's lexicon keeps it from being respelled."""
    engine.lexicon = Lexicon({word: spelling})
    chunks = engine.speak(sentence, SpeakOptions(seed=seed))
    return cepstra(np.concatenate([chunk.samples for chunk in chunks]))


def rows(chosen: list[str]) -> Iterator[dict[str, str]]:
    with open(Path(__file__).with_suffix(".tsv"), encoding="utf-8") as file:
        yield from (row for row in csv.DictReader(file, delimiter="\t") if not chosen or row["word"] in chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--voice", default="florence")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    teacher, engine = Teacher(), Engine(voice=args.voice)
    num_right = {"as written": 0, "respelled": 0}
    num_takes = 0
    for row in rows(args.words):
        word, sentence = row["word"], row["sentence"]
        right, wrong = (teacher.say(sentence, word, row[name]) for name in ("reading", "other"))
        respelled = respell_homographs(sentence).split()
        spelling = next(new for old, new in zip(sentence.split(), respelled, strict=True) if new != old)
        spellings = {"as written": word, "respelled": re.sub(r"[^\w-]", "", spelling).lower()}
        for seed in args.seeds:
            num_takes += 1
            margins = []
            for name, spelled in spellings.items():
                take = say_as_written(engine, sentence, spelled, word, seed)
                margins.append((distance(take, wrong) - distance(take, right)) / distance(right, wrong))
                num_right[name] += margins[-1] > 0
            print(f"{word:10} {spellings['respelled']:12} {margins[0]:+.2f} {margins[1]:+.2f}  {sentence}", flush=True)
    print(f"right of {num_takes}: {num_right}")


if __name__ == "__main__":
    main()
