"""Names and folders of the voices: bundled ones, and those that the user made.

Imports no mlx: the command line lists the voices without loading one.
"""

import os
from pathlib import Path

from nightingale.options import DEFAULT_VOICE

VOICES_DIR = Path(__file__).parents[1] / "voices"
VOICE_SUFFIX = ".safetensors"


def user_voices_dir() -> Path:
    """The folder of the user's voices, by the XDG Base Directory specification. A relative XDG_DATA_HOME is ignored."""
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share"
    return base / "nightingale-tts" / "voices"


def list_voices() -> list[str]:
    """Names of the voices: the default, the other bundled ones, the user's own."""
    bundled = sorted(_names(VOICES_DIR), key=lambda name: (name != DEFAULT_VOICE, name))
    return bundled + sorted(_names(user_voices_dir()) - set(bundled))


def _names(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*" + VOICE_SUFFIX) if not path.name.startswith(".")}
