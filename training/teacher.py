"""Speaks planned utterances with the teacher and writes shards of speech.

A shard is an uncompressed .npz: `audio` int16 (N,) at 24 kHz, all utterances end to end; `ends` int64 (U,) their ends
in samples, each a multiple of 960; `f0` float16 (N / 480,) in Hz, 0 where unvoiced; `texts` and `phonemes` uint8, UTF-8
lines. Silence at the edges is cut to a short lead and tail, so that the voice starts and stops at once.
"""

import argparse
import multiprocessing
import os
import random
from pathlib import Path
from typing import Any

import numpy as np

from training.corpus import Planner, read_prepared

SAMPLE_RATE, HOP, SAMPLES_PER_TOKEN = 24_000, 480, 960
QUIET = 0.01  # amplitude under which an edge counts as silence
LEAD_MS, LEAD_JITTER_MS, TAIL_MS = 40, 40, 160


class Teacher:
    """The hibari voice, with the F0 that its network predicts."""

    def __init__(self) -> None:
        from hibari import Hibari  # type: ignore[import-untyped]

        self._tts = Hibari(threads=1)

    def speak(self, text: str, speed: float, seed: int) -> tuple[np.ndarray, np.ndarray, str]:
        """Text -> samples (N,), F0 in Hz at 80 frames a second, phonemes."""
        from hibari import dsp

        rng = np.random.default_rng(seed)
        audio, f0, spoken = [], [], []
        for phonemes in self._tts.phonemize(text):
            feed = {"ids": np.asarray([self._tts.ids(phonemes)], np.int64), "speed": np.asarray([speed], np.float32)}
            outputs = [o[0] for o in self._tts.sess.run(None, feed)]
            audio.append(dsp.synth(*outputs, rng))
            f0.append(outputs[5])
            spoken.append(phonemes)
        if not audio:
            return np.zeros(0, np.float32), np.zeros(0, np.float32), ""
        return np.concatenate(audio), np.concatenate(f0), " ".join(spoken)


def trim(audio: np.ndarray, f0: np.ndarray, rng: random.Random) -> tuple[np.ndarray, np.ndarray] | None:
    """Cut the edges; audio (N,) with N a multiple of 960, and F0 (N / 480,) at 50 frames a second."""
    loud = np.flatnonzero(np.abs(audio) > QUIET)
    if len(loud) < SAMPLES_PER_TOKEN:
        return None
    lead = int(SAMPLE_RATE * (LEAD_MS + rng.uniform(0, LEAD_JITTER_MS)) / 1000)
    start, stop = int(loud[0]) - lead, int(loud[-1]) + SAMPLE_RATE * TAIL_MS // 1000
    stop += -(stop - start) % SAMPLES_PER_TOKEN
    padded = np.pad(audio, (max(0, -start), max(0, stop - len(audio))))
    offset = max(0, -start)
    times = (start + HOP * (np.arange((stop - start) // HOP) + 0.5)) / SAMPLE_RATE
    position = np.clip(times * 80.0 - 0.5, 0, len(f0) - 1)
    voiced = f0[np.rint(position).astype(int)] > 40.0
    pitch = np.where(voiced, np.interp(position, np.arange(len(f0)), np.maximum(f0, 40.0)), 0.0)
    return padded[start + offset : stop + offset], pitch


def write_shard(path: Path, rows: list[tuple[np.ndarray, np.ndarray, str, str]]) -> None:
    audio = np.concatenate([r[0] for r in rows])
    arrays: dict[str, Any] = {
        "audio": (np.clip(audio, -1, 1) * 32767).astype(np.int16),
        "ends": np.cumsum([len(r[0]) for r in rows]),
        "f0": np.concatenate([r[1] for r in rows]).astype(np.float16),
        "texts": np.frombuffer("\n".join(r[2] for r in rows).encode(), np.uint8),
        "phonemes": np.frombuffer("\n".join(r[3] for r in rows).encode(), np.uint8),
    }
    unfinished = path.with_suffix(".tmp")
    with open(unfinished, "wb") as file:
        np.savez(file, **arrays)
    unfinished.rename(path)


def work(worker: int, workers: int, planner: Planner, args: argparse.Namespace) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    teacher = Teacher()
    rows: list[tuple[np.ndarray, np.ndarray, str, str]] = []
    shard = 0
    for number in range(worker, args.limit, workers):
        epoch, index = args.first_epoch + number // len(planner.sentences), number % len(planner.sentences)
        rng = random.Random(f"{args.seed}/{epoch}/{index}/speech")
        text = planner.utterance(epoch, index)
        audio, f0, phonemes = teacher.speak(text, rng.uniform(0.95, 1.05), rng.randrange(2**31))
        trimmed = trim(audio, f0, rng) if len(audio) else None
        if trimmed is None or len(trimmed[0]) > 30 * SAMPLE_RATE:
            continue
        rows.append((*trimmed, text, phonemes))
        if len(rows) == args.shard:
            write_shard(args.out / f"{shard:05d}-{worker:03d}.npz", rows)
            rows, shard = [], shard + 1
    if rows:
        write_shard(args.out / f"{shard:05d}-{worker:03d}.npz", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="sentences that training.corpus prepared")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, default=10**9, help="utterances in all")
    parser.add_argument("--shard", type=int, default=128, help="utterances a shard")
    parser.add_argument("--first-epoch", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    planner = Planner(read_prepared(args.corpus), args.seed)
    print(f"{len(planner.sentences)} sentences, {len(planner.words)} words", flush=True)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(i, args.workers, planner, args)) for i in range(args.workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


if __name__ == "__main__":
    main()
