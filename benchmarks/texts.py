"""Texts for the benchmarks: sentences.txt, and short selections."""

from pathlib import Path

SENTENCES = Path(__file__).with_name("sentences.txt")
FOUR_SECONDS = "Wow! I absolutely cannot believe that it worked on the first try!"


def sentences() -> list[str]:
    """All lines of sentences.txt."""
    return SENTENCES.read_text(encoding="utf-8").splitlines()


def some_sentences() -> list[str]:
    """Nine sentences, few enough for several engines to speak them repeatedly."""
    return [FOUR_SECONDS, *sentences()[:8]]
