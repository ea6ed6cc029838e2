"""Numbers in words."""

from __future__ import annotations

import pytest

from nightingale.text.number_words import cardinal, fraction, ordinal, spell_digits, spell_number, year
from nightingale.text.stream import normalize


@pytest.mark.parametrize(("value", "words"), [
    (0, "zero"),
    (10, "ten"),
    (19, "nineteen"),
    (20, "twenty"),
    (99, "ninety-nine"),
    (100, "one hundred"),
    (101, "one hundred and one"),
    (999, "nine hundred and ninety-nine"),
    (1000, "one thousand"),
    (1001, "one thousand and one"),
    (1100, "one thousand one hundred"),
    (20_020, "twenty thousand and twenty"),
    (100_000, "one hundred thousand"),
    (1_000_001, "one million and one"),
    (1_001_000, "one million one thousand"),
    (10**15, "one quadrillion"),
    (2 * 10**33 + 7, "two decillion and seven"),
])
def test_cardinal(value: int, words: str) -> None:
    assert cardinal(value) == words


@pytest.mark.parametrize(("value", "words"), [
    (0, "zeroth"),
    (1, "first"),
    (2, "second"),
    (3, "third"),
    (4, "fourth"),
    (5, "fifth"),
    (8, "eighth"),
    (9, "ninth"),
    (12, "twelfth"),
    (13, "thirteenth"),
    (20, "twentieth"),
    (42, "forty-second"),
    (100, "one hundredth"),
    (1_000_000, "one millionth"),
    (1_000_012, "one million and twelfth"),
])
def test_ordinal(value: int, words: str) -> None:
    assert ordinal(value) == words


@pytest.mark.parametrize(("value", "words"), [
    (1066, "ten sixty-six"),
    (1900, "nineteen hundred"),
    (1905, "nineteen oh five"),
    (2000, "two thousand"),
    (2009, "two thousand and nine"),
    (2010, "twenty ten"),
    (476, "four hundred and seventy-six"),
])
def test_year(value: int, words: str) -> None:
    assert year(value) == words


def test_fractions_of_usual_parts_have_names() -> None:
    assert fraction(1, 2) == "one half" and fraction(3, 2) == "three halves"
    assert fraction(3, 4) == "three quarters"
    assert fraction(1, 6) == "one sixth" and fraction(5, 64) == "five sixty-fourths"
    assert fraction(5, 63) == "five over sixty-three" and fraction(100, 3) == "one hundred over three"


def test_spelling_digit_by_digit() -> None:
    assert spell_digits("(020) 7") == "zero two zero seven"
    assert spell_number("1,234.50") == "one thousand two hundred and thirty-four point five zero"
    assert spell_number("007") == "zero zero seven" and spell_number("0.5") == "zero point five"
    assert spell_number("1" + "0" * 15) == "one" + " zero" * 15


def test_number_beyond_all_names_is_read_digit_by_digit() -> None:
    """num2words, which was used before, raised OverflowError for this ordinal."""
    spoken, warnings = normalize("It is the 1" + ",000" * 200 + "th one.")
    assert spoken.startswith("It is the one zero zero") and spoken.endswith("zero zeroth one.") and not warnings
