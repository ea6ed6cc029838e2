"""Text from files, standard input and arguments, piece by piece as it arrives."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from nightingale.errors import InputUnavailable
from nightingale.text.decode import TextDecoder

BLOCK_SIZE = 65536  # bytes: the capacity of a pipe on Linux
PIECE_SIZE = 256  # characters; small, so that progress moves smoothly


@dataclass
class Source:
    """One input: a file descriptor, or the bytes themselves. name: for messages.

    size: bytes, None where the end is not known. num_read: bytes behind the pieces returned so far.
    """

    name: str
    data: bytes = b""
    fd: int | None = None
    size: int | None = field(init=False)
    num_read: int = 0

    def __post_init__(self) -> None:
        self.size = len(self.data) if self.fd is None else _file_size(self.fd)

    def pieces(self) -> Iterator[str]:
        """The decoded text. Raises InputUnavailable or TextError."""
        decoder = TextDecoder(self.name)
        before = 0
        for block in chain(self._blocks(), [b""]):
            text = decoder.feed(block, final=not block)
            for start in range(0, len(text), PIECE_SIZE):
                # How many bytes a single piece had is not known, as the decoder leaves some out.
                self.num_read = before + len(block) * min(start + PIECE_SIZE, len(text)) // len(text)
                yield text[start : start + PIECE_SIZE]
            before += len(block)
            self.num_read = before

    def _blocks(self) -> Iterator[bytes]:
        """Bytes as they arrive, never an empty block."""
        if self.fd is None:
            yield from [self.data] if self.data else []
            return
        try:
            while block := _read(self.fd):
                yield block
        except OSError as error:
            raise InputUnavailable(f"cannot read {self.name}: {error.strerror}") from error


def _read(fd: int) -> bytes:
    """The next bytes, none at the end."""
    while True:
        try:
            return os.read(fd, BLOCK_SIZE)
        except BlockingIOError:  # another process that shares the pipe made it non-blocking, as Node.js does
            select.select([fd], [], [])


def _file_size(fd: int) -> int | None:
    """Bytes from the current position to the end of a regular file; None for a pipe, a terminal or a file in /proc."""
    try:
        return os.fstat(fd).st_size - os.lseek(fd, 0, os.SEEK_CUR) or None
    except OSError:
        return None


def open_sources(files: Sequence[str]) -> list[Source]:
    """Open all files before any is read, so that a missing one is reported before the first sound.

    Raises InputUnavailable. `-` is standard input.
    """
    sources = []
    for name in files:
        if name == "-":
            sources.append(Source("standard input", fd=0))
            continue
        try:
            fd = os.open(name, os.O_RDONLY)
            os.read(fd, 0)  # a folder can be opened, but not read
        except OSError as error:
            raise InputUnavailable(f"cannot read {name}: {error.strerror}") from error
        sources.append(Source(name, fd=fd))
    return sources


@dataclass
class TextInput:
    """The text of several sources in order, with a blank line between them."""

    sources: list[Source]

    def pieces(self) -> Iterator[str]:
        """Raises InputUnavailable or TextError."""
        for i, source in enumerate(self.sources):
            if i:
                yield "\n\n"
            yield from source.pieces()

    def wait_for_text(self) -> Iterator[str] | None:
        """Wait for the first character that is not blank. Returns all pieces, or None if the text is blank."""
        blank = ""
        pieces = self.pieces()
        for piece in pieces:
            if not piece.isspace():
                return chain([blank + piece], pieces)
            blank = (blank + piece)[-PIECE_SIZE:]  # enough for the indentation of the first line
        return None

    @property
    def num_read(self) -> int:
        """Bytes of the text returned so far."""
        return sum(source.num_read for source in self.sources)

    @property
    def size(self) -> int | None:
        """Bytes in all, None if not known."""
        sizes = [source.size for source in self.sources]
        return None if None in sizes else sum(size or 0 for size in sizes)
