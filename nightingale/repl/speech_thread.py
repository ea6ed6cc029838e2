"""The one thread that speaks: it loads the engine, takes jobs from a bounded queue, and writes sound to a sink.

Knows neither terminal nor commands. Whoever watches it reads its fields; what it has to say it puts into `notices`.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from nightingale.audio.chunk import AudioChunk
from nightingale.audio.sink import NullSink, Sink
from nightingale.errors import AudioDeviceError, NightingaleError
from nightingale.options import SpeakOptions
from nightingale.signals import defer_signals
from nightingale.statistics import Statistics

MAX_QUEUE = 100  # utterances
CHECK_S = 0.25
PIECE_SIZE = 10_000  # characters that the engine takes at once
MAX_KEPT_S = 600.0  # of the last utterance, for replay and save: 58 MB


class SpeakingEngine(Protocol):
    """What is asked of an engine."""

    def speak(
        self, text: str | Iterable[str], options: SpeakOptions, statistics: Statistics
    ) -> Iterator[AudioChunk]: ...
    def use_voice(self, voice: str) -> None: ...
    def close(self) -> None: ...


@dataclass
class Utterance:
    """One utterance on its way to the sink. Seconds are of the sink's clock.

    sentence_starts: start, number and text of each sentence. chunks: None once there are too many to keep.
    """

    stats: Statistics
    start_s: float
    sentence_starts: list[tuple[float, int, str]] = field(default_factory=list)
    end_s: float | None = None
    chunks: list[AudioChunk] | None = field(default_factory=list)

    def add(self, chunk: AudioChunk, at_s: float) -> None:
        if not self.sentence_starts or self.sentence_starts[-1][1] != chunk.sentence:
            self.sentence_starts.append((at_s, chunk.sentence, chunk.text))
        if self.chunks is not None:
            self.chunks.append(chunk)
            if at_s - self.start_s > MAX_KEPT_S:
                self.chunks = None

    def sentences_from(self, played_s: float) -> list[str]:
        """The sentence that is being heard and those made after it."""
        current = sum(at_s <= played_s for at_s, _, _ in self.sentence_starts)
        return [text for _, _, text in self.sentence_starts[max(0, current - 1) :]]


class SpeechThread:
    """Speaks what it is given, one after the other. `close` must be called; it joins the thread.

    engine, sink: None until they are there. failure: what ended the thread before its time.
    """

    def __init__(self, load_engine: Callable[[], SpeakingEngine], open_sink: Callable[[], Sink]) -> None:
        self.engine: SpeakingEngine | None = None
        self.sink: Sink | None = None
        self.failure: BaseException | None = None
        self.last: Utterance | None = None  # for replay and save
        self.notices: deque[str] = deque(maxlen=MAX_QUEUE)
        self.underruns = 0  # of sinks that are closed
        self._load_engine, self._open_sink = load_engine, open_sink
        self._unplayed: deque[Utterance] = deque()  # begun, and not yet heard to the end
        self._jobs: queue.Queue[tuple[int, Callable[[int], None]] | None] = queue.Queue(MAX_QUEUE)
        self._num_stops = 0  # goes up with every stop: jobs from before are not done
        self._lock = threading.Lock()
        self._working = False
        self._thread = threading.Thread(target=self._run, name="speech")
        self._thread.start()

    # --- from any thread ---

    def speak(self, text: str, options: SpeakOptions) -> None:
        """Speak after everything that waits. Raises NightingaleError when too much does."""
        self.submit(lambda epoch: self._speak(text, options, epoch))

    def replay(self) -> None:
        """Say the last utterance again, from memory."""
        self.submit(self._replay)

    def change_sink(self, open_sink: Callable[[], Sink]) -> None:
        """Play elsewhere, once all that waits was heard here."""
        self.submit(lambda _: self._change_sink(open_sink))

    def submit(self, job: Callable[[int], None]) -> None:
        """Have the speaking thread do something in turn; it is told the epoch that the job belongs to."""
        try:
            self._jobs.put_nowait((self._num_stops, job))
        except queue.Full:
            raise NightingaleError(f"{MAX_QUEUE} utterances wait already; /stop forgets them") from None

    def stop(self) -> None:
        """Silence, and nothing waits any more."""
        with self._lock:
            self._num_stops += 1
            with contextlib.suppress(queue.Empty):
                while True:
                    self._jobs.get_nowait()
        self._unplayed.clear()
        if self.sink is not None:
            self.sink.stop()
            self.sink.paused = False

    def close(self) -> None:
        """Stop, and end the thread. An interpreter that ends before it is aborted by MLX's threads."""
        with defer_signals():
            self.stop()
            self._jobs.put(None)
            self._thread.join()

    def wait(self) -> None:
        """Until all is said and heard."""
        while self.busy and self.failure is None:
            time.sleep(0.02)

    @property
    def num_waiting(self) -> int:
        return self._jobs.qsize()

    @property
    def loading(self) -> bool:
        return self.engine is None and self.failure is None

    @property
    def busy(self) -> bool:
        """Whether there is anything that a stop would end."""
        return self._working or not self._jobs.empty() or (self.sink is not None and self.sink.busy)

    def playing(self) -> Utterance | None:
        """The utterance that the sink is at, None in silence."""
        sink = self.sink
        if sink is None or not sink.busy:
            return None
        played_s = sink.played_s
        with contextlib.suppress(IndexError):  # both threads may drop one
            while (end_s := self._unplayed[0].end_s) is not None and end_s < played_s:
                self._unplayed.popleft()
        utterance = next((utterance for utterance in self._unplayed.copy() if utterance.sentence_starts), None)
        if utterance is not None:
            utterance.stats.record_playback(played_s - utterance.start_s)
        return utterance

    # --- the speaking thread ---

    def _run(self) -> None:
        try:
            self.sink = self._open()
            self.engine = self._load_engine()
            while (entry := self._next_job()) is not None:
                epoch, job = entry
                self._working = True
                try:
                    if epoch == self._num_stops:
                        self._run_job(job, epoch)
                finally:
                    self._working = False
        except BaseException as error:  # told to the thread that watches
            self.failure = error
        finally:
            if self.sink is not None:
                self.sink.close()
            if self.engine is not None:
                self.engine.close()

    def _next_job(self) -> tuple[int, Callable[[int], None]] | None:
        """The next job; meanwhile what was said is seen to be heard."""
        while self.sink is not None and self.sink.busy:
            self._run_job(lambda _: self.sink.check_device() if self.sink else None, self._num_stops)
            with contextlib.suppress(queue.Empty):
                return self._jobs.get(timeout=CHECK_S)
        return self._jobs.get()

    def _run_job(self, job: Callable[[int], None], epoch: int) -> None:
        """What goes wrong with one utterance does not end the conversation."""
        try:
            job(epoch)
        except AudioDeviceError as error:
            self.notices.append(str(error))
            self._replace_sink(NullSink())
        except NightingaleError as error:
            self.notices.append(str(error))

    def _open(self) -> Sink:
        try:
            return self._open_sink()
        except AudioDeviceError as error:
            self.notices.append(f"muted: {error}")
            return NullSink()

    def _change_sink(self, open_sink: Callable[[], Sink]) -> None:
        assert self.sink is not None
        try:
            sink = open_sink()
        except AudioDeviceError as error:  # the old one stays
            raise NightingaleError(str(error)) from error
        try:
            self.sink.wait()
        except AudioDeviceError as error:  # what it had not played is lost; the new one is not
            self.notices.append(str(error))
        except BaseException:
            sink.close()  # nobody else knows of it
            raise
        self._replace_sink(sink)
        self.notices.append(f"playing on {sink.name}")

    def _replace_sink(self, sink: Sink) -> None:
        old, self.sink = self.sink, sink
        self._unplayed.clear()
        if old is not None:
            sink.volume = old.volume
            self.underruns += old.underruns
            old.close()

    def _speak(self, text: str, options: SpeakOptions, epoch: int) -> None:
        assert self.engine is not None
        utterance = self._new_utterance()
        self._play(self.engine.speak(_pieces(text), options, utterance.stats), utterance, epoch)

    def _replay(self, epoch: int) -> None:
        if self.last is None or not self.last.chunks:
            raise NightingaleError("there is nothing to replay")
        again = self._new_utterance(keep=False)
        self._play(again.stats.time_chunks(self.last.chunks), again, epoch)

    def _new_utterance(self, keep: bool = True) -> Utterance:
        assert self.sink is not None
        utterance = Utterance(Statistics(), self.sink.written_s)
        if keep:
            self.last = utterance
        else:
            utterance.chunks = None
        self._unplayed.append(utterance)
        return utterance

    def _play(self, chunks: Iterator[AudioChunk], utterance: Utterance, epoch: int) -> None:
        assert self.sink is not None
        sink, ticket = self.sink, self.sink.begin()
        before = sink.underruns
        try:
            if epoch == self._num_stops:  # else a stop came between the queue and the ticket
                for chunk in chunks:
                    utterance.add(chunk, sink.written_s)
                    if not sink.write(chunk, ticket):
                        break
        finally:  # what failed halfway has an end too
            utterance.end_s = sink.written_s
            utterance.stats.underruns = sink.underruns - before
            sink.finish(ticket)
        self._drop_played()

    def _drop_played(self) -> None:
        """Nobody may be watching: what was heard is forgotten here too."""
        assert self.sink is not None
        while len(self._unplayed) > 1 and (self._unplayed[0].end_s or 0.0) < self.sink.played_s:
            self._unplayed.popleft()


def _pieces(text: str) -> Iterator[str]:
    """A long text in pieces, so that its first sentence is spoken at once."""
    return (text[i : i + PIECE_SIZE] for i in range(0, len(text), PIECE_SIZE))
