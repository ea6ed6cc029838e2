"""Words in another spelling: those of the user, which no rule changes, and those of the bundled voices."""

from __future__ import annotations

import pytest

from nightingale.text.characters import ALPHABET, fold
from nightingale.text.lexicon import respellings
from nightingale.text.respelling import Respelling
from nightingale.text.spellings.bundled import respell_words
from nightingale.text.spellings.table import WordTable
from nightingale.text.stream import normalize, read_sentences

WORDS = {
    "nginx": "engine X", "GitHub": "Git hub", "New Orleans": "New Orlins", "node.js": "node J S",
    "C++": "see plus plus",
    "résumé": "rezoomay", "IT": "I T", "b52": "bee 52",
    "lol": "", "regex": "rejex", "API": "A P I", "la": "lah", "naïve": "nigh eve", "Нет": "nyet",
}  # fmt: skip


def read(text: str, respelling: Respelling) -> str:
    return " ".join(sentence.text for sentence in read_sentences([text], respelling=respelling) if sentence)


def table(words: dict[str, str]) -> WordTable:
    return WordTable({fold(word): reading for word, reading in words.items()})


@pytest.mark.parametrize(("written", "spoken"), [
    ("nginx is down.", "engine X is down."),
    ("Nginx is down.", "Engine X is down."),
    ("NGINX IS DOWN AND IT IS COLD.", "Engine X is down and I T is cold."),
    ("Nginx's config is nginx.conf.", "Engine X's config is engine X dot conf."),
    ("On GitHub, not on github.", "On Git hub, not on github."),
    ("The river flows on through the large old city of New\nOrleans.",
     "The river flows on through the large old city of New Orlins."),
    ("new orleans", "new orleans."),
    ("Use node.js and C++ now.", "Use node J S and see plus plus now."),
    ("My résumé, to resume.", "My rezoomay, to resume."),
    ("Do it.", "Do it."),
    ("A b52 flew.", "A bee fifty-two flew."),
    ("That is it, lol.", "That is it."),
    ("lol", ""),
    ("Two regexes for APIs.", "Two rejexes for A P I's."),
    ("Las Vegas, la la", "Las Vegas, lah lah."),
    ("<b>nginx</b> and **nginx**", "engine X and engine X."),
    ("A na\u0131ve, naïve, nai\u0308ve plan", "A naive, nigh eve, nigh eve plan."),
    ("She said Нет to him.", "She said nyet to him."),
    ("the nginxx and snginx", "the nginxx and snginx."),
])  # fmt: skip
def test_words_of_the_user(written: str, spoken: str) -> None:
    assert read(written, Respelling(table(WORDS))) == spoken


def test_the_longest_entry_is_taken_and_then_the_one_with_capitals() -> None:
    words = table({"new": "a", "New York": "b", "New York City": "c", "New": "d"})
    assert read("New York City, New York, New, new.", Respelling(words)) == "C, b, d, a."


def test_a_reading_is_final_for_a_bundled_voice_too() -> None:
    assert read("I said no.", Respelling(table({"no": "no"}), bundled=True)) == "I said no."


@pytest.mark.parametrize("text", ["José and René, crème brûlée, Dvořák, Zürich", "Z͑ͫ̓a̴l̸g̵o̷", "Nin\u0303o ǿ", "\u0301"])
def test_accents_change_nothing_where_no_word_has_them(text: str) -> None:
    assert normalize(text)[0].isascii()
    assert read(text, Respelling(table(WORDS))) == normalize(text)[0]


@pytest.mark.parametrize(("written", "spoken"), [
    ("I said no.", "I said No."),
    ("No means no", "No means No."),
    ('He said, "no."', 'He said, "No."'),
    ("There is no doubt.", "There is no doubt."),
    ("Yes or no?", "Yes or no?"),
    ("Say no... to that.", "Say No... to that."),
    ("I cannot. Say no. Stop.", "I cannot. Say No. Stop."),
])  # fmt: skip
def test_no_at_the_end_of_a_sentence(written: str, spoken: str) -> None:
    """The bundled voices say "no." as the abbreviation of "number"."""
    assert read(written, Respelling(bundled=True)) == spoken
    assert "No." not in normalize(written)[0]


@pytest.mark.parametrize(("written", "spoken"), [
    ("Her résumé, a cliché, touché!", "Her rezzumay, a cliche, too-shay!"),
    ("Renée Dupré ate two canapés at the cafe\u0301.", "Ren-ay Du-pray ate two cana-pays at the cafe."),
    ("RÉSUMÉ of José", "Rezzumay of Hose-ay."),
    ("They resume.", "They resume."),
    ("née Smith", "nay Smith."),
    ("NOAA sent it ASAP.", "Noah sent it A S A P."),
    ("RADAR works. The RADAR works.", "Radar works. The radar works."),
    ("Sean's TUPLES are in Yosemite.", "Shawn's tuppels are in Yo-semmity."),
    ("I.", "I..."),
    ("I am. Oh.", 'I am. "Oh."'),
])  # fmt: skip
def test_words_that_the_bundled_voices_say_wrongly(written: str, spoken: str) -> None:
    assert read(written, Respelling(bundled=True)) == spoken


def test_every_built_in_spelling_can_be_reached_and_spoken() -> None:
    """The keys are words as the rules leave them, and no spelling is respelled again."""
    for word, spelling in respellings.WORDS.items():
        assert normalize(f"They said {word} then.")[0] == f"They said {word} then."
        assert respell_words(f"They said {spelling} then.") == f"They said {spelling} then."
        assert set(spelling) <= set(ALPHABET)
    for word, spelling in respellings.ACCENTED.items():
        assert not word.isascii() and set(spelling) <= set(ALPHABET)
        assert normalize(f"They said {spelling} then.")[0] == f"They said {spelling} then."
    for text, spelling in respellings.UTTERANCES.items():
        assert normalize(text)[0] == text and normalize(spelling)[0] == spelling
