#!/usr/bin/env python3
"""Speech quality: word and character error rate, opinion score, similarity to the teacher, silence and faults.

    quality.py --command nightingale-tts   a process for each sentence: text on standard input, WAV on standard output
    quality.py --engine                    the engine in this process, loaded once: much faster
    quality.py --wavs DIR                  0000.wav, 0001.wav, ...: one for each sentence
    quality.py --teacher                   the voice that florence was trained on, for comparison
    quality.py --teacher-cut               the teacher with the silence at its edges trimmed to florence's
    quality.py --engine --teacher --voice keats --teachers DIR   another voice and its own teacher (see training/)

Each source is a column of the table, and then a line of JSON. The teacher speaks sentence i with seed i. The opinion
score is that of every third sentence. asr_nll is the mean negative log-likelihood of the reference text's tokens for
the speech recogniser. docs/quality.md explains the measures. Needs the extra `quality`.
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
EDGES_S = (0.06, 0.20)  # silence before and after florence's speech; the latter may be up to a token shorter
TOKEN_S = 0.04
MOS_EVERY = 3  # sentences: the opinion score is the slowest measure and varies little

Speaker = Callable[[int, str], Sound]


class SpeakerFailed(Exception):
    """A sentence could not be spoken. All its words count as errors."""


@dataclass
class Row:
    """Measures of one sentence; None if a measure does not apply. nll: of each token of the text."""

    index: int
    reference: list[str]
    recognised: list[str] = field(default_factory=list)
    nll: list[float] = field(default_factory=list)
    seconds: float = 0.0
    faults: Faults | None = None
    relative_duration: float | None = None
    similarity: float | None = None
    mos: tuple[float, float, float] | None = None  # overall, signal, P.808
    failure: str = ""

    @property
    def word_errors(self) -> float:
        return error_rate([(self.reference, self.recognised)])


def command_speaker(command: str) -> Speaker:
    """Runs a command for each sentence."""

    def speak(_: int, text: str) -> Sound:
        outcome = run_command(shlex.split(command), text)
        if outcome.exit_code:
            raise SpeakerFailed(f"exit {outcome.exit_code}: {outcome.stderr.strip()[-200:]}")
        return read_wav(outcome.stdout)

    return speak


def folder_speaker(folder: Path) -> Speaker:
    """Reads numbered WAV files."""
    return lambda index, _: read_wav(folder / f"{index:04d}.wav")


def hibari_speaker() -> Speaker:
    """hibari, florence's teacher for everything but questions; the sound of a sentence is always the same."""
    from hibari import Hibari

    teacher: Any = Hibari()
    return lambda index, text: Sound(np.asarray(teacher(text, seed=index), dtype=np.float32), TEACHER_RATE)


def training_speaker(voice: str, folder: Path) -> Speaker:
    """The teacher of a voice as in training; needs PyTorch."""
    sys.path.append(str(Path(__file__).parent.parent))
    from training.teacher import FlorenceTeacher, KeatsTeacher

    teacher = KeatsTeacher(0, folder) if voice == "keats" else FlorenceTeacher(0, folder)
    return lambda _, text: Sound(teacher.speak(text, 1.0).audio, TEACHER_RATE)


def with_cut_edges(speaker: Speaker) -> Speaker:
    """The same speech with florence's silence before and after it, and like hers a whole number of tokens long.

    The opinion score depends on both: it repeats a sound until it lasts 9 seconds, and it rates a sound lower if its
    length is a multiple of the hop of its spectrum.
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
    """The engine in this process."""
    from inprocess import load_engine, speak

    engine = load_engine(openblas=True)
    engine.use_voice(voice)
    return lambda _, text: speak(engine, text)


def similarity_measure() -> Callable[[Sound, Sound], float]:
    """Cosine similarity of the speaker embeddings of two sounds."""
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder: Any = VoiceEncoder("cpu", verbose=False)

    def embed(sound: Sound) -> Any:
        return encoder.embed_utterance(preprocess_wav(sound.samples, source_sr=sound.sample_rate))

    return lambda one, other: float(embed(one) @ embed(other))


def opinion_score(sound: Sound) -> tuple[float, float, float]:
    """DNSMOS (https://arxiv.org/abs/2110.01763): overall, signal and P.808."""
    from speechmos import dnsmos

    samples = at_rate(sound, ASR_RATE)
    scores = dnsmos.run(samples / max(1.0, float(np.abs(samples).max(initial=0.0))), ASR_RATE)
    return float(scores["ovrl_mos"]), float(scores["sig_mos"]), float(scores["p808_mos"])


@dataclass
class Judge:
    """Measures sentences, with models that are loaded once. None leaves a measure out."""

    recognise: Recogniser
    teacher: Speaker | None
    similarity: Callable[[Sound, Sound], float] | None
    mos: bool

    def measure(self, index: int, text: str, speaker: Speaker) -> Row:
        row = Row(index, plain_words(text))
        try:
            sound = speaker(index, text)
            if not len(sound.samples):
                raise SpeakerFailed("no samples")
        except Exception as error:  # any failure of a source is a result of this benchmark
            row.failure = f"{type(error).__name__}: {error}"
            return row
        row.seconds, row.faults = sound.seconds, find_faults(sound)
        row.recognised, row.nll = self.recognise(sound), self.recognise.nll(sound, text)
        if self.teacher:
            reference = self.teacher(index, text)
            row.relative_duration = speech_seconds(sound) / max(0.1, speech_seconds(reference))
            row.similarity = self.similarity(sound, reference) if self.similarity else None
        if self.mos and index % MOS_EVERY == 0:
            row.mos = opinion_score(sound)
        return row


def speech_seconds(sound: Sound) -> float:
    """Duration without the silence at the edges."""
    faults = find_faults(sound)
    return sound.seconds - faults.lead_s - faults.tail_s


def summary(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Figures of one source over all sentences."""
    faults = [row.faults for row in rows if row.faults]
    scores = [row.mos for row in rows if row.mos]
    return {
        "source": name,
        "sentences": len(rows),
        "failed": sum(bool(row.failure) for row in rows),
        "wer": round(error_rate((row.reference, row.recognised) for row in rows), 4),
        "cer": round(error_rate((" ".join(row.reference), " ".join(row.recognised)) for row in rows), 4),
        "asr_nll": mean([value for row in rows for value in row.nll]),
        "dnsmos_overall": mean([score[0] for score in scores]),
        "dnsmos_signal": mean([score[1] for score in scores]),
        "dnsmos_p808": mean([score[2] for score in scores]),
        "speaker_similarity": mean([row.similarity for row in rows if row.similarity is not None]),
        "relative_duration": mean([row.relative_duration for row in rows if row.relative_duration is not None]),
        "lead_s": mean([fault.lead_s for fault in faults]),
        "tail_s": mean([fault.tail_s for fault in faults]),
        "clipped": mean([fault.clipped for fault in faults]),
        "max_jump": round(max((fault.jump for fault in faults), default=0.0), 3),
        "seconds": round(sum(row.seconds for row in rows), 1),
    }


def mean(values: Sequence[float]) -> float | None:
    return round(statistics.fmean(values), 4) if values else None


def as_table(summaries: Sequence[dict[str, Any]]) -> str:
    """Markdown table: a column for each source, a row for each measure."""
    lines = ["| measure | " + " | ".join(s["source"] for s in summaries) + " |", "|---" * (len(summaries) + 1) + "|"]
    for measure in list(summaries[0])[1:]:
        values = ["-" if s[measure] is None else str(s[measure]) for s in summaries]
        lines.append(f"| {measure} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def report_worst(rows: Sequence[Row], count: int) -> None:
    """Failures, then the sentences with most word errors: reference and recognised words."""
    for row in rows:
        if row.failure:
            print(f"failed {row.index}: {row.failure}", file=sys.stderr)
    for row in sorted(rows, key=lambda row: -row.word_errors)[:count]:
        print(f"{row.index:4d} {row.word_errors:6.1%}  {' '.join(row.reference)}", file=sys.stderr)
        print(f"{'':13}{' '.join(row.recognised)}", file=sys.stderr)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", help="a command that reads text and writes a WAV")
    parser.add_argument("--engine", action="store_true", help="the engine in this process")
    parser.add_argument("--wavs", type=Path, metavar="DIR", help="a folder of numbered WAV files")
    parser.add_argument("--teacher", action="store_true", help="the voice that florence was trained on")
    parser.add_argument("--voice", default="florence", help="voice of the engine and of the teacher")
    parser.add_argument("--teachers", type=Path, metavar="DIR", help="output folder of training.kokoro: teachers of "
                        "keats and of florence as in training")  # fmt: skip
    parser.add_argument("--text", type=Path, default=SENTENCES, help="a sentence on each line")
    parser.add_argument("--teacher-cut", action="store_true", help="the teacher, trimmed like florence")
    parser.add_argument("--limit", type=int, help="only the first sentences")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="print the N worst sentences on stderr")
    parser.add_argument("--no-mos", action="store_true", help="skip the opinion score")
    parser.add_argument("--no-similarity", action="store_true", help="skip the speaker embeddings")
    parser.add_argument("--no-comparison", action="store_true", help="skip everything that needs the teacher")
    args = parser.parse_args()
    if args.voice == "keats" and not args.teachers and (args.teacher or args.teacher_cut or not args.no_comparison):
        parser.error("the teacher of keats needs --teachers")
    return args


def sources(args: argparse.Namespace) -> list[tuple[str, Callable[[], Speaker]]]:
    """Names of the requested sources, and functions that load them."""
    wanted: list[tuple[str, Callable[[], Speaker]]] = []
    if args.engine:  # first: the other packages would load another BLAS
        wanted.append(("engine", lambda: engine_speaker(args.voice)))
    if args.teacher:
        wanted.append(("teacher", lambda: teacher_speaker(args)))
    if args.teacher_cut:
        wanted.append(("teacher, trimmed", lambda: with_cut_edges(teacher_speaker(args))))
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
    compare = not args.no_comparison
    judge = Judge(
        Recogniser(),
        teacher_speaker(args) if compare else None,
        similarity_measure() if compare and not args.no_similarity else None,
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
