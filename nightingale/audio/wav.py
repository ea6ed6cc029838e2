"""WAV output, 16-bit mono, written while the audio is being made.

A pipe gets a header with a placeholder for the sizes; in a file the true sizes are written at the end.
numpy is imported only with the first samples.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import stat
import struct
from collections.abc import Iterator

from nightingale.audio.chunk import SAMPLE_RATE, AudioChunk
from nightingale.audio.files import atomic_file, creation_errors, open_descriptor
from nightingale.errors import UsageError, WriteFailed

SAMPLE_WIDTH = 2  # bytes
HEADER_SIZE = 44  # bytes
RIFF_OVERHEAD = HEADER_SIZE - 8  # the RIFF size counts these bytes of the header
STREAM_DATA_SIZE = 0x7FFFF000  # placeholder for an unknown size, as in sox and espeak-ng: readers read to the end
MAX_DATA_SIZE = 0xFFFFFFFF - RIFF_OVERHEAD


def wav_header(sample_rate: int, data_size: int) -> bytes:
    """The header for 16-bit mono samples, 44 bytes. sample_rate: in Hz. data_size: bytes of samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", data_size + RIFF_OVERHEAD, b"WAVE",
        b"fmt ", 16, 1, 1, sample_rate, sample_rate * SAMPLE_WIDTH, SAMPLE_WIDTH, 8 * SAMPLE_WIDTH,
        b"data", data_size,
    )  # fmt: skip


class WavSink:
    """Writes WAV to an open descriptor, from its current position.

    The header is written with the first samples. Its sizes are STREAM_DATA_SIZE until `write_sizes`.
    """

    def __init__(self, fd: int, name: str) -> None:
        self.name = name
        self.sample_rate = SAMPLE_RATE
        self.num_samples = 0
        self._fd = fd
        self._start: int | None = None  # position of the header; None until it is written

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate

    def write(self, chunk: AudioChunk) -> None:
        pcm = chunk.pcm16()
        if self._start is None:
            self.sample_rate = chunk.sample_rate
            self._write_header()
        assert chunk.sample_rate == self.sample_rate, "one WAV has one sample rate"
        self._write(pcm)
        self.num_samples += len(chunk.samples)

    def finish(self) -> None:
        """Complete the WAV. Without any samples it has length zero."""
        if self._start is None:
            self._write_header()
        self.write_sizes()

    def write_sizes(self) -> None:
        """Write the true sizes into the header, where it exists and the output is a file."""
        if self._start is None or not _can_patch(self._fd):
            return
        data_size = min(self.num_samples * SAMPLE_WIDTH, MAX_DATA_SIZE)
        with self._write_errors():
            os.pwrite(self._fd, wav_header(self.sample_rate, data_size), self._start)

    def _write_header(self) -> None:
        self._start = os.lseek(self._fd, 0, os.SEEK_CUR) if _can_patch(self._fd) else 0
        self._write(wav_header(self.sample_rate, STREAM_DATA_SIZE))

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        with self._write_errors():
            while rest:
                try:
                    rest = rest[os.write(self._fd, rest) :]
                except BlockingIOError:  # the reader made the pipe non-blocking, as Node.js does
                    select.select([], [self._fd], [])

    @contextlib.contextmanager
    def _write_errors(self) -> Iterator[None]:
        """Raises WriteFailed for an OSError, except BrokenPipeError: a reader may stop early."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise WriteFailed(f"cannot write to {self.name}: {error.strerror}") from error


def _can_patch(fd: int) -> bool:
    """Whether the header can be overwritten: with O_APPEND, Linux would write at the end of the file instead."""
    return stat.S_ISREG(os.fstat(fd).st_mode) and not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND


@contextlib.contextmanager
def open_wav(output: str) -> Iterator[WavSink]:
    """A sink for `-o OUTPUT`; `-` is standard output. A regular file appears only when it is complete.

    Raises OutputUnavailable before any audio is made, and UsageError for a terminal.
    """
    descriptor = 1 if output == "-" else open_descriptor(output)
    if descriptor is not None:
        with _sink_in_place(descriptor, "standard output" if output == "-" else output) as sink:
            yield sink
    elif os.path.exists(output) and not os.path.isfile(output):  # a device or a FIFO must not be replaced
        with creation_errors(output):
            fd = os.open(output, os.O_WRONLY | os.O_NOCTTY)
        try:
            with _sink_in_place(fd, output) as sink:
                yield sink
        finally:
            os.close(fd)
    else:
        with atomic_file(output) as fd:
            sink = WavSink(fd, output)
            yield sink
            sink.finish()


@contextlib.contextmanager
def _sink_in_place(fd: int, name: str) -> Iterator[WavSink]:
    """A sink for an open descriptor. If the block raises, the header still gets the sizes of what was written."""
    if os.isatty(fd):
        raise UsageError(f"{name} is a terminal and cannot take audio: use > FILE, -o FILE or a pipe")
    sink = WavSink(fd, name)
    try:
        yield sink
        sink.finish()
    except BaseException:
        with contextlib.suppress(WriteFailed, BrokenPipeError):  # report the first error, not this one
            sink.write_sizes()
        raise
