"""Errors, with the exit codes of the command line.

NightingaleError              1   something failed while speaking
├── UsageError                2   an option or value that is not valid
├── TextError                65   input that is not text
├── RecordingError           65   a recording that makes no voice
├── InputUnavailable         66   an input that is missing or cannot be opened
├── VoiceNotFound            69   no voice or model with this name or path
├── CheckpointMismatch       69   corrupt weights or config, or files that do not fit together
├── EngineUnavailable        69   MLX or another package cannot be loaded
├── AudioDeviceError         69   no PortAudio, or no device that plays
├── OutputUnavailable        73   an output that cannot be created
├── WriteFailed              74   an output that cannot be written to its end
└── CacheError                1   an operation that this key-value cache does not support

A message is one line: what failed, where, and what to do about it.
"""


class NightingaleError(Exception):
    """Base class of all errors that this package raises on purpose."""

    exit_code = 1


class UsageError(NightingaleError):
    """An option or value that is not valid."""

    exit_code = 2


class TextError(NightingaleError):
    """Input that is not text."""

    exit_code = 65


class RecordingError(NightingaleError):
    """A recording that makes no voice: no sound, or bad sound."""

    exit_code = 65


class InputUnavailable(NightingaleError):
    """An input that is missing or cannot be opened."""

    exit_code = 66


class VoiceNotFound(NightingaleError):
    """No voice or model with this name or path."""

    exit_code = 69


class CheckpointMismatch(NightingaleError):
    """Corrupt weights or config, or files that do not fit together."""

    exit_code = 69


class EngineUnavailable(NightingaleError):
    """MLX or another package cannot be loaded."""

    exit_code = 69


class AudioDeviceError(NightingaleError):
    """No PortAudio, or no device that plays."""

    exit_code = 69


class OutputUnavailable(NightingaleError):
    """An output that cannot be created."""

    exit_code = 73


class WriteFailed(NightingaleError):
    """An output that cannot be written to its end, for example on a full disk."""

    exit_code = 74


class CacheError(NightingaleError):
    """An operation that this key-value cache does not support."""
