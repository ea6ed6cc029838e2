"""What a loudspeaker must do for those who talk, and the silent one. Knows no device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk


class Sink(Protocol):
    """Where a talking program puts its sound. Seconds count what was written since the sink was opened."""

    name: str
    volume: float
    paused: bool

    def begin(self) -> int: ...  # a ticket for one utterance
    def write(self, chunk: AudioChunk, ticket: int) -> bool: ...  # waits for room; False once stopped
    def finish(self, ticket: int) -> None: ...
    def stop(self) -> None: ...
    def tend(self) -> None: ...  # to be called now and then while it is busy
    def wait(self, watch: Callable[[], object] | None = None) -> None: ...  # until all was heard; calls watch meanwhile
    def close(self) -> None: ...
    @property
    def written_s(self) -> float: ...
    @property
    def heard_s(self) -> float: ...
    @property
    def busy(self) -> bool: ...
    @property
    def underruns(self) -> int: ...


class Muted:
    """Stands for a loudspeaker where there is none: everything is heard at once, by nobody."""

    name = "muted"
    underruns = 0
    busy = False

    def __init__(self) -> None:
        self.volume = 1.0
        self.paused = False
        self._ticket = 0
        self.written_s = 0.0

    @property
    def heard_s(self) -> float:
        return self.written_s

    def begin(self) -> int:
        return self._ticket

    def write(self, chunk: AudioChunk, ticket: int) -> bool:
        if ticket != self._ticket:
            return False
        self.written_s += len(chunk.samples) / chunk.sample_rate
        return True

    def finish(self, ticket: int) -> None:
        pass

    def stop(self) -> None:
        self._ticket += 1

    def tend(self) -> None:
        pass

    def wait(self, watch: Callable[[], object] | None = None) -> None:
        pass

    def close(self) -> None:
        pass
