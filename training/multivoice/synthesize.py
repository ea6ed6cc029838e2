"""Synthesizes shards of speech with the eight voices of Kokoro-82M.

    python -m training.multivoice.synthesize KOKORO.pt PHONEMES.tsv.xz OUT HOURS

KOKORO.pt comes from `training.multivoice.pack_teacher`, PHONEMES.tsv.xz from `training.multivoice.phonemes`. In each
pass the sentences are divided among the voices; in the next pass each voice gets its neighbour's share. All voices
speak the same held-out sentences first. The GPU synthesizes, a thread writes the raw samples, and other processes trim
them, equalize their loudness and write the shards.
"""

import argparse
import json
import lzma
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from training.multivoice.kokoro import Kokoro, Utterance
from training.multivoice.shards import LENGTHS, VOICES, labels
from training.teacher import HOP, LEAD_JITTER_MS, LEAD_MS, LOWEST_F0, QUIET, SAMPLE_RATE, SAMPLES_PER_TOKEN, TAIL_MS

LOUDNESS = 0.97  # gain of af_heart, which makes it as loud as hibari; the others get the same loudness
HELD_OUT = 96  # sentences
BLOCK, SHARD = 1024, 256  # utterances of a voice at a time, and in a shard
TEXT_BATCH = 768  # utterances
LEAST_PHONEMES, MOST_PHONEMES = 3, 300
SPEEDS = 0.95, 1.05
GPU_MEMORY = 0.35  # share; the training runs beside it
SPARE_CORES, MOST_PROCESSES = 4, 10


class Sentence(NamedTuple):
    held_out: bool
    american: str
    british: str


class Task(NamedTuple):
    """An utterance to synthesize."""

    voice: int
    held_out: bool
    phonemes: str
    ids: list[int]


def trimmed(audio: np.ndarray, f0: np.ndarray, gain: float, rng: np.random.Generator) -> tuple[np.ndarray, ...] | None:
    """int16 samples, F0 at 80 frames per second -> int16 samples with the gain and without silence at the edges, and F0
    at 50 frames per second, 0 where unvoiced. None if nothing remains or it is too long."""
    loud = np.flatnonzero(np.abs(audio) > QUIET / gain * 32767)
    if len(loud) < SAMPLES_PER_TOKEN:
        return None
    start = int(loud[0]) - int(SAMPLE_RATE * (LEAD_MS + rng.uniform(0, LEAD_JITTER_MS)) / 1000)
    stop = int(loud[-1]) + SAMPLE_RATE * TAIL_MS // 1000
    stop += -(stop - start) % SAMPLES_PER_TOKEN
    if stop - start > LENGTHS[-1] * HOP:
        return None
    samples = np.zeros(stop - start, np.float32)
    inside = slice(max(0, start), min(stop, len(audio)))
    samples[inside.start - start : inside.stop - start] = audio[inside]
    position = (start + HOP * (np.arange((stop - start) // HOP) + 0.5)) / SAMPLE_RATE * 80.0 - 0.5
    position = np.clip(position, 0, len(f0) - 1)
    f0 = f0.astype(np.float32)
    voiced = f0[np.rint(position).astype(int)] > LOWEST_F0
    drawn = np.interp(position, np.arange(len(f0)), np.maximum(f0, LOWEST_F0))
    return (samples * gain).clip(-32767, 32767).astype(np.int16), np.where(voiced, drawn, 0.0).astype(np.float16)


def write_shard(raw: Path, out: Path, voice: int, gain: float, sizes: list[int], f0: list[np.ndarray],
                phonemes: list[str], held_out: list[bool], seed: int) -> float:  # fmt: skip
    """Write a shard of the utterances in `raw`, `sizes` samples each, and delete `raw`. Returns the shard's seconds."""
    rng = np.random.default_rng(seed)
    audio = np.split(np.load(raw), np.cumsum(sizes)[:-1])
    raw.unlink()
    kept = [(cut, labels(p), h) for a, f, p, h in zip(audio, f0, phonemes, held_out, strict=True)
            if (cut := trimmed(a, f, gain, rng))]  # fmt: skip
    kept = [(cut, classes, h) for cut, classes, h in kept if 0 < len(classes) <= len(cut[1]) // 2 - 2]
    if not kept:
        return 0.0
    arrays: dict[str, Any] = {
        "audio": np.concatenate([cut[0] for cut, _, _ in kept]),
        "ends": np.cumsum([len(cut[0]) for cut, _, _ in kept]),
        "f0": np.concatenate([cut[1] for cut, _, _ in kept]),
        "labels": np.concatenate([classes for _, classes, _ in kept]),
        "label_ends": np.cumsum([len(classes) for _, classes, _ in kept]),
        "held": np.asarray([h for _, _, h in kept]),
        "voice": np.asarray(voice),
    }
    unfinished = out.with_suffix(".tmp")
    with open(unfinished, "wb") as file:
        np.savez(file, **arrays)
    unfinished.rename(out)
    return len(arrays["audio"]) / SAMPLE_RATE


def loudness(utterances: Sequence[Utterance]) -> float:
    """Median over the utterances of the RMS of their frames, without the quiet ones."""
    found = []
    for one in utterances:
        frames = one.audio.numpy()[: len(one.audio) // HOP * HOP].reshape(-1, HOP).astype(np.float32) / 32767
        power = np.square(frames).mean(1)
        if (sounding := power > 0.1 * power.max()).any():
            found.append(float(np.sqrt(power[sounding].mean())))
    return float(np.median(found))


def read_sentences(path: Path) -> list[Sentence]:
    with lzma.open(path, "rt", encoding="utf-8") as file:
        rows = (line.rstrip("\n").split("\t") for line in file)
        return [Sentence(held_out == "1", american, british) for held_out, american, british in rows]


class Synthesis:
    """Passes over the sentences; `step` synthesizes a block for each voice."""

    def __init__(self, teacher: Kokoro, sentences: list[Sentence], out: Path, processes: ProcessPoolExecutor,
                 block: int, held_out: int) -> None:  # fmt: skip
        self.teacher, self.out, self.processes, self.block = teacher, out, processes, block
        self.held_out = [s for s in sentences if s.held_out][:held_out]
        self.sentences = [s for s in sentences if not s.held_out]
        self.shard = min(SHARD, block)
        self.threads = ThreadPoolExecutor(2)
        self.writing: list[Future[Future[float]]] = []
        self.trimming: list[Future[float]] = []
        self.gains: list[float] = []
        self.seconds, self.turn, self.shards = 0.0, 0, 0
        (out / "raw").mkdir(parents=True, exist_ok=True)

    def tasks(self) -> list[Task]:
        """The utterances of this turn, of all voices."""
        tasks = []
        for voice, name in enumerate(VOICES):
            passes = self.turn * self.block // (len(self.sentences) // len(VOICES))
            share = self.sentences[(voice + passes) % len(VOICES) :: len(VOICES)]
            chosen = [share[(self.turn * self.block + i) % len(share)] for i in range(self.block)]
            for sentence in (self.held_out if self.turn == 0 else []) + chosen:
                phonemes = sentence.british if name[0] == "b" else sentence.american
                ids = self.teacher.ids(phonemes)
                if LEAST_PHONEMES <= len(ids) <= MOST_PHONEMES:
                    tasks.append(Task(voice, sentence.held_out, phonemes, ids))
        return tasks

    def step(self) -> None:
        tasks = self.tasks()
        styles = torch.stack([self.teacher.style(VOICES[task.voice], task.ids) for task in tasks])
        speed = torch.empty(len(tasks), 1, device=self.teacher.device).uniform_(*SPEEDS)
        utterances = self.teacher.speak([task.ids for task in tasks], styles, speed, text_batch=TEXT_BATCH)
        self.seconds += sum(len(one.audio) for one in utterances) / SAMPLE_RATE
        of_voices = [[i for i, task in enumerate(tasks) if task.voice == voice] for voice in range(len(VOICES))]
        if self.turn == 0:
            self.measure([[utterances[i] for i in numbers] for numbers in of_voices])
        for numbers in of_voices:
            for first in range(0, len(numbers), self.shard):
                some = numbers[first : first + self.shard]
                self.writing.append(
                    self.threads.submit(
                        self.write, [utterances[i] for i in some], [tasks[i] for i in some], self.shards
                    )
                )
                self.shards += 1
        while len(self.writing) > 2 * len(VOICES) * self.block // self.shard:
            self.trimming.append(self.writing.pop(0).result())
        self.turn += 1

    def measure(self, utterances: list[list[Utterance]]) -> None:
        """Write voices.json: the gain and the median F0 of each voice."""
        medians, levels = [], []
        for of_voice in utterances:
            f0 = np.concatenate([one.f0.numpy().astype(np.float32) for one in of_voice])
            medians.append(float(np.median(f0[f0 > LOWEST_F0])))
            levels.append(loudness(of_voice))
        self.gains = [LOUDNESS * levels[0] / level for level in levels]
        about = {name: {"gain": g, "median": m} for name, g, m in zip(VOICES, self.gains, medians, strict=True)}
        (self.out / "voices.json").write_text(json.dumps(about))
        print(about, flush=True)

    def write(self, utterances: list[Utterance], tasks: list[Task], number: int) -> Future[float]:
        """Write the raw samples of one voice, and let another process make a shard of them."""
        raw = self.out / "raw" / f"{number:05d}.npy"
        np.save(raw, np.concatenate([one.audio.numpy() for one in utterances]))
        voice = tasks[0].voice
        return self.processes.submit(
            write_shard, raw, self.out / f"{number:05d}.npz", voice, self.gains[voice],
            [len(one.audio) for one in utterances], [one.f0.numpy() for one in utterances],
            [task.phonemes for task in tasks], [task.held_out for task in tasks], number,
        )  # fmt: skip

    def finish(self) -> float:
        """Wait for the last shards. Returns the seconds of speech in all shards."""
        self.trimming += [one.result() for one in self.writing]
        self.threads.shutdown()
        return sum(one.result() for one in self.trimming)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "phonemes", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("hours", type=float, help="of speech, before silence is trimmed")
    parser.add_argument("--toy", action="store_true", help="two utterances of a voice at a time, to try it on a CPU")
    args = parser.parse_args()
    with ProcessPoolExecutor(max(1, min(MOST_PROCESSES, (os.cpu_count() or 2) - SPARE_CORES))) as processes:
        list(processes.map(abs, range(20)))  # starts them before CUDA is initialized
        gpu = torch.cuda.is_available()
        if gpu:
            torch.cuda.set_per_process_memory_fraction(GPU_MEMORY)
        device, dtype = torch.device("cuda" if gpu else "cpu"), torch.float16 if gpu else torch.float32
        teacher = Kokoro(args.model, device, dtype, fused=gpu)
        block, held_out = (2, 1) if args.toy else (BLOCK, HELD_OUT)
        synthesis = Synthesis(teacher, read_sentences(args.phonemes), args.out, processes, block, held_out)
        start = time.monotonic()
        while synthesis.seconds < 3600 * args.hours:
            synthesis.step()
            done = f"{synthesis.seconds / 3600:.1f} h in {time.monotonic() - start:.1f} s"
            print(f"{done}, {len(synthesis.writing)} to write", flush=True)
        kept = synthesis.finish()
    print(f"all: {kept / 3600:.1f} h kept, {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
