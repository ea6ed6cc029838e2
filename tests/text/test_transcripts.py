"""Whole outputs of programs and other texts as they are read: transcripts/NAME.in is written, NAME.out is spoken.

To renew one: nightingale-tts --print-text -f NAME.in > NAME.out. Then read every line that changed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nightingale.text.stream import read_sentences

TEXTS = sorted(Path(__file__).with_name("transcripts").glob("*.in"))


@pytest.mark.parametrize("path", TEXTS, ids=[path.stem for path in TEXTS])
def test_transcript(path: Path) -> None:
    """At once and in small pieces."""
    text, expected = path.read_text(encoding="utf-8"), path.with_suffix(".out").read_text(encoding="utf-8")
    for size in (len(text), 7):
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        sentences = [sentence.text for sentence in read_sentences(pieces) if sentence]
        assert sentences == expected.splitlines()


def test_there_are_transcripts_of_each_kind() -> None:
    kinds = {"date", "ls", "df", "git_log", "dmesg", "readme", "subtitles", "man_page", "email", "book", "log"}
    assert {path.stem for path in TEXTS} >= kinds
