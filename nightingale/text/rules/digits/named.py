"""Numbers that are names: I-280, US-101 N, 401(k), Form 1040, 737-800, UA1234, ES2022, 3M, 49ers.

Three and four digits of a name are read in two parts, as those of a house number are: "two eighty", "ten forty".
"""

import re

from nightingale.text.lexicon import words
from nightingale.text.lexicon.abbreviations import TWO_LETTER_ACRONYMS
from nightingale.text.lexicon.names import (
    DIRECTIONS,
    NAMED_BY_NUMBER,
    OFTEN_NOT_STATES,
    STATES,
    STATES_LIKE_WORDS,
)
from nightingale.text.lexicon.quantities import CODES_IN_PAIRS
from nightingale.text.number_words import cardinal, in_pairs, plural, spell_digits
from nightingale.text.patterns import apply_rules, regex, rule

_ROADS = r"(?:US|SR|CR|FM|RM|SH|US Route|State Route|County Road|Interstate|I)"
_STATE_ROADS = "|".join(code for code in STATES if code not in STATES_LIKE_WORDS and code not in OFTEN_NOT_STATES)


_DIGIT = regex("[0-9]")
_TRAVEL_BEFORE = regex(r"\b(?:on|onto|take|via|along|off|to|from|and|at|route) $", re.IGNORECASE)
_NO_NAMES = frozenset(words("pre post mid early late since circa ca the under over sub"))


def _letters(text: str) -> str:
    """"UA" -> U A; longer acronyms, and those that the voice says well, stay."""
    return " ".join(text) if len(text) == 2 and text.isupper() and text not in TWO_LETTER_ACRONYMS else text


@rule(rf"\b({_ROADS})[- ]([0-9]{{1,4}})([A-Z])?(?: ([NSEW]|[NS][EW]))?\b"
      r"(?![,.]?[0-9]|-[0-9]|[%(]| (?:[a-z]+s|people|million|billion)\b)"
      rf"|\b({_STATE_ROADS})([- ])([0-9]{{1,3}})(?: ([NSEW]))?\b(?![,.:]?[0-9]|[-/][0-9]|[%(]| (?:[a-z]+s|people)\b)")
def _road(match: re.Match[str]) -> str:
    """I-280, CT 145, US-101 N"""
    road, number, letter, direction, state, gap, state_number, state_direction = match.groups()
    before = match.string[: match.start()]
    if road == "I" and "I-" not in match[0]:
        return match[0]
    if state and gap == " " and not _TRAVEL_BEFORE.search(before):
        return match[0]
    heading = direction or state_direction
    name = _letters(state or road)
    tail = f" {letter}" if letter else ""
    return f"{name} {in_pairs(number or state_number)}{tail}{' ' + DIRECTIONS[heading].lower() if heading else ''}"


@rule(r"(?<![\w.,$£€])([0-9]{1,4})\(([a-rt-z])\)((?:\([0-9A-Za-z]{1,4}\)){0,4})|\b([A-Z][0-9]{1,2})\(M\)")
def _paragraph(match: re.Match[str]) -> str:
    """401(k), 501(c)(3), A1(M)"""
    number, letter, rest, motorway = match.groups()
    if motorway:
        return f"{motorway} M"
    parts = [part.upper() if part.isalpha() and len(part) == 1 else part for part in re.findall(r"\((\w+)\)", rest)]
    return " ".join([in_pairs(number), letter.upper(), *parts])


@rule(rf"\b({'|'.join(NAMED_BY_NUMBER)})([ -])([0-9]{{3,4}})(?:-([0-9]{{1,3}}))?([A-Za-z]{{1,3}})?\b"
      r"(?![.,]?[0-9]|[-/][0-9]|%)")
def _named(match: re.Match[str]) -> str:
    """Form 1040, Boeing 737-800, Flight 1549, RFC 2616, Room 204B"""
    name, _, number, variant, letters = match.groups()
    tail = f" {in_pairs(variant)}" if variant else ""
    return f"{name} {in_pairs(number)}{tail}{' ' + ' '.join(letters.upper()) if letters else ''}"


@rule(r"(?<![\w.,$£€/-])(7[0-8]7)(?:-([1-9][0-9]{0,2})(ER|LR|F|SP)?| (?=MAX\b|Max\b|jet|plane|crash|aircraft))"
      r"|(?<=\b[Aa] )(7[0-8]7)\b(?! [a-z]+s\b|[,.]?[0-9])|(?<=\b[Tt]he )(7[0-8]7)\b(?! [a-z]+s\b|[,.]?[0-9])"
      r"|(?<![\w.,$£€/-])(7[0-8]7)s\b")
def _airliner(match: re.Match[str]) -> str:
    """737-800, a 747, 777-300ER"""
    number, variant, suffix, *others = match.groups()
    if many := others[-1]:
        return f"{cardinal(int(many[0]))} {plural(cardinal(int(many[1:])))}"
    tail = f" {in_pairs(variant)}" if variant else ""
    space = " " if match[0].endswith(" ") else ""
    return f"{in_pairs(number or others[0] or others[1])}{tail}{' ' + ' '.join(suffix) if suffix else ''}{space}"


@rule(r"(?<=\b[Aa] )(10(?:40|9[589]|65))\b(?! [a-z]+s\b)|(?<=\b[Mm]y )(10(?:40|9[589]))\b|(?<=\b[Tt]he )(10(?:40|99))\b"
      r"|\b(10(?:40|9[589]))(?=-(?:[A-Z]{1,4})\b|s\b)"
      r"|\b(529|401|403|457)(?= (?:plan|account)s?\b)")
def _tax_form(match: re.Match[str]) -> str:
    """a 1099, 1099-MISC"""
    return in_pairs(next(group for group in match.groups() if group)) + (" " if match[4] else "")


@rule(r"\b(FY|CY)'?([0-9]{2}|[0-9]{4})\b(?![.,]?[0-9])")
def _fiscal_year(match: re.Match[str]) -> str:
    """FY2025, FY25"""
    return f"{' '.join(match[1])} {in_pairs(match[2])}"


@rule(r"(?<![\w.-])(?!(?:UTC|GMT|[NSEWC]|v|V|x|e|E|No|no|Q|p|pp)-?[0-9]{3,4}\b)([A-Za-z]{1,12})-?([0-9]{3,4})(?:-([0-9]{1,4}))?"
      r"((?!s\b)[A-Za-z]{1,2}|neo|MAX)?(?![\w%°]|[.,:/][0-9]|-[0-9])")
def _letters_and_number(match: re.Match[str]) -> str:
    """UA1234, ES2022, A320neo, Blink-182, SHA-256"""
    letters, number, variant, tail = match.groups()
    after = match.string[match.end() :]
    if (letters.islower() and "-" not in match[0] and len(letters) > 4) or (number[0] == "0" and len(number) == 4):
        return match[0]
    if letters in CODES_IN_PAIRS or letters in ("Rs", "RM", "Rp", "kr"):
        return match[0]
    if letters.lower() in _NO_NAMES:
        return match[0]
    if re.match(r"[-–][A-Za-z0-9]", after) and not re.match("-[A-Z]", after):
        return match[0]
    end = "" if not tail else f" {tail.capitalize() if len(tail) > 2 else ' '.join(tail.upper())}"
    name = letters if letters.islower() or letters.istitle() else _letters(letters)
    return f"{name} {in_pairs(number)}{' ' + in_pairs(variant) if variant else ''}{end}"


@rule(r"\b([A-Z]{2,6})-?([0-9]{5,12})\b(?![.,]?[0-9])|\b(CVE|CAN|CWE|GHSA)-([0-9]{4})-([0-9]{4,7})\b")
def _serial(match: re.Match[str]) -> str:
    """KB5005565, CVE-2021-44228"""
    if match[3]:
        return f"{' '.join(match[3])} {in_pairs(match[4])}, {spell_digits(match[5])}"
    return f"{_letters(match[1])} {spell_digits(match[2])}"


@rule(r"\b([A-Z]{2}|[A-Z][0-9])( )([0-9]{2,4})(?= (?:to|from|departs?|departed|arrives?|arrived|landed|lands|boarding|"
      r"is (?:delayed|cancelled|canceled|boarding|now|on time))\b)|(?<=[Ff]light )([A-Z]{2}) ?([0-9]{1,4})\b")
def _flight(match: re.Match[str]) -> str:
    """LH 456 to Rome, flight BA 12"""
    airline, number = (match[1], match[3]) if match[1] else (match[4], match[5])
    return f"{_letters(airline)} {in_pairs(number)}"


@rule(r"(?<![\w.,$£€-])3M\b(?= (?:makes?|made|is|was|has|had|said|says|sells?|sold|announced|will|and|to|in|at|"
      r"products?|tape|stock|shares|Company|Co|Corp|masks?|plant|factory|adhesives?)\b|'s|[.,;:)]?$|, )")
def _company(_: re.Match[str]) -> str:
    """3M makes tape."""
    return "Three M"


@rule(r"(?<![\w.,$£€-])([1-9][0-9])ers\b|\b(?:(10)-([KQ])|(8)-(K))\b|^(10)-(4)\b(?=,|[.!]?$)|\b802\.11([a-z]{0,2})\b|\bH\.(26[0-9])\b|(?<!\w)'(00)s\b")
def _others(match: re.Match[str]) -> str:
    """49ers, 10-K, 10-4, 802.11ac, H.264, the '00s"""
    team, *filing, wireless, codec, decade = match.groups()
    if decade:
        return "two thousands"
    if team:
        said = cardinal(int(team))
        return said[:-1] + ("iers" if said.endswith("y") else "ers") if said[-1] in "ye" else said + "ers"
    if codec:
        return f"H {in_pairs(codec)}"
    if wireless is not None:
        return f"eight oh two dot eleven {' '.join(wireless.upper())}".rstrip()
    number, letter = (part for part in filing if part)
    return f"{cardinal(int(number))} {letter if letter.isalpha() else cardinal(int(letter))}"


@rule(r"(?<![\w.-])([A-Za-z]+[0-9]{1,2}|[A-Za-z]+-[0-9]{1,4}|[A-Z][A-Za-z]*[0-9]\.[0-9])-(?=[0-9])(?!-)")
def _hyphen_in_name(match: re.Match[str]) -> str:
    """x86-64, DDR4-3200, ISO-8859-1"""
    return f"{match[1]} "


_COUNTS = "one|two|three|four|five|six|seven|eight|nine|ten|all|both|double|triple|rolled|roll|many|more|by|pair of"


@rule(rf"\b((?:{_COUNTS}) )([0-9]{{1,2}})s\b(?:( and | or |, )([0-9])s\b)?"
      r"|(?<![\w.])([0-9])s( and | or )([0-9])s\b(?! (?:ago|later|left))|(?<=\bin the )([1-9]00)s\b")
def _plural(match: re.Match[str]) -> str:
    """two 3s, count by 2s, five 9s of uptime"""
    lead, number, *others = match.groups()
    if not lead:
        first, joint, second, hundred = others[2:]
        numbers = [hundred] if hundred else [first, second]
        return (joint or "").join(plural(cardinal(int(number))) for number in numbers)
    other = f"{others[0]}{plural(cardinal(int(others[1])))}" if others[0] else ""
    return f"{lead}{plural(cardinal(int(number)))}{other}"


def read_named_numbers(text: str) -> str:
    """I-280 -> I two eighty, Form 1040 -> Form ten forty, UA1234 -> U A twelve thirty-four."""
    if not _DIGIT.search(text):
        return text
    return apply_rules(text, (
        _road, _paragraph, _named, _airliner, _tax_form, _fiscal_year, _serial, _flight, _company, _others, _plural,
        _letters_and_number, _hyphen_in_name,
    ))
