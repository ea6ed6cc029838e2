"""Builds the native kernels when the package is installed. All other settings are in pyproject.toml.

The kernels are optional: without a C++ compiler the package is installed without them, and MLX alone computes. With
NIGHTINGALE_KERNELS=required in the environment, a failed build is an error; set it when you build wheels. With
NIGHTINGALE_KERNELS=off they are not built.
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
COMPILERS = ("c++", "g++", "clang++")  # cmake looks for these unless CXX names one


class BuildKernels(build_ext):
    """Builds the extension with cmake. It is optional, so setuptools continues after a CompileError."""

    def build_extension(self, ext: Extension) -> None:
        target = Path(self.get_ext_fullpath(ext.name)).resolve().parent
        work = Path(self.build_temp).resolve() / "kernels"
        work.mkdir(parents=True, exist_ok=True)
        ninja = shutil.which("ninja")
        if problem := _missing_tool():
            self._fail(problem)
        # In site-packages, the library of mlx is in ../../mlx/lib. In an editable install it is elsewhere, but there
        # mlx has been imported, and its library loaded, before the extension.
        origin = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"
        # --fresh: a cache of an earlier build may name pip's deleted build folder, or another generator.
        self._run(
            "cmake", "--fresh", *(["-G", "Ninja"] if ninja else []), "-S", str(SOURCES.resolve()), "-B", str(work),
            "-DCMAKE_BUILD_TYPE=Release",
            f"-DPython_EXECUTABLE={sys.executable}", f"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={target}",
            "-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON", f"-DCMAKE_INSTALL_RPATH={origin}/../../mlx/lib",
        )  # fmt: skip
        self._run("cmake", "--build", str(work), "--config", "Release", "--parallel", str(os.cpu_count() or 1))

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
            self._fail("cmake or the C++20 compiler failed, see above")

    def _fail(self, problem: str) -> NoReturn:
        if os.environ.get("NIGHTINGALE_KERNELS") == "required":
            raise SystemExit(f"the native kernels cannot be built: {problem}")
        raise CompileError(f"nightingale-tts is installed without native kernels and will be slower: {problem}")


def _missing_tool() -> str | None:
    """What the build lacks, in words; None if nothing is missing."""
    if os.environ.get("NIGHTINGALE_KERNELS") == "off":
        return "NIGHTINGALE_KERNELS is off"
    if shutil.which("cmake") is None:
        return "cmake is missing"
    if not any(map(shutil.which, ("ninja", "make"))):
        return "ninja and make are missing"
    if not any(map(shutil.which, os.environ.get("CXX", "").split()[:1] or COMPILERS)):
        return "a C++ compiler is missing; install g++ or clang++"
    return None


extension = Extension("nightingale.kernels._native", sources=[], optional=True)
setup(ext_modules=[extension], cmdclass={"build_ext": BuildKernels})
