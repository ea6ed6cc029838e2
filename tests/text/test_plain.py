"""Sentences of other languages, whatever the pieces, and what goes to the official tokenizers."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from nightingale.errors import CheckpointMismatch
from nightingale.text.languages import preparation, punctuate, read_cangjie, spell_cangjie
from nightingale.text.plain import read_plain_sentences
from nightingale.text.respelling import Respelling
from nightingale.text.stream import read_sentences

TEXT = "Où est-il ? Il a 3,5 ans…  Voilà!\n\n你好。今天很好！\x07 नमस्ते। fin"
SENTENCES = ["Où est-il ?", "Il a 3,5 ans…", "Voilà!", "你好。", "今天很好！", "नमस्ते।", "fin"]


def read(pieces: Sequence[str | None], max_chars: int = 100) -> list[tuple[str, bool] | None]:
    return [s if s is None else (s.text, s.paragraph) for s in read_plain_sentences(pieces, max_chars)]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_sentences_do_not_depend_on_the_pieces(size: int) -> None:
    pieces = [TEXT[i : i + size] for i in range(0, len(TEXT), size)]
    assert read(pieces) == [(text, text == "你好。") for text in SENTENCES]
    assert "".join(s.typed for s in read_plain_sentences(pieces, 100) if s is not None).startswith("Où est-il ?")


def test_a_pause_ends_the_sentence_and_long_ones_are_cut() -> None:
    assert read(["un deux", None, " trois"]) == [("un deux", False), None, ("trois", False)]
    assert [s and s[0] for s in read(["aaaa bbbb, cccc dddd eeee"], 14)] == ["aaaa bbbb,", "cccc dddd eeee"]
    assert sum(len(s[0]) for s in read(["x" * 5000], 300) if s) == 5000
    assert read(["\x1b\x07 ... \n"]) == []


def test_punctuation_as_in_the_official_program() -> None:
    assert punctuate("hello  there: a - b; c… “so” it’s") == "Hello there, a, b,  c,  \"so\" it's."
    assert punctuate("你好。") == "你好。" and punctuate("so,") == "So,"
    turbo = preparation("gpt2", None, Path())
    assert turbo is not None and turbo("well... a - b; [laugh]") == "Well... a - b; [laugh]."
    assert preparation("plain", None, Path()) is None


def test_scripts(tmp_path: Path) -> None:
    (tmp_path / "Cangjie5_TC.json").write_text(json.dumps(["日\ta", "曰\ta", "明\tab"]))
    codes = read_cangjie(tmp_path / "Cangjie5_TC.json")
    assert spell_cangjie("日曰 明x", codes) == "[cj_a][cj_.][cj_a][cj_1][cj_.] [cj_a][cj_b][cj_.]x"
    korean = preparation("multilingual", "ko", tmp_path)
    assert korean is not None and korean("한") == "[ko]\u1112\u1161\u11ab."
    for text in ("[1", "{}", "[1]"):
        (tmp_path / "Cangjie5_TC.json").write_text(text)
        if text != "{}":
            with pytest.raises(CheckpointMismatch, match="which Chinese needs, cannot be read"):
                read_cangjie(tmp_path / "Cangjie5_TC.json")


def test_tags_pass_the_rules() -> None:
    respelling = Respelling(tags=["[laugh]", "[clear throat]"])
    text = "[laugh] that was $5. Oh [clear throat] no [shout] more! [laugh]"
    read = [s.text for s in read_sentences([text], 300, respelling) if s is not None]
    assert read == ["[laugh] that was five dollars.", "Oh [clear throat] no (shout) more!", "[laugh]."]
