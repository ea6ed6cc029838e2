"""Rates: litres/day, km/h, mg/dL, €/kWh, 10%/yr, $20/mo, per kg. Those of an amount (5 km/h) are in measures.py."""

import re

from nightingale.text.lexicon.units import BARE_DENOMINATORS, BARE_NUMERATORS, PER_WORDS, POWERS
from nightingale.text.patterns import rule
from nightingale.text.rules.amounts.measures import read_per, unit_names


@rule(r"(?<![\w./-])([a-z]{2,14}s|people|[a-z]{3,12}(?=/(?:kg|lb|oz|km|mi|mo|yr|hr)\b))/([A-Za-z]{1,9})(\^?[23])?\b(?![/']|\.\w)"
      r"|(?<=[a-z]s)/(?=[0-9]{1,3}(?:,[0-9]{3})+ [a-z]|10+ [a-z])|(?<=[$£€¥])/([A-Za-z]{1,9})\b")
def _word_rate(match: re.Match[str]) -> str:
    """litres/day, people/km^2, price/kg, deaths/100,000 people, €/kWh"""
    if not match[1]:
        return read_per(match[0]) or match[0] if match[4] else " per "
    per = read_per(f"/{match[2]}{match[3] or ''}") if _is_denominator(match[2]) else None
    return match[1] + per if per else match[0]


@rule(rf"(?<![\w./-])(?<!\b(?:cu|sq) )([A-Za-zµ]{{1,4}})(\^[23])?"
      rf"/({'|'.join(sorted(map(re.escape, BARE_DENOMINATORS), key=len, reverse=True))})(?![\w/^'-])")
def _bare_rate(match: re.Match[str]) -> str:
    """km/h, mg/dL, m^3/h"""
    names = unit_names(match[1]) if match[1] in BARE_NUMERATORS and match[1] != match[3] else None
    power = f"{POWERS[match[2][-1]]} " if match[2] else ""
    return f"{power}{names[1]}{read_per('/' + match[3])}" if names else match[0]


@rule(r"(?:(?<=[0-9])|(?<=[0-9][kKMB])|(?<=percent)|(?<=[$£€¥¢]))( ?/ ?| per )(100+ ?)?([A-Za-z]{1,9})"
      r"(\^?[23])?\b(?![/'.-][A-Za-z0-9])|\b(per )([A-Za-z]{1,3})\b(?!')")
def _rate(match: re.Match[str]) -> str:
    """10%/yr, $20/mo, per kg"""
    sign = match[3] or match[6]
    if not _is_denominator(sign) or (match[6] and len(sign) == 1) or (match[1] and match[1] != "/" and len(sign) == 1):
        return match[0]
    per = read_per(f"/{match[2] or ''}{sign}{match[4] or ''}")
    return (per if match[3] else per.lstrip()) if per else match[0]


def _is_denominator(sign: str) -> bool:
    """Whether the word can stand behind a "/": a unit of time or amount, but not an abbreviation such as "a" or "V"."""
    return sign in PER_WORDS or ((len(sign) > 1 or sign in "hsLlgm") and unit_names(sign) is not None)


def read_word_rates(text: str) -> str:
    """litres/day -> litres per day, mg/dL -> milligrams per deciliter."""
    return _bare_rate(_word_rate(text)) if "/" in text else text


def read_rates(text: str) -> str:
    """10 percent/yr -> 10 percent per year, $20/mo -> $20 per month, 5 per kg -> 5 per kilogram."""
    return _rate(text) if "/" in text or "per " in text else text
