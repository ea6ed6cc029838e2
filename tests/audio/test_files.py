"""Output files: atomic replacement, access rights, links, FIFOs, and names of open descriptors."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nightingale.audio.chunk import AudioChunk
from nightingale.audio.files import open_descriptor
from nightingale.audio.wav import open_wav
from nightingale.errors import OutputUnavailable, WriteFailed

TONE = np.full(2400, 0.5, np.float32)
Shell = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_mode_of_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with open_wav(str(tmp_path / "out.wav")) as sink:
            sink.write(AudioChunk(TONE))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.wav").stat().st_mode) == 0o640


def test_failure_keeps_the_existing_file(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), open_wav(str(path)) as sink:
        sink.write(AudioChunk(TONE))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.wav"]


def test_folder_deleted_while_writing(tmp_path: Path) -> None:
    """The error is about the output, not about the missing temporary file."""
    (tmp_path / "new").mkdir()
    with pytest.raises(WriteFailed, match="cannot write to"), open_wav(str(tmp_path / "new" / "a.wav")):
        shutil.rmtree(tmp_path / "new")


def test_slash_after_a_file_name(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(OutputUnavailable, match="cannot create"), open_wav(f"{tmp_path}/old/"):
        raise AssertionError("it must fail before there is anything to write")
    assert (tmp_path / "old").read_bytes() == b"old"


def test_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.wav").symlink_to("real.wav")
    with open_wav(str(tmp_path / "link.wav")) as sink:
        sink.write(AudioChunk(TONE))
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "real.wav").stat().st_size == 44 + 2 * len(TONE)


def test_fifo_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with open_wav(str(fifo)) as sink:
        sink.write(AudioChunk(TONE))
    assert os.read(reader, 100_000)[:4] == b"RIFF"
    os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("name", ["missing/out.wav", "."])
def test_output_that_cannot_be_created(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputUnavailable, match="cannot create"), open_wav(str(tmp_path / name)):
        raise AssertionError("it must fail before there is anything to write")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
@pytest.mark.parametrize("link", [False, True])
def test_mode_of_an_existing_file_is_kept(tmp_path: Path, mode: int, link: bool) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"old")
    path.chmod(mode)
    if link:
        (tmp_path / "link.wav").symlink_to(path)
    with open_wav(str(tmp_path / "link.wav" if link else path)) as sink:
        (temporary,) = set(os.listdir(tmp_path)) - {"out.wav", "link.wav"}
        assert stat.S_IMODE((tmp_path / temporary).stat().st_mode) == mode
        sink.write(AudioChunk(TONE))
    assert stat.S_IMODE(path.stat().st_mode) == mode and path.stat().st_size > 44


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_owner_of_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"old")
    os.chown(path, 1234, 5678)
    with open_wav(str(path)) as sink:
        sink.write(AudioChunk(TONE))
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


def test_rights_of_a_group_are_not_given_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, uid: int, gid: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "out.wav"
    path.write_bytes(b"old")
    path.chmod(0o664)
    monkeypatch.setattr(os, "fchown", refuse)
    with open_wav(str(path)) as sink:
        sink.write(AudioChunk(TONE))
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_standard_output_is_written_at_its_offset(shell: Shell, tmp_path: Path, name: str) -> None:
    if not os.path.lexists(name) and name != "link":
        pytest.skip(f"no {name} here")
    (tmp_path / "link").symlink_to("/dev/stdout")
    line = f"{{ printf before; speak one -o {name}; printf after; }} > out"
    assert shell(line, cwd=tmp_path).returncode == 0
    data = (tmp_path / "out").read_bytes()
    assert (data[:10], data[-5:], len(data)) == (b"beforeRIFF", b"after", 6 + 44 + 4800 + 5)
    assert int.from_bytes(data[10:14], "little") == 36 + 4800, "the header is complete"


def test_descriptors_by_name(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with open(tmp_path / "file", "wb") as file:
        assert open_descriptor(f"/dev/fd/{file.fileno()}") == file.fileno()
        for other in (tmp_path / "file", tmp_path / "missing", tmp_path / "7", "/dev/null", "/dev/fd/987", loop):
            assert open_descriptor(str(other)) is None
    with open(tmp_path / "file", "rb") as file, pytest.raises(OutputUnavailable, match="not open for writing"):
        open_descriptor(f"/dev/fd/{file.fileno()}")
