"""Abbreviations and initials: Dr., e.g., U.S.A., J. K., Fig. 3."""

import re

from nightingale.text.full_stops import (
    AMOUNT_BEFORE,
    CITY_BEFORE,
    DEGREE,
    EDITION_BEFORE,
    GENERATIONS,
    LETTER_AFTER,
    NUMBER_AFTER,
    YEAR_AFTER,
    has_abbreviation_case,
    is_initial,
    is_street,
    may_be_abbreviation,
)
from nightingale.text.lexicon.abbreviations import (
    ALSO_WORDS,
    BEFORE_LETTER,
    BEFORE_NO,
    BEFORE_NUMBER,
    BEFORE_WORD,
    BEFORE_YEAR,
    BOOK_ROLES,
    CONNECTIVES,
    COUNTED,
    DOTTED,
    JOURNALS,
    REGIONS,
    SENTENCE_FINAL,
    SIZES,
    STATES_WITH_STOP,
    TITLES,
    TWO_LETTER_ACRONYMS,
    WITHOUT_STOP,
)
from nightingale.text.lexicon.capitals import ACRONYMS
from nightingale.text.lexicon.names import DIRECTIONS
from nightingale.text.lexicon.units import MEASURES, RECIPE_UNITS, STOPPED_UNITS
from nightingale.text.patterns import regex, rule

_CHAPTER_BEFORE = regex(r"\b(?:ch(?:ap)?|chapter|bk|book)\b\.?[^;.]{0,24}$", re.IGNORECASE)
_DIGIT_WORDS = regex(r" (?:(?:zero|one|two|three|four|five|six|seven|eight|nine)\b,? ?){3}")  # codes are read by now
_ONE_BEFORE = regex(r"(?:^|[^0-9] )1 ?$|(?<![0-9] )(?<![0-9])[0-9]+/[0-9]+ ?$")


@rule(rf"(?<![\w.])([A-Za-z](?:\.[A-Za-z])+|{DEGREE}|[A-Za-z]{{1,6}})\.(?![\w.])")
def _with_stop(match: re.Match[str]) -> str:
    """Reads an abbreviation or an initial and removes its full stop; leaves other words as they are."""
    word, lower = match[1], match[1].lower()
    before, after = match.string[: match.start()], match.string[match.end() :]
    if word.isupper() and len(word) > 1 and word.capitalize() in TITLES and re.match(" [A-Z]", after):
        word = word.capitalize()  # MRS. SMITH
    if word in ("St", "Dr") and is_street(before, after.lstrip()):
        return {"St": "Street", "Dr": "Drive"}[word]
    if (reading := _by_context(word, lower, before, after)) is not None:
        return reading
    if word in ("St", "Dr") or (word in TITLES and after.strip()):
        return TITLES[word]
    if lower == "v" and re.match(" [A-Z]", after):
        return "versus"
    if AMOUNT_BEFORE.search(before) and (unit := _unit_with_stop(word, before)):
        return unit
    for table in (DOTTED, CONNECTIVES, SENTENCE_FINAL):
        is_word = lower in ALSO_WORDS and not after.strip()
        if lower in table and not is_word and (table is DOTTED or has_abbreviation_case(word)):
            return _with_case_of(word, table[lower])
    if re.fullmatch(DEGREE, word):
        first, _, last = word.partition(".")
        return f"{' '.join(first)} {last}"  # L L D, M Phil
    if "." in word:
        return _letters(word.replace(".", "").upper(), after)
    return word if is_initial(word) and after.strip() else match[0]


def _by_context(word: str, lower: str, before: str, after: str) -> str | None:
    """Abbreviations whose meaning the words around them decide: p. 5, b. 1950, Boston, Mass., 2nd ed., Gen. Z."""
    if not is_initial(word):
        amount = AMOUNT_BEFORE.search(before) and lower in STOPPED_UNITS and lower != "s"
        if lower in BEFORE_YEAR and YEAR_AFTER.match(after):
            return _with_case_of(word, BEFORE_YEAR[lower])
        if lower in BEFORE_LETTER and LETTER_AFTER.match(after):
            return _with_case_of(word, BEFORE_NUMBER.get(lower) or SENTENCE_FINAL[lower])
        if lower == "est" and AMOUNT_BEFORE.search(before) and re.match(r"[),;]|$", after):
            return "estimate"
        if lower in BEFORE_NO and re.match(r" (?:[Nn]os?\.|#)", after):
            return _with_case_of(word, BEFORE_NO[lower])
        if lower in COUNTED and AMOUNT_BEFORE.search(before) and not NUMBER_AFTER.match(after):
            return COUNTED[lower]
        if lower == "v" and _CHAPTER_BEFORE.search(before):
            return "verse"
        if lower in BEFORE_WORD and not amount and re.match(" [a-z]", after):
            return _with_case_of(word, BEFORE_WORD[lower])
        if lower in BEFORE_NUMBER and not amount and (NUMBER_AFTER.match(after) or _DIGIT_WORDS.match(after)):
            return _with_case_of(word, BEFORE_NUMBER[lower])
    if word == "Gen" and re.match(rf"\s*(?:{'|'.join(GENERATIONS)})\b", after):
        return word
    if word in JOURNALS:
        return JOURNALS[word]
    if word == "inst" and re.search("[0-9](?:st|nd|rd|th) $", before):
        return "instant"
    if word == "Sr" and re.match(" [A-Z]", after) and not re.search(r"[A-Z][a-z]+,? $", before):
        return "Sister"
    if word in STATES_WITH_STOP and CITY_BEFORE.search(before):
        return STATES_WITH_STOP[word]
    if lower in SIZES and AMOUNT_BEFORE.search(before):
        return SIZES[lower]
    return _role(word, lower, before, after) if lower in BOOK_ROLES and has_abbreviation_case(word) else None


def _role(word: str, lower: str, before: str, after: str) -> str | None:
    """ed. by -> edited by, trans. M. Jones -> translated by M. Jones, 2nd ed. -> 2nd edition, (eds.) -> (editors)."""
    verb = BOOK_ROLES[lower]
    if re.match(r" (?:and \w+\. )?by\b", after) or re.match(r" and (?:ed|trans|rev)\. by\b", after):
        return _with_case_of(word, verb)
    if lower == "ed" and EDITION_BEFORE.search(before):
        return _with_case_of(word, "edition")
    if re.match(" ed\\.", after):
        return _with_case_of(word, verb)
    if lower in ("ed", "eds") and re.match(r"[),]|\s*$|\s+\(", after):
        return _with_case_of(word, "editor" if lower == "ed" else "editors")
    starts = not before.strip() or before.rstrip().endswith((",", "(", ";"))
    if starts and lower != "rev" and re.match(" [A-Z]", after):
        return _with_case_of(word, f"{verb} by")
    return None


def _unit_with_stop(word: str, before: str) -> str | None:
    """A unit after its number: "2 pt." -> pints, "5 lb." -> lb, "3 in." -> inches."""
    lower = word.lower()
    if lower in MEASURES and not is_initial(word):
        one, many = RECIPE_UNITS.get(lower, (lower, lower))
        return one if _ONE_BEFORE.search(before) else many
    if word == "in":
        return "inch" if re.search(r"(?:\b1 |-)$", before) else "inches"
    return word if word in STOPPED_UNITS else None


def _letters(letters: str, after: str) -> str:
    """Acronyms together, as in "the USA"; initials before a name apart, as in "J R R Tolkien"."""
    known = letters in TWO_LETTER_ACRONYMS
    initials = re.match(" [A-Z][a-z]", after) and letters not in ACRONYMS
    return letters if known or (len(letters) > 2 and not initials) else " ".join(letters)


def _with_case_of(word: str, reading: str) -> str:
    """The reading, with a capital if the abbreviation has one."""
    return reading[0].upper() + reading[1:] if word.istitle() else reading


@rule(r"\b(Mr|Mrs|Ms|Dr|Prof|vs|etc|PhDs?|[Ww]/o|[Ww]/|c/o|b/c|St|n/a|N/A|km/h|WiFi|[Gg]ov't|[Ii]nt'l|[Nn]at'l|[Aa]ss'n|"
      r"[Cc]ont'd|dept|approx|govt)(?=[ ,;.)]|$)")
def _without_stop(match: re.Match[str]) -> str:
    """Abbreviations that are written without a full stop, as in Britain."""
    word, before, after = match[1], match.string[: match.start()], match.string[match.end() :]
    if word == "St" and is_street(before, after.lstrip()):
        return "Street"
    if word == "St":
        return "Saint" if re.match(" [A-Z][a-z]", after) else word
    if word in TITLES and not re.match(" [A-Z]", after):
        return word
    reading = WITHOUT_STOP.get(word) or TITLES.get(word)
    return reading or _with_case_of(word[:1] + word[1:].replace("'", ""), WITHOUT_STOP[word.lower()])


@rule(r"(?<![\w.])([A-Za-z]{1,6})\.(?=[0-9])")
def _touching_number(match: re.Match[str]) -> str:
    """p.5, Fig.3, Section G.2"""
    if is_initial(match[1]):
        return f"{match[1]} "
    return f"{match[0]} " if match[1].lower() in BEFORE_NUMBER else match[0]


@rule(r"(?<=\b[A-Z]\.[A-Z])\.\.(?!\.)")
def _double_stop(_: re.Match[str]) -> str:
    """17th century B.C.."""
    return "."


@rule(r"(?<=[0-9] )fl\.? ?oz\b\.?")
def _fluid_ounces(_: re.Match[str]) -> str:
    """8 fl. oz.; "fl." alone means "floor"."""
    return "fluid ounces"


@rule(r"\b(Ph\.D|(?:[A-Z]\.)+[A-Z])\.s\b")
def _plural_letters(match: re.Match[str]) -> str:
    """Ph.D.s, M.D.s"""
    letters = match[1].replace(".", "").upper()
    return f"{letters if len(letters) > 2 and letters != 'PHD' else ' '.join(letters)}s"


@rule(r"\b([IVX]{1,4})\.([ivx]{1,4})\.([0-9]{1,3}(?:[-–][0-9]{1,3})?)\b")
def _scene_and_line(match: re.Match[str]) -> str:
    """III.i.56"""
    act, scene, line = match.groups()
    return f"act {act}, scene {scene.upper()}, line{'s' if not line.isdigit() else ''} {line}"


@rule(r"\b(?:([Mm]ax|[Mm]in) )?([Tt]emps?)\b(?=:? -?[0-9])|\b([Mm]ax|[Mm]in) (?=temps?\b|speed\b|height\b|weight\b)")
def _temperature(match: re.Match[str]) -> str:
    """temp 20, max temp 31"""
    limit, temp, alone = match.groups()
    word = (limit or alone or "").lower()
    reading = f"{'maximum' if word == 'max' else 'minimum'} " if word else ""
    if temp:
        reading += "temperatures" if temp.lower() == "temps" else "temperature"
    return reading.capitalize() if match[0][0].isupper() else reading


@rule(rf"\b([NSEW])\. (?=(?:{'|'.join(REGIONS)})\b)")
def _regions(match: re.Match[str]) -> str:
    """N. Korea"""
    return f"{DIRECTIONS[match[1]]} "


@rule(r" ?(§{1,2}) ?(?=\(?[0-9A-Za-z])")
def _sections(match: re.Match[str]) -> str:
    """§ 5, §§ 5-7"""
    return " section " if match[1] == "§" else " sections "


@rule(r"(?<=\w)!(?= [a-z]|'s\b)")
def _mark_of_name(_: re.Match[str]) -> str:
    """Yahoo! is -> Yahoo is. Only marks that end no sentence are left inside one."""
    return ""


# Cheap tests: most sentences have nothing for the rules above.
_INNER_STOP = regex(r"\.[0-9a-zA-Z]")
_STOPPED_WORD = regex(r"([A-Za-z.]{1,12})\.")
_SHORT_FORMS = (
    "Mr", "Ms", "Dr", "Prof", "vs", "etc", "PhD", "/", "St", "WiFi", "dept", "approx", "govt", "v't", "t'l", "s'n",
    "t'd",
)  # fmt: skip


def _has_abbreviation(text: str) -> bool:
    """Whether a full stop may belong to the word before it."""
    return any(may_be_abbreviation(match[1].rpartition("..")[2]) for match in _STOPPED_WORD.finditer(text))


def read_abbreviations(text: str) -> str:
    """Dr. Smith, e.g. the U.S. -> Doctor Smith, for example the US."""
    if "§" in text:
        text = _sections(text)
    if "temp" in text or "Temp" in text or "max " in text or "Max " in text:
        text = _temperature(text)
    if "!" in text:
        text = _mark_of_name(text)
    if _INNER_STOP.search(text):
        text = _plural_letters(_touching_number(_scene_and_line(_double_stop(text))))
    if _has_abbreviation(text):
        text = _with_stop(_regions(_fluid_ounces(text)))
    return _without_stop(text) if any(form in text for form in _SHORT_FORMS) else text
