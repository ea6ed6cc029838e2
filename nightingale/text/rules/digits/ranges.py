"""Ranges of times, amounts, decades, letters with digits: 9am-5pm, $5 - $10, 1k-2k, 1990s–2000s, A4-A6.

Ranges of plain numbers are in numbers.py.
"""

import re

from nightingale.text.patterns import apply_rules, rule


# --- times and amounts ----------------------------------------------------------------------------------------------
@rule(r"(?<![\w.:,$£€])(1[0-2]|0?[1-9])\.([0-5][0-9])(?=(?: ?- ?[0-9.]+)? ?(?:[ap]\.?m|[AP]\.?M)\b)")
def _point_for_colon(match: re.Match[str]) -> str:
    """5.30pm, as in Britain"""
    return f"{match[1]}:{match[2]}"


@rule(r"(?:(?<=:[0-9]{2})|(?<=[ap]m)|(?<=[AP]M)) - (?=[0-9]{1,2}(?::[0-9]{2}| ?[aApP]\.?[mM]\b))"
      r"|(?<=[0-9]) ?[-–] (?=[$£€][0-9])|(?<=%) [-–] (?=[0-9.]+ ?%)|(?<=°[CF]) - (?=-?[0-9])")
def _spaced_dash(_: re.Match[str]) -> str:
    """5:30 - 6:30 PM, $5 - $10: a dash between two amounts of the same kind"""
    return " to "


@rule(r"(?:(?<=[0-9])|(?<=[ap]m)|(?<=[AP]M)) ?– ?(?=[$£€]?[0-9])")
def _en_dash(_: re.Match[str]) -> str:
    return "-"


@rule(r"(?<=[0-9mM.])-(?=[0-9]{1,2}(?::[0-5][0-9]|(?: ?[aApP]\.?[mM]\b)))|(?<=[%°])-(?=[0-9])|(?<=°[CF])-(?=[0-9])"
      r"|(?<=0s) ?[-–] ?(?=['0-9])"
      r"|(?<=[0-9](?:st|nd|rd|th)) ?[-–] ?(?=[0-9]+(?:st|nd|rd|th)\b)")
def _hyphen(_: re.Match[str]) -> str:
    """9:30-10:15, 5%-10%, 1920s-30s, 10th-12th"""
    return " to "


@rule(r"(?<=[0-9])ish\b")
def _about(_: re.Match[str]) -> str:
    """7:30ish"""
    return "-ish"


# --- others ----------------------------------------------------------------------------------------------------------
_COUNTED = (
    r"(?:people|users|followers|views|downloads|stars|subscribers|requests|visitors|copies|jobs|customers|words|lines|"
    r"tokens|rows|items|records|employees|members|students|miles|steps|calories|units|votes|likes|times|points|events)")


@rule(r"(?<![\w.,$£€/-])([0-9]{1,4}(?:\.[0-9]{1,2})?)([kKmM]?) ?[-–] ?([0-9]{1,4}(?:\.[0-9]{1,2})?)"
      r"([kKM]|m(?= [a-z]))(?![\w/^'-])")
def _thousands(match: re.Match[str]) -> str:
    """1k-2k -> 1 to 2 thousand, 10-20k, 1M-2M"""
    lower, lower_letter, upper, letter = match.groups()
    scale = {"k": "thousand", "m": "million"}
    if letter == "m" and not (lower_letter == "m" and re.match(rf" {_COUNTED}", match.string[match.end() :])):
        return match[0]
    if lower_letter and lower_letter.lower() != letter.lower():
        return f"{lower} {scale[lower_letter.lower()]} to {upper} {scale[letter.lower()]}"
    return f"{lower} to {upper} {scale[letter.lower()]}"


@rule(r"(?<![\w.,$£€/–-])([0-9]{1,4}\.[0-9]{1,2})[kK](?![\w/^'-])"
      rf"|(?<![\w.,$£€/–-])([0-9]{{1,4}})[kK](?= {_COUNTED}\b)")
def _thousand(match: re.Match[str]) -> str:
    """5k users, 1.5k; but 4K is a resolution, and a 5k a race."""
    return f"{match[1] or match[2]} thousand"


@rule(r"(?<![\w.])([0-9]{1,3})x ?[-–] ?(?=[0-9]{1,3}x\b)|(?<=[0-9]) ?[-–] ?(?=present\b|now\b|today\b)"
      r"|(?<=[ap]m) ?[-–] ?(?=noon\b|midnight\b)|(?<=noon) ?[-–] ?(?=[0-9])|(?<=midnight) ?[-–] ?(?=[0-9])"
      r"|(?<![\w.#])#([0-9]{1,6}) ?[-–] ?(?=#[0-9])|(?<![\w.])([Aa])[-–](?=[Zz]\b)")
def _same_kind(match: re.Match[str]) -> str:
    """2x-3x, 1990–present, 9am–noon, #5-#10, A-Z"""
    times, number, letter = match.groups()
    return f"{times or (f'#{number}' if number else letter or '')} to "


@rule(r"(?<![\w.-])([A-Z])([0-9]{1,3}) ?[-–] ?(?:\1([0-9]{1,3})|([0-9]{1,2}))\b(?!-|\.[0-9])")
def _same_letter(match: re.Match[str]) -> str:
    """A4-A6, Q1-2"""
    letter, first, last, bare = match.groups()
    if bare and int(bare) <= int(first):
        return match[0]
    return f"{letter} {first} to {letter + ' ' + last if last else bare}"


@rule(r"(?<![\w.])v([0-9]+(?:\.[0-9]+){1,3}) ?[-–] ?v?(?=[0-9]+(?:\.[0-9]+){1,3}\b)")
def _versions(match: re.Match[str]) -> str:
    """v1.2-v1.4"""
    return f"v{match[1]} to "


@rule(r"(?<![\w.])([0-9]{1,3})(['\"]) ?[-–] ?([0-9]{1,3})\2(?!\w)")
def _lengths(match: re.Match[str]) -> str:
    """5'-6', 5"-6\""""
    return f"{match[1]} to {match[3]}{match[2]}"


@rule(r"(?<=[0-9])-to-(?=[0-9])")
def _to(_: re.Match[str]) -> str:
    """a 2-to-1 majority"""
    return " to "


@rule(r"(?<![\w.,$£€])(-?[0-9]{1,6}(?:\.[0-9]+)?) ?[-–] ?-(?=[0-9])")
def _to_negative(match: re.Match[str]) -> str:
    """-5–-10"""
    return f"{match[1]} to -"


@rule(r"(?<![\w.-])T-(?=[0-9]{1,3}(?: (?:seconds|minutes|hours|days|and)\b|[.,!]?$))")
def _countdown(_: re.Match[str]) -> str:
    """T-10"""
    return "T minus "


def read_ranges(text: str) -> str:
    """9am-5pm -> 9am to 5pm. Ranges of plain numbers are read in numbers.py."""
    text = _thousand(_about(_point_for_colon(text)))
    if "-" not in text and "–" not in text:
        return text
    return apply_rules(text, (
        _same_letter, _thousands, _lengths, _to_negative, _spaced_dash, _same_kind,
        _versions, _to, _countdown, _en_dash, _hyphen,
    ))
