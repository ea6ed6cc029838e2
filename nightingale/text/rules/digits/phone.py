"""Telephone numbers, and numbers in groups with hyphens: (555) 123-4567, +44 20 7946 0958, extension 204."""

import re

from nightingale.text.number_words import spell_digits
from nightingale.text.patterns import apply_rules, rule

_PHONE_NUMBER = (
    r"(?<![\w.,$£€/-])(?:"
    r"\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,4}\)?){2,5}"  # +44 20 7946 0958
    r"|(?:1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}"  # (555) 123-4567
    r"|[2-9][0-9]{2}-[0-9]{4}"  # 555-1234
    r"|(?:\(0[0-9]{2,4}\)|0[0-9]{2,4}) [0-9]{3,4} [0-9]{3,4}|0[0-9]{4} [0-9]{6}"  # 020 7946 0958, 07700 900123
    r"|\(0[0-9]{2,5}\) ?[0-9]{2,8}(?:[ /-][0-9]{1,6}){0,3}|0[0-9]{2,4}/[0-9]{4,9}|0[58]00 [0-9]{4}"  # (0821) 324-0
    r"|0[1-9](?: [0-9]{2}){4}"  # 01 23 45 67 89
    r"|[0-9]+(?:-[0-9]+){2,})(?![\w/-]|[.,][0-9])"  # 9-1-1, and any number in groups
)


@rule(_PHONE_NUMBER)
def _phone_number(match: re.Match[str]) -> str:
    if re.fullmatch("[0-9]{3}-[0-9]{2}00", match[0]):
        return match[0]  # probably a range, 200-1500
    groups = re.findall("[0-9]+", match[0])
    if all(len(group) == 1 for group in groups):
        return spell_digits(match[0])
    return ("plus " if match[0][0] == "+" else "") + ", ".join(spell_digits(group) for group in groups)


@rule(r"\b((?:call|phone|telephone|tel|text|dial|ring|fax|mobile|cell|"
      r"(?:my|his|her|your|our|the) number is)"
      r"(?:[ :]+(?:us|me|him|her|them|now|today|number|is|at|on|to|no|the))*[ :]+)"
      r"([2-9][0-9]{2})([0-9]{3})([0-9]{4})\b(?![.,]?[0-9])", re.IGNORECASE)
def _ten_digits(match: re.Match[str]) -> str:
    """Call 5551234567."""
    return match[1] + ", ".join(spell_digits(group) for group in match.groups()[1:])


@rule(r"\b((?:call|dial|dialed|called|phone|ring)) (911|999|112|411|311|988|101|000)\b"
      r"(?:( or | and )(911|999|112|311|988|101)\b)?", re.IGNORECASE)
def _emergency_number(match: re.Match[str]) -> str:
    other = spell_digits(match[4]) if match[4] else ""
    return f"{match[1]} {spell_digits(match[2])}{match[3] or ''}{other}"


@rule(r"(?<=[0-9]{3}[-. ][0-9]{4}) ?x ?([0-9]{2,5})\b")
def _short_extension(match: re.Match[str]) -> str:
    """555-867-5309 x12"""
    return f" extension {match[1]}"


@rule(r"\b(extension) ([0-9]{2,5})\b(?![,.]?[0-9]| (?:cord|lead)s?\b)", re.IGNORECASE)
def _extension(match: re.Match[str]) -> str:
    return f"{match[1]} {spell_digits(match[2])}"


@rule(r"\b((?:text|send|sms) (?:[A-Z]+|[\"'][A-Za-z ]{1,20}[\"']|stop|yes|help|start) to )([0-9]{5,6})\b"
      r"(?![.,]?[0-9])", re.IGNORECASE)
def _short_code(match: re.Match[str]) -> str:
    """Text STOP to 40404."""
    return match[1] + spell_digits(match[2])


@rule(r"\b((?:phone|number|cell|mobile|fax|tel)[a-z ]{0,10}?(?: is|:)? )([0-9]{3}) ([0-9]{4})\b"
      r"(?![.,]?[0-9])", re.IGNORECASE)
def _seven_digits(match: re.Match[str]) -> str:
    """My number is 555 0142."""
    return f"{match[1]}{spell_digits(match[2])}, {spell_digits(match[3])}"


@rule(r"\b1-(800|888|877|866|855|844|833|900)-([A-Za-z]{4,8})\b")
def _vanity(match: re.Match[str]) -> str:
    """1-800-FLOWERS"""
    hundred = "eight hundred" if match[1] == "800" else "nine hundred" if match[1] == "900" else spell_digits(match[1])
    return f"one, {hundred}, {match[2].lower()}"


def read_phone_numbers(text: str) -> str:
    """555-1234 -> five five five, one two three four."""
    return apply_rules(text, (
        _vanity, _short_extension, _phone_number, _ten_digits, _seven_digits, _emergency_number, _extension,
        _short_code,
    ))
