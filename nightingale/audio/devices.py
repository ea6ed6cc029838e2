"""Finding an output device by number or name, and a format that it takes. To be called on a DeviceThread."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.audio.portaudio import ELSEWHERE, DeviceThread, load_sounddevice
from nightingale.errors import AudioDeviceError


@dataclass(frozen=True)
class Device:
    """An output device and the format to open it with. number: PortAudio's index. sample_rate: in Hz."""

    number: int
    name: str
    sample_rate: int
    channels: int


def list_devices() -> list[str]:
    """A line for each output device: its number and name, with a star at the default. May be called on any thread."""
    thread = DeviceThread()
    try:
        return thread.call(_list_devices)
    finally:
        thread.end()


def _list_devices() -> list[str]:
    sd = load_sounddevice()
    default = sd.default.device[1]
    return [f"{'*' if number == default else ' '} {number:2}  {name}" for number, name in _output_names(sd).items()]


def _output_names(sd: Any) -> dict[int, str]:
    return {
        number: device["name"] for number, device in enumerate(sd.query_devices()) if device["max_output_channels"]
    }


def find_device(wanted: str | None) -> Device:
    """The device with this number, or with this text in its name; the default device for None.

    Raises AudioDeviceError if there is none, if there are several, or if its format is not supported.
    """
    sd = load_sounddevice()
    number = _find_number(sd, wanted)
    info = sd.query_devices(number)
    return Device(number, info["name"], *_choose_format(sd, number, info))


def _find_number(sd: Any, wanted: str | None) -> int:
    names = _output_names(sd)
    if not names:
        raise AudioDeviceError(f"no sound: there is no device to play on; {ELSEWHERE}")
    if wanted is None:
        default = int(sd.default.device[1])
        return default if default in names else next(iter(names))
    if wanted.isdecimal() and int(wanted) in names:
        return int(wanted)
    matches = [number for number, name in names.items() if wanted.casefold() in name.casefold()]
    exact = [number for number in matches if names[number].casefold() == wanted.casefold()]
    if len(exact or matches) == 1:
        return (exact or matches)[0]
    problem = f"several devices are called {wanted}" if matches else f"no device {wanted} to play on"
    raise AudioDeviceError(f"{problem}; run --list-devices")


def _choose_format(sd: Any, number: int, info: dict[str, Any]) -> tuple[int, int]:
    """Sample rate and channels: mono at the models' sample rate, or the nearest that the device takes."""
    own = int(info["default_samplerate"])
    for rate in dict.fromkeys([SAMPLE_RATE, own, 48_000, 44_100]):
        for channels in (1, 2):
            with contextlib.suppress(sd.PortAudioError, ValueError):
                sd.check_output_settings(device=number, channels=channels, dtype="float32", samplerate=rate)
                return rate, channels
    raise AudioDeviceError(f"cannot play on {info['name']}: it takes neither {SAMPLE_RATE} nor {own} Hz; {ELSEWHERE}")
