"""Results as a table, 80 or 104 columns wide, or as figures for JSON."""

import textwrap
from dataclasses import asdict
from typing import Any

from nightingale.bench.checks import OTHER_SEED, Check, Distances
from nightingale.bench.measure import BenchResult, SettingResult, TextResult

_WIDE = 104  # columns from which all figures fit

LEGEND = """\
baseline     MLX alone, T3 in float32
+ ...        the baseline with this one change
lossless     same tokens as the baseline; lossy: tokens may differ
s, T3 s      seconds for the whole text, engine warm; seconds in T3
tok/s        tokens per second of T3
RTF          real-time factor: seconds of work per second of sound
first        milliseconds to the first samples
MB           peak memory of the process
tok, hash    number of tokens; hash of the samples (kernels change last bits)
speed        speed relative to the baseline"""
QUANTIZED_NOTE = (
    "Without kernels MLX on this CPU computes in float32 whatever the bits: there INT8 and INT4 change the tokens, not "
    "the speed."
)


def as_table(result: BenchResult, distances: Distances, checks: list[Check], columns: int) -> str:
    """A table for each text, a legend, and the checks."""
    machine = result.rows[-1].info.machine
    about = (
        f"{machine['system']}, {machine['cores']} cores, MLX {machine['mlx']} on {machine['device']}, "
        f"BLAS {machine['blas']}, kernels {machine['kernels']}; medians of {result.rounds} rounds"
    )
    parts = [_wrap(about, columns)]
    wide = columns >= _WIDE
    for name, text in result.texts.items():
        parts.append("\n".join([*_title(name, text, result, columns), _heading(wide)]
                               + [_line(row, name, result, distances, wide) for row in result.rows]))  # fmt: skip
    parts.append(LEGEND)
    if not result.rows[0].info.multiplies_quantized:
        parts.append(_wrap(QUANTIZED_NOTE, columns))
    if result.left_out:
        keys = ", ".join(setting.key for setting in result.left_out)
        parts.append(_wrap(f"Left out, since the kernels do not run here: {keys}.", columns))
    parts.append("\n".join(_check_lines(checks, columns)))
    return "\n\n".join(parts)


def as_figures(result: BenchResult, distances: Distances, checks: list[Check]) -> dict[str, Any]:
    """All figures, for JSON."""
    baseline = result.rows[0].texts
    return {
        "machine": result.rows[-1].info.machine,
        "rounds": result.rounds,
        "seconds": round(result.seconds, 1),
        "texts": dict(result.texts),
        "rows": [
            asdict(row.setting)
            | {
                "title": row.setting.title.strip(),
                "peak_mb": round(row.peak_mb, 1),
                "texts": {
                    name: _text_figures(text, baseline[name])
                    | {"distance_db": round(distances[row.setting.key][name], 2)}
                    for name, text in row.texts.items()
                },
            }
            for row in result.rows
        ],
        "left_out": [setting.key for setting in result.left_out],
        "other_seed_distance_db": {name: round(value, 2) for name, value in distances[OTHER_SEED].items()},
        "checks": [asdict(check) for check in checks],
    }


def _text_figures(text: TextResult, baseline: TextResult) -> dict[str, Any]:
    times = {
        "seconds": text.seconds,
        "t3_s": text.t3_s,
        "tokens_per_s": text.tokens_per_s,
        "realtime_factor": text.realtime_factor,
        "first_sound_s": text.first_sound_s,
        "times_as_fast": text.speedup(baseline),
    }
    rounded: dict[str, Any] = {name: round(value, 4) for name, value in times.items()}
    return rounded | {
        "all_seconds": [round(run.statistics.compute_s, 4) for run in text.runs],
        "num_tokens": text.num_tokens,
        "num_samples": len(text.samples),
        "sha256": text.runs[0].sha256,
        "same_hash_every_run": len({run.sha256 for run in text.runs}) == 1,
    }


def _title(name: str, text: str, result: BenchResult, columns: int) -> list[str]:
    sound_s = result.rows[0].texts[name].sound_s
    return textwrap.wrap(f'{name}, {sound_s:.1f} s of sound: "{text}"', columns - 1)


def _heading(wide: bool) -> str:
    line = f"{'':20} {'':8}     s  T3 s tok/s  RTF first   MB  tok hash{' ' * 8 * wide} speed"
    return line + ("  samples  dB off" if wide else "")


def _line(row: SettingResult, name: str, result: BenchResult, distances: Distances, wide: bool) -> str:
    text, setting, baseline = row.texts[name], row.setting, result.rows[0]
    kind = "" if row is baseline else "lossless" if setting.lossless else "lossy"
    line = (
        f"{setting.title:20} {kind:8} {text.seconds:5.2f} {text.t3_s:5.2f} "
        f"{text.tokens_per_s:5.0f} {text.realtime_factor:4.2f} {text.first_sound_s * 1000:5.0f} {row.peak_mb:4.0f} "
        f"{text.num_tokens:4d} {text.runs[0].sha256[: 12 if wide else 4]} {text.speedup(baseline.texts[name]):4.1f}x"
    )
    return line + (f" {len(text.samples):8d} {distances[setting.key][name]:7.1f}" if wide else "")


def _check_lines(checks: list[Check], columns: int) -> list[str]:
    lines = []
    for check in checks:
        lines += textwrap.wrap(
            f"{check.verdict:11} {check.title}: {check.detail}", columns - 1, subsequent_indent=" " * 12
        )
    return lines


def _wrap(text: str, columns: int) -> str:
    return textwrap.fill(text, columns - 1)
