"""Addresses in the United States: states after cities, ZIP codes after states, directions of streets."""

import re

from nightingale.text.lexicon.names import (
    DIRECTIONS,
    NEED_ZIP_CODE,
    NOT_CITIES,
    OFTEN_NOT_STATES,
    ROADS,
    STATES,
    STATES_LIKE_WORDS,
)
from nightingale.text.number_words import spell_digits
from nightingale.text.patterns import regex, rule

_STATE_NAMES = "|".join(name for name in STATES.values() if name != "DC")
_PLACE_BEFORE = regex(
    r"\b(?:in|from|near|to|of|at|around|outside|through|for|visit|leave|left|St|Ave|[0-9]) (?:[A-Z][\w.'-]* ){0,2}$")
_END_OF_PLACE = regex(r"[,.;:)]|\s*$| (?!(?:my|our|your|the|a|an|this|that|it|else|not)\b)[a-z]")
_STREET = r"(?:Street|Avenue|Road|Boulevard|Drive|Lane|Place|Court|Highway|(?:St|Ave|Rd|Blvd|Dr|Ln|Pl|Ct|Hwy)\b\.?)"
_COMPASS = r"\b([NS][EW]|[NSEW])"


@rule(r"\b([A-Za-z][\w.'-]*), ([A-Z]{2})\b(?! ?[-&/'])(?: ([0-9]{5}(?:-[0-9]{4})?)\b)?")
def _states(match: re.Match[str]) -> str:
    """Portland, OR 97201. A code that is also a word is a state only in an address, or where the words before fit."""
    city, code, zip_code = match.groups()
    name = STATES.get(code)
    if not name:
        return match[0]
    if zip_code:
        return f"{city}, {name} {spell_digits(zip_code)}"
    if code in NEED_ZIP_CODE or not re.match("[A-Z][a-z]", city) or city in NOT_CITIES:
        return match[0]
    before, after = match.string[: match.start()], match.string[match.end() :]
    doubtful = code in OFTEN_NOT_STATES or (code in STATES_LIKE_WORDS and not _END_OF_PLACE.match(after))
    return match[0] if doubtful and not _PLACE_BEFORE.search(before) else f"{city}, {name}"


@rule(rf"\b({_STATE_NAMES}|D\.?C\.?),? ([0-9]{{5}}(?:-[0-9]{{4}})?)(?= *(?:[.,;)]|$|USA\b|U\.S))(?![.,][0-9])")
def _zip_code_after_state(match: re.Match[str]) -> str:
    return f"{match[1]} {spell_digits(match[2])}"


@rule(rf"{_COMPASS}\.? (?=[0-9]{{1,3}}(?:st|nd|rd|th) (?:[A-Z][a-z]+ )?{_STREET})"
      rf"|(?<=[0-9] ){_COMPASS}\.? (?=(?:[A-Z][a-z]+ ){{1,2}}{_STREET})")
def _direction_before_street(match: re.Match[str]) -> str:
    """45 W 34th St, 200 N. Main St."""
    return f"{DIRECTIONS[match[1] or match[2]]} "


@rule(rf"({_STREET}),? ([NS][EW])\b")
def _direction_after_street(match: re.Match[str]) -> str:
    """12 L St NW"""
    return f"{match[1]} {DIRECTIONS[match[2]]}"


@rule(rf"\b([A-Z][a-z]+|[0-9]{{1,3}}(?:st|nd|rd|th)) ({'|'.join(ROADS)})(?![\w.])")
def _roads_without_stop(match: re.Match[str]) -> str:
    """Oak Rd, 5th Ave"""
    return f"{match[1]} {ROADS[match[2]]}"


def read_places(text: str) -> str:
    """Portland, OR 97201 -> Portland, Oregon nine seven two zero one; 45 W 34th St -> 45 West 34th St."""
    if re.search("[A-Z]{2}|[0-9]", text):
        text = _zip_code_after_state(_states(text))
        text = _roads_without_stop(_direction_after_street(_direction_before_street(text)))
    return text
