"""Runs the engine in this process, for benchmarks and tests.

MLX keeps the BLAS that it finds when it is first imported. So call `choose_blas` or `load_engine` before anything else
imports mlx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scoring import Sound

if TYPE_CHECKING:
    from nightingale.engine import Engine


def choose_blas(*, openblas: bool) -> str | None:
    """Make MLX use the system's OpenBLAS, if there is one. Returns its name, or None for MLX's own BLAS."""
    if openblas:
        from nightingale.kernels.blas import use_openblas

        return use_openblas()
    import mlx.core  # noqa: F401

    return None


def load_engine(*, openblas: bool) -> Engine:
    """An engine with the bundled model and the default voice."""
    choose_blas(openblas=openblas)
    from nightingale.engine import Engine

    return Engine()


def speak(engine: Engine, text: str, seed: int = 0) -> Sound:
    """The sound of a whole text."""
    from nightingale.audio.chunk import SAMPLE_RATE
    from nightingale.options import SpeakOptions

    chunks = [chunk.samples for chunk in engine.speak(text, SpeakOptions(seed=seed))]
    return Sound(np.concatenate(chunks) if chunks else np.zeros(0, np.float32), SAMPLE_RATE)
