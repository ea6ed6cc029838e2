"""The loudspeaker: one PortAudio stream, open as long as the program speaks."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.audio.devices import ELSEWHERE, choose_format, find_device, load_sounddevice, quiet_stderr
from nightingale.errors import AudioDeviceError

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk

LATENCY_S = 0.08  # asked of the device: what is heard after a stop, against what a busy machine may delay the callback
PATIENCE_S = 1.0  # a device that asks for nothing for so long is started anew, then after twice as long, and so on
MAX_PATIENCE_S = 4.0
POLL_S = 0.02


class Speaker:
    """A device that plays what is written to it. Raises AudioDeviceError when there is none, and when it goes away.

    underruns: how often it ran dry in the middle of an utterance, or was itself not served in time.
    """

    def __init__(self, device: str | None = None) -> None:
        sd = load_sounddevice()
        from nightingale.audio.resample import Resampler
        from nightingale.audio.ring import RingBuffer

        number = find_device(sd, device)
        info = sd.query_devices(number)
        self.name: str = info["name"]
        rate, channels = choose_format(sd, number, info)
        self._ring = RingBuffer(rate)
        self._resampler = Resampler(SAMPLE_RATE, rate) if rate != SAMPLE_RATE else None
        self._scale = 1.0 / rate
        self._ticket = -1  # of the utterance that the resampler is in
        self._late = 0  # underflows that the device reported
        self._clock = (0, 0.0)  # a position, and when (in stream time) it is heard
        self._failure: BaseException | None = None
        self._ended = self._playing = False
        self._served, self._patience_s = 0.0, PATIENCE_S  # when the device last asked for sound
        self._abort = sd.CallbackAbort
        self._new_stream = functools.partial(
            sd.OutputStream, samplerate=rate, channels=channels, dtype="float32", device=number, latency=LATENCY_S,
            callback=self._fill, finished_callback=self._finished,
        )  # fmt: skip
        with self._device_errors():
            self._stream = self._new_stream()

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fill(self, out: Any, frames: int, times: Any, status: Any) -> None:
        """PortAudio's thread. An exception here would be printed by sounddevice and never be seen by the caller."""
        try:
            self._served, self._patience_s = time.monotonic(), PATIENCE_S
            if status.output_underflow:
                self._late += 1
            first = out[:, 0]
            before = self._ring.read
            self._ring.render(first)
            if self._ring.read != before:  # in silence the ear catches up
                self._clock = (max(before, self._ring.read - frames), times.outputBufferDacTime)
            for channel in range(1, out.shape[1]):
                out[:, channel] = first
        except BaseException as error:
            self._failure = error
            raise self._abort from error

    def _finished(self) -> None:
        self._ended = True

    # --- what an utterance uses ---

    def begin(self) -> int:
        return self._ring.begin()

    def write(self, chunk: AudioChunk, ticket: int) -> bool:
        """Waits while the ring is full. False once `stop` was called."""
        assert chunk.sample_rate == SAMPLE_RATE
        samples = chunk.checked()
        if self._resampler:
            samples = self._resampled(chunk, ticket, last=False)
        return self._push(samples, ticket)

    def finish(self, ticket: int) -> None:
        """The utterance is complete."""
        if self._resampler and ticket == self._ticket:
            import numpy as np

            from nightingale.audio.chunk import AudioChunk

            self._push(self._resampled(AudioChunk(np.zeros(0, np.float32)), ticket, last=True), ticket)
        self._ring.expect_more(False, ticket)

    def without_underruns(self, pieces: Iterable[str], ticket: int) -> Iterator[str]:
        """Text as it comes; that there is none for a while is no underrun."""
        source = iter(pieces)
        while True:
            self._ring.expect_more(False, ticket)
            piece = next(source, None)
            self._ring.expect_more(True, ticket)
            if piece is None:
                return
            yield piece

    def _resampled(self, chunk: AudioChunk, ticket: int, last: bool) -> Any:
        assert self._resampler
        if ticket != self._ticket:  # what the one before left behind was stopped
            self._resampler.feed(chunk.samples[:0], last=True)
            self._ticket = ticket
        return self._resampler.feed(chunk.samples, last)

    def _push(self, samples: Any, ticket: int) -> bool:
        self._begin_playing()
        while len(samples):
            count = self._ring.write(samples, ticket)
            if count is None:
                return False
            samples = samples[count:]
            if len(samples):
                self.check_device()
                time.sleep(POLL_S)
        return True

    def stop(self) -> None:
        self._ring.stop()

    def wait(self, watch: Callable[[], object] | None = None) -> None:
        """Until everything written was heard; `watch` is called again and again meanwhile."""
        while self.busy:
            self.check_device()
            time.sleep(POLL_S)
            if watch:
                watch()

    # --- what a watcher sees ---

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

    @property
    def written_s(self) -> float:
        return self._ring.written * self._scale

    @property
    def played_s(self) -> float:
        """How far the ear has come: what the callback took, less what still lies between it and the loudspeaker."""
        position, when = self._clock
        taken = self._ring.read
        try:
            heard: float = position + (self._stream.time - when) * self._ring.sample_rate
        except Exception:  # PortAudioError: it has no time any more, as another thread has just closed it
            heard = taken
        return max(0.0, min(heard, float(taken))) * self._scale

    @property
    def busy(self) -> bool:
        ring = self._ring
        return ring.pending > 0 or ring.stopping or self.played_s < (ring.read - 1) * self._scale

    @property
    def underruns(self) -> int:
        return self._ring.underruns + self._late

    def _begin_playing(self) -> None:
        """Only with the first sound: while a model is loaded, Python is too busy to serve a device."""
        if not self._playing:
            self._served = time.monotonic()
            self._playing = True
            self._start()

    def _start(self) -> None:
        with self._device_errors():
            self._stream.start()

    @contextlib.contextmanager
    def _device_errors(self) -> Iterator[None]:
        try:
            with quiet_stderr():
                yield
        except Exception as error:  # PortAudioError; its module is not imported here
            raise AudioDeviceError(f"cannot play on {self.name}: {error.args[0]}; {ELSEWHERE}") from error

    def check_device(self) -> None:
        """Raise what went wrong in PortAudio's thread, and open a device anew that asks for nothing.

        ALSA's devices can stay silent for good after an underrun. To start the same stream again is no way: where that
        fails, PortAudio waits for ever for a thread that has ended.
        """
        if self._failure is not None:
            raise self._failure
        if self._ended:
            raise AudioDeviceError(f"the device {self.name} has stopped playing; {ELSEWHERE}")
        if not self._playing or time.monotonic() - self._served < self._patience_s:
            return
        if self._patience_s > MAX_PATIENCE_S:
            raise AudioDeviceError(f"the device {self.name} takes no sound; {ELSEWHERE}")
        self._late += 1
        self._patience_s *= 2
        with self._device_errors():
            self._stream.abort(ignore_errors=True)
            self._stream.close(ignore_errors=True)
            self._ended = False  # that was us
            self._stream = self._new_stream()
        self._served = time.monotonic()
        self._start()

    def close(self) -> None:
        """Fade out what is being heard, and give the device back."""
        self.stop()
        self.paused = False
        with contextlib.suppress(Exception):  # it is closed either way, and what failed was told when it was used
            deadline = time.monotonic() + 0.5
            while self._playing and self.busy and not self._ended and time.monotonic() < deadline:
                time.sleep(POLL_S)
        with quiet_stderr():
            self._stream.abort(ignore_errors=True)
            self._stream.close(ignore_errors=True)


