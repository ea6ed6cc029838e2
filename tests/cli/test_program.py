"""The command with the bundled model: it speaks, its output is reproducible, and it refuses damaged files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from nightingale.checkpoints.loading import BUNDLED_MODEL
from nightingale.kernels.cpu import available as has_kernels

TEXT = "Good morning. The kettle is on."
WEIGHTS = ("t3.safetensors", "s3gen.safetensors", "hift.safetensors")
STORED_BITS = 4  # of the bundled T3


def speak(*args: str | Path, stdin: str = TEXT) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(ROOT / "nightingale_tts.py"), *map(str, args)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | ({} if has_kernels() else {"NIGHTINGALE_KERNELS": "off"})
    return subprocess.run(command, input=stdin.encode(), capture_output=True, timeout=120, env=environment)


def samples(wav: bytes) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    assert wav[:4] == b"RIFF"
    return np.frombuffer(wav[44:], "<i2")


@pytest.fixture(scope="module")
def wav() -> bytes:
    done = speak()
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the bundled model, for a test to damage."""
    return Path(shutil.copytree(BUNDLED_MODEL, tmp_path / "model"))


def assert_refused(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    assert (done.returncode, done.stdout) == (69, b""), done.stderr
    message = done.stderr.decode()
    assert message.count("\n") == 1 and message.startswith("nightingale-tts: ")
    assert all(word in message for word in words), message


def test_it_speaks(wav: bytes) -> None:
    sound = samples(wav)
    assert 1.0 < len(sound) / 24_000 < 5.0  # seven words
    assert np.abs(sound).max() > 3000
    assert 0.01 < (np.abs(sound) < 30).mean() < 0.6  # the share of silence


def test_several_processes_at_once_give_the_same_bytes(wav: bytes) -> None:
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: speak().stdout, range(4)))
    assert all(sound == wav for sound in again)
    assert speak("--seed", "1").stdout != wav


REPEAT = """
from nightingale.engine import Engine
engine = Engine(speculate={speculate})
for text in ("Good morning.", "The kettle is on, and the bread is still warm from the oven.", "Good morning."):
    print(hash(b"".join(chunk.samples.tobytes() for chunk in engine.speak(text))))
"""


@pytest.mark.parametrize("kernels", ["on", "off"])
def test_earlier_texts_do_not_change_the_sound(kernels: str) -> None:
    """Not even its last bits, also with OpenBLAS, where products depend on the number of rows. With the native kernels
    speculation does not change them either."""
    environment = os.environ | {"PYTHONHASHSEED": "0", "NIGHTINGALE_KERNELS": kernels}
    hashes = []
    for speculate in (False, True):
        code = REPEAT.format(speculate=speculate)
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr
        hashes.append(done.stdout.split())
        first, _, again = hashes[-1]
        assert first == again
    assert hashes[0] == hashes[1] or not has_kernels() or kernels == "off"


@pytest.mark.parametrize("bits", [8, 6, 5, 4, 3, 2])
def test_bits(wav: bytes, bits: int) -> None:
    """All of them speak. The default is the number of bits that the model is stored with."""
    done = speak("--bits", str(bits))
    assert (done.returncode, done.stderr) == (0, b"")
    assert 0.5 < len(done.stdout) / len(wav) < 2.0
    assert (done.stdout == wav) or bits != STORED_BITS


def test_speculation_gives_the_same_bytes(wav: bytes) -> None:
    done = speak("--speculate")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == wav or (not has_kernels() and len(done.stdout) == len(wav))


def test_speed(wav: bytes) -> None:
    slow = samples(speak("-s", "0.5").stdout)
    assert 1.7 < len(slow) / len(samples(wav)) < 2.2


def test_text_that_arrives_in_single_characters(wav: bytes) -> None:
    with subprocess.Popen(
        [sys.executable, str(ROOT / "nightingale_tts.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as child:  # fmt: skip
        assert child.stdin and child.stdout
        for character in TEXT:
            child.stdin.write(character.encode())
            child.stdin.flush()
        child.stdin.close()
        assert child.stdout.read() == wav


@pytest.mark.parametrize("name", WEIGHTS)
def test_truncated_weights(model: Path, name: str) -> None:
    data = (model / name).read_bytes()
    (model / name).write_bytes(data[: len(data) // 2])
    assert_refused(speak("--model", model), name)


@pytest.mark.parametrize("name", [*WEIGHTS, "config.json", "tokenizer.json"])
def test_garbage_for_a_file(model: Path, name: str) -> None:
    (model / name).write_bytes(bytes(range(256)) * 20)
    assert_refused(speak("--model", model), name)


@pytest.mark.parametrize("name", WEIGHTS)
def test_missing_weights(model: Path, name: str) -> None:
    (model / name).unlink()
    assert_refused(speak("--model", model), name)


def test_weights_of_another_model(model: Path) -> None:
    shutil.copy(model / "hift.safetensors", model / "s3gen.safetensors")
    assert_refused(speak("--model", model), "s3gen.safetensors")


def test_missing_voice_and_model(tmp_path: Path) -> None:
    assert_refused(speak("-v", "nobody"), "nobody", "--list-voices")
    assert_refused(speak("--model", tmp_path), str(tmp_path))
    voice = tmp_path / "broken.safetensors"
    voice.write_bytes(b"broken")
    assert_refused(speak("-v", voice), "broken.safetensors")


SPEAK_AND_EXIT = """
from nightingale.options import SpeakOptions
from nightingale.engine import Engine
from nightingale.repl.speech_thread import SpeechThread
from nightingale.audio.sink import NullSink

speech = SpeechThread(Engine, NullSink)
speech.speak("Good morning.", SpeakOptions())
speech.wait()
speech.close()
"""


def test_the_speech_thread_and_the_interpreter_can_end_together() -> None:
    """Without Engine.close three of four such processes aborted."""
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", SPEAK_AND_EXIT], cwd=ROOT, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
