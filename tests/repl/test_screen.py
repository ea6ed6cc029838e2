"""The prompt on a screen, with keys sent through prompt_toolkit's pipe, and the plain prompt."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Iterator

import pytest
from prompt_fixtures import RecordingSink, answer, text_of, typed, until
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from speak_fake import Engine

from nightingale.errors import VoiceNotFound
from nightingale.options import SpeakOptions
from nightingale.repl.commands import COMMANDS, LEAVE_HINT
from nightingale.repl.display import activity, status_line, truncate
from nightingale.repl.plain import run_plain
from nightingale.repl.screen import Screen
from nightingale.repl.session import Session
from nightingale.repl.speech_thread import SpeechThread

CTRL_C, CTRL_D, CTRL_R, ENTER, ALT_ENTER = "\x03", "\x04", "\x12", "\r", "\x1b\r"


class RecordingOutput(DummyOutput):
    """Keeps the text that is printed between and above prompts."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, data: str) -> None:
        self.text += data

    write_raw = write


@contextlib.contextmanager
def shown_prompt(session: Session) -> Iterator[tuple[PipeInput, RecordingOutput, list[str]]]:
    """The prompt in a thread: its keyboard, its output, and a list that gets the way it ended."""
    output, ended = RecordingOutput(), []

    with create_pipe_input() as keys:

        def show() -> None:
            try:
                Screen(session, InMemoryHistory(), keys, output).run()
                ended.append("left")
            except BaseException as error:
                ended.append(repr(error))

        thread = threading.Thread(target=show)
        thread.start()
        try:
            yield keys, output, ended
        finally:
            if not ended:
                keys.send_text(CTRL_C + CTRL_D)
            thread.join(5)
            if thread.is_alive():
                keys.send_text(CTRL_C + CTRL_D)
                thread.join(5)
            assert not thread.is_alive()


def test_lines_are_spoken_in_order_and_ctrl_d_leaves(session: Session, sink: RecordingSink) -> None:
    with shown_prompt(session) as (keys, _, ended):
        keys.send_text("one two" + ENTER + "three" + ENTER + ENTER)
        until(lambda: sink.num_words == 3)
        keys.send_text("x" + CTRL_D)  # not on an empty line
        time.sleep(0.1)
        assert not ended
        keys.send_text("\x7f" + CTRL_D)
        until(lambda: bool(ended))
        assert ended == ["left"]
    assert [len(chunk.samples) for chunk in sink.chunks] == [4800, 2400]


def test_lines_typed_ahead_wait_and_ctrl_c_clears_them(session: Session, sink: RecordingSink) -> None:
    sink.gate.clear()
    with shown_prompt(session) as (keys, _, ended):
        keys.send_text("one" + ENTER + "two" + ENTER + "three" + ENTER + "kept")
        until(lambda: session.speech.num_waiting == 2)
        assert "2 waiting" in text_of(status_line(session, "", 200)) and activity(session) == "speaking"
        keys.send_text(CTRL_C)
        until(lambda: not session.speech.busy)
        assert sink.num_stops == 1 and not sink.chunks
        keys.send_text(ENTER)  # the line being typed is still there
        until(lambda: sink.num_words == 1)
        assert not ended


def test_ctrl_c_in_silence_clears_the_line_and_pressed_twice_leaves(session: Session) -> None:
    with shown_prompt(session) as (keys, output, ended):
        keys.send_text("half a line" + CTRL_C)
        time.sleep(0.1)
        assert not ended
        keys.send_text(CTRL_C)
        until(lambda: LEAVE_HINT in output.text)
        assert not ended
        keys.send_text(CTRL_C)
        until(lambda: bool(ended))
        assert ended == ["left"]


def test_hint_is_shown(session: Session) -> None:
    with create_pipe_input() as keys:
        assert LEAVE_HINT in text_of(status_line(session, LEAVE_HINT, 200))
        screen = Screen(session, InMemoryHistory(), keys, RecordingOutput())
        assert "ready" in text_of(screen._toolbar())


def test_toolbar_shows_the_sentence_that_is_playing(
    session: Session, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordingSink, "busy", True)
    answer(session, "one. two three. four. five. six")
    until(lambda: sink.num_words == 6)
    with create_pipe_input() as keys:
        screen = Screen(session, InMemoryHistory(), keys, RecordingOutput())
        for played_s, shown in ((0.05, ["one.", " 1 of 5 "]), (0.15, ["two three.", " 2 of 5 "])):
            monkeypatch.setattr(RecordingSink, "played_s", played_s)
            sentence, status = text_of(screen._toolbar()).splitlines()
            assert (sentence == shown[0] and shown[1] in status and "0:01 left" in status) or "0:00 left" in status


def test_pasted_lines_are_one_utterance(session: Session, sink: RecordingSink) -> None:
    with shown_prompt(session) as (keys, _, _):
        keys.send_text("\x1b[200~one two\nthree\r\nfour\x1b[201~" + ENTER)
        until(lambda: sink.num_words == 4)
        assert typed(session.speech.last) == ["one two", "three", "four"]
        keys.send_text("five" + ALT_ENTER + "six" + ENTER)
        until(lambda: sink.num_words == 6)
        assert typed(session.speech.last) == ["five", "six"]
    assert session.speech.num_waiting == 0


def test_ctrl_r_finds_an_earlier_line(session: Session, sink: RecordingSink) -> None:
    with shown_prompt(session) as (keys, _, _):
        keys.send_text("one two three" + ENTER + "four" + ENTER)
        until(lambda: sink.num_words == 4)
        keys.send_text(CTRL_R + "two" + ENTER)
        time.sleep(0.1)
        keys.send_text(ENTER)
        until(lambda: sink.num_words == 7)


def test_answers_and_notices_are_shown(session: Session) -> None:
    with shown_prompt(session) as (keys, output, ended):
        keys.send_text("/nonsense" + ENTER)
        until(lambda: "no command /nonsense" in output.text)
        keys.send_text("fail" + ENTER)
        until(lambda: "the engine failed, as asked" in output.text)
        keys.send_text("/help" + ENTER)
        until(lambda: all(f"/{name}" in output.text for name in COMMANDS))
        assert not ended
        keys.send_text("/quit" + ENTER)
        until(lambda: bool(ended))
        assert ended == ["left"]


def test_an_unexpected_error_in_the_speech_thread_ends_the_prompt(session: Session) -> None:
    with shown_prompt(session) as (keys, _, ended):
        keys.send_text("bug" + ENTER)
        until(lambda: bool(ended))
        assert ended == ["RuntimeError('a bug, as asked')"]


def test_lines_can_be_typed_while_the_model_loads(sink: RecordingSink) -> None:
    may_load = threading.Event()

    def load() -> Engine:
        may_load.wait(10)
        return Engine()

    speech = SpeechThread(load, lambda: sink)
    try:
        session = Session(speech, SpeakOptions(), "florence", list)
        with shown_prompt(session) as (keys, _, _):
            keys.send_text("one two" + ENTER)
            until(lambda: speech.num_waiting == 1)
            assert activity(session) == "loading" and not sink.chunks
            may_load.set()
            until(lambda: sink.num_words == 2)
    finally:
        may_load.set()
        speech.close()


def test_a_model_that_cannot_be_loaded_ends_the_prompt(sink: RecordingSink) -> None:
    speech = SpeechThread(lambda: Engine(voice="nobody"), lambda: sink)
    try:
        with shown_prompt(Session(speech, SpeakOptions(), "nobody", list)) as (_, _, ended):
            until(lambda: bool(ended))
            assert "VoiceNotFound" in ended[0]
    finally:
        speech.close()


def test_plain_prompt(session: Session, sink: RecordingSink) -> None:
    shown = io.StringIO()
    run_plain(session, io.StringIO("one two\n/speed\n/nonsense\nfail\n"), shown)
    assert sink.num_words == 2
    assert "speed 1.0" in shown.getvalue() and "no command /nonsense" in shown.getvalue()
    run_plain(session, io.StringIO("/quit\none\n"), shown)
    assert sink.num_words == 2


def test_plain_prompt_reports_errors_after_the_end_of_the_input(session: Session, sink: RecordingSink) -> None:
    shown = io.StringIO()
    sink.gate.clear()
    threading.Timer(0.2, sink.gate.set).start()
    run_plain(session, io.StringIO("one\nfail\n"), shown)
    assert "the engine failed, as asked" in shown.getvalue()
    with pytest.raises(RuntimeError, match="a bug"):
        run_plain(session, io.StringIO("one\nbug\n"), shown)


def test_plain_prompt_raises_the_error_of_the_speech_thread(sink: RecordingSink) -> None:
    speech = SpeechThread(lambda: Engine(voice="nobody"), lambda: sink)
    try:
        until(lambda: speech.failure is not None)
        with pytest.raises(VoiceNotFound):
            run_plain(Session(speech, SpeakOptions(), "nobody", list), io.StringIO("one\n"), io.StringIO())
    finally:
        speech.close()


def test_toolbar_fits_the_width(session: Session) -> None:
    assert truncate("a sentence that is long", 10) == "a sente..." and truncate("short", 10) == "short"
    assert truncate("\u4f60\u597d\u4f60\u597d", 7) == "\u4f60\u597d..." and truncate("text", 2) == ""
    for width in (0, 1, 5, 20, 80):
        assert len(text_of(status_line(session, LEAVE_HINT, width))) <= max(width, 1)
