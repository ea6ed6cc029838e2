"""The engine in this process, for the benchmarks and the spoken tests: load, speak.

Knows how the package is switched to the machine's OpenBLAS: by loading it before mlx. Nothing that imports mlx may
have been imported earlier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scoring import Sound

if TYPE_CHECKING:
    from nightingale.engine import Engine


def choose_blas(*, openblas: bool) -> str | None:
    """The library that mlx will use instead of its own, None for its own: mlx keeps that when it is imported first."""
    if openblas:
        from nightingale.kernels.blas import use_openblas

        return use_openblas()
    import mlx.core  # noqa: F401

    return None


def load_engine(*, openblas: bool) -> Engine:
    """The bundled voice."""
    choose_blas(openblas=openblas)
    from nightingale.engine import Engine

    return Engine()


def speak(engine: Engine, text: str, seed: int = 0) -> Sound:
    """All of a text as one sound."""
    from nightingale.audio.chunk import SAMPLE_RATE
    from nightingale.options import SpeakOptions

    chunks = [chunk.samples for chunk in engine.speak(text, SpeakOptions(seed=seed))]
    return Sound(np.concatenate(chunks) if chunks else np.zeros(0, np.float32), SAMPLE_RATE)
