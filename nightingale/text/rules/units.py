"""Units of measure, percentages and powers: 5 km/h, 10%/yr, 20°C, 40°26'N, 5 m², 10^-3, 6'2", a 55" TV.

Numbers stay in digits, for numbers.py to read.
"""

import re

from nightingale.text.lexicon.names import DIRECTIONS
from nightingale.text.lexicon.quantities import POWERS, TOUCHING_ONLY, UNITS
from nightingale.text.number_words import cardinal
from nightingale.text.patterns import NUMBER, apply_rules, is_adjective, regex, rule

_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_PER = r"(?:/(h|hr|s\^?2|s|sec|min|kg|km|l|L|day|week|month|year|m\^?[23]))?"


# --- percentages and rates -------------------------------------------------------------------------------------------
@rule(r"(?<=[0-9]) ?%")
def _percent(_: re.Match[str]) -> str:
    return " percent"


@rule(r"(?:(?<=[0-9])|(?<=percent))/(mo|month|yr|year|wk|week|day|hr|hour|night|person|user|unit|lb|kg|oz|gal|min)\b")
def _rate(match: re.Match[str]) -> str:
    word = {"mo": "month", "wk": "week"}.get(match[1], match[1])
    return f" per {UNITS.get(word, (word, word))[0]}"


def read_rates(text: str) -> str:
    """10%/yr -> 10 percent per year, $20/mo -> $20 per month."""
    return _rate(_percent(text))


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


@rule(r"(?<=[0-9])([ -]?)(sq|cu)\.?[ -](in|ft|yd|mi|mm|cm|km|m)\b\.?")
def _square_or_cubic(match: re.Match[str]) -> str:
    """5 sq. ft. -> 5 ft^2"""
    return f"{match[1]}{match[3]}^{2 if match[2] == 'sq' else 3}"


@rule(r"(?<=[A-Za-z0-9]) (s|min|h|kg|m|K|mol|L)\^-\^?([123])(?![0-9])")
def _negative_power(match: re.Match[str]) -> str:
    """5 m s⁻² -> 5 m/s^2"""
    return f"/{match[1]}{'' if match[2] == '1' else '^' + match[2]}"


@rule(r"((?<![A-Za-z])[A-Za-z]{1,2}|[0-9)])((?:\^-?\^?[0-9]+)+|\^-?[A-Za-z]\b)"
      rf"(?:(?<=[0-9]) ({_UNIT}){_PER}(?![\w/°^]))?|(?<=[\w.,!?\"'])(?:\^[0-9]+)+")
def _power(match: re.Match[str]) -> str:
    """x^2, 10^-3, 10⁻⁹ m. Superscript digits after a word are a footnote and are left out."""
    if not match[1]:
        return ""
    exponent = match[2].replace("^", "")
    name = {"2": "squared", "3": "cubed"}.get(exponent, f"to the power of {exponent}")
    unit = f" {UNITS[match[3]][1]}{_per(match[4])}" if match[3] and match[1].isdigit() else ""
    return f"{match[1]} {name}{unit or match[0][match.end(2) - match.start() :]}"


# --- feet and inches -------------------------------------------------------------------------------------------------
_AMOUNT = rf"(?<![\w.,/$£€'\"])((?:[0-9]+[ -])?[0-9]{{1,2}}/[0-9]{{1,2}}|{NUMBER})"
_NO_SPEAKER = r"(?! (?:he|she|they|I|we|you|said|says|asked|was|is|are|were)\b)"
_ADJECTIVE_AFTER = regex(
    r" (?!(?:x|by|in|on|to|and|or|of|from|for|at|with|than|too|long|wide|tall|high|thick|deep|away|above|below|off|"
    r"apart|taller|shorter|longer|wider|is|was)\b)[A-Za-z]|-")
_INCHES = regex(_AMOUNT + rf"(?:\"|'')(?!\w){_NO_SPEAKER}")


@rule(r"(?<![\w.])([0-9])' ?([0-9]{1,2})(?:\"|'')")
def _height(match: re.Match[str]) -> str:
    """6'2" """
    feet, inches = int(match[1]), int(match[2])
    return f"{cardinal(feet)} foot {cardinal(inches)}" if inches else f"{cardinal(feet)} feet"


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


@rule(r"(?<=[0-9])( ?(?:ft|feet|foot) [0-9]{1,2}) in\b")
def _inches_after_feet(match: re.Match[str]) -> str:
    """6 ft 2 in"""
    return f"{match[1]} inches"


def _lengths(text: str) -> str:
    if "'" not in text and '"' not in text:
        return text
    return apply_rules(text, (_height, _spaced_sides, _inches, _feet, _sides))


# --- all other units -------------------------------------------------------------------------------------------------
_AGE_BEFORE = regex(r"(?:\bthe (?:under|over) ?|[a-z])-?$", re.IGNORECASE)  # under-18s
_DOOR_BEFORE = regex(r"\b(?:Apartment|Apt\.?|Suite|Unit|Room|Flat|Gate|Seat|Row|Platform) $", re.IGNORECASE)  # 12 W


@rule(rf"(?<![\w.,])(-?)({NUMBER})([ -]?)({_UNIT})(?:\^?([23]))?{_PER}(?![\w/°]|\^| (?:St|Street|Ave|Avenue)\b)")
def _units(match: re.Match[str]) -> str:
    minus, amount, gap, unit, power, per = match.groups()
    before = match.string[: match.start()]
    decade = unit == "s" and not gap and re.fullmatch("[2-9]0|[12][0-9]{3}", amount)
    ages = unit == "s" and _AGE_BEFORE.search(before + minus)
    door = len(unit) == 1 and unit.isupper() and _DOOR_BEFORE.search(before)
    if decade or ages or door or (gap and unit in TOUCHING_ONLY):
        return match[0]
    one, many = UNITS[unit]
    name = one if amount == "1" or gap == "-" or is_adjective(match) else many
    joint = "-" if gap == "-" else " "
    return f"{'minus ' if minus else ''}{amount}{joint}{POWERS[power] + ' ' if power else ''}{name}{_per(per)}"


def _per(unit: str | None) -> str:
    """"s" -> per second, "m^2" -> per square meter."""
    if not unit:
        return ""
    if unit[0] == "s" and unit[-1] == "2":
        return " per second squared"
    power = f"{POWERS[unit[-1]]} " if unit[-1] in POWERS else ""
    base = unit.rstrip("23^")
    return f" per {power}{UNITS.get(base, (base, base))[0]}"


def read_units(text: str) -> str:
    """5 km/h -> 5 kilometers per hour."""
    return apply_rules(text, (
        _scientific, _temperature, _both_scales, _coordinates, _square_or_cubic, _inches_after_feet, _lengths,
        _negative_power, _units, _power,
    ))
