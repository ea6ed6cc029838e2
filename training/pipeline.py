"""Runs all of training on one machine with any number of GPUs, within a time budget.

    python -m training.pipeline --corpus sentences.txt.xz --work DIR --tokenizer-seconds 250 --seconds 1200

The teachers speak throughout, on the cores that training leaves free; Kokoro, which speaks rising questions and
everything of keats, shares the GPUs. The speech tokenizer is trained first, with the vocoder beside it; without
--tokenizer-seconds its checkpoint is used as it is. Then come the lanes:

    --lane s3gen=0.28 t3=0.52 draft=0.2 --lane hift=0.32 hift=0.68

Lanes run in parallel, each on GPUs of its own, or one after the other if there are too few GPUs. The stages of a lane
run one after the other, each for its share of the lane's time. Stages that no lane names are not trained. Until S3Gen
is trained, the vocoder learns from real mels. Checkpoints in --resume are copied to DIR, and training resumes from
those in DIR. Logs and checkpoints are complete at any time.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread

import torch

from training.quantization import T3_BITS
from training.voices import VOICES

STAGES = {
    "tokenizer": ["training.train_tokenizer", "--lr", "1.5e-3", "--hours", "200"],
    "s3gen": ["training.train_s3gen", "--lr", "1e-3", "--decay-from", "0.5", "--hours", "150"],
    "hift": ["training.train_hift", "--lr", "4e-4", "--decay-from", "0.6", "--hours", "30"],
    "t3": ["training.train_t3", "--lr", "1.2e-3", "--decay-from", "0.5", "--bits", str(T3_BITS)],
    "draft": ["training.train_draft", "--lr", "1e-3", "--decay-from", "0.4"],
}
# Other checkpoints that a stage reads, unless their own stage has yet to run.
READS = {"s3gen": ["tokenizer"], "hift": ["tokenizer", "s3gen"], "t3": ["tokenizer"], "draft": ["tokenizer", "t3"]}
HEARD_BY = {"s3gen": ["hift"]}  # the same, but read even if their own stage has yet to run

Lane = list[tuple[str, float]]  # stages and their shares of the lane's time
# T3 starts when there is much speech. The second stage of the vocoder starts soon after S3Gen and uses its mels.
LANES: list[Lane] = [[("s3gen", 0.28), ("t3", 0.52), ("draft", 0.2)], [("hift", 0.32), ("hift", 0.68)]]
LOOK_EVERY = 20.0  # seconds


class TeacherStopped(Exception):
    """The teacher has ended, so scripts that wait for speech would wait for ever."""


class Pipeline:
    def __init__(self, work: Path, resume: Path | None, gpus: int, toy: bool) -> None:
        self.work, self.gpus, self.toy = work, gpus, toy
        self.shards = work / "shards"
        self.shards.mkdir(parents=True, exist_ok=True)
        for checkpoint in resume.glob("*.pt") if resume else ():
            shutil.copy(checkpoint, work)
        self.ahead: set[str] = set()  # stages that have yet to run
        self.rates: dict[str, float] = {}  # learning rates that replace those of STAGES
        self.failed: list[str] = []
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.stopping = False

    def start_teacher(self, *options: str) -> None:
        command = [sys.executable, "-m", "training.teacher", "--out", str(self.shards), *options]
        with open(self.work / "teacher.log", "wb") as log:
            self.running["teacher"] = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def teacher_speaks(self) -> bool:
        return self.running["teacher"].poll() is None

    def stop(self) -> None:
        """End all running processes and their children, and start no more."""
        self.stopping = True
        for process in list(self.running.values()):
            with contextlib.suppress(ProcessLookupError):  # all have ended; children may outlive the process itself
                os.killpg(process.pid, signal.SIGTERM)

    def stage(self, name: str, gpus: list[int], seconds: float) -> None:
        """Run one training script on some GPUs. If it fails, print that and let the others run."""
        environment = os.environ | {
            "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "2",
        }
        command = [*launcher(len(gpus)), *STAGES[name], *self._options(name, seconds)]
        with open(self.work / f"{name}.log", "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        self.running[name] = process
        code = process.wait()
        self.ahead.discard(name)
        if code:
            self.failed.append(name)
            print(f"{name} failed with {code}; see {name}.log", flush=True)

    def _options(self, name: str, seconds: float) -> list[str]:
        out = self.work / f"{name}.pt"
        options = ["--shards", str(self.shards), "--out", str(out), "--seconds", str(seconds)]
        if name in self.rates:
            options += ["--lr", str(self.rates[name])]
        if out.exists():
            options += ["--resume", str(out)]
        ready = [other for other in READS.get(name, []) if other not in self.ahead] + HEARD_BY.get(name, [])
        for other in ready:
            if (path := self.work / f"{other}.pt").exists():
                options += [f"--{other}", str(path)]
        if name == "hift" and "--s3gen" not in options:
            options += ["--decay-from", "1"]  # no decay yet: a later stage continues on S3Gen's mels
        return options + (["--toy"] if self.toy else [])

    def together(self, *lanes: Callable[[], None]) -> None:
        """Run lanes in parallel and print their progress. Raises TeacherStopped."""
        threads = [Thread(target=lane) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(LOOK_EVERY)
                self.show()
                if not self.teacher_speaks():
                    self.stop()
                    raise TeacherStopped("the teacher has stopped:\n" + "\n".join(self._lines("teacher")[-10:]))

    def show(self) -> None:
        for name in STAGES:
            if lines := self._lines(name):
                print(f"{name:9} {lines[-1][:300]}", flush=True)

    def _lines(self, name: str) -> list[str]:
        log = self.work / f"{name}.log"
        return log.read_text(errors="replace").splitlines() if log.exists() else []

    def train_tokenizer(self, seconds: float) -> None:
        """Train the tokenizer on all GPUs but the last, and the vocoder on the last."""
        lanes = [partial(self.stage, "tokenizer", list(range(max(1, self.gpus - 1))), seconds)]
        if self.gpus > 1:
            lanes.append(partial(self.stage, "hift", [self.gpus - 1], seconds))
        self.together(*lanes)

    def train(self, lanes: list[Lane], seconds: float) -> None:
        """Train the lanes. Each has one GPU, and the first also has those that are left."""
        first = self.gpus - len(lanes) + 1
        if first >= 1:
            places = [list(range(first)), *([gpu] for gpu in range(first, self.gpus))]
            self.together(*(partial(self._run, lane, gpus, seconds) for lane, gpus in zip(lanes, places, strict=True)))
            return
        for lane in lanes:
            self.together(partial(self._run, lane, list(range(self.gpus)), seconds / len(lanes)))

    def _run(self, lane: Lane, gpus: list[int], seconds: float) -> None:
        for name, share in lane:
            if share and not self.stopping and self.teacher_speaks():
                self.stage(name, gpus, seconds * share / sum(part for _, part in lane))


def launcher(processes: int) -> list[str]:
    """The command that runs a module in this many processes."""
    if processes == 1:
        return [sys.executable, "-m"]
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    return [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), *meeting, "-m"]


def of_stage(word: str) -> tuple[str, float]:
    """Parse STAGE=NUMBER."""
    name, _, number = word.partition("=")
    if name not in STAGES or name == "tokenizer":
        raise argparse.ArgumentTypeError(f"no stage {name!r}; there are {', '.join(list(STAGES)[1:])}")
    return name, float(number)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True, help="output file of training.corpus")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--resume", type=Path, help="folder of checkpoints to start from")
    parser.add_argument("--tokenizer-seconds", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, required=True, help="time for everything after the tokenizer")
    parser.add_argument("--lane", type=of_stage, nargs="+", action="append", metavar="STAGE=SHARE")
    parser.add_argument("--lr", type=of_stage, nargs="+", default=[], metavar="STAGE=RATE", help="other learning rates")
    parser.add_argument("--voices", nargs="+", default=[VOICES[0]], help="voices of the teacher's workers, in equal "
                        "shares")
    parser.add_argument("--teachers", help="output folder of training.kokoro, for keats and for "
                        "rising questions")  # fmt: skip
    parser.add_argument("--first-epoch", default="0", help="the teacher's first pass; another one gives other "
                        "speech")
    parser.add_argument("--toy", action="store_true", help="tiny batches, to try the chain on a CPU")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    gpus = torch.cuda.device_count() or 1
    lanes = args.lane or LANES
    pipeline = Pipeline(args.work, args.resume, gpus, args.toy)
    pipeline.ahead = {name for lane in lanes for name, share in lane if share}
    pipeline.rates = dict(args.lr)
    workers = max(len(args.voices), len(os.sched_getaffinity(0)) - 2 * gpus)
    teacher = ["--corpus", args.corpus, "--first-epoch", args.first_epoch, "--workers", str(workers)]
    teacher += ["--teachers", args.teachers] if args.teachers else []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the children have sessions of their own, and would go on
    pipeline.start_teacher(*teacher, "--voices", *args.voices)
    try:
        if args.tokenizer_seconds:
            pipeline.train_tokenizer(args.tokenizer_seconds)
        pipeline.train(lanes, args.seconds)
    except TeacherStopped as stopped:
        sys.exit(str(stopped))
    finally:
        pipeline.stop()
    pipeline.show()
    sys.exit(1 if pipeline.failed else 0)


if __name__ == "__main__":
    main()
