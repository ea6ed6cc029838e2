"""Whole outputs of programs and other texts as they are read: transcripts/NAME.in is written, NAME.out is spoken.

`python tests/text/test_transcripts.py` writes all NAME.out again. Then read every line that changed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nightingale.text.stream import read_sentences

TEXTS = sorted(Path(__file__).with_name("transcripts").glob("*.in"))


def read(path: Path, size: int) -> list[str]:
    """The sentences of a text that arrives in pieces of this size."""
    text = path.read_text(encoding="utf-8")
    pieces = (text[i : i + size] for i in range(0, len(text), size))
    return [sentence.text for sentence in read_sentences(pieces) if sentence]


@pytest.mark.parametrize("path", TEXTS, ids=[path.stem for path in TEXTS])
def test_transcript(path: Path) -> None:
    expected = path.with_suffix(".out").read_text(encoding="utf-8").splitlines()
    assert read(path, 10_000) == read(path, 7) == expected


def test_there_are_transcripts_of_each_kind() -> None:
    kinds = {"date", "ls", "df", "git_log", "dmesg", "readme", "subtitles", "man_page", "email", "book", "log"}
    assert {path.stem for path in TEXTS} >= kinds


if __name__ == "__main__":
    for text in TEXTS:
        text.with_suffix(".out").write_text("\n".join(read(text, 10_000)) + "\n", encoding="utf-8")
