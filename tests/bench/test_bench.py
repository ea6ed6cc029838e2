"""--bench: measuring, checks, table and JSON. Most tests use made-up results, whose figures are known."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from numpy.typing import NDArray
from tiny_models import write_model

from nightingale import bench
from nightingale.bench.checks import OTHER_SEED, check, measure_distances, mel_distance
from nightingale.bench.measure import BenchResult, SettingResult, TextResult, measure
from nightingale.bench.settings import BASELINE, KERNELS, KERNELS_SPECULATION, SETTINGS, TEXTS, Setting
from nightingale.bench.table import as_figures, as_table
from nightingale.bench.worker import Run, WorkerInfo
from nightingale.errors import VoiceNotFound
from nightingale.kernels.cpu import available
from nightingale.statistics import Statistics

INT8, SPECULATION = (next(s for s in SETTINGS if s.key == key) for key in ("int8", "speculation"))
NAMES = list(TEXTS)
Sound = NDArray[np.float32]


def sound(pitch: float = 200.0, tokens: int = 20) -> Sound:
    """A tone that glides, so that its frames differ."""
    time_s = np.arange(tokens * 960) / 24_000
    return (0.3 * np.sin(2 * np.pi * (pitch + 400 * time_s) * time_s)).astype(np.float32)


def run(seconds: float, tokens: int, samples: Sound) -> Run:
    statistics = Statistics(
        started_at=0.0, first_sample_at=seconds / 10, compute_s=seconds, t3_s=seconds / 2, num_tokens=tokens
    )
    return Run(statistics, samples, 300.0)


def row(setting: Setting, seconds: float, tokens: int = 20, samples: Sound | None = None) -> SettingResult:
    info = WorkerInfo(setting.kernels, setting.kernels, {
        "system": "Linux x86_64", "cores": "2", "mlx": "0.32.4", "device": "cpu", "blas": "libopenblas.so.0",
        "kernels": "avx512, 2 threads",
    })  # fmt: skip
    samples = sound(tokens=tokens) if samples is None else samples
    runs = [run(seconds, tokens, samples), run(1.5 * seconds, tokens, samples)]
    return SettingResult(setting, info, {name: TextResult(list(runs)) for name in NAMES})


def made_up() -> BenchResult:
    rows = [row(setting, 2.0 if not setting.kernels else 0.25) for setting in SETTINGS]
    return BenchResult(rows, [], TEXTS, {name: sound(230.0) for name in NAMES}, 2, 9.0)


def verdicts(result: BenchResult) -> list[str]:
    return [line.verdict for line in check(result, measure_distances(result))]


def shorten_sound(result: BenchResult) -> None:
    result.rows[3] = row(SPECULATION, 2.0, samples=sound()[:-960])


def add_token_in_one_run(result: BenchResult) -> None:
    result.rows[1].texts["short"].runs[1] = run(3.0, 21, sound())


def change_samples_of_one_run(result: BenchResult) -> None:
    result.rows[0].texts["long"].runs[1] = run(3.0, 20, sound() * np.float32(0.5))


def change_samples_with_speculation(result: BenchResult) -> None:
    result.rows[-1] = row(KERNELS_SPECULATION, 0.2, samples=sound() * np.float32(0.9999))


def replace_speech_by_noise(result: BenchResult) -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, 20 * 960).astype(np.float32)
    result.rows[1] = row(INT8, 2.0, samples=noise)


def test_checks_pass_on_equal_results() -> None:
    assert verdicts(made_up()) == ["passed"] * 5


@pytest.mark.parametrize(
    ("index", "damage", "key"),
    [
        (0, shorten_sound, "speculation"),
        (1, add_token_in_one_run, "int8"),
        (2, change_samples_of_one_run, "baseline"),
        (3, change_samples_with_speculation, "kernels+speculation"),
        (4, replace_speech_by_noise, "int8"),
    ],
)
def test_each_check_can_fail(index: int, damage: Callable[[BenchResult], None], key: str) -> None:
    result = made_up()
    damage(result)
    lines = check(result, measure_distances(result))
    assert [i for i, line in enumerate(lines) if line.verdict == "FAILED"] == [index]
    assert key in lines[index].detail


def test_only_lossy_settings_may_differ_in_their_number_of_tokens() -> None:
    for setting, passed in ((INT8, True), (SPECULATION, False)):
        result = made_up()
        result.rows[SETTINGS.index(setting)] = row(setting, 2.0, tokens=21)
        assert (verdicts(result)[:2] == ["passed", "passed"]) == passed


def test_without_kernels_their_check_is_marked_as_not_checked() -> None:
    result = made_up()
    del result.rows[-2:]
    result.left_out.extend([KERNELS, KERNELS_SPECULATION])
    lines = check(result, measure_distances(result))
    assert lines[3].verdict == "not checked" and "do not run here" in lines[3].detail
    assert "Left out" in as_table(result, measure_distances(result), lines, 80)


def test_mel_distance() -> None:
    one = sound()
    noise = np.random.default_rng(0).normal(0, 0.3, len(one)).astype(np.float32)
    far = mel_distance(one, noise)
    assert mel_distance(one, one) == 0.0
    assert 0 < mel_distance(one, one[960:]) < 2.0 < mel_distance(one, sound(300.0)) < far  # a shift is aligned
    assert abs(mel_distance(noise, noise * np.float32(0.5)) - 6.02) < 0.1  # half is 6 dB
    assert mel_distance(one, one[:100]) == np.inf


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits(columns: int) -> None:
    result = made_up()
    distances = measure_distances(result)
    lines = as_table(result, distances, check(result, distances), columns).splitlines()
    assert max(map(len, lines)) < columns
    heads = [line for line in lines if line.startswith(" ") and " T3 s " in line]
    for setting in SETTINGS:
        found = [line for line in lines if line.startswith(setting.title) and len(line) == len(heads[0])]
        assert len(found) == len(TEXTS)
        first = found[0]
        assert setting is BASELINE or first[21:29] == ("lossless" if setting.lossless else "lossy   ")
        assert first.split()[-1 if columns == 80 else -3] == ("8.0x" if setting.kernels else "1.0x")
    assert len(heads) == len(TEXTS)
    assert sum(line.startswith("passed ") for line in lines) == 5


def test_json_has_everything() -> None:
    result = made_up()
    distances = measure_distances(result)
    figures = json.loads(json.dumps(as_figures(result, distances, check(result, distances))))
    assert [found["key"] for found in figures["rows"]] == [setting.key for setting in SETTINGS]
    short = figures["rows"][-1]["texts"]["short"]
    assert short["seconds"] == pytest.approx(0.3125) and short["times_as_fast"] == 8.0
    assert short["num_tokens"] == 20 and short["num_samples"] == 19_200 and len(short["sha256"]) == 64
    assert short["realtime_factor"] == pytest.approx(0.3906, abs=1e-3) and short["tokens_per_s"] > 0
    assert {"distance_db", "t3_s", "first_sound_s", "same_hash_every_run"} <= set(short)
    assert figures["rows"][-1]["peak_mb"] == 300.0 and len(figures["checks"]) == 5
    assert set(figures["other_seed_distance_db"]) == set(TEXTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("bench"))


def test_settings_run_in_processes_of_their_own(folder: Path) -> None:
    steps: list[str] = []
    settings = [BASELINE, INT8, KERNELS, KERNELS_SPECULATION]
    texts = {"one": "Hi.", "two": "Well, hello there."}
    voice = str(folder / "voice.safetensors")
    result = measure(str(folder), voice, 0, steps.append, settings, texts, budget_s=0.0)
    assert [row.setting for row in result.rows] == (settings if available() else settings[:2])
    assert len(result.left_out) == (0 if available() else 2)
    assert result.rounds == 2
    for found in result.rows:
        assert found.info.kernels == found.setting.kernels
        assert set(found.texts) == set(texts) and all(len(text.runs) == 2 for text in found.texts.values())
        assert all(text.num_tokens * 960 == len(text.samples) > 0 for text in found.texts.values())
        assert all(0 < text.first_sound_s <= text.seconds > text.t3_s > 0 for text in found.texts.values())
        assert 20 < found.peak_mb < 4000
        assert all(len({run.sha256 for run in text.runs}) == 1 for text in found.texts.values())
    assert steps[0] == "loading: baseline" and steps[-1].startswith("round 2: ")
    lines = check(result, measure_distances(result))
    assert lines[2].verdict == "passed" and lines[3].verdict == ("passed" if available() else "not checked")
    assert set(measure_distances(result)[OTHER_SEED]) == set(texts)


def test_an_error_of_a_worker_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises(VoiceNotFound, match="no model in"):
        bench.run(str(tmp_path), None, 0, "table", lambda line: None)


def test_a_worker_imports_nothing_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    test_an_error_of_a_worker_reaches_the_caller(tmp_path)


@pytest.mark.slow
def test_the_command_runs_the_benchmark(folder: Path) -> None:
    figures = run_command("--model", str(folder), "--voice", str(folder / "voice.safetensors"))
    assert {line["verdict"] for line in figures["checks"]} <= {"passed", "FAILED", "not checked"}


@pytest.mark.long
@pytest.mark.slow
def test_the_bundled_model_passes_the_checks() -> None:
    assert not [line for line in run_command()["checks"] if line["verdict"] == "FAILED"]


def run_command(*args: str) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "nightingale_tts.py"), "--bench", "json", *args]
    done = subprocess.run(command, capture_output=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, b"")
    figures: dict[str, Any] = json.loads(done.stdout)
    assert len(figures["rows"]) + len(figures["left_out"]) == len(SETTINGS)
    assert figures["rounds"] >= 2
    return figures
