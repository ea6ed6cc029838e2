"""Bytes to text: escape sequences, encodings, and input that is not text."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import sys
import time
from pathlib import Path

import pytest

from nightingale.errors import TextError
from nightingale.text.input.decode import MAX_ESCAPE, TextDecoder

CLEAN = b"x" * 70  # so much that the decoder has decided that this is text


def decode(data: bytes, block_size: int = 1 << 20) -> str:
    decoder = TextDecoder("the input")
    blocks = [data[i : i + block_size] for i in range(0, len(data), block_size)]
    return "".join(map(decoder.feed, blocks)) + decoder.feed(b"", final=True)


# Escape sequences


@pytest.mark.parametrize("block_size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[1;31m", "\x1b[?25l", "\x1b(B", "\x1b7", "\x1b#8",  # CSI and short escapes
        "\x1b]0;title\x07", "\x1b]8;;http://example.org\x1b\\",  # OSC
        "\x1bPq#0;2;0;0;0~~$\nline\x1b\\", "\x1bXstart\x1b\\", "\x1b^private\x1b\\", "\x1b_Ga=T,f=100;aGk=\x1b\\",
        "\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\",  # tmux passes an OSC on
        "\x1bPcancelled\x18", "\x1b_cancelled\x1a", "\x1bPcancelled\x1b[0m",
        "\x9b1;31m", "\x9d0;title\x07", "\x9d0;title\x9c", "\x90q#0\x9c", "\x98start\x9c",  # with C1
        "\x9eprivate\x1b\\", "\x9fapc\x9c", "\x9d0;café\x9c\x9b1m",
    ],
)  # fmt: skip
def test_terminal_sequences_are_dropped_with_their_bodies(sequence: str, block_size: int) -> None:
    data = f"one {sequence}two {sequence}\nthree".encode()
    assert decode(CLEAN + data, block_size) == CLEAN.decode() + "one two \nthree"


@pytest.mark.parametrize("start", ["\x1b", "\x1b[1", "\x1bPbody", "\x1b]0;title", "\x90body", "\x9b1"])
def test_a_sequence_cut_off_by_the_end_is_dropped(start: str) -> None:
    assert decode(f"one {start}".encode()) == "one "


@pytest.mark.parametrize("start", ["\x1bP", "\x1bX", "\x1b^", "\x1b_", "\x1b]", "\x90", "\x9d"])
def test_a_string_that_does_not_end_is_text(start: str) -> None:
    words = "word " * (MAX_ESCAPE // 5 + 1)
    assert decode((start + words).encode(), 65536) == words


def test_quotes_decoded_as_latin_1_are_no_introducers() -> None:
    """UTF-8 quotes that were decoded as Latin-1 or Windows-1252 contain U+009C and U+009D."""
    quoted = "He said “Hello” and “Bye”, and went."
    latin_1 = quoted.encode().decode("latin-1")
    windows = "He said â€œHelloâ€\x9d and went."
    for block_size in (1, 2, 3, 1000):
        assert decode(CLEAN + latin_1.encode(), block_size)[70:] == latin_1.translate(dict.fromkeys(range(128, 160)))
        assert decode(windows.encode(), block_size).endswith("Helloâ€ and went.")


def test_cuts_make_no_difference() -> None:
    parts = [*"\x1b[]PX_\\\x9c\x9b\x9d\x90ab1;m\x07é\x80\r\n\x18 ", "\r\n", "\x1b["]
    chooser = random.Random(1)
    for _ in range(800):
        data = CLEAN + "".join(chooser.choices(parts, k=chooser.randrange(1, 14))).encode()
        assert len({decode(data, block_size) for block_size in (1, 2, 3, 7, 1000)}) == 1, data


@pytest.mark.no_cover
@pytest.mark.parametrize("unit", ["\x1bPword ", "word\x9dword", "\x1b[1", "\x1b]", "é"])
def test_time_is_linear(unit: str) -> None:
    """A megabyte takes far less than a second. With a quadratic search it would take minutes."""
    data = (unit + "." * 20).encode()
    began = time.perf_counter()
    decode(data * (1_000_000 // len(data)), 65536)
    assert time.perf_counter() - began < 10


# Encodings


@pytest.mark.parametrize("block_size", [1, 2, 1000])
def test_windows_1252_is_decoded(block_size: int) -> None:
    text = "It’s a “déjà vu” — for £5."
    assert decode(text.encode("cp1252"), block_size) == text
    assert decode("café au lait".encode("latin-1"), block_size) == "café au lait"


@pytest.mark.parametrize("word", ["été", "£5", "À la", "“A”", "naïve\n"])
@pytest.mark.parametrize("block_size", [1, 1000])
def test_short_windows_1252_is_text(word: str, block_size: int) -> None:
    assert decode(word.encode("cp1252"), block_size) == word


@pytest.mark.parametrize("block_size", [1, 2, 1000])
def test_invalid_bytes_in_utf_8_are_replaced(block_size: int) -> None:
    """After a valid character beyond ASCII, a broken one is not read as Windows-1252."""
    assert decode("“one” é".encode()[:-1] + b" two", block_size) == "“one” \ufffd two"
    assert decode("\ufeffone".encode() + b"\xff two", block_size) == "one\ufffd two"


# Input that is not text

ENGLISH = "Hello there, all of you who listen. "
ELF = Path(sys.executable).resolve().read_bytes()[:65536]


@pytest.mark.parametrize("block_size", [1, 7, 65536])
@pytest.mark.parametrize(
    "data",
    [
        b"\xff", b"\x00", b"\xff\xfe", bytes(range(256)),
        "Hi".encode("utf-16"), "Hi".encode("utf-16-be"), "Hi".encode("utf-32"),
        (ENGLISH * 50).encode("utf-16"), (ENGLISH * 50).encode("utf-16-le"), (ENGLISH * 50).encode("utf-32"),
        gzip.compress(b"hello", mtime=0), bz2.compress(b"hello"), lzma.compress(b"hello"),
        gzip.compress(random.Random(1).randbytes(20_000)), random.Random(2).randbytes(20_000),
        ELF[:40], ELF, b"\x89PNG\r\n\x1a\n" + random.Random(3).randbytes(3000), b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
        "привет мир ".encode("koi8-r") * 9, "пр".encode("koi8-r"),
    ],
)  # fmt: skip
def test_input_that_is_not_text_is_refused(data: bytes, block_size: int) -> None:
    with pytest.raises(TextError, match="the input is not UTF-8 text"):
        decode(data[:3000] if block_size == 1 else data, block_size)


@pytest.mark.parametrize("block_size", [1, 65536])
@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"a", b"one t\x00wo th\x00ree", ENGLISH.encode() * 2000, "\U0001f600\U0001f680".encode(),
        "привет".encode(), ("Déjà vu, le soir de Noël. " * 500).encode("latin-1"),
        b"\x1b[1m\x1b[31mred\x1b[0m", b"\x1b]0;t\x07one",
    ],
)  # fmt: skip
def test_text_is_not_refused(data: bytes, block_size: int) -> None:
    decode(data, block_size)
