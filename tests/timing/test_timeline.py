"""Chunks to timed sentences."""

from __future__ import annotations

import numpy as np

from nightingale.audio.chunk import AudioChunk, Word
from nightingale.timing.timeline import TimedSentence, Timeline

TYPED, SPOKEN = "It costs $3.50, OK?", "It costs three dollars and fifty cents, okay?"
STARTS = [0.1, 0.3, 0.6, 0.8, 1.0, 1.1, 1.4, 2.0]  # of the spoken words


def chunks() -> list[AudioChunk]:
    """Sound from 0.1 to 1.7 s and from 2.0 to 2.4 s in two chunks, then a pause and a second sentence."""
    samples = np.zeros(60_000, np.float32)
    samples[2400:40_800] = samples[48_000:57_600] = 0.1
    words, first = [], 0
    for text, start in zip(SPOKEN.split(), STARTS, strict=True):
        words.append(Word(text, first, start))
        first += len(text) + 1
    return [
        AudioChunk(samples[:24_000], 24_000, 0, SPOKEN, tuple(words[:4]), TYPED, 7),
        AudioChunk(samples[24_000:], 24_000, 0, SPOKEN, tuple(words[4:]), TYPED, 7),
        AudioChunk(np.zeros(12_000, np.float32), 24_000, 0, SPOKEN, (), TYPED, 7),
        AudioChunk(np.full(2400, 0.1, np.float32), 24_000, 1, "Yes.", (Word("Yes.", 0, 3.0),), "Yes.", 30),
    ]


def timed() -> list[TimedSentence]:
    timeline = Timeline()
    return [sentence for chunk in chunks() for sentence in timeline.add(chunk)] + timeline.close()


def test_a_sentence_is_given_when_the_next_begins() -> None:
    timeline = Timeline()
    assert [len(timeline.add(chunk)) for chunk in chunks()] == [0, 0, 0, 1]
    assert len(timeline.close()) == 1 and timeline.close() == []


def test_words_are_those_that_were_typed() -> None:
    first, second = timed()
    assert [(word.typed, word.first, word.text) for word in first.words] == [
        ("It", 7, "It"), ("costs", 10, "costs"), ("$3.50,", 16, "three dollars and fifty cents,"), ("OK?", 23, "okay?"),
    ]  # fmt: skip
    assert (second.typed, second.first, [word.typed for word in second.words]) == ("Yes.", 30, ["Yes."])


def test_a_word_ends_with_the_next_or_with_its_sound() -> None:
    first, second = timed()
    times = [(word.start_s, round(word.end_s, 2)) for word in first.words]
    assert times == [(0.1, 0.3), (0.3, 0.6), (0.6, 1.7), (2.0, 2.4)]
    assert (round(first.start_s, 2), round(first.end_s, 2)) == (0.1, 2.4)
    assert (round(second.start_s, 2), round(second.end_s, 2)) == (3.0, 3.1)


def test_a_sentence_without_words_has_its_times() -> None:
    timeline = Timeline()
    timeline.add(AudioChunk(np.full(24_000, 0.1, np.float32), text="Yes.", typed="Yes."))
    (sentence,) = timeline.close()
    assert sentence.words == () and sentence.start_s == 0 and round(sentence.end_s, 3) == 1


def test_words_that_the_voice_left_out_have_no_time() -> None:
    timeline = Timeline()
    chunk = chunks()[0]
    timeline.add(chunk)
    (sentence,) = timeline.close()
    assert [word.typed for word in sentence.words] == ["It", "costs", "$3.50,"]
