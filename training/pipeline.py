"""Runs the whole chain on one machine with any number of GPUs, within a time budget.

    python -m training.pipeline --corpus sentences.txt.xz --work DIR --tokenizer-seconds 250 --seconds 1200

The teacher speaks on the cores that the training leaves free, from the first second to the last. First comes the speech
tokenizer, beside it the vocoder; then S3Gen and T3, beside them the vocoder on a GPU of its own, or all one after the
other where there is one. Checkpoints in --resume (or in DIR, from an earlier run) are gone on from; without a
tokenizer's budget its checkpoint is taken as it is. Logs and checkpoints are in DIR, and are whole at any time.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import torch

STAGES = {
    "tokenizer": ["training.train_tokenizer", "--lr", "1.5e-3", "--hours", "120"],
    "t3": ["training.train_t3", "--lr", "1e-3", "--decay-from", "0.4", "--bits", "4"],
    "s3gen": ["training.train_s3gen", "--lr", "1e-3", "--decay-from", "0.5", "--hours", "60"],
    "hift": ["training.train_hift", "--lr", "4e-4", "--decay-from", "0.6", "--hours", "30"],
}


class Pipeline:
    def __init__(self, args: argparse.Namespace) -> None:
        self.work, self.resume, self.toy = args.work, args.resume or args.work, args.toy
        self.shards = args.work / "shards"
        self.shards.mkdir(parents=True, exist_ok=True)
        self.failed: list[str] = []

    def teacher(self, corpus: Path, workers: int, first_epoch: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "training.teacher", "--corpus", str(corpus), "--out", str(self.shards)]
        command += ["--first-epoch", str(first_epoch), "--workers", str(workers)]
        with open(self.work / "teacher.log", "wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def stage(self, name: str, gpus: list[int], seconds: float, *extra: str) -> None:
        """Run one training script on some GPUs; its failure is told and does not stop the others."""
        environment = os.environ | {
            "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "2",
        }
        command = [*launcher(len(gpus)), *STAGES[name], *self._options(name, seconds), *extra]
        with open(self.work / f"{name}.log", "ab") as log:
            code = subprocess.run(command, stdout=log, stderr=log, env=environment, check=False).returncode
        if code:
            self.failed.append(name)
            print(f"{name} failed with {code}; see {name}.log", flush=True)

    def _options(self, name: str, seconds: float) -> list[str]:
        out = self.work / f"{name}.pt"
        options = ["--shards", str(self.shards), "--out", str(out), "--seconds", str(seconds)]
        before = out if out.exists() else self.resume / out.name
        if before.exists():
            options += ["--resume", str(before)]
        if name in ("t3", "s3gen"):
            options += self._with("tokenizer")
        return options + (["--toy"] if self.toy else [])

    def _with(self, name: str) -> list[str]:
        return [f"--{name}", str(self.work / f"{name}.pt")]

    def together(self, *lanes: Callable[[], None]) -> None:
        threads = [Thread(target=lane) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(20)
                self.show()

    def show(self) -> None:
        for name in STAGES:
            log = self.work / f"{name}.log"
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            if lines:
                print(f"{name:9} {lines[-1][:300]}", flush=True)

    def run(self, gpus: int, tokenizer_seconds: float, seconds: float) -> None:
        if tokenizer_seconds:
            self._first(gpus, tokenizer_seconds)
        elif not (self.work / "tokenizer.pt").exists():
            (self.work / "tokenizer.pt").write_bytes((self.resume / "tokenizer.pt").read_bytes())
        self._rest(gpus, seconds)

    def _first(self, gpus: int, seconds: float) -> None:
        """The tokenizer on all GPUs but the last, which has the vocoder."""
        lanes = [lambda: self.stage("tokenizer", list(range(max(1, gpus - 1))), seconds)]
        if gpus > 1:
            lanes.append(lambda: self.stage("hift", [gpus - 1], seconds, "--decay-from", "1"))
        self.together(*lanes)

    def _rest(self, gpus: int, seconds: float) -> None:
        """S3Gen, then T3; beside them the vocoder, which ends on the mels of the new S3Gen."""
        finish = [*self._with("s3gen"), *self._with("tokenizer")]
        others, last = list(range(max(1, gpus - 1))), [gpus - 1]
        made = Event()

        def tokens(share: float) -> None:
            self.stage("s3gen", others, 0.3 * share * seconds)
            made.set()
            self.stage("t3", others, 0.7 * share * seconds)  # last, when there is the most to read

        def sound(share: float) -> None:
            self.stage("hift", last, 0.3 * share * seconds, "--decay-from", "1")
            made.wait()
            self.stage("hift", last, 0.7 * share * seconds, *finish)

        if gpus == 1:
            tokens(0.6)
            sound(0.4)
        else:
            self.together(lambda: tokens(1.0), lambda: sound(1.0))


def launcher(processes: int) -> list[str]:
    """What runs a module in so many processes."""
    if processes == 1:
        return [sys.executable, "-m"]
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    return [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), *meeting, "-m"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="sentences that training.corpus prepared")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--resume", type=Path, help="folder of checkpoints to go on from")
    parser.add_argument("--tokenizer-seconds", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, required=True, help="for all that follows the tokenizer")
    parser.add_argument("--first-epoch", type=int, default=0, help="of the teacher: another one is other speech")
    parser.add_argument("--toy", action="store_true", help="tiny batches, to try the chain out on a CPU")
    args = parser.parse_args()
    gpus = torch.cuda.device_count() or 1
    cores = len(os.sched_getaffinity(0))
    pipeline = Pipeline(args)
    teacher = pipeline.teacher(args.corpus, max(1, cores - 2 * gpus), args.first_epoch)
    try:
        pipeline.run(gpus, args.tokenizer_seconds, args.seconds)
    finally:
        os.killpg(teacher.pid, signal.SIGTERM)  # its workers too
    pipeline.show()
    sys.exit(1 if pipeline.failed else 0)


if __name__ == "__main__":
    main()
