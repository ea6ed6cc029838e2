"""--bench: what is run, what is checked, what is shown. Rows are made up where what they say must be known."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import ROOT
from numpy.typing import NDArray
from tiny_models import write_model

from nightingale import bench
from nightingale.bench.checks import OTHER_SEED, Check, check, distances, mel_distance
from nightingale.bench.measure import Cell, Measured, Row, measure
from nightingale.bench.picture import draw
from nightingale.bench.rows import BASELINE, KERNELS, KERNELS_SPECULATION, SETTINGS, TEXTS, Setting
from nightingale.bench.table import as_figures, as_table
from nightingale.bench.worker import Hello, Spoken
from nightingale.errors import VoiceNotFound
from nightingale.kernels.cpu import available

INT8, SPECULATION = (next(s for s in SETTINGS if s.key == key) for key in ("int8", "speculation"))
NAMES = list(TEXTS)
Sound = NDArray[np.float32]


def sound(pitch: float = 200.0, tokens: int = 20) -> Sound:
    """A tone that glides, so that its frames differ."""
    time_s = np.arange(tokens * 960) / 24_000
    return (0.3 * np.sin(2 * np.pi * (pitch + 400 * time_s) * time_s)).astype(np.float32)


def row(setting: Setting, seconds: float, tokens: int = 20, samples: Sound | None = None) -> Row:
    made = Row(setting, Hello(setting.kernels, setting.kernels, {
        "system": "Linux x86_64", "cores": "2", "mlx": "0.32.4", "device": "cpu", "blas": "libopenblas.so.0",
        "kernels": "avx512, 2 threads",
    }))  # fmt: skip
    samples = sound(tokens=tokens) if samples is None else samples
    for name in NAMES:
        cell = made.cells.setdefault(name, Cell(samples))
        for took in (seconds, 1.5 * seconds):
            cell.add(Spoken(took, took / 2, took / 10, tokens, 300.0, samples))
    return made


def made_up() -> Measured:
    rows = [row(setting, 2.0 if not setting.kernels else 0.25) for setting in SETTINGS]
    return Measured(rows, [], TEXTS, {name: sound(230.0) for name in NAMES}, 2, 9.0)


def verdicts(measured: Measured) -> list[str]:
    return [line.verdict for line in check(measured, distances(measured))]


def other_samples(measured: Measured) -> None:
    measured.rows[3] = row(SPECULATION, 2.0, samples=sound()[:-960])


def other_tokens(measured: Measured) -> None:
    cell = measured.rows[1].cells["short"]
    cell.runs[1] = dataclasses.replace(cell.runs[1], num_tokens=21)


def another_run(measured: Measured) -> None:
    measured.rows[0].cells["long"].hashes[1] = "other"


def other_with_speculation(measured: Measured) -> None:
    measured.rows[-1] = row(KERNELS_SPECULATION, 0.2, samples=sound() * np.float32(0.9999))


def another_voice(measured: Measured) -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, 20 * 960).astype(np.float32)
    measured.rows[1] = row(INT8, 2.0, samples=noise)


def test_all_is_well() -> None:
    assert verdicts(made_up()) == ["held"] * 5


@pytest.mark.parametrize(
    ("line", "damage"),
    enumerate([other_samples, other_tokens, another_run, other_with_speculation, another_voice]),
)
def test_each_check_can_fail(line: int, damage: Callable[[Measured], None]) -> None:
    measured = made_up()
    damage(measured)
    lines = check(measured, distances(measured))
    assert [i for i, found in enumerate(lines) if found.verdict == "NOT held"] == [line]
    keys = ("speculation", "int8", "baseline", "kernels+speculation", "int8")
    assert keys[line] in lines[line].detail


def test_a_lossy_row_may_say_another_number_of_tokens_and_a_lossless_one_may_not() -> None:
    for setting, held in ((INT8, True), (SPECULATION, False)):
        measured = made_up()
        measured.rows[SETTINGS.index(setting)] = row(setting, 2.0, tokens=21)
        assert (verdicts(measured)[:2] == ["held", "held"]) == held


def test_what_cannot_be_checked_is_told() -> None:
    measured = made_up()
    del measured.rows[-2:]
    measured.left_out.extend([KERNELS, KERNELS_SPECULATION])
    lines = check(measured, distances(measured))
    assert lines[3].verdict == "not checked" and "do not run here" in lines[3].detail
    assert "Left out" in as_table(measured, distances(measured), lines, 80)


def test_mel_distance() -> None:
    one = sound()
    noise = np.random.default_rng(0).normal(0, 0.3, len(one)).astype(np.float32)
    far = mel_distance(one, noise)
    assert mel_distance(one, one) == 0.0
    assert 0 < mel_distance(one, one[960:]) < 2.0 < mel_distance(one, sound(300.0)) < far  # what moved is aligned
    assert abs(mel_distance(noise, noise * np.float32(0.5)) - 6.02) < 0.1  # half is 6 dB
    assert mel_distance(one, one[:100]) == np.inf


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits(columns: int) -> None:
    measured = made_up()
    off_db = distances(measured)
    shown = as_table(measured, off_db, check(measured, off_db), columns)
    lines = shown.splitlines()
    assert max(map(len, lines)) < columns
    heads = [line for line in lines if line.startswith(" ") and " T3 s " in line]
    for setting in SETTINGS:
        found = [line for line in lines if line.startswith(setting.title) and len(line) == len(heads[0])]
        assert len(found) == len(TEXTS)
        first = found[0]
        assert setting is BASELINE or first[21:29] == ("lossless" if setting.lossless else "lossy   ")
        assert first.split()[-1 if columns == 80 else -3] == ("8.0x" if setting.kernels else "1.0x")
    assert len(heads) == len(TEXTS)
    assert sum(line.startswith("held ") for line in lines) == 5


def test_json_has_everything() -> None:
    measured = made_up()
    off_db = distances(measured)
    figures = json.loads(json.dumps(as_figures(measured, off_db, check(measured, off_db))))
    assert [found["key"] for found in figures["rows"]] == [setting.key for setting in SETTINGS]
    short = figures["rows"][-1]["texts"]["short"]
    assert short["seconds"] == pytest.approx(0.3125) and short["times_as_fast"] == 8.0
    assert short["num_tokens"] == 20 and short["num_samples"] == 19_200 and len(short["sha256"]) == 64
    assert short["realtime_factor"] == pytest.approx(0.3906, abs=1e-3) and short["tokens_per_s"] > 0
    assert {"distance_db", "t3_s", "first_sound_s", "same_hash_every_run"} <= set(short)
    assert figures["rows"][-1]["peak_mb"] == 300.0 and len(figures["checks"]) == 5
    assert set(figures["other_seed_distance_db"]) == set(TEXTS)


def test_the_picture_is_svg_with_a_bar_for_every_row() -> None:
    root = ElementTree.fromstring(draw(made_up()))
    tag = root.tag.removesuffix("svg")
    assert root.tag.endswith("}svg")
    said = ["".join(element.itertext()) for element in root.iter(f"{tag}text")]
    assert sum("lossless" in words for words in said) == len(TEXTS) * 3
    bars = [float(element.get("width", "")) for element in root.iter(f"{tag}rect")]
    assert len(bars) == 1 + 2 * len(TEXTS) * len(SETTINGS) + 2
    assert max(bars[1:]) == pytest.approx(8 * bars[1 + 2 * 5], rel=0.01)  # the kernels' is an eighth of the longest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("bench"))


def test_rows_run_in_processes_of_their_own(folder: Path) -> None:
    told: list[str] = []
    settings = [BASELINE, INT8, KERNELS, KERNELS_SPECULATION]
    texts = {"one": "Hi.", "two": "Well, hello there."}
    voice = str(folder / "voice.safetensors")
    measured = measure(str(folder), voice, 0, told.append, settings, texts, budget_s=0.0)
    assert [r.setting for r in measured.rows] == (settings if available() else settings[:2])
    assert len(measured.left_out) == (0 if available() else 2)
    assert measured.rounds == 2
    for found in measured.rows:
        assert found.hello.kernels == found.setting.kernels
        assert set(found.cells) == set(texts) and all(len(cell.runs) == 2 for cell in found.cells.values())
        assert all(cell.num_tokens * 960 == len(cell.samples) > 0 for cell in found.cells.values())
        assert 20 < found.peak_mb < 4000
        assert all(len(set(cell.hashes)) == 1 for cell in found.cells.values())
    assert told[0] == "loading: baseline" and told[-1].startswith("round 2: ")
    lines: list[Check] = check(measured, distances(measured))
    assert lines[2].verdict == "held" and lines[3].verdict == ("held" if available() else "not checked")
    assert set(distances(measured)[OTHER_SEED]) == set(texts)


def test_what_a_row_cannot_load_is_told(tmp_path: Path) -> None:
    with pytest.raises(VoiceNotFound, match="no model in"):
        bench.run(str(tmp_path), None, 0, "table", None, lambda line: None)


def test_a_worker_imports_nothing_from_where_it_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    test_what_a_row_cannot_load_is_told(tmp_path)


@pytest.mark.slow
def test_the_whole_of_it(tmp_path: Path) -> None:
    picture = tmp_path / "bench.svg"
    command = [sys.executable, str(ROOT / "nightingale_tts.py"), "--bench", "json", "--bench-plot", str(picture)]
    done = subprocess.run(command, capture_output=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, b"")
    figures = json.loads(done.stdout)
    assert len(figures["rows"]) + len(figures["left_out"]) == len(SETTINGS)
    assert not [line for line in figures["checks"] if line["verdict"] == "NOT held"]
    assert figures["rounds"] >= 2
    ElementTree.fromstring(picture.read_text())
