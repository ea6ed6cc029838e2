"""`nightingale-tts --bench`: measures here what kernels, quantization, speculation and caches gain and change.

settings.py  what is compared, and the texts
worker.py    an engine with one setting, in a process of its own
measure.py   runs all settings in turn, several times
checks.py    compares tokens, samples and spectra of the settings
table.py     results as a table or as JSON

Imported only for --bench. Every setting is an Engine with other options, in a process with or without the kernels.
"""

import json
import shutil
from collections.abc import Callable
from typing import Literal


def run(
    model: str | None, voice: str | None, seed: int, form: Literal["table", "json"], progress: Callable[[str], None]
) -> str:
    """Measure for about two minutes and return the results as text. progress: called with each step."""
    # Not above: workers import this package, and the BLAS must be chosen before anything imports mlx.
    from nightingale.bench.checks import check, measure_distances
    from nightingale.bench.measure import measure
    from nightingale.bench.table import as_figures, as_table

    result = measure(model, voice, seed, progress)
    distances = measure_distances(result)
    checks = check(result, distances)
    if form == "json":
        return json.dumps(as_figures(result, distances, checks), indent=1)
    return as_table(result, distances, checks, shutil.get_terminal_size((80, 24)).columns)
