"""What each way to speed costs and gives on this machine: `nightingale-tts --bench`. Imported only when asked for.

rows.py     what is compared, and the texts
worker.py   one row in a process of its own
measure.py  all rows in turn, several times
checks.py   what must be the same, and how far the lossy rows are off
table.py    the outcome for people
picture.py  the outcome as SVG

Knows no model: every row is an Engine with other options, in a process with kernels or without.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from nightingale.audio.files import creation_errors
from nightingale.errors import OutputUnavailable


def run(
    model: str | None,
    voice: str | None,
    seed: int,
    form: Literal["table", "json"],
    plot: str | None,
    progress: Callable[[str], None],
) -> str:
    """The outcome as text; also drawn into the file `plot` if one is named. Takes about two minutes."""
    # Not above: the workers import this package, and mlx must not be there before its BLAS is chosen.
    from nightingale.bench.checks import check, distances
    from nightingale.bench.measure import measure
    from nightingale.bench.picture import draw
    from nightingale.bench.table import as_figures, as_table

    if plot is not None:
        _check_creatable(plot)
    measured = measure(model, voice, seed, progress)
    off_db = distances(measured)
    checks = check(measured, off_db)
    if plot is not None:
        with creation_errors(plot):
            Path(plot).write_text(draw(measured), encoding="utf-8")
    if form == "json":
        return json.dumps(as_figures(measured, off_db, checks), indent=1)
    return as_table(measured, off_db, checks, shutil.get_terminal_size((80, 24)).columns)


def _check_creatable(name: str) -> None:
    """Said before the minutes of measuring, not after them."""
    place = os.path.dirname(name) or "."
    with creation_errors(name), contextlib.suppress(FileNotFoundError):  # refused is a name too long, say
        os.stat(name)
        place = name
    if os.path.isdir(name) or name.endswith("/") or not os.access(place, os.W_OK):
        raise OutputUnavailable(f"cannot create {name}: no file can be written there")
