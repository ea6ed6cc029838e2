"""Dates: May 3rd, 1999; 3 May; 2024-05-03; 25/12/2023; 5-Mar-24; due 12/25."""

import re

from nightingale.text.lexicon.quantities import MONTH_SHORT, MONTHS
from nightingale.text.number_words import ordinal, year
from nightingale.text.patterns import apply_rules, regex, rule

_MONTH = "|".join(MONTHS)
_DAY = r"(0?[1-9]|[12][0-9]|3[01])"


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
    """5/3/2024. The month comes first, as in America, unless that is no date; two-digit years only with slashes."""
    month, day, year_digits = int(match[1]), int(match[3]), match[4]
    if month > 12 >= day:
        month, day = day, month
    if not _exists(month, day) or (len(year_digits) == 2 and match[2] != "/"):
        return match[0]
    return f"{MONTHS[month - 1]} {ordinal(day)}, {year(_full_year(year_digits))}"


def _exists(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


def _full_year(digits: str) -> int:
    """99 -> 1999, 24 -> 2024."""
    return int(digits) + (0 if len(digits) == 4 else 2000 if int(digits) < 50 else 1900)


@rule(rf"(?<![\w.,/-]){_DAY}-({'|'.join([*MONTH_SHORT, *MONTHS])})-([12][0-9]{{3}}|[0-9]{{2}})(?![\w/-]|[.,:][0-9])")
def _named_month(match: re.Match[str]) -> str:
    """5-Mar-24"""
    name = MONTH_SHORT.get(match[2], match[2])
    return f"{name} {ordinal(int(match[1]))}, {year(_full_year(match[3]))}"


# After the words in the group, 3/15 is a date. After the other words, only if it is no usual fraction.
_DATE_BEFORE = regex(
    r"\b(?:(on|due|dated?|since|until|till|through|expires?|starting|ending|starts|ends|before|after|posted|updated)"
    r"|is|was|by|from|to|of|for|the|and|[MTWFS][a-z]{2,5}day,?):? $", re.IGNORECASE)
_WHOLE_AFTER = regex(r"[ -](?:of|in|inch|inches|cup|cups|mile|miles|tsp|tbsp|full|share|majority|time|century)\b")
_USUAL_DENOMINATORS = frozenset([2, 3, 4, 5, 6, 8, 10, 12, 16])


@rule(rf"(?<![\w.,/$£€-])(0?[1-9]|1[0-2])/{_DAY}(?:( ?[-–] ?| to | and | through )(0?[1-9]|1[0-2])/{_DAY})?"
      r"(?![\w/%-]|[.,][0-9])")
def _without_year(match: re.Match[str]) -> str:
    """Due 12/25, from 12/25 to 1/2; but "3/4 of it" is a fraction."""
    month, day, joint, last_month, last_day = match.groups()
    context = _DATE_BEFORE.search(match.string[: match.start()][-24:])
    if not context or match[0] in ("9/11", "1/2"):
        return match[0]
    usual = int(day) in _USUAL_DENOMINATORS
    whole = _WHOLE_AFTER.match(match.string[match.end() :])
    if whole and (usual or not context[1] or whole[0] != " in"):  # "on 3/14 in Rome" is a date
        return match[0]
    if not context[1] and (usual or int(month) >= int(day)):
        return match[0]
    until = ""
    if joint:
        word = joint.strip() if joint.strip().isalpha() else "to"
        until = f" {word} {MONTHS[int(last_month) - 1]} {ordinal(int(last_day))}"
    return f"{MONTHS[int(month) - 1]} {ordinal(int(day))}{until}"


@rule(rf"\b({_MONTH}) {_DAY}(?:st|nd|rd|th)?-{_DAY}(?:st|nd|rd|th)?\b(?![:%]|[.,]?[0-9])")
def _range_of_days(match: re.Match[str]) -> str:
    """July 4-6"""
    return f"{match[1]} {ordinal(int(match[2]))} to {ordinal(int(match[3]))}"


@rule(rf"\b({_MONTH}) {_DAY}(?:st|nd|rd|th)?\b(?![:%]|[.,/-]?[0-9]| ?(?:[ap]m|AM|PM)\b)(,? [0-9]{{4}}\b)?")
def _month_day(match: re.Match[str]) -> str:
    """May 3, 1999"""
    return f"{match[1]} {ordinal(int(match[2]))}{_year_after(match[3])}"


@rule(rf"(?<![\w.,/:-])([Tt]he )?{_DAY}(?:st|nd|rd|th)?( of)? ({_MONTH})\b(,? [0-9]{{4}}\b)?(?!-)")
def _day_month(match: re.Match[str]) -> str:
    """3 May 1999, the 3rd of May"""
    the = match[1] or ("the " if match.string[: match.start()].strip() else "The ")
    return f"{the}{ordinal(int(match[2]))} of {match[4]}{_year_after(match[5])}"


def _year_after(text: str | None) -> str:
    return f", {year(int(text.strip(', ')))}" if text else ""


def read_dates(text: str) -> str:
    """May 3, 1999 -> May third, nineteen ninety-nine."""
    return apply_rules(text, (
        _year_first, _year_last, _named_month, _without_year, _range_of_days, _month_day, _day_month,
    ))
