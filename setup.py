"""Builds the native kernels when the package is installed; everything else is in pyproject.toml.

They are optional: where there is no compiler, the package is installed without them and computes through MLX alone.
With NIGHTINGALE_KERNELS=required in the environment a failure is an error, as whoever builds wheels wants it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

SOURCES = Path("nightingale") / "kernels" / "native"


class BuildKernels(build_ext):
    """Runs cmake on the sources. setuptools goes on after a CompileError, for the extension is optional."""

    def build_extension(self, ext: Extension) -> None:
        target = Path(self.get_ext_fullpath(ext.name)).resolve().parent
        work = Path(self.build_temp).resolve() / "kernels"
        work.mkdir(parents=True, exist_ok=True)
        # In site-packages mlx's library lies two folders up from ours; wherever ours lies, mlx is imported before it.
        origin = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"
        if not (ninja := shutil.which("ninja")) and not shutil.which("make"):
            self._fail("there is neither ninja nor make")
        # Fresh: what an earlier installation found has gone with pip's build folder, or was for the other program.
        self._run(
            "cmake", "--fresh", *(["-G", "Ninja"] if ninja else []), "-S", str(SOURCES.resolve()), "-B", str(work),
            "-DCMAKE_BUILD_TYPE=Release",
            f"-DPython_EXECUTABLE={sys.executable}", f"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={target}",
            "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON", f"-DCMAKE_INSTALL_RPATH={origin}/../../mlx/lib",
        )  # fmt: skip
        self._run("cmake", "--build", str(work), "--config", "Release", "--parallel", str(os.cpu_count() or 1))

    def _run(self, *command: str) -> None:
        problem = f"there is no {command[0]}"
        if shutil.which(command[0]) is not None:
            done = subprocess.run(command, capture_output=True, text=True)
            if not done.returncode:
                return
            print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
            problem = "a C++20 compiler is missing or failed, see above"
        self._fail(problem)

    def _fail(self, problem: str) -> NoReturn:
        if os.environ.get("NIGHTINGALE_KERNELS") == "required":
            raise SystemExit(f"the native kernels cannot be built: {problem}")
        raise CompileError(f"installed without native kernels, speech will be slower: {problem}")


extension = Extension("nightingale.kernels._native", sources=[], optional=True)
setup(ext_modules=[extension], cmdclass={"build_ext": BuildKernels})
