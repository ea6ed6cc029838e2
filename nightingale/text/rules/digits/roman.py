"""Roman numerals where the words around them, or their length, show that they are no letters or words.

Chapter IV, Henry VIII, the XIXth century, MCMXCIX, Parts I-III, pp. iv–xii, (ii) by sale.
"""

import re

from nightingale.text.lexicon.names import MONARCHS, NUMBERED
from nightingale.text.lexicon.sentences import OPENERS
from nightingale.text.number_words import cardinal, ordinal, year
from nightingale.text.patterns import apply_rules, regex, rule

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ROMAN = r"(?:X{0,3}(?:IX|IV|V?I{1,3}|V)|X{1,3}|(?:XL|L)X{0,3}(?:IX|IV|V?I{0,3})|C{1,2}L?X{0,3}(?:IX|IV|V?I{1,3}|V))"
_ANY = rf"(?:{_ROMAN}|(?i:[ivx]{{2,6}})|[IVXL])"
_CANONICAL = regex(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ANY_NUMERAL = regex(r"\b[IVXLCDM]{1,15}(?:th|st|nd|rd|eme)?\b", re.IGNORECASE)
_APART = r"(?!\.[A-Za-z]|'(?!s\b))"


def _value(numeral: str) -> int:
    """"XIV" or "xiv" -> 14."""
    values = [_VALUES[letter] for letter in numeral.upper()]
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))


def _words(numerals: str) -> str:
    """All numerals of a text in words; a dash between two is "to"."""
    text = re.sub(r" ?[-–] ?", " to ", numerals)
    return re.sub(r"\b[IVXLCivxlc]+\b", lambda numeral: cardinal(_value(numeral[0])), text)


def _is_canonical(numeral: str) -> bool:
    return _CANONICAL.fullmatch(numeral.upper()) is not None


_JOINT = r"(?: ?[-–] ?|, | and | or | to |, and | & )"


@rule(rf"\b((?:{'|'.join(NUMBERED)})s?(?:[ .] ?|(?<=Mk)))({_ANY}(?:{_JOINT}{_ANY}(?![\w']))*)\b{_APART}", re.IGNORECASE)
def _after_part(match: re.Match[str]) -> str:
    """Chapter IV, part iii, Parts I-III; but "part i", "part Iv" and "Type X." are no numerals."""
    part, numerals = match.groups()
    pieces = re.split(f"({_JOINT})", numerals)
    kept, said = [], pieces[0]
    for i, piece in enumerate(pieces[::2]):
        plain = piece.isupper() or (piece.islower() and len(piece) > 1)
        pronoun = i and piece == "I" and pieces[2 * i - 1] in (" and ", ", ", " to ")
        if not plain or not _is_canonical(piece) or pronoun:
            break
        kept = pieces[: 2 * i + 1]
    if not kept:
        return match[0]
    after = match.string[match.end() :]
    starts = not match.string[: match.start()].strip("\"'( ")
    verb = part.lower().rstrip() in ("type", "step", "mark") and len(said) == 1
    if verb and (starts or not re.match(r",? [a-z]|['-]|\)", after)) and not re.match(" (?:error|diabetes)", after):
        return match[0]
    return f"{part.rstrip(' .')} {_words(''.join(kept))}{''.join(pieces[len(kept):])}"


@rule(rf"\b({'|'.join(MONARCHS)}) ({_ROMAN}|[VX])\b{_APART}")
def _after_monarch(match: re.Match[str]) -> str:
    """Henry VIII"""
    return f"{match[1]} the {ordinal(_value(match[2]))}"


@rule(r"\b([A-Z][a-z]+|GTA) ((?:X{0,3})(?:IX|IV|VI{1,3}|I{2,3})|XX?I{1,3}|XX)\b(?!\.[A-Za-z]|'(?!s\b)|-[A-Za-z])")
def _after_name(match: re.Match[str]) -> str:
    """Rocky II; but in "The IV" these are letters."""
    return match[0] if match[1] in OPENERS and len(match[2]) < 3 else f"{match[1]} {cardinal(_value(match[2]))}"


@rule(r"\b([A-Z][a-z]+ (?:Fantasy|V|Quest|Kombat|Wars|Trek)|GTA|Saturn|Vostok|Apollo|Gemini|Civ|Phase|Cat) ([IVX])\b"
      r"(?![.'-]?\w)")
def _after_series(match: re.Match[str]) -> str:
    """GTA V, Saturn V"""
    return f"{match[1]} {cardinal(_value(match[2]))}"


@rule(r"\b([IVXLC]{1,7})(?:th|st|nd|rd|eme)\b|\b([IVXLC]{1,6})(?= (?:[Cc]entury|[Cc]enturies|[Dd]ynasty)\b)"
      r"|\b([IVXLC]{1,6})(?=,? (?:and|or|to|-|–) [IVXLC]{1,6} (?:[Cc]entury|[Cc]enturies)\b)")
def _ordinals(match: re.Match[str]) -> str:
    """the XIXth century, the XX century"""
    numeral = match[1] or match[2] or match[3]
    return ordinal(_value(numeral)) if _is_canonical(numeral) and numeral not in ("C", "L") else match[0]


@rule(rf"(?<![\w.'-])I, II(?:, (?:{_ROMAN}))*(?:,? (?:and|or) (?!I\b){_ROMAN})?(?![\w.'-]*[A-Za-z])")
def _list(match: re.Match[str]) -> str:
    """I, II, III and IV"""
    return _words(match[0])


@rule(rf"(?<![\w.'-])({_ROMAN}) (and|or|to) ({_ROMAN})\b(?!['.-]?\w)")
def _pair(match: re.Match[str]) -> str:
    """VIII and IX"""
    first, word, last = match.groups()
    if not (_is_canonical(first) and _is_canonical(last)) or _value(first) >= _value(last) or len(first + last) < 4:
        return match[0]
    return f"{cardinal(_value(first))} {word} {cardinal(_value(last))}"


@rule(rf"(?<![\w.'-])({_ROMAN}|[IVX]) ?([-–]) ?({_ROMAN}|[IVX])(?![\w.'-]*[A-Za-z])"
      r"|(?<![\w.'-])([ivx]{1,6})[-–]([ivx]{2,6})(?![\w'-])")
def _range(match: re.Match[str]) -> str:
    """I–IV, iv–xii"""
    first, _, last, *small = match.groups()
    first, last = (first, last) if first else (small[0], small[1])
    if not (_is_canonical(first) and _is_canonical(last)) or _value(first) >= _value(last) or len(first + last) < 3:
        return match[0]
    return f"{cardinal(_value(first))} to {cardinal(_value(last))}"


@rule(r"(?<![\w.'-])(X{0,3}V?I{2,3}|X{1,3}(?:IX|IV|V)|[MDCLXVI]{4,15})\b(?!\.[A-Za-z]|'|-[A-Za-z])")
def _alone(match: re.Match[str]) -> str:
    """Only numerals that cannot be words or initials: those that end in II, and those of four letters or more."""
    numeral = match[1]
    if not _is_canonical(numeral) or numeral in ("MIDI", "XXX"):
        return match[0]
    value = _value(numeral)
    return year(value) if value >= 1000 else cardinal(value)


@rule(r"^([IVX]{2,5})\.(?=\s*$| [A-Z])")
def _heading(match: re.Match[str]) -> str:
    """IV. Discussion"""
    mark = "," if match.string[match.end() :].strip() else "."
    return f"{cardinal(_value(match[1])).capitalize()}{mark}" if _is_canonical(match[1]) else match[0]


# --- numerals and letters in brackets --------------------------------------------------------------------------------
_LABEL_BEFORE = regex(
    r"(?:\b(?:[Cc]lauses?|[Ii]tems?|[Pp]aragraphs?|[Ss]ections?|[Pp]oints?|[Pp]arts?|[Cc]onditions?|[Rr]ules?|[Aa]rticles?|"
    r"[Oo]ptions?|[Ss]teps?|[Ee]quations?|[Ss]ub-?clauses?|[Cc]ases?|[Tt]ypes?|[Pp]hases?|[Ll]ines?|[Ff]igures?)"
    r"|\([a-z0-9]{1,4}\)(?:,| and| or| to|-|–)+) ?$")
_BRACKETED = regex(r"\(([ivx]{1,5}|[a-h]|[1-9][0-9]?)\)(?=([ ,;:.)-]|$))")
_ENUMERATION = regex(r"\((?:ii|2|b)\)|\([ivx]{2,5}\)")
_START_BEFORE = regex(r"(?:^|[,;:.]|[,;] (?:and|or)|\b(?:and|or|either|both|are|is|to|by)) ?$")


def _brackets(text: str) -> str:
    """(i) by contract, (ii) by sale -> one, by contract, two, by sale; clauses (i) and (ii) -> clauses one and two."""
    if not _ENUMERATION.search(text):
        return text

    def replace(match: re.Match[str]) -> str:
        label = match[1]
        before, after = text[max(match.start() - 24, 0) : match.start()], text[match.end() :]
        if label[0] in "ivx" and not (_is_canonical(label) and (len(label) > 1 or _ENUMERATION.search(text))):
            return match[0]
        value = _value(label) if label[0] in "ivx" else int(label) if label.isdigit() else 0
        said = cardinal(value) if value else label.upper()
        if _LABEL_BEFORE.search(before):
            return said
        if not _START_BEFORE.search(before):
            return match[0] if label.isdigit() or (len(label) == 1 and label not in "ivx") else said
        said = said if match.start() else said.capitalize()
        return f"{said}," if re.match(r" \w", after) else said

    return _BRACKETED.sub(replace, re.sub(r"\)[-–]\((?=[ivxa-h0-9]{1,5}\))", ") to (", text))


def read_roman_numerals(text: str) -> str:
    """Chapter IV -> Chapter four, Henry VIII -> Henry the eighth."""
    if "(" in text:
        text = _brackets(text)
    if not _ANY_NUMERAL.search(text):
        return text
    return apply_rules(text, (
        _ordinals, _after_part, _after_monarch, _after_series, _after_name, _list, _pair, _range, _heading, _alone,
    ))
