"""The thread that speaks: its queue, its sinks, what it keeps."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from speak_fake import Engine
from talking import Ear, text_of, until

from nightingale.audio.chunk import AudioChunk
from nightingale.errors import AudioDeviceError, NightingaleError
from nightingale.options import SpeakOptions
from nightingale.repl.commands import Session
from nightingale.repl.screen import status
from nightingale.repl.talker import MAX_QUEUE, Talker


def test_muted_without_a_device_and_says_so() -> None:
    def open_sink() -> Ear:
        raise AudioDeviceError("no sound: there is no device to play on")

    talker = Talker(Engine, open_sink)
    try:
        talker.say("one two", SpeakOptions())
        until(lambda: not talker.loading)
        talker.wait()
        assert list(talker.notices) == ["muted: no sound: there is no device to play on"]
        session = Session(talker, SpeakOptions(), "florence", list)
        assert "muted" in text_of(status(session, "", 200))
        assert talker.last is not None and talker.last.chunks and talker.last.stats.sound_s == 0.2
    finally:
        talker.close()


def test_a_device_that_fails_leaves_a_muted_conversation(
    talker: Talker, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(chunk: AudioChunk, ticket: int) -> bool:
        raise AudioDeviceError("the device ear has stopped playing")

    monkeypatch.setattr(ear, "write", fail)
    talker.say("one", SpeakOptions())
    until(lambda: talker.sink is not None and talker.sink.name == "muted")
    assert ear.closed and list(talker.notices) == ["the device ear has stopped playing"]


@pytest.mark.parametrize("error", [AudioDeviceError("gone"), NightingaleError("the engine failed")])
def test_what_failed_halfway_has_come_to_its_end(
    talker: Talker, ear: Ear, monkeypatch: pytest.MonkeyPatch, error: NightingaleError
) -> None:
    """It can be saved, and what is said after it is seen to be heard."""
    written = ear.write

    def fail(chunk: AudioChunk, ticket: int) -> bool:
        if chunk.sentence:
            raise error
        return written(chunk, ticket)

    monkeypatch.setattr(ear, "write", fail)
    finished: list[int] = []
    monkeypatch.setattr(ear, "finish", finished.append)
    talker.say("one two. three", SpeakOptions())
    until(lambda: str(error) in talker.notices)
    assert talker.last is not None and talker.last.end_s == 0.2 and finished == [0]


def test_a_device_that_fails_while_another_is_chosen(
    talker: Talker, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise AudioDeviceError("the device ear has stopped playing")

    monkeypatch.setattr(ear, "wait", fail)
    other = Ear()
    other.name = "other ear"
    talker.change_sink(lambda: other)
    talker.say("one two", SpeakOptions())
    until(lambda: other.words == 2)
    assert talker.sink is other and not other.closed and ear.closed and not ear.chunks
    assert list(talker.notices) == ["the device ear has stopped playing", "playing on other ear"]


@pytest.mark.parametrize("error", [NightingaleError("as asked"), RuntimeError("a bug, as asked")])
def test_the_other_device_is_given_back_if_it_is_not_used(
    talker: Talker, ear: Ear, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(ear, "wait", fail)
    other = Ear()
    talker.change_sink(lambda: other)
    until(lambda: "as asked" in talker.notices or talker.failure is error)
    assert other.closed and talker.sink is ear


def test_the_queue_is_bounded(talker: Talker, ear: Ear) -> None:
    until(lambda: not talker.loading)
    ear.gate.clear()
    with pytest.raises(NightingaleError, match="wait already"):
        for _ in range(MAX_QUEUE + 2):
            talker.say("one", SpeakOptions())
    talker.stop()
    assert talker.num_waiting == 0


def test_nothing_of_a_stopped_utterance_comes_later(talker: Talker, ear: Ear) -> None:
    until(lambda: not talker.loading)
    for _ in range(50):
        talker.say("one. two. three. four", SpeakOptions())
        talker.stop()
        heard = len(ear.chunks)
        talker.wait()
        assert len(ear.chunks) == heard


def test_sentence_that_the_ear_is_at(talker: Talker, ear: Ear) -> None:
    talker.say("one. two three. four.\nfive.", SpeakOptions())
    until(lambda: talker.last is not None and talker.last.end_s is not None)
    take = talker.last
    assert take is not None
    sentences = ["one.", "two three.", "four.", "five."]
    at = [take.sentences_from(heard_s) for heard_s in (0.0, 0.05, 0.15, 0.35, 0.45)]
    assert at == [sentences, sentences, sentences[1:], sentences[2:], sentences[3:]]


def test_a_long_text_is_begun_before_all_of_it_is_cut(
    talker: Talker, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightingale.repl.talker.PIECE_SIZE", 20)
    ear.gate.clear()
    talker.say("One. Two. Three. " * 10, SpeakOptions())
    until(lambda: bool(ear.tickets))
    assert talker.last is not None and len(talker.last.sentences_from(0.0)) == 1
    ear.gate.set()
    talker.wait()
    assert talker.last.sentences_from(0.0) == ["One.", "Two.", "Three."] * 10 and ear.words == 30


def test_500_utterances_keep_nothing(talker: Talker, ear: Ear) -> None:
    import tracemalloc

    until(lambda: not talker.loading)

    def speak(count: int) -> None:
        for _ in range(count):
            talker.say("one two three four five six seven eight nine ten", SpeakOptions())
            talker.wait()
            ear.chunks.clear()

    speak(20)
    descriptors, threads = len(os.listdir("/dev/fd")), threading.active_count()
    tracemalloc.start()
    speak(20)
    before, _ = tracemalloc.get_traced_memory()
    speak(460)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 300_000  # one utterance is 96 KB
    assert len(os.listdir("/dev/fd")) == descriptors and threading.active_count() == threads


def test_ctrl_c_while_it_closes(ear: Ear) -> None:
    """Told when the thread has ended: an interpreter that ends before a model is loaded is aborted."""

    def load() -> Engine:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.3)
        loaded.set()
        return Engine()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    gate, loaded = threading.Event(), threading.Event()
    talker = Talker(lambda: gate.wait() and load(), lambda: ear)
    threading.Timer(0.1, gate.set).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            talker.close()
        assert loaded.is_set()
    finally:
        signal.signal(signal.SIGINT, before)
        talker.close()
