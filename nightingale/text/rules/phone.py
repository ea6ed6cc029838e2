"""Telephone numbers, and other numbers that are read digit by digit: PINs, ZIP codes."""

import re

from nightingale.text.number_words import spell_digits
from nightingale.text.patterns import apply_rules, rule

_PHONE_NUMBER = (
    r"(?<![\w.,$£€/-])(?:"
    r"\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,4}\)?){2,5}"  # +44 20 7946 0958
    r"|(?:1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}"  # (555) 123-4567
    r"|[2-9][0-9]{2}-[0-9]{4}"  # 555-1234
    r"|(?:\(0[0-9]{2,4}\)|0[0-9]{2,4}) [0-9]{3,4} [0-9]{3,4}|0[0-9]{4} [0-9]{6}"  # 020 7946 0958, 07700 900123
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


@rule(r"\b((?:call|phone|telephone|tel|text|dial|ring|fax|mobile|cell)"
      r"(?:[ :]+(?:us|me|him|her|them|now|today|number|is|at|on|to|no|the))*[ :]+)"
      r"([2-9][0-9]{2})([0-9]{3})([0-9]{4})\b(?![.,]?[0-9])", re.IGNORECASE)
def _ten_digits(match: re.Match[str]) -> str:
    """Call 5551234567."""
    return match[1] + ", ".join(spell_digits(group) for group in match.groups()[1:])


@rule(r"\b(call|dial|dialed|called|phone|ring) (911|999|112|411|311|988|101)\b", re.IGNORECASE)
def _emergency_number(match: re.Match[str]) -> str:
    return f"{match[1]} {spell_digits(match[2])}"


@rule(r"\b((?:ZIP|zip|Zip)(?: [Cc]ode)?:?) ([0-9]{5}(?:-[0-9]{4})?)(?![,.]?[0-9])")
def _zip_code(match: re.Match[str]) -> str:
    return f"{match[1]} {spell_digits(match[2])}"


@rule(r"\b((?:(?:pin|passcode|password)(?: (?:code|number))?"
      r"|(?:verification|security|access|confirmation|login|entry|door) code)(?: is|:|,)?) "
      r"([0-9]{4,10})\b(?![.,]?[0-9])", re.IGNORECASE)
def read_pins(match: re.Match[str]) -> str:
    """PIN: 1234 -> PIN: one two three four."""
    return f"{match[1]} {spell_digits(match[2])}"


def read_phone_numbers(text: str) -> str:
    """555-1234 -> five five five, one two three four."""
    return apply_rules(text, (_phone_number, _ten_digits, _emergency_number, _zip_code))
