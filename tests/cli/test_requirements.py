"""What the command needs of the machine: address space, packages that can be imported, the native kernels."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Run
from test_command import assert_refused

from nightingale.cli import requirements

COMMAND = [sys.executable, ROOT / "nightingale_tts.py"]
EMOJI = "\U0001f600".encode()  # loads the engine, and has nothing that can be spoken


def nightingale(text: bytes, *args: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *args], input=text, capture_output=True, timeout=60, **options)


def with_address_space(megabytes: int, *args: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    return nightingale(b"Hi.", *args, env=os.environ | environment, preexec_fn=limit)


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces RLIMIT_AS")


@needs_linux
@pytest.mark.parametrize("megabytes", [200, 500, 800, 1000])
@pytest.mark.parametrize("args", [[], ["--bench"]])
def test_little_address_space_is_refused(megabytes: int, args: list[str]) -> None:
    assert_refused(with_address_space(megabytes, *args), 69, "MB are needed; raise the limit (ulimit -v)")


@needs_linux
def test_the_address_space_that_is_asked_for_is_enough() -> None:
    from nightingale.kernels import backend

    if backend.on_gpu():
        pytest.skip("a GPU's driver reserves more")
    megabytes = requirements.BASE_MB + requirements.THREAD_MB
    done = with_address_space(megabytes - 50, OMP_NUM_THREADS="1")
    assert_refused(done, 69, f"{megabytes} MB are needed; raise the limit (ulimit -v)\n")
    done = with_address_space(megabytes + 100, OMP_NUM_THREADS="1")  # Python itself takes some
    assert done.returncode == 0 and len(done.stdout) > 10_000


def with_module(folder: Path, name: str, code: str, *args: str) -> subprocess.CompletedProcess[bytes]:
    """The command with a module of this name that runs `code` when it is imported."""
    (folder / f"{name}.py").write_text(code)
    return nightingale(EMOJI, *args, env=os.environ | {"PYTHONPATH": str(folder)})


@pytest.mark.parametrize(
    ("name", "code", "reason", "remedy"),
    [
        ("mlx", "raise ImportError('libmlx.so: cannot open shared object file', name='mlx.core')",
         "cannot import mlx: libmlx.so: cannot open shared object file; to mend it, run: ",
         " -m pip install --force-reinstall --no-deps mlx=="),
        ("mlx", "raise ImportError('libopenblas.so.0: cannot open shared object file')",
         "cannot import mlx: libopenblas.so.0: ", "run: apt install libopenblas0-pthread\n"),
        ("mlx", "raise ImportError('core.so: undefined symbol: PyFoo')", "undefined symbol: PyFoo; ", "-deps mlx=="),
        ("mlx", "import there_is_no_such_module",
         "cannot import there_is_no_such_module: No module named", "--no-deps there_is_no_such_module\n"),
        ("numpy", "try:\n    raise ImportError('no map', name='numpy._core')\n"
         "except ImportError as error:\n    raise ImportError('\\n\\nIMPORTANT:\\nread\\n') from error",
         "cannot import numpy: no map; ", "--no-deps numpy=="),
    ],
    ids=["library", "openblas", "abi", "missing", "numpy"],
)  # fmt: skip
def test_a_package_that_cannot_be_imported(tmp_path: Path, name: str, code: str, reason: str, remedy: str) -> None:
    done = with_module(tmp_path, name, code)
    assert_refused(done, 69, reason)
    assert remedy in done.stderr.decode()


def test_mlx_and_its_backend_are_installed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    words = requirements._remedy("mlx", "broken").split()
    assert words[-2].startswith("mlx==") and words[-1].startswith(("mlx-cpu==", "mlx-cuda"))


def test_a_bug_of_ours_is_not_reported_as_a_missing_package() -> None:
    with pytest.raises(ImportError, match="nothing"), requirements.importing_engine():
        from nightingale.options import nothing  # type: ignore[attr-defined]  # noqa: F401


HIDE_KERNELS = """
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *args: None if name.endswith("._native") else find_spec(name, *args)
"""
BREAK_KERNELS = """
import sys, types
sys.modules["nightingale.kernels._native"] = native = types.ModuleType("_native")
native.MLX_VERSION = "0.1"
native.__spec__ = types.SimpleNamespace()
"""


@pytest.mark.parametrize(("code", "problem"), [(HIDE_KERNELS, "not built"), (BREAK_KERNELS, "built for mlx 0.1")])
def test_missing_kernels_are_reported_once(tmp_path: Path, code: str, problem: str) -> None:
    done = with_module(tmp_path, "sitecustomize", code, "--stats", "json")
    assert done.returncode == 0
    *warnings, figures = done.stderr.decode().splitlines()
    assert [line for line in warnings if "kernels" in line] == [
        f"nightingale-tts: speech is slower than it could be; the native kernels are {json.loads(figures)['kernels']}"
    ]
    assert json.loads(figures)["kernels"].startswith(problem)


def test_missing_kernels_are_not_reported_when_quiet(tmp_path: Path) -> None:
    assert with_module(tmp_path, "sitecustomize", HIDE_KERNELS, "-q").stderr == b""


def test_kernels_that_are_switched_off_are_not_reported() -> None:
    done = nightingale(EMOJI, "--stats", "json", env=os.environ | {"NIGHTINGALE_KERNELS": "off"})
    assert done.stderr.count(b"kernels") == 1
    assert json.loads(done.stderr.splitlines()[-1])["kernels"] == "switched off by NIGHTINGALE_KERNELS"


def test_a_gpu_needs_no_native_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    from nightingale.kernels import backend

    monkeypatch.setattr(backend.cpu, "_problem", "not built")
    monkeypatch.setattr(backend, "current", lambda: backend.Backend.METAL)
    assert backend.missing_kernels() is None and backend.description() == "metal"
    monkeypatch.setattr(backend, "current", lambda: backend.Backend.CPU)
    assert backend.missing_kernels() == "not built"


def test_stats_name_blas_and_kernels(speak: Run) -> None:
    figures = json.loads(speak("--stats", "json", "one").stderr)
    assert (figures["blas"], figures["kernels"]) == ("none", "none")
    figures = json.loads(speak("-q", "--stats", "json", stdin=b"").stderr)
    assert (figures["blas"], figures["kernels"]) == (None, None)
