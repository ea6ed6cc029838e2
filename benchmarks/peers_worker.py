"""Worker of peers.py: loads one program and speaks the texts that come line by line on stdin.

    peers_worker.py NAME [WEIGHTS]

Runs in the program's environment, so it imports nothing of this project except for `nightingale`. Nothing is
downloaded: without weights on this machine, loading fails and the error is the answer.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

Speak = Callable[[str], Iterator[int]]  # text -> number of samples of each chunk


def nightingale(weights: str) -> tuple[int, Speak]:
    from nightingale.engine import Engine

    engine = Engine()
    return 24_000, lambda text: (len(chunk.samples) for chunk in engine.speak(text))


def piper(weights: str) -> tuple[int, Speak]:
    from piper import PiperVoice

    voice = PiperVoice.load(weights)
    return voice.config.sample_rate, lambda text: (len(c.audio_float_array) for c in voice.synthesize(text))


def hibari(weights: str) -> tuple[int, Speak]:
    from hibari import Hibari

    tts = Hibari()
    return tts.sample_rate, lambda text: (len(samples) for samples in tts.stream(text))


def pocket(weights: str) -> tuple[int, Speak]:
    from pocket_tts import TTSModel

    model = TTSModel.load_model()
    state = model.get_state_for_audio_prompt("alba")
    return model.sample_rate, lambda text: (len(samples) for samples in model.generate_audio_stream(state, text))


def mlx_audio(weights: str) -> tuple[int, Speak]:
    from mlx_audio.tts.utils import load_model

    if not os.path.isdir(weights):
        raise FileNotFoundError("its Chatterbox has no weights in the package: give a folder with --weights")
    model = load_model(weights)
    return model.sample_rate, lambda text: (result.audio.shape[0] for result in model.generate(text))


LOAD = {"nightingale": nightingale, "piper": piper, "hibari": hibari, "pocket-tts": pocket, "mlx-audio": mlx_audio}


def timed(speak: Speak, text: str, sample_rate: int) -> dict[str, float | int]:
    began = time.perf_counter()
    first, samples, chunks = 0.0, 0, 0
    for count in speak(text):
        first = first or time.perf_counter() - began
        samples, chunks = samples + count, chunks + 1
    seconds = time.perf_counter() - began
    return {"first_s": first, "compute_s": seconds, "sound_s": samples / sample_rate, "chunks": chunks}


def peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss: bytes, or KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    # Some programs print to stdout, which is reserved for answers.
    answers, sys.stdout = sys.stdout, sys.stderr

    def answer(value: Any) -> None:
        print(json.dumps(value), file=answers, flush=True)

    try:
        sample_rate, speak = LOAD[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else "")
    except Exception as error:  # peers.py shows it
        answer({"problem": f"{type(error).__name__}: {error}"})
        return
    answer({})
    for line in sys.stdin:
        answer(timed(speak, json.loads(line), sample_rate) | {"peak_mb": peak_mb()})


if __name__ == "__main__":
    main()
