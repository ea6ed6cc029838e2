"""Text from files and descriptors: bytes as they arrive, decoded as UTF-8, without terminal escapes and controls."""

from __future__ import annotations

import codecs
import io
import os
import re
import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nightingale.errors import InputUnavailable, TextError

BLOCK_SIZE = 65536  # bytes: what a pipe holds
PIECE_SIZE = 256  # characters handed on at once, so that progress is seen to move
MAX_ESCAPE = 4096  # characters: what is longer and unfinished is not an escape sequence
MAX_BAD_SHARE = 0.25  # Latin-1 prose has 5 % that is not UTF-8; compressed data and UTF-16 have 50 %
ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]")
OPEN_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[ -/]*)\Z")
CONTROLS = [c for c in (*range(32), *range(127, 160)) if chr(c) not in "\t\n"]
DROPPED = dict.fromkeys([*CONTROLS, 0xFEFF]) | {0x0B: "\n", 0x0C: "\n", 0x85: "\n"}
BAD = re.compile("[\ufffd\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")


class TextDecoder:
    """Bytes to text, cut anywhere: UTF-8 whatever the locale, without BOM, NUL, controls and terminal escapes.

    Raises TextError, naming `name`, for what is not text at all.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
        self._held = ""  # an escape sequence that the last block cut
        self._num_bad = 0
        self._num_chars = 0

    def feed(self, data: bytes, final: bool = False) -> str:
        fresh = self._decoder.decode(data, final)
        self._judge(fresh)
        text = self._held + fresh
        cut = OPEN_ESCAPE.search(text)
        if cut and (final or len(text) - cut.start() < MAX_ESCAPE):
            text, self._held = text[: cut.start()], text[cut.start() :]
        else:
            self._held = ""
        return ESCAPE.sub("", text).translate(DROPPED)

    def _judge(self, text: str) -> None:
        self._num_bad += len(BAD.findall(text))
        self._num_chars += len(text)
        if self._num_bad > MAX_BAD_SHARE * self._num_chars:
            raise TextError(f"{self._name} is not UTF-8 text (binary, or another encoding?)")


@dataclass
class Source:
    """Where text comes from: a descriptor, or the bytes themselves. size: bytes if they are known beforehand."""

    name: str
    data: bytes = b""
    fd: int | None = None
    size: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.data) if self.fd is None else _file_size(self.fd)

    def blocks(self) -> Iterator[bytes]:
        """Bytes as they arrive."""
        if self.fd is None:
            yield self.data
            return
        try:
            while block := _read(self.fd):
                yield block
        except OSError as error:
            raise InputUnavailable(f"cannot read {self.name}: {error.strerror}") from error

    def pieces(self) -> Iterator[str]:
        decoder = TextDecoder(self.name)
        for block in self.blocks():
            yield from _cut(decoder.feed(block))
        yield from _cut(decoder.feed(b"", final=True))


def _read(fd: int) -> bytes:
    """The next bytes, none at the end."""
    while True:
        try:
            return os.read(fd, BLOCK_SIZE)
        except BlockingIOError:  # whoever has the pipe too made it non-blocking, as Node.js does
            select.select([fd], [], [])


def _file_size(fd: int) -> int | None:
    """Bytes from here to the end of a regular file, None for anything that has no end yet."""
    try:
        return os.fstat(fd).st_size - os.lseek(fd, 0, os.SEEK_CUR) or None
    except OSError:
        return None


def _cut(text: str) -> Iterator[str]:
    return (text[i : i + PIECE_SIZE] for i in range(0, len(text), PIECE_SIZE))


def open_sources(files: Sequence[str]) -> list[Source]:
    """All files of the command line, opened before any is read: a missing one is known before the first sound."""
    sources = []
    for name in files:
        if name == "-":
            sources.append(Source("standard input", fd=0))
            continue
        try:
            fd = os.open(name, os.O_RDONLY)
            os.read(fd, 0)  # a folder opens and does not read
        except OSError as error:
            raise InputUnavailable(f"cannot read {name}: {error.strerror}") from error
        sources.append(Source(name, fd=fd))
    return sources


@dataclass
class Text:
    """The text of all sources in order, with a paragraph's end between two of them."""

    sources: list[Source]
    num_read: int = 0  # characters handed out so far

    def pieces(self) -> Iterator[str]:
        for i, source in enumerate(self.sources):
            if i:
                yield "\n\n"
            for piece in source.pieces():
                self.num_read += len(piece)
                yield piece

    def begun(self) -> Iterator[str] | None:
        """The pieces once there is something to speak, None if there never is."""
        blank = ""
        pieces = self.pieces()
        for piece in pieces:
            if piece.strip():
                return _prepend(blank + piece, pieces)
            blank = "\n\n" if blank.count("\n") + piece.count("\n") > 1 else blank + piece
        return None

    @property
    def size(self) -> int | None:
        """Bytes in all, None if that is not known."""
        sizes = [source.size for source in self.sources]
        return None if None in sizes else sum(size or 0 for size in sizes)


def _prepend(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
