"""What a shell hands over and what it sees: bytes read as text, and messages and progress on stderr.

Knows descriptors and terminals. Knows neither options nor speech. Imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

from nightingale.errors import WriteFailed
from nightingale.text.input import TextInput

LONG_TEXT = 500  # bytes; shorter text gets no progress bar


class Console:
    """stderr: one line a message, and below them a bar while a long text is spoken to somewhere else."""

    def __init__(self) -> None:
        self.quiet = False
        self._width = 0  # of the bar that stands there now

    def error(self, message: str) -> None:
        """An error: also when quiet."""
        self.clear()
        with contextlib.suppress(OSError):  # there is nowhere left to tell it
            print(f"nightingale-tts: {message}", file=sys.stderr, flush=True)

    def warn(self, message: str) -> None:
        if not self.quiet:
            self.error(message)

    def progress(self, text: TextInput, seconds: float) -> None:
        """How much of the text is taken in, if that is known, and how long the sound is so far."""
        size = text.size
        if self.quiet or not sys.stderr.isatty() or max(text.num_read, size or 0) < LONG_TEXT:
            return
        line = f"{int(seconds) // 60}:{int(seconds) % 60:02d} of sound"
        if size is not None:
            share = min(text.num_read / size, 1.0)
            line = f"[{'#' * round(30 * share):<30}] {share:4.0%}  {line}"
        self._draw(line)

    def status(self, line: str) -> None:
        """What is going on now, in place of what was said of that before."""
        if not self.quiet and sys.stderr.isatty():
            self._draw(line)

    def clear(self) -> None:
        if self._width:
            self._draw("")

    def _draw(self, line: str) -> None:
        with contextlib.suppress(OSError):
            print("\r" + line.ljust(self._width), end="\r" if not line else "", file=sys.stderr, flush=True)
        self._width = len(line)


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """stdout for words: what cannot be written is known here, not when the interpreter exits."""
    try:
        try:
            yield
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what is left in the buffer
        if isinstance(error, BrokenPipeError):
            raise
        raise WriteFailed(f"cannot write to standard output: {error.strerror}") from error


class ConsoleHandler(logging.Handler):
    """What the library logs, as messages on the console."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.warn(record.getMessage())
