"""PortAudio, loaded quietly and called on a thread of its own, because a sound server that hangs blocks its callers."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any, TypeVar

from nightingale.errors import AudioDeviceError

T = TypeVar("T")

NAME = "nightingale-tts"  # in mixers
PULSE_NAME = "PULSE_PROP_application.name"
ELSEWHERE = "use > FILE or -o FILE instead"
CALL_TIMEOUT_S = 4.0  # opening a device can take a second or two when it has to wake up
END_TIMEOUT_S = 0.5  # for closing: Ctrl-C must end the program within a second
IDLE_CALL_S = 1.0

# (file, line, function, error, format, ...) -> None
_IGNORE_ERROR = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)(lambda *_: None)  # fmt: skip


class DeviceThread:
    """Runs calls one after another on a daemon thread, which does not keep the program alive if it hangs.

    idle: called every IDLE_CALL_S while there is nothing else to do. `end` must be called.
    """

    def __init__(self, idle: Callable[[], object] = lambda: None) -> None:
        self._idle = idle
        self._hangs = False
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], futures.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sound device", daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """The result or the exception of the function. Raises AudioDeviceError after CALL_TIMEOUT_S."""
        if not self._hangs:
            with contextlib.suppress(futures.TimeoutError), quiet_stderr():
                return self.submit(function).result(CALL_TIMEOUT_S)
            self._hangs = True
        raise AudioDeviceError(f"no sound: the sound server does not answer; {ELSEWHERE}")

    def submit(self, function: Callable[[], T]) -> futures.Future[T]:
        """Run the function later; for callers that do not need the result."""
        future: futures.Future[T] = futures.Future()
        self._calls.put((function, future))
        return future

    def end(self) -> None:
        """End the thread after the calls that are waiting, or abandon it if that takes too long."""
        self._calls.put(None)
        if not self._hangs:
            with quiet_stderr():
                self._thread.join(END_TIMEOUT_S)
        if self._thread.is_alive():
            # sounddevice would terminate PortAudio at exit and wait there for the same server.
            atexit.unregister(getattr(sys.modules.get("sounddevice"), "_exit_handler", lambda: None))

    def _run(self) -> None:
        while True:
            try:
                entry = self._calls.get(timeout=IDLE_CALL_S)
            except queue.Empty:
                self._idle()
                continue
            if entry is None:
                return
            function, future = entry
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)


def load_sounddevice() -> Any:
    """The module sounddevice, to be imported on a DeviceThread.

    Raises AudioDeviceError with the remedy if it or PortAudio is missing.
    """
    # libpulse would name the sound after the Python binary. Only OVERRIDE changes the name that ALSA's plugin gives.
    os.environ.setdefault("PULSE_PROP_OVERRIDE_application.name", os.environ.get(PULSE_NAME, NAME))
    os.environ.setdefault("PULSE_PROP_application.process.binary", NAME)
    try:
        import sounddevice
    except ImportError as error:
        raise AudioDeviceError(f"no sound: {error}; install nightingale-tts again, or {ELSEWHERE}") from error
    except OSError as error:
        raise AudioDeviceError(f"no sound: {error}; apt install libportaudio2, or {ELSEWHERE}") from error
    _silence_libraries()
    return sounddevice


@functools.cache
def _silence_libraries() -> None:
    """Keep the messages of ALSA and PortAudio, about underruns for example, away from the terminal.

    PortAudio has no setting for this: C's `stderr` is replaced. Python and a crash write to the descriptor instead.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_IGNORE_ERROR)
        with contextlib.suppress(OSError, ValueError):
            libc = ctypes.CDLL("libc.so.6")  # glibc: elsewhere `stderr` may be constant
            libc.fopen.restype = ctypes.c_void_p
            # CDLL(None) finds the executable's own copy of `stderr`, where it has one.
            ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr").value = libc.fopen(os.devnull.encode(), b"we")


_quiet_lock = threading.Lock()
_quiet_depth = 0
_stderr_copy = -1


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send descriptor 2 to /dev/null while any thread is in such a block: sound libraries write there."""
    global _quiet_depth, _stderr_copy
    with _quiet_lock:
        _quiet_depth += 1
        if _quiet_depth == 1:
            _stderr_copy = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_depth -= 1
            if _quiet_depth == 0:
                os.dup2(_stderr_copy, 2)
                os.close(_stderr_copy)
