"""Processes that are measured: one run of a command, and a worker that lives on and answers.

Of a run: text in, sound out, its time, its first byte and its peak memory. Of a worker: JSON lines.
"""

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

MAXRSS_UNIT = 1 if os.uname().sysname == "Darwin" else 1024  # bytes: Linux counts in KiB, macOS in bytes
WAV_HEADER_BYTES = 44


@dataclass(frozen=True)
class Outcome:
    """`first_sound_s`: from the start of the process to its first byte after a WAV header, None if none came."""

    exit_code: int
    stdout: bytes
    stderr: str
    seconds: float
    first_sound_s: float | None
    peak_mb: float
    timed_out: bool


def run_command(argv: Sequence[str], text: str, timeout_s: float = 300.0) -> Outcome:
    """Run the command with the text as its standard input, and kill it when it runs on."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
        stdin.write(text.encode())
        stdin.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr)
        ran_on = threading.Event()

        def stop() -> None:
            ran_on.set()
            process.kill()

        timer = threading.Timer(timeout_s, stop)
        timer.start()
        try:
            stdout, first_sound_s = _drain(process, began)
            # wait4, not wait: it alone gives the peak memory of this very child
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            timer.cancel()
        stderr.seek(0)
        said = stderr.read().decode(errors="replace")
    peak_mb = usage.ru_maxrss * MAXRSS_UNIT / 1e6
    return Outcome(process.returncode, stdout, said, seconds, first_sound_s, peak_mb, ran_on.is_set())


def _drain(process: subprocess.Popen[bytes], began: float) -> tuple[bytes, float | None]:
    """Everything the process writes, and when the first sound came."""
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
    """A worker ended before its time: unless somebody catches it, so does the benchmark, with this message."""


class Worker:
    """A process that says a JSON line when it is ready, and one for every line it is sent; ended by leaving `with`.

    hello: what it said first. quiet: what it writes to stderr is kept, and shown only if it ends before its time.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str] | None = None, quiet: bool = False) -> None:
        self._argv = argv
        self._stderr = tempfile.TemporaryFile() if quiet else None  # noqa: SIM115 (as long as the process)
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, text=True,
            env=os.environ | (environment or {}),
        )  # fmt: skip
        self.hello: Any = self._answer()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it ended before
            self._process.stdin.close()
        self._process.wait()

    def ask(self, question: Any) -> Any:
        """Its answer. Raises WorkerEnded."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # there will be no answer, which says more
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return json.loads(line)
        ended = f"{shlex.join(self._argv)} ended with {self._process.wait()}"
        if self._stderr:
            self._stderr.seek(0)
            ended += "\n" + self._stderr.read().decode(errors="replace").strip()
        raise WorkerEnded(ended)
