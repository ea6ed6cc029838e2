"""An engine with one setting in a process of its own: the native kernels are chosen when a process starts.

The parent sends pairs of text and seed, the worker answers each with a `Run`. Both are pickled, over the standard input
and output of the worker. An error of the engine is sent as the exception itself.
"""

import hashlib
import json
import os
import pickle
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nightingale.bench.settings import TEXTS, Setting
from nightingale.errors import NightingaleError
from nightingale.options import CacheOptions, SpeakOptions
from nightingale.statistics import Statistics

_ROOT = Path(__file__).parents[2]
# sys.path without the current folder: a json.py in it would be imported.
_CODE = "import sys; sys.path = [p for p in sys.path if p]; from nightingale.bench.worker import work; work()"
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes

T = TypeVar("T")


@dataclass(frozen=True)
class WorkerInfo:
    """kernels: whether the native ones run. multiplies_quantized: whether quantized weights are multiplied directly."""

    kernels: bool
    multiplies_quantized: bool
    machine: dict[str, str]


@dataclass(frozen=True)
class Run:
    """One text, spoken once. peak_mb: peak memory of the process so far."""

    statistics: Statistics
    samples: NDArray[np.float32]
    peak_mb: float

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.samples.tobytes()).hexdigest()


class Worker:
    """The parent's handle of a worker process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.info = self._answer(WorkerInfo)

    def speak(self, text: str, seed: int) -> Run:
        assert self._process.stdin
        pickle.dump((text, seed), self._process.stdin)
        self._process.stdin.flush()
        return self._answer(Run)

    def _answer(self, kind: type[T]) -> T:
        assert self._process.stdout
        try:
            answer = pickle.load(self._process.stdout)
        except EOFError as error:
            raise NightingaleError(f"a process of the benchmark ended with {self._process.wait()}") from error
        if isinstance(answer, NightingaleError):
            raise answer
        assert isinstance(answer, kind)
        return answer


@contextmanager
def start(setting: Setting, model: str | None, voice: str | None) -> Iterator[Worker]:
    """A worker that has loaded its engine and spoken once. Raises the errors of its engine."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT), *_python_path()])}
    environment.pop("NIGHTINGALE_KERNELS", None)
    if not setting.kernels:
        environment["NIGHTINGALE_KERNELS"] = "off"
    task = json.dumps({"setting": asdict(setting), "model": model, "voice": voice})
    with subprocess.Popen(
        [sys.executable, "-c", _CODE, task],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        start_new_session=True,  # Ctrl-C must reach the parent only, which then ends the workers
    ) as process:  # fmt: skip
        try:
            yield Worker(process)
        finally:
            process.kill()


def _python_path() -> list[str]:
    return [path for path in [os.environ.get("PYTHONPATH")] if path]


def work() -> None:
    """Main function of the worker process; its first argument is the task."""
    task: dict[str, Any] = json.loads(sys.argv[1])
    answers = sys.stdout.buffer
    try:
        engine, info = _load(Setting(**task["setting"]), task["model"], task["voice"])
        _speak(engine, TEXTS["short"], 0)  # allocates buffers and reads the files into memory
        pickle.dump(info, answers)
        answers.flush()
        while True:
            try:
                text, seed = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            pickle.dump(_speak(engine, text, seed), answers)
            answers.flush()
    except NightingaleError as error:
        pickle.dump(error, answers)


def _load(setting: Setting, model: str | None, voice: str | None) -> tuple[Any, WorkerInfo]:
    from nightingale.engine import BLAS, Engine  # isort: skip (before mlx, which keeps the BLAS it finds)
    import mlx.core as mx

    from nightingale.kernels import backend, cpu

    cache = None if setting.kv_bits is None else CacheOptions(bits=setting.kv_bits)
    engine = Engine(model=model, voice=voice, bits=setting.bits, speculate=setting.speculate, cache=cache)
    machine = {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "device": str(mx.default_device().type).rpartition(".")[2],
        "mlx": str(vars(mx)["__version__"]),
        "blas": BLAS or "MLX's own",
        "kernels": cpu.description(),
    }
    return engine, WorkerInfo(backend.is_native(), backend.multiplies_quantized(), machine)


def _speak(engine: Any, text: str, seed: int) -> Run:
    chunks = [chunk.samples for chunk in engine.speak(text, SpeakOptions(seed=seed))]
    samples = np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT / 1e6
    return Run(engine.statistics, samples, peak_mb)
