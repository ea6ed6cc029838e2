"""What is read aloud for what is written: the pairs in readings/, and numbers."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from nightingale.text.stream import SentenceStream, normalize


def read_pairs() -> list[tuple[str, str, str]]:
    """(name of the file, written, spoken) from readings/: a line as written, then an indented line as spoken.

    In the first ⏎ stands for a line end. If the second has a ⏐, it stands for each end of a sentence.
    """
    pairs, written = [], ""
    for path in sorted(Path(__file__).with_name("readings").glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("    "):
                pairs.append((path.stem, written, line[4:]))
            else:
                written = line.replace("⏎", "\n")
    return pairs


PAIRS = [pytest.param(*pair[1:], id=f"{pair[0]}-{i}") for i, pair in enumerate(read_pairs())]


@pytest.mark.parametrize(("written", "spoken"), PAIRS)
def test_reading(written: str, spoken: str) -> None:
    if "⏐" not in spoken:
        assert normalize(written) == (spoken, [])
    else:
        stream = SentenceStream()
        sentences = [*stream.feed(written), *stream.close()]
        assert " ⏐ ".join(sentence.text for sentence in sentences) == spoken


@pytest.mark.parametrize(("written", "spoken"), PAIRS)
def test_normalized_text_is_unchanged(written: str, spoken: str) -> None:
    spoken = spoken.replace(" ⏐ ", " ")
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
    assert normalize("Thank you ❤️👍🏽.") == (
        "Thank you.",
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


@pytest.mark.parametrize("nested", ["\\frac{", "{", "(", "\\sqrt", "^", "|x", "\\frac"])
def test_deep_nesting_in_maths_is_no_error(nested: str) -> None:
    """The reader of LaTeX calls itself for each group; deep groups are left out."""
    assert normalize("\\alpha + " + nested * (900 // len(nested)))[0].lower().startswith("alpha plus")
