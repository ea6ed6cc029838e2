"""Sentences in the form that the official Chatterbox tokenizers were trained on: punctuation, case, script by language.

As punc_norm and the tokenizers of https://github.com/resemble-ai/chatterbox (src/chatterbox/tts*.py,
models/tokenizers/tokenizer.py). Some languages need a package that is not part of this project's dependencies.
"""

import importlib
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nightingale.errors import CheckpointMismatch, EngineUnavailable, UsageError

LANGUAGES = {
    "ar": "Arabic", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "it": "Italian", "ja": "Japanese", "ko": "Korean", "ms": "Malay",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sv": "Swedish",
    "sw": "Swahili", "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip

_MARKS = (
    ("…", ", "), (":", ","), ("—", "-"), ("–", "-"), (" ,", ","), ("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'"),
)  # fmt: skip
_LLAMA_MARKS = (("...", ", "), ("…", ", "), (":", ","), (" - ", ", "), (";", ", "), *_MARKS[2:])
_FINAL_MARKS = (".", "!", "?", "-", ",", "、", "，", "。", "？", "！")
_CANGJIE_FILE = "Cangjie5_TC.json"


def preparation(kind: str, language: str | None, folder: Path) -> Callable[[str], str] | None:
    """What puts a sentence into the form of a tokenizer; None if nothing does.

    kind: `text` of the model's config. language: a code of LANGUAGES; None for English. folder: of the model.
    Raises UsageError for a language that the model lacks, EngineUnavailable for a package that it needs.
    """
    if not kind.startswith("multilingual"):
        if language not in (None, "en"):
            raise UsageError(f"this model speaks English only, not {LANGUAGES.get(language or '', language)}")
        marks = {"english": _LLAMA_MARKS, "gpt2": _MARKS}.get(kind)
        return None if marks is None else lambda text: punctuate(text, marks)
    code = language or "en"
    if code not in LANGUAGES:
        raise UsageError(f"no language {code!r}; there are {', '.join(LANGUAGES)}")
    keep_case, to_script = kind == "multilingual_cased", _script(code, folder)

    def prepare(text: str) -> str:
        text = punctuate(text, _LLAMA_MARKS, capitalize=not keep_case)
        text = unicodedata.normalize("NFKD", text if keep_case else text.lower())
        return f"[{code}]{to_script(text)}"

    return prepare


def punctuate(text: str, marks: tuple[tuple[str, str], ...] = _LLAMA_MARKS, capitalize: bool = True) -> str:
    """A sentence with the marks that the models were trained on, a capital at its start and a mark at its end."""
    if capitalize and text[:1].islower():
        text = text[0].upper() + text[1:]
    text = " ".join(text.split())
    for old, new in marks:
        text = text.replace(old, new)
    text = text.rstrip(" ")
    return text if text.endswith(_FINAL_MARKS) else text + "."


def _script(code: str, folder: Path) -> Callable[[str], str]:
    """The step of a language between normalization and tokens."""
    if code == "zh":
        return _chinese(folder)
    if code == "ja":
        return _japanese()
    if code == "ko":
        return _korean
    if code == "he":
        dicta = _package("dicta_onnx", "Hebrew").Dicta()
        return lambda text: str(dicta.add_diacritics(text))
    if code == "ru":
        stresser = _package("russian_text_stresser.text_stresser", "Russian").RussianTextStresser()
        return lambda text: str(stresser.stress_text(text))
    return lambda text: text


def _package(name: str, language: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-")
        raise EngineUnavailable(f"{language} needs a package that is not installed: pip install {package}") from error


def _korean(text: str) -> str:
    """Syllables as their letters, which NFKD has separated already."""
    return text.strip()


def _japanese() -> Callable[[str], str]:
    """Kanji to hiragana."""
    converter = _package("pykakasi", "Japanese").kakasi()

    def convert(text: str) -> str:
        words = []
        for word in converter.convert(text):
            written, hiragana = word["orig"], word["hira"]
            if not any("一" <= char <= "\u9fff" for char in written):
                words.append(written)
            else:  # a blank keeps these two from being read as particles
                words.append(" " + hiragana if hiragana[:1] in ("は", "へ") else hiragana)
        return unicodedata.normalize("NFKD", "".join(words))

    return convert


def _chinese(folder: Path) -> Callable[[str], str]:
    """Characters as the keys of the Cangjie input method, with blanks between words."""
    codes = read_cangjie(folder / _CANGJIE_FILE)
    segmenter = _package("spacy_pkuseg", "Chinese").pkuseg()
    return lambda text: spell_cangjie(" ".join(segmenter.cut(text)), codes)


def read_cangjie(path: Path) -> dict[str, str]:
    """Keys of each character; a number follows where several characters have the same. Raises CheckpointMismatch."""
    try:
        entries = [str(entry).split("\t")[:2] for entry in json.loads(path.read_bytes())]
        numbers: dict[str, int] = {}
        codes = {}
        for char, code in entries:
            number = numbers[code] = numbers.get(code, -1) + 1
            codes[char] = f"{code}{number or ''}"
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointMismatch(f"{path}, which Chinese needs, cannot be read: {error}") from error
    return codes


def spell_cangjie(text: str, codes: dict[str, str]) -> str:
    """Each character that has keys as tokens of the model: [cj_x] for a key, [cj_.] at the end."""

    def spell(char: str) -> str:
        if unicodedata.category(char) != "Lo" or char not in codes:
            return char
        return "".join(f"[cj_{key}]" for key in codes[char]) + "[cj_.]"

    return "".join(map(spell, text))
