"""The history of typed lines, in a file that only its owner can read.

If the file cannot be used, the prompt works without it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory


def history_path() -> Path:
    """The file by the XDG Base Directory specification, which has a relative XDG_STATE_HOME ignored."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return base / "nightingale-tts" / "history"


class PrivateHistory(FileHistory):
    """A history file. A line that begins with a space is not stored, as in a shell."""

    def __init__(self, path: Path) -> None:
        """Raises OSError if the file cannot be read and written."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):  # a link to /dev/null, for example, must keep its mode
                raise OSError(0, "it is not a regular file")
            os.fchmod(fd, 0o600)
        finally:
            os.close(fd)
        super().__init__(str(path))

    def append_string(self, string: str) -> None:
        if not string.startswith(" "):
            super().append_string(string)

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string.encode("utf-8", "replace").decode())  # older versions raise on surrogates
        except OSError:  # a full disk: the line stays in memory
            return

    def load_history_strings(self) -> Iterable[str]:
        try:
            yield from super().load_history_strings()
        except OSError:
            return


class MemoryHistory(InMemoryHistory):
    """A history that lasts as long as the prompt."""

    def append_string(self, string: str) -> None:
        if not string.startswith(" "):
            super().append_string(string)


def open_history(keep: bool) -> tuple[History, str]:
    """The history, and a notice if the file cannot be used."""
    if not keep:
        return MemoryHistory(), ""
    try:
        path = history_path()
        return PrivateHistory(path), ""
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder
        reason = getattr(error, "strerror", None) or error
        return MemoryHistory(), f"the history is not saved: {reason}"
