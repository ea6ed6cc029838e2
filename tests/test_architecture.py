"""What may import what, what a start may load, and what the wheel holds: the design, as checks."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import FAKE, ROOT

from nightingale import __all__ as exported

# A package or module may import from itself and from the layers above its own in this table.
LAYERS = [
    "errors",
    "options signals",
    "text audio",  # nothing up to here imports mlx
    "statistics timing",
    "kernels",
    "models",
    "checkpoints decoding vocoding",
    "engine cloning",
    "repl bench",
    "cli",
    "nightingale_tts",
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names.split()}
FIRST_WITH_MLX = LEVEL["kernels"]
ONLY_WHEN_USED = {"prompt_toolkit", "sounddevice", "soundfile"}


def sources() -> dict[str, list[Path]]:
    """The files of each entry of the table: a package is one entry."""
    found: dict[str, list[Path]] = {"nightingale_tts": [ROOT / "nightingale_tts.py"]}
    for path in sorted((ROOT / "nightingale").rglob("*.py")):
        parts = path.relative_to(ROOT / "nightingale").with_suffix("").parts
        if parts != ("__init__",):
            found.setdefault(parts[0], []).append(path)
    return found


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_imports() -> dict[str, set[str]]:
    """Entry of the table -> entries that it imports."""
    graph = {}
    for name, paths in sources().items():
        dotted = {tuple(full.split(".")) for path in paths for full in imports(path)}
        graph[name] = {parts[1] for parts in dotted if parts[0] == "nightingale" and len(parts) > 1} - {name}
    return graph


def test_every_module_has_its_layer() -> None:
    assert set(sources()) == set(LEVEL), "LAYERS must name every package and module, and no other"


def test_imports_point_one_way() -> None:
    upward = [
        f"{name} imports {other}"
        for name, others in own_imports().items()
        for other in others & set(LEVEL)
        if LEVEL[other] >= LEVEL[name]
    ]
    assert not upward


def test_outsiders() -> None:
    """mlx from the kernels on only; nothing of training or of the tests anywhere."""
    for name, paths in sources().items():
        outside = {full.split(".")[0] for path in paths for full in imports(path)}
        assert not outside & {"torch", "training", "tests", "benchmarks"}, name
        assert LEVEL[name] >= FIRST_WITH_MLX or "mlx" not in outside, name


def test_every_module_has_a_docstring() -> None:
    for paths in sources().values():
        for path in paths:
            docstring = ast.get_docstring(ast.parse(path.read_text()))
            assert docstring and len(docstring) > 20, path


def test_no_file_is_long() -> None:
    """About 300 lines: what is longer has a second subject."""
    for paths in sources().values():
        for path in paths:
            assert len(path.read_text().splitlines()) <= 330, path


def test_no_package_is_crowded() -> None:
    folders = [folder for folder in (ROOT / "nightingale").rglob("*") if (folder / "__init__.py").exists()]
    for folder in folders:
        assert len(list(folder.glob("*.py"))) <= 14, folder
    assert len(list((ROOT / "nightingale").glob("*.py"))) <= 7  # six modules and __init__.py


def test_package_import_is_free() -> None:
    """`import nightingale` loads none of its modules, and every exported name is there."""
    loaded = loaded_by("import nightingale")
    assert not {name for name in loaded if name.startswith("nightingale.") or name in ("mlx", "numpy")}
    tree = ast.parse((ROOT / "nightingale" / "__init__.py").read_text())
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(exported) <= named


def loaded_by(code: str, stdin: bytes = b"") -> set[str]:
    """Names in sys.modules after `code` has run in a fresh interpreter."""
    script = f"import sys\ntry:\n    exec({code!r})\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.decode().split("\n")[-2].split())


@pytest.mark.parametrize("option", ["--help", "--version", "--list-voices", ""])
def test_no_model_without_text(option: str) -> None:
    """Neither mlx nor numpy before there is something to speak: here there never is."""
    loaded = loaded_by(f"import nightingale_tts; nightingale_tts.main({option.split()})", stdin=b" \n")
    assert not loaded & (ONLY_WHEN_USED | {"mlx", "mlx.core", "numpy", "tokenizers"})


def test_pipe_loads_no_player() -> None:
    code = f"import sys; sys.path.insert(0, {str(FAKE.parent)!r}); sys.argv[1:] = ['-q']; import speak_fake"
    loaded = loaded_by(code + "; speak_fake.main()", stdin=b"one two")
    assert "numpy" in loaded
    assert not loaded & (ONLY_WHEN_USED | {"mlx"})


def test_engine_loads_no_player() -> None:
    loaded = loaded_by("import nightingale.engine")
    assert "mlx.core" in loaded
    assert not loaded & (ONLY_WHEN_USED | {"nightingale.cloning", "nightingale.repl", "torch", "scipy"})


def test_what_ships(tmp_path: Path) -> None:
    """A wheel has the program, the voice and the licences, nothing else. Kernels are left out: they take a minute."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "nightingale_tts.py", "setup.py"):
        shutil.copy(ROOT / name, tree)
    for folder in ("nightingale", "tests", "training", "benchmarks"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(tree)]
    subprocess.run(build, check=True, timeout=300, env=os.environ | {"NIGHTINGALE_KERNELS": "off"})
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 35_000_000
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {str(path.relative_to(tree)) for path in (tree / "nightingale").rglob("*") if path.is_file()}
    sources = {name for name in wanted if name.startswith("nightingale/kernels/native/")}
    assert sources and shipped == wanted - sources | {"nightingale_tts.py"}
    licences = {Path(name).name for name in zipfile.ZipFile(wheel).namelist() if "/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}


@pytest.mark.parametrize(
    ("tools", "problem"),
    [
        (["make", "c++"], "cmake is missing"),
        (["cmake", "c++"], "ninja and make are missing"),
        (["cmake", "make"], "a C++ compiler is missing; install g++ or clang++"),
        (["cmake", "make", "clang++"], "cmake or the C++20 compiler failed, see above"),
        (["cmake", "ninja", "c++"], "cmake or the C++20 compiler failed, see above"),
    ],
)
def test_setup_names_what_the_kernels_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: list[str], problem: str
) -> None:
    """Runs setup.py with stand-ins for setuptools, which may not be installed, and for the tools, all of which fail."""
    for tool in tools:
        (tmp_path / tool).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("NIGHTINGALE_KERNELS", "required")
    monkeypatch.delenv("CXX", raising=False)
    classes: dict[str, Any] = {}
    stand_in = types.SimpleNamespace(
        Extension=lambda name, **_: types.SimpleNamespace(name=name),
        setup=lambda cmdclass, **_: classes.update(cmdclass),
    )
    monkeypatch.setitem(sys.modules, "setuptools", stand_in)
    monkeypatch.setitem(sys.modules, "setuptools.command.build_ext", types.SimpleNamespace(build_ext=object))
    monkeypatch.setitem(sys.modules, "setuptools.errors", types.SimpleNamespace(CompileError=RuntimeError))
    setup = runpy.run_path(str(ROOT / "setup.py"))
    build = classes["build_ext"]()
    build.build_temp, build.get_ext_fullpath = str(tmp_path), lambda _: str(tmp_path / "lib" / "_native.so")
    with pytest.raises(SystemExit, match=f"^the native kernels cannot be built: {re.escape(problem)}$"):
        build.build_extension(setup["extension"])
