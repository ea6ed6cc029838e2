#!/usr/bin/env python3
"""Unusual inputs through the command: each must be spoken completely and intelligibly, or refused.

    odd_inputs.py [--command nightingale-tts] [--only NAME ...] [--no-asr]

For spoken input the command must exit with 0, the duration must suit the text, and the recogniser must find its words.
Input without words may give silence or a refusal (exit code 65 and no sound). Prints a table; exit code 1 if any case
fails.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from process import Outcome, run_command
from scoring import Faults, Recogniser, Sound, edit_distance, excerpt_distance, find_faults, plain_words, read_wav
from texts import sentences

REFUSED = 65
MAX_EDGE_S = 0.6  # silence before or after the speech
EXCERPT_S = 25.0  # less than the window of the recogniser, 30 s


@dataclass(frozen=True)
class Case:
    """One input. transcripts: all that are right; none if the input has no words.

    shortest_s, longest_s: bounds of the duration. max_errors: allowed share of wrong letters (of wrong words in a long
    text), since the recogniser itself errs on names and digits.
    """

    name: str
    text: str
    transcripts: tuple[str, ...]
    shortest_s: float
    longest_s: float
    max_errors: float = 0.0
    timeout_s: float = 60.0

    @property
    def is_long(self) -> bool:
        return self.longest_s > 60


def without_full_stop(length: int) -> str:
    """One sentence of at most this many characters, cut after a word."""
    text = " and ".join(line.rstrip(".?!").lower() for line in sentences() if line.endswith(".") and '"' not in line)
    return text[:length].rsplit(" ", 1)[0]


def many_words(count: int) -> str:
    """The sentences repeated up to this many words."""
    lines = sentences()
    words = " ".join(lines * (count // 500 + 1)).split()
    return " ".join(words[:count]).rstrip(",;") + "."


def short_cases() -> list[Case]:
    return [
        # The recogniser cannot tell a single vowel ("thanks"): ten more letters are allowed.
        Case("a", "a", ("a",), 0.15, 1.6, max_errors=10.0),
        Case("Hi.", "Hi.", ("hi", "high", "hey"), 0.2, 1.6),
        Case("No!", "No!", ("no", "know"), 0.2, 1.6),
        Case("?", "?", (), 0.0, 1.0),
        Case("...", "...", (), 0.0, 1.0),
        Case("42", "42", ("42", "forty two"), 0.5, 2.2),
        Case("3.14159", "3.14159", ("3 14159", "three point one four one five nine"), 1.4, 4.5, max_errors=0.2),
        Case("OK", "OK", ("ok", "okay", "oh kay"), 0.3, 1.8),
        Case("NASA", "NASA", ("nasa", "nassa", "n a s a"), 0.4, 2.4),
        Case(
            "Mr. Jones", "Mr. Jones paid $4.50 at 5:30 p.m. on May 3rd, 1999.",
            ("mr jones paid 4 50 at 5 30 pm on may 3rd 1999",
             "mr jones paid four dollars and fifty cents at 5 30 p m on may third nineteen ninety nine",
             "mr jones paid 4 and 50 cents at 5 30 pm on may 3rd 1999"), 4.0, 11.0, max_errors=0.25,
        ),
    ]  # fmt: skip


def long_cases() -> list[Case]:
    unbroken, book = without_full_stop(600), many_words(5000)
    return [
        Case("600 characters", unbroken, (unbroken,), *length_bounds(unbroken), max_errors=0.2, timeout_s=120),
        Case("5,000 words", book, (book,), *length_bounds(book), max_errors=0.2, timeout_s=3600),
    ]


def length_bounds(text: str) -> tuple[float, float]:
    """Bounds of the duration in seconds: English read aloud has 9 to 22 characters per second, with pauses."""
    return len(text) / 22, len(text) / 9


def check_run(case: Case, outcome: Outcome) -> tuple[Sound | None, str]:
    """The sound, and a description of the fault ("" if there is none)."""
    if outcome.timed_out:
        return None, f"stopped after {case.timeout_s:.0f} s"
    if outcome.exit_code == REFUSED and not case.transcripts and outcome.stderr.strip():
        return None, "sound with a refusal" if outcome.stdout else ""
    if outcome.exit_code:
        return None, f"exit {outcome.exit_code}: {' '.join(outcome.stderr.split())[-120:]}"
    if not outcome.stdout:
        return None, "no sound"
    sound = read_wav(outcome.stdout)
    if not case.shortest_s <= sound.seconds <= case.longest_s:
        return sound, f"{sound.seconds:.2f} s long, not {case.shortest_s:.1f} to {case.longest_s:.1f}"
    return sound, ""


def check_edges(case: Case, faults: Faults) -> str:
    """A description of long silence at the edges, or ""."""
    if case.transcripts and max(faults.lead_s, faults.tail_s) > MAX_EDGE_S:
        return f"{faults.lead_s:.2f} s of silence before, {faults.tail_s:.2f} s after"
    return ""


def check_transcript(case: Case, sound: Sound, recognise: Callable[[Sound], list[str]]) -> tuple[str, str]:
    """The transcript, and a description of the fault ("" if there is none)."""
    if case.is_long:
        return check_excerpts(case, sound, recognise)
    words = recognise(sound)
    if not case.transcripts:
        return " ".join(words), ""
    errors = min(letter_errors(transcript, words) for transcript in case.transcripts)
    return " ".join(words), "" if errors <= case.max_errors else f"{errors:.0%} of letters wrong"


def letter_errors(reference: str, words: Sequence[str]) -> float:
    """Character error rate without spaces, which recognisers place freely: "p m" or "pm", "3 14159" or "3 14 159"."""
    letters = reference.replace(" ", "")
    return edit_distance(letters, "".join(words)) / len(letters)


def check_excerpts(case: Case, sound: Sound, recognise: Callable[[Sound], list[str]]) -> tuple[str, str]:
    """Compare the beginning, middle and end of a long sound, each with the passage of the text that fits it best.

    The end must be the end of the text, so speech that stops early is an error.
    """
    reference = plain_words(case.transcripts[0])
    span = int(EXCERPT_S * sound.sample_rate)
    middle = (len(sound.samples) - span) // 2
    shares = []
    for start, at_end in ((0, False), (middle, False), (len(sound.samples) - span, True)):
        words = recognise(Sound(sound.samples[start : start + span], sound.sample_rate))
        distance = excerpt_distance(reference, words, at_end=at_end)
        shares.append(distance / max(1, len(words)) if len(words) > 10 else 1.0)
    shown = "word errors at start, middle, end: " + ", ".join(f"{share:.0%}" for share in shares)
    return shown, "" if max(shares) <= case.max_errors else "not understood"


def table(cases: Sequence[tuple[Case, Outcome, Sound | None, str, str]]) -> str:
    lines = ["| input | exit | process | first sample | peak | duration | per character | transcript | result |"]
    lines.append("|---" * 9 + "|")
    for case, outcome, sound, transcript, fault in cases:
        first = "-" if outcome.first_sound_s is None else f"{outcome.first_sound_s:.2f} s"
        duration = "-" if sound is None else f"{sound.seconds:.2f} s"
        pace = "-" if sound is None else f"{sound.seconds / len(case.text) * 1000:.0f} ms"
        lines.append(
            f"| `{case.name}` | {outcome.exit_code} | {outcome.seconds:.2f} s | {first} | {outcome.peak_mb:.0f} MB "
            f"| {duration} | {pace} | {transcript} | {fault or 'passed'} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default="nightingale-tts", help="a command that reads text and writes a WAV")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these inputs, by their name in the table")
    parser.add_argument("--no-asr", action="store_true", help="skip the speech recogniser")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    cases = [case for case in short_cases() + long_cases() if not args.only or case.name in args.only]
    # Run all before the recogniser is loaded: a child's peak memory is at least its parent's size when it is forked.
    outcomes = [run_command(shlex.split(args.command), case.text, case.timeout_s) for case in cases]
    recognise = None if args.no_asr else Recogniser()
    results = []
    for case, outcome in zip(cases, outcomes, strict=True):
        sound, fault = check_run(case, outcome)
        transcript = ""
        if sound and len(sound.samples):
            fault = fault or check_edges(case, find_faults(sound))
            if recognise:
                transcript, misread = check_transcript(case, sound, recognise)
                fault = fault or misread
        results.append((case, outcome, sound, transcript, fault))
    print(table(results))
    return int(any(fault for *_, fault in results))


if __name__ == "__main__":
    sys.exit(main())
