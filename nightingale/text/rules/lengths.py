"""Feet and inches that are written with marks: 6'2", a 55" TV, 30' x 40'."""

import re

from nightingale.text.number_words import cardinal
from nightingale.text.rules.numbers import NUMBER, ascii_regex, in_turn, rewriter

_OPENED = re.compile(r"(?<!\w)'")
_FRACTION = r"(?:[0-9]+[ -])?[0-9]{1,2}/[0-9]{1,2}"
_MARKED = rf"(?<![\w.,/$£€'\"])({_FRACTION}|{NUMBER})"
_SPEECH = r"(?! (?:he|she|they|I|we|you|said|says|asked|was|is|are|were)\b)"
_AS_ADJECTIVE = ascii_regex(
    r" (?!(?:x|by|in|on|to|and|or|of|from|for|at|with|than|too|long|wide|tall|high|thick|deep|away|above|below|off|"
    r"apart|taller|shorter|longer|wider|is|was)\b)[A-Za-z]|-")
_INCHES = ascii_regex(_MARKED + rf"(?:\"|'')(?!\w){_SPEECH}")


def _length(match: re.Match[str], one: str, many: str) -> str:
    """55" TV -> 55 inch TV; 9" x 13" -> 9 inches by 13 inches."""
    amount, by = match[1], match.string[match.end() :]
    small = "/" in amount and not re.search("[ -]", amount)
    unit = one if amount == "1" or small or _AS_ADJECTIVE.match(by) else many
    return f"{amount} {unit}"


@rewriter(r"(?<=[0-9][\"'])[xX×](?=[0-9])")
def _spaced_sides(match: re.Match[str]) -> str:
    return " x "


def _inches(text: str) -> str:
    """A mark that closes a quotation stays one."""
    read = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal read
        if (text.count('"', 0, match.start()) - read) % 2:
            return match[0]
        read += match[0].count('"')
        return _length(match, "inch", "inches")

    return _INCHES.sub(replace, text)


@rewriter(_MARKED + rf"'(?![\w']){_SPEECH}")
def _feet(match: re.Match[str]) -> str:
    before, after = match.string[: match.start()], match.string[match.end() :]
    alone = after[:1] in (",", ";", ":", ")") and not re.search("[0-9]'", before + after)
    return match[0] if alone or _OPENED.search(before) else _length(match, "foot", "feet")


@rewriter(r"(?<= inch| feet| foot)(es)? ?[xX×] ?(?=[0-9])")
def _sides(match: re.Match[str]) -> str:
    return f"{match[1] or ''} by "


@rewriter(r"(?<![\w.])([0-9])' ?([0-9]{1,2})(?:\"|'')")
def _height(match: re.Match[str]) -> str:
    inches = int(match[2])
    return f"{cardinal(int(match[1]))} foot {cardinal(inches)}" if inches else f"{cardinal(int(match[1]))} feet"


def read_lengths(text: str) -> str:
    """Marks behind numbers as feet and inches, if they close no quotation."""
    if "'" not in text and '"' not in text:
        return text
    return in_turn(text, (_height, _spaced_sides, _inches, _feet, _sides))
