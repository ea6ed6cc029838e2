"""The lines below the prompt: the sentence that is playing, its current word, and the status."""

from __future__ import annotations

import pytest
from prompt_fixtures import RecordingSink, answer, text_of, until

from nightingale.options import SpeakOptions
from nightingale.repl import commands
from nightingale.repl.display import clock, message_fragments, sentence_lines, status_line, wrap
from nightingale.repl.session import Session
from nightingale.repl.utterance import SpokenSentence, Utterance
from nightingale.statistics import Statistics

TYPED = "It costs $3.50, which is\tless than the old one."
TEXT = "It costs three dollars and fifty cents, which is less than the old one."


def sentence() -> SpokenSentence:
    """A word each second from the tenth on."""
    return SpokenSentence(0, 10.0, TYPED, 0, TEXT, [10.0 + i for i in range(len(TEXT.split()))])


def word_at(played_s: float, width: int = 80, height: int = 3) -> str:
    return "".join(text for style, text in sentence_lines(sentence(), played_s, width, height) if style == "class:word")


def test_the_typed_word_is_marked_while_its_spoken_words_are_played() -> None:
    assert [word_at(second + 0.5) for second in (9, 10, 11, 12, 16, 17, 20)] == [
        "", "It", "costs", "$3.50,", "$3.50,", "which", "than",
    ]  # fmt: skip


def test_all_of_the_sentence_is_shown_where_it_fits() -> None:
    assert text_of(sentence_lines(sentence(), 10.5, 80, 3)) == TYPED.replace("\t", " ") + "\n"


@pytest.mark.parametrize("width", [10, 16, 25])
@pytest.mark.parametrize("height", [1, 2, 3])
def test_lines_scroll_with_the_word(width: int, height: int) -> None:
    seen = []
    for second in range(10, 24):
        shown = sentence_lines(sentence(), second + 0.5, width, height)
        lines = text_of(shown).splitlines()
        assert 1 <= len(lines) <= height and max(map(len, lines)) <= width
        assert any(style == "class:word" for style, _ in shown)
        seen += [line for line in lines if line not in seen]
    assert " ".join(seen).split() == TYPED.split()


def test_control_characters_are_not_shown() -> None:
    typed = "a \x1b[31mred\x1b[0m\x07 word"
    shown = text_of(sentence_lines(SpokenSentence(0, 0.0, typed, 0, "a red word.", [0.0, 1.0]), 1.5, 80, 3))
    assert "\x1b" not in shown and "\x07" not in shown and shown.split() == ["a", "red", "word"]


def test_wrap_breaks_words_that_are_longer_than_a_line() -> None:
    text = "a verylongword 你好你好 b"
    assert [text[start:end] for start, end in wrap(text, 6)] == ["a", "verylo", "ngword", "你好你", "好 b"]
    assert wrap("", 5) == []


def test_messages_tell_their_kind_by_a_word() -> None:
    assert text_of(message_fragments("no such file", "error")) == "error: no such file"
    assert text_of(message_fragments("speed 1.0", "answer")) == "speed 1.0"


def test_time_left_is_estimated_until_the_end_is_known() -> None:
    utterance = Utterance(Statistics(), 100.0, num_chars=1000)
    utterance.sentences = [SpokenSentence(i, 100.0 + 10 * i, "x", 150 * i, "x") for i in range(3)]
    assert utterance.left_s(102.0) is None and utterance.left_s(109.0) is None
    assert utterance.left_s(110.0) == pytest.approx(850 / 15) and utterance.left_s(120.0) == pytest.approx(700 / 15)
    utterance.end_s = 160.0
    assert utterance.left_s(120.0) == 40.0


def test_clock() -> None:
    assert [clock(seconds) for seconds in (-1, 7.4, 59.6, 750, 3723)] == ["0:00", "0:07", "1:00", "12:30", "1:02:03"]


def test_status(session: Session, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch) -> None:
    until(lambda: "ready" in text_of(status_line(session, "", 80)))
    assert text_of(status_line(session, "", 60)).startswith(" ○ ready · florence ")
    assert text_of(status_line(session, "", 60)).endswith("/help · Ctrl-D leaves")
    answer(session, "/speed 1.2")
    sink.volume = 0.5
    assert " florence · 1.2x · volume 50% " in text_of(status_line(session, "", 80))
    sink.volume = 0.0
    assert " · muted " in text_of(status_line(session, "", 80))
    monkeypatch.setattr(RecordingSink, "busy", True)
    session.speech.speak("one. two. three four five six.", SpeakOptions())
    until(lambda: session.speech.last is not None and session.speech.last.end_s is not None)
    monkeypatch.setattr(RecordingSink, "played_s", 0.15)
    shown = text_of(status_line(session, "", 99))
    assert shown.startswith(" ● speaking · florence · 1.2x · muted · sentence 2 of 3 · 0:00 left ")
    commands.answer(session, "/pause")
    shown = text_of(status_line(session, "", 99))
    assert shown.startswith(" ‖ paused ") and shown.endswith("Alt-P continues · Ctrl-C stops")


def test_every_status_fits(session: Session) -> None:
    for width in range(0, 90, 7):
        for hint in ("", "a hint that is long enough to be cut"):
            assert len(text_of(status_line(session, hint, width))) <= max(width, 1)
