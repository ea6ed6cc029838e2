"""One run of a command: text in, sound out, with its time, its first byte and its peak memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

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
