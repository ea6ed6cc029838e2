"""The alphabet that the models read, and folding: Unicode text becomes ASCII and a few symbols that the rules read.

Folding maps each character by itself, so text can be folded in pieces. An accent becomes a character of its own after
its letter: some words are read by it (respelling.py), then `remove_accents` drops it. Characters that cannot be folded
(emoji, other scripts) stay as they are; at the end `keep_alphabet` drops and counts them.
"""

import re
import string
import unicodedata
from dataclasses import dataclass

from nightingale.text.patterns import regex

ALPHABET = " !\"'(),-.:;?" + string.ascii_letters

_FOLDED = {
    "'": "‘’‚‛‹›ʼʻ´′＇\u02b9\u02bd", '"': "“”„‟«»″❝❞〝〞＂", "-": "‐‑⁃﹣－", " - ": "—―⸺⸻", "–": "‒–", "...": "…⋯",
    "": "¡¿®™℠†‡¶", ", ": "、", ". ": "。｡", "•": "•‣▪▫●◦■□►▶➤", "✓": "✓✔☑✅", "✗": "✗✘✕✖❌❎", "|": "│┃║",
    "/": "\u2044\u2215", "\n": "\n\r\x85\u2028\u2029", " ": "\v\f¦❘", "    ": "\t",
    " copyright ": "©℗", " No. ": "№", "°C": "℃", "°F": "℉", "°": "˚", "µ": "μµ", "Ω": "\u2126",
    "×": "×", " minus ": "−", " plus or minus ": "±", " divided by ": "÷", "≈": "≈≃≅∼",
    "!=": "≠", "<=": "≤⩽", ">=": "≥⩾", " the square root of ": "√", " the cube root of ": "∛", " infinity ": "∞",
    "→": "→⟶➔➜➝➞➡", " implies ": "⇒⟹", " if and only if ": "⇔⟺", " to and from ": "↔⇄⇆", " from ": "←⟵⬅",
    " up ": "↑⬆↗", " down ": "↓⬇↘", "·": "·∙⋅", " in ": "∈", " not in ": "∉", " the sum of ": "∑",
    " the product of ": "∏", " the integral of ": "∫", " partial ": "∂", " nabla ": "∇", "Δ": "∆", " for all ": "∀",
    " there exists ": "∃", " the empty set ": "∅", " and ": "∧", " or ": "∨", " not ": "¬", " union ": "∪",
    " intersection ": "∩", " is a subset of ": "⊂⊆", " is a superset of ": "⊃⊇", " is equivalent to ": "≡",
    " is proportional to ": "∝", " is much less than ": "≪", " is much greater than ": "≫", " therefore ": "∴",
    " because ": "∵", " is perpendicular to ": "⊥", " is parallel to ": "∥", " angle ": "∠", " maps to ": "↦",
    " sharp ": "♯", " flat ": "♭", " Command ": "⌘", " Option ": "⌥", " Shift ": "⇧", " Control ": "⌃",
    "ss": "ß", "SS": "ẞ", "ae": "æǽ", "Ae": "ÆǼ", "oe": "œ", "Oe": "Œ", "th": "þ", "Th": "Þ", "o": "øǿ", "O": "ØǾ",
    "l": "ł", "L": "Ł", "d": "đð", "D": "ĐÐ", "h": "ħ", "H": "Ħ", "i": "ı", "n": "ŋ", "N": "Ŋ", "t": "ŧ", "T": "Ŧ",
    "^-": "⁻", **{f"^{i}": digit for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
_READ_BY_RULES = "£€¥₹¢°ºΩ§ℹ"
_LAYOUT = (range(0x2500, 0x25A0), range(0x2800, 0x2900), range(0xE000, 0xF900))  # lines, blocks, spinners, icons
_SILENT_CATEGORIES = {"Mn", "Me", "Mc", "Cf", "Cc"}  # marks, joiners, variation selectors, control characters
_ACCENTS = "\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0327"
_EXPONENTS = "ⁿⁱˣʸᵏᵐᵖ"  # but 1ˢᵗ is an ordinal
_SKIN_TONES = range(0x1F3FB, 0x1F400)


class _FoldTable(dict[int, str]):
    """Table for str.translate that computes an entry when its character first occurs."""

    def __missing__(self, code: int) -> str:
        folded = _fold_one(chr(code))
        if len(self) < 5000:  # bounds the memory if a text has every character of Unicode
            self[code] = folded
        return folded


def _fold_one(char: str) -> str:
    """One character as ASCII; empty if it is silent, unchanged if it has no equivalent. Accents follow their letter."""
    category = unicodedata.category(char)
    if char.isascii():
        return "" if category == "Cc" else char
    if char in _ACCENTS:
        return char
    if category in _SILENT_CATEGORIES or ord(char) in _SKIN_TONES:
        return ""
    if (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    if category == "Zs":
        return " "
    parts = unicodedata.normalize("NFKD", char.upper() if "\u2170" <= char <= "\u217f" else char)  # ⅳ as IV
    plain = "".join(c for c in parts if not unicodedata.combining(c))
    if any(ord(char) in codes for codes in _LAYOUT):
        return " "
    if plain.isascii() and plain.isalpha() and char != "ª":
        script = unicodedata.decomposition(char)
        if script.startswith("<sub>") or char in _EXPONENTS:
            plain = ("^" if char in _EXPONENTS else "_") + plain
    if "\u2044" in plain:  # a fraction such as ½; the blank separates it from a whole number
        return " " + plain.replace("\u2044", "/")
    if len(plain) == 1 and not plain.isascii() and plain != char:
        return _fold_one(plain)  # a letter with a stroke and an accent
    if not plain.isascii() or not plain.isprintable():
        return char
    return plain + "".join(c for c in parts if c in _ACCENTS)


_FOLD_TABLE = _FoldTable({ord(c): folded for folded, chars in _FOLDED.items() for c in chars})
_FOLD_TABLE.update({ord(c): c for c in _READ_BY_RULES})

_MAX_ESCAPE = 200  # characters; anything longer is text
_ESCAPE = regex(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # control sequences: colours, cursor
    rf"|\x1b[\]PX^_][^\x07\x1b]{{0,{_MAX_ESCAPE}}}(?:\x07|\x1b\\)"  # strings: titles, links
    r"|\x1b[ -/]{0,8}[0-Z\\^-~]"
)
_OPEN_ESCAPE = regex(
    rf"\x1b(?:\[[0-?]{{0,64}}[ -/]{{0,8}}|[\]PX^_][^\x07\x1b]{{0,{_MAX_ESCAPE}}}\x1b?|[ -/]{{0,8}})?\Z"
)


class CharacterFolder:
    """Folds text that arrives in pieces, and removes terminal escape sequences.

    An escape sequence or CR LF that is cut between two pieces is held until it is complete.
    """

    def __init__(self) -> None:
        self._held = ""

    @property
    def num_held(self) -> int:
        """Characters of the text so far that are not folded yet."""
        return len(self._held)

    def feed(self, chunk: str) -> str:
        """Folds the text so far, except for an incomplete escape sequence or a CR at its end."""
        text = self._held + chunk
        cut = len(text) - 1 if text.endswith("\r") else len(text)
        # Inside a sequence there is no ESC, and its end may begin with one: the last two ESC are enough.
        tail = text.rfind("\x1b", 0, max(text.rfind("\x1b"), 0))
        for start in (tail, text.rfind("\x1b")):
            if start >= 0 and _OPEN_ESCAPE.match(text, start):
                cut = min(cut, start)
        self._held = text[cut:]
        return self._fold(text[:cut])

    def close(self) -> str:
        """Folds the text that was held."""
        text, self._held = self._held, ""
        return self._fold(text)

    def _fold(self, text: str) -> str:
        if "\x1b" in text:
            text = _ESCAPE.sub("", text)
        return text.replace("\r\n", "\n").translate(_FOLD_TABLE)


def fold(text: str) -> str:
    """Folds a whole text."""
    folder = CharacterFolder()
    return folder.feed(text) + folder.close()


_ACCENT = regex(f"[{_ACCENTS}]+")


def remove_accents(text: str) -> str:
    """Folded text without the accents that follow their letters."""
    return text if text.isascii() else _ACCENT.sub("", text)


def find_folded(text: str, folded: str) -> tuple[int, int]:
    """The part [start, end) of a text that begins with blanks and then becomes `folded`, blanks aside."""
    start = len(text) - len(text.lstrip())
    if text.startswith(folded, start):
        return start, start + len(folded)
    start, missing, skipped = -1, len(folded) - folded.count(" ") - folded.count("\n"), 0
    for i, char in enumerate(text):
        if i < skipped:
            continue
        if char == "\x1b" and (escape := _ESCAPE.match(text, i)):
            skipped = escape.end()
            continue
        seen = _FOLD_TABLE[ord(char)]
        missing -= len(seen) - seen.count(" ") - seen.count("\n")
        if start < 0 and seen.strip(" \n"):
            start = i
        if missing <= 0:
            return start, i + 1
    return max(start, 0), len(text)


@dataclass
class DroppedCharacters:
    """How many characters were left out because the alphabet lacks them, and the first of them."""

    count: int = 0
    example: str = ""

    def add(self, chars: list[str]) -> None:
        """Counts characters that were left out."""
        if chars:
            self.example = self.example or chars[0]
            self.count += len(chars)

    def warnings(self) -> list[str]:
        """One line about all of them; empty if there are none."""
        if not self.count:
            return []
        code = f"U+{ord(self.example):04X}"
        shown = f"{self.example!r} ({code})" if self.example.isprintable() else code
        plural = "s" if self.count > 1 else ""
        return [f"left out {self.count} character{plural} that cannot be spoken, such as {shown}"]


_OUTSIDE_ALPHABET = regex("[^" + re.escape(ALPHABET) + "]+")


def keep_alphabet(text: str, dropped: DroppedCharacters) -> str:
    """Replaces all characters outside the alphabet by blanks. Counts them in `dropped`, except for ASCII symbols."""

    def drop(match: re.Match[str]) -> str:
        dropped.add([c for c in match[0] if not c.isascii()])
        return " "

    return _OUTSIDE_ALPHABET.sub(drop, text)
