"""Text from files, standard input and arguments, piece by piece as it arrives."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nightingale.errors import InputUnavailable
from nightingale.text.decode import TextDecoder

BLOCK_SIZE = 65536  # bytes: what a pipe holds
PIECE_SIZE = 256  # characters handed on at once, so that progress is seen to move


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
class TextInput:
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

    def wait_for_text(self) -> Iterator[str] | None:
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
