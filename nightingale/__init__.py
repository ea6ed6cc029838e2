"""Text to speech on MLX. The names below are imported when they are first used: a package import costs nothing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightingale.audio import AudioChunk
    from nightingale.config import CacheOptions, SpeakOptions
    from nightingale.engine import Engine
    from nightingale.errors import NightingaleError
    from nightingale.voice import Voice

__all__ = ["AudioChunk", "CacheOptions", "Engine", "NightingaleError", "SpeakOptions", "Voice"]

_HOMES = {
    "AudioChunk": "audio",
    "CacheOptions": "config",
    "Engine": "engine",
    "NightingaleError": "errors",
    "SpeakOptions": "config",
    "Voice": "voice",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
