"""The thread that speaks: loads the engine, runs jobs from a bounded queue, and writes audio to a sink."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

from nightingale.audio.chunk import AudioChunk
from nightingale.audio.sink import NullSink, Sink
from nightingale.errors import AudioDeviceError, NightingaleError
from nightingale.options import SpeakOptions
from nightingale.repl.messages import Message
from nightingale.repl.utterance import Utterance
from nightingale.signals import defer_signals
from nightingale.statistics import Statistics

MAX_QUEUE = 100  # jobs, and notices
CHECK_S = 0.25  # between two checks of a device that plays
PIECE_SIZE = 10_000  # characters given to the engine at once

Job: TypeAlias = Callable[[], object]


class SpeakingEngine(Protocol):
    """The methods of nightingale.engine.Engine that the prompt calls."""

    def speak(
        self, text: str | Iterable[str], options: SpeakOptions, statistics: Statistics
    ) -> Iterator[AudioChunk]: ...
    def use_voice(self, voice: str) -> None: ...
    def close(self) -> None: ...


class SpeechThread:
    """Makes and plays one text after the other. `close` must be called: it joins the thread.

    engine, sink: None until loaded. failure: the error that ended the thread. last: the newest utterance that is not
    a replay. notices: messages for the user.
    """

    def __init__(self, load_engine: Callable[[], SpeakingEngine], open_sink: Callable[[], Sink]) -> None:
        self.engine: SpeakingEngine | None = None
        self.sink: Sink | None = None
        self.failure: BaseException | None = None
        self.last: Utterance | None = None
        self.notices: deque[Message] = deque(maxlen=MAX_QUEUE)
        self._load_engine, self._open_sink = load_engine, open_sink
        self._jobs: queue.Queue[tuple[int, Job] | None] = queue.Queue(MAX_QUEUE)
        self._num_stops = 0  # calls of `stop`; each job carries the number at its submission
        self._stops_before_job = 0  # that number of the current job
        self._unplayed: deque[Utterance] = deque()  # not yet played to the end; the first one is playing
        self._lock = threading.Lock()  # for _num_stops and _unplayed
        self._thread = threading.Thread(target=self._run, name="speech")
        self._thread.start()

    # --- called by any thread ---

    def speak(self, text: str, options: SpeakOptions) -> None:
        """Queue a text. Raises NightingaleError when the queue is full."""
        self.submit(lambda: self._speak(text, options))

    def replay(self) -> None:
        """Queue the last utterance again, from memory."""
        self.submit(self._replay)

    def change_sink(self, open_sink: Callable[[], Sink]) -> None:
        """Play on another sink, after everything queued before has been played."""
        self.submit(lambda: self._change_sink(open_sink))

    def submit(self, job: Job) -> None:
        """Run a job in the thread, after those queued before. `stop` cancels it. Raises NightingaleError when full."""
        try:
            self._jobs.put_nowait((self._num_stops, job))
        except queue.Full:
            raise NightingaleError(f"the queue is full ({MAX_QUEUE} lines); /stop clears it") from None

    def stop(self) -> None:
        """Stop playback at once, cancel the current job and clear the queue."""
        with self._lock:
            self._num_stops += 1
            self._unplayed.clear()
            with contextlib.suppress(queue.Empty):
                while True:
                    self._jobs.get_nowait()
                    self._jobs.task_done()
        if self.sink is not None:
            self.sink.stop()
            self.sink.paused = False

    def close(self) -> None:
        """Stop, and join the thread: if the interpreter exits while it runs, MLX aborts the process."""
        with defer_signals():
            self.stop()
            self._jobs.put(None)
            self._thread.join()

    def wait(self) -> None:
        """Wait until everything has been played, or the thread has failed."""
        while self.busy and self.failure is None:
            time.sleep(0.02)

    @property
    def num_waiting(self) -> int:
        """Texts that have not begun to play: in the queue, or made ahead."""
        if not self.busy:
            return 0
        self.playing()  # drops those that have been played
        return self._jobs.qsize() + max(0, len(self._unplayed) - 1)

    @property
    def loading(self) -> bool:
        return self.engine is None and self.failure is None

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits, or audio is playing."""
        return self._jobs.unfinished_tasks > 0 or (self.sink is not None and self.sink.busy)

    def playing(self) -> Utterance | None:
        """The utterance that is playing, None in silence. Records its playback in its statistics."""
        sink = self.sink
        if sink is None or not sink.busy:
            return None
        played_s = sink.played_s
        self._drop_played(played_s)
        utterance = next((utterance for utterance in self._unplayed.copy() if utterance.sentences), None)
        if utterance is not None:
            utterance.statistics.record_playback(played_s - utterance.start_s)
        return utterance

    def _drop_played(self, played_s: float) -> None:
        with self._lock:
            while self._unplayed and (end_s := self._unplayed[0].end_s) is not None and end_s < played_s:
                self._unplayed.popleft()

    # --- called by the thread itself ---

    def _run(self) -> None:
        try:
            self.sink = self._open_first_sink()
            self.engine = self._load_engine()
            while (entry := self._next_job()) is not None:
                self._stops_before_job, job = entry
                try:
                    if not self._cancelled:
                        self._run_job(job)
                finally:
                    self._jobs.task_done()
        except BaseException as error:  # raised again by the thread that shows the prompt
            self.failure = error
        finally:
            if self.sink is not None:
                self.sink.close()
            if self.engine is not None:
                self.engine.close()

    @property
    def _cancelled(self) -> bool:
        """Whether `stop` was called after the current job was submitted."""
        return self._stops_before_job != self._num_stops

    def _next_job(self) -> tuple[int, Job] | None:
        """Wait for a job; check the device while it plays."""
        while self.sink is not None and self.sink.busy:
            self._run_job(self.sink.check_device)
            with contextlib.suppress(queue.Empty):
                return self._jobs.get(timeout=CHECK_S)
        return self._jobs.get()

    def _run_job(self, job: Job) -> None:
        """Errors become notices. A device that fails is replaced by silence."""
        try:
            job()
        except AudioDeviceError as error:
            self.notices.append(Message(str(error), "error"))
            self._replace_sink(NullSink())
        except NightingaleError as error:
            self.notices.append(Message(str(error), "error"))

    def _open_first_sink(self) -> Sink:
        try:
            return self._open_sink()
        except AudioDeviceError as error:
            self.notices.append(Message(f"muted: {error}", "note"))
            return NullSink()

    def _change_sink(self, open_sink: Callable[[], Sink]) -> None:
        assert self.sink is not None
        try:
            sink = open_sink()
        except AudioDeviceError as error:  # keep the old one
            raise NightingaleError(str(error)) from error
        try:
            self.sink.wait()
        except AudioDeviceError as error:  # the old device failed; the new one takes over
            self.notices.append(Message(str(error), "error"))
        except BaseException:
            sink.close()
            raise
        self._replace_sink(sink)
        self.notices.append(Message(f"playing on {sink.name}"))

    def _replace_sink(self, sink: Sink) -> None:
        old, self.sink = self.sink, sink
        with self._lock:
            self._unplayed.clear()
        if old is not None:
            sink.volume = old.volume
            old.close()

    def _speak(self, text: str, options: SpeakOptions) -> None:
        assert self.engine is not None
        self.last = utterance = self._new_utterance(len(text))
        self._play(self.engine.speak(_pieces(text), options, utterance.statistics), utterance)

    def _replay(self) -> None:
        if self.last is None or not self.last.chunks:
            raise NightingaleError("there is no text to replay, or it was too long to keep")
        chunks = self.last.chunks
        utterance = self._new_utterance(self.last.num_chars)
        utterance.chunks = None
        self._play(utterance.statistics.time_chunks(chunks), utterance)

    def _new_utterance(self, num_chars: int) -> Utterance:
        assert self.sink is not None
        utterance = Utterance(Statistics(), self.sink.written_s, num_chars=num_chars)
        self._unplayed.append(utterance)
        return utterance

    def _play(self, chunks: Iterator[AudioChunk], utterance: Utterance) -> None:
        assert self.sink is not None
        sink, ticket = self.sink, self.sink.begin()
        before = sink.underruns
        try:
            if not self._cancelled:  # checked again: a stop before begin() does not invalidate the ticket
                for chunk in chunks:
                    utterance.add(chunk, sink.written_s)
                    if not sink.write(chunk, ticket):
                        break
        finally:  # also for an utterance that failed halfway
            utterance.end_s = sink.written_s
            utterance.statistics.underruns = sink.underruns - before
            sink.finish(ticket)
        self._drop_played(sink.played_s)  # the plain prompt never calls `playing`


def _pieces(text: str) -> Iterator[str]:
    """A long text in pieces, so that its first sentence is spoken before all of it is split."""
    return (text[i : i + PIECE_SIZE] for i in range(0, len(text), PIECE_SIZE))
