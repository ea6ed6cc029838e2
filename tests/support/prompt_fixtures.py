"""Fixtures for the tests of the prompt: a sink that records, a speech thread with a fake engine, a session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from speak_fake import SAMPLES_PER_WORD, Engine

from nightingale.audio.chunk import AudioChunk
from nightingale.audio.sink import NullSink
from nightingale.options import SpeakOptions
from nightingale.repl import commands
from nightingale.repl.messages import Message
from nightingale.repl.session import Session
from nightingale.repl.speech_thread import SpeechThread
from nightingale.repl.utterance import Utterance

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples


class RecordingSink(NullSink):
    """Keeps all chunks. While `gate` is cleared, the sink is busy and `write` waits until it is set or stopped."""

    name = "recorder"

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.chunks: list[AudioChunk] = []
        self.num_stops = 0
        self.closed = False
        self.tickets: list[int] = []

    @property
    def busy(self) -> bool:  # type: ignore[override]
        return not self.gate.is_set()

    def write(self, chunk: AudioChunk, ticket: int) -> bool:
        self.tickets.append(ticket)
        while not self.gate.wait(0.005):
            if ticket != self._ticket:
                return False
        accepted = super().write(chunk, ticket)
        if accepted:
            self.chunks.append(chunk)
        return accepted

    def stop(self) -> None:
        super().stop()
        self.num_stops += 1
        self.gate.set()

    def close(self) -> None:
        self.closed = True

    @property
    def num_words(self) -> float:
        """Words of the fake engine, at speed 1."""
        return sum(len(chunk.samples) for chunk in self.chunks) / SAMPLES_PER_WORD


def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.005)


def answer(session: Session, line: str) -> str:
    """The text of the answer to a line."""
    return commands.answer(session, line).text


def typed(utterance: Utterance | None, played_s: float = 0.0) -> list[str]:
    """The sentences from the one on that is playing at that time."""
    assert utterance is not None
    return [sentence.typed for sentence in utterance.sentences_from(played_s)]


def texts(notices: Iterable[Message]) -> list[str]:
    return [notice.text for notice in notices]


def text_of(fragments: StyleAndTextTuples) -> str:
    return "".join(fragment[1] for fragment in fragments)


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
def speech(sink: RecordingSink) -> Iterator[SpeechThread]:
    speech = SpeechThread(Engine, lambda: sink)
    try:
        yield speech
    finally:
        speech.close()
        assert sink.closed
        assert not [thread for thread in threading.enumerate() if thread.name == "speech"]


@pytest.fixture
def session(speech: SpeechThread) -> Session:
    until(lambda: not speech.loading)
    return Session(speech, SpeakOptions(), "florence", lambda: ["florence", "other"])
