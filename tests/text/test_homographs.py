"""The spelling of words with two pronunciations: the sentences of homographs.txt, where {read=reed} is respelled."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nightingale.text.homographs import HOMOGRAPHS, respell_homographs
from nightingale.text.respelling import Respelling
from nightingale.text.stream import read_sentences

ROWS = Path(__file__).with_name("homographs.txt").read_text(encoding="utf-8").splitlines()
WORD = re.compile(r"\{([A-Za-z]+)(?:=([A-Za-z -]+))?\}")


@pytest.mark.parametrize("row", ROWS)
def test_spelling(row: str) -> None:
    assert respell_homographs(WORD.sub(r"\1", row)) == WORD.sub(lambda m: m[2] or m[1], row)


def test_a_hundred_words_have_two_sentences_each() -> None:
    words = [match[1].lower() for row in ROWS if (match := WORD.search(row))]
    assert sum(words.count(word) >= 2 for word in set(words)) >= 100
    assert set(words) >= HOMOGRAPHS


@pytest.mark.parametrize(("sentence", "respelled"), [
    ("I read what you had read, and you should read it.", "I red what you had red, and you should reed it."),
    ("Did the boy read it?", "Did the boy reed it?"),
    ("He likes to sit and read.", "He likes to sit and reed."),
    ("She sat down and read.", "She sat down and red."),
    ("That was a good read.", "That was a good reed."),
    ("They made me read it.", "They made me reed it."),
    ("It was read by millions.", "It was red by millions."),
    ("How many pages have you read?", "How many pages have you red?"),
    ("How many pages do you read?", "How many pages do you reed?"),
    ("The boys moped; the mopeds stood there.", "The boys moped; the mopeds stood there."),
    ("If you read this, call me.", "If you reed this, call me."),
    ("Lead singers earn a lead of lead.", "Lead singers earn a lead of led."),
    ("The Polish army polished its boots.", "The Poalish army polished its boots."),
    ("Please close the close window.", "Please cloze the close window."),
    ("RECORD", "RECORD"),
    ("", ""),
])  # fmt: skip
def test_several_words_and_contexts(sentence: str, respelled: str) -> None:
    assert respell_homographs(sentence) == respelled


def test_only_bundled_voices_get_other_spellings() -> None:
    for bundled, spoken in ((True, "I objecte."), (False, "I object.")):
        (sentence,) = read_sentences(["I object."], respelling=Respelling(bundled=bundled))
        assert sentence.text == spoken


def test_the_model_is_loaded_for_the_first_homograph() -> None:
    code = """
import sys
from nightingale.text.homographs import respell_homographs as respell
respell("A sentence without such words.")
assert "nightingale.text.homographs.weights" not in sys.modules
assert respell("They rebel.") == "They rebell."
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_sentence_takes_less_than_a_millisecond() -> None:
    sentence = "Please record what they read, and object if the lead singers row about the contract they present."
    respell_homographs(sentence)
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        respell_homographs(sentence)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.001
