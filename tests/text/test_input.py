"""Text from files and arguments: leading blanks, and how many bytes are behind what was returned."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest

from nightingale.text.input.sources import OPEN_LINE_S, PIECE_SIZE, Source, TextInput, open_sources, with_flushed_lines


@pytest.mark.no_cover
def test_leading_blanks_take_linear_time_and_bounded_memory(tmp_path: Path) -> None:
    (tmp_path / "blanks").write_bytes(b" " * 20_000_000 + b"\n\n  one")
    sources = open_sources([str(tmp_path / "blanks")])
    tracemalloc.start()
    began = time.perf_counter()
    pieces = TextInput(sources).wait_for_text()
    assert time.perf_counter() - began < 60  # 5 s where every allocation is traced; quadratic: minutes
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert pieces is not None
    text = "".join(pieces)
    assert text.endswith("\n\n  one") and len(text) <= 2 * PIECE_SIZE


def test_blank_text_is_none() -> None:
    for data in (b"", b" \n\t\n", b" " * 100_000, b"\x1b[0m"):
        assert TextInput([Source("x", data)]).wait_for_text() is None


def test_progress_counts_bytes() -> None:
    """Also where characters have several bytes, or are dropped: it ends at exactly all bytes."""
    data = ("\ufeff" + "\u201cna\u00efve\u201d caf\u00e9\x1b[0m \U0001f600\r\n" * 300).encode()
    text = TextInput([Source("x", data), Source("y", data)])
    seen = []
    for _ in text.pieces():
        seen.append(text.num_read)
    assert seen == sorted(seen) and len(set(seen)) > 20
    assert seen[-1] == text.size == 2 * len(data)


def test_progress_of_a_file_of_several_blocks(tmp_path: Path) -> None:
    data = "\u00e4\u00f6\u00fc ".encode() * 30_000
    (tmp_path / "long").write_bytes(data)
    text = TextInput(open_sources([str(tmp_path / "long")]))
    halves = [text.num_read for _ in text.pieces()]
    assert abs(halves[len(halves) // 2] / len(data) - 0.5) < 0.01
    assert text.num_read == text.size == len(data)


def test_none_when_the_writer_pauses() -> None:
    """After a line end soon, within a line much later; once for each pause. with_flushed_lines needs no pause."""
    read, write = os.pipe()
    pieces = Source("pipe", fd=read, idle_s=0.05).pieces()
    os.write(write, b"one\n")
    began = time.monotonic()
    assert [next(pieces), next(pieces)] == ["one\n", None]
    assert 0.05 <= time.monotonic() - began < OPEN_LINE_S
    os.write(write, b"two")
    began = time.monotonic()
    assert [next(pieces), next(pieces)] == ["two", None]
    assert time.monotonic() - began >= OPEN_LINE_S
    os.write(write, b"three\nfour\n\nfive")
    os.close(write)
    assert list(with_flushed_lines(pieces)) == ["three\n", None, "four\n", None, "\n", None, "five"]
    os.close(read)


def test_a_file_never_pauses(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one\n")
    pieces = open_sources([str(tmp_path / "a")], idle_s=0.01)[0].pieces()
    assert next(pieces) == "one\n"
    time.sleep(0.05)
    assert None not in list(pieces)


def test_size_is_not_known_for_a_pipe() -> None:
    read, write = os.pipe()
    try:
        assert TextInput([Source("x", b"one"), Source("pipe", fd=read)]).size is None
    finally:
        os.close(read)
        os.close(write)
