"""The outcome for people, 80 columns wide or 104, and for programs."""

import textwrap
from dataclasses import asdict
from typing import Any

from nightingale.bench.checks import OTHER_SEED, Check, OffDb
from nightingale.bench.measure import Cell, Measured, Row

_WIDE = 104  # columns, from which there is room for all

LEGEND = """\
baseline     MLX alone, T3 in float32
+ ...        the baseline with this one thing changed
lossless     the same tokens as the baseline; lossy: others may come
s, T3 s      seconds for the whole text, engine warm; of that, making tokens
tok/s        tokens a second, in T3
RTF          seconds of work for a second of sound
first        milliseconds to the first sound
MB           the most memory of the process
tok, hash    tokens said; hash of the samples, whose last bits kernels change
speed        how many times as fast as the baseline"""
PACKED_NOTE = (
    "Without kernels MLX on this CPU computes in float32 whatever the bits: there INT8 and INT4 change what is said, "
    "not how fast."
)


def as_table(measured: Measured, off_db: OffDb, checks: list[Check], columns: int) -> str:
    """A table for each text, what the columns mean, and the checks."""
    machine = measured.rows[-1].hello.machine
    about = (
        f"{machine['system']}, {machine['cores']} cores, MLX {machine['mlx']} on {machine['device']}, "
        f"BLAS {machine['blas']}, kernels {machine['kernels']}; medians of {measured.rounds} rounds"
    )
    parts = [_wrapped(about, columns)]
    wide = columns >= _WIDE
    for name, text in measured.texts.items():
        parts.append("\n".join([*_title(name, text, measured, columns), _heading(wide)]
                               + [_line(row, name, measured, off_db, wide) for row in measured.rows]))  # fmt: skip
    parts.append(LEGEND)
    notes = []
    if not measured.rows[0].hello.multiplies_packed:
        notes.append(PACKED_NOTE)
    if measured.left_out:
        notes.append("Left out, since the kernels do not run here: "
                     + ", ".join(setting.key for setting in measured.left_out) + ".")  # fmt: skip
    parts += [_wrapped(note, columns) for note in notes]
    parts.append("\n".join(_check_lines(checks, columns)))
    return "\n\n".join(parts)


def as_figures(measured: Measured, off_db: OffDb, checks: list[Check]) -> dict[str, Any]:
    """Everything, for JSON."""
    baseline = measured.rows[0].cells
    return {
        "machine": measured.rows[-1].hello.machine,
        "rounds": measured.rounds,
        "seconds": round(measured.seconds, 1),
        "texts": dict(measured.texts),
        "rows": [
            asdict(row.setting)
            | {
                "title": row.setting.title.strip(),
                "peak_mb": round(row.peak_mb, 1),
                "texts": {
                    name: _cell_figures(cell, baseline[name]) | {"distance_db": round(off_db[row.setting.key][name], 2)}
                    for name, cell in row.cells.items()
                },
            }
            for row in measured.rows
        ],
        "left_out": [setting.key for setting in measured.left_out],
        "other_seed_distance_db": {name: round(value, 2) for name, value in off_db[OTHER_SEED].items()},
        "checks": [asdict(check) for check in checks],
    }


def _cell_figures(cell: Cell, baseline: Cell) -> dict[str, Any]:
    times = {
        "seconds": cell.seconds,
        "t3_s": cell.t3_s,
        "tokens_per_s": cell.tokens_per_s,
        "realtime_factor": cell.realtime_factor,
        "first_sound_s": cell.first_sound_s,
        "times_as_fast": cell.ratio(baseline),
    }
    rounded: dict[str, Any] = {name: round(value, 4) for name, value in times.items()}
    return rounded | {
        "all_seconds": [round(run.seconds, 4) for run in cell.runs],
        "num_tokens": cell.num_tokens,
        "num_samples": len(cell.samples),
        "sha256": cell.hashes[0],
        "same_hash_every_run": len(set(cell.hashes)) == 1,
    }


def _title(name: str, text: str, measured: Measured, columns: int) -> list[str]:
    sound_s = len(measured.rows[0].cells[name].samples) / 24_000
    return textwrap.wrap(f'{name}, {sound_s:.1f} s of sound: "{text}"', columns - 1)


def _heading(wide: bool) -> str:
    line = f"{'':20} {'':8}     s  T3 s tok/s  RTF first   MB  tok hash{' ' * 8 * wide} speed"
    return line + ("  samples  dB off" if wide else "")


def _line(row: Row, name: str, measured: Measured, off_db: OffDb, wide: bool) -> str:
    cell, setting = row.cells[name], row.setting
    kind = "lossless" if setting.lossless else "lossy"
    line = (
        f"{setting.title:20} {'' if row is measured.rows[0] else kind:8} {cell.seconds:5.2f} {cell.t3_s:5.2f} "
        f"{cell.tokens_per_s:5.0f} {cell.realtime_factor:4.2f} {cell.first_sound_s * 1000:5.0f} {row.peak_mb:4.0f} "
        f"{cell.num_tokens:4d} {cell.hashes[0][: 12 if wide else 4]} {cell.ratio(measured.rows[0].cells[name]):4.1f}x"
    )
    return line + (f" {len(cell.samples):8d} {off_db[setting.key][name]:7.1f}" if wide else "")


def _check_lines(checks: list[Check], columns: int) -> list[str]:
    lines = []
    for check in checks:
        lines += textwrap.wrap(
            f"{check.verdict:11} {check.title}: {check.detail}", columns - 1, subsequent_indent=" " * 12
        )
    return lines


def _wrapped(text: str, columns: int) -> str:
    return textwrap.fill(text, columns - 1)
