"""Words that are not read as they are written: abbreviations, initials, code.

Also tells whether the full stop after a word ends a sentence (`period_ends`), as that hangs on the same tables.
"""

import re

from nightingale.text.rules.capitals import ACRONYMS
from nightingale.text.rules.numbers import ascii_regex, listed, rewriter
from nightingale.text.rules.places import ROADS
from nightingale.text.rules.quantities import UNITS
from nightingale.text.rules.references import BOOKS, is_book, read_verses
from nightingale.text.rules.times import MONTH_SHORT, MONTHS

# always followed by what they belong to
_TITLES = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Mx": "Mix", "Messrs": "Messers", "Drs": "Doctors",
    "Mme": "Madame", "Mlle": "Mademoiselle", "Prof": "Professor", "Rev": "Reverend", "Hon": "Honorable", "Fr": "Father",
    "Gen": "General", "Col": "Colonel", "Maj": "Major", "Capt": "Captain", "Cpt": "Captain", "Cmdr": "Commander",
    "Lt": "Lieutenant", "Sgt": "Sergeant", "Cpl": "Corporal", "Pvt": "Private", "Adm": "Admiral", "Gov": "Governor",
    "Sen": "Senator", "Rep": "Representative", "Pres": "President", "Supt": "Superintendent", "Insp": "Inspector",
    "Mt": "Mount", "Ft": "Fort", "St": "Saint", "Ste": "Sainte",
}
_JOINERS = {
    "vs": "versus", "cf": "compare", "viz": "namely", "approx": "approximately", "incl": "including",
    "excl": "excluding", "esp": "especially", "aka": "also known as", "resp": "respectively", "tel": "telephone",
    "ca": "circa", "orig": "originally",
}
_DOTTED = {
    "e.g": "for example", "i.e": "that is", "a.k.a": "also known as", "a.m": "AM", "p.m": "PM", "n.b": "note well",
    "w.r.t": "with respect to", "p.s": "P S", "p.p.s": "P P S",
}
_BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "nr": "number", "fig": "figure", "figs": "figures", "vol": "volume",
    "vols": "volumes", "p": "page", "pp": "pages", "pg": "page", "ch": "chapter", "chap": "chapter", "sec": "section",
    "sect": "section", "eq": "equation", "ver": "version", "rev": "revision", "op": "opus", "c": "circa",
    "exp": "expires", "ext": "extension", "rte": "route", "ste": "suite", "pt": "part", "v": "version",
    "para": "paragraph",
}
# may stand at the end of a sentence
_ENDINGS = {
    "etc": "et cetera", "inc": "Incorporated", "ltd": "Limited", "co": "Company", "corp": "Corporation", "jr": "Junior",
    "sr": "Senior", "bros": "Brothers", "hwy": "Highway",
    "sq": "Square", "apt": "apartment", "dept": "department", "univ": "University",
    "assn": "Association", "al": "al", "misc": "miscellaneous", "max": "maximum", "min": "minimum",
    "est": "established", "govt": "government", "asst": "assistant", "natl": "national", "intl": "international",
    "esq": "Esquire", "mfg": "manufacturing", "rm": "Room", "bldg": "Building", "fl": "Floor", "exp": "experience",
    "ph.d": "PhD", "b.sc": "B S C", "m.sc": "M S C", "encl": "enclosed", "avg": "average", "ibid": "ibid",
    "ie": "that is", "eg": "for example",
} | {short.lower(): name for short, name in ROADS.items()}
_WORDS_TOO = frozenset(["max", "min", "est", "avg"])  # at the end of a sentence these are words or names
# behind a number only: one, many
_KITCHEN = {"c": ("cup", "cups"), "pt": ("pint", "pints"), "pkg": ("package", "packages")}
_SPOONS = frozenset([*_KITCHEN, "tbsp", "tsp", "oz", "qt", "gal", "lb", "lbs"])  # what they measure may have a capital
_DAYS_SHORT = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}
_CALENDAR = frozenset([*MONTHS, *MONTH_SHORT, *_DAYS_SHORT, *_DAYS_SHORT.values(), "Eastern", "Pacific", "Central",
                       "EST", "EDT", "CST", "CDT", "MST", "PST", "PDT", "GMT", "UTC", "BST", "CET", "ET", "PT"])
_OPENERS = frozenset(listed(
    "A After All Although An And Another As At Because Before Both But By Did Do Does Each Every Finally For From He "
    "Her Here His How However I If In Is It Its Just Later Let Many Maybe Meanwhile Most My Next No Not Now On Once "
    "One Or Our People Perhaps Please She Since So Some Soon Still That The Their Then There These They This Those "
    "Though Thus To Today Tomorrow Two Under Until We What When Where Which While Who Why With Yes Yesterday Yet You "
    "Your"
))
_WITH_STOP = frozenset([
    "in", "cu", *BOOKS, *_KITCHEN, "Tbsp", "Tsp", *_TITLES, *_JOINERS, *_BEFORE_NUMBER, *_ENDINGS, *MONTH_SHORT,
    *_DAYS_SHORT, *UNITS,
])
_TWO_LETTERS = frozenset(listed("US UK EU UN DC LA NY TV PC AM PM"))
_CALENDAR_NEXT = ascii_regex(rf",|\s+(?:[0-9&]|[a-z]|(?:{'|'.join([*MONTHS, *MONTH_SHORT])})\b)")
_NUMBER_NEXT = ascii_regex(r"\s*(?:[#(]?[0-9]|[IVX]{2,}\b|[VX]\b)")
_FIRST_WORD = ascii_regex(r"[\"'(\[]*([A-Za-z']+|.)")
_AMOUNT = ascii_regex(r"[0-9][ -]*(?:(?:sq|cu|fl)\.? )?$")
_DOTTED_WORD = ascii_regex(r"[A-Za-z](?:\.[A-Za-z])+")


def may_abbreviate(word: str) -> bool:
    """Whether a full stop behind the word may be that of an abbreviation; false for most words."""
    return len(word) == 1 or "." in word or word in _WITH_STOP or word.lower() in _WITH_STOP


def period_ends(before: str, word: str, after: str) -> bool:
    """Whether the full stop between `word` and white space ends a sentence.

    before: the text up to the word; after: the text from the first letter that follows, empty at the end of all text.
    """
    lower = word.lower()
    match = _FIRST_WORD.match(after)
    following = match[1] if match else ""
    if not following:
        return True
    capital = following[0].isupper()
    if word in ("in", "sq", "cu") and _AMOUNT.search(before):  # inches; square and cubic ones
        return capital and word == "in"
    if is_book(before, word, after):
        return False
    if word in _TITLES:
        return word in ("St", "Dr") and following in _OPENERS and _is_street(before, after)
    if lower in ("etc", "a.m", "p.m"):
        return capital and following not in _CALENDAR
    if (lower in _JOINERS and _is_ending(word)) or lower in _DOTTED:
        return False
    if (lower in _BEFORE_NUMBER and _is_small(word) and _NUMBER_NEXT.match(after)) or (word == "v" and capital):
        return False
    if word in MONTH_SHORT or word in _DAYS_SHORT:
        return capital and following not in _CALENDAR
    if lower in _SPOONS and _is_small(word) and _AMOUNT.search(before):
        return capital and following in _OPENERS
    if word in UNITS and _AMOUNT.search(before):
        return capital
    if lower in _WORDS_TOO:
        return capital
    if (lower in _ENDINGS and _is_ending(word)) or _DOTTED_WORD.fullmatch(word):
        return capital and following in _OPENERS
    if len(word) == 1 and word.isupper():
        return _initial_ends(before, word, following, after)
    return True


def _is_ending(word: str) -> bool:
    """EST is not est., Max and Al are people; but INC and JR are inc. and jr."""
    if word.isupper():
        return word in ("INC", "LTD", "CORP", "JR", "SR", "AVE", "BLVD", "ETC", "VS")
    return word not in ("Max", "Al")


def _is_small(word: str) -> bool:
    """A single letter is an abbreviation (p. 5) only in lower case."""
    return len(word) > 1 or word.islower()


def _initial_ends(before: str, letter: str, following: str, after: str) -> bool:
    """"So did I. Then" and "plan B. The" end, "J. K. Rowling" and "Harry S. Truman" do not."""
    if len(following) == 1 and following != "I" and after[1:2] == ".":
        return False
    if letter in "NSEW" and _NUMBERED_STREET.match(after):
        return False
    if letter == "I" and not re.search(r"\b[A-Z]\.\s*$", before):
        return not (before.strip() == "" and following not in _OPENERS)
    return not following[0].isalpha() or following in _OPENERS


_HOUSE = ascii_regex(r"\b[0-9]+ (?:[NSEW]\.? )?(?:(?:[A-Z][a-z]*|[0-9]+(?:st|nd|rd|th)) ){1,2}$")
_NUMBERED_STREET = ascii_regex(r"[0-9]{1,3}(?:st|nd|rd|th)\b")
_STREET_NAME = ascii_regex(r"(?:[0-9](?:st|nd|rd|th)|\b[A-Z][a-z]+) $")


def _is_street(before: str, after: str) -> bool:
    """Main St. and 5 Oak St., but St. Louis."""
    if _HOUSE.search(before):
        return True
    following = (re.findall(r"^[A-Z]\w*", after) or [""])[0]
    return _STREET_NAME.search(before) is not None and (not following or following in _OPENERS)


_WITH_PERIOD = ascii_regex(r"(?<![\w.])([A-Za-z](?:\.[A-Za-z])+|Ph\.D|[BM]\.Sc|[A-Za-z]{1,6})\.(?![\w.])")


def _expand(match: re.Match[str]) -> str:
    """An abbreviation or an initial, without its full stop; anything else as it was."""
    word, lower = match[1], match[1].lower()
    before, after = match.string[: match.start()], match.string[match.end() :]
    if word == "St" or word == "Dr":
        street = {"St": "Street", "Dr": "Drive"}[word]
        return street if _is_street(before, after.lstrip()) else _TITLES[word]
    if word in _TITLES and after.strip() and not (word == "Ste" and _NUMBER_NEXT.match(after)):
        return _TITLES[word]
    if lower in _BEFORE_NUMBER and _is_small(word) and _NUMBER_NEXT.match(after):
        return _capital_like(word, _BEFORE_NUMBER[lower])
    if lower in _SPOONS and _is_small(word) and _AMOUNT.search(before):
        one = re.search(r"(?:^|[^0-9] )1 ?$|(?<![0-9] )(?<![0-9])[0-9]+/[0-9]+ ?$", before)
        return _KITCHEN[lower][0 if one else 1] if lower in _KITCHEN else lower
    if lower == "v" and after[:1] == " " and after[1:2].isupper():
        return "versus"
    if word in UNITS and _AMOUNT.search(before):
        return word
    if word == "in" and _AMOUNT.search(before):
        return "inch" if re.search(r"(?:\b1 |-)$", before) else "inches"
    for table in (_DOTTED, _JOINERS, _ENDINGS):
        word_too = lower in _WORDS_TOO and not after.strip()
        if lower in table and not word_too and (table is _DOTTED or _is_ending(word)):
            return _capital_like(word, table[lower])
    if word in MONTH_SHORT and re.match(r"\s*[0-9,]|\s*$|\s(?:and|or|to|was|were|is)\b", after):
        return MONTH_SHORT[word]
    if word in _DAYS_SHORT and _CALENDAR_NEXT.match(after):
        return _DAYS_SHORT[word]
    if "." in word:
        letters = word.replace(".", "").upper()
        if re.match(" [A-Z][a-z]", after) and letters not in ACRONYMS and letters not in _TWO_LETTERS:
            return " ".join(letters)  # initials
        return letters if len(letters) > 2 or letters in _TWO_LETTERS else " ".join(letters)
    return word if len(word) == 1 and word.isupper() and after.strip() else match[0]


def _capital_like(word: str, spoken: str) -> str:
    """The spoken form with a capital where the abbreviation began a sentence with one."""
    return spoken[0].upper() + spoken[1:] if word.istitle() else spoken


_BARE = {
    "n/a": "N A", "km/h": "kilometers per hour", "WiFi": "Wi-Fi", "vs": "versus", "etc": "et cetera",
    "PhD": "P H D", "w/o": "without", "w/": "with",
}


_DAY_OR_MONTH = "|".join([*_DAYS_SHORT, *_DAYS_SHORT.values(), *MONTH_SHORT, *MONTHS])


@rewriter(rf"\b({_DAY_OR_MONTH})\.?(?:-| ?– ?|(?<=\.) - )({_DAY_OR_MONTH})\b(?:\.(?=,| [a-z0-9]))?")
def _spans(match: re.Match[str]) -> str:
    """Mon-Fri, May–June."""
    return " to ".join(_DAYS_SHORT.get(name) or MONTH_SHORT.get(name, name) for name in match.groups())


@rewriter(rf"\b({'|'.join(m for m in MONTH_SHORT if m not in ('May', 'Mar'))}|Mar)(?= [0-9]{{1,4}}\b)")
def _months(match: re.Match[str]) -> str:
    return MONTH_SHORT[match[1]]


@rewriter(r"\b(Mr|Mrs|Ms|Dr|Prof|vs|etc|PhD|[Ww]/o|[Ww]/|St|n/a|N/A|km/h|WiFi)(?=[ ,;.)]|$)")
def _bare(match: re.Match[str]) -> str:
    """Abbreviations written without a full stop, as in Britain."""
    word, before, after = match[1], match.string[: match.start()], match.string[match.end() :]
    if word == "St":
        street = _is_street(before, after.lstrip())
        return "Street" if street else "Saint" if re.match(" [A-Z][a-z]", after) else word
    if word in ("Mr", "Mrs", "Ms", "Dr", "Prof") and not re.match(" [A-Z]", after):
        return word
    return _BARE.get(word) or _TITLES.get(word) or _BARE[word.lower()]


@rewriter(rf"(?<![\w.])({'|'.join(_BEFORE_NUMBER)})\.(?=[0-9])", re.IGNORECASE)
def _touching(match: re.Match[str]) -> str:
    """p.5, Fig.3"""
    return f"{match[1]}. " if _is_small(match[1]) else match[0]


@rewriter(r"\b(Ph\.D|(?:[A-Z]\.)+[A-Z])\.s\b|(?<=[0-9] )fl\.? ?oz\b\.?")
def _plural_letters(match: re.Match[str]) -> str:
    """Ph.D.s, M.D.s; fl. oz., whose first part has another meaning alone"""
    if not match[1]:
        return "fluid ounces"
    letters = match[1].replace(".", "").upper()
    return f"{letters if len(letters) > 2 and letters != 'PHD' else ' '.join(letters)}s"


def read_abbreviations(text: str) -> str:
    """Dr., e.g., U.S.A., J. K.: spoken in full or as letters, so that no full stop is left but those that end."""
    text = _spans(read_verses(text) if ":" in text else text)
    if "." in text:
        text = _plural_letters(_touching(text))
        text = _WITH_PERIOD.sub(_expand, text)
    return _months(_bare(text))


# --- code ------------------------------------------------------------------------------------------------------------
@rewriter(r"(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])|\b__?(?=[A-Za-z])|(?<=[A-Za-z0-9])_+\b")
def _snake(match: re.Match[str]) -> str:
    return " "


_CAMEL_NAMES = frozenset(listed(
    "YouTube JavaScript GitHub GitLab LinkedIn PlayStation FaceTime MacBook PowerPoint WordPress TikTok WhatsApp "
    "FedEx PayPal PhD AirPods AirBnB DeepMind ChatGPT BitTorrent TypeScript"
))


@rewriter(r"\b(?!Ma?c[A-Z])(?!O'|D[ei][A-Z]|L[aeo][A-Z])[A-Za-z]*[a-z][A-Z][A-Za-z]*\b|\b[A-Z]{3,}[a-z]{2,}\b")
def _camel(match: re.Match[str]) -> str:
    """CamelCase and XMLHttpRequest come apart; McDonald, iPhone, YouTube and PDFs stay."""
    if match[0] in _CAMEL_NAMES:
        return match[0]
    spaced = re.sub(r"(?<!^[a-z])(?<=[a-z])(?=[A-Z][a-z]|[A-Z]{2})", " ", match[0])
    return re.sub(r"(?<=[A-Z]{2})(?=[A-Z][a-z]{2})|(?<=^[A-Z][A-Z])(?=[A-Z][a-z]{2})", " ", spaced)


# NaOH, KCl: what is made of the symbols of common elements, with a capital for each
_COMPOUND = ascii_regex(
    r"\b(?=[A-Z][A-Za-z]*[a-z][A-Z]|[A-Z]+[a-z]\b)(?!No|Co|NaN\b)(?:Na|Mg|Al|Si|Cl|Ca|Fe|Cu|Zn|Br|Ag|Ba|Pb|Hg|Li|Mn|"
    r"[HCNOFPSKI]){2,}\b")


def read_code(text: str) -> str:
    """snake_case, CamelCase, C++, NaOH."""
    text = _COMPOUND.sub(lambda match: " ".join(match[0].upper()), text)
    text = re.sub(r"\b([CFGAD])#(?!\w)", r"\1 sharp", text)
    text = re.sub(r"(?<=\w)\+\+", " plus plus", text)
    return _camel(_snake(text))
