"""Degrees, percentages, powers, lengths with marks: 10%, 20°C, 40°26'N, 10^-3, a 55" TV.

Numbers stay in digits, for numbers.py to read. All other units are in measures.py.
"""

import re

from nightingale.text.lexicon.names import DIRECTIONS
from nightingale.text.patterns import NUMBER, apply_rules, regex, rule
from nightingale.text.rules.amounts.measures import RATE, SIGN, read_measures, read_per, unit_names


# --- percentages -----------------------------------------------------------------------------------------------------
@rule(r"(?<=[0-9]) ?%")
def _percent(_: re.Match[str]) -> str:
    return " percent"


@rule(r"(?<![\w.,])([0-9]{1,3}),([0-9]{1,2})(?= ?%)")
def _percent_with_comma(match: re.Match[str]) -> str:
    """3,5 %"""
    return f"{match[1]}.{match[2]}"


def read_percentages(text: str) -> str:
    """10% -> 10 percent, 3,5 % -> 3.5 percent."""
    return _percent(_percent_with_comma(text)) if "%" in text else text


# --- degrees, areas, powers ------------------------------------------------------------------------------------------
@rule(r"(?<![\w.])(-?[0-9]+(?:\.[0-9]+)?)[eE]([-+]?[0-9]{1,3})(?![\w-])")
def _scientific(match: re.Match[str]) -> str:
    """6.02e23, 1e-5"""
    return f"{match[1]} times 10 to the power of {match[2].lstrip('+')}"


@rule(r"(?<=[0-9]) ?° ?([CF])\b")
def _temperature(match: re.Match[str]) -> str:
    return f"°{match[1]}"


@rule(r"(?<=°[CF]) ?/ ?(?=-?[0-9])")
def _both_scales(_: re.Match[str]) -> str:
    """350°F/180°C"""
    return " or "


@rule(r"(?<=[0-9])°(?: ?([0-9]{1,2})'(?: ?([0-9]{1,2}(?:\.[0-9]+)?)(?:\"|''))?)? ?([NSEW])\b")
def _coordinates(match: re.Match[str]) -> str:
    """45°N, 40°26'46"N"""
    minutes, seconds, direction = match.groups()
    parts = ["degrees", *([f"{minutes} minutes"] if minutes else []), *([f"{seconds} seconds"] if seconds else [])]
    return f" {' '.join(parts)} {DIRECTIONS[direction].lower()}"


@rule(r"((?<![A-Za-z])[A-Za-z]{1,2}|[0-9)])((?:\^-?\^?[0-9]+)+|\^-?[A-Za-z]\b)"
      rf"(?:(?<=[0-9]) ({SIGN}){RATE}(?![\w/°^]))?|(?<=[\w.,!?\"'])(?:\^[0-9]+)+")
def _power(match: re.Match[str]) -> str:
    """x^2, 10^-3, 10⁻⁹ m. Superscript digits after a word are a footnote and are left out."""
    if not match[1]:
        return ""
    exponent = match[2].replace("^", "")
    name = {"2": "squared", "3": "cubed"}.get(exponent, f"to the power of {exponent}")
    names = unit_names(match[3]) if match[3] and match[1].isdigit() else None
    unit = f" {names[1]}{read_per(match[4])}" if names else ""
    return f"{match[1]} {name}{unit or match[0][match.end(2) - match.start() :]}"


# --- feet and inches -------------------------------------------------------------------------------------------------
_AMOUNT = rf"(?<![\w.,/$£€'\"])((?:[0-9]+[ -])?[0-9]{{1,2}}/[0-9]{{1,2}}|{NUMBER})"
_NO_SPEAKER = r"(?! (?:he|she|they|I|we|you|said|says|asked|was|is|are|were)\b)"
_ADJECTIVE_AFTER = regex(
    r" (?!(?:x|by|in|on|to|and|or|of|from|for|at|with|than|too|long|wide|tall|high|thick|deep|away|above|below|off|"
    r"apart|taller|shorter|longer|wider|is|was)\b)[A-Za-z]|-")
_INCHES = regex(_AMOUNT + rf"(?:\"|'')(?!\w){_NO_SPEAKER}")


@rule(r"(?<=[0-9][\"'])[xX×](?=[0-9])")
def _spaced_sides(_: re.Match[str]) -> str:
    """32"x24" -> 32" x 24" """
    return " x "


def _inches(text: str) -> str:
    """55" -> 55 inches, unless the mark closes a quotation."""
    num_read = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal num_read
        if (text.count('"', 0, match.start()) - num_read) % 2:
            return match[0]
        num_read += match[0].count('"')
        return _length(match, "inch", "inches")

    return _INCHES.sub(replace, text)


@rule(_AMOUNT + rf"'(?![\w']){_NO_SPEAKER}")
def _feet(match: re.Match[str]) -> str:
    """30' -> 30 feet, unless the mark closes a quotation."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    alone = after[:1] in (",", ";", ":", ")") and not re.search("[0-9]'", before + after)
    return match[0] if alone or re.search(r"(?<!\w)'", before) else _length(match, "foot", "feet")


def _length(match: re.Match[str], one: str, many: str) -> str:
    """55" TV -> 55 inch TV; 9" x 13" -> 9 inches by 13 inches."""
    amount, after = match[1], match.string[match.end() :]
    part = "/" in amount and not re.search("[ -]", amount)
    return f"{amount} {one if amount == '1' or part or _ADJECTIVE_AFTER.match(after) else many}"


@rule(r"(?<= inch| feet| foot)(es)? ?[xX×] ?(?=[0-9])")
def _sides(match: re.Match[str]) -> str:
    return f"{match[1] or ''} by "


def _lengths(text: str) -> str:
    if "'" not in text and '"' not in text:
        return text
    return apply_rules(text, (_spaced_sides, _inches, _feet, _sides))


def read_units(text: str) -> str:
    """20°C, 45°N, 9" x 13", x^2, 5 km/h: signs of degrees and lengths here, all other units in measures.py."""
    text = apply_rules(text, (_scientific, _temperature, _both_scales, _coordinates))
    return _power(_lengths(read_measures(text)))
