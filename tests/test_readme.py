"""README: its commands speak, its tables agree with the program, its layout names every file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from conftest import ROOT

from nightingale import errors
from nightingale.cli.arguments import EPILOG, build_parser

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_first_two_commands_are_what_ci_runs() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    setup, checks = blocks("console")[:2]
    assert setup.strip() in ci and checks.strip() in ci


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_shell_commands_speak(tmp_path: Path) -> None:
    """Every `sh` block runs, and every sound file it names has sound in it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in blocks("sh"):
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env=os.environ | {"PATH": path},
            stdin=subprocess.DEVNULL, check=True, timeout=120,
        )  # fmt: skip
        for name in re.findall(r"\w+\.(?:wav|ogg)", block):
            samples, sample_rate = soundfile.read(tmp_path / name)
            assert len(samples) > 0.5 * sample_rate and abs(samples).max() > 0.05, name


@pytest.mark.slow
def test_python_speaks() -> None:
    for block in blocks("python"):
        done = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, timeout=120, check=True)
        assert done.stdout.splitlines()[0].endswith(b" 24000")


def test_every_option_is_in_the_table() -> None:
    table = README[README.index("| option |") : README.index("| exit code |")]
    listed = set(re.findall(r"`(--?[a-z-]+)[` ]", table)) - {"--"}
    known = {option for action in build_parser()._actions for option in action.option_strings}
    assert listed == known


def test_every_exit_code_is_told() -> None:
    """In README's table and in --help."""
    failure = errors.NightingaleError
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, failure)]
    table = README[README.index("| exit code |") : README.index("## What to rely on")]
    told = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    assert told == {kind.exit_code for kind in kinds} | {0, 129, 130, 141, 143}
    for code in told - {129, 143}:
        assert re.search(rf"\b{code} ", EPILOG), code


def layout() -> dict[str, str]:
    """Path -> what is said of it, from the tree in README. Folders end in a slash."""
    (tree,) = blocks("text")
    folders: list[str] = []
    entries = {}
    for line in tree.splitlines():
        indent, name, said = re.fullmatch(r"( *)(\S+)(?:  +(\S.*))?", line).groups()  # type: ignore[union-attr]
        folders[len(indent) // 2 :] = [name]
        entries["".join(folders)] = said or ""
    return entries


def test_layout_names_every_file() -> None:
    """A folder whose files are not listed one by one stands for all of them, and must say what they are."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what belongs to the project is not known")
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    files = {name for name in listing.splitlines() if (ROOT / name).exists()}
    entries = layout()
    closed = [
        path for path in entries
        if path.endswith("/") and not any(other != path and other.startswith(path) for other in entries)
    ]  # fmt: skip
    for path, said in entries.items():
        assert said or (path.endswith("/") and path not in closed), f"README says nothing of {path}"
        assert (ROOT / path).exists(), f"README lists {path}, which is not there"
    missing = sorted(name for name in files if name not in entries and not name.startswith(tuple(closed)))
    assert not missing, f"README's layout lacks {missing}"
