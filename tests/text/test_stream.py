"""Sentences: where they end, how long they are, and that the pieces in which a text arrives make no difference."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import tracemalloc

import pytest

from nightingale.text.characters import ALPHABET
from nightingale.text.split import CUT_MARK, split
from nightingale.text.stream import Sentence, SentenceStream, normalize

# What is written, and the sentences that are spoken.
SENTENCES = [
    (
        "Dr. Smith paid 3.5 dollars, e.g. to J. K. Rowling. She left.",
        ["Doctor Smith paid three point five dollars, for example to J K Rowling.", "She left."],
    ),
    ("See example.com. It is good! Is it? Yes.", ["See example dot com.", "It is good!", "Is it?", "Yes."]),
    ("In 1999. Then 2000.", ["In nineteen ninety-nine.", "Then two thousand."]),
    ("Hi there. how are you. fine", ["Hi there.", "how are you.", "fine."]),
    ("(He went. She stayed.) Done.", ["He went.", "She stayed.", "Done."]),
    ('"Go." he said.', ['"Go." he said.']),
    ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
    ("I... I don't know. Wait... Then it rang.", ["I... I don't know.", "Wait...", "Then it rang."]),
    ("We were in the U.S. It was hot.", ["We were in the US.", "It was hot."]),
    (
        "He came in Jan. 2020 and left in Feb. The end.",
        ["He came in January twenty twenty and left in February.", "The end."],
    ),
    ("1. Milk\n2. Eggs\n3. Bread", ["One, Milk.", "Two, Eggs.", "Three, Bread."]),
    ("- milk\n- eggs and\n  ham\n* bread", ["milk.", "eggs and ham.", "bread."]),
    ("# Title\nText goes on.", ["Title.", "Text goes on."]),
    ("Title\n=====\nText", ["Title.", "Text."]),
    ("Shopping list\nMilk", ["Shopping list.", "Milk."]),
    (
        "This line was wrapped by an editor at about seventy columns, as\nPeople do in mail.",
        ["This line was wrapped by an editor at about seventy columns, as People do in mail."],
    ),
    ("one\r\ntwo\r\n\r\nthree", ["one two.", "three."]),
    ("| a | b |\n|---|---|\n| 1 | 2 |", ["a, b.", "One, two."]),
    ("```python\nprint(1)\n```\nDone.", ["print(one).", "Done."]),
    ("a \x1b[31mred\x1b[0m word\x07\x00 \x1b]0;title\x07here", ["a red word here."]),
    ("one\ttwo\u00a0three\u200bfour", ["one two threefour."]),
    ("[![build](https://img.io/x.svg)](https://ci.io/y) hello", ["build hello."]),
    ("See [a](http://example.org/wiki/A_(b)) now.", ["See a now."]),
    ("A [link][ref] here.\n[ref]: https://example.com/a_(b) \"Title\"\n\nMore.", ["A link here.", "More."]),
    ("A note.[^1]\n\n[^1]: The note itself.", ["A note.", "The note itself."]),
    ("<details>\n<summary>Click me</summary>\n\nHidden text.\n</details>", ["Click me.", "Hidden text."]),
    ("<script>a. B. C;\n\n foo();</script>\n<style>\n.a { b: c; }\n\n.d {}</style>\nHi.", ["Hi."]),
    ("Use the <script> tag. It is good.", ["Use the script tag.", "It is good."]),
    (
        "The cat sat on the\nMat. And then it went over\nBoston and\nNew York to see it.",
        ["The cat sat on the Mat.", "And then it went over Boston and New York to see it."],
    ),
    (
        "a narrow column of text that\nwas wrapped here by somebody\nGeorge went on.",
        ["a narrow column of text that was wrapped here by somebody George went on."],
    ),
    ("Log in\nSign up", ["Log in.", "Sign up."]),
    ("Well . . . I don't know . . . maybe.", ["Well... I don't know... maybe."]),
    ("Wait . . . Then he left. . . . So", ["Wait...", "Then he left.", "So."]),
    ("?", []),
    ("...", []),
    ("", []),
    (" \n\t ", []),
    ("---", []),
    ("😀", []),
    ('"', []),
    ("?!", []),
    ("你好", []),
]


def sentences_and_warnings(pieces: list[str]) -> tuple[list[Sentence], list[str]]:
    stream = SentenceStream()
    got = [sentence for piece in pieces for sentence in stream.feed(piece)]
    return [*got, *stream.close()], stream.warnings


@pytest.mark.parametrize(("written", "spoken"), SENTENCES)
def test_sentences(written: str, spoken: list[str]) -> None:
    assert [s.text for s in sentences_and_warnings([written])[0]] == spoken
    assert split(normalize(written)[0]) == spoken


def test_long_sentences_are_cut_in_even_parts() -> None:
    clause = "the river runs slowly past the old stone bridge and the quiet mill"
    text = ", ".join([clause] * 12) + "."
    parts = split(text)
    assert all(200 < len(part) <= 300 for part in parts[:-1])
    assert [part.count(clause) for part in parts] == [4, 4, 4]
    assert all(part.endswith(CUT_MARK) for part in parts[:-1]) and parts[-1].endswith("mill.")
    words = split("word " * 120)
    assert len(words) == 3 and "".join(words).count("word") == 120 and "wor," not in " ".join(words)
    assert [len(part) for part in split("a" * 700)] == [300, 300, 103]
    assert split("One. Two! Three? Four") == ["One.", "Two!", "Three?", "Four."]
    assert split(". - !") == []


def test_the_limit_applies_to_the_sentence_as_spoken() -> None:
    stream = SentenceStream(max_chars=60)
    parts = [s.text for s in [*stream.feed("It went from 1,234,567 to 7,654,321 within 12 years"), *stream.close()]]
    assert len(parts) == 5 and max(map(len, parts)) <= 60


def test_a_blank_line_begins_a_paragraph() -> None:
    got, _ = sentences_and_warnings(["One. Two.\n\n***\n\nThree\nfour.\r\n \r\nFive"])
    assert got == [
        Sentence("One.", False, "One.", 0),
        Sentence("Two.", False, "Two.", 5),
        Sentence("Three four.", True, "Three\nfour.", 16),
        Sentence("Five.", True, "Five", 32),
    ]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_sentences_know_the_input_that_they_were_made_of(size: int) -> None:
    text = "Wait… “you” there! It’s 5 \x1b[31mred\x1b[0m cafés.\n\n\n  Next ½ — one. \tAnd\r\nthen the end"
    got, _ = sentences_and_warnings([text[i : i + size] for i in range(0, len(text), size)])
    assert [(sentence.text, sentence.typed) for sentence in got[-3:]] == [
        ("It's five red cafes.", "It’s 5 \x1b[31mred\x1b[0m cafés."),
        ("Next one half - one.", "Next ½ — one."),
        ("And then the end.", "And\r\nthen the end"),
    ]
    assert all(text.startswith(sentence.typed, sentence.start) for sentence in got)


def test_parts_of_a_long_sentence_divide_its_input() -> None:
    stream = SentenceStream(max_chars=60)
    text = " We went there on 5 Jan, which cost $3.50, and came back with 12 kg of it, or 13 kg"
    got = [*stream.feed(text), *stream.close()]
    assert [sentence.typed for sentence in got] == [
        "We went there on 5 Jan,", "which cost $3.50,", "and came back with 12 kg of it,", "or 13 kg",
    ]  # fmt: skip
    assert all(text.startswith(sentence.typed, sentence.start) for sentence in got)


def test_sentences_are_yielded_as_soon_as_their_end_is_certain() -> None:
    """Usually with the blank after it; where the next word decides, with that word."""
    stream = SentenceStream()
    assert list(stream.feed("Hello there.")) == []
    assert [s.text for s in stream.feed(" ")] == ["Hello there."]
    assert [s.text for s in stream.feed("Really? ")] == ["Really?"]
    assert list(stream.feed("Cats, etc. ")) == []
    assert [s.text for s in stream.feed("Then ")] == ["Cats, et cetera."]
    assert [s.text for s in stream.feed("it ended\n\n")] == ["Then it ended."]
    assert [s.text for s in stream.feed("5 p.m. Mon")] == []
    assert [s.text for s in stream.close()] == ["Five PM Mon."]


def test_flush_ends_the_sentence_that_waits() -> None:
    stream = SentenceStream()
    assert list(stream.feed("Disk is full\n")) == []
    assert list(stream.flush()) == [Sentence("Disk is full.", False, "Disk is full", 0)]
    assert list(stream.flush()) == []
    assert list(stream.feed("\n- and ")) == []  # a blank line, and a bullet at the start of its line
    assert list(stream.flush()) == [Sentence("and.", True, "- and", 14)]
    assert [s.text for s in stream.feed("so on\n1) ")] == ["so on."]


_PARTS = [
    "the cat ", "Then ", "I ", "etc. ", "Dr. ", "U.S. ", "e.g. ", "p.m. ", "Mr.", "J. ", "5.0", "3:30", "99", "1999 ",
    "-", ".", ". ", "...", "!", "?", ",", ";", ":", '"', "'", "(", ")", "[", "]", "*", "**", "_", "`", "# ", "#", "@",
    "&", "%", "$", "£", "\\", "/", "|", "<", ">", "~", "^", "=", "+", "0", "2", "\n", "\n\n", "\r\n", "\r", "\t", " ",
    " ", " ", "\x1b[31m", "\x1b]0;t\x07", "\x1b", "\x00", "é", "ß", "½", "²", "π", "你", "😀", "…", "–", "—", "“", "”",
    "- ", "1. ", "http://a.com/x", "a@b.co", "II ", "THE ", "ABC ", "<script>", "</script>", " . ", "x", "°", "º",
    "\n  ", "   ", "\n" + " " * 20, "[   12.345678] ", "2026-12-01 10:13:02 ", "-rw-r--r-- 1 ", "```\n", "> ", "> the",
    "the user logged in ", "\nFrom: ", "\n00:00:01,000 --> 00:00:03,500\n", "9fb8ed2 ",
    "m ", "1 Sam. ", "c. ", "S. ", "[a]: ", "\ud800", "\ufeff", "٣",
]  # fmt: skip


def _random_text(rng: random.Random) -> str:
    if rng.random() < 0.3:
        tops = (0x110000, 0x3000, 0x300, 0x80)
        return "".join(chr(rng.randrange(rng.choice(tops))) for _ in range(rng.randrange(80)))
    return "".join(rng.choice(_PARTS) for _ in range(rng.choice((8, 40, 400))))


def test_flush_loses_no_words() -> None:
    """Wherever the writer pauses between two words."""
    text = "the cat sat on a mat and then it left us all\nfor good, or so we thought at that time\n\nIt came back"
    for seed in range(20):
        rng, stream, spoken = random.Random(seed), SentenceStream(), []
        for word in text.split(" "):
            spoken += stream.feed(word + " ")
            spoken += stream.flush() if rng.random() < 0.2 else ()
        words = " ".join(sentence.text for sentence in [*spoken, *stream.close()]).replace(".", "").replace(",", "")
        assert words.split() == text.replace(",", "").split()


@pytest.mark.parametrize("seed", range(8))
def test_random_text(seed: int) -> None:
    """Nothing raises; the output has only the alphabet; no sentence is empty or too long; pieces make no difference."""
    rng = random.Random(seed)
    for _ in range(25):
        text = _random_text(rng)
        spoken, _ = normalize(text)
        assert set(spoken) <= set(ALPHABET), repr(text)
        whole = sentences_and_warnings([text])
        cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randrange(1, 12)))
        pieces = [text[i:j] for i, j in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert sentences_and_warnings(pieces) == sentences_and_warnings(list(text)) == whole, repr(text)
        for sentence, *_ in whole[0]:
            assert 1 < len(sentence) <= 300 and any(c.isalpha() for c in sentence), repr(text)
            assert sentence == sentence.strip() and "  " not in sentence, repr(text)
            assert sentence.rstrip("\"'")[-1] in ".!?,)", repr(text)
        for size in (2, 11, 60):
            assert all(1 < len(part) <= size for part in split(spoken, size)), repr(text)


def test_memory_does_not_grow_with_the_text() -> None:
    """A line of 1 MB without a full stop, in pieces."""
    stream, count = SentenceStream(), 0
    tracemalloc.start()
    for _ in range(250):
        count += sum(1 for _ in stream.feed("and on it goes, " * 250))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 3000 and peak < 1_000_000


@pytest.mark.no_cover
@pytest.mark.parametrize("text", [
    "It was a bright cold day in April, and the clocks were striking thirteen. ",
    "Mr. Jones paid $4.50 at 5:30 p.m. on May 3rd, 1999. NASA's A4 & B2B met in 1985, 20 km north of St. Louis. ",
    "a", "1", '"', "(", ". ", "a.", "*a_", "\x1b]", "😀",
    "10:13:02 Disk is full\n", "a   b\n", "one\ntwo three ", "> a\n",
])  # fmt: skip
def test_time_is_linear(text: str) -> None:
    """Twice the text takes twice the time. Three times leaves room for a busy machine, but not for quadratic time."""
    seconds = []
    for size in (30_000, 60_000):
        start = time.process_time()
        sentences_and_warnings([text * (size // len(text))])
        seconds.append(time.process_time() - start)
    assert seconds[1] < 3 * seconds[0] + 0.1


@pytest.mark.no_cover
def test_prose_is_read_at_speed() -> None:
    """200 KB take 0.4 s. The bound leaves room for a busy machine."""
    start = time.process_time()
    sentences_and_warnings(["It was a bright cold day in April, and the clocks were striking thirteen. " * 2700])
    assert time.process_time() - start < 1.2


def test_front_end_imports_neither_mlx_nor_numpy() -> None:
    code = (
        "import sys; from nightingale.text.stream import normalize; normalize('It is 1 May 1999.');"
        "print([m for m in ('mlx', 'mlx.core', 'numpy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
