"""Names and folder of the bundled voices. Imports no mlx: the command line lists the voices without loading one."""

from pathlib import Path

from nightingale.options import DEFAULT_VOICE

VOICES_DIR = Path(__file__).parents[1] / "voices"
VOICE_SUFFIX = ".safetensors"


def list_voices() -> list[str]:
    """Names of the bundled voices, the default first."""
    names = (path.stem for path in VOICES_DIR.glob("*" + VOICE_SUFFIX))
    return sorted(names, key=lambda name: (name != DEFAULT_VOICE, name))
