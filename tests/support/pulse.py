"""A PulseAudio server for tests, with a null sink whose monitor can be recorded. It needs no sound card."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 24_000
ATTEMPTS = 3  # for tests of timing: on a busy machine any program serves its device late now and then
LATENCY_MS = 10  # of the recorder


def missing() -> str:
    """Why there can be no server here; empty if there can."""
    lacking = [name for name in ("pulseaudio", "parec", "pactl") if not shutil.which(name)]
    plugin = any(Path(folder).glob("**/libasound_module_pcm_pulse.so") for folder in ("/usr/lib", "/usr/lib64"))
    if lacking:
        return f"{', '.join(lacking)} is not installed"
    return "" if plugin else "ALSA's plugin for PulseAudio (libasound2-plugins) is not installed"


@dataclass
class Recorder:
    """The audio that the null sink plays: blocks of samples, each with the time.perf_counter() of its arrival."""

    blocks: list[tuple[float, NDArray[np.float32]]] = field(default_factory=list)

    def samples(self) -> NDArray[np.float32]:
        return np.concatenate([block for _, block in self.blocks])

    def last_loud(self, threshold: float = 0.01) -> float:
        """The time.perf_counter() at which the last sample above the threshold arrived."""
        for moment, block in reversed(self.blocks):
            loud = np.flatnonzero(np.abs(block) > threshold)
            if len(loud):
                return moment - (len(block) - 1 - int(loud[-1])) / RATE
        return 0.0


@dataclass(frozen=True)
class Server:
    """environment: for a process that is to play on this server. pid: of the server."""

    environment: dict[str, str]
    pid: int

    def sink_inputs(self) -> str:
        """The streams that are open, with their properties; empty if there are none."""
        command = ["pactl", "list", "sink-inputs"]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the process of the server, so that it answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def recording(self) -> Iterator[Recorder]:
        """Record the monitor of the null sink during the block."""
        recorder = Recorder()
        command = [
            "parec", "-d", "null.monitor", f"--latency-msec={LATENCY_MS}", f"--rate={RATE}", "--channels=1",
            "--format=s16le", "--raw",
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=self.environment) as process:
            assert process.stdout
            fd = process.stdout.fileno()

            def read() -> None:
                while data := os.read(fd, 4096):
                    block = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768)
                    recorder.blocks.append((time.perf_counter(), block))

            reader = threading.Thread(target=read)
            reader.start()
            deadline = time.monotonic() + 10
            while not recorder.blocks and time.monotonic() < deadline:
                time.sleep(0.02)
            try:
                yield recorder
            finally:
                process.terminate()
                reader.join()


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Run a server with its files in `folder`. The path must be short, because the socket is in it."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PULSE_PROP")}
    environment = inherited | {
        "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder), "PULSE_SERVER": f"unix:{folder}/socket",
    }  # fmt: skip
    command = [
        "pulseaudio", "--daemonize=no", "--exit-idle-time=-1", "-n",
        "-L", f"module-native-protocol-unix socket={folder}/socket auth-anonymous=1",
        "-L", f"module-null-sink sink_name=null rate={RATE}",
    ]  # fmt: skip
    (folder / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server_environment = {key: value for key, value in environment.items() if key != "PULSE_SERVER"}
    with subprocess.Popen(command, env=server_environment, **quiet) as process:  # type: ignore[call-overload]
        try:
            for _ in range(100):
                if subprocess.run(["pactl", "info"], env=environment, check=False, **quiet).returncode == 0:  # type: ignore[call-overload]
                    break
                time.sleep(0.1)
            yield Server(environment, process.pid)
        finally:
            process.terminate()
            process.wait()
