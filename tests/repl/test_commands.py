"""What a line of the conversation does: commands, completion, history."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from prompt_fixtures import RecordingSink, text_of, until
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from nightingale.errors import AudioDeviceError
from nightingale.options import SpeakOptions
from nightingale.repl.commands import Quit, Session, answer, spell_out
from nightingale.repl.completion import LineCompleter
from nightingale.repl.history import MemoryHistory, PrivateHistory, history_path, open_history
from nightingale.repl.screen import activity, status_line


def spoken(session: Session, sink: RecordingSink, line: str) -> float:
    """Words that a line makes the sink hear."""
    before = sink.words
    assert answer(session, line) == ""
    session.speech.wait()
    return sink.words - before


def test_slashes(session: Session, sink: RecordingSink) -> None:
    assert spoken(session, sink, "//etc is a folder") == 4
    assert spoken(session, sink, "  one two ") == 2
    assert "no command /" in answer(session, "/")
    assert "takes nothing" in answer(session, "/stop now")
    assert answer(session, "/read") == "/read FILE: speak a file"
    assert answer(session, "") == ""
    with pytest.raises(Quit):
        session.handle("/QUIT")


def test_what_is_no_text_is_dropped(session: Session, sink: RecordingSink, tmp_path: Path) -> None:
    """As in a pipe: bytes that are not UTF-8 reach Python as surrogates, and a NUL ends no file name."""
    assert spoken(session, sink, "one\x00 two \x1b[31mthree\udce2\x80 four") == 3
    assert session.speech.last is not None and session.speech.last.sentences_from(0.0) == ["one two three\ufffd four"]
    assert answer(session, f"/save {tmp_path}/a\x00b\udce9.wav") == f"0.3 s in {tmp_path}/ab\udce9.wav"
    assert os.listdir(os.fsencode(tmp_path)) == [b"ab\xe9.wav"]
    assert answer(session, "/read a\x00b") == "cannot read ab: No such file or directory"
    assert answer(session, "\udce9\udce8") == "that is not UTF-8 text (binary, or another encoding?)"


def test_settings(session: Session, sink: RecordingSink) -> None:
    assert answer(session, "/speed 2") == "speed 2.0" and spoken(session, sink, "one two") == 1
    assert "between 0.5 and 2.0" in answer(session, "/speed 9") and session.options.speed == 2.0
    assert "must be a whole number" in answer(session, "/seed 1.5")
    assert "must be a number" in answer(session, "/speed soon")
    assert answer(session, "/seed 7") == "seed 7" and answer(session, "/seed") == "seed 7"
    assert answer(session, "/set sentence_silence_ms 90") == "sentence silence ms 90"
    assert session.options == replace(SpeakOptions(), speed=2.0, seed=7, sentence_silence_ms=90)
    assert answer(session, "/set sentence_silence_ms") == "sentence silence ms 90"
    assert "no setting colour" in answer(session, "/set colour blue")
    assert "temperature" in answer(session, "/set")
    assert answer(session, "/volume 50%") == "volume 50%" and sink.volume == 0.5
    assert "0 to 200" in answer(session, "/volume 900") and sink.volume == 0.5


def test_voices(session: Session) -> None:
    assert answer(session, "/voices") == "florence\nother"
    answer(session, "/voice other")
    until(lambda: session.voice == "other")
    answer(session, "/voice nobody")
    until(lambda: bool(session.speech.notices))
    assert 'no voice "nobody"' in session.speech.notices[0] and answer(session, "/voice") == "voice other"


def test_save_and_replay(session: Session, sink: RecordingSink, tmp_path: Path) -> None:
    assert answer(session, f"/save {tmp_path}/x.wav") == "nothing was spoken yet"
    assert spoken(session, sink, "one two three") == 3
    assert answer(session, f"/save {tmp_path}/x.wav") == f"0.3 s in {tmp_path}/x.wav"
    samples, rate = soundfile.read(tmp_path / "x.wav")
    assert (len(samples), rate) == (7200, 24_000)
    assert "cannot create" in answer(session, f"/save {tmp_path}/no/x.wav")
    assert spoken(session, sink, "/replay") == 3
    assert spoken(session, sink, "/replay") == 3


def test_pause_and_stop(session: Session, sink: RecordingSink) -> None:
    assert "paused" in answer(session, "/pause") and sink.paused and activity(session) == "paused"
    assert answer(session, "/pause") == "" and not sink.paused
    sink.gate.clear()
    answer(session, "one")
    answer(session, "two")
    answer(session, "/stop")
    session.speech.wait()
    assert not sink.chunks


def test_read(session: Session, sink: RecordingSink, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfone two\r\n\r\nthree")
    assert spoken(session, sink, f"/read {tmp_path}/text") == 3
    (tmp_path / "blob").write_bytes(bytes(range(256)) * 10)
    assert "not UTF-8" in answer(session, f"/read {tmp_path}/blob")
    assert "No such file" in answer(session, f"/read {tmp_path}/none")
    assert "not a file" in answer(session, f"/read {tmp_path}")
    os.mkfifo(tmp_path / "fifo")
    assert "not a file" in answer(session, f"/read {tmp_path}/fifo")


def test_spelling(session: Session, sink: RecordingSink) -> None:
    assert spell_out("Tea-2 go") == "T, E, A, hyphen, 2, G, O."
    assert spoken(session, sink, "/spell cat") == 3


def test_stats_of_the_last_utterance(session: Session, sink: RecordingSink) -> None:
    assert answer(session, "/stats") == "nothing was spoken yet"
    spoken(session, sink, "one two")
    shown = answer(session, "/stats")
    assert "first sample" in shown and "tokens per s" in shown and "sound            0.2 s" in shown
    assert "first sound" in text_of(status_line(session, "", 200))


def test_devices(session: Session, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightingale.repl.commands.list_devices", lambda: ["*  0  sink", "   1  nose"])
    assert "nose" in answer(session, "/devices") and answer(session, "/device") == "device sink"
    other = RecordingSink()
    other.name = "other sink"

    def open_speaker(name: str) -> RecordingSink:
        if name == "other":
            return other
        raise AudioDeviceError(f"no device {name}")

    monkeypatch.setattr("nightingale.repl.commands.Speaker", open_speaker)
    sink.volume = 0.5
    answer(session, "/device piano")
    until(lambda: list(session.speech.notices) == ["no device piano"])
    assert session.speech.sink is sink and not sink.closed
    answer(session, "/device other")
    until(lambda: session.speech.sink is other)
    assert sink.closed and other.volume == 0.5
    answer(session, "one")
    until(lambda: other.words == 1)


def test_history_is_private_and_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    history, notice = open_history(keep=True)
    assert isinstance(history, PrivateHistory) and not notice
    history.append_string("kept")
    history.append_string(" secret")
    path = history_path()
    assert path == tmp_path / "state" / "nightingale-tts" / "history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "kept" in path.read_text() and "secret" not in path.read_text()
    assert list(PrivateHistory(path).load_history_strings()) == ["kept"]


def test_history_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    history, notice = open_history(keep=True)
    assert isinstance(history, MemoryHistory) and "history is not kept" in notice
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "nightingale-tts").mkdir()
    os.mkfifo(tmp_path / "nightingale-tts" / "pipe", mode=0o666)
    mode = (tmp_path / "nightingale-tts" / "pipe").stat().st_mode
    (tmp_path / "nightingale-tts" / "history").symlink_to("pipe")  # in place of /dev/null
    history, notice = open_history(keep=True)
    assert isinstance(history, MemoryHistory) and notice == "the history is not kept: it is not a file"
    assert (tmp_path / "nightingale-tts" / "pipe").stat().st_mode == mode
    history, notice = open_history(keep=False)
    history.append_string(" secret")
    history.append_string("kept")
    assert isinstance(history, MemoryHistory) and not notice and history.get_strings() == ["kept"]
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert history_path() == Path.home() / ".local" / "state" / "nightingale-tts" / "history"


def completions(session: Session, line: str) -> list[str]:
    event = CompleteEvent(completion_requested=True)
    return [found.text for found in LineCompleter(session).get_completions(Document(line), event)]


def test_completion(session: Session, tmp_path: Path) -> None:
    assert completions(session, "/vo") == ["/voice", "/voices", "/volume"]
    assert completions(session, "/voice f") == ["florence"]
    assert completions(session, "/set temp") == ["temperature "]
    (tmp_path / "page.txt").write_text("")
    assert completions(session, f"/read {tmp_path}/pa") == ["ge.txt"]
    assert completions(session, "plain text") == completions(session, "//text") == []


def test_sound_of_the_fake_is_not_silence(session: Session, sink: RecordingSink) -> None:
    spoken(session, sink, "one")
    assert np.abs(sink.chunks[0].samples).max() > 0.4
