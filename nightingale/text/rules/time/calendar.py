"""Short names of weekdays and months, and the dates of logs: Tue Dec 1, Mon-Fri, in Mar., 01/Dec/2026:10:13:02.

Most short names are expanded wherever they stand. Those that are also words or names of people need context: a number,
another weekday or month, or a word of time beside them.
"""

import re

from nightingale.text.lexicon.quantities import DAY_SHORT, MONTH_SHORT, MONTHS
from nightingale.text.patterns import regex, rule

_FULL = {**MONTH_SHORT, **DAY_SHORT} | {name: name for name in (*MONTHS, *DAY_SHORT.values())}
_ANY_NAME = "|".join(sorted(_FULL, key=len, reverse=True))
_SHORT = "|".join(sorted({*MONTH_SHORT, *DAY_SHORT} - {"May"}, key=len, reverse=True))
_DAY_NUMBER = r"(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?"
_BEGINNINGS = frozenset(name[:3].lower() for name in _FULL)
_CAPITAL_NAME = regex(rf"\b(?:{_SHORT}|{'|'.join(DAY_SHORT.values())})")
_DIGIT = regex("[0-9]")
_NEED_CONTEXT = frozenset(["Jan", "Mar", "Jun", "Dec", "Sat", "Sun", "Mon", "Wed"])

_SEPARATOR = r"(?: ?[-–/&] ?|,? (?:and|or|to|through|thru|until|till) |, )"
_WORDS_OF_TIME = (
    r"since|until|till|til|during|early|late|mid|last|next|this|every|each|(?:end|start|beginning|middle|rest) of|due|"
    r"ends?|starts?|starting|ending|back in|expires|through|thru|as of")
_MONTH_BEFORE = regex(rf"\b(?:in|{_WORDS_OF_TIME})[ -]$", re.IGNORECASE)
_DAY_BEFORE = regex(
    rf"\b(?:on|by|from|before|after|of|for|it is|it's|today is|tomorrow is|{_WORDS_OF_TIME})[ -]$", re.IGNORECASE)
_NUMBER_BEFORE = regex(rf"(?<![\w.,:/$£€-]){_DAY_NUMBER}(?: of)? ?[-–]?$")
_DAY_AFTER = regex(rf",? (?:the )?{_DAY_NUMBER}\b(?![/:.,]?[0-9]{{3}}|%)|, [A-Z0-9]|:? [0-9]|/[0-9]"
                   r"| (?:morning|afternoon|evening|night|noon|at|from)\b")
_MONTH_AFTER = regex(r",? (?:[0-9]{1,2}(?:st|nd|rd|th)?\b(?!:)|[12][0-9]{3}\b|'[0-9]{2}\b)|-[0-9]{2}(?:[0-9]{2})?\b")
_MONTH_NEXT = regex(rf",? (?:{'|'.join([*MONTHS, *MONTH_SHORT])})\b")
_SURNAME_AFTER = regex(r" [A-Z][a-z]")


# --- several names: Mon-Fri, Jan/Feb ---------------------------------------------------------------------------------
@rule(rf"(?<![\w@./\\'-])(?:{_ANY_NAME})\.?(?:{_SEPARATOR}(?:{_ANY_NAME})\b\.?){{1,6}}(?![\w@/\\'-])"
      rf"|(?<![\w@./\\'-])(?:{_ANY_NAME})(?:[-–/](?:{_ANY_NAME})){{1,6}}(?![\w@/\\'.-])", re.IGNORECASE)
def _several(match: re.Match[str]) -> str:
    """Mon-Fri -> Monday to Friday; Mon-Wed-Fri and Mon/Wed/Fri -> Monday, Wednesday, Friday"""
    text, after = match[0], match.string[match.end() :]
    parts = re.split(rf"({_SEPARATOR})", text)
    names = [part.rstrip(".") for part in parts[::2]]
    tight = all(separator.strip() in ("-", "–", "/") for separator in parts[1::2])
    titles = all(name.istitle() for name in names)
    if not titles and not (tight and all(name.title() in {**MONTH_SHORT, **DAY_SHORT} for name in names)):
        return text
    if not tight and "May" in names[1:] and not re.match(r"\W|$", after):
        return text
    if all(name in (*MONTHS, *DAY_SHORT.values()) for name in names) and " - " in text:
        return text
    dashes = sum(separator.strip() in ("-", "–") for separator in parts[1::2])
    reading = _FULL[names[0].title()]
    for separator, name in zip(parts[1::2], names[1:], strict=True):
        mark = separator.strip()
        joint = separator if mark not in ("-", "–", "/") else " to " if mark != "/" and dashes == 1 else ", "
        reading += joint + _FULL[name.title()]
    return reading + ("." if text.endswith(".") and not after.strip() else "")


# --- one name --------------------------------------------------------------------------------------------------------
@rule(rf"(?<![\w@./\\'])(?<!\w-)({_SHORT})(\.?)(?![\w@\\']|\.\w)"
      rf"|(?<=\b[Mm]id-)({_SHORT})(\.?)\b|(?<=[0-9]-)({_SHORT})()(?=-[0-9])")
def _one(match: re.Match[str]) -> str:
    """Tue Dec 1, 5 Jan, on Tues."""
    name, stop = next((match[i], match[i + 1]) for i in (1, 3, 5) if match[i])
    before, after = match.string[max(match.start() - 20, 0) : match.start()], match.string[match.end() :]
    final = bool(stop) and not after.strip()
    if not _is_calendar(name, bool(stop) and not final, before, after):
        return match[0]
    return _FULL[name] + ("." if final else "")


def _is_calendar(name: str, inner_stop: bool, before: str, after: str) -> bool:
    """Whether the short name is a month or weekday here. inner_stop: whether a full stop follows that ends nothing."""
    is_month = name in MONTH_SHORT
    if (_MONTH_AFTER.match(after) or _NUMBER_BEFORE.search(before)) if is_month else _DAY_AFTER.match(after):
        return True
    if not is_month and _MONTH_NEXT.match(after):
        return True
    if _SURNAME_AFTER.match(after):
        return False
    context = _MONTH_BEFORE if is_month else _DAY_BEFORE
    return inner_stop or name not in _NEED_CONTEXT or context.search(before) is not None


@rule(rf"(?<![\w@./\\'-])({_DAY_NUMBER}[ -])({'|'.join(MONTH_SHORT)}|{'|'.join(MONTHS)})\b(?![\w@/\\'.])"
      rf"|(?<![\w@./\\'-])({'|'.join(MONTH_SHORT)})(?= {_DAY_NUMBER}\b(?![:/%.]|,[0-9]| [a-z]+s\b))", re.IGNORECASE)
def _any_case(match: re.Match[str]) -> str:
    """25 DEC 2024, dec 25"""
    name = match[2] or match[3]
    if name.istitle() or name.lower() == "may":
        return match[0]
    return (match[1] or "") + _FULL[name.title()]


@rule(rf"\b({'|'.join(DAY_SHORT.values())}) (?=(?:{'|'.join(MONTHS)}) [0-9])")
def _day_before_month(match: re.Match[str]) -> str:
    """Tuesday December 1 -> Tuesday, December 1"""
    return f"{match[1]}, "


# --- the dates of logs -----------------------------------------------------------------------------------------------
@rule(rf"(?<![\w./-])(0?[1-9]|[12][0-9]|3[01])/({'|'.join(MONTH_SHORT)})/([12][0-9]{{3}})(?::(?=[0-9]{{2}}:))?")
def _web_server_date(match: re.Match[str]) -> str:
    """01/Dec/2026:10:13:02"""
    return f"{int(match[1])} {MONTH_SHORT[match[2]]} {match[3]}{' ' if match[0].endswith(':') else ''}"


_BEGINNING = regex(
    r"\b(?:J(?:an|u[nl])|Feb|Ma[ry]|A(?:pr|ug)|S(?:ep|at|un)|Oct|Nov|Dec|Mon|T(?:ue|hu)|Wed|Fri)", re.IGNORECASE)


def read_calendar(text: str) -> str:
    """Tue Dec 1 -> Tuesday, December 1; Mon-Fri -> Monday to Friday; 01/Dec/2026 -> 1 December 2026."""
    if not _BEGINNING.search(text):  # most sentences have no date
        return text
    lower = text.lower()
    num_names = sum(lower.count(name) for name in _BEGINNINGS)
    if not num_names:
        return text
    if _DIGIT.search(text):
        text = _any_case(_web_server_date(text))
    if num_names > 1:
        text = _several(text)
    return _day_before_month(_one(text)) if _CAPITAL_NAME.search(text) else text
