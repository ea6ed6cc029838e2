"""Finds a fast BLAS before mlx is imported. Knows nothing of mlx itself.

The Linux CPU wheel of mlx is linked to the reference BLAS by symbol name, so an OpenBLAS whose symbols are already
global when mlx.core is first imported is the one it binds to.
"""

import ctypes
import ctypes.util
import sys

_FILE_NAMES = ("libopenblas.so.0", "libopenblas.so", "libopenblasp.so.0", "libblis.so.4")
_SHORT_NAMES = ("openblas", "openblasp", "blis")


def use_openblas() -> str | None:
    """Make an OpenBLAS of this machine the one that mlx will use; its file name, or None where nothing was done.

    Measured on 2 x86-64 cores with mlx 0.32: float32 GEMM 105 to 219 GFLOP/s instead of 3.8 to 6.8. Never fails: where
    there is no such library, on another system than Linux, or once mlx is imported, mlx keeps what it has.
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
