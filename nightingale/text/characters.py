"""Characters: the voice's alphabet, and any Unicode text folded to ASCII plus a few symbols that are read later.

Knows single characters only; what a symbol means among its neighbours is for the modules above. Folding maps each
character by itself, so text may be folded in pieces. What has no folding (emoji, other scripts) stays as it is:
`keep_alphabet` drops it at the very end and counts it.
"""

import re
import string
import unicodedata
from dataclasses import dataclass

ALPHABET = " !\"'(),-.:;?" + string.ascii_letters

_SPELLINGS = {
    "'": "‘’‚‛‹›ʼʻ´′＇\u02b9\u02bd", '"': "“”„‟«»″❝❞〝〞＂", "-": "‐‑⁃﹣－", " - ": "—―⸺⸻", "–": "‒–", "...": "…⋯",
    "": "¡¿®™℠†‡¶", ", ": "、", ". ": "。｡", "•": "•‣▪▫●◦■□►▶➤✓✔☑",
    "/": "\u2044\u2215", "\n": "\n\r\x85\u2028\u2029", " ": "\t\v\f·¦❘",
    " copyright ": "©℗", " section ": "§", " No. ": "№", "°C": "℃", "°F": "℉", "°": "˚", "µ": "μµ", "Ω": "\u2126",
    "×": "×✕", " minus ": "−", " plus or minus ": "±", " divided by ": "÷", " about ": "≈≃≅∼",
    " is not equal to ": "≠", " less than or equal to ": "≤⩽", " greater than or equal to ": "≥⩾",
    " the square root of ": "√", " infinity ": "∞",
    " to ": "→⇒⟶", " in ": "∈", " the sum of ": "∑",
    "ss": "ß", "SS": "ẞ", "ae": "æǽ", "Ae": "ÆǼ", "oe": "œ", "Oe": "Œ", "th": "þ", "Th": "Þ", "o": "øǿ", "O": "ØǾ",
    "l": "ł", "L": "Ł", "d": "đð", "D": "ĐÐ", "h": "ħ", "H": "Ħ", "i": "ı", "n": "ŋ", "N": "Ŋ", "t": "ŧ", "T": "Ŧ",
    "^-": "⁻", **{f"^{i}": digit for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
_READ_LATER = "£€¥₹¢°ºΩ"
_SILENT_CATEGORIES = {"Mn", "Me", "Mc", "Cf", "Cc"}  # marks, joiners, variation selectors, control characters
_SKIN_TONES = range(0x1F3FB, 0x1F400)


class _Folding(dict[int, str]):
    """Table for str.translate that works out a character when it first comes."""

    def __missing__(self, code: int) -> str:
        folded = _fold_one(chr(code))
        if len(self) < 5000:  # text may hold every character there is: the table shall not grow with it
            self[code] = folded
        return folded


def _fold_one(char: str) -> str:
    """One character as ASCII, as nothing when it is silent, or unchanged when there is no such thing."""
    category = unicodedata.category(char)
    if char.isascii():
        return "" if category == "Cc" else char
    if category in _SILENT_CATEGORIES or ord(char) in _SKIN_TONES:
        return ""
    if (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    if category == "Zs":
        return " "
    plain = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    if "\u2044" in plain:  # a fraction such as one half; the space keeps it off a whole number before it
        return " " + plain.replace("\u2044", "/")
    if len(plain) == 1 and not plain.isascii() and plain != char:
        return _fold_one(plain)  # a letter with stroke below its accent
    return plain if plain.isascii() and plain.isprintable() else char


_FOLDING = _Folding({ord(c): spelling for spelling, chars in _SPELLINGS.items() for c in chars})
_FOLDING.update({ord(c): c for c in _READ_LATER})

_MAX_ESCAPE = 200  # a longer "escape sequence" is none
_ESCAPE = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # control sequences: colours, cursor
    rf"|\x1b[\]PX^_][^\x07\x1b]{{0,{_MAX_ESCAPE}}}(?:\x07|\x1b\\)"  # strings: titles, links
    r"|\x1b[ -/]{0,8}[0-Z\\^-~]"
)
_OPEN_ESCAPE = re.compile(
    rf"\x1b(?:\[[0-?]{{0,64}}[ -/]{{0,8}}|[\]PX^_][^\x07\x1b]{{0,{_MAX_ESCAPE}}}\x1b?|[ -/]{{0,8}})?\Z"
)


class Folder:
    """Folds text that comes in pieces: escape sequences and CR LF that are cut between two pieces are held back."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, chunk: str) -> str:
        """The next piece, folded, up to an escape sequence or a CR that is not complete yet."""
        text = self._held + chunk
        cut = len(text) - 1 if text.endswith("\r") else len(text)
        # an escape sequence has no second ESC but in its end mark, so looking at the last two is enough
        tail = text.rfind("\x1b", 0, max(text.rfind("\x1b"), 0))
        for start in (tail, text.rfind("\x1b")):
            if start >= 0 and _OPEN_ESCAPE.match(text, start):
                cut = min(cut, start)
        self._held = text[cut:]
        return self._fold(text[:cut])

    def close(self) -> str:
        """What was held back."""
        text, self._held = self._held, ""
        return self._fold(text)

    def _fold(self, text: str) -> str:
        if "\x1b" in text:
            text = _ESCAPE.sub("", text)
        return text.replace("\r\n", "\n").translate(_FOLDING)


def fold(text: str) -> str:
    """A whole text, folded."""
    folder = Folder()
    return folder.feed(text) + folder.close()


@dataclass
class Dropped:
    """How many characters could not be spoken, and the first of them."""

    count: int = 0
    example: str = ""

    def add(self, chars: list[str]) -> None:
        """Count characters that were left out."""
        if chars:
            self.example = self.example or chars[0]
            self.count += len(chars)

    def warnings(self) -> list[str]:
        """One line for what was dropped, or nothing."""
        if not self.count:
            return []
        code = f"U+{ord(self.example):04X}"
        shown = f"{self.example!r} ({code})" if self.example.isprintable() else code
        plural = "s" if self.count > 1 else ""
        return [f"left out {self.count} character{plural} that the voice cannot speak, such as {shown}"]


_OUTSIDE = re.compile("[^" + re.escape(ALPHABET) + "]+")


def keep_alphabet(text: str, dropped: Dropped) -> str:
    """Only the alphabet is left. Stray ASCII symbols go silently, all else is counted in `dropped`."""

    def drop(match: re.Match[str]) -> str:
        dropped.add([c for c in match[0] if not c.isascii()])
        return " "

    return _OUTSIDE.sub(drop, text)
