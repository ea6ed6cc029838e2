"""Sound on its way out: a chunk of samples, and WAV written to a descriptor or a file while it is being made.

Knows 16-bit mono WAV and how files and pipes differ. Knows nothing of models and text. numpy is imported only when
there are samples.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import stat
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nightingale.audio.chunk import SAMPLE_RATE, AudioChunk
from nightingale.errors import OutputUnavailable, UsageError, WriteFailed

if TYPE_CHECKING:
    pass

SAMPLE_WIDTH = 2  # bytes
HEADER_SIZE = 44  # bytes
RIFF_OVERHEAD = HEADER_SIZE - 8  # what the RIFF size counts besides the samples
STREAM_DATA_SIZE = 0x7FFFF000  # what sox and espeak-ng write when they cannot know: every reader tried reads to the end
MAX_DATA_SIZE = 0xFFFFFFFF - RIFF_OVERHEAD


def wav_header(sample_rate: int, data_size: int) -> bytes:
    """The 44 bytes before 16-bit mono samples. data_size: bytes of samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", data_size + RIFF_OVERHEAD, b"WAVE",
        b"fmt ", 16, 1, 1, sample_rate, sample_rate * SAMPLE_WIDTH, SAMPLE_WIDTH, 8 * SAMPLE_WIDTH,
        b"data", data_size,
    )  # fmt: skip


class WavSink:
    """WAV to an open descriptor, from wherever it stands. The header leaves with the first samples, not before.

    The header says STREAM_DATA_SIZE, since nobody knows yet; `seal` puts the true sizes there where that is possible.
    """

    def __init__(self, fd: int, name: str) -> None:
        self.name = name
        self.sample_rate = SAMPLE_RATE
        self.num_samples = 0
        self._fd = fd
        self._start: int | None = None  # where the header lies; None until it is written

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
        """The sound is complete: no samples at all make a WAV of length zero."""
        if self._start is None:
            self._write_header()
        self.seal()

    def seal(self) -> None:
        """Put the true sizes into the header, if there is one and it can be reached."""
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
                except BlockingIOError:  # the other end made the pipe non-blocking, as Node.js does
                    select.select([], [self._fd], [])

    @contextlib.contextmanager
    def _write_errors(self) -> Iterator[None]:
        """A reader that has gone stays a BrokenPipeError: it is no failure of ours."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise WriteFailed(f"cannot write to {self.name}: {error.strerror}") from error


def _can_patch(fd: int) -> bool:
    """Whether what was written can be written over: with O_APPEND the patch would land at the end of the file."""
    return stat.S_ISREG(os.fstat(fd).st_mode) and not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND


@contextlib.contextmanager
def open_wav(output: str) -> Iterator[WavSink]:
    """A sink for `-o OUTPUT`: `-` is standard output, a file appears under its name only when it is complete.

    Raises OutputUnavailable before there is any sound, UsageError for a terminal.
    """
    if output == "-":
        with _in_place(1, "standard output") as sink:
            yield sink
    elif os.path.exists(output) and not os.path.isfile(output):  # /dev/null, /dev/stdout, a FIFO: never rename over it
        with creating(output):
            fd = os.open(output, os.O_WRONLY | os.O_NOCTTY)
        try:
            with _in_place(fd, output) as sink:
                yield sink
        finally:
            os.close(fd)
    else:
        with _beside(output) as sink:
            yield sink


@contextlib.contextmanager
def _in_place(fd: int, name: str) -> Iterator[WavSink]:
    """Whatever was written stays, and is sealed if speaking breaks off."""
    if os.isatty(fd):
        raise UsageError(f"{name} is a terminal and sound does not go there: use > FILE, -o FILE or a pipe")
    sink = WavSink(fd, name)
    try:
        yield sink
        sink.finish()
    except BaseException:
        with contextlib.suppress(WriteFailed, BrokenPipeError):  # the first failure is the one to tell
            sink.seal()
        raise


@contextlib.contextmanager
def _beside(output: str) -> Iterator[WavSink]:
    """Write a file in the same folder and rename it when it is complete; leave nothing if it never is."""
    with creating(output):
        if os.path.basename(output) in ("", ".", ".."):  # realpath would drop that, and a file would get the name
            raise IsADirectoryError(0, "it is the name of a folder")
        with contextlib.suppress(FileNotFoundError):
            os.stat(output)  # a name too long for the file system would be refused by the rename only
        target = os.path.realpath(output)  # a link goes on pointing there; a folder that was deleted has no path
        temporary = os.path.join(os.path.dirname(target), f".nightingale-{os.urandom(6).hex()}.wav")
        if os.path.exists(target) and not os.access(target, os.W_OK):
            raise PermissionError(0, "it is write-protected")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    sink = WavSink(fd, output)
    try:
        try:
            yield sink
            sink.finish()
        except BaseException:
            os.close(fd)
            raise
        _publish(fd, temporary, target, output)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # its folder was deleted meanwhile
            os.unlink(temporary)
        raise


def _publish(fd: int, temporary: str, target: str, name: str) -> None:
    """Close, since some file systems tell of a full disk only then, and rename."""
    try:
        os.close(fd)
        os.replace(temporary, target)
    except OSError as error:
        raise WriteFailed(f"cannot write to {name}: {error.strerror}") from error


@contextlib.contextmanager
def creating(output: str) -> Iterator[None]:
    """Raises OutputUnavailable where the system refuses to make a file of this name."""
    try:
        yield
    except OSError as error:
        raise OutputUnavailable(f"cannot create {output}: {error.strerror}") from error
