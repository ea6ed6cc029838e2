"""README and docs/: their snippets run, their tables are complete, their links lead somewhere."""

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
from test_architecture import own_imports

from nightingale import errors
from nightingale.cli.arguments import EPILOG, build_parser
from nightingale.repl.commands import COMMANDS

README = (ROOT / "README.md").read_text()
USAGE = (ROOT / "docs" / "usage.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("training/*.md"), *ROOT.glob("benchmarks/*.md"),
                ROOT / "nightingale" / "voices" / "model" / "CARD.md"])  # fmt: skip


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def table(page: str, heading: str) -> list[str]:
    """First cells of the table whose first column has this heading."""
    rows = page[page.index(f"| {heading} |") :].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    return [row.split(" | ")[0].removeprefix("| ") for row in rows]


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_first_two_commands_are_what_ci_runs() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    setup, checks = blocks(README, "console")[:2]
    assert ci.splitlines()[-2].removesuffix(" || exit 1") == setup.strip()
    assert ci.splitlines()[-1] == checks.strip()
    assert "export NIGHTINGALE_KERNELS=required" in ci


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
@pytest.mark.parametrize("page", [README, USAGE], ids=["README", "usage"])
def test_shell_snippets_speak(page: str, tmp_path: Path) -> None:
    """Every `sh` block runs, and every sound file it names has sound in it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    assert blocks(page, "sh")
    for block in blocks(page, "sh"):
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, env=os.environ | {"PATH": path},
            stdin=subprocess.DEVNULL, check=True, timeout=120,
        )  # fmt: skip
        for name in re.findall(r"\w+\.(?:wav|ogg)", block):
            samples, sample_rate = soundfile.read(tmp_path / name)
            assert len(samples) > 0.5 * sample_rate and abs(samples).max() > 0.05, name


@pytest.mark.slow
@pytest.mark.parametrize("page", [README, USAGE], ids=["README", "usage"])
def test_python_snippets_speak(page: str) -> None:
    assert blocks(page, "python")
    for block in blocks(page, "python"):
        done = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, timeout=120, check=True)
        assert done.stdout.splitlines()[0].endswith(b" 24000")


@pytest.mark.parametrize("page", [README, USAGE], ids=["README", "usage"])
def test_every_option_is_in_the_table(page: str) -> None:
    listed = set(re.findall(r"`(--?[a-z-]+)[` ]", "\n".join(table(page, "option"))))
    known = {option for action in build_parser()._actions for option in action.option_strings}
    assert listed == known


def test_every_exit_code_is_in_the_table() -> None:
    """In usage.md's and in --help."""
    failure = errors.NightingaleError
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, failure)]
    listed = {int(code) for row in table(USAGE, "exit code") for code in row.split(",")}
    assert listed == {kind.exit_code for kind in kinds} | {0, 129, 130, 141, 143}
    for code in listed - {129, 143}:
        assert re.search(rf"\b{code} ", EPILOG), code


def test_every_prompt_command_is_in_the_table() -> None:
    rows = [row.strip("`") for row in table(USAGE, "command")]
    assert set(rows) == {f"/{name} {command.usage}".rstrip() for name, command in COMMANDS.items()} | {"//TEXT"}


def test_every_package_and_module_is_in_the_architecture() -> None:
    package = ROOT / "nightingale"
    modules = {path.name for path in package.glob("*.py")}
    packages = {f"{path.parent.relative_to(package)}/" for path in package.rglob("__init__.py")} - {"./"}
    named = set(re.findall(r"`([\w/]+(?:/|\.py))`", ARCHITECTURE))
    assert modules - {"__init__.py"} <= named and packages <= named, (modules | packages) - named


def test_imports_in_the_architecture_are_right() -> None:
    rows = re.findall(r"^\| `(\w+)(?:/|\.py)` \|.*\| ([\w, ]*)\|$", ARCHITECTURE, re.MULTILINE)
    listed = {name: set(imports.replace(" ", "").split(",")) - {""} for name, imports in rows if name != "voices"}
    found = {name: imports - {"__version__"} for name, imports in own_imports().items() if name != "nightingale_tts"}
    assert listed == found


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in links."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"\w+:", link):  # not relative
            continue
        name, _, heading = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link
