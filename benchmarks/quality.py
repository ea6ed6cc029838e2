#!/usr/bin/env python3
"""How well it speaks: word and character errors, opinion score, likeness to the teacher, pace and faults.

    quality.py --command nightingale-tts   one process a sentence: text on its standard input, WAV on its output
    quality.py --engine                    the engine in this process, loaded once: much faster
    quality.py --wavs DIR                  0000.wav, 0001.wav, ...: one for each sentence
    quality.py --teacher                   the voice that the bundled one was trained on, for comparison
    quality.py --teacher-cut               the same with the silence at its edges cut as the bundled voice's is
    quality.py --engine --teacher --voice keats --teachers DIR   another voice, against its own teacher (training/)

Each source given is a row of the table; after it comes one line of JSON for each. The requirements are in
requirements.txt beside this file. Sentence i is spoken by the teacher with seed i, and its opinion score is taken for
every third sentence. "surprise" is how unlikely the recogniser finds the true text: the mean of -log p of its tokens.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from process import run_command
from scoring import ASR_RATE, LOUD, Faults, Recogniser, Sound, at_rate, error_rate, find_faults, plain_words, read_wav
from texts import SENTENCES

TEACHER_RATE = 24_000
EDGES_S = (0.06, 0.20)  # silence before and after what the bundled voice says, the latter up to a token shorter
TOKEN_S = 0.04
MOS_EVERY = 3  # the opinion score is the slowest measure and varies little

Speaker = Callable[[int, str], Sound]


class SpeakerFailed(Exception):
    """One sentence that could not be spoken; all its words then count as wrong."""


@dataclass
class Row:
    """What was measured of one sentence; None where a measure does not apply."""

    index: int
    wanted: list[str]
    heard: list[str]
    surprise: list[float] = field(default_factory=list)  # of each token of the text
    seconds: float = 0.0
    faults: Faults | None = None
    pace: float | None = None
    likeness: float | None = None
    mos: tuple[float, float, float] | None = None  # overall, signal, P.808
    failure: str = ""

    @property
    def word_errors(self) -> float:
        return error_rate([(self.wanted, self.heard)])


def command_speaker(command: str) -> Speaker:
    """Speaks by a fresh process a sentence."""

    def speak(_: int, text: str) -> Sound:
        outcome = run_command(shlex.split(command), text)
        if outcome.exit_code:
            raise SpeakerFailed(f"exit {outcome.exit_code}: {outcome.stderr.strip()[-200:]}")
        return read_wav(outcome.stdout)

    return speak


def folder_speaker(folder: Path) -> Speaker:
    """Speaks by WAV files numbered as the sentences are."""
    return lambda index, _: read_wav(folder / f"{index:04d}.wav")


def hibari_speaker() -> Speaker:
    """Speaks by hibari, florence's teacher but for questions, the same sound for the same sentence every time."""
    from hibari import Hibari

    teacher: Any = Hibari()
    return lambda index, text: Sound(np.asarray(teacher(text, seed=index), dtype=np.float32), TEACHER_RATE)


def training_speaker(voice: str, folder: Path) -> Speaker:
    """Speaks by a voice's teacher as it was in training, which needs PyTorch."""
    sys.path.append(str(Path(__file__).parent.parent))
    from training.teacher import FlorenceTeacher, KeatsTeacher

    teacher = KeatsTeacher(0, folder) if voice == "keats" else FlorenceTeacher(0, folder)
    return lambda _, text: Sound(teacher.speak(text, 1.0).audio, TEACHER_RATE)


def with_cut_edges(speaker: Speaker) -> Speaker:
    """The same with the bundled voice's silence before and after it, and like it a whole number of speech tokens long.

    The opinion score hears both: it repeats a sound until it lasts 9 seconds, and a length of whole hops of its
    spectrum lowers the score of the same sound.
    """

    def speak(index: int, text: str) -> Sound:
        sound = speaker(index, text)
        loud = np.flatnonzero(np.abs(sound.samples) > LOUD)
        lead, tail = (int(seconds * sound.sample_rate) for seconds in EDGES_S)
        samples = sound.samples[max(0, loud[0] - lead) : loud[-1] + tail]
        token = int(TOKEN_S * sound.sample_rate)
        return Sound(samples[: len(samples) // token * token], sound.sample_rate)

    return speak


def teacher_speaker(args: argparse.Namespace) -> Speaker:
    return training_speaker(args.voice, args.teachers) if args.teachers else hibari_speaker()


def engine_speaker(voice: str) -> Speaker:
    """Speaks by the package in this process."""
    from inprocess import load_engine, speak

    engine = load_engine(openblas=True)
    engine.use_voice(voice)
    return lambda _, text: speak(engine, text)


def likeness_measure() -> Callable[[Sound, Sound], float]:
    """Cosine of two recordings' speaker embeddings."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder: Any = VoiceEncoder("cpu", verbose=False)

    def embed(sound: Sound) -> Any:
        return encoder.embed_utterance(preprocess_wav(sound.samples, source_sr=sound.sample_rate))

    return lambda one, other: float(embed(one) @ embed(other))


def opinion_score(sound: Sound) -> tuple[float, float, float]:
    """DNSMOS: overall, signal and P.808."""
    from speechmos import dnsmos

    samples = at_rate(sound, ASR_RATE)
    scores = dnsmos.run(samples / max(1.0, float(np.abs(samples).max(initial=0.0))), ASR_RATE)
    return float(scores["ovrl_mos"]), float(scores["sig_mos"]), float(scores["p808_mos"])


@dataclass
class Judge:
    """The models that measure, loaded once; None switches a measure off."""

    recognise: Recogniser
    teacher: Speaker | None
    likeness: Callable[[Sound, Sound], float] | None
    mos: bool

    def measure(self, index: int, text: str, speaker: Speaker) -> Row:
        row = Row(index, plain_words(text), [])
        try:
            sound = speaker(index, text)
            if not len(sound.samples):
                raise SpeakerFailed("no samples")
        except Exception as error:  # whatever a source fails with is a result of this benchmark, and is listed
            row.failure = f"{type(error).__name__}: {error}"
            return row
        row.seconds, row.faults = sound.seconds, find_faults(sound)
        row.heard, row.surprise = self.recognise(sound), self.recognise.surprise(sound, text)
        if self.teacher:
            reference = self.teacher(index, text)
            row.pace = speech_seconds(sound) / max(0.1, speech_seconds(reference))
            row.likeness = self.likeness(sound, reference) if self.likeness else None
        if self.mos and index % MOS_EVERY == 0:
            row.mos = opinion_score(sound)
        return row


def speech_seconds(sound: Sound) -> float:
    """Length without the silence at the edges, which would blur a comparison of pace."""
    faults = find_faults(sound)
    return sound.seconds - faults.lead_s - faults.tail_s


def summary(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    """One source's figures over all sentences."""
    faults = [row.faults for row in rows if row.faults]
    scores = [row.mos for row in rows if row.mos]
    return {
        "source": name,
        "sentences": len(rows),
        "failed": sum(bool(row.failure) for row in rows),
        "wer": round(error_rate((row.wanted, row.heard) for row in rows), 4),
        "cer": round(error_rate((" ".join(row.wanted), " ".join(row.heard)) for row in rows), 4),
        "surprise": mean([value for row in rows for value in row.surprise]),
        "dnsmos_overall": mean([score[0] for score in scores]),
        "dnsmos_signal": mean([score[1] for score in scores]),
        "dnsmos_p808": mean([score[2] for score in scores]),
        "likeness": mean([row.likeness for row in rows if row.likeness is not None]),
        "pace": mean([row.pace for row in rows if row.pace is not None]),
        "lead_s": mean([fault.lead_s for fault in faults]),
        "tail_s": mean([fault.tail_s for fault in faults]),
        "clipped": mean([fault.clipped for fault in faults]),
        "max_jump": round(max((fault.jump for fault in faults), default=0.0), 3),
        "seconds": round(sum(row.seconds for row in rows), 1),
    }


def mean(values: Sequence[float]) -> float | None:
    return round(statistics.fmean(values), 4) if values else None


def as_table(summaries: Sequence[dict[str, Any]]) -> str:
    """Markdown: a column for each source, a line for each measure."""
    lines = ["| measure | " + " | ".join(s["source"] for s in summaries) + " |", "|---" * (len(summaries) + 1) + "|"]
    for measure in list(summaries[0])[1:]:
        values = ["-" if s[measure] is None else str(s[measure]) for s in summaries]
        lines.append(f"| {measure} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def report_worst(rows: Sequence[Row], count: int) -> None:
    """The failures, then the sentences with the most word errors, as they were meant and as they were heard."""
    for row in rows:
        if row.failure:
            print(f"failed {row.index}: {row.failure}", file=sys.stderr)
    for row in sorted(rows, key=lambda row: -row.word_errors)[:count]:
        print(f"{row.index:4d} {row.word_errors:6.1%}  {' '.join(row.wanted)}", file=sys.stderr)
        print(f"{'':13}{' '.join(row.heard)}", file=sys.stderr)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", help="a command that reads text and writes a WAV")
    parser.add_argument("--engine", action="store_true", help="the engine in this process")
    parser.add_argument("--wavs", type=Path, metavar="DIR", help="a folder of numbered WAV files")
    parser.add_argument("--teacher", action="store_true", help="the teacher")
    parser.add_argument("--voice", default="florence", help="that the engine and the teacher have")
    parser.add_argument("--teachers", type=Path, metavar="DIR", help="what training.kokoro wrote: for keats, and for "
                        "questions as florence learned them")  # fmt: skip
    parser.add_argument("--text", type=Path, default=SENTENCES, help="one sentence a line")
    parser.add_argument("--teacher-cut", action="store_true", help="the teacher, cut as the voice's sound is")
    parser.add_argument("--limit", type=int, help="only the first sentences")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="list the N worst sentences on stderr")
    parser.add_argument("--no-mos", action="store_true", help="skip the opinion score")
    parser.add_argument("--no-likeness", action="store_true", help="skip the speaker embeddings")
    parser.add_argument("--no-pace", action="store_true", help="skip all that compares with the teacher")
    args = parser.parse_args()
    if args.voice == "keats" and not args.teachers and (args.teacher or args.teacher_cut or not args.no_pace):
        parser.error("the teacher of keats needs --teachers")
    return args


def sources(args: argparse.Namespace) -> list[tuple[str, Callable[[], Speaker]]]:
    """The sources asked for, by name, not yet loaded."""
    wanted: list[tuple[str, Callable[[], Speaker]]] = []
    if args.engine:  # first: its BLAS must not be one of the teachers' or judges'
        wanted.append(("engine", lambda: engine_speaker(args.voice)))
    if args.teacher:
        wanted.append(("teacher", lambda: teacher_speaker(args)))
    if args.teacher_cut:
        wanted.append(("teacher, cut alike", lambda: with_cut_edges(teacher_speaker(args))))
    if args.command:
        wanted.append((args.command, lambda: command_speaker(args.command)))
    if args.wavs:
        wanted.append((args.wavs.name, lambda: folder_speaker(args.wavs)))
    return wanted


def main() -> int:
    args = arguments()
    wanted = sources(args)
    if not wanted:
        print("quality: give at least one of --command, --engine, --wavs, --teacher, --teacher-cut", file=sys.stderr)
        return 2
    warnings.filterwarnings("ignore")  # the measuring packages warn about themselves
    lines = [line.strip() for line in args.text.read_text(encoding="utf-8").splitlines() if line.strip()]
    lines = lines[: args.limit]
    loaded = [(name, load()) for name, load in wanted]
    compare = not args.no_pace
    judge = Judge(
        Recogniser(),
        teacher_speaker(args) if compare else None,
        likeness_measure() if compare and not args.no_likeness else None,
        not args.no_mos,
    )
    summaries = []
    for name, speaker in loaded:
        rows = []
        for index, text in enumerate(lines):
            rows.append(judge.measure(index, text, speaker))
            if sys.stderr.isatty():
                print(f"\r{name}: {index + 1}/{len(lines)}", end="", file=sys.stderr)
        report_worst(rows, args.worst)
        summaries.append(summary(name, rows))
    print(as_table(summaries))
    for figures in summaries:
        print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
