"""Places in the United States as people say them: states behind their cities, ZIP codes, directions of streets."""

import re

from nightingale.text.number_words import spell_digits
from nightingale.text.rules.numbers import ascii_regex, listed, rewriter

# without LA and DC, which are said as letters, as city and as capital; CA, MD and the like are both and need a ZIP code
_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho",
    "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine",
    "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
    "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma",
    "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
    "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "DC": "DC", "PR": "Puerto Rico",
}
_WORDS_TOO = frozenset(["IN", "ME", "OR"])
_OFTEN_ELSE = frozenset(["OK", "HI", "OH", "ID", "MA", "AL"])
_DEGREES = frozenset(["MD", "MS", "PA", "LA", "PR"])  # John Smith, MD; and what is no state alone
_STATE_NAMES = "|".join(name for name in _STATES.values() if name != "DC")
_TOWARDS = ascii_regex(
    r"\b(?:in|from|near|to|of|at|around|outside|through|for|visit|leave|left|St|Ave|[0-9]) (?:[A-Z][\w.'-]* ){0,2}$")
_NO_CITY = frozenset(listed("Yes No Yeah Well Fine Sure Oh Now So Please Thanks Okay Right Hey Come"))
_PLACE_ENDS = ascii_regex(r"[,.;:)]|\s*$| (?!(?:my|our|your|the|a|an|this|that|it|else|not)\b)[a-z]")


@rewriter(r"\b([A-Za-z][\w.'-]*), ([A-Z]{2})\b(?! ?[-&/'])(?: ([0-9]{5}(?:-[0-9]{4})?)\b)?")
def _states(match: re.Match[str]) -> str:
    """Portland, OR 97201; a code that is a word too has to stand in an address, or to look like it."""
    city, code, zip_code = match.groups()
    name = _STATES.get(code)
    if not name:
        return match[0]
    if zip_code:
        return f"{city}, {name} {spell_digits(zip_code)}"
    if code in _DEGREES or not re.match("[A-Z][a-z]", city) or city in _NO_CITY:
        return match[0]
    before, after = match.string[: match.start()], match.string[match.end() :]
    other = code in _OFTEN_ELSE or (code in _WORDS_TOO and not _PLACE_ENDS.match(after))
    return match[0] if other and not _TOWARDS.search(before) else f"{city}, {name}"


@rewriter(rf"\b({_STATE_NAMES}|D\.?C\.?),? ([0-9]{{5}}(?:-[0-9]{{4}})?)(?= *(?:[.,;)]|$|USA\b|U\.S))(?![.,][0-9])")
def _zip_behind_name(match: re.Match[str]) -> str:
    return f"{match[1]} {spell_digits(match[2])}"


# --- streets ---------------------------------------------------------------------------------------------------------
DIRECTIONS = {
    "N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest", "SE": "Southeast",
    "SW": "Southwest",
}
_STREET = r"(?:Street|Avenue|Road|Boulevard|Drive|Lane|Place|Court|Highway|(?:St|Ave|Rd|Blvd|Dr|Ln|Pl|Ct|Hwy)\b\.?)"
_COMPASS = r"\b([NS][EW]|[NSEW])"


@rewriter(rf"{_COMPASS}\.? (?=[0-9]{{1,3}}(?:st|nd|rd|th) (?:[A-Z][a-z]+ )?{_STREET})"
          rf"|(?<=[0-9] ){_COMPASS}\.? (?=(?:[A-Z][a-z]+ ){{1,2}}{_STREET})")
def _directions(match: re.Match[str]) -> str:
    """45 W 34th St, 200 N. Main St."""
    return f"{DIRECTIONS[match[1] or match[2]]} "


@rewriter(rf"({_STREET}),? ([NS][EW])\b")
def _quarters(match: re.Match[str]) -> str:
    return f"{match[1]} {DIRECTIONS[match[2]]}"


ROADS = {"Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard", "Ln": "Lane", "Pkwy": "Parkway"}


@rewriter(rf"\b([A-Z][a-z]+|[0-9]{{1,3}}(?:st|nd|rd|th)) ({'|'.join(ROADS)})(?![\w.])")
def _roads(match: re.Match[str]) -> str:
    """Oak Rd, 5th Ave: without a full stop."""
    return f"{match[1]} {ROADS[match[2]]}"


def read_places(text: str) -> str:
    """States, ZIP codes and directions of streets as words."""
    if re.search("[A-Z]{2}|[0-9]", text):
        text = _zip_behind_name(_states(text))
        text = _roads(_quarters(_directions(text)))
    return text
