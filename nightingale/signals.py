"""Signals that end the program: playback stops at once; then the program cleans up, for at most CLEANUP_S seconds."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CLEANUP_S = 5


class StoppedBySignal(BaseException):
    """Raised in the main thread by a signal that ends the program, so that everything is cleaned up."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


def raise_on_signals() -> None:
    """Let stop signals raise StoppedBySignal, except those that the parent process has set to be ignored."""

    def stop(signum: int, _: FrameType | None) -> NoReturn:
        ignore_signals()  # a second one would interrupt the cleanup
        limit_cleanup(signum)
        raise StoppedBySignal(signum)

    for signum in STOP_SIGNALS:
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, stop)


def ignore_signals() -> None:
    for signum in STOP_SIGNALS:
        signal.signal(signum, lambda *_: None)  # with SIG_IGN, Python prints an error for a signal that is pending


def limit_cleanup(signum: int) -> None:
    """After CLEANUP_S seconds end the process by force, with the exit code of this signal.

    The main thread may hang in a sound library, hence another thread. The alarm, a second later, is for a library that
    blocks all Python threads. `threading` would take locks, which the interrupted code may hold.
    """

    def end() -> None:
        time.sleep(CLEANUP_S)
        os._exit(128 + signum)

    signal.alarm(CLEANUP_S + 1)
    with contextlib.suppress(RuntimeError):  # no more threads are allowed
        _thread.start_new_thread(end, ())


@contextlib.contextmanager
def defer_signals() -> Iterator[None]:
    """Handle signals after this block. For imports and for starting threads, which must not be interrupted.

    numpy takes an exception during its import for a broken installation, and MLX aborts. Blocking the signals in the
    main thread would not help: another thread would receive them, and Python still runs the handlers in the main one.
    """
    received: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()
    handlers = {signum: handler for signum in STOP_SIGNALS if is_main and callable(handler := signal.getsignal(signum))}
    for signum in handlers:
        signal.signal(signum, lambda signum, _: received.append(signum))
    try:
        yield
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)
        if received:
            signal.raise_signal(received[0])


@contextlib.contextmanager
def stop_playback_on_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` as soon as a stop signal arrives.

    Python runs signal handlers only when the main thread returns from MLX, which can take half a second. The byte that
    its C handler writes to a pipe at once wakes a thread.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    before = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

    def listen() -> None:
        while received := os.read(read_end, 64):
            for signum in set(received).intersection(STOP_SIGNALS):
                limit_cleanup(signum)  # if a sound server hangs, the main thread never runs the handler
                stop()

    listener = threading.Thread(target=listen, name="stop playback")
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(write_end)
        listener.join()
        os.close(read_end)
