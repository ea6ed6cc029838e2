"""Dates and times of day, ranges of them, and other pairs of numbers with a colon, as words."""

import re

from nightingale.text.number_words import cardinal, ordinal, year
from nightingale.text.rules.numbers import ascii_regex, in_turn, rewriter

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")
MONTH_SHORT = {name[:3]: name for name in MONTHS} | {"Sept": "September"}
_MONTH = "|".join(MONTHS)
_DAY = r"(0?[1-9]|[12][0-9]|3[01])"


# --- ranges ----------------------------------------------------------------------------------------------------------
@rewriter(r"(?:(?<=:[0-9]{2})|(?<=[ap]m)|(?<=[AP]M)) - (?=[0-9]{1,2}(?::[0-9]{2}| ?[aApP]\.?[mM]\b))"
          r"|(?<=[0-9]) ?[-–] (?=[$£€][0-9])|(?<=%) [-–] (?=[0-9.]+ ?%)|(?<=°[CF]) - (?=-?[0-9])")
def _spaced(match: re.Match[str]) -> str:
    """5:30 - 6:30 PM, $5 - $10: between two of a kind a dash is a range."""
    return " to "


@rewriter(r"(?<![\w.:,$£€])(1[0-2]|0?[1-9])\.([0-5][0-9])(?=(?: ?- ?[0-9.]+)? ?(?:[ap]\.?m|[AP]\.?M)\b)")
def _dotted_clock(match: re.Match[str]) -> str:
    """5.30pm, as in Britain."""
    return f"{match[1]}:{match[2]}"


@rewriter(r"(?:(?<=[0-9])|(?<=[ap]m)|(?<=[AP]M)) ?– ?(?=[$£€]?[0-9])")
def _dashes(match: re.Match[str]) -> str:
    return "-"


@rewriter(r"(?<=[0-9mM.])-(?=[0-9]{1,2}(?::[0-5][0-9]|(?: ?[aApP]\.?[mM]\b)))|(?<=[%°])-(?=[0-9])|(?<=°[CF])-(?=[0-9])"
          r"|(?<=0s)-(?=[0-9'])"
          r"|(?<=[0-9](?:st|nd|rd|th)) ?[-–] ?(?=[0-9]+(?:st|nd|rd|th)\b)")
def _until(match: re.Match[str]) -> str:
    return " to "


# --- dates -----------------------------------------------------------------------------------------------------------
def _valid(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


@rewriter(rf"\b({_MONTH}) {_DAY}(?:st|nd|rd|th)?\b(?![:%]|[.,/-]?[0-9]| ?(?:[ap]m|AM|PM)\b)(,? [0-9]{{4}}\b)?")
def _month_day(match: re.Match[str]) -> str:
    return f"{match[1]} {ordinal(int(match[2]))}{_tail(match[3])}"


def _tail(text: str | None) -> str:
    """The year behind a day, if there is one: ", 2024"."""
    return f", {year(int(text.strip(', ')))}" if text else ""


@rewriter(rf"\b({_MONTH}) {_DAY}(?:st|nd|rd|th)?-{_DAY}(?:st|nd|rd|th)?\b(?![:%]|[.,]?[0-9])")
def _month_days(match: re.Match[str]) -> str:
    return f"{match[1]} {ordinal(int(match[2]))} to {ordinal(int(match[3]))}"


@rewriter(rf"(?<![\w.,/:-])([Tt]he )?{_DAY}(?:st|nd|rd|th)?( of)? ({_MONTH})\b(,? [0-9]{{4}}\b)?(?!-)")
def _day_month(match: re.Match[str]) -> str:
    the = match[1] or ("The " if not match.string[: match.start()].strip() else "the ")
    return f"{the}{ordinal(int(match[2]))} of {match[4]}{_tail(match[5])}"


@rewriter(r"(?<![\w.,/-])([12][0-9]{3})([-/.])([01]?[0-9])\2([0-3]?[0-9])(?:T(?=[0-9]{2}:)|(?![\w/-]|\.[0-9]))")
def _iso_date(match: re.Match[str]) -> str:
    month, day = int(match[3]), int(match[4])
    if not _valid(month, day):
        return match[0]
    gap = ", " if match[0].endswith("T") else ""
    return f"{MONTHS[month - 1]} {ordinal(day)}, {year(int(match[1]))}{gap}"


@rewriter(r"(?<![\w.,/-])([0-3]?[0-9])([-/.])([0-3]?[0-9])\2([12][0-9]{3}|[0-9]{2})(?![\w/-]|\.[0-9])")
def _slash_date(match: re.Match[str]) -> str:
    """American order, month first, unless only the other makes a date; two-digit years only with slashes."""
    month, day, tail = int(match[1]), int(match[3]), match[4]
    if month > 12 >= day:
        month, day = day, month
    if not _valid(month, day) or (len(tail) == 2 and match[2] != "/"):
        return match[0]
    return f"{MONTHS[month - 1]} {ordinal(day)}, {year(_whole_year(tail))}"


def _whole_year(text: str) -> int:
    return int(text) + (0 if len(text) == 4 else 2000 if int(text) < 50 else 1900)


@rewriter(rf"(?<![\w.,/-]){_DAY}-({'|'.join([*MONTH_SHORT, *MONTHS])})-([12][0-9]{{3}}|[0-9]{{2}})"
          r"(?![\w/-]|[.,:][0-9])")
def _named_month(match: re.Match[str]) -> str:
    """5-Mar-24"""
    name = MONTH_SHORT.get(match[2], match[2])
    return f"{name} {ordinal(int(match[1]))}, {year(_whole_year(match[3]))}"


# what 3/15 is behind these is a day: behind the weak ones only if nobody would tell such a part of something
_DATE_WORD = ascii_regex(
    r"\b(?:(on|due|dated?|since|until|till|through|expires?|starting|ending|starts|ends|before|after|posted|updated)"
    r"|is|was|by|from|to|of|for|the|and|[MTWFS][a-z]{2,5}day,?):? $", re.IGNORECASE)
_PART_NEXT = ascii_regex(r"[ -](?:of|in|inch|inches|cup|cups|mile|miles|tsp|tbsp|full|share|majority|time|century)\b")
_USUAL_PARTS = frozenset([2, 3, 4, 5, 6, 8, 10, 12, 16])


@rewriter(rf"(?<![\w.,/$£€-])(0?[1-9]|1[0-2])/{_DAY}(?:( ?[-–] ?| to | and | through )(0?[1-9]|1[0-2])/{_DAY})?"
          r"(?![\w/%-]|[.,][0-9])")
def _month_slash_day(match: re.Match[str]) -> str:
    """Due 12/25: a date without its year."""
    month, day, joint, later, last = match.groups()
    context = _DATE_WORD.search(match.string[: match.start()][-24:])
    if not context or match[0] in ("9/11", "1/2"):
        return match[0]
    usual = int(day) in _USUAL_PARTS
    part = _PART_NEXT.match(match.string[match.end() :])
    if part and (usual or not context[1] or part[0] != " in"):  # on 3/14 in Rome
        return match[0]
    if not context[1] and (usual or int(month) >= int(day)):
        return match[0]
    until = ""
    if joint:
        word = joint.strip() if joint.strip().isalpha() else "to"
        until = f" {word} {MONTHS[int(later) - 1]} {ordinal(int(last))}"
    return f"{MONTHS[int(month) - 1]} {ordinal(int(day))}{until}"


# --- times -----------------------------------------------------------------------------------------------------------
@rewriter(r"(?<![\w.:])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9])(?:\.[0-9]+)?)?"
          r"(?:(?=Z\b|[ap]\.?m\b|[AP]\.?M\b)|h?\b)(Z\b)?( ?(?:[ap]\.?m\b\.?|[AP]\.?M\b\.?))?(?![\w:]|\.[0-9])")
def _clock(match: re.Match[str]) -> str:
    hour, minute, half = int(match[1]), int(match[2]), _half(match[5])
    if minute:
        minutes = f" {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif half:
        minutes = ""
    else:
        minutes = " hundred" if hour > 12 or not hour else " o'clock"
    seconds = f" and {match[3].lstrip('0')} second{'s' if match[3] != '01' else ''}" if int(match[3] or 0) else ""
    zone = " UTC" if match[4] else ""
    return f"{cardinal(hour)}{minutes}{seconds}{half}{zone}"


def _half(text: str | None) -> str:
    return f" {text.replace('.', '').strip().upper()}" if text else ""


@rewriter(r"(?<![\w.:])(1[0-2]|0?[1-9])(?:-(1[0-2]|0?[1-9]))? ?([ap]\.?m|[AP]\.?M)\b\.?(?!\w)")
def _hour(match: re.Match[str]) -> str:
    until = f" to {cardinal(int(match[2]))}" if match[2] else ""
    return f"{cardinal(int(match[1]))}{until}{_half(match[3])}"


@rewriter(r"(?<![\w.:])([0-9]{1,3}):([0-9]{1,3})(?=-[0-9]{1,3}\b(?!:))")
def _verses(match: re.Match[str]) -> str:
    return f"{match[1]} {match[2]}"


@rewriter(r"(?<![\w.:])([0-9]{1,4}):([0-9]{1,4})(?![\w:]|\.[0-9])")
def _ratio(match: re.Match[str]) -> str:
    return f"{match[1]} to {match[2]}"


_STAGES = (
    _dotted_clock, _spaced, _dashes, _until, _iso_date, _slash_date, _named_month, _month_slash_day, _month_days,
    _month_day, _day_month, _clock, _hour, _verses, _ratio,
)


def read_times(text: str) -> str:
    """Dates and times of day as words."""
    return in_turn(text, _STAGES)
