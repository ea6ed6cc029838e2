"""Draws the losses of training runs, and the spectrogram of a sentence by the teacher and by florence.

    python -m training.plots PICTURES LOGS [LOGS ...]

LOGS are folders of training logs, in the order of the runs. Writes losses.png and spectrogram.png to the folder
PICTURES. Needs matplotlib and the teacher.
"""

import argparse
import random
import re
from pathlib import Path

import matplotlib  # type: ignore[import-not-found]
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # type: ignore[import-not-found]

SENTENCE = "Have you seen the garden since the rain stopped?"
# For each log: the label of a curve, and the pattern of its number in a line.
CURVES = {
    "tokenizer": (("mel L1", r"held l1 ([\d.]+)"), ("CTC", r"held .*?ctc ([\d.]+)")),
    "t3": (
        ("T3, training", r"train loss ([\d.]+)"),
        ("T3, held out", r"held loss ([\d.]+)"),
    ),
    "draft": (("divergence from T3", r"held divergence ([\d.]+)"),),
    "s3gen": (
        ("mel L1, 2 steps from the mean", r"2x0\.0: ([\d.]+)"),
        ("2 steps from noise", r"2x1\.0: ([\d.]+)"),
    ),
    "hift": (
        ("spectral, real mel", r"real mel: spectral ([\d.]+)"),
        ("spectral, S3Gen's mel", r"made mel: spectral ([\d.]+)"),
    ),
}  # fmt: skip
Curve = tuple[list[float], list[float]]


def read_curve(logs: list[Path], pattern: str) -> Curve:
    """Steps and values. Steps of a later stage or run are added to those before it."""
    steps: list[float] = []
    values: list[float] = []
    base = last = 0
    for line in [line for log in logs if log.exists() for line in log.read_text().splitlines()]:
        step = re.search(r"step (\d+)", line)
        if step is None:
            continue
        if int(step[1]) < last:
            base += last
        last = int(step[1])
        if found := re.search(pattern, line):
            steps.append(base + last)
            values.append(float(found[1]))
    return steps, values


def draw_losses(logs: list[Path], path: Path) -> None:
    figure, axes = plt.subplots(1, len(CURVES), figsize=(14, 3.2))
    for axis, (name, curves) in zip(axes, CURVES.items(), strict=True):
        for label, pattern in curves:
            axis.plot(*read_curve([folder / f"{name}.log" for folder in logs], pattern), label=label, linewidth=1.2)
        axis.set(title=name, xlabel="step", yscale="log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="both", which="both", labelsize=6)
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def draw_spectrograms(sentence: str, path: Path) -> None:
    """The teacher above, florence below."""
    from nightingale import Engine
    from training.teacher import SAMPLE_RATE, FlorenceTeacher, trim

    voice = np.concatenate([chunk.samples for chunk in Engine().speak(sentence)])
    teacher = trim(FlorenceTeacher(seed=0).speak(sentence, 1.0), random.Random(0))
    assert teacher is not None
    figure, axes = plt.subplots(2, 1, figsize=(9, 5.5), sharex=True)
    for axis, samples, name in zip(axes, (teacher.audio, voice), ("teacher", "florence"), strict=True):
        axis.specgram(samples, NFFT=1024, Fs=SAMPLE_RATE, noverlap=896, vmin=-130, vmax=-30, cmap="magma")
        axis.set(title=f"{name}: {sentence}", ylabel="Hz", ylim=(0, 10_000))
    axes[-1].set_xlabel("seconds")
    figure.tight_layout()
    figure.savefig(path, dpi=72)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("logs", type=Path, nargs="+")
    args = parser.parse_args()
    draw_losses(args.logs, args.pictures / "losses.png")
    draw_spectrograms(SENTENCE, args.pictures / "spectrogram.png")


if __name__ == "__main__":
    main()
