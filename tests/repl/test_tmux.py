"""The program in a real terminal: tmux sends the keys and captures the screen."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pulse
import pytest
from conftest import FAKE, ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed"),
]


class Terminal:
    """A program in a pane of its own tmux server."""

    def __init__(self, folder: Path, environment: dict[str, str], program: Path) -> None:
        self._socket = str(folder / "tmux")
        names = ("HOME", "XDG_RUNTIME_DIR", "PULSE_SERVER", "TERM_PROGRAM")
        settings = [f"{name}={environment[name]}" for name in names if name in environment]
        command = shlex.join(["env", "-u", "XDG_STATE_HOME", *settings, sys.executable, str(program)])
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", f"{command}; echo left $?; cat")

    def _tmux(self, *args: str) -> str:
        command = ["tmux", "-S", self._socket, *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout

    def keys(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def until(self, condition: Callable[[str], bool], timeout_s: float = 20.0) -> str:
        deadline = time.monotonic() + timeout_s
        while not condition(screen := self.screen()):
            assert time.monotonic() < deadline, screen
            time.sleep(0.03)
        return screen

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tmux", dir="/tmp") as name:  # the path of a socket must be short
        yield Path(name)


def test_lines_commands_completion_and_keys(folder: Path) -> None:
    terminal = Terminal(folder, {"HOME": str(folder), "PULSE_SERVER": "none"}, FAKE)
    try:
        terminal.until(lambda screen: "ready" in screen or "muted" in screen)
        terminal.keys("one two three", "Enter")
        terminal.until(lambda screen: "first sound" in screen)
        terminal.keys("/vo")
        terminal.until(lambda screen: "/voices" in screen and "/volume" in screen)
        terminal.keys("C-c")
        terminal.keys("/speed 2", "Enter")
        terminal.until(lambda screen: "speed 2.0" in screen and "2x" in screen)
        terminal.keys("C-c")
        terminal.until(lambda screen: "again or Ctrl-D leaves" in screen)
        terminal.keys("C-d")
        terminal.until(lambda screen: "left 0" in screen)
    finally:
        terminal.close()
    history = folder / ".local" / "state" / "nightingale-tts" / "history"
    assert history.stat().st_mode & 0o777 == 0o600
    kept = [line for line in history.read_text().splitlines() if line.startswith("+")]
    assert kept == ["+one two three", "+/speed 2"]


@pytest.mark.skipif(bool(pulse.missing()), reason=pulse.missing())
def test_ctrl_c_stops_playback_within_150_ms(folder: Path) -> None:
    """With the real model and a PulseAudio null sink. The next line is spoken and shown as usual."""

    def loud(since: int) -> bool:
        return any(np.abs(block).max() > 0.05 for _, block in recorder.blocks[since:])

    text = "The old clock in the hall has not worked for many years, and nobody has found time to repair it."
    with pulse.serve(folder) as server, server.recording() as recorder:
        terminal = Terminal(folder, server.environment, ROOT / "nightingale_tts.py")
        try:
            terminal.until(lambda screen: "ready" in screen)
            delays = []
            for _ in range(pulse.ATTEMPTS):
                start = len(recorder.blocks)
                terminal.keys(text, "Enter")
                terminal.keys("This line is never played.", "Enter")
                terminal.until(lambda _, start=start: loud(start))  # type: ignore[misc]
                pressed_at = time.perf_counter()
                terminal.keys("C-c")
                terminal.until(lambda screen: "stopped" in screen and "ready" in screen)
                time.sleep(0.3)
                delays.append(recorder.last_loud() - pressed_at)
                if delays[-1] < 0.150:
                    break
            assert delays[-1] < 0.150, delays
            start = len(recorder.blocks)
            terminal.keys("One more sentence, played to its end.", "Enter")
            terminal.until(lambda screen: screen.count("One more sentence") == 2)  # as typed, and while it plays
            terminal.until(lambda _: loud(start))
            terminal.keys("C-d")
            terminal.until(lambda screen: "left 0" in screen)
        finally:
            terminal.close()
