"""One row of the benchmark in a process of its own, since the native kernels are chosen when a process starts.

The parent sends a text and a seed at a time, the worker answers with a `Spoken`; both as pickles, over the worker's
standard input and output. What fails is sent as the exception that it is.
"""

import json
import os
import pickle
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nightingale.bench.rows import TEXTS, Setting
from nightingale.errors import NightingaleError
from nightingale.options import CacheOptions, SpeakOptions

_ROOT = Path(__file__).parents[2]
# Without the folder that it is started in: a json.py there would be imported.
_CODE = "import sys; sys.path = [p for p in sys.path if p]; from nightingale.bench.worker import work; work()"
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes

T = TypeVar("T")


@dataclass(frozen=True)
class Hello:
    """What runs in a worker. kernels: whether they do. multiplies_packed: whether few bits are multiplied as stored."""

    kernels: bool
    multiplies_packed: bool
    machine: dict[str, str]


@dataclass(frozen=True)
class Spoken:
    """One text by a warm engine. first_sound_s: until its first chunk. peak_mb: the process's memory until now."""

    seconds: float
    t3_s: float
    first_sound_s: float
    num_tokens: int
    peak_mb: float
    samples: NDArray[np.float32]


class Worker:
    """The parent's side."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.hello = self._answer(Hello)

    def speak(self, text: str, seed: int) -> Spoken:
        assert self._process.stdin
        pickle.dump((text, seed), self._process.stdin)
        self._process.stdin.flush()
        return self._answer(Spoken)

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
    """A worker that has loaded its engine and spoken once. Raises what its engine raises."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT), *_python_path()])}
    environment.pop("NIGHTINGALE_KERNELS", None)
    if not setting.kernels:
        environment["NIGHTINGALE_KERNELS"] = "off"
    task = json.dumps({"setting": asdict(setting), "model": model, "voice": voice})
    with subprocess.Popen(
        [sys.executable, "-c", _CODE, task],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
        start_new_session=True,  # Ctrl-C is the parent's, which ends the workers
    ) as process:  # fmt: skip
        try:
            yield Worker(process)
        finally:
            process.kill()


def _python_path() -> list[str]:
    return [path for path in [os.environ.get("PYTHONPATH")] if path]


def work() -> None:
    """The worker's side; its task is the first argument."""
    task: dict[str, Any] = json.loads(sys.argv[1])
    answers = sys.stdout.buffer
    try:
        engine, hello = _load(Setting(**task["setting"]), task["model"], task["voice"])
        _speak(engine, TEXTS["short"], 0)  # buffers allocated, files in memory
        pickle.dump(hello, answers)
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


def _load(setting: Setting, model: str | None, voice: str | None) -> tuple[Any, Hello]:
    from nightingale.engine import BLAS, Engine  # isort: skip (before mlx, which keeps the BLAS it finds)
    import mlx.core as mx

    from nightingale.kernels import cpu as kernels
    from nightingale.kernels.backend import native, on_cpu

    cache = None if setting.kv_bits is None else CacheOptions(bits=setting.kv_bits)
    engine = Engine(model=model, voice=voice, bits=setting.bits, speculate=setting.speculate, cache=cache)
    machine = {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "device": str(mx.default_device().type).rpartition(".")[2],
        "mlx": str(vars(mx)["__version__"]),
        "blas": BLAS or "MLX's own",
        "kernels": kernels.description(),
    }
    return engine, Hello(native(), native() or not on_cpu(), machine)


def _speak(engine: Any, text: str, seed: int) -> Spoken:
    pieces: list[NDArray[np.float32]] = []
    first_sound_s = 0.0
    began = time.perf_counter()
    for chunk in engine.speak(text, SpeakOptions(seed=seed)):
        first_sound_s = first_sound_s or time.perf_counter() - began
        pieces.append(chunk.samples)
    seconds = time.perf_counter() - began
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT / 1e6
    return Spoken(seconds, engine.statistics.t3_s, first_sound_s, engine.statistics.num_tokens, peak_mb, samples)
