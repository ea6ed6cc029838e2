"""Synthesizes the planned utterances with each voice's teacher, and writes shards of speech.

A shard is an uncompressed .npz: `audio` int16 (N,) at 24 kHz, all utterances end to end; `ends` int64 (U,) their ends
in samples, each a multiple of 960; `f0` float16 (N / 480,) in Hz, 0 where unvoiced; `voice`, `texts` and `phonemes`
uint8, UTF-8 lines. Silence at the edges is trimmed to a short lead and tail, so that the voice starts and stops without
delay.

All voices share florence's speech tokens. Another voice says the same with the same timing. Its shards also hold her
samples, `source` int16 (N,), from which the tokens are made.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.corpus import Planner, read_prepared
from training.intonation import risen, rises
from training.kokoro import DURATIONS, Kokoro
from training.voices import VOICES

SAMPLE_RATE, HOP, SAMPLES_PER_TOKEN = 24_000, 480, 960
QUIET = 0.01  # amplitude below which an edge counts as silence
LEAD_MS, LEAD_JITTER_MS, TAIL_MS = 40, 40, 160
LEAST_FREE = 4e9  # bytes of disk space, kept for checkpoints
LOWEST_F0 = 40.0  # Hz; hibari gives less where unvoiced
SOUND = ["lh", "theta", "ln", "lr", "phi", "f0"]  # the outputs of hibari's model that its synthesis needs


@dataclass
class Speech:
    audio: np.ndarray  # samples (N,)
    source: np.ndarray  # florence saying the same with the same timing (N,)
    f0: np.ndarray  # Hz, 0 where unvoiced; 80 frames per second, 50 in trimmed speech
    phonemes: str

    @staticmethod
    def joined(parts: "list[Speech]") -> "Speech":
        """Concatenate the sentences of a text."""
        if not parts:
            return Speech(*(np.zeros(0, np.float32) for _ in range(3)), phonemes="")
        whole = (np.concatenate([getattr(part, name) for part in parts]) for name in ("audio", "source", "f0"))
        return Speech(*whole, phonemes=" ".join(part.phonemes for part in parts))


class FlorenceTeacher:
    """hibari's voice; yes-no questions are spoken by Kokoro's af_heart, from which hibari was distilled, and rise.

    folder: the output of training.kokoro; without it hibari speaks everything, and no question rises. gpu: number of
    Kokoro's GPU, modulo the number of GPUs.
    """

    def __init__(self, seed: int, folder: Path | None = None, gpu: int = 0) -> None:
        from hibari import Hibari  # type: ignore[import-untyped]

        self._tts = Hibari(model=folder and str(folder / "hibari.onnx"), threads=1)
        self._rng = np.random.default_rng(seed)
        self._seed, self._folder, self._gpu = seed, folder, gpu

    @cached_property
    def kokoro(self) -> Kokoro:
        """Loaded on first use, on a GPU if there is one."""
        assert self._folder
        torch.manual_seed(self._seed)
        gpus = torch.cuda.device_count()
        device = torch.device("cuda", self._gpu % gpus) if gpus else torch.device("cpu")
        return Kokoro(self._folder / "kokoro.pt", device)

    def speak(self, text: str, speed: float) -> Speech:
        return Speech.joined([speech for speech, *_ in self.sentences(text, speed)])

    def sentences(self, text: str, speed: float) -> Iterator[tuple[Speech, list[int], np.ndarray | None]]:
        """For each sentence of a text: its speech, phoneme ids, and durations (L,), None without a folder."""
        for sentence in self._tts.split_sentences(text):
            parts = [part for part in self._tts.phonemize(sentence) if self._tts.ids(part) != [0, 0]]
            for part in parts:
                yield self._say(part, speed, question=part is parts[-1] and rises(sentence))

    def _say(self, phonemes: str, speed: float, question: bool) -> tuple[Speech, list[int], np.ndarray | None]:
        from hibari import dsp

        ids = self._tts.ids(phonemes)
        feed = {"ids": np.asarray([ids], np.int64), "speed": np.asarray([speed], np.float32)}
        outputs = self._tts.sess.run([*SOUND, DURATIONS] if self._folder else SOUND, feed)
        sound, durations = [output[0] for output in outputs[: len(SOUND)]], outputs[-1] if self._folder else None
        f0 = np.where(sound[-1] > LOWEST_F0, sound[-1], 0.0)
        if question and durations is not None:
            f0 = risen(f0, [phoneme for phoneme in phonemes if phoneme in self._tts.vocab], durations)
            audio = self.kokoro.speak("af_heart", ids, durations, f0)
        else:
            audio = dsp.synth(*sound, self._rng)
        return Speech(audio, audio, f0, phonemes), ids, durations


class KeatsTeacher:
    """A man's voice with the timing and the intonation of florence's teacher."""

    PITCH = 0.565  # ratio of the median F0: his 109 Hz, hibari's 193 Hz

    def __init__(self, seed: int, folder: Path, gpu: int = 0) -> None:
        self._florence = FlorenceTeacher(seed, folder, gpu)

    def speak(self, text: str, speed: float) -> Speech:
        said = []
        for speech, ids, durations in self._florence.sentences(text, speed):
            assert durations is not None
            f0 = self.PITCH * speech.f0
            audio = self._florence.kokoro.speak("am_michael", ids, durations, f0)
            said.append(replace(speech, audio=audio, f0=f0))
        return Speech.joined(said)


def trim(speech: Speech, rng: random.Random) -> Speech | None:
    """Trim by the silence of florence's sound; N becomes a multiple of 960. None if there is almost no speech."""
    loud = np.flatnonzero(np.abs(speech.source) > QUIET)
    if len(loud) < SAMPLES_PER_TOKEN:
        return None
    lead = int(SAMPLE_RATE * (LEAD_MS + rng.uniform(0, LEAD_JITTER_MS)) / 1000)
    start, stop = int(loud[0]) - lead, int(loud[-1]) + SAMPLE_RATE * TAIL_MS // 1000
    stop += -(stop - start) % SAMPLES_PER_TOKEN
    offset = max(0, -start)
    audio, source = (
        np.pad(samples, (offset, max(0, stop - len(samples))))[start + offset : stop + offset]
        for samples in (speech.audio, speech.source)
    )
    times = (start + HOP * (np.arange((stop - start) // HOP) + 0.5)) / SAMPLE_RATE
    position = np.clip(times * 80.0 - 0.5, 0, len(speech.f0) - 1)
    voiced = speech.f0[np.rint(position).astype(int)] > 0
    drawn = np.interp(position, np.arange(len(speech.f0)), np.maximum(speech.f0, LOWEST_F0))
    return Speech(audio, source, np.where(voiced, drawn, 0.0), speech.phonemes)


def write_shard(path: Path, voice: str, said: list[tuple[Speech, str]]) -> None:
    """said: trimmed utterances with their texts."""
    speeches, texts = zip(*said, strict=True)
    arrays: dict[str, Any] = {
        "audio": int16([speech.audio for speech in speeches]),
        "ends": np.cumsum([len(speech.audio) for speech in speeches]),
        "f0": np.concatenate([speech.f0 for speech in speeches]).astype(np.float16),
        "voice": np.frombuffer(voice.encode(), np.uint8),
        "texts": np.frombuffer("\n".join(texts).encode(), np.uint8),
        "phonemes": np.frombuffer("\n".join(speech.phonemes for speech in speeches).encode(), np.uint8),
    }
    if voice != VOICES[0]:
        arrays["source"] = int16([speech.source for speech in speeches])
    wait_for_room(path.parent)
    unfinished = path.with_suffix(".tmp")
    with open(unfinished, "wb") as file:
        np.savez(file, **arrays)
    unfinished.rename(path)


def wait_for_room(folder: Path) -> None:
    """Wait while the disk is almost full. A hundred hours of speech take 17 GB; training goes on with what it has."""
    if shutil.disk_usage(folder).free < LEAST_FREE:
        print(f"{folder} has less than {LEAST_FREE / 1e9:.0f} GB left; waiting", flush=True)
    while shutil.disk_usage(folder).free < LEAST_FREE:
        time.sleep(1)


def int16(parts: list[np.ndarray]) -> np.ndarray:
    return (np.clip(np.concatenate(parts), -1, 1) * 32767).astype(np.int16)


def shared_out(voices: list[str], workers: int) -> list[str]:
    """The voice of each worker. Neighbours have the same voice, because reading processes take every n-th worker."""
    return [voices[worker * len(voices) // workers] for worker in range(workers)]


def work(worker: int, voices: list[str], planner: Planner, args: argparse.Namespace) -> None:
    """Speak every n-th utterance, where n workers have the same voice."""
    torch.set_num_threads(1)
    voice = voices[worker]
    seed = random.Random(f"{args.seed}/{args.first_epoch}/{worker}").randrange(2**31)
    kind = FlorenceTeacher if voice == VOICES[0] else KeatsTeacher
    teacher = kind(seed, args.teachers, worker)
    said: list[tuple[Speech, str]] = []
    shard = 0
    for number in range(worker - voices.index(voice), args.limit, voices.count(voice)):
        epoch, index = args.first_epoch + number // len(planner.sentences), number % len(planner.sentences)
        rng = random.Random(f"{args.seed}/{epoch}/{index}/speech")
        text = planner.utterance(epoch, index)
        speech = trim(teacher.speak(text, rng.uniform(0.95, 1.05)), rng)
        if speech is None or len(speech.audio) > 30 * SAMPLE_RATE:
            continue
        said.append((speech, text))
        if len(said) == args.shard:
            write_shard(args.out / f"{shard:05d}-{worker:03d}.npz", voice, said)
            said, shard = [], shard + 1
    if said:
        write_shard(args.out / f"{shard:05d}-{worker:03d}.npz", voice, said)


def stand_by(processes: list[Any]) -> None:
    """Wait until all have ended. If one fails, end the others too, because the mix of voices would change."""
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
    parser.add_argument("--corpus", type=Path, required=True, help="output file of training.corpus")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--voices", nargs="+", choices=VOICES, default=[VOICES[0]], help="voices of the workers, in "
                        "equal shares; a voice named twice gets two shares")  # fmt: skip
    parser.add_argument("--teachers", type=Path, help="output folder of training.kokoro, for keats "
                        "and for rising questions")  # fmt: skip
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--limit", type=int, default=10**9, help="most utterances of each voice")
    parser.add_argument("--shard", type=int, default=128, help="utterances in a shard")
    parser.add_argument("--first-epoch", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.workers < len(args.voices):
        parser.error(f"{len(args.voices)} voices need as many workers")
    if "keats" in args.voices and args.teachers is None:
        parser.error("keats needs --teachers")
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
