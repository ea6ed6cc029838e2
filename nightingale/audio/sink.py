"""The protocol of a playback sink, and the null sink for a machine without a sound device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk


class Sink(Protocol):
    """Plays one utterance after another. Positions are in seconds of audio since the sink was opened.

    name: for messages. volume: 1 leaves the samples as they are. paused: may be set at any time.
    underruns: how often the sink had no audio in the middle of an utterance.
    """

    name: str
    volume: float
    paused: bool

    def begin(self) -> int:
        """Start an utterance. Returns its ticket, which `stop` makes invalid."""

    def write(self, chunk: AudioChunk, ticket: int) -> bool:
        """Queue a chunk; waits while the buffer is full. Returns False if the utterance was stopped."""

    def finish(self, ticket: int) -> None:
        """The utterance has no more chunks."""

    def stop(self) -> None:
        """Fade out at once, and discard all audio and tickets."""

    def check_device(self) -> None:
        """Raise AudioDeviceError if the device has failed. Call this regularly while the sink is busy."""

    def wait(self, watch: Callable[[], object] | None = None) -> None:
        """Return when everything written has been played; call `watch` repeatedly until then."""

    def close(self) -> None: ...

    @property
    def written_s(self) -> float: ...
    @property
    def played_s(self) -> float: ...
    @property
    def busy(self) -> bool: ...
    @property
    def underruns(self) -> int: ...


class NullSink:
    """Plays nothing: every chunk counts as played at once."""

    name = "muted"
    underruns = 0
    busy = False

    def __init__(self) -> None:
        self.volume = 1.0
        self.paused = False
        self._ticket = 0
        self.written_s = 0.0

    @property
    def played_s(self) -> float:
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

    def check_device(self) -> None:
        pass

    def wait(self, watch: Callable[[], object] | None = None) -> None:
        pass

    def close(self) -> None:
        pass
