"""Text from files, standard input and arguments, piece by piece as it arrives."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from nightingale.errors import InputUnavailable
from nightingale.text.input.decode import TextDecoder

BLOCK_SIZE = 65536  # bytes: the capacity of a pipe on Linux
IDLE_MS = 100  # without input after a line end, until the sentence counts as ended
PIECE_SIZE = 256  # characters; small, so that progress moves smoothly
OPEN_LINE_S = 1.0  # without input, until a line without its end counts as ended: slow language models pause this long


@dataclass
class Source:
    """One input: a file descriptor, or the bytes themselves. name: for messages.

    idle_s: the writer pauses if there is no input for so long after a line end, or for OPEN_LINE_S within a line; None:
    it never does. Regular files always have input.
    size: bytes, None where the end is not known. num_read: bytes behind the pieces returned so far.
    """

    name: str
    data: bytes = b""
    fd: int | None = None
    idle_s: float | None = None
    size: int | None = field(init=False)
    num_read: int = 0

    def __post_init__(self) -> None:
        self.size = len(self.data) if self.fd is None else _file_size(self.fd)

    def pieces(self) -> Iterator[str | None]:
        """The decoded text, and None after each pause of the writer. Raises InputUnavailable or TextError."""
        decoder = TextDecoder(self.name)
        before = 0
        deadline: float | None = None
        while (block := self._read(deadline)) != b"":
            if block is None:
                deadline = None
                yield None
                continue
            text = decoder.feed(block)
            if self.idle_s is not None:
                deadline = time.monotonic() + (self.idle_s if text.endswith("\n") else max(self.idle_s, OPEN_LINE_S))
            for start in range(0, len(text), PIECE_SIZE):
                # How many bytes a single piece had is not known, as the decoder leaves some out.
                self.num_read = before + len(block) * min(start + PIECE_SIZE, len(text)) // len(text)
                yield text[start : start + PIECE_SIZE]
            before += len(block)
            self.num_read = before
        yield decoder.feed(b"", final=True)

    def _read(self, deadline: float | None) -> bytes | None:
        """The next bytes, none at the end; None if none have arrived by the deadline (time.monotonic)."""
        if self.fd is None:
            block, self.data = self.data, b""
            return block
        try:
            while True:
                if deadline is not None and not _has_input(self.fd, max(0.0, deadline - time.monotonic())):
                    return None
                try:
                    return os.read(self.fd, BLOCK_SIZE)
                except BlockingIOError:  # another process that shares the pipe made it non-blocking, as Node.js does
                    _has_input(self.fd, None)
        except OSError as error:
            raise InputUnavailable(f"cannot read {self.name}: {error.strerror}") from error


def _has_input(fd: int, timeout_s: float | None) -> bool:
    """Wait until there are bytes to read, or the end. Returns whether that was before the timeout."""
    return bool(select.select([fd], [], [], timeout_s)[0])


def _file_size(fd: int) -> int | None:
    """Bytes from the current position to the end of a regular file; None for a pipe, a terminal or a file in /proc."""
    try:
        return os.fstat(fd).st_size - os.lseek(fd, 0, os.SEEK_CUR) or None
    except OSError:
        return None


def open_sources(files: Sequence[str], idle_s: float | None = None) -> list[Source]:
    """Open all files before any is read, so that a missing one is reported before the first sound.

    Raises InputUnavailable. `-` is standard input. idle_s: as in Source.
    """
    sources = []
    for name in files:
        if name == "-":
            sources.append(Source("standard input", fd=0, idle_s=idle_s))
            continue
        try:
            fd = os.open(name, os.O_RDONLY)
            os.read(fd, 0)  # a folder can be opened, but not read
        except OSError as error:
            raise InputUnavailable(f"cannot read {name}: {error.strerror}") from error
        sources.append(Source(name, fd=fd, idle_s=idle_s))
    return sources


@dataclass
class TextInput:
    """The text of several sources in order, with a blank line between them."""

    sources: list[Source]

    def pieces(self) -> Iterator[str | None]:
        """The text, and None after each pause of the writer. Raises InputUnavailable or TextError."""
        for i, source in enumerate(self.sources):
            if i:
                yield "\n\n"
            yield from source.pieces()

    def wait_for_text(self) -> Iterator[str | None] | None:
        """Wait for the first character that is not blank. Returns all pieces, or None if the text is blank."""
        blank = ""
        pieces = self.pieces()
        for piece in pieces:
            if piece and not piece.isspace():
                return chain([blank + piece], pieces)
            blank = (blank + (piece or ""))[-PIECE_SIZE:]  # enough for the indentation of the first line
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


def with_flushed_lines(pieces: Iterable[str | None]) -> Iterator[str | None]:
    """The same text, with a None after each line end and nowhere else, so that each line is spoken at once."""
    for piece in pieces:
        for line in (piece or "").splitlines(keepends=True):
            yield line
            if line.endswith("\n"):
                yield None
