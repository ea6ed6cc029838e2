"""Lines of the prompt: commands, settings, completion, history."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from prompt_fixtures import RecordingSink, answer, text_of, texts, typed, until
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from nightingale.errors import AudioDeviceError
from nightingale.options import SpeakOptions
from nightingale.repl import commands
from nightingale.repl.commands import COMMANDS, Quit, file_name, spell_out
from nightingale.repl.completion import LineCompleter
from nightingale.repl.display import activity, status_line
from nightingale.repl.help import GROUPS
from nightingale.repl.history import MemoryHistory, PrivateHistory, history_path, open_history
from nightingale.repl.session import Session
from nightingale.text.spellings.user_lexicon import Lexicon


def spoken(session: Session, sink: RecordingSink, line: str) -> float:
    """Number of words played for a line."""
    before = sink.num_words
    answer(session, line)
    session.speech.wait()
    return sink.num_words - before


def test_one_slash_is_a_command_and_two_are_text(session: Session, sink: RecordingSink) -> None:
    assert spoken(session, sink, "//etc is a folder") == 4
    assert spoken(session, sink, "  one two ") == 2
    assert "no command /" in answer(session, "/")
    assert "takes nothing" in answer(session, "/stop now")
    assert answer(session, "/read") == "/read FILE: speak a text file"
    assert answer(session, "") == ""
    with pytest.raises(Quit):
        answer(session, "/QUIT")


def test_controls_and_bytes_that_are_not_utf8(session: Session, sink: RecordingSink, tmp_path: Path) -> None:
    """As in a pipe. Bytes that are not UTF-8 arrive as surrogates; a NUL in a file name would raise ValueError."""
    assert spoken(session, sink, "one\x00 two \x1b[31mthree\udce2\x80 four") == 3
    assert typed(session.speech.last) == ["one two threeâ four"]
    assert answer(session, f"/save {tmp_path}/a\x00b\udce9.wav") == f"saved 0.3 s to {tmp_path}/ab\udce9.wav"
    assert os.listdir(os.fsencode(tmp_path)) == [b"ab\xe9.wav"]
    assert answer(session, "/read a\x00b") == "cannot read ab: No such file or directory"
    assert answer(session, "\udce9\udce8") == "the line is not UTF-8 text (binary, or another encoding?)"


def test_settings(session: Session, sink: RecordingSink) -> None:
    assert answer(session, "/speed 2") == "speed 2.0" and spoken(session, sink, "one two") == 1
    assert "between 0.5 and 2.0" in answer(session, "/speed 9") and session.options.speed == 2.0
    assert "must be a whole number" in answer(session, "/seed 1.5")
    assert "must be a number" in answer(session, "/speed soon")
    assert answer(session, "/seed 7") == "seed 7" and answer(session, "/seed") == "seed 7"
    assert answer(session, "/set sentence_silence_ms 90") == "sentence_silence_ms 90"
    assert session.options == replace(SpeakOptions(), speed=2.0, seed=7, sentence_silence_ms=90)
    assert answer(session, "/set sentence_silence_ms") == "sentence_silence_ms 90"
    assert "no setting colour" in answer(session, "/set colour blue")
    assert "temperature" in answer(session, "/set")
    assert answer(session, "/volume 50%") == "volume 50%" and sink.volume == 0.5
    assert "0 to 200" in answer(session, "/volume 900") and sink.volume == 0.5


def test_say_and_unsay(session: Session, tmp_path: Path) -> None:
    session.lexicon = Lexicon.read(tmp_path / "lexicon.toml", must_exist=False)
    assert answer(session, "/say") == "no readings yet"
    assert answer(session, "/say nginx = engine X") == "nginx = engine X"
    assert answer(session, '/say C++="see plus plus"') == "C++ = see plus plus"
    assert answer(session, "/say") == "nginx = engine X\nC++ = see plus plus"
    assert answer(session, "/say nginx") == "nginx = engine X"
    assert answer(session, "/say redis") == 'no reading of "redis"; /say redis = READING gives it one'
    assert answer(session, "/say = x") == "a reading needs a word"
    assert completions(session, "/unsay n") == ["nginx"]
    assert answer(session, "/unsay nginx") == "nginx is read as before"
    assert answer(session, "/unsay nginx") == 'the lexicon has no "nginx"'
    assert (tmp_path / "lexicon.toml").read_text() == '"C++" = "see plus plus"\n'
    (tmp_path / "lexicon.toml").write_text("bad")
    assert "line 1" in answer(session, "/say a = b")


def test_voices(session: Session) -> None:
    assert answer(session, "/voices") == "florence\nother"
    answer(session, "/voice other")
    until(lambda: session.voice == "other")
    assert answer(session, "/voice nobody") == 'no voice "nobody"; /voices lists them'
    assert texts(session.speech.notices) == ["voice other"] and answer(session, "/voice") == "voice other"


def test_save_and_replay(session: Session, sink: RecordingSink, tmp_path: Path) -> None:
    assert answer(session, f"/save {tmp_path}/x.wav") == "nothing has been spoken yet"
    assert spoken(session, sink, "one two three") == 3
    assert answer(session, f"/save {tmp_path}/x.wav") == f"saved 0.3 s to {tmp_path}/x.wav"
    samples, rate = soundfile.read(tmp_path / "x.wav")
    assert (len(samples), rate) == (7200, 24_000)
    assert spoken(session, sink, "/replay") == 3
    assert spoken(session, sink, "/replay") == 3


def test_save_needs_a_complete_text_that_is_kept(
    session: Session, sink: RecordingSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.gate.clear()
    answer(session, "one. two. three")
    until(lambda: bool(sink.tickets))
    assert answer(session, f"/save {tmp_path}/x.wav") == "the last text is not complete yet; try again in a moment"
    monkeypatch.setattr("nightingale.repl.utterance.MAX_KEPT_S", 0.05)
    sink.gate.set()
    session.speech.wait()
    assert "took more than 10 minutes" in answer(session, f"/save {tmp_path}/x.wav")
    answer(session, "/replay")
    until(lambda: texts(session.speech.notices) == ["there is no text to replay, or it was too long to keep"])


def test_save_errors_are_one_line(session: Session, sink: RecordingSink, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    assert spoken(session, sink, "word " * 50) == 50  # more than a pipe holds

    def read_one_byte() -> None:
        with open(tmp_path / "fifo", "rb", buffering=0) as fifo:
            fifo.read(1)

    reader = threading.Thread(target=read_one_byte)
    reader.start()
    errors = {
        f"{tmp_path}/none/x.wav": f"cannot create {tmp_path}/none/x.wav: No such file or directory",
        f"{tmp_path}/folder": f"cannot create {tmp_path}/folder: Is a directory",
        f"{tmp_path}/folder/": f"cannot create {tmp_path}/folder/: Is a directory",
        f"{tmp_path}/x.wav/": f"cannot create {tmp_path}/x.wav/: it is the name of a folder",
        "~nobody-here/x.wav": "cannot create ~nobody-here/x.wav: No such file or directory",
        "/proc/x.wav": "cannot create /proc/x.wav: No such file or directory",
        f"{tmp_path}/fifo": "/save: Broken pipe",
    }
    if os.path.exists("/dev/full"):
        errors["/dev/full"] = "cannot write to /dev/full: No space left on device"
    for path, error in errors.items():
        assert answer(session, f"/save {path}") == error
    reader.join()
    assert sorted(os.listdir(tmp_path)) == ["fifo", "folder"]


def test_file_names_of_save_and_read(
    session: Session, sink: RecordingSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`~` is the home folder, and `-` is a file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    spoken(session, sink, "one two")
    assert answer(session, "/save ~/x y.wav") == "saved 0.2 s to ~/x y.wav"
    assert answer(session, "/save -") == "saved 0.2 s to -"
    assert sorted(os.listdir(tmp_path)) == ["-", "x y.wav"]
    (tmp_path / "-").write_text("three")
    assert spoken(session, sink, "/read -") == spoken(session, sink, "/read ~/-") == 1


def test_pause_and_stop(session: Session, sink: RecordingSink) -> None:
    assert answer(session, "/pause") == answer(session, "/stop") == "nothing is playing"
    sink.gate.clear()
    answer(session, "one")
    answer(session, "two")
    assert answer(session, "/pause") == "paused; /pause continues" and sink.paused and activity(session) == "paused"
    assert answer(session, "/pause") == "playing again" and not sink.paused
    assert answer(session, "/stop") == "stopped"
    session.speech.wait()
    assert not sink.chunks


@pytest.mark.parametrize("line", ["exit", "quit", "/exit", "/q", "/QUIT"])
def test_ways_to_leave(session: Session, line: str) -> None:
    with pytest.raises(Quit):
        commands.answer(session, line)


def test_help_has_every_command_and_fits_the_terminal(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(COMMANDS)
    for columns in (100, 80, 40, 20):
        monkeypatch.setenv("COLUMNS", str(columns))
        shown = answer(session, "help")
        assert answer(session, "/?") == shown and all(f"/{name}" in shown for name in COMMANDS)
        assert max(map(len, shown.splitlines())) <= columns or columns == 20  # a usage may be longer than 20
    assert "Ctrl-R" in shown and "//TEXT" in shown


def test_typing_errors_get_a_suggestion(session: Session) -> None:
    assert commands.answer(session, "/sped 2") == ("no command /sped; did you mean /speed?", "error")
    assert answer(session, "/xyzzy") == "no command /xyzzy; /help lists them, and // speaks a slash"


def test_a_path_is_text(session: Session, sink: RecordingSink) -> None:
    assert spoken(session, sink, "/usr/bin is a folder") == 4
    assert spoken(session, sink, "exit the room") == 3


def test_errors_and_answers_are_told_apart(session: Session) -> None:
    assert str(commands.answer(session, "/speed")) == "speed 1.0"
    assert str(commands.answer(session, "/speed 9")).startswith("error: ")


def test_save_overwrites_only_when_asked_again(session: Session, sink: RecordingSink, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_text("precious")
    spoken(session, sink, "one two")
    refusal = f"{path} exists; the same command again overwrites it"
    assert answer(session, f"/save {path}") == refusal and path.read_text() == "precious"
    assert answer(session, f"/save {tmp_path}/y.wav") == f"saved 0.2 s to {tmp_path}/y.wav"
    assert answer(session, f"/save {path}") == refusal
    assert answer(session, f"/save {path}") == f"saved 0.2 s to {path}"


def test_paths_may_be_quoted_or_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ('"a b.txt"', "'a b.txt'", r"a\ b.txt", "a b.txt"):
        assert file_name(name) == "a b.txt"
    (tmp_path / "'odd").write_text("")
    assert file_name("'odd") == "'odd" and file_name("it's.txt") == "it's.txt" and file_name("'open") == "'open"


def test_answers_of_commands_that_may_find_nothing(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightingale.repl.commands.list_devices", list)
    assert answer(session, "/devices") == "no playback device was found"
    (tmp_path / "empty").write_text(" \n")
    assert answer(session, f"/read {tmp_path}/empty") == f"{tmp_path}/empty has no text"
    assert answer(session, "/volume 0") == "muted; /volume 100 ends it"


def test_read(session: Session, sink: RecordingSink, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfone two\r\n\r\nthree")
    assert spoken(session, sink, f"/read {tmp_path}/text") == 3
    (tmp_path / "blob").write_bytes(bytes(range(256)) * 10)
    assert "not UTF-8" in answer(session, f"/read {tmp_path}/blob")
    assert "No such file" in answer(session, f"/read {tmp_path}/none")
    assert "not a regular file" in answer(session, f"/read {tmp_path}")
    os.mkfifo(tmp_path / "fifo")
    assert "not a regular file" in answer(session, f"/read {tmp_path}/fifo")


def test_spell(session: Session, sink: RecordingSink) -> None:
    assert spell_out("Tea-2 go") == "T, E, A, hyphen, 2, G, O."
    assert spoken(session, sink, "/spell cat") == 3


def test_stats_of_the_last_utterance(session: Session, sink: RecordingSink) -> None:
    assert answer(session, "/stats") == "nothing has been spoken yet"
    spoken(session, sink, "one two")
    shown = answer(session, "/stats")
    assert "first sample" in shown and "tokens per s" in shown and "sound            0.2 s" in shown
    assert "first sound" in text_of(status_line(session, "", 200))


def test_devices(session: Session, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightingale.repl.commands.list_devices", lambda: ["*  0  recorder", "   1  other recorder"])
    assert "other recorder" in answer(session, "/devices") and answer(session, "/device") == "device recorder"
    other = RecordingSink()
    other.name = "other recorder"

    def open_speaker(name: str) -> RecordingSink:
        if name == "other":
            return other
        raise AudioDeviceError(f"no device {name}")

    monkeypatch.setattr("nightingale.repl.commands.Speaker", open_speaker)
    sink.volume = 0.5
    answer(session, "/device piano")
    until(lambda: texts(session.speech.notices) == ["no device piano"])
    assert session.speech.sink is sink and not sink.closed
    answer(session, "/device other")
    until(lambda: session.speech.sink is other)
    assert sink.closed and other.volume == 0.5
    answer(session, "one")
    until(lambda: other.num_words == 1)


def test_history_file_is_private_and_in_the_xdg_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_history_that_cannot_be_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    history, notice = open_history(keep=True)
    assert isinstance(history, MemoryHistory) and "history is not saved" in notice
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "nightingale-tts").mkdir()
    os.mkfifo(tmp_path / "nightingale-tts" / "pipe", mode=0o666)
    mode = (tmp_path / "nightingale-tts" / "pipe").stat().st_mode
    (tmp_path / "nightingale-tts" / "history").symlink_to("pipe")  # stands for /dev/null
    history, notice = open_history(keep=True)
    assert isinstance(history, MemoryHistory) and notice == "the history is not saved: it is not a regular file"
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


def test_the_fake_engine_is_audible(session: Session, sink: RecordingSink) -> None:
    spoken(session, sink, "one")
    assert np.abs(sink.chunks[0].samples).max() > 0.4
