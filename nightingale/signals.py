"""Signals that end the program: they stop playback at once, clean up, and wait for what must not be interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CLEANUP_S = 5  # what hangs while it cleans up after one of them is ended by force


class StoppedBySignal(BaseException):
    """A signal that ends the program, raised so that everything is cleaned up on the way."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


def raise_on_signals() -> None:
    """Let Ctrl-C and the usual ways to end a job clean up first, unless the parent wants them ignored."""

    def stop(signum: int, _: FrameType | None) -> NoReturn:
        ignore_signals()  # a second one would break off the cleaning up
        signal.alarm(CLEANUP_S)
        raise StoppedBySignal(signum)

    for signum in STOP_SIGNALS:
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, stop)


def ignore_signals() -> None:
    for signum in STOP_SIGNALS:
        signal.signal(signum, lambda *_: None)  # SIG_IGN makes Python print that it has lost one that just came


@contextlib.contextmanager
def defer_signals() -> Iterator[None]:
    """What Python does on a signal waits, for imports and threads that must not be broken off.

    An exception in the middle of their import is a broken installation to numpy, and MLX aborts. No mask: another
    thread would take the signal, and Python still answers in the main thread.
    """
    came: list[int] = []
    here = threading.current_thread() is threading.main_thread()
    handlers = {number: handler for number in STOP_SIGNALS if here and callable(handler := signal.getsignal(number))}
    for number in handlers:
        signal.signal(number, lambda signum, _: came.append(signum))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextlib.contextmanager
def stop_playback_on_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Fade out the moment a signal arrives. Python runs its own handlers only when the main thread comes back from the
    model, which can take half a second; the byte that C writes at once wakes a thread."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    before = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

    def listen() -> None:
        while signals := os.read(read_end, 64):
            if any(number in STOP_SIGNALS for number in signals):
                stop()
                signal.alarm(CLEANUP_S)  # a sound server that hangs holds the main thread, where Python would stop

    listener = threading.Thread(target=listen, name="silence")
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(write_end)
        listener.join()
        os.close(read_end)
