"""The playback sink for a sound device."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.audio.stream import Stream

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk

T = TypeVar("T")

POLL_S = 0.02
MAX_FADE_S = 0.5  # from the stop until the fade is audible, with the latency of the device


class Speaker:
    """Plays on a sound device; see Sink for the methods. Raises AudioDeviceError if there is none, or if it fails.

    device: its number, a part of its name, or None for the default device.
    underruns: also counts how often the device was served too late, or had to be reopened.
    """

    def __init__(self, device: str | None = None) -> None:
        from nightingale.audio.resample import Resampler

        self._stream = Stream(device)
        self._ring = self._stream.ring
        self.name = self._stream.name
        rate = self._ring.sample_rate
        self._resampler = Resampler(SAMPLE_RATE, rate) if rate != SAMPLE_RATE else None
        self._resampler_ticket = -1

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self) -> int:
        self._stream.prepare()
        return self._ring.begin()

    def write(self, chunk: AudioChunk, ticket: int) -> bool:
        assert chunk.sample_rate == SAMPLE_RATE
        samples = chunk.checked()
        return self._write(self._resample(samples, ticket) if self._resampler else samples, ticket)

    def finish(self, ticket: int) -> None:
        if self._resampler and ticket == self._resampler_ticket:
            self._write(self._resampler.flush(), ticket)
        self._ring.expect_more(False, ticket)

    def without_underruns(self, pieces: Iterable[T], ticket: int) -> Iterator[T]:
        """Pass on the pieces of text. While the next one has not arrived, an empty buffer is no underrun."""
        self._ring.expect_more(False, ticket)
        for piece in pieces:
            if self._ring.idle:
                self._stream.prepare()  # it may have been closed while there was no text
            self._ring.expect_more(True, ticket)
            yield piece
            self._ring.expect_more(False, ticket)
        self._ring.expect_more(True, ticket)

    def _resample(self, samples: Any, ticket: int) -> Any:
        assert self._resampler
        if ticket != self._resampler_ticket:  # the utterance before this one was stopped: discard its end
            self._resampler.flush()
            self._resampler_ticket = ticket
        return self._resampler.feed(samples)

    def _write(self, samples: Any, ticket: int) -> bool:
        while len(samples):
            count = self._ring.write(samples, ticket)
            if count is None:
                return False
            self.check_device()
            samples = samples[count:]
            if len(samples):
                time.sleep(POLL_S)
        return True

    def stop(self) -> None:
        self._ring.stop()

    def check_device(self) -> None:
        self._stream.check()

    def wait(self, watch: Callable[[], object] | None = None) -> None:
        while self.busy:
            self.check_device()
            time.sleep(POLL_S)
            if watch:
                watch()

    def close(self) -> None:
        """Fade out, and close the device."""
        self.stop()
        self._ring.paused = False
        deadline = time.monotonic() + MAX_FADE_S
        while self.busy and self._stream.playing and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self._stream.close()

    @property
    def volume(self) -> float:
        return self._ring.volume

    @volume.setter
    def volume(self, value: float) -> None:
        self._ring.volume = value

    @property
    def paused(self) -> bool:
        return self._ring.paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._ring.paused = value
        if not value:
            self._stream.resume()

    @property
    def written_s(self) -> float:
        return self._ring.written / self._ring.sample_rate

    @property
    def played_s(self) -> float:
        return self._stream.played / self._ring.sample_rate

    @property
    def busy(self) -> bool:
        ring = self._ring
        return ring.pending > 0 or ring.stopping or self._stream.played < ring.read - 1

    @property
    def underruns(self) -> int:
        return self._ring.underruns + self._stream.late
