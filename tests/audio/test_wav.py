"""WAV output: rounding, headers as other programs read them, pipes that are full or broken."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from nightingale.audio.chunk import AudioChunk
from nightingale.audio.wav import STREAM_DATA_SIZE, WavSink, open_wav, wav_header
from nightingale.errors import NightingaleError, WriteFailed


def tone(seconds: float = 1.0) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(24_000 * seconds)) / 24_000)).astype(np.float32)


def streamed(chunks: list[AudioChunk]) -> bytes:
    """The bytes that a pipe receives."""
    read, write = os.pipe()
    sink = WavSink(write, "pipe")
    for chunk in chunks:
        sink.write(chunk)
    sink.finish()
    os.close(write)
    with open(read, "rb") as pipe:
        return pipe.read()


def test_rounding_and_clipping() -> None:
    samples = np.array([0.0, 1.0, -1.0, 2.0, -2.0, 0.6 / 32767, -0.6 / 32767, 0.4 / 32767], np.float32)
    pcm = np.frombuffer(AudioChunk(samples).pcm16(), "<i2")
    assert pcm.tolist() == [0, 32767, -32767, 32767, -32767, 1, -1, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(bad: float) -> None:
    with pytest.raises(NightingaleError, match="sentence 3"):
        AudioChunk(np.array([0.0, bad], np.float32), sentence=3).pcm16()


def test_streaming_header() -> None:
    data = streamed([AudioChunk(tone(0.05)), AudioChunk(tone(0.05))])
    riff, data_size = struct.unpack("<I", data[4:8])[0], struct.unpack("<I", data[40:44])[0]
    assert (riff, data_size) == (0x7FFFF024, 0x7FFFF000)
    assert len(data) == 44 + 2 * 2400


def test_python_readers_of_a_stream() -> None:
    """All samples are read, though the header has a placeholder for their number."""
    pipe = streamed([AudioChunk(tone(0.1))])  # fits into a pipe
    samples, sample_rate = soundfile.read(io.BytesIO(pipe), dtype="int16")
    assert (len(samples), sample_rate) == (2400, 24_000)
    with wave.open(io.BytesIO(pipe)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.readframes(24_000) == pipe[44:]


@pytest.mark.parametrize(
    "command",
    [
        ["ffmpeg", "-v", "error", "-i", "pipe:0", "-f", "s16le", "pipe:1"],
        ["sox", "-t", "wav", "-", "-t", "raw", "-"],
    ],
    ids=["ffmpeg", "sox"],
)
@pytest.mark.parametrize("data_size", [STREAM_DATA_SIZE, 4800], ids=["streamed", "exact"])
def test_other_programs_read_the_header(command: list[str], data_size: int) -> None:
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    pcm = AudioChunk(tone(0.1)).pcm16()
    done = subprocess.run(command, input=wav_header(24_000, data_size) + pcm, capture_output=True, check=True)
    assert done.stdout == pcm
    if command[0] == "sox":
        assert done.stderr == b""  # with other placeholder sizes it warns of a premature end


def test_file_gets_the_true_sizes(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    with open_wav(str(path)) as sink:
        sink.write(AudioChunk(tone()))
        sink.write(AudioChunk(tone()))
        assert not path.exists()  # it appears only when it is complete
    with wave.open(str(path)) as file:
        assert file.getnframes() == 48_000
    assert path.stat().st_size == 44 + 96_000
    assert os.listdir(tmp_path) == ["out.wav"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_full_disk() -> None:
    with pytest.raises(WriteFailed, match="No space left"), open_wav("/dev/full") as sink:
        sink.write(AudioChunk(tone()))


def test_non_blocking_pipe_loses_nothing() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    with subprocess.Popen(["wc", "-c"], stdin=read, stdout=subprocess.PIPE) as child:
        os.close(read)
        sink = WavSink(write, "pipe")
        sink.write(AudioChunk(tone(20.0)))
        os.close(write)
        assert int(child.communicate()[0]) == 44 + 960_000


def test_header_size_never_overflows(tmp_path: Path) -> None:
    with open(tmp_path / "long.wav", "wb") as file:
        sink = WavSink(file.fileno(), "long.wav")
        sink.write(AudioChunk(tone(0.1)))
        sink.num_samples = 3_000_000_000
        sink.write_sizes()
    header = (tmp_path / "long.wav").read_bytes()[:44]
    assert struct.unpack("<I", header[4:8])[0] == 0xFFFFFFFF
