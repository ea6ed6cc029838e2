"""Finds respellings for words that the bundled voices say wrongly: how often a speech recogniser hears the word.

    python benchmarks/respell.py benchmarks/respellings.txt

Reads a table of candidates. For each word it counts the takes (carrier sentence x voice x seed) in which the word is
heard as it should be; then, if too few are, the same for each respelling. A respelling helps when it is heard clearly
more often than the word itself. `nightingale/text/lexicon/respellings.py` has those that helped.

A line of the table has four parts, separated by "|", and each part has its items separated by ";":

    word | what the recogniser may write for it | carrier sentences with {} for the word | respellings

Without carriers the defaults are used. The word itself, as it is written, always counts as heard.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inprocess import load_engine, speak
from scoring import Recogniser, plain_words

from nightingale.text.characters import fold, remove_accents
from nightingale.text.lexicon.respellings import UTTERANCES
from nightingale.text.respelling import Respelling
from nightingale.text.spellings.user_lexicon import Lexicon
from nightingale.text.stream import read_sentences

if TYPE_CHECKING:
    from nightingale.engine import Engine

DEFAULT_CARRIERS = ["They said {} again.", "I think {} was good."]
ENOUGH = 0.7  # share of takes heard right from which a word needs no respelling
STAND_IN = "Candidate"
GAIN = 0.3  # by which a respelling must be heard right more often


@dataclass(frozen=True)
class Candidate:
    """A line of the table. accepted: word sequences without blanks."""

    word: str
    accepted: frozenset[str]
    carriers: list[str]
    respellings: list[str]


def read_table(path: Path) -> Iterator[Candidate]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word, heard, carriers, respellings = ([item.strip() for item in part.split(";") if item.strip()]
                                                  for part in (line + "|||").split("|")[:4])  # fmt: skip
            accepted = frozenset("".join(plain_words(remove_accents(fold(text)))) for text in (*word, *heard))
            yield Candidate(word[0], accepted, carriers or DEFAULT_CARRIERS, respellings)


def hears(accepted: frozenset[str], words: list[str]) -> bool:
    """Whether some neighbouring words, joined, are one of the accepted forms: "git hub" counts as "github"."""
    runs = ("".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1))
    return any(run in accepted or run.removesuffix("s") in accepted for run in runs)


class Takes:
    """Speaks and recognises; keeps what was recognised in a file, so that a run can be continued."""

    def __init__(self, file: Path | None, voices: list[str], seeds: int, seconds: float) -> None:
        self._file, self._voices, self._seeds = file, voices, seeds
        self._end = time.monotonic() + seconds
        self._known: dict[str, list[str]] = {}
        if file and file.exists():
            self._known = dict(json.loads(line) for line in file.read_text().splitlines())
        self._engine: Engine | None = None
        self._recogniser: Recogniser | None = None

    def heard(self, carriers: list[str], spelling: str) -> list[list[str]]:
        """The recognised words of each take. Raises TimeoutError when the time is over."""
        return [
            self._take(carrier, spelling, voice, seed)
            for voice in self._voices
            for carrier in carriers
            for seed in range(self._seeds)
        ]

    def _take(self, carrier: str, spelling: str, voice: str, seed: int) -> list[str]:
        key = f"{voice} {seed} {carrier.replace('{}', spelling)}"
        if key not in self._known:
            if time.monotonic() > self._end:
                raise TimeoutError
            self._known[key] = self._speak(carrier, spelling, voice, seed)
            if self._file:
                with self._file.open("a") as file:
                    file.write(json.dumps([key, self._known[key]]) + "\n")
        return self._known[key]

    def _speak(self, carrier: str, spelling: str, voice: str, seed: int) -> list[str]:
        """The spelling is given to the voice as it is, through the lexicon."""
        if self._engine is None or self._recogniser is None:
            self._engine, self._recogniser = load_engine(openblas=True), Recogniser()
        if self._engine.voice.name != voice:
            self._engine.use_voice(voice)
        self._engine.lexicon = Lexicon({STAND_IN: spelling})
        return self._recogniser.short(speak(self._engine, carrier.replace("{}", STAND_IN), seed))


def judge(candidate: Candidate, takes: Takes, *, all_spellings: bool) -> list[int]:
    """Print a verdict, and for each spelling how many takes are right and what was heard. Returns these numbers.

    all_spellings: otherwise those after the first that is good enough are left out.
    """
    right, lines, num_takes = [], [], 0
    for spelling in (as_given(candidate.word), *candidate.respellings):
        heard = takes.heard(candidate.carriers, spelling)
        num_takes = len(heard)
        right.append(sum(hears(candidate.accepted, words) for words in heard))
        lines.append(f"    {right[-1]}/{num_takes} {spelling}: " + "; ".join(" ".join(words) for words in heard))
        if not all_spellings and (right[0] >= ENOUGH * num_takes or right[-1] == num_takes):
            break
    best = max(range(len(right)), key=lambda i: right[i])
    good, helps = right[0] >= ENOUGH * num_takes, right[best] - right[0] >= GAIN * num_takes
    verdict = "good as it is" if good else f'"{candidate.respellings[best - 1]}" helps' if helps else "nothing helps"
    print("\n".join([f"{candidate.word}: {verdict}", *lines]), flush=True)
    return [*right, num_takes]


def as_given(word: str, *, respelled: bool = False) -> str:
    """The word as the rules give it to a voice, or as a bundled voice gets it."""
    if respelled and word + "." in UTTERANCES:
        return UTTERANCES[word + "."]
    before, after = "They said ", " then."
    sentences = read_sentences([before + word + after], respelling=Respelling(bundled=respelled))
    text = " ".join(sentence.text for sentence in sentences if sentence)
    return text.removeprefix(before).removesuffix(after)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--built-in", action="store_true",
                        help="judge the spellings that are built in, instead of those of the table")  # fmt: skip
    parser.add_argument("--voices", nargs="+", default=["florence", "keats"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="judge these words only")
    parser.add_argument("--transcripts", type=Path, help="file that keeps what was recognised, for the next run")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after this time")
    args = parser.parse_args()
    takes = Takes(args.transcripts, args.voices, args.seeds, args.minutes * 60)
    counts = []
    try:
        for candidate in read_table(args.table):
            if args.built_in:
                spelling = as_given(candidate.word, respelled=True)
                candidate = replace(candidate, respellings=[spelling] * (spelling != as_given(candidate.word)))
            if (not args.only or candidate.word in args.only) and (candidate.respellings or not args.built_in):
                counts.append(judge(candidate, takes, all_spellings=args.built_in))
    except TimeoutError:
        print("the time is over; run again with the same --transcripts", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        if args.built_in:
            before, after, num_takes = (sum(column) for column in zip(*counts, strict=True))
            print(f"{len(counts)} words, heard right in {before} of {num_takes} takes, respelled in {after}")


if __name__ == "__main__":
    main()
