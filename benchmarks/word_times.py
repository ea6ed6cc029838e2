#!/usr/bin/env python3
"""How exact the starts of words are, beside the durations that the teacher's model predicts for its own speech.

    word_times.py TEACHERS [--voice NAME] [--speed 1] [--seeds 1] [--sentences 60]

TEACHERS is the output folder of training.kokoro, whose hibari.onnx tells the duration of each phoneme to 25 ms. The
engine speaks held-out sentences freely, hibari speaks them too, and dynamic time warping (DTW) of the two sounds
carries the teacher's word starts over to the engine's sound. So the errors include those of the warping. Sentences in
which the two have different numbers of words are left out. Needs the extra `quality`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from inprocess import load_engine
from numpy.typing import NDArray

from nightingale.options import SpeakOptions

Floats = NDArray[np.float32]

RATE = 24_000
HOP = 120  # samples: 5 ms
FRAME_S = 0.025  # of the teacher's durations
NUM_CEPSTRA = 20


def cepstra(samples: Floats) -> Floats:
    """Mel cepstra (frames, NUM_CEPSTRA), without the mean of the speaker and the room."""
    n_fft, n_mels = 600, 40
    padded = np.pad(samples, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::HOP] * np.hanning(n_fft)
    power = np.abs(np.fft.rfft(frames, 1024)) ** 2
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), n_mels + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(1024, 1 / RATE)[:, None]
    rising, falling = (hertz - edges[:-2]) / np.diff(edges[:-1]), (edges[2:] - hertz) / np.diff(edges[1:])
    mel = np.log(power @ np.maximum(0, np.minimum(rising, falling)) + 1e-6)
    basis = np.cos(np.pi / n_mels * np.outer(np.arange(n_mels) + 0.5, np.arange(NUM_CEPSTRA)))
    found = (mel @ basis).astype(np.float32)
    loudness: Floats = found[:, :1] * 0.2  # counts less than the spectrum's shape, but finds silence
    features: Floats = np.concatenate([loudness, found[:, 1:]], axis=1)
    features -= features.mean(axis=0)
    return features


def warp(one: Floats, other: Floats) -> NDArray[np.int64]:
    """For each frame of `one`, the first frame of `other` that the best monotonic path pairs with it."""
    cost = np.sqrt(((one[:, None] - other[None]) ** 2).sum(axis=2))
    best = np.full((len(one) + 1, len(other) + 1), np.inf)
    best[0, 0] = 0
    for diagonal in range(2, len(one) + len(other) + 1):
        rows = np.arange(max(1, diagonal - len(other)), min(len(one), diagonal - 1) + 1)
        columns = diagonal - rows
        step = np.minimum(best[rows - 1, columns], best[rows, columns - 1])
        best[rows, columns] = cost[rows - 1, columns - 1] + np.minimum(step, best[rows - 1, columns - 1])
    first = np.zeros(len(one), np.int64)
    i, j = len(one), len(other)
    while i > 0:
        first[i - 1] = j - 1
        before = [(best[i - 1, j - 1], i - 1, j - 1), (best[i - 1, j], i - 1, j), (best[i, j - 1], i, j - 1)]
        _, i, j = min(before)
    return first


class Teacher:
    """hibari with its durations."""

    def __init__(self, folder: Path) -> None:
        from hibari import Hibari

        self._tts = Hibari(model=str(folder / "hibari.onnx"), threads=2)
        self._random = np.random.default_rng(0)

    def speak(self, text: str) -> tuple[Floats, list[float]]:
        """Samples, and the start of each word in seconds."""
        from hibari import dsp

        parts, starts, offset = [], [], 0.0
        for sentence in self._tts.split_sentences(text):
            for phonemes in self._tts.phonemize(sentence):
                feed = {"ids": np.asarray([self._tts.ids(phonemes)]), "speed": np.ones(1, np.float32)}
                *sound, durations = self._tts.sess.run(["lh", "theta", "ln", "lr", "phi", "f0", "/Clip_output_0"], feed)
                samples = dsp.synth(*(output[0] for output in sound), self._random)
                ends = np.cumsum(durations) * FRAME_S
                known = [char for char in phonemes if char in self._tts.vocab]
                starts += [
                    offset + float(ends[i])  # ends[0] is the end of the padding before the first phoneme
                    for i, char in enumerate(known)
                    if char != " " and (i == 0 or known[i - 1] == " ")
                ]
                parts.append(samples)
                offset += len(samples) / RATE
        return np.concatenate(parts), starts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teachers", type=Path)
    parser.add_argument("--voice", default="florence")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=1, help="readings of each sentence")
    parser.add_argument("--sentences", type=int, default=60)
    args = parser.parse_args()
    sentences = Path(__file__).with_name("held_out.txt").read_text(encoding="utf-8").splitlines()
    sentences = [sentence for sentence in sentences if 30 < len(sentence) < 150][: args.sentences]
    teacher, engine = Teacher(args.teachers), load_engine(openblas=True)
    engine.use_voice(args.voice)
    errors: list[float] = []
    left_out = 0
    for sentence in sentences:
        sound, starts = teacher.speak(sentence)
        for seed in range(args.seeds):
            chunks = list(engine.speak(sentence, SpeakOptions(seed=seed, speed=args.speed)))
            words = [word for chunk in chunks for word in chunk.words]
            if len(words) != len(starts):
                left_out += 1
                continue
            own = np.concatenate([chunk.samples for chunk in chunks])
            frames = warp(cepstra(sound), cepstra(own))
            for word, start in zip(words, starts, strict=True):
                expected = frames[min(round(start * RATE / HOP), len(frames) - 1)] * HOP / RATE
                errors.append(word.start_s - expected)
    ms = 1000 * np.array(errors)
    far = 100 * np.mean(np.abs(ms) > 100)
    print(f"{args.voice}, speed {args.speed}: {len(ms)} words; {left_out} readings left out")
    off = np.abs(ms)
    print(
        f"error of word starts: mean {off.mean():.0f} ms, median {np.median(off):.0f}, 90th percentile "
        f"{np.percentile(off, 90):.0f}, over 100 ms {far:.1f} %; signed median {np.median(ms):.0f}"
    )


if __name__ == "__main__":
    main()
