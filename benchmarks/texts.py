"""What the benchmarks have spoken, and where its sentences are."""

from pathlib import Path

SENTENCES = Path(__file__).with_name("sentences.txt")
FOUR_SECONDS = "Wow! I absolutely cannot believe that it worked on the first try!"


def sentences() -> list[str]:
    """Those of sentences.txt."""
    return SENTENCES.read_text(encoding="utf-8").splitlines()


def some_sentences() -> list[str]:
    """Few enough that several engines speak them in turn, again and again."""
    return [FOUR_SECONDS, *sentences()[:8]]
