"""Which devices can play, by what name, in which format. Knows sounddevice and imports it only when it is asked."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
from collections.abc import Iterator
from typing import Any

from nightingale.audio.chunk import SAMPLE_RATE
from nightingale.errors import AudioDeviceError

# (file, line, function, error, format, ...) -> None
_SILENT = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)(lambda *_: None)  # fmt: skip
ELSEWHERE = "use > FILE or -o FILE instead"


def load_sounddevice() -> Any:
    """The module. Raises AudioDeviceError with the remedy where PortAudio is missing."""
    try:
        with quiet_stderr():
            import sounddevice
    except ImportError as error:
        raise AudioDeviceError(f"no sound: {error}; install nightingale-tts again, or {ELSEWHERE}") from error
    except OSError as error:
        raise AudioDeviceError(f"no sound: {error}; apt install libportaudio2, or {ELSEWHERE}") from error
    _hush()
    return sounddevice


@functools.cache
def _hush() -> None:
    """ALSA writes about every underrun to stderr, and PortAudio about a device that goes, whoever draws a prompt there.

    PortAudio can be silenced only by taking C's own `stderr` away; Python and a crash write to the descriptor.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_SILENT)
        with contextlib.suppress(OSError, ValueError):
            libc = ctypes.CDLL("libc.so.6")  # glibc: elsewhere `stderr` may be constant
            libc.fopen.restype = ctypes.c_void_p
            # The program's own `stderr`, which a Python that is not position-independent has in place of the library's.
            ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr").value = libc.fopen(os.devnull.encode(), b"we")


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """The sound libraries talk to descriptor 2 while they look for devices; a prompt must not be written over."""
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def list_devices() -> list[str]:
    """A line for each device that can play: its number, its name, a star at the default."""
    sd = load_sounddevice()
    return [
        f"{'*' if number == sd.default.device[1] else ' '} {number:2}  {device['name']}"
        for number, device in players(sd)
    ]


def players(sd: Any) -> list[tuple[int, dict[str, Any]]]:
    return [(number, device) for number, device in enumerate(sd.query_devices()) if device["max_output_channels"]]


def find_device(sd: Any, wanted: str | None) -> int:
    """The number of a device by its number or by a part of its name; the default one for None."""
    found = dict(players(sd))
    if not found:
        raise AudioDeviceError(f"no sound: there is no device to play on; {ELSEWHERE}")
    if wanted is None:
        default = int(sd.default.device[1])
        return default if default in found else next(iter(found))
    if wanted.isdecimal() and int(wanted) in found:
        return int(wanted)
    named = [number for number, device in found.items() if wanted.casefold() in device["name"].casefold()]
    exact = [number for number in named if found[number]["name"].casefold() == wanted.casefold()]
    if len(exact or named) == 1:
        return (exact or named)[0]
    wrong = f"several devices are called {wanted}" if named else f"no device {wanted} to play on"
    raise AudioDeviceError(f"{wrong}; run --list-devices")


def choose_format(sd: Any, number: int, info: dict[str, Any]) -> tuple[int, int]:
    """Sample rate and channels that the device takes, ours if it can be."""
    own = int(info["default_samplerate"])
    for rate in dict.fromkeys([SAMPLE_RATE, own, 48_000, 44_100]):
        for channels in (1, 2):
            with quiet_stderr(), contextlib.suppress(sd.PortAudioError, ValueError):
                sd.check_output_settings(device=number, channels=channels, dtype="float32", samplerate=rate)
                return rate, channels
    raise AudioDeviceError(f"cannot play on {info['name']}: it takes neither {SAMPLE_RATE} nor {own} Hz; {ELSEWHERE}")
