"""What is read aloud for what is written: the pairs in readings.txt, and numbers."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from nightingale.text.stream import normalize


def read_pairs() -> list[tuple[str, str, str]]:
    """(section, written, spoken) of readings.txt: [section], then a line as written and an indented line as spoken."""
    pairs, section, written = [], "", ""
    for line in Path(__file__).with_name("readings.txt").read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"\[[a-z ]+\]", line):
            section = line[1:-1]
        elif line.startswith("    "):
            pairs.append((section, written, line[4:]))
        else:
            written = line
    return pairs


PAIRS = [pytest.param(*pair[1:], id=f"{pair[0]}-{i}") for i, pair in enumerate(read_pairs())]


@pytest.mark.parametrize(("written", "spoken"), PAIRS)
def test_reading(written: str, spoken: str) -> None:
    assert normalize(written) == (spoken, [])


@pytest.mark.parametrize(("written", "spoken"), PAIRS)
def test_normalized_text_is_unchanged(written: str, spoken: str) -> None:
    assert normalize(spoken)[0] == spoken


def test_there_are_enough_pairs() -> None:
    assert len(PAIRS) >= 360


def test_numbers_and_scores_are_never_dropped() -> None:
    """None is taken for an emoticon, a footnote or markup."""
    for value in range(12000):
        spoken = normalize(f"It is {value} here.")[0]
        assert len(spoken.split()) > 3, value
    for a, b in itertools.product(range(13), repeat=2):
        spoken = normalize(f"It ended {a}-{b} now.")[0]
        assert len(spoken.split()) == 6 and " to " in spoken, (a, b)


def test_warnings_count_the_characters_that_were_left_out() -> None:
    assert normalize("I ❤️ you 👍🏽.") == (
        "I you.",
        ["left out 2 characters that cannot be spoken, such as '❤' (U+2764)"],
    )
    assert normalize("a\ufffdb")[1] == ["left out 1 character that cannot be spoken, such as '\ufffd' (U+FFFD)"]
    assert normalize("\ud800 x")[1] == ["left out 1 character that cannot be spoken, such as U+D800"]
    for nothing in ("?", "...", "!!!", "-"):
        assert normalize(nothing) == ("", ["the text has nothing that can be spoken"])
    assert normalize("Привет, мир")[1] == [
        "left out 9 characters that cannot be spoken, such as 'П' (U+041F)",
        "the text has nothing that can be spoken",
    ]
    assert normalize("") == normalize(" \n") == ("", [])
