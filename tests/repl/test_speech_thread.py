"""The speech thread: its queue, its sinks, the audio it keeps."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from prompt_fixtures import RecordingSink, text_of, texts, typed, until
from speak_fake import Engine

from nightingale.audio.chunk import AudioChunk
from nightingale.errors import AudioDeviceError, NightingaleError
from nightingale.options import SpeakOptions
from nightingale.repl.screen import status_line
from nightingale.repl.session import Session
from nightingale.repl.speech_thread import MAX_QUEUE, SpeechThread


def test_without_a_device_the_prompt_is_muted_with_a_notice() -> None:
    def open_sink() -> RecordingSink:
        raise AudioDeviceError("no sound: there is no device to play on")

    speech = SpeechThread(Engine, open_sink)
    try:
        speech.speak("one two", SpeakOptions())
        until(lambda: not speech.loading)
        speech.wait()
        assert texts(speech.notices) == ["muted: no sound: there is no device to play on"]
        session = Session(speech, SpeakOptions(), "florence", list)
        assert "muted" in text_of(status_line(session, "", 200))
        assert speech.last is not None and speech.last.chunks and speech.last.statistics.sound_s == 0.2
    finally:
        speech.close()


def test_a_device_that_fails_is_replaced_by_silence(
    speech: SpeechThread, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(chunk: AudioChunk, ticket: int) -> bool:
        raise AudioDeviceError("the device recorder has stopped playing")

    monkeypatch.setattr(sink, "write", fail)
    speech.speak("one", SpeakOptions())
    until(lambda: speech.sink is not None and speech.sink.name == "muted")
    assert sink.closed and texts(speech.notices) == ["the device recorder has stopped playing"]


@pytest.mark.parametrize("error", [AudioDeviceError("gone"), NightingaleError("the engine failed")])
def test_an_utterance_that_failed_halfway_is_complete(
    speech: SpeechThread, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch, error: NightingaleError
) -> None:
    """So that it can be saved, and later utterances are shown while they play."""
    written = sink.write

    def fail(chunk: AudioChunk, ticket: int) -> bool:
        if chunk.sentence:
            raise error
        return written(chunk, ticket)

    monkeypatch.setattr(sink, "write", fail)
    finished: list[int] = []
    monkeypatch.setattr(sink, "finish", finished.append)
    speech.speak("one two. three", SpeakOptions())
    until(lambda: str(error) in texts(speech.notices))
    assert speech.last is not None and speech.last.end_s == 0.2 and finished == [0]


def test_a_device_that_fails_while_another_is_opened(
    speech: SpeechThread, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise AudioDeviceError("the device recorder has stopped playing")

    monkeypatch.setattr(sink, "wait", fail)
    other = RecordingSink()
    other.name = "other recorder"
    speech.change_sink(lambda: other)
    speech.speak("one two", SpeakOptions())
    until(lambda: other.num_words == 2)
    assert speech.sink is other and not other.closed and sink.closed and not sink.chunks
    assert texts(speech.notices) == ["the device recorder has stopped playing", "playing on other recorder"]


@pytest.mark.parametrize("error", [NightingaleError("as asked"), RuntimeError("a bug, as asked")])
def test_a_new_device_that_is_not_used_is_closed(
    speech: SpeechThread, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(sink, "wait", fail)
    other = RecordingSink()
    speech.change_sink(lambda: other)
    until(lambda: "as asked" in texts(speech.notices) or speech.failure is error)
    assert other.closed and speech.sink is sink


def test_the_queue_is_bounded(speech: SpeechThread, sink: RecordingSink) -> None:
    until(lambda: not speech.loading)
    sink.gate.clear()
    with pytest.raises(NightingaleError, match="the queue is full"):
        for _ in range(MAX_QUEUE + 2):
            speech.speak("one", SpeakOptions())
    speech.stop()
    assert speech.num_waiting == 0


def test_a_stopped_utterance_writes_no_more_chunks(speech: SpeechThread, sink: RecordingSink) -> None:
    until(lambda: not speech.loading)
    for _ in range(50):
        speech.speak("one. two. three. four", SpeakOptions())
        speech.stop()
        num_chunks = len(sink.chunks)
        speech.wait()
        assert len(sink.chunks) == num_chunks


def test_sentences_from_the_one_that_is_playing(speech: SpeechThread, sink: RecordingSink) -> None:
    speech.speak("one. two three. four.\nfive.", SpeakOptions())
    until(lambda: speech.last is not None and speech.last.end_s is not None)
    utterance = speech.last
    assert utterance is not None
    sentences = ["one.", "two three.", "four.", "five."]
    at = [typed(utterance, played_s) for played_s in (0.0, 0.05, 0.15, 0.35, 0.45)]
    assert at == [sentences, sentences, sentences[1:], sentences[2:], sentences[3:]]


def test_a_long_text_starts_before_all_of_it_is_split(
    speech: SpeechThread, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightingale.repl.speech_thread.PIECE_SIZE", 20)
    sink.gate.clear()
    speech.speak("One. Two. Three. " * 10, SpeakOptions())
    until(lambda: bool(sink.tickets))
    assert speech.last is not None and len(speech.last.sentences_from(0.0)) == 1
    sink.gate.set()
    speech.wait()
    assert typed(speech.last) == ["One.", "Two.", "Three."] * 10 and sink.num_words == 30


def test_500_utterances_leave_no_memory_descriptors_or_threads(speech: SpeechThread, sink: RecordingSink) -> None:
    import tracemalloc

    until(lambda: not speech.loading)

    def speak(count: int) -> None:
        for _ in range(count):
            speech.speak("one two three four five six seven eight nine ten", SpeakOptions())
            speech.wait()
            sink.chunks.clear()

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


def test_ctrl_c_during_close_waits_for_the_thread(sink: RecordingSink) -> None:
    """The thread still joins: MLX aborts an interpreter that exits while a model loads."""

    def load() -> Engine:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.3)
        loaded.set()
        return Engine()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    gate, loaded = threading.Event(), threading.Event()
    speech = SpeechThread(lambda: gate.wait() and load(), lambda: sink)
    threading.Timer(0.1, gate.set).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            speech.close()
        assert loaded.is_set()
    finally:
        signal.signal(signal.SIGINT, before)
        speech.close()
