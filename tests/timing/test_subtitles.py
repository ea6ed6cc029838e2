"""Subtitles, read back by other programs where they are installed."""

from __future__ import annotations

import itertools
import json
import re

import pytest

from nightingale.timing.subtitles import CHARS_PER_S, LINE_CHARS, MAX_S, as_json, as_lrc, as_srt, as_vtt, cues
from nightingale.timing.timeline import TimedSentence, TimedWord

LONG = (
    "The old clock in the hall, which my grandfather bought on a cold morning in Vienna, has not worked for many "
    "years, and nobody has found the time to repair it or the courage to throw it away."
)


def sentence(text: str, start_s: float = 0.0, chars_per_s: float = 15.0) -> TimedSentence:
    """Spoken evenly, with a short pause after each comma."""
    words, now = [], start_s
    for match in re.finditer(r"\S+", text):
        end = now + (len(match[0]) + 1) / chars_per_s
        words.append(TimedWord(match[0], match.start(), match[0], now, end))
        now = end + (0.3 if match[0].endswith(",") else 0.0)
    return TimedSentence(text, 0, text, start_s, now, tuple(words))


SENTENCES = [sentence(LONG, 0.5), sentence("No.", 14.0), sentence("R&D is <b> & \"x --> y\".", 14.4)]


def test_cues_keep_the_rules() -> None:
    found = cues(SENTENCES, by_word=False)
    for cue in found:
        assert len(cue.text) <= 2 * LINE_CHARS + 1 and cue.end_s - cue.start_s <= MAX_S
    for cue, following in itertools.pairwise(found):
        assert cue.end_s <= following.start_s
        assert cue.end_s == following.start_s or len(cue.text) / (cue.end_s - cue.start_s) <= CHARS_PER_S + 0.01
    assert " ".join(cue.text for cue in found) == " ".join(s.typed for s in SENTENCES)


def test_cues_break_at_clauses() -> None:
    assert [cue.text for cue in cues(SENTENCES[:1], by_word=False)] == [
        "The old clock in the hall,",
        "which my grandfather bought on a cold morning in Vienna,",
        "has not worked for many years,",
        "and nobody has found the time to repair it or the courage to throw it away.",
    ]


def test_a_short_cue_stays_until_it_can_be_read() -> None:
    assert cues([SENTENCES[1]], by_word=False)[0].end_s == pytest.approx(14.0 + 5 / 6)
    assert cues(SENTENCES[1:], by_word=False)[0].end_s == 14.4  # but not longer than until the next


def test_a_word_that_is_too_long_has_a_cue_of_its_own() -> None:
    url = "https://example.com/" + "a" * 100
    assert url in [cue.text for cue in cues([sentence(f"See the page {url} for more.")], by_word=False)]


def test_srt() -> None:
    text = as_srt(SENTENCES, by_word=False)
    blocks = text.strip().split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == [str(i + 1) for i in range(len(blocks))]
    assert blocks[0].split("\n")[1].startswith("00:00:00,500 --> 00:00:0")
    for block in blocks:
        lines = block.split("\n")[2:]
        assert 1 <= len(lines) <= 2 and max(map(len, lines)) <= LINE_CHARS and "-->" not in lines[0]
    by_word = as_srt(SENTENCES[:1], by_word=True).strip().split("\n\n")
    assert len(by_word) == len(LONG.split()) and by_word[1].endswith("\nold")


def test_vtt_has_times_within_a_cue() -> None:
    text = as_vtt(SENTENCES, by_word=False)
    assert text.startswith("WEBVTT\n\n00:00:00.500 --> ")
    first = text.split("\n\n")[1].split("\n")[1]
    assert first.startswith("The <00:00:00.767>old <00:00:01.033>clock ")
    assert "R&amp;D" in text and "&lt;b&gt;" in text and "--&gt;" in text


def test_lrc() -> None:
    lines = as_lrc(SENTENCES, by_word=False).splitlines()
    assert lines[0].startswith("[00:00.50]<00:00.50>The <00:00.77>old ")
    assert as_lrc(SENTENCES[1:2], by_word=True) == "[00:14.00]No.\n"


def test_json_has_all_words() -> None:
    (found,) = json.loads(as_json(SENTENCES[1:2]))["sentences"]
    word = {"typed": "No.", "first": 0, "text": "No.", "start": 14.0, "end": 14.267}
    assert found == word | {"words": [word]}


def test_a_sentence_without_words_is_a_cue() -> None:
    whole = TimedSentence("Yes.", 0, "Yes.", 1.0, 2.0, ())
    assert as_srt([whole], by_word=True) == "1\n00:00:01,000 --> 00:00:02,000\nYes.\n"


def test_no_sound_gives_an_empty_file() -> None:
    assert as_srt([], False) == "" and as_vtt([], False) == "WEBVTT\n" and as_lrc([], False) == ""


def milliseconds(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return round(1000 * (3600 * int(hours) + 60 * int(minutes) + float(seconds)))


@pytest.mark.parametrize("by_word", [False, True])
def test_other_programs_read_the_same(by_word: bool, tmp_path: object) -> None:
    pysubs2, webvtt = pytest.importorskip("pysubs2"), pytest.importorskip("webvtt")
    expected = [(round(cue.start_s * 1000), round(cue.end_s * 1000)) for cue in cues(SENTENCES, by_word)]
    srt = pysubs2.SSAFile.from_string(as_srt(SENTENCES, by_word), format_="srt")
    assert [(event.start, event.end) for event in srt] == expected
    vtt = webvtt.from_string(as_vtt(SENTENCES, by_word))
    assert [(milliseconds(caption.start), milliseconds(caption.end)) for caption in vtt] == expected
