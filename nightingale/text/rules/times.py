"""Times of day, ranges, durations, and other numbers with a colon: 5:30 p.m., 9am-5pm, 1h 23m, 16:9."""

import re

from nightingale.text.number_words import cardinal
from nightingale.text.patterns import apply_rules, rule


# --- ranges ----------------------------------------------------------------------------------------------------------
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
      r"|(?<=0s)-(?=[0-9'])"
      r"|(?<=[0-9](?:st|nd|rd|th)) ?[-–] ?(?=[0-9]+(?:st|nd|rd|th)\b)")
def _hyphen(_: re.Match[str]) -> str:
    """9:30-10:15, 5%-10%, 1920s-30s, 10th-12th"""
    return " to "


def read_ranges(text: str) -> str:
    """9am-5pm -> 9am to 5pm. Ranges of plain numbers are read in numbers.py."""
    return apply_rules(text, (_point_for_colon, _spaced_dash, _en_dash, _hyphen))


# --- times of day ----------------------------------------------------------------------------------------------------
@rule(r"(?<![\w.:])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9])(?:\.[0-9]+)?)?"
      r"(?:(?=Z\b|[ap]\.?m\b|[AP]\.?M\b)|h?\b)(Z\b)?( ?(?:[ap]\.?m\b\.?|[AP]\.?M\b\.?))?(?![\w:]|\.[0-9])")
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
    return apply_rules(text, (_clock, _hour, _verses, _ratio))


# --- durations -------------------------------------------------------------------------------------------------------
@rule(r"(?<![\w.,$£€-])(?:([0-9]+) ?d,? ?)?(?:([0-9]+) ?h(?:rs?)?,? ?)?(?:([0-9]{1,2}) ?m(?:in)?,? ?)?"
      r"(?:([0-9]+(?:\.[0-9]+)?) ?s(?:ec)?)?(?<=[a-z])(?![\w/^°])")
def read_durations(match: re.Match[str]) -> str:
    """1h 23m -> 1 hour 23 minutes. Needs two parts: alone, "23m" may be meters and "20s" a decade."""
    units = ("day", "hour", "minute", "second")
    parts = [f"{amount} {unit}{'' if amount == '1' else 's'}"
             for amount, unit in zip(match.groups(), units, strict=True) if amount]
    return " ".join(parts) if len(parts) > 1 else match[0]
