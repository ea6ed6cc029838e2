"""Which typed words became which spoken words."""

from __future__ import annotations

import time

import pytest

from nightingale.text.stream import normalize
from nightingale.text.words import SPOKEN_WORD, divide, match_words


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Hello there.", [("Hello", "Hello"), ("there.", "there.")]),
        ("It costs $3.50.", [("It", "It"), ("costs", "costs"), ("$3.50.", "three dollars and fifty cents.")]),
        ("3.5", [("3.5", "Three point five.")]),
        ("on 5 Jan 2024 at 5pm", [
            ("on", "on"), ("5 Jan", "the fifth of January,"), ("2024", "twenty twenty-four"), ("at", "at"),
            ("5pm", "five PM."),
        ]),
        ("**Bold** `a_b` “café”", [("**Bold**", "Bold"), ("`a_b`", "a b"), ("“café”", '"cafe."')]),
        ("12 kg & 3", [("12", "Twelve"), ("kg", "kilograms"), ("&", "and"), ("3", "three.")]),
    ],
)  # fmt: skip
def test_pieces(typed: str, expected: list[tuple[str, str]]) -> None:
    spoken = normalize(typed)[0]
    words = [match[0] for match in SPOKEN_WORD.finditer(spoken)]
    found = []
    for origin in match_words(typed, spoken):
        found.append((typed[origin.start : origin.end], " ".join(words[: origin.num_words])))
        words = words[origin.num_words :]
    assert found == expected and words == []


def test_words_without_a_piece_belong_to_one_beside_them() -> None:
    assert [origin.num_words for origin in match_words("a b", "a x y b z")] == [3, 2]
    assert [origin.num_words for origin in match_words("b", "x b")] == [1, 1]
    assert match_words("", "") == [] and match_words("- ?", "") == []


def test_a_text_that_repeats_itself_takes_no_longer() -> None:
    typed, spoken = "-a " * 333, "dash a, " * 333
    started = time.process_time()
    origins = match_words(typed, spoken)
    assert time.process_time() - started < 0.5  # 10 ms; SequenceMatcher would take seconds
    assert [origin.num_words for origin in origins] == [2] * 333


def test_a_piece_that_is_cut_belongs_to_both_parts() -> None:
    typed = "It is 1234567 now"
    parts = ["It is one million two hundred and thirty-four thousand,", "five hundred and sixty-seven now."]
    assert [typed[start:end] for start, end in divide(typed, parts)] == ["It is 1234567", "1234567 now"]
