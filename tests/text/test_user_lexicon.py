"""The user's lexicon: what a file may hold, how it is changed, and how fast it is."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from nightingale.errors import InputUnavailable, OutputUnavailable, TextError, UsageError
from nightingale.text.respelling import Respelling
from nightingale.text.spellings.user_lexicon import Lexicon, default_path
from nightingale.text.stream import read_sentences

FILE = """\
# My words.

nginx = "engine X"   # the server
'GitHub' = 'Git hub'  # with "quotes"
"New Orleans" = "New Orlins"

[voice.keats]
# his own
data = "dahta"
nginx = "en jinx"
"""


def read(lexicon: Lexicon, text: str, voice: str = "florence") -> str:
    sentences = read_sentences([text], respelling=Respelling(lexicon.table(voice)))
    return " ".join(sentence.text for sentence in sentences if sentence)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lexicon.toml"
    path.write_text(FILE)
    return path


def test_readings_for_every_voice_and_for_one(path: Path) -> None:
    lexicon = Lexicon.read(path)
    text = "NGINX has data in New Orleans."
    assert read(lexicon, text) == "Engine X has data in New Orlins."
    assert read(lexicon, text, "keats") == "En jinx has dahta in New Orlins."
    assert list(lexicon.readings) == ["nginx", "GitHub", "New Orleans"]


@pytest.mark.parametrize(("content", "message"), [
    ("\na = 3", "line 2: the reading of \"a\" needs quotes"),
    ("# x\nnode.js = 'x'", "line 2: \"node\" has no reading of its own"),
    ("a = 'b'\nrésumé = 'x'", "line 2: Expected '='"),
    ("a = 'b'\na = 'c'", "line 2: "),
    ("[other]\na = 'b'", "line 1: \"other\" has no reading of its own"),
    ("[voice]\nkeats = 'b'", "line 2: a table [voice.NAME] is needed"),
    ("[voice.keats]\n\nx = []", "line 3: the reading of \"x\" needs quotes"),
    ("x = '" + "a" * 201 + "'", "more than 200 characters"),
    ("a = 'b", "line 1: "),
    ("x = " + "[" * 5000, "line 1: "),
])  # fmt: skip
def test_a_bad_file_is_reported_with_its_line(path: Path, content: str, message: str) -> None:
    path.write_text(content)
    with pytest.raises(TextError) as caught:
        Lexicon.read(path)
    assert str(caught.value).startswith(str(path)) and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_files(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"a = 'b'\nc = '\xff'")
    with pytest.raises(TextError, match="line 2: not UTF-8"):
        Lexicon.read(tmp_path / "bad")
    with pytest.raises(InputUnavailable):
        Lexicon.read(tmp_path)
    with pytest.raises(InputUnavailable):
        Lexicon.read(tmp_path / "missing")
    assert Lexicon.read(tmp_path / "missing", must_exist=False).table("florence") is None
    (tmp_path / "dos").write_bytes(b"\xef\xbb\xbfa = 'b'\r\n")
    assert Lexicon.read(tmp_path / "dos").readings == {"a": "b"}


def test_a_change_keeps_the_rest_of_the_file(path: Path) -> None:
    path.chmod(0o600)
    lexicon = Lexicon.read(path)
    lexicon.say("nginx", "N jinks")
    lexicon.say("résumé", 'the "rez"\\')
    lexicon.say("data", "day-ta")
    lexicon.unsay("GitHub")
    assert path.read_text() == """\
# My words.

"nginx" = "N jinks"   # the server
"New Orleans" = "New Orlins"
"résumé" = "the \\"rez\\"\\\\"
"data" = "day-ta"

[voice.keats]
# his own
data = "dahta"
nginx = "en jinx"
"""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [path.name]
    again = Lexicon.read(path)
    assert again.readings == lexicon.readings
    assert read(lexicon, "nginx data", "keats") == read(again, "nginx data", "keats") == "en jinx dahta."
    assert read(lexicon, "nginx data") == "N jinks day-ta."


def test_a_new_file_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "config" / "nightingale-tts" / "lexicon.toml"
    lexicon = Lexicon.read(path, must_exist=False)
    lexicon.say("nginx", "engine X")
    assert path.read_text() == '"nginx" = "engine X"\n'
    lexicon.unsay("nginx")
    assert path.read_text() == ""
    assert lexicon.table("florence") is None


def test_a_change_of_another_program_is_kept(path: Path) -> None:
    first, second = Lexicon.read(path), Lexicon.read(path)
    first.say("a", "b")
    second.say("c", "d")
    assert {"a", "c", "nginx"} <= set(Lexicon.read(path).readings) == set(second.readings)


def test_a_link_stays_a_link(path: Path) -> None:
    link = path.with_name("link.toml")
    link.symlink_to(path)
    Lexicon.read(link).say("a", "b")
    assert link.is_symlink() and Lexicon.read(path).readings["a"] == "b"


def test_impossible_changes(path: Path) -> None:
    lexicon = Lexicon.read(path)
    with pytest.raises(UsageError):
        lexicon.unsay("missing")
    with pytest.raises(UsageError):
        lexicon.say("", "x")
    with pytest.raises(UsageError):
        lexicon.say("a", "x" * 201)
    path.write_text('nginx = """\nengine X"""\n')
    with pytest.raises(TextError, match="cannot be changed here"):
        lexicon.say("nginx", "x")
    assert path.read_text() == 'nginx = """\nengine X"""\n'
    with pytest.raises(OutputUnavailable):
        Lexicon(path=Path("/dev/null")).say("a", "b")
    assert Path("/dev/null").is_char_device()


def test_a_lexicon_without_a_file() -> None:
    lexicon = Lexicon({"nginx": "engine X"}, {"keats": {"nginx": "en jinx"}})
    lexicon.say("data", "day-ta")
    lexicon.unsay("nginx")
    assert read(lexicon, "nginx data", "keats") == "en jinx day-ta."
    assert read(lexicon, "nginx data") == "nginx day-ta."


def test_default_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/x")
    assert default_path() == Path("/x/nightingale-tts/lexicon.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ann")
    assert default_path() == Path("/home/ann/.config/nightingale-tts/lexicon.toml")


def test_a_sentence_costs_the_same_with_50000_entries() -> None:
    """Each word is looked up once. With 100 times the entries a search may not take three times as long."""
    text = "The quick brown foxes jump over the lazy dogs while two old friends discuss the news of the day. "
    seconds = []
    for size in (500, 50_000):
        kinds = ("word", "the ", "fox and ", "X")
        table = Lexicon({f"{kind}{i}": "x" for i in range(size // 4) for kind in kinds}).table("")
        assert table is not None
        times = []
        for _ in range(20):
            start = time.process_time()
            table.replace(text, lambda written, reading: reading)
            times.append(time.process_time() - start)
        seconds.append(min(times))
    assert seconds[1] < 3 * seconds[0] + 1e-4
