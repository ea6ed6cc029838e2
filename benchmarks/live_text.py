#!/usr/bin/env python3
"""Time from a line end in a pipe to the first audible sample on a sound server.

    live_text.py [--gap 6]

Starts a PulseAudio server with a null sink, runs `tail -f FILE | nightingale-tts --play`, appends a line every `gap`
seconds, and records the monitor of the sink. The first line includes the start of the program.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
import pulse

LINES = (
    "Backup finished", "user ann logged in from the office network at the main site", "3 tests failed", "Build done.",
    "Disk is full",
)  # fmt: skip


def first_loud(recorder: pulse.Recorder, after: float) -> float:
    """The time.perf_counter() of the first audible sample after a moment."""
    for moment, block in recorder.blocks:
        loud = moment - (len(block) - 1 - np.flatnonzero(np.abs(block) > 0.01)) / pulse.RATE
        if len(loud := loud[loud > after]):
            return float(loud[0])
    return float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gap", type=float, default=6.0, help="seconds between two lines")
    gap_s = parser.parse_args().gap
    program = Path(__file__).parents[1] / "nightingale_tts.py"
    with tempfile.TemporaryDirectory(prefix="pulse", dir="/tmp") as folder, pulse.serve(Path(folder)) as server:
        log = Path(folder) / "app.log"
        log.touch()
        command = f'tail -f "{log}" | "{sys.executable}" "{program}" --play'
        written = []
        with (
            server.recording() as recorder,
            subprocess.Popen(command, shell=True, env=server.environment, start_new_session=True) as child,
        ):
            for line in LINES:
                with log.open("a") as file:
                    file.write(f"{line}\n")
                written.append(time.perf_counter())
                time.sleep(gap_s)
            os.killpg(child.pid, signal.SIGINT)
        for line, moment in zip(LINES, written, strict=True):
            print(f"{1000 * (first_loud(recorder, moment) - moment):5.0f} ms  {line}")


if __name__ == "__main__":
    main()
