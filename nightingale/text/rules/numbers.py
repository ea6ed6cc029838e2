"""Numbers as words: cardinals, ordinals, years, decimals, fractions, ranges, Roman numerals, letters with digits.

Knows plain numbers; what a number counts (money, hours, days, kilometres) is read by quantities.py before this.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache

from nightingale.text.number_words import cardinal, fraction, ordinal, plural, spell_digits, spell_number, year

SCALES = {
    "k": "thousand", "m": "million", "mm": "million", "mn": "million", "b": "billion", "bn": "billion", "t": "trillion",
    "tn": "trillion",
}
NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{2})*(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_ROMAN = r"(?:X{0,3}(?:IX|IV|V?I{1,3}|V)|X{1,3}|(?:XL|L)X{0,3}(?:IX|IV|V?I{0,3}))"
_MONARCHS = (
    "Alexander|Alfonso|Benedict|Catherine|Charles|Christian|Clement|Constantine|Darius|Edward|Elizabeth|Ferdinand|"
    "Francis|Frederick|George|Gregory|Gustav|Harald|Henry|Innocent|Ivan|James|John|Paul|Juan|Carlos|Julius|Leo|Leopold|"
    "Louis|Margaret|Mary|Mehmed|Napoleon|Nicholas|Otto|Pedro|Peter|Philip|Pius|Ramesses|Richard|Robert|Rudolf|Selim|"
    "Sixtus|Urban|Victor|Wilhelm|William|Xerxes"
)
_NUMBERED = (
    "Act|Appendix|Article|Book|Chapter|Class|Division|Episode|Figure|Grade|Group|Level|Mark|Opus|Page|Part|Phase|"
    "Scene|Season|Section|Stage|Step|Table|Title|Type|Unit|Version|Vol|Volume|World War|Super Bowl"
)


def listed(text: str) -> list[str]:
    """The words of a table that is written as text."""
    return text.split()


def ascii_regex(pattern: str, flags: int = 0) -> re.Pattern[str]:
    r"""A compiled pattern in which \w, \d and \b mean ASCII: folded text has only foreign letters beyond it."""
    return re.compile(pattern, flags | re.ASCII)


def roman(text: str) -> int:
    """"XIV" -> 14."""
    values = [_ROMAN_VALUES[c] for c in text]
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))


_YEAR_WORDS = ascii_regex(
    r"\b(?:in|since|by|from|until|till|of|year|circa|during|before|after|between|early|late|mid|around|summer|spring|"
    r"fall|autumn|winter|class|january|february|march|april|may|june|july|august|september|october|november|december)"
    r"[ ,-]*$", re.IGNORECASE)
_COUNT_WORDS = ascii_regex(
    r"\b(?:about|than|nearly|over|almost|exactly|approximately|only|least|most|times|plus|minus|equals|"
    r"dollars|negative|up to|other|another|total of|page|first|last|next|all)[ -]*$", re.IGNORECASE)
_COUNTED = ascii_regex(r" (?:[a-z]*(?:[^s\W]s|sses|people|men|women|children|feet)|of (?:the|them|these|those))\b")
_NOT_COUNTED = ascii_regex(r" (?:was|is|has|as|this|its|his|does|perhaps|sometimes|always|across|brings|sees)\b")


def _is_year(value: int, before: str, after: str) -> bool:
    """Whether a bare four-digit number is a year (or read like one, as a house number is)."""
    if not 1010 <= value <= 2099 or _COUNT_WORDS.search(before[-20:]):
        return False
    counted = _COUNTED.match(after[:30]) and not _NOT_COUNTED.match(after[:30])
    if _YEAR_WORDS.search(before[-20:]):
        return not (counted and value % 100 == 0)
    return value >= 1100 and not counted


def rewriter(pattern: str, flags: int = 0) -> Callable[[Callable[[re.Match[str]], str]], Callable[[str], str]]:
    """Decorator: a function of a match becomes a function that rewrites a text."""
    regex = cache(lambda: ascii_regex(pattern, flags))  # compiled when it is first needed: most texts need few

    def decorate(replace: Callable[[re.Match[str]], str]) -> Callable[[str], str]:
        return lambda text: regex().sub(replace, text)

    return decorate


def in_turn(text: str, stages: Sequence[Callable[[str], str]]) -> str:
    """A text through one rewriter after the other."""
    for stage in stages:
        text = stage(text)
    return text


@rewriter(rf"\b((?:{_NUMBERED}|Chapters|Parts)[ .]) ?({_ROMAN}|[IVXL])\b(?!\.[A-Za-z]|'(?!s\b))", re.IGNORECASE)
def _roman_sections(match: re.Match[str]) -> str:
    return f"{match[1].rstrip(' .')} {cardinal(roman(match[2].upper()))}" if _plain_roman(match[2]) else match[0]


def _plain_roman(text: str) -> bool:
    return text.isupper() or (text.islower() and len(text) > 1)


@rewriter(rf"\b({_MONARCHS}) ({_ROMAN}|[VX])\b(?!\.[A-Za-z]|'(?!s\b))")
def _roman_monarchs(match: re.Match[str]) -> str:
    return f"{match[1]} the {ordinal(roman(match[2]))}"


@rewriter(r"\b([A-Z][a-z]+) ((?:X{0,3})(?:IX|IV|VI{1,3}|I{2,3})|XX?I{1,3}|XX)\b(?!\.[A-Za-z]|'(?!s\b)|-)")
def _roman_names(match: re.Match[str]) -> str:
    return f"{match[1]} {cardinal(roman(match[2]))}"


@rewriter(r"(?<![\w.'-])(X{0,3}V?I{2,3})\b(?!\.[A-Za-z]|'|-)")
def _roman_alone(match: re.Match[str]) -> str:
    return cardinal(roman(match[1]))


@rewriter(rf"(?<![\w.'-])I, II(?:, (?:{_ROMAN}))*(?:,? (?:and|or) (?!I\b){_ROMAN})?(?![\w.'-]*[A-Za-z])")
def _roman_list(match: re.Match[str]) -> str:
    return re.sub("[IVXL]+", lambda numeral: cardinal(roman(numeral[0])), match[0])


def read_roman(text: str) -> str:
    """Chapter IV, Henry VIII, Rocky II, and I, II, III; alone those with II in them, which can be nothing else."""
    return _roman_alone(_roman_list(_roman_names(_roman_monarchs(_roman_sections(text)))))


@rewriter(r"(?<![\w.])'?([12][0-9]{3}|[2-9]0)'?s\b")
def _decades(match: re.Match[str]) -> str:
    return plural(year(int(match[1])))


@rewriter(r"(?<!\w)'([0-9]{2})\b(?!['%])")
def _short_years(match: re.Match[str]) -> str:
    return ("oh " + cardinal(int(match[1])) if match[1][0] == "0" else cardinal(int(match[1])))


@rewriter(r"\b([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15}) ?(?:st|nd|rd|th)\b", re.IGNORECASE)
def _ordinals(match: re.Match[str]) -> str:
    return ordinal(int(match[1].replace(",", "")))


@rewriter(r"(?<![\w./])(?:([0-9]{1,4})[ -])?([0-9]{1,3})/([0-9]{1,4})(?![\w/]|\.[0-9])")
def _fractions(match: re.Match[str]) -> str:
    whole, top, bottom = match[1], int(match[2]), int(match[3])
    if not whole and match[0] in ("24/7", "4/4", "9/11", "50/50", "20/20"):
        return f"{cardinal(top)} {cardinal(bottom)}"
    if not whole and top == bottom:
        return f"{cardinal(top)} out of {cardinal(bottom)}"
    if whole and not 0 < top < bottom:
        return f"{cardinal(int(whole))} {fraction(top, bottom)}"
    half = f"a {fraction(top, bottom)[4:]}" if whole and top == 1 and bottom in (2, 4) else fraction(top, bottom)
    return f"{cardinal(int(whole))} and {half}" if whole else half


@rewriter(rf"(?<![\w.,/-])({NUMBER})(?: ?– ?|-)({NUMBER})(?!x?[0-9]|[A-WYZa-wyz/-]|[.,][0-9])")
def _ranges(match: re.Match[str]) -> str:
    return f"{match[1]} to {match[2]}"


@rewriter(r"(?<![\w.])([0-9]{4})(?!\w|[.,][0-9])")
def _years(match: re.Match[str]) -> str:
    value = int(match[1])
    before, after = match.string[: match.start()], match.string[match.end() :]
    return year(value) if _is_year(value, before, after) else match[0]


@rewriter(rf"(?<![\w.,)])[-](?={NUMBER})")
def _negatives(match: re.Match[str]) -> str:
    return "minus "


@rewriter(r"(?<![\w.])\.([0-9]+)\b")
def _bare_decimals(match: re.Match[str]) -> str:
    return f" point {spell_digits(match[1])}"


@rewriter(r"(?<![0-9.])(\b[vV])?([0-9]+(?:\.[0-9]+){2,})(?![0-9])")
def _dotted(match: re.Match[str]) -> str:
    """Versions, addresses, section numbers."""
    parts = match[2].split(".")
    address = len(parts) == 4 and not match[1]
    point = " dot " if address else " point "
    spoken = point.join(spell_digits(part) if address else cardinal(int(part[:15])) for part in parts)
    named = match.string[: match.start()].lower().endswith("version ")
    return f"version {spoken}" if match[1] and not named else spoken


@rewriter(r"(?<![\w.])v(?=[0-9]+(?:\.[0-9]+)?\b)")
def _version(match: re.Match[str]) -> str:
    return "version "


@rewriter(r"\b(version|release|Python|Ubuntu|Android|iOS|macOS|Node|Ruby|PHP|Java|Perl) "
          r"([0-9]{1,3})\.([0-9]{1,3})\b(?!\.?[0-9])", re.IGNORECASE)
def _release(match: re.Match[str]) -> str:
    minor = spell_digits(match[3]) if match[3][0] == "0" else cardinal(int(match[3]))
    return f"{match[1]} {cardinal(int(match[2]))} point {minor}"


@rewriter(r"\b([0-9]{1,5})( ?)[xX×]\2([0-9]{1,5})(?:\2[xX×]\2([0-9]{1,5}))?\b( ?equals| ?=)?")
def _by(match: re.Match[str]) -> str:
    first, _, *others, result = match.groups()
    return (" times " if result else " by ").join([first, *(part for part in others if part)]) + (result or "")


@rewriter(r"([A-Za-z])-?([0-9][0-9,.]*[0-9]|[0-9])|([0-9])(?=[A-Za-z])")
def _mixes(match: re.Match[str]) -> str:
    """B2B, MP3, A4, x86, Covid-19: a space between letters and digits."""
    return f"{match[3]} " if match[3] else f"{match[1]} {match[2]}"


@rewriter(r"\b([A-Za-z]+|[Tt]he (?:under|over) )-?([0-9]{1,3})s\b"
          r"|\b([0-9]{1,4}(?:\.[0-9]+)?)x\b(?!-)|\b([0-9]{3,4})([pi])\b|\b([CNS])O2\b|\bWW([12])\b")
def _special_mixes(match: re.Match[str]) -> str:
    """MP3s, 10x, 1080p, CO2, WW2."""
    letters, count, times, lines, scan, gas, war = match.groups()
    if war:
        return f"World War {cardinal(int(war))}"
    if letters:
        return f"{letters.strip()} {plural(cardinal(int(count)))}"
    if times:
        return f"{spell_number(times)} times"
    return f"{year(int(lines))} {scan.upper()}" if lines else f"{gas} O two"


@rewriter(r"\b(Room|Flight|Highway|Route|Suite|Apartment|Boeing|Bus|Area) ([1-9])([0-9]{2})([A-Z])?\b(?![.,]?[0-9])"
          r"|\b([1-9])([0-9]{2})(?= (?:[A-Z][a-z]+ ){1,2}(?:Street|Avenue|Road|Boulevard|Drive|Lane)\b)")
def _pairs(match: re.Match[str]) -> str:
    """Room 101, 123 Main Street: three figures read like a year's four."""
    high, low = match[2] or match[5], match[3] or match[6]
    tail = "hundred" if low == "00" else f"oh {spell_digits(low[1])}" if low[0] == "0" else cardinal(int(low))
    return f"{match[1] + ' ' if match[1] else ''}{spell_digits(high)} {tail}{' ' + match[4] if match[4] else ''}"


@rewriter(NUMBER)
def _rest(match: re.Match[str]) -> str:
    before, after = match.string[max(match.start() - 1, 0) : match.start()], match.string[match.end() : match.end() + 1]
    left = " " if before.isalpha() else ""
    return left + spell_number(match[0]) + (" " if after.isalnum() else "")


@rewriter(r"(?<![\w./])([0-9]{1,3}\.[0-9]{1,2})/([0-9]{1,3}(?:\.[0-9]{1,2})?)\b(?![./]?[0-9])"
          r"|(?<![\w./])(?<![0-9] )([2-9]|[1-9][0-9])/(100?)\b"
          r"(?![./]?[0-9]|[ -](?:of|in|inch|inches|mile|miles|cup)\b)")
def _marks(match: re.Match[str]) -> str:
    """9.5/10, 8/10, 85/100; but 3/10 of it"""
    of, whole = (match[1], match[2]) if match[1] else (match[3], match[4])
    return f"{of} out of {whole}" if float(of) <= float(whole) or match[1] else match[0]


_STAGES = (
    _dotted, _marks, _version, _release, _fractions, _ranges, _by, _decades, _short_years, _ordinals, _pairs, _years,
    _negatives, _bare_decimals, _special_mixes, _mixes, _rest,
)


def read_numbers(text: str) -> str:
    """Every number that is still written in digits, as words."""
    return in_turn(text, _STAGES)
