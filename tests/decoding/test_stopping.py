"""Sentences that repeat a token or a few tokens without end."""

from collections.abc import Iterator

import pytest

from nightingale.decoding.stopping import stop_repetition
from nightingale.statistics import Statistics

KEEP = 5


def kept(tokens: list[int]) -> tuple[list[int], str]:
    statistics = Statistics()

    def source() -> Iterator[int]:
        try:
            yield from tokens
            statistics.stop_reason = "stop token"
        finally:
            if statistics.stop_reason != "stop token":
                statistics.stop_reason = "unfinished"

    return list(stop_repetition(source(), KEEP, statistics)), statistics.stop_reason


def test_speech_passes_unchanged() -> None:
    for tokens in ([], [1], [1, 2, 3] * 2, [1, 1, 1, 2, 2, 2, 2], list(range(40))):
        assert kept(tokens) == (tokens, "stop token")


def test_a_pause_in_a_sentence_is_kept() -> None:
    tokens = [1, 2, *[9] * 12, 3, *[9] * 12, 4]
    assert kept(tokens) == (tokens, "stop token")


def test_silence_at_the_end_is_shortened() -> None:
    assert kept([1, 2, *[9] * 12]) == ([1, 2, *[9] * (KEEP + 1)], "stop token")


@pytest.mark.parametrize("cycle", [[9], [7, 8], [6, 7, 8], [5, 6, 7, 8]])
def test_endless_repetition_ends_the_sentence(cycle: list[int]) -> None:
    tokens, reason = kept([1, 2, *cycle * 30])
    assert tokens == [1, 2, *(cycle * 30)[: KEEP + len(cycle)]] and reason == "repetition"
