"""Output files that appear under their name only when they are complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from nightingale.errors import OutputUnavailable, WriteFailed


@contextlib.contextmanager
def creation_errors(output: str) -> Iterator[None]:
    """Raises OutputUnavailable for an OSError in the block."""
    try:
        yield
    except OSError as error:
        raise OutputUnavailable(f"cannot create {output}: {error.strerror}") from error


@contextlib.contextmanager
def atomic_file(output: str) -> Iterator[int]:
    """A descriptor for a temporary file in the same folder, renamed to `output` at the end of the block.

    If the block raises, the temporary file is deleted and an existing file is kept. A symbolic link is followed.
    Raises OutputUnavailable before the block, WriteFailed after it.
    """
    with creation_errors(output):
        if os.path.basename(output) in ("", ".", ".."):  # realpath drops these: "name/" would become the file "name"
            raise IsADirectoryError(0, "it is the name of a folder")
        with contextlib.suppress(FileNotFoundError):
            os.stat(output)  # refuses a name that is too long; otherwise only the rename would
        target = os.path.realpath(output)
        temporary = os.path.join(os.path.dirname(target), f".nightingale-{os.urandom(6).hex()}.wav")
        if os.path.exists(target) and not os.access(target, os.W_OK):
            raise PermissionError(0, "it is write-protected")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        try:
            yield fd
        except BaseException:
            os.close(fd)
            raise
        _close_and_rename(fd, temporary, target, output)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # its folder may have been deleted
            os.unlink(temporary)
        raise


def _close_and_rename(fd: int, temporary: str, target: str, name: str) -> None:
    try:
        os.close(fd)  # some file systems report a full disk only here
        os.replace(temporary, target)
    except OSError as error:
        raise WriteFailed(f"cannot write to {name}: {error.strerror}") from error
