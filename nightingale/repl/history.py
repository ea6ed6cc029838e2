"""What was typed, in a file that only its owner can read. A history that cannot be kept never stops a conversation."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory


def history_path() -> Path:
    """By the XDG rules: history is state, and a relative XDG_STATE_HOME does not count."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return base / "nightingale-tts" / "history"


class PrivateHistory(FileHistory):
    """Lines that begin with a blank are not stored, as in a shell."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where the file cannot be written and read."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):  # a link to /dev/null, say, whose mode is not ours to change
                raise OSError(0, "it is not a file")
            os.fchmod(fd, 0o600)
        finally:
            os.close(fd)
        super().__init__(str(path))

    def append_string(self, string: str) -> None:
        if not string.startswith(" "):
            super().append_string(string)

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string.encode("utf-8", "replace").decode())  # older prompt_toolkits raise
        except OSError:  # the disk is full: the line stays in memory
            return

    def load_history_strings(self) -> Iterable[str]:
        try:
            yield from super().load_history_strings()
        except OSError:
            return


class MemoryHistory(InMemoryHistory):
    """Of this conversation only."""

    def append_string(self, string: str) -> None:
        if not string.startswith(" "):
            super().append_string(string)


def open_history(keep: bool) -> tuple[History, str]:
    """The history, and what there is to say about it if it cannot be kept."""
    if not keep:
        return MemoryHistory(), ""
    try:
        path = history_path()
        return PrivateHistory(path), ""
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        reason = getattr(error, "strerror", None) or error
        return MemoryHistory(), f"the history is not kept: {reason}"
