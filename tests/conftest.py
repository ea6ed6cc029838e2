"""Fixtures for the tests of the command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["prompt_fixtures"]

os.environ["XDG_CONFIG_HOME"] = "/nonexistent"  # the tests read no lexicon of the user

ROOT = Path(__file__).parent.parent
FAKE = Path(__file__).parent / "support" / "speak_fake.py"

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def speak() -> Run:
    """The command with the fake engine of speak_fake.py."""

    def run(*args: str | Path, stdin: bytes | None = None, **options: Any) -> subprocess.CompletedProcess[bytes]:
        if stdin is None:
            options.setdefault("stdin", subprocess.DEVNULL)
        else:
            options["input"] = stdin
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.run([sys.executable, FAKE, *args], timeout=60, check=False, **options)

    return run


@pytest.fixture
def shell() -> Run:
    """A line of bash in which `speak` is the command with the fake engine."""

    def run(line: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        script = f'set -o pipefail; speak() {{ "{sys.executable}" "{FAKE}" "$@"; }}\n{line}'
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            ["bash", "-c", script], timeout=60, check=False, capture_output=True, env=os.environ | {"FAKE": str(FAKE)},
            **options,
        )  # fmt: skip

    return run


@pytest.fixture
def no_device(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine with PortAudio and no playback device."""
    folder = tmp_path_factory.mktemp("no_device")
    (folder / "sounddevice.py").write_text(
        "class PortAudioError(Exception): ...\n"
        "class default: device = [-1, -1]\n"
        "def query_devices(device=None): return ()\n"
    )
    return {"PYTHONPATH": str(folder)}
