"""Dates and times of day, ranges of them, and other pairs of numbers with a colon, as words."""

import re

from nightingale.text.numbers import cardinal, ordinal, rewriter, year

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")
MONTH_SHORT = {name[:3]: name for name in MONTHS} | {"Sept": "September"}
_MONTH = "|".join(MONTHS)
_DAY = r"(0?[1-9]|[12][0-9]|3[01])"


# --- ranges ----------------------------------------------------------------------------------------------------------
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
    tail = f", {year(int(match[3].strip(', ')))}" if match[3] else ""
    return f"{match[1]} {ordinal(int(match[2]))}{tail}"


@rewriter(rf"\b({_MONTH}) {_DAY}(?:st|nd|rd|th)?-{_DAY}(?:st|nd|rd|th)?\b(?![:%]|[.,]?[0-9])")
def _month_days(match: re.Match[str]) -> str:
    return f"{match[1]} {ordinal(int(match[2]))} to {ordinal(int(match[3]))}"


@rewriter(rf"(?<![\w.,/:-])([Tt]he )?{_DAY}(?:st|nd|rd|th)?( of)? ({_MONTH})\b(,? [0-9]{{4}}\b)?(?!-)")
def _day_month(match: re.Match[str]) -> str:
    the = match[1] or ("The " if not match.string[: match.start()].strip() else "the ")
    tail = f", {year(int(match[5].strip(', ')))}" if match[5] else ""
    return f"{the}{ordinal(int(match[2]))} of {match[4]}{tail}"


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
    value = int(tail) + (0 if len(tail) == 4 else 2000 if int(tail) < 50 else 1900)
    return f"{MONTHS[month - 1]} {ordinal(day)}, {year(value)}"


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
    _dashes, _until, _iso_date, _slash_date, _month_days, _month_day, _day_month, _clock, _hour,
    _verses, _ratio,
)


def read_times(text: str) -> str:
    """Dates and times of day as words."""
    for stage in _STAGES:
        text = stage(text)
    return text
