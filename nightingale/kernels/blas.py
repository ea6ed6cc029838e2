"""Finds a fast BLAS before mlx is imported.

The Linux CPU wheel of mlx is linked to the reference BLAS by symbol name. If an OpenBLAS has made its symbols global
before mlx.core is first imported, mlx binds to those.
"""

import ctypes
import ctypes.util
import sys

_FILE_NAMES = ("libopenblas.so.0", "libopenblas.so", "libopenblasp.so.0", "libblis.so.4")
_SHORT_NAMES = ("openblas", "openblasp", "blis")


def use_openblas() -> str | None:
    """Let mlx use an OpenBLAS of this machine; its file name, or None where nothing was done.

    Measured on 2 x86-64 cores with mlx 0.32: float32 GEMM 105 to 219 GFLOP/s instead of 3.8 to 6.8. Never fails:
    without such a library, outside Linux, or once mlx is imported, mlx keeps its own BLAS.
    """
    if not sys.platform.startswith("linux") or "mlx.core" in sys.modules:
        return None
    for name in _FILE_NAMES:
        if _load(name):
            return name
    # find_library starts other programs (ldconfig, gcc) and takes tens of milliseconds: only as the last resort.
    for short in _SHORT_NAMES:
        found = ctypes.util.find_library(short)
        if found and _load(found):
            return found
    return None


def _load(name: str) -> bool:
    """Load a library with its symbols global; False where there is none or it has no CBLAS."""
    try:
        return hasattr(ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL), "cblas_sgemm")
    except OSError:
        return False
