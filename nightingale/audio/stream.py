"""The output stream of a device: plays a ring buffer, and is open only while there is sound to play."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nightingale.audio.devices import find_device
from nightingale.audio.portaudio import ELSEWHERE, DeviceThread, load_sounddevice
from nightingale.errors import AudioDeviceError

LATENCY_S = 0.08  # requested from the device: short for a quick stop, long enough for a busy machine
PATIENCE_S = 1.0  # a device that requests no samples for so long is reopened, then after twice as long, and so on
MAX_PATIENCE_S = 2.0
IDLE_S = 5.0  # without sound for so long, the stream is closed, so that the device may sleep
STALLED_S = 0.2  # no callback for so long: do not wait for a fade


class Stream:
    """A PortAudio stream and its callback. `close` must be called.

    name: of the device. ring: what is played. late: how often the device was served too late, or had to be reopened.
    """

    def __init__(self, wanted: str | None) -> None:
        """wanted: number of the device, part of its name, or None for the default device."""
        from nightingale.audio.ring import RingBuffer

        self.late = 0
        self._stream: Any = None
        self._running = False  # started by us, and not stopped by us
        self._ended = False  # stopped by the device
        self._first_block = False  # the next block is the first: silent, because PulseAudio can drop its beginning
        self._failure: BaseException | None = None  # of the callback
        self._called_at = self._active_at = time.monotonic()  # the last callback, and the last one that played samples
        self._patience_s = PATIENCE_S
        self._clock = (0, 0.0)  # a position in the ring, and when (time.monotonic) it is audible
        self._thread = DeviceThread(self._close_if_idle)
        try:
            self._device = self._thread.call(lambda: find_device(wanted))
            self.name = self._device.name
            self.ring = RingBuffer(self._device.sample_rate)
            self._call(self._open)
        except BaseException:
            self._thread.end()
            raise

    def prepare(self) -> None:
        """Open the stream in the background, if it is closed: sound will follow soon."""
        self._thread.submit(self._open)

    def resume(self) -> None:
        """Start the stream in the background if the ring has samples to play."""
        if not self.ring.idle:
            self._thread.submit(self._start)

    def check(self) -> None:
        """Start the stream if the ring has samples to play. Reopen it if it stalls.

        ALSA devices can stay silent for ever after an underrun. Starting the same stream again does not help: where
        that fails, PortAudio waits for ever for a thread that has ended.

        Raises AudioDeviceError for a device that has failed, and the exception of a callback that has failed.
        """
        if self._failure is not None:
            raise self._failure
        if self._ended:
            raise AudioDeviceError(f"the device {self.name} has stopped playing; {ELSEWHERE}")
        if not self._running:
            if not self.ring.idle:
                self._call(self._start)
        elif time.monotonic() - self._called_at >= self._patience_s:
            if self._patience_s > MAX_PATIENCE_S:
                raise AudioDeviceError(f"the device {self.name} takes no sound; {ELSEWHERE}")
            self.late += 1
            self._patience_s *= 2
            self._call(self._restart)

    @property
    def playing(self) -> bool:
        """Whether the device requests samples."""
        return self._running and not self._ended and time.monotonic() - self._called_at < STALLED_S

    @property
    def played(self) -> float:
        """Number of samples that are audible by now: those taken by the callback, less the latency of the device."""
        position, moment = self._clock
        return max(0.0, min(position + (time.monotonic() - moment) * self.ring.sample_rate, float(self.ring.read)))

    def close(self) -> None:
        self._thread.submit(self._close)
        self._thread.end()

    # --- on the device thread ---

    def _call(self, function: Callable[[], None]) -> None:
        try:
            self._thread.call(function)
        except AudioDeviceError:
            raise
        except Exception as error:  # PortAudioError; sounddevice is not imported here
            raise AudioDeviceError(f"cannot play on {self.name}: {error.args[0]}; {ELSEWHERE}") from error

    def _open(self) -> None:
        if self._stream is None:
            device, sd = self._device, load_sounddevice()
            self._abort = sd.CallbackAbort
            self._stream = sd.OutputStream(
                samplerate=device.sample_rate, channels=device.channels, dtype="float32", device=device.number,
                latency=LATENCY_S, callback=self._fill, finished_callback=self._finished,
            )  # fmt: skip
        self._active_at = time.monotonic()

    def _start(self) -> None:
        """Only for the first samples: while a model is loaded, Python is too busy for callbacks in time."""
        if not self._running:
            self._open()
            self._called_at = time.monotonic()
            self._running = self._first_block = True
            self._stream.start()

    def _close(self) -> None:
        self._running = False
        if self._stream is not None:
            stream, self._stream = self._stream, None
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)

    def _restart(self) -> None:
        self._close()
        self._start()

    def _close_if_idle(self) -> None:
        if self._stream is not None and self.ring.idle and time.monotonic() - self._active_at >= IDLE_S:
            self._close()

    # --- on PortAudio's thread ---

    def _fill(self, out: Any, frames: int, times: Any, status: Any) -> None:
        """The callback. sounddevice would print an exception and drop it: `check` raises it instead."""
        try:
            now = self._called_at = time.monotonic()
            self._patience_s = PATIENCE_S
            if status.output_underflow:
                self.late += 1
            first = out[:, 0]
            before = self.ring.read
            if self._first_block:
                self._first_block = False
                first.fill(0.0)
            else:
                self.ring.render(first)
            if self.ring.read != before:
                self._active_at = now
                latency_s = times.outputBufferDacTime - times.currentTime
                self._clock = (max(before, self.ring.read - frames), now + latency_s)
            for channel in range(1, out.shape[1]):
                out[:, channel] = first
        except BaseException as error:
            self._failure = error
            raise self._abort from error

    def _finished(self) -> None:
        self._ended = self._running  # it also ends when we close it
