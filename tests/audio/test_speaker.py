"""The speaker, against a fake PortAudio: devices, formats, stops, failures, idle streams."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import types
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from prompt_fixtures import until

from nightingale.audio.chunk import AudioChunk
from nightingale.audio.devices import list_devices
from nightingale.audio.sink import NullSink
from nightingale.audio.speaker import Speaker
from nightingale.errors import AudioDeviceError, NightingaleError
from nightingale.signals import stop_playback_on_signals

RATE = 24_000
TONE = (0.5 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32)


class FakeStream:
    """A device that calls back every few milliseconds. The class variables are for the tests to change."""

    block = 240
    speed = 20.0  # times real time
    broken = False
    hangs_in = ""  # the name of a method that does not return before `released`
    released = threading.Event()

    def __init__(self, **options: Any) -> None:
        self.options = options
        self._hang("open")
        self.played: list[Any] = []
        self.closed = False
        self.time = 0.0
        self._active = False
        self._thread: threading.Thread | None = None

    def _hang(self, method: str) -> None:
        if method == self.hangs_in:
            self.released.wait()

    def start(self) -> None:
        self._hang("start")
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
        self._hang("abort")
        self._active = False
        if self._thread:
            self._thread.join()

    def close(self, ignore_errors: bool = True) -> None:
        self.abort()
        self.closed = True


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
    """Four devices. The first headset takes only 44.1 kHz stereo, the others 24 kHz mono. `streams`: those opened."""
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


def trimmed(stream: FakeStream) -> Any:
    """The samples played, without the silence around them."""
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


def test_every_sample_is_played_and_waited_for(portaudio: Any) -> None:
    with Speaker() as speaker:
        ticket = speaker.begin()
        assert not portaudio.streams[0].played, "the stream starts only with the first samples"
        assert speaker.write(AudioChunk(TONE), ticket) and speaker.busy
        speaker.finish(ticket)
        seen: list[float] = []
        speaker.wait(lambda: seen.append(speaker.played_s))
        assert seen == sorted(seen) and speaker.played_s == speaker.written_s == 1.0
        assert not speaker.busy and speaker.underruns == 0
    np.testing.assert_array_equal(trimmed(portaudio.streams[0]), TONE[1:])  # a sine begins with a zero
    assert not np.any(portaudio.streams[0].played[0]), "PulseAudio can drop the beginning of the first block"


def test_a_device_with_another_format(portaudio: Any) -> None:
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
    assert np.abs(trimmed(stream)[:44_000] - expected[:44_000])[200:-200].max() < 1e-3


def test_stop_ends_a_waiting_writer(portaudio: Any) -> None:
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


def test_a_device_that_goes_away_is_an_error(portaudio: Any) -> None:
    with Speaker() as speaker:
        speaker.write(AudioChunk(TONE), speaker.begin())
        portaudio.streams[0].broken = True
        with pytest.raises(AudioDeviceError, match="has stopped playing"):
            speaker.wait()


def test_a_stalled_device_is_reopened_three_times(portaudio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightingale.audio.stream.PATIENCE_S", 0.05)
    monkeypatch.setattr("nightingale.audio.stream.MAX_PATIENCE_S", 0.3)
    monkeypatch.setattr(FakeStream, "start", lambda self: None)
    with Speaker() as speaker:
        speaker.write(AudioChunk(TONE), speaker.begin())
        with pytest.raises(AudioDeviceError, match="takes no sound"):
            speaker.wait()
        assert speaker.underruns == 3
        assert len(portaudio.streams) == 4  # a stream that stalls is not started again


def test_a_stalled_device_that_cannot_be_reopened_is_an_error(portaudio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PortAudioError("Device unavailable")

    monkeypatch.setattr("nightingale.audio.stream.PATIENCE_S", 0.05)
    monkeypatch.setattr(FakeStream, "start", lambda self: None)
    with Speaker() as speaker:
        speaker.write(AudioChunk(TONE), speaker.begin())
        monkeypatch.setattr(portaudio, "OutputStream", refuse)
        with pytest.raises(AudioDeviceError, match="cannot play on Built-in: Device unavailable"):
            speaker.wait()


def test_position_after_closing(portaudio: Any) -> None:
    """Another thread may ask for it at any time."""
    with Speaker() as speaker:
        ticket = speaker.begin()
        speaker.write(AudioChunk(TONE), ticket)
        speaker.finish(ticket)
        speaker.wait()
    assert speaker.played_s == speaker.written_s == 1.0 and not speaker.busy


@pytest.mark.parametrize("method", ["open", "start", "abort"])
def test_a_device_that_hangs_is_an_error(portaudio: Any, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr("nightingale.audio.stream.PATIENCE_S", 0.05)
    monkeypatch.setattr("nightingale.audio.portaudio.CALL_TIMEOUT_S", 0.2)
    monkeypatch.setattr(FakeStream, "hangs_in", method)
    if method == "abort":  # the device stalls, and hangs when it is to be reopened
        monkeypatch.setattr(FakeStream, "_run", lambda self: None)
    monkeypatch.setattr(FakeStream, "released", threading.Event())
    try:
        begun = time.monotonic()
        with pytest.raises(AudioDeviceError, match="does not answer"), Speaker() as speaker:
            speaker.write(AudioChunk(TONE), speaker.begin())
            speaker.wait()
        assert time.monotonic() - begun < 3.0
    finally:
        FakeStream.released.set()
    until(lambda: not any(thread.name == "sound device" for thread in threading.enumerate()))


def test_list_devices_does_not_hang(portaudio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr("nightingale.audio.portaudio.CALL_TIMEOUT_S", 0.2)
    monkeypatch.setattr(portaudio, "query_devices", released.wait)
    try:
        with pytest.raises(AudioDeviceError, match="does not answer"):
            list_devices()
    finally:
        released.set()


@pytest.fixture
def short_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightingale.audio.portaudio.IDLE_CALL_S", 0.02)
    monkeypatch.setattr("nightingale.audio.stream.IDLE_S", 0.2)


def test_an_idle_stream_is_closed_and_opened_again(portaudio: Any, short_idle: None) -> None:
    streams = portaudio.streams
    with Speaker() as speaker:
        until(lambda: streams[-1].closed)
        for count in (2, 3):
            ticket = speaker.begin()
            until(lambda count=count: len(streams) == count)  # type: ignore[misc]
            speaker.write(AudioChunk(TONE), ticket)
            speaker.finish(ticket)
            speaker.wait()
            assert not streams[-1].closed, "not in the pauses between sentences"
            until(lambda: streams[-1].closed)
            np.testing.assert_array_equal(trimmed(streams[-1]), TONE[1:])
        assert speaker.underruns == 0 and speaker.played_s == speaker.written_s == 2.0
        speaker.stop()
        speaker.paused = False
        assert not speaker.busy
        time.sleep(0.1)
        assert len(streams) == 3, "a stop opens no stream"


def test_a_stream_that_closed_before_the_text_came(portaudio: Any, short_idle: None) -> None:
    with Speaker() as speaker:
        ticket = speaker.begin()
        until(lambda: portaudio.streams[-1].closed)
        speaker.write(AudioChunk(TONE), ticket)
        speaker.finish(ticket)
        speaker.wait()
    np.testing.assert_array_equal(trimmed(portaudio.streams[-1]), TONE[1:])


@pytest.mark.parametrize("resume", [True, False])
def test_a_paused_stream_is_closed_too(portaudio: Any, short_idle: None, resume: bool) -> None:
    streams = portaudio.streams
    with Speaker() as speaker:
        speaker.write(AudioChunk(np.full(2 * RATE, 0.5, np.float32)), speaker.begin())
        until(lambda: speaker.played_s > 0.2)
        speaker.paused = True
        until(lambda: streams[-1].closed)
        assert speaker.busy
        speaker.check_device()
        time.sleep(0.1)
        assert len(streams) == 1
        if not resume:
            speaker.stop()
        speaker.paused = False
        until(lambda: len(streams) == 2)
        speaker.finish(0)
        speaker.wait()
    played = sum(np.count_nonzero(stream.played) for stream in streams)
    assert played == pytest.approx(2 * RATE, abs=2) if resume else played < RATE


def test_a_signal_limits_the_time_of_the_cleanup(portaudio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last resort, for anything that blocks the main thread: Python handles signals there."""
    limited: list[int] = []
    monkeypatch.setattr("nightingale.signals.limit_cleanup", limited.append)
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    try:
        with Speaker() as speaker, stop_playback_on_signals(speaker.stop):
            signal.raise_signal(signal.SIGHUP)
            until(lambda: limited == [signal.SIGHUP])
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ALSA exists on Linux only")
def test_messages_of_the_sound_libraries_are_dropped() -> None:
    """PortAudio writes to C's stderr when a device goes away; Python's own messages still arrive."""
    code = (
        "import ctypes, sys; from nightingale.audio.portaudio import _silence_libraries; _silence_libraries()\n"
        "libc = ctypes.CDLL(None); libc.perror(b'Expression failed'); print('message', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stderr == b"message\n"


def test_an_exception_in_the_callback_reaches_the_caller(portaudio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, out: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("nightingale.audio.ring.RingBuffer.render", fail)
    with Speaker() as speaker:
        speaker.write(AudioChunk(TONE), speaker.begin())
        with pytest.raises(RuntimeError, match="a bug"):
            speaker.wait()


def test_nan_is_refused(portaudio: Any) -> None:
    with Speaker() as speaker, pytest.raises(NightingaleError, match="not numbers"):
        speaker.write(AudioChunk(np.full(10, np.nan, np.float32)), speaker.begin())


def test_null_sink_counts_seconds() -> None:
    sink = NullSink()
    ticket = sink.begin()
    assert sink.write(AudioChunk(TONE), ticket) and sink.played_s == sink.written_s == 1.0
    sink.stop()
    assert not sink.write(AudioChunk(TONE), ticket) and not sink.busy
