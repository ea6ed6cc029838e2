"""Output files: complete or not at all under their name, and descriptors that have a name such as /dev/stdout."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator

from nightingale.errors import OutputUnavailable, WriteFailed

MAX_LINKS = 40  # symbolic links in a row, as in Linux


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

    If the block raises, the temporary file is deleted and an existing file is kept. The new file has the mode
    and, where possible, the owner of the existing one. A symbolic link is followed.
    Raises OutputUnavailable before the block, WriteFailed after it.
    """
    with creation_errors(output):
        if os.path.basename(output) in ("", ".", ".."):  # realpath drops these: "name/" would become the file "name"
            raise IsADirectoryError(0, "it is the name of a folder")
        with contextlib.suppress(FileNotFoundError):
            os.stat(output)  # refuses a name that is too long; otherwise only the rename would
        target = os.path.realpath(output)
        temporary = os.path.join(os.path.dirname(target), f".nightingale-{os.urandom(6).hex()}.wav")
        existing = os.stat(target) if os.path.exists(target) else None
        if existing and not os.access(target, os.W_OK):
            raise PermissionError(0, "it is write-protected")
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600 if existing else 0o666)
    try:
        try:
            if existing:
                _copy_access(existing, fd)
            yield fd
        except BaseException:
            os.close(fd)
            raise
        _close_and_rename(fd, temporary, target, output)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # its folder may have been deleted
            os.unlink(temporary)
        raise


def _copy_access(existing: os.stat_result, fd: int) -> None:
    """Owner, group and mode. Without the group, the mode must not give its rights to another group."""
    mode = stat.S_IMODE(existing.st_mode)
    with contextlib.suppress(OSError):  # only root may give a file away
        os.fchown(fd, existing.st_uid, -1)
    try:
        os.fchown(fd, -1, existing.st_gid)
    except OSError:
        mode &= ~stat.S_IRWXG
    with contextlib.suppress(OSError):  # a file system without modes
        os.fchmod(fd, mode)


def _close_and_rename(fd: int, temporary: str, target: str, name: str) -> None:
    try:
        os.close(fd)  # some file systems report a full disk only here
        os.replace(temporary, target)
    except OSError as error:
        raise WriteFailed(f"cannot write to {name}: {error.strerror}") from error


def open_descriptor(output: str) -> int | None:
    """The descriptor that /dev/stdout, /dev/fd/N or a link to them names; None for any other path.

    Opening such a path would start at offset 0 and overwrite what others wrote to the same file.
    Raises OutputUnavailable if the descriptor is not open for writing.
    """
    folders = {os.path.realpath("/dev/fd"), os.path.realpath("/proc/self/fd")}
    path = output
    for _ in range(MAX_LINKS):
        folder, name = os.path.split(path)
        if name.isdecimal() and os.path.lexists(path) and os.path.realpath(folder) in folders:
            with creation_errors(output):
                if fcntl.fcntl(int(name), fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                    raise PermissionError(0, "it is not open for writing")
            return int(name)
        if not os.path.islink(path):
            break
        path = os.path.join(folder, os.readlink(path))
    return None
