"""Amounts of money, and millions of things: $4.50, £3, 10€, US$5, $1.2M, 1.1M people."""

import re

from nightingale.text.lexicon.quantities import CURRENCIES, CURRENCY_CODES, CURRENCY_PREFIXES, SCALES
from nightingale.text.number_words import cardinal, spell_number
from nightingale.text.patterns import NUMBER, apply_rules, is_adjective, regex, rule

_CURRENCY_NAME = regex(r"\b(?=(?:dollars?|pesos?)\b)")
_SIGN = r"(US\$|[A-Z]{1,2}\$|[$£€¥₹])"
_SCALE = r"(?: ?(k|K|mm|mn|m|M|bn|b|B|tn|T)\b|[ -](hundred|thousand|million|billion|trillion)\b)?"


@rule(r"(?<![\w.,$£€¥₹])([0-9]+(?:\.[0-9]+)?)(?:(M|mn|bn|tn)\b(?! ?[$£€¥₹])"
      r"| ?(m)(?= (?:people|users|viewers|views|copies|customers|jobs|homes|tonnes|tons)\b))")
def _millions(match: re.Match[str]) -> str:
    """1.1M, 5 m people"""
    return f"{match[1]} {SCALES[(match[2] or match[3]).lower()]}"


@rule(r"(?<=[$£€])\.(?=[0-9]{2}\b)")
def _leading_point(_: re.Match[str]) -> str:
    """$.50"""
    return "0."


@rule(rf"(?<!\w)(-)?{_SIGN} ?(-?)({NUMBER})(?:-[$£€]?({NUMBER}))?{_SCALE}(?: dollars| pounds| euros)?(?!\w)")
def _sign_before_amount(match: re.Match[str]) -> str:
    minus, sign, inner_minus, amount, upper, letter, word = match.groups()
    currency = sign if sign in CURRENCIES else sign[-1]
    reading = _amount(currency, amount, word or SCALES.get((letter or "").lower(), ""), upper)
    if is_adjective(match):
        reading = reading.replace(CURRENCIES[currency][1], CURRENCIES[currency][0])  # a five dollar bill
    reading = _CURRENCY_NAME.sub(CURRENCY_PREFIXES.get(sign, ""), reading, count=1)
    return f"minus {reading}" if minus or inner_minus else reading


@rule(rf"(?<![\w.,])({NUMBER}){_SCALE} ?([$£€¥₹]|(?:USD|GBP|EUR|JPY|INR)\b)(?!\w)")
def _sign_after_amount(match: re.Match[str]) -> str:
    """10€, 5 USD"""
    amount, letter, word, sign = match.groups()
    return _amount(CURRENCY_CODES.get(sign, sign), amount, word or SCALES.get((letter or "").lower(), ""))


def _amount(currency: str, amount: str, scale: str, upper: str | None = None) -> str:
    """4.50 dollars -> four dollars and fifty cents. upper: the other end of a range."""
    one, many, cent, cents = CURRENCIES[currency]
    whole, _, part = amount.partition(".")
    if upper or scale or (part and len(part) != 2):
        up_to = f" to {spell_number(upper)}" if upper else ""
        return f"{spell_number(amount)}{up_to}{' ' + scale if scale else ''} {many}"
    units, hundredths = int(whole.replace(",", "")[:15]), int(part or 0)
    small = f"{cardinal(hundredths)} {cent if hundredths == 1 else cents}" if hundredths else ""
    if small and not units:
        return small
    large = f"{spell_number(whole)} {one if units == 1 else many}"
    return f"{large} and {small}" if small else large


@rule(rf"(?<![\w.,])({NUMBER}) ?¢")
def _cents(match: re.Match[str]) -> str:
    return f"{spell_number(match[1])} {'cent' if match[1] == '1' else 'cents'}"


def read_money(text: str) -> str:
    """$4.50 -> four dollars and fifty cents."""
    return apply_rules(text, (_millions, _leading_point, _sign_before_amount, _sign_after_amount, _cents))
