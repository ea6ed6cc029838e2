"""Dates: May 3rd, 1999; 3 May; 12–13 July; 2024-05-03; 25/12/2023; 1.12.2026; 5-Mar-24; due 12/25; 20261201.

calendar.py has expanded the short names of months and weekdays.
"""

import re

from nightingale.text.lexicon.quantities import DAY_SHORT, MONTHS
from nightingale.text.number_words import cardinal, ordinal, year
from nightingale.text.patterns import apply_rules, regex, rule

_MONTH = "|".join(MONTHS)
_DAY = r"(0?[1-9]|[12][0-9]|3[01])"
_SUFFIX = r"(?:st|nd|rd|th)?"
_CLOCK_NEXT = r"(?=[0-9]{1,2}:[0-5][0-9])"


# --- a date and a time -----------------------------------------------------------------------------------------------
@rule(rf"\b({_MONTH}) {_DAY} ([0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?(?: [AP]M)?)(?:\.[0-9]{{1,9}})?"
      r"( [A-Z]{2,5}| [+-][0-9]{2,4})? ([12][0-9]{3})\b(?![:.,]?[0-9])")
def _year_after_time(match: re.Match[str]) -> str:
    """Dec 1 11:05:19 UTC 2026 -> December 1, 2026, 11:05:19 UTC: what `date` and `git log` print"""
    month, day, clock, zone, year_digits = match.groups()
    return f"{month} {int(day)}, {year_digits}, {clock}{zone or ''}"


@rule(rf"(\b(?:{_MONTH}) {_DAY}(?:,? [12][0-9]{{3}})?|\b{_DAY} (?:{_MONTH})(?: [12][0-9]{{3}})?"
      rf"|\b[12][0-9]{{3}}[-/.][01][0-9][-/.][0-3][0-9]|\b{_DAY}[-/.][0-9]{{1,2}}[-/.][12][0-9]{{3}}) {_CLOCK_NEXT}")
def _comma_before_time(match: re.Match[str]) -> str:
    """2026-12-01 10:13 -> 2026-12-01, 10:13"""
    return f"{match[1]}, "


# --- dates in digits -------------------------------------------------------------------------------------------------
@rule(r"(?<![\w.,/-])([12][0-9]{3})([-/.])([01]?[0-9])\2([0-3]?[0-9])(?:T(?=[0-9]{2}:)|(?![\w/-]|\.[0-9]))")
def _year_first(match: re.Match[str]) -> str:
    """2024-05-03, also before a time: 2024-05-03T10:20"""
    month, day = int(match[3]), int(match[4])
    if not _exists(month, day):
        return match[0]
    gap = ", " if match[0].endswith("T") else ""
    return f"{MONTHS[month - 1]} {ordinal(day)}, {year(int(match[1]))}{gap}"


@rule(r"(?<![\w.,/-])([0-3]?[0-9])([-/.])([0-3]?[0-9])\2([12][0-9]{3}|[0-9]{2})(?![\w/-]|\.[0-9])")
def _year_last(match: re.Match[str]) -> str:
    """5/3/2024: the month comes first, as in America, unless that is no date. With full stops the day comes first."""
    month, day, year_digits = int(match[1]), int(match[3]), match[4]
    if (match[2] == "." or month > 12 >= day) and _exists(day, month):
        month, day = day, month
    if not _exists(month, day) or (len(year_digits) == 2 and match[2] != "/"):
        return match[0]
    if match[2] == ".":
        return f"{_the(match)}{ordinal(day)} of {MONTHS[month - 1]}, {year(_full_year(year_digits))}"
    return f"{MONTHS[month - 1]} {ordinal(day)}, {year(_full_year(year_digits))}"


def _the(match: re.Match[str]) -> str:
    """The article before a day, unless the text has one."""
    before = match.string[max(match.start() - 4, 0) : match.start()]
    return "" if before.lower() == "the " else "the " if match.string[: match.start()].strip() else "The "


def _exists(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


def _full_year(digits: str) -> int:
    """99 -> 1999, 24 -> 2024."""
    return int(digits) + (0 if len(digits) == 4 else 2000 if int(digits) < 50 else 1900)


@rule(r"(?<![\w.,/$£€#-])((?:19|20)[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
      r"(?:(?=T[0-9]{2}:?[0-9]{2})|(?![\w/%-]|[.,]?[0-9]))")
def _compact(match: re.Match[str]) -> str:
    """20261201"""
    value = int(match[1])
    return f"{MONTHS[int(match[2]) - 1]} {ordinal(int(match[3]))}, {year(value)}" if 1990 <= value < 2050 else match[0]


@rule(r"(?<![\w.,/-])((?:19|20)[0-9]{2})-(0[1-9]|1[0-2])(?![\w/-]|[.,:]?[0-9])"
      r"|(?<![\w.,/-])(0?[1-9]|1[0-2])/((?:19|20)[0-9]{2})(?![\w/-]|[.,:]?[0-9])")
def _month_and_year(match: re.Match[str]) -> str:
    """2026-12, 12/2026; but 2010-11 is two years."""
    value, month = int(match[1] or match[4]), int(match[2] or match[3])
    if match[1] and month in (value % 100 + 1, value % 100 + 2):
        return match[0]
    return f"{MONTHS[month - 1]} {year(value)}"


@rule(r"\b((?:19|20)[0-9]{2})-?W(0[1-9]|[1-4][0-9]|5[0-3])(?:-([1-7]))?\b")
def _week(match: re.Match[str]) -> str:
    """2026-W49"""
    day = f", {tuple(DAY_SHORT.values())[int(match[3]) - 1]}" if match[3] else ""
    return f"week {cardinal(int(match[2]))} of {year(int(match[1]))}{day}"


@rule(rf"(?<![\w.,/-]){_DAY}-({_MONTH})-([12][0-9]{{3}}|[0-9]{{2}})(?![\w/-]|[.,:][0-9])")
def _named_month(match: re.Match[str]) -> str:
    """5-March-24"""
    return f"{match[2]} {ordinal(int(match[1]))}, {year(_full_year(match[3]))}"


@rule(r"\b(Q[1-4]|H[12])(?: ?(?:FY)?'|FY)([0-9]{2})\b")
def _quarter(match: re.Match[str]) -> str:
    """Q3'25, Q3FY25"""
    fiscal = "F Y " if "FY" in match[0] else ""
    return f"{match[1]} {fiscal}{year(2000 + int(match[2])) if not fiscal else cardinal(int(match[2]))}"


# After the words in the group, 3/15 is a date. After the other words, only if it is no usual fraction.
_DATE_BEFORE = regex(
    r"(?:(\b(?:on|due|dated?|since|until|till|through|expires?|starting|ending|starts|ends|before|after|posted|updated|"
    r"between|deadline|birthday|[MTWFS][a-z]{2,5}day),?:?)|\b(?:is|was|by|from|to|of|for|the|and):?) $", re.IGNORECASE)
_WHOLE_AFTER = regex(r"[ -](?:of|in|inch|inches|cup|cups|mile|miles|tsp|tbsp|full|share|majority|time|century)\b")
_USUAL_DENOMINATORS = frozenset([2, 3, 4, 5, 6, 8, 10, 12, 16])


@rule(rf"(?<![\w.,/$£€-])(0?[1-9]|1[0-2])/{_DAY}(?:( ?[-–] ?| to | and | through )(0?[1-9]|1[0-2])/{_DAY})?"
      r"(?![\w/%-]|[.,][0-9])")
def _without_year(match: re.Match[str]) -> str:
    """Due 12/25, from 12/25 to 1/2, 12/24–12/26; but "3/4 of it" is a fraction."""
    month, day, joint, last_month, last_day = match.groups()
    if not _is_date(match, int(month), int(day)) and not (
            joint and (int(month) > int(day) or int(last_month) > int(last_day) or int(day) > 16)):
        return match[0]
    until = ""
    if joint:
        word = joint.strip() if joint.strip().isalpha() else "to"
        until = f" {word} {MONTHS[int(last_month) - 1]} {ordinal(int(last_day))}"
    comma = ", " if re.search("day $", match.string[: match.start()][-4:]) else ""
    return f"{comma}{MONTHS[int(month) - 1]} {ordinal(int(day))}{until}"


def _is_date(match: re.Match[str], month: int, day: int) -> bool:
    """Whether two numbers with a slash between them are a date; if not, they are a fraction."""
    context = _DATE_BEFORE.search(match.string[: match.start()][-24:])
    if match[0] in ("9/11", "1/2"):
        return False
    if not context:
        return not match.string[: match.start()].strip() and day > 12 and day not in (15, 16, 20, 24, 25, 30) and (
            re.match(r"\W*$|:", match.string[match.end() :]) is not None)
    usual = day in _USUAL_DENOMINATORS
    whole = _WHOLE_AFTER.match(match.string[match.end() :])
    if whole and (usual or not context[1] or whole[0] != " in"):  # "on 3/14 in Rome" is a date
        return False
    return bool(context[1]) or not (usual or month >= day)


@rule(r"(?<=[Oo]n )(?<![0-9] on )(1[3-9]|2[0-9]|3[01])/(0?[1-9]|1[0-2])(?![\w/%-]|[.,][0-9])")
def _day_first(match: re.Match[str]) -> str:
    """on 25/12"""
    return f"the {ordinal(int(match[1]))} of {MONTHS[int(match[2]) - 1]}"


# --- dates with the name of the month --------------------------------------------------------------------------------
@rule(rf"(?<=[0-9])(?:st|nd|rd|th)? ?[-–] ?(?=(?:{_MONTH}) {_DAY}{_SUFFIX}\b)")
def _dash_before_month(_: re.Match[str]) -> str:
    """November 3–December 5"""
    return " to "


@rule(rf"\b({_MONTH}) {_DAY}{_SUFFIX} ?[-–] ?{_DAY}{_SUFFIX}\b(?![:%]|[.,]?[0-9])")
def _range_of_days(match: re.Match[str]) -> str:
    """July 4-6"""
    return f"{match[1]} {ordinal(int(match[2]))} to {ordinal(int(match[3]))}"


@rule(rf"\b(?:{_MONTH}) {_DAY}{_SUFFIX}(?:, {_DAY}{_SUFFIX})*,? (?:and|or|to|&|through) {_DAY}{_SUFFIX}\b"
      r"(?![:%/-]|[.,]?[0-9]| ?(?:[ap]m|AM|PM)\b| (?:of|people|percent|[a-z]+s)\b(?<! is)(?<! was))")
def _several_days(match: re.Match[str]) -> str:
    """December 24, 25 and 26"""
    return re.sub(rf"\b{_DAY}{_SUFFIX}\b", lambda day: ordinal(int(day[1])), match[0])


@rule(rf"\b({_MONTH}) {_DAY}{_SUFFIX}\b(?![:%]|[.,/-]?[0-9]| ?(?:[ap]m|AM|PM)\b)(,? [0-9]{{4}}\b)?")
def _month_day(match: re.Match[str]) -> str:
    """May 3, 1999"""
    return f"{match[1]} {ordinal(int(match[2]))}{_year_after(match[3])}"


@rule(rf"(?<![\w.,/:$£€-])([Tt]he )?{_DAY}{_SUFFIX}( ?[-–] ?| to | and | or | & | through )(?:the )?"
      rf"(?={_DAY}{_SUFFIX}(?: of)? (?:{_MONTH})\b)")
def _days_month(match: re.Match[str]) -> str:
    """12–13 July, 24 to 26 December"""
    the = match[1] or ("the " if match.string[: match.start()].strip() else "The ")
    joint = match[3] if match[3].strip().isalpha() else " and " if "&" in match[3] else " to "
    return f"{the}{ordinal(int(match[2]))}{joint}the "


@rule(rf"(?<![\w.,/:-])([Tt]he )?{_DAY}{_SUFFIX}( of)? ({_MONTH})\b(,? [0-9]{{4}}\b)?(?!-)")
def _day_month(match: re.Match[str]) -> str:
    """3 May 1999, the 3rd of May"""
    the = match[1] or ("the " if match.string[: match.start()].strip() else "The ")
    return f"{the}{ordinal(int(match[2]))} of {match[4]}{_year_after(match[5])}"


@rule(rf"\b({_MONTH})[ -]'?([0-9]{{2}})\b(?![:%\w]|[.,/-]?[0-9])")
def _short_year(match: re.Match[str]) -> str:
    """December '26, December-26"""
    return f"{match[1]} {'oh ' if match[2][0] == '0' else ''}{cardinal(int(match[2]))}"


@rule(rf"\b({_MONTH})-(?=[12][0-9]{{3}}\b)")
def _hyphen_before_year(match: re.Match[str]) -> str:
    """December-2026"""
    return f"{match[1]} "


def _year_after(text: str | None) -> str:
    return f", {year(int(text.strip(', ')))}" if text else ""


def read_dates(text: str) -> str:
    """May 3, 1999 -> May third, nineteen ninety-nine."""
    named = any(month in text for month in MONTHS)
    if named:
        text = _year_after_time(text)
    text = apply_rules(text, (
        _comma_before_time, _year_first, _year_last, _compact, _month_and_year, _week, _quarter, _without_year,
        _day_first,
    ))
    if not named:
        return text
    return apply_rules(text, (
        _named_month, _dash_before_month, _range_of_days, _several_days, _month_day, _days_month, _day_month,
        _short_year, _hyphen_before_year,
    ))
