"""What the tests of the conversation share: an sink for a loudspeaker, and patience."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from speak_fake import Engine

from nightingale.audio.chunk import AudioChunk
from nightingale.audio.sink import NullSink
from nightingale.options import SpeakOptions
from nightingale.repl.commands import Session
from nightingale.repl.speech_thread import SpeechThread


class RecordingSink(NullSink):
    """A sink that remembers. closed `gate`: it takes nothing, and is busy, until it is opened or stopped."""

    name = "sink"

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
        taken = super().write(chunk, ticket)
        if taken:
            self.chunks.append(chunk)
        return taken

    def stop(self) -> None:
        super().stop()
        self.num_stops += 1
        self.gate.set()

    def close(self) -> None:
        self.closed = True

    @property
    def words(self) -> float:
        return sum(len(chunk.samples) for chunk in self.chunks) / 2400


def until(reached: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


def text_of(fragments: list[tuple[str, str]] | object) -> str:
    return "".join(fragment[1] for fragment in fragments)  # type: ignore[attr-defined]


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
