"""Times of day and their zones, and other numbers with a colon: 5:30 p.m., 0800 hours, GMT-5, 16:9.

Spans of time are in spans.py.
"""

import re

from nightingale.text.number_words import cardinal
from nightingale.text.patterns import apply_rules, regex, rule

# --- times of day ----------------------------------------------------------------------------------------------------
_TIME_ZONES = r"UTC|GMT|[ECMP][SD]T|BST|CES?T|IST|JST|AES?T|Z(?:ulu)?"


@rule(r"(?<=[0-9]:[0-9]{2}:[0-9]{2})[.,][0-9]{3,9}(?= ?(?:Z\b|[+-][0-9]{2}|UTC\b|GMT\b))")
def _part_of_second(_: re.Match[str]) -> str:
    """10:13:02.123+0000"""
    return ""


@rule(r"\b(UTC|GMT) ?([+-]| minus | plus ) ?([01]?[0-9])(?::?([0-5][0-9]))?\b(?![:.]?[0-9])"
      r"|(?<=[0-9]:[0-9]{2})(?:(?<=:[0-9]{2}:[0-9]{2}) ?| )([+-])([01][0-9]):?([0-5][0-9])\b(?![:.]?[0-9])")
def _offset(match: re.Match[str]) -> str:
    """GMT-5, 10:13:02 +0100"""
    name, named_sign, named_hours, named_minutes, sign, hours, minutes = match.groups()
    sign = "plus" if (named_sign or sign).strip() in ("+", "plus") else "minus"
    hours, minutes = named_hours or hours, named_minutes or minutes or "00"
    if not int(hours + minutes):
        return name or " UTC"
    minutes = f" {cardinal(int(minutes))}" if int(minutes) else ""
    return f"{name or ' UTC'} {sign} {cardinal(int(hours))}{minutes}"


@rule(rf"(?<![\w.,:/$£€-])([01][0-9]|2[0-3])([0-5][0-9])(?:( ?(?:hours|hrs|hr|h)\b)| ?({_TIME_ZONES})\b)(?!\w)")
def _military(match: re.Match[str]) -> str:
    """0800 hours, 1430Z; "1600 hours" may be an amount unless a word such as "at" stands before it."""
    hour, minute, unit, zone = match.groups()
    before = match.string[: match.start()]
    if unit and hour[0] != "0" and not _TIME_BEFORE.search(before) and before.strip():
        return match[0]
    return _read_military(hour, minute) + (" hours" if unit else f" {'Zulu' if zone[0] == 'Z' else zone}")


_TIME_BEFORE = regex(r"\b(?:at|by|until|till|from|to|since|before|after|around|between|and|[-–]) ?$", re.IGNORECASE)


@rule(r"(?<=[a-z] )(0[0-9]|00)([0-5][0-9])(?![\w/-]|[.,:]?[0-9]| [0-9])")
def _military_alone(match: re.Match[str]) -> str:
    """at 0600"""
    return _read_military(match[1], match[2]) if _TIME_BEFORE.search(match.string[: match.start()][-9:]) else match[0]


def _read_military(hour: str, minute: str) -> str:
    """0800 -> oh eight hundred, 1430 -> fourteen thirty."""
    hours = "zero" if hour == "00" else f"oh {cardinal(int(hour))}" if hour[0] == "0" else cardinal(int(hour))
    if minute == "00":
        return f"{hours} hundred"
    return f"{hours} {'oh ' if minute[0] == '0' else ''}{cardinal(int(minute))}"


@rule(r"(?<![\w.:,])([01]?[0-9]|2[0-3])(?:h([0-5][0-9])|[.]([0-5][0-9]) (?:Uhr|hrs?|h|o'clock)\b)(?!\w)")
def _continental(match: re.Match[str]) -> str:
    """17h30, 17.30 Uhr"""
    if match[2] and int(match[1]) < 7:
        return f"{match[1]} hours {match[2]} minutes" if match[1] != "1" else f"1 hour {match[2]} minutes"
    return f"{match[1]}:{match[2] or match[3]}"


@rule(r"(?<![\w.:])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9])(?:\.[0-9]+|,[0-9]{3}(?![0-9]))?)?"
      r"(?:(?=Z\b|[ap]\.?m\b|[AP]\.?M\b)|h?\b)(Z\b)?( ?(?:[ap]\.?m\b\.?|[AP]\.?M\b\.?))?(?!ish\b)(?![\w:]|\.[0-9])")
def _clock(match: re.Match[str]) -> str:
    """5:30 p.m., 17:45, 10:20:30Z"""
    hour, minute, half = int(match[1]), int(match[2]), _am_or_pm(match[5])
    if minute:
        minutes = f" {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif half:
        minutes = ""
    else:
        minutes = " hundred" if hour > 12 or not hour else " o'clock"
    seconds = f" and {match[3].lstrip('0')} second{'s' if match[3] != '01' else ''}" if int(match[3] or 0) else ""
    zone = " UTC" if match[4] else ""
    return f"{cardinal(hour)}{minutes}{seconds}{half}{zone}"


@rule(r"(?<![\w.:])(1[0-2]|0?[1-9])(?:-(1[0-2]|0?[1-9]))? ?([ap]\.?m|[AP]\.?M)\b\.?(?!\w)")
def _hour(match: re.Match[str]) -> str:
    """5 p.m., 5-6 PM"""
    until = f" to {cardinal(int(match[2]))}" if match[2] else ""
    return f"{cardinal(int(match[1]))}{until}{_am_or_pm(match[3])}"


def _am_or_pm(text: str | None) -> str:
    return f" {text.replace('.', '').strip().upper()}" if text else ""


@rule(r"(?<![\w.:])([0-9]{1,3}):([0-9]{1,3})(?=-[0-9]{1,3}\b(?!:))")
def _verses(match: re.Match[str]) -> str:
    """13:4-7"""
    return f"{match[1]} {match[2]}"


@rule(r"(?<![\w.:])([0-9]{1,4}):([0-9]{1,4})(?![\w:]|\.[0-9])")
def _ratio(match: re.Match[str]) -> str:
    """16:9"""
    return f"{match[1]} to {match[2]}"


def read_times(text: str) -> str:
    """5:30 p.m. -> five thirty PM."""
    return apply_rules(text, (
        _part_of_second, _offset, _military, _military_alone, _continental, _clock, _hour, _verses, _ratio,
    ))

