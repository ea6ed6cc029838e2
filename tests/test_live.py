"""The bundled voice in real time: seamless chunks, low latency, no underruns, constant memory.

Short runs of benchmarks/seams.py and benchmarks/latency.py.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from inprocess import load_engine
from latency import FOUR_SECONDS, THIRTY_WORDS, measure_gaps, resident_mb, timed
from seams import compare

if TYPE_CHECKING:
    from nightingale.engine import Engine

pytestmark = pytest.mark.slow

SENTENCES = (
    "The ferry was late again, so we walked along the harbor and counted gulls.",
    "Have you seen the garden since the rain stopped?",
    THIRTY_WORDS,
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine(openblas=True)


def test_chunks_equal_the_whole_and_have_no_audible_seams(engine: Engine) -> None:
    figures = compare(engine, list(SENTENCES))
    assert figures["seams"] >= 10
    assert figures["different tokens"] == figures["different lengths"] == 0
    assert figures["log-mel distance, mean"] < 1e-3
    assert figures["largest difference of a sample"] < 2e-3
    assert figures["seams above the percentile of their own sentence"] == 0


def test_the_first_samples_come_early(engine: Engine) -> None:
    """The whole sentence takes ten times as long. The limits leave room for a busy machine."""
    timed(engine, THIRTY_WORDS)
    runs = [timed(engine, THIRTY_WORDS) for _ in range(3)]
    assert min(first_s / whole_s for first_s, whole_s, _ in runs) < 0.2
    assert min(first_s for first_s, _, _ in runs) < 0.3


def test_playback_in_real_time_has_no_underruns(engine: Engine) -> None:
    figures = measure_gaps(engine, minutes=0.25)
    assert figures["sound, s"] > 8 and figures["underruns"] == 0


def test_many_texts_cost_no_memory(engine: Engine) -> None:
    for _ in range(5):
        timed(engine, FOUR_SECONDS)
    before, threads, descriptors = resident_mb(), threading.active_count(), len(os.listdir("/dev/fd"))
    for _ in range(20):
        timed(engine, FOUR_SECONDS)
    assert resident_mb() - before < 20
    assert (threading.active_count(), len(os.listdir("/dev/fd"))) == (threads, descriptors)
