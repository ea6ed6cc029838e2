"""stderr for people: errors, warnings, a progress bar. And stdout for words, such as --help, with errors reported."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

from nightingale.errors import WriteFailed
from nightingale.text.input.sources import TextInput

LONG_TEXT = 500  # bytes; a shorter text gets no progress bar


class Console:
    """Writes messages to stderr, one line each, and at a terminal a status line below them.

    quiet: no warnings and no status line.
    """

    def __init__(self) -> None:
        self.quiet = False
        self._width = 0  # of the status line on the screen

    def error(self, message: str) -> None:
        self.clear()
        with contextlib.suppress(OSError):  # stderr is closed: nobody reads it
            print(f"nightingale-tts: {message}", file=sys.stderr, flush=True)

    def warn(self, message: str) -> None:
        if not self.quiet:
            self.error(message)

    def progress(self, text: TextInput, seconds: float) -> None:
        """For a long text: its share read so far, if its size is known, and the length of the sound in seconds."""
        size = text.size
        if max(text.num_read, size or 0) < LONG_TEXT:
            return
        line = f"{int(seconds) // 60}:{int(seconds) % 60:02d} of sound"
        if size is not None:
            share = min(text.num_read / size, 1.0)  # a file may grow while it is read
            line = f"[{'#' * round(30 * share):<30}] {share:4.0%}  {line}"
        self.status(line)

    def status(self, line: str) -> None:
        """Replace the status line."""
        if not self.quiet and sys.stderr.isatty():
            self._draw(line)

    def clear(self) -> None:
        """Remove the status line."""
        if self._width:
            self._draw("")

    def _draw(self, line: str) -> None:
        with contextlib.suppress(OSError):
            print("\r" + line.ljust(self._width), end="\r" if not line else "", file=sys.stderr, flush=True)
        self._width = len(line)


class ConsoleHandler(logging.Handler):
    """Shows warnings that the package logs on the console."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.warn(record.getMessage())


@contextlib.contextmanager
def checked_stdout() -> Iterator[None]:
    """For printing to stdout. Raises WriteFailed or BrokenPipeError here, not while the interpreter exits."""
    try:
        try:
            yield
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for the rest of the buffer
        if isinstance(error, BrokenPipeError):
            raise
        raise WriteFailed(f"cannot write to standard output: {error.strerror}") from error
