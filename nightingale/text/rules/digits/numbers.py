"""Plain numbers: cardinals, ordinals, years, decimals, versions, ranges, letters with digits.

Amounts of money, times, dates and units are read before this.
"""

import re

from nightingale.text.number_words import cardinal, in_pairs, ordinal, plural, spell_digits, spell_number, year
from nightingale.text.patterns import NUMBER, apply_rules, regex, rule
from nightingale.text.rules.digits.fractions import read_fractions

# --- years -----------------------------------------------------------------------------------------------------------
_YEAR_BEFORE = regex(
    r"\b(?:in|since|by|from|until|till|of|year|circa|during|before|after|between|early|late|mid|around|summer|spring|"
    r"fall|autumn|winter|class|january|february|march|april|may|june|july|august|september|october|november|december)"
    r"[ ,-]*$", re.IGNORECASE)
_COUNT_BEFORE = regex(
    r"\b(?:about|than|nearly|over|almost|exactly|approximately|only|least|most|times|plus|minus|equals|"
    r"dollars|negative|up to|other|another|total of|page|first|last|next|all)[ -]*$", re.IGNORECASE)
_PLURAL_AFTER = regex(r" (?:[a-z]*(?:[^s\W]s|sses|people|men|women|children|feet)|of (?:the|them|these|those))\b")
_NO_PLURAL = regex(r" (?:was|is|has|as|this|its|his|does|perhaps|sometimes|always|across|brings|sees)\b")


@rule(r"(?<![\w.])([0-9]{4})(?!\w|[.,][0-9])")
def _years(match: re.Match[str]) -> str:
    before, after = match.string[: match.start()], match.string[match.end() :]
    value = int(match[1])
    return year(value) if _is_year(value, before, after) else match[0]


def _is_year(value: int, before: str, after: str) -> bool:
    """Whether a number of four digits is a year, or is read like one, as a house number is."""
    if not 1010 <= value <= 2099 or _COUNT_BEFORE.search(before[-20:]):
        return False
    counts = _PLURAL_AFTER.match(after[:30]) and not _NO_PLURAL.match(after[:30])
    if _YEAR_BEFORE.search(before[-20:]):
        return not (counts and value % 100 == 0)
    return value >= 1100 and not counts


@rule(r"(?<![\w.])'?([12][0-9]{3}|[2-9]0)'?s\b")
def _decades(match: re.Match[str]) -> str:
    """1920s, '90s"""
    return plural(year(int(match[1])))


@rule(r"(?<!\w)'([0-9]{2})\b(?!['%])")
def _short_years(match: re.Match[str]) -> str:
    """'99"""
    return f"{'oh ' if match[1][0] == '0' else ''}{cardinal(int(match[1]))}"


# --- versions, ranges, ordinals --------------------------------------------------------------------------------------
@rule(r"(?<![0-9.])(\b[vV])?([0-9]+(?:\.[0-9]+){2,})(?![0-9])")
def _dotted(match: re.Match[str]) -> str:
    """Versions, Internet addresses, numbers of sections: v1.2.3, 192.168.0.1"""
    parts = match[2].split(".")
    address = len(parts) == 4 and not match[1]
    point = " dot " if address else " point "
    reading = point.join(spell_digits(part) if address else cardinal(int(part[:15])) for part in parts)
    named = match.string[: match.start()].lower().endswith("version ")
    return f"version {reading}" if match[1] and not named else reading


@rule(r"(?<![\w.])v(?=[0-9]+(?:\.[0-9]+)?\b)")
def _version(_: re.Match[str]) -> str:
    return "version "


@rule(r"\b(version|release|Python|Ubuntu|Android|iOS|macOS|Node|Ruby|PHP|Java|Perl) "
      r"([0-9]{1,3})\.([0-9]{1,3})\b(?!\.?[0-9])", re.IGNORECASE)
def _release(match: re.Match[str]) -> str:
    """Python 3.11 -> three point eleven"""
    minor = spell_digits(match[3]) if match[3][0] == "0" else cardinal(int(match[3]))
    return f"{match[1]} {cardinal(int(match[2]))} point {minor}"


@rule(rf"(?<![\w.,/-])({NUMBER})(?: ?– ?|-)({NUMBER})(?!x?[0-9]|[A-WYZa-wyz/-]|[.,][0-9])")
def _ranges(match: re.Match[str]) -> str:
    """10-20"""
    return f"{match[1]} to {match[2]}"


@rule(r"\b([0-9]{1,5})( ?)[xX×]\2([0-9]{1,5})(?:\2[xX×]\2([0-9]{1,5}))?\b( ?equals| ?=)?")
def _by_or_times(match: re.Match[str]) -> str:
    """4x4, 1920 x 1080, 6 x 7 = 42"""
    first, _, *others, equals = match.groups()
    return (" times " if equals else " by ").join([first, *(part for part in others if part)]) + (equals or "")


@rule(r"\b([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15}) ?(?:st|nd|rd|th)\b", re.IGNORECASE)
def _ordinals(match: re.Match[str]) -> str:
    return ordinal(int(match[1].replace(",", "")))


@rule(rf"(?<![\w.,)])[-](?={NUMBER})")
def _negative(_: re.Match[str]) -> str:
    return "minus "


@rule(r"(?<![\w.])\.([0-9]+)\b")
def _leading_point(match: re.Match[str]) -> str:
    """.5"""
    return f" point {spell_digits(match[1])}"


# --- letters with digits ---------------------------------------------------------------------------------------------
@rule(r"\b(Room|Flight|Highway|Route|Suite|Apartment|Boeing|Bus|Area) ([1-9][0-9]{2})([A-Z])?\b(?![.,]?[0-9])"
      r"|\b([1-9][0-9]{2})(?= (?:[A-Z][a-z]+ ){1,2}(?:Street|Avenue|Road|Boulevard|Drive|Lane)\b)")
def _three_digits(match: re.Match[str]) -> str:
    """Room 101, 123 Main Street: read in two parts, as the four digits of a year are."""
    return f"{match[1] + ' ' if match[1] else ''}{in_pairs(match[2] or match[4])}{' ' + match[3] if match[3] else ''}"


@rule(r"\b([A-Za-z]+|[Tt]he (?:under|over) )-?([0-9]{1,3})s\b"
      r"|\b([0-9]{1,4}(?:\.[0-9]+)?)x\b(?!-)|\b([0-9]{3,4})([pi])(?:(?=[0-9]{2,3}\b)|\b)|\b([CNS])O2\b|\bWW([12])\b")
def _known_mixes(match: re.Match[str]) -> str:
    """MP3s, 10x, 1080p, CO2, WW2"""
    letters, count, times, lines, scan, gas, war = match.groups()
    if war:
        return f"World War {cardinal(int(war))}"
    if letters:
        return f"{letters.strip()} {plural(cardinal(int(count)))}"
    if times:
        return f"{spell_number(times)} times"
    return f"{in_pairs(lines)} {scan.upper()} " if lines else f"{gas} O two"


@rule(r"([A-Za-z])-?([0-9][0-9,.]*[0-9]|[0-9])|([0-9])(?=[A-Za-z])")
def _other_mixes(match: re.Match[str]) -> str:
    """B2B, A4, Covid-19: a blank between letters and digits."""
    return f"{match[3]} " if match[3] else f"{match[1]} {match[2]}"


@rule(NUMBER)
def _plain(match: re.Match[str]) -> str:
    before, after = match.string[max(match.start() - 1, 0) : match.start()], match.string[match.end() : match.end() + 1]
    return f"{' ' if before.isalpha() else ''}{spell_number(match[0])}{' ' if after.isalnum() else ''}"


def read_numbers(text: str) -> str:
    """Reads all numbers that are still in digits."""
    return apply_rules(text, (
        _dotted, _version, _release, read_fractions, _ranges, _by_or_times, _decades, _short_years, _ordinals,
        _three_digits, _years, _negative, _leading_point, _known_mixes, _other_mixes, _plain,
    ))
