"""What can go wrong, each with the exit code the command line answers with.

NightingaleError              1   something failed while speaking
├── UsageError                2   an option or a value that makes no sense
├── TextError                65   input that cannot be read as text
├── InputUnavailable         66   an input that is missing or cannot be opened
├── VoiceNotFound            69   no voice or model of that name or at that place
├── CheckpointMismatch       69   weights or config that are corrupt or do not fit each other
├── EngineUnavailable        69   MLX or another package cannot be loaded here
├── AudioDeviceError         69   no player, or no device to play on
├── OutputUnavailable        73   an output that cannot be created
├── WriteFailed              74   an output that broke off: no space, a dead disk
└── CacheError                1   a key-value cache asked to do what it cannot

A message says what failed, where, and what to do next, in one line.
"""


class NightingaleError(Exception):
    """Anything this package raises on purpose."""

    exit_code = 1


class UsageError(NightingaleError):
    """An option or a value that makes no sense."""

    exit_code = 2


class TextError(NightingaleError):
    """Input that cannot be read as text."""

    exit_code = 65


class InputUnavailable(NightingaleError):
    """An input that is missing or cannot be opened."""

    exit_code = 66


class VoiceNotFound(NightingaleError):
    """No voice or model of that name or at that place."""

    exit_code = 69


class CheckpointMismatch(NightingaleError):
    """Weights or config that are corrupt or do not fit each other."""

    exit_code = 69


class EngineUnavailable(NightingaleError):
    """MLX or another package cannot be loaded here."""

    exit_code = 69


class AudioDeviceError(NightingaleError):
    """No player, or no device to play on."""

    exit_code = 69


class OutputUnavailable(NightingaleError):
    """An output that cannot be created."""

    exit_code = 73


class WriteFailed(NightingaleError):
    """An output that broke off: no space, a dead disk."""

    exit_code = 74


class CacheError(NightingaleError):
    """A key-value cache asked to do what it cannot."""
