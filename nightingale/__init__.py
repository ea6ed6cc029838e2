"""Text to speech on MLX. Public names are imported on first use, so `import nightingale` takes no time."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk
    from nightingale.engine import Engine
    from nightingale.errors import NightingaleError
    from nightingale.models.voice import Voice
    from nightingale.options import CacheOptions, SpeakOptions
    from nightingale.text.spellings.user_lexicon import Lexicon

__version__ = "0.1.0"
__all__ = ["AudioChunk", "CacheOptions", "Engine", "Lexicon", "NightingaleError", "SpeakOptions", "Voice"]

_HOMES = {
    "AudioChunk": "audio.chunk",
    "CacheOptions": "options",
    "Engine": "engine",
    "Lexicon": "text.spellings.user_lexicon",
    "NightingaleError": "errors",
    "SpeakOptions": "options",
    "Voice": "models.voice",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
