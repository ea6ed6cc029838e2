#!/usr/bin/env python3
"""Latency to the first samples, continuity of playback, and memory over a long conversation.

    latency.py [--repeat N] [--minutes M] [--utterances N] [--skip first cost gaps memory command] [--json]

- first: a warm engine, from the text to the first samples, for texts of one word to five minutes; and the time for
  the whole of a sentence of 30 words.
- cost: compute time per second of sound, in a text of 4 seconds and in one of 40.
- gaps: a text of M minutes, played in real time through the ring buffer (10 ms every 10 ms).
- memory: resident size over N texts at the prompt.
- command: the program from its start to its first sample, by --stats.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from inprocess import load_engine
from texts import FOUR_SECONDS, sentences

if TYPE_CHECKING:
    from nightingale.engine import Engine

WORD = "Hello."
THIRTY_WORDS = (
    "The old clock in the hall has not worked for many years, and nobody in the family has ever found the time or the "
    "money to have it properly repaired by anyone."
)
BLOCK = 240  # samples: 10 ms
PAGE = os.sysconf("SC_PAGE_SIZE")


def long_text(seconds: float) -> str:
    """Repeated sentences, at least this much speech at 17.5 characters per second."""
    text = " ".join(line for line in sentences() if len(line) > 30)
    return (text + " ") * (int(seconds * 17.5 / len(text)) + 1)


def cut_text(seconds: float) -> str:
    """About this much speech, cut after a sentence."""
    text = long_text(seconds)[: int(seconds * 17.5)]
    return text[: text.rfind(". ") + 1]


def timed(engine: Engine, text: str, *, first_only: bool = False) -> tuple[float, float, float]:
    """Seconds to the first samples, seconds of computation, seconds of sound."""
    for _ in engine.speak(text):
        if first_only:
            break
    run = engine.statistics
    return run.first_sample_s or 0.0, run.compute_s, run.sound_s


def measure_first(engine: Engine, repeat: int) -> dict[str, Any]:
    """Milliseconds: median and maximum."""
    texts = {"one word": WORD, "30 words": THIRTY_WORDS, "40 seconds": cut_text(40), "5 minutes": cut_text(300)}
    figures: dict[str, Any] = {}
    firsts: dict[str, list[float]] = {name: [] for name in texts}
    for _ in range(repeat):  # in turn, so that other load of the machine affects all texts
        for name, text in texts.items():
            firsts[name].append(timed(engine, text, first_only=True)[0] * 1000)
    for name, values in firsts.items():
        figures[f"{name}, ms"] = f"{statistics.median(values):.0f} (max {max(values):.0f})"
    whole = statistics.median(timed(engine, THIRTY_WORDS)[1] for _ in range(repeat)) * 1000
    figures["whole of 30 words, ms"] = f"{whole:.0f}"
    figures["30 words, first / whole"] = round(statistics.median(firsts["30 words"]) / whole, 3)
    return figures


def measure_cost(engine: Engine, repeat: int) -> dict[str, Any]:
    texts = {"4 s": FOUR_SECONDS, "40 s": cut_text(40)}
    costs: dict[str, list[float]] = {name: [] for name in texts}
    for _ in range(repeat):
        for name, text in texts.items():
            for _ in range(5 if name == "4 s" else 1):
                _, compute_s, sound_s = timed(engine, text)
                costs[name].append(compute_s / sound_s)
    medians = {name: statistics.median(values) for name, values in costs.items()}
    shown = {f"per second of sound, text of {name}, ms": round(value * 1000, 1) for name, value in medians.items()}
    return shown | {"ratio 40 s / 4 s": round(medians["40 s"] / medians["4 s"], 3)}


def measure_gaps(engine: Engine, minutes: float) -> dict[str, Any]:
    """Underruns, and the least audio in the ring buffer, with a consumer in real time."""
    from nightingale.audio.ring import RingBuffer

    playback = RingBuffer(24_000)
    done = threading.Event()
    lowest = [float("inf")]

    def consume() -> None:
        out = np.empty(BLOCK, np.float32)
        due = time.perf_counter()
        while not done.is_set() or playback.pending:
            playback.render(out)
            if playback.read and not done.is_set():
                lowest[0] = min(lowest[0], playback.pending / 24_000)
            due += BLOCK / 24_000
            time.sleep(max(0.0, due - time.perf_counter()))

    consumer = threading.Thread(target=consume)
    consumer.start()
    try:
        ticket = playback.begin()
        for chunk in engine.speak(cut_text(60 * minutes)):
            rest = chunk.samples
            while len(rest):
                count = playback.write(rest, ticket)
                assert count is not None
                rest = rest[count:]
                time.sleep(0.02 if len(rest) else 0)
        playback.expect_more(False, ticket)
    finally:
        done.set()
        consumer.join()
    return {
        "sound, s": round(playback.written / 24_000, 1), "underruns": playback.underruns,
        "least ahead, ms": round(lowest[0] * 1000),
    }  # fmt: skip


def resident_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * PAGE / 1e6


def measure_memory(utterances: int) -> dict[str, Any]:
    """Resident size of a conversation at the prompt, without a device."""
    from nightingale.audio.sink import NullSink
    from nightingale.options import SpeakOptions
    from nightingale.repl.speech_thread import SpeechThread

    lines = sentences()
    speech = SpeechThread(lambda: load_engine(openblas=True), NullSink)
    sizes: list[float] = []
    try:
        for i in range(utterances):
            speech.speak(lines[i % len(lines)], SpeakOptions())
            speech.wait()
            if speech.failure is not None:
                raise speech.failure
            sizes.append(resident_mb())
        threads, descriptors = threading.active_count(), len(os.listdir("/dev/fd"))
    finally:
        speech.close()
    marks = sorted({min(mark, utterances) for mark in (20, utterances // 2, utterances)})
    shown = {f"after {mark} utterances, MB": round(sizes[mark - 1]) for mark in marks}
    return shown | {"threads": threads, "descriptors": descriptors}


def measure_command(repeat: int) -> dict[str, Any]:
    """Medians of what --stats reports, in a new process for each run."""
    runs = []
    for _ in range(repeat):
        command = [sys.executable, "-m", "nightingale_tts", "--stats", "json", FOUR_SECONDS]
        done = subprocess.run(command, capture_output=True, check=True)
        runs.append(json.loads(done.stderr))
    names = ("ready_s", "first_token_s", "first_sample_s", "audible_onset_s", "realtime_factor", "tokens_per_s")
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in names}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5, help="runs of each measurement")
    parser.add_argument("--minutes", type=float, default=3.0, help="of speech, for gaps")
    parser.add_argument("--utterances", type=int, default=500, help="texts, for memory")
    parser.add_argument("--skip", nargs="+", default=[], choices=["first", "cost", "gaps", "memory", "command"])
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    args = parser.parse_args()
    figures: dict[str, dict[str, Any]] = {}
    if not {"first", "cost", "gaps"} <= set(args.skip):
        engine = load_engine(openblas=True)
        timed(engine, FOUR_SECONDS)  # allocates buffers and reads the files into memory
        parts = {
            "first": lambda: measure_first(engine, args.repeat), "cost": lambda: measure_cost(engine, args.repeat),
            "gaps": lambda: measure_gaps(engine, args.minutes),
        }  # fmt: skip
        figures |= {name: measure() for name, measure in parts.items() if name not in args.skip}
    if "memory" not in args.skip:
        figures["memory"] = measure_memory(args.utterances)
    if "command" not in args.skip:
        figures["command"] = measure_command(args.repeat)
    if args.json:
        print(json.dumps(figures))
    else:
        rows = [f"| {group}: {name} | {value} |" for group, part in figures.items() for name, value in part.items()]
        print("\n".join(["| measure | value |", "|---|---|", *rows]))
    return int(figures.get("gaps", {}).get("underruns", 0) != 0)


if __name__ == "__main__":
    sys.exit(main())
