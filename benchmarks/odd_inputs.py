#!/usr/bin/env python3
"""Odd inputs through the installed command: each is spoken whole and understood, or refused cleanly; none runs on.

    odd_inputs.py [--command nightingale-tts] [--only NAME ...] [--no-asr]

A spoken input must exit with 0, be as long as its text asks for, and be heard as what it says. An input with nothing
to say may be silence or a refusal (exit 65 and no bytes of sound). Prints a table; exit code 1 when a case fails.
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
MAX_EDGE_S = 0.6  # silence before or after the speech; longer is a stall, not a breath
EXCERPT_S = 25.0  # one window of the recogniser, with room to spare


@dataclass(frozen=True)
class Case:
    """An odd input. `heard`: any one of these transcripts will do; none means there is nothing to say.

    shortest_s, longest_s: bounds on the length of the sound. max_errors: share of letters (of words, where the text is
    long) that the recogniser may get wrong, which on names and digits errs by itself.
    """

    name: str
    text: str
    heard: tuple[str, ...]
    shortest_s: float
    longest_s: float
    max_errors: float = 0.0
    timeout_s: float = 60.0

    @property
    def is_long(self) -> bool:
        return self.longest_s > 60


def without_full_stop(length: int) -> str:
    """Sentences run together into one of so many characters, cut at a word."""
    text = " and ".join(line.rstrip(".?!").lower() for line in sentences() if line.endswith(".") and '"' not in line)
    return text[:length].rsplit(" ", 1)[0]


def many_words(count: int) -> str:
    """The sentences over and over, until there are so many words."""
    lines = sentences()
    words = " ".join(lines * (count // 500 + 1)).split()
    return " ".join(words[:count]).rstrip(",;") + "."


def short_cases() -> list[Case]:
    return [
        # a lone vowel is a guess to any recogniser ("thanks"): ten letters more at most, so that it must not babble
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
    """Seconds that a text of ordinary words takes: English read aloud is 10 to 22 characters a second, with pauses."""
    return len(text) / 22, len(text) / 9


def check_run(case: Case, outcome: Outcome) -> tuple[Sound | None, str]:
    """The sound, and what is wrong with the run ("" if nothing)."""
    if outcome.timed_out:
        return None, f"ran on for {case.timeout_s:.0f} s"
    if outcome.exit_code == REFUSED and not case.heard and outcome.stderr.strip():
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
    """Whether there is sound, and whether it begins and ends soon."""
    if case.heard and max(faults.lead_s, faults.tail_s) > MAX_EDGE_S:
        return f"{faults.lead_s:.2f} s of silence before, {faults.tail_s:.2f} s after"
    return ""


def check_heard(case: Case, sound: Sound, recognise: Callable[[Sound], list[str]]) -> tuple[str, str]:
    """What was heard, and what is wrong with it."""
    if case.is_long:
        return check_excerpts(case, sound, recognise)
    words = recognise(sound)
    if not case.heard:
        return " ".join(words), ""
    errors = min(letter_errors(wanted, words) for wanted in case.heard)
    return " ".join(words), "" if errors <= case.max_errors else f"{errors:.0%} of letters wrong"


def letter_errors(wanted: str, heard: Sequence[str]) -> float:
    """Share of letters, without regard to where a recogniser puts spaces: "p m" or "pm", "3 14159" or "3 14 159"."""
    letters = wanted.replace(" ", "")
    return edit_distance(letters, "".join(heard)) / len(letters)


def check_excerpts(case: Case, sound: Sound, recognise: Callable[[Sound], list[str]]) -> tuple[str, str]:
    """Beginning, middle and end of a long sound, each against the passage of the text that suits it best.

    The last words heard must be the last of the text: speech that stops early is an error as speech that babbles is.
    """
    wanted = plain_words(case.heard[0])
    span = int(EXCERPT_S * sound.sample_rate)
    middle = (len(sound.samples) - span) // 2
    shares = []
    for start, at_end in ((0, False), (middle, False), (len(sound.samples) - span, True)):
        words = recognise(Sound(sound.samples[start : start + span], sound.sample_rate))
        # the recogniser may cut a word at either edge of a window
        distance = excerpt_distance(wanted, words, at_end=at_end)
        shares.append(distance / max(1, len(words)) if len(words) > 10 else 1.0)
    heard = "errors at start, middle, end: " + ", ".join(f"{share:.0%}" for share in shares)
    return heard, "" if max(shares) <= case.max_errors else "not understood"


def table(cases: Sequence[tuple[Case, Outcome, Sound | None, str, str]]) -> str:
    lines = ["| input | exit | process | first byte | peak | sound | a character | heard | verdict |"]
    lines.append("|---" * 9 + "|")
    for case, outcome, sound, heard, wrong in cases:
        first = "-" if outcome.first_sound_s is None else f"{outcome.first_sound_s:.2f} s"
        length = "-" if sound is None else f"{sound.seconds:.2f} s"
        pace = "-" if sound is None else f"{sound.seconds / len(case.text) * 1000:.0f} ms"
        lines.append(
            f"| `{case.name}` | {outcome.exit_code} | {outcome.seconds:.2f} s | {first} | {outcome.peak_mb:.0f} MB "
            f"| {length} | {pace} | {heard} | {wrong or 'good'} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default="nightingale-tts", help="reads text, writes a WAV")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these inputs, by the table's first column")
    parser.add_argument("--no-asr", action="store_true", help="skip listening")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    cases = [case for case in short_cases() + long_cases() if not args.only or case.name in args.only]
    # all are run before the recogniser is loaded: a child's peak memory is never counted below its parent's
    outcomes = [run_command(shlex.split(args.command), case.text, case.timeout_s) for case in cases]
    recognise = None if args.no_asr else Recogniser()
    results = []
    for case, outcome in zip(cases, outcomes, strict=True):
        sound, wrong = check_run(case, outcome)
        heard = ""
        if sound and len(sound.samples):
            wrong = wrong or check_edges(case, find_faults(sound))
            if recognise:
                heard, misheard = check_heard(case, sound, recognise)
                wrong = wrong or misheard
        results.append((case, outcome, sound, heard, wrong))
    print(table(results))
    return int(any(wrong for *_, wrong in results))


if __name__ == "__main__":
    sys.exit(main())
