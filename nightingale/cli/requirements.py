"""Checks what a run needs: address space, and packages that can be imported. Says in one line what is missing."""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
from collections.abc import Iterator

from nightingale.errors import EngineUnavailable
from nightingale.signals import defer_signals

# Peak of a run with mlx 0.32 on x86-64 Linux: 590 MB, 245 MB for each thread, and 180 MB for long, slow sentences.
BASE_MB = 800
THREAD_MB = 250  # stack, heap and buffers in two copies of OpenBLAS and in the native kernels


def check_address_space() -> None:
    """Raises EngineUnavailable if `ulimit -v` leaves too little. There OpenBLAS hangs, or the process crashes."""
    wish = os.environ.get("OMP_NUM_THREADS", "")
    num_threads = int(wish) if wish.isdecimal() and int(wish) else os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        num_threads = min(num_threads, len(os.sched_getaffinity(0)))
    needed_mb = BASE_MB + THREAD_MB * num_threads
    try:
        mmap.mmap(-1, needed_mb << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ).close()
    except OSError as error:
        hint = "" if num_threads == 1 else ", or set OMP_NUM_THREADS=1 to need less"
        raise EngineUnavailable(
            f"too little address space: {needed_mb} MB are needed; raise the limit (ulimit -v){hint}"
        ) from error


@contextlib.contextmanager
def importing_engine() -> Iterator[None]:
    """For imports of MLX and numpy. Signals wait. Raises EngineUnavailable for a package that cannot be imported."""
    try:
        with defer_signals():
            yield
    except ImportError as error:
        if (error.name or "").startswith("nightingale"):  # a bug
            raise
        cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error  # numpy wraps it in a long text
        reason = " ".join(str(cause).split())
        package = (cause.name or error.name or "mlx").split(".")[0]
        remedy = _remedy(package, reason)
        raise EngineUnavailable(f"cannot import {package}: {reason}; to mend it, run: {remedy}") from error


def _remedy(package: str, reason: str) -> str:
    """The command that installs what is missing. A package is installed again in the same version."""
    if "libopenblas" in reason:
        return "apt install libopenblas0-pthread"
    from importlib import metadata  # not above: it takes 20 ms

    versions = {(dist.name or "").replace("_", "-"): dist.version for dist in metadata.distributions()}
    packages = [package]
    if package == "mlx" and sys.platform == "linux":  # there its backend is a package of its own
        packages += [name for name in versions if name.startswith("mlx-cuda")] or ["mlx-cpu"]
    pinned = " ".join(f"{name}=={versions[name]}" if name in versions else name for name in packages)
    return f"{sys.executable} -m pip install --force-reinstall --no-deps {pinned}"
