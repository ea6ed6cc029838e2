"""The engine in this process, for the benchmarks and the spoken tests: load, speak, time.

Knows how the package is switched to the machine's OpenBLAS: by loading it before mlx. Nothing that imports mlx may
have been imported earlier.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scoring import Sound

if TYPE_CHECKING:
    from nightingale.engine import Engine


@dataclass
class T3Time:
    """Speech tokens that T3 made, and the seconds that it took for them."""

    tokens: int = 0
    seconds: float = 0.0


def choose_blas(*, openblas: bool) -> str | None:
    """The library that mlx will use instead of its own, None for its own: mlx keeps that when it is imported first."""
    if openblas:
        from nightingale.blas import use_openblas

        return use_openblas()
    import mlx.core  # noqa: F401

    return None


def load_engine(*, openblas: bool) -> Engine:
    """The bundled voice."""
    choose_blas(openblas=openblas)
    from nightingale.engine import Engine

    return Engine()


def watch_t3() -> T3Time:
    """Count what the token loop does from now on. Call it before the engine is imported, which takes it by name."""
    from nightingale import decode

    seen = T3Time()
    generate: Any = decode.generate

    def watched(*args: Any, **kwargs: Any) -> Iterator[int]:
        tokens = generate(*args, **kwargs)
        while True:
            began = time.perf_counter()
            token = next(tokens, None)
            seen.seconds += time.perf_counter() - began
            if token is None:
                return
            seen.tokens += 1
            yield token

    decode.generate = watched
    return seen


def speak(engine: Engine, text: str, seed: int = 0) -> Sound:
    """All of a text as one sound."""
    from nightingale.config import SAMPLE_RATE, SpeakOptions

    chunks = [chunk.samples for chunk in engine.speak(text, SpeakOptions(seed=seed))]
    return Sound(np.concatenate(chunks) if chunks else np.zeros(0, np.float32), SAMPLE_RATE)
