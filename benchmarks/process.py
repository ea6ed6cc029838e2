"""Runs other processes: a command once, with its time and peak memory, or a worker that answers JSON lines."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAXRSS_UNIT = 1 if os.uname().sysname == "Darwin" else 1024  # of ru_maxrss: bytes on macOS, KiB on Linux
WAV_HEADER_BYTES = 44


@dataclass(frozen=True)
class Outcome:
    """Result of one run. first_sound_s: from the start of the process to its first byte after the WAV header."""

    exit_code: int
    stdout: bytes
    stderr: str
    seconds: float
    first_sound_s: float | None
    peak_mb: float
    timed_out: bool


def run_command(argv: Sequence[str], text: str, timeout_s: float = 300.0) -> Outcome:
    """Run a command with the text as standard input; kill it after timeout_s."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
        stdin.write(text.encode())
        stdin.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr)
        timed_out = threading.Event()

        def stop() -> None:
            timed_out.set()
            process.kill()

        timer = threading.Timer(timeout_s, stop)
        timer.start()
        try:
            stdout, first_sound_s = _drain(process, began)
            # wait4 gives the peak memory of this child only
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            timer.cancel()
        stderr.seek(0)
        messages = stderr.read().decode(errors="replace")
    peak_mb = usage.ru_maxrss * MAXRSS_UNIT / 1e6
    return Outcome(process.returncode, stdout, messages, seconds, first_sound_s, peak_mb, timed_out.is_set())


def _drain(process: subprocess.Popen[bytes], began: float) -> tuple[bytes, float | None]:
    """All output of the process, and the seconds until the first sample."""
    assert process.stdout is not None
    pieces: list[bytes] = []
    total, first_sound_s = 0, None
    with process.stdout:
        while piece := os.read(process.stdout.fileno(), 1 << 16):
            pieces.append(piece)
            total += len(piece)
            if first_sound_s is None and total > WAV_HEADER_BYTES:
                first_sound_s = time.perf_counter() - began
    return b"".join(pieces), first_sound_s


class WorkerEnded(SystemExit):
    """A worker ended unexpectedly. If nobody catches it, the benchmark ends with this message."""


class Worker:
    """A process that prints a JSON line when it is ready, and one for each line it receives. A context manager.

    hello: its first line. quiet: show its stderr only if it ends unexpectedly.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str] | None = None, quiet: bool = False) -> None:
        self._argv = argv
        self._stderr = tempfile.TemporaryFile() if quiet else None  # noqa: SIM115 (open as long as the process runs)
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, text=True,
            env=os.environ | (environment or {}),
        )  # fmt: skip
        self.hello: Any = self._answer()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has already ended
            self._process.stdin.close()
        self._process.wait()

    def ask(self, question: Any) -> Any:
        """Send a question and wait for the answer. Raises WorkerEnded."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # _answer then reports why it ended
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return json.loads(line)
        message = f"{shlex.join(self._argv)} ended with {self._process.wait()}"
        if self._stderr:
            self._stderr.seek(0)
            message += "\n" + self._stderr.read().decode(errors="replace").strip()
        raise WorkerEnded(message)
