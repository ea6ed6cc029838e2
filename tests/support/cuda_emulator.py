"""mx.fast.cuda_kernel without a GPU: g++ compiles the kernel's source, and cuda_emulator.h runs it on the CPU."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

_TYPES = {
    mx.bfloat16: "__nv_bfloat16", mx.float32: "float", mx.int32: "int32_t", mx.uint32: "uint32_t", mx.bool_: "bool",
}  # fmt: skip
_WORDS = {mx.bfloat16: mx.uint16}  # numpy has no bfloat16
Template = Sequence[tuple[str, int | bool | mx.Dtype]]


class Emulator:
    """Compiles into `folder`; `backwards` runs a kernel's threads in the opposite order."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.backwards = folder, False

    def cuda_kernel(self, name: str, inputs: Sequence[str], outputs: Sequence[str], source: str, header: str) -> Any:
        """Takes the arguments of mx.fast.cuda_kernel and returns its result. Kernels may write into their inputs."""

        def call(
            *,
            inputs: Sequence[mx.array],
            grid: tuple[int, int, int],
            threadgroup: tuple[int, int, int],
            output_shapes: Sequence[Sequence[int]],
            output_dtypes: Sequence[mx.Dtype],
            template: Template = (),
            init_value: float | None = None,
        ) -> list[mx.array]:
            mx.eval(inputs)
            parameters: list[tuple[str, str]] = []
            arguments: list[Any] = []
            kept = []
            for label, array in zip(names, inputs, strict=True):
                # Like MLX: an array that is not contiguous is copied, otherwise the kernel gets its own memory.
                kept.append(np.ascontiguousarray(np.asarray(array.view(_WORDS.get(array.dtype, array.dtype)))))
                parameters.append((f"const {_TYPES[array.dtype]}*", label))
                arguments.append(kept[-1].ctypes.data)
                if f"{label}_shape" in source:
                    kept.append(np.array([*array.shape] + [0] * (10 - array.ndim), np.int32))
                    parameters.append(("const Shape*", f"{label}_shape"))
                    arguments.append(kept[-1].ctypes.data)
            results = []
            for label, shape, dtype in zip(outputs, output_shapes, output_dtypes, strict=True):
                words = _WORDS.get(dtype, dtype)
                empty = np.array(mx.zeros(tuple(shape), words))
                empty.view(np.uint8).fill(0 if init_value is not None else 0xFF)
                results.append((empty, dtype))
                parameters.append((f"{_TYPES[dtype]}*", label))
                arguments.append(empty.ctypes.data)
            run = self._compiled(name, _whole(header, source, parameters, template))
            pointers = (ctypes.c_void_p * len(arguments))(*arguments)
            run(pointers, -(-grid[0] // threadgroup[0]), threadgroup[0], self.backwards)
            return [mx.array(array).view(dtype) for array, dtype in results]

        names = inputs
        return call

    def _compiled(self, name: str, source: str) -> Callable[..., None]:
        library = self.folder / f"{name}_{hashlib.sha256(source.encode()).hexdigest()[:16]}.so"
        if not library.exists():
            file = library.with_suffix(".cpp")
            file.write_text(source)
            # Hidden, not unique symbols: otherwise the functions of one library would replace those of another.
            options = ["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique"]
            options += ["-fno-strict-aliasing", f"-I{Path(__file__).parent}"]
            subprocess.run(["g++", *options, "-o", str(library), str(file)], check=True)
        run = ctypes.CDLL(str(library)).run
        run.argtypes, run.restype = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_bool], None
        return run  # type: ignore[no-any-return]


def _whole(header: str, source: str, parameters: Sequence[tuple[str, str]], template: Template) -> str:
    """The kernel's whole source, as MLX assembles it, and a function that calls the kernel."""
    constants = "\n".join(
        f"using {name} = {_TYPES[value]};" if isinstance(value, mx.Dtype) else f"constexpr int {name} = {int(value)};"
        for name, value in template
    )
    declared, given = [], []
    for i, (kind, name) in enumerate(parameters):
        by_value = kind == "const Shape*"
        declared.append(f"const Shape {name}" if by_value else f"{kind} {name}")
        given.append(f"{'*' if by_value else ''}static_cast<{kind}>(arguments[{i}])")
    return f"""#include "cuda_emulator.h"
{header}
__global__ void kernel({", ".join(declared)}) {{
{constants}
{source}
}}
static void** arguments;
static void body() {{ kernel({", ".join(given)}); }}
extern "C" __attribute__((visibility("default")))
void run(void** given, unsigned blocks, unsigned threads, bool backwards) {{
  arguments = given;
  emulator::run(body, blocks, threads, backwards);
}}
"""
