"""The prompt as a process on a pseudo-terminal: exit codes, signals, options, encodings."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import FAKE


def run_prompt(
    keys: bytes, number: int | None, term: str, environment: dict[str, str], *args: str
) -> tuple[int, str]:
    """Exit code and screen of the prompt. At each new prompt it gets the keys and the signal, if any."""
    main, side = pty.openpty()
    environment = os.environ | environment | {"TERM": term}
    command = [sys.executable, str(FAKE), *args]
    with subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=environment) as child:
        os.close(side)
        shown = b""
        with contextlib.suppress(OSError):
            while block := os.read(main, 4096):
                before, shown = shown, shown + block
                if b"> " in shown and b"> " not in before:
                    time.sleep(0.3)
                    os.write(main, keys)
                    if number is not None:
                        child.send_signal(number)
    os.close(main)
    return child.returncode, shown.decode(errors="replace")


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_prompt(term: str, no_device: dict[str, str], tmp_path: Path) -> None:
    environment = no_device | {"XDG_STATE_HOME": str(tmp_path)}
    code, shown = run_prompt(b"one two\r/speed 2\r\x04", None, term, environment)
    assert code == 0 and "speed 2.0" in shown and "muted: no sound" in shown and "Traceback" not in shown
    assert ("\x1b" in shown) == (term != "dumb")
    assert (tmp_path / "nightingale-tts" / "history").exists() == (term != "dumb")


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_input_is_utf8_whatever_the_locale(term: str, no_device: dict[str, str], tmp_path: Path) -> None:
    """Other bytes are shown as ?, and dropped from the speech."""
    environment = no_device | {"XDG_STATE_HOME": str(tmp_path), "PYTHONIOENCODING": "ascii:strict"}
    code, shown = run_prompt(b"na\xc3\xafve\r/set caf\xe9 1234\r\x04", None, term, environment)
    assert code == 0 and "Traceback" not in shown and "Exception" not in shown
    assert "no setting caf?;" in shown
    if term != "dumb":
        kept = (tmp_path / "nightingale-tts" / "history").read_text()
        assert "+/set caf? 1234\n" in kept


def test_engine_options_reach_the_engine_of_the_prompt(no_device: dict[str, str]) -> None:
    args = ["--bits", "4", "--speculate", "--kv-budget", "99", "--no-history"]
    code, shown = run_prompt(b"one two\r\x04", None, "dumb", no_device, *args)
    assert code == 0 and "4 bits, speculate True, CacheOptions(bits=None, budget=99)" in shown
    code, shown = run_prompt(b"", None, "dumb", no_device, "--kv-bits", "7")
    assert code == 2 and shown.count("\n") == 1 and "8 or 4 bits, not 7" in shown


@pytest.mark.parametrize("args", [["--stats"], ["--stats", "json"], ["-q"], ["--quiet"]])
def test_options_without_effect_at_the_prompt_are_refused(args: list[str], no_device: dict[str, str]) -> None:
    code, shown = run_prompt(b"\x04", None, "dumb", no_device, "--no-history", *args)
    assert code == 2 and shown.count("\n") == 1 and "does not go with the prompt" in shown


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_prompt_ends_with_a_signal(number: int, exit_code: int, no_device: dict[str, str], tmp_path: Path) -> None:
    environment = no_device | {"XDG_STATE_HOME": str(tmp_path)}
    code, shown = run_prompt(b"one", number, "xterm", environment)
    assert code == exit_code and "Traceback" not in shown


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_a_missing_voice_ends_the_prompt(term: str, no_device: dict[str, str]) -> None:
    """At once, before anything is typed."""
    main, side = pty.openpty()
    command = [sys.executable, str(FAKE), "-v", "nobody", "--no-history"]
    environment = os.environ | no_device | {"TERM": term}
    with subprocess.Popen(command, stdin=side, stdout=side, stderr=subprocess.PIPE, env=environment) as child:
        os.close(side)
        assert child.stderr
        assert b'no voice "nobody"' in child.stderr.read() and child.wait(20) == 69
    os.close(main)
