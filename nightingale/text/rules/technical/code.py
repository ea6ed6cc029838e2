"""Identifiers in program code, names of languages, chemical formulas: snake_case, CamelCase, C++, NaOH."""

import re

from nightingale.text.lexicon.capitals import CAMEL_NAMES
from nightingale.text.patterns import regex, rule

_SNAKE_CASE = regex(r"(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])|\b__?(?=[A-Za-z])|(?<=[A-Za-z0-9])_+\b")
# NaOH, KCl: symbols of common elements, each with a capital
_COMPOUND = regex(
    r"\b(?=[A-Z][A-Za-z]*[a-z][A-Z]|[A-Z]+[a-z]\b)(?!No|Co|NaN\b)(?:Na|Mg|Al|Si|Cl|Ca|Fe|Cu|Zn|Br|Ag|Ba|Pb|Hg|Li|Mn|"
    r"[HCNOFPSKI]){2,}\b")


@rule(r"\b(?!Ma?c[A-Z])(?!O'|D[ei][A-Z]|L[aeo][A-Z])[A-Za-z]*[a-z][A-Z][A-Za-z]*\b|\b[A-Z]{3,}[a-z]{2,}\b")
def _camel_case(match: re.Match[str]) -> str:
    """Divides CamelCase and XMLHttpRequest; leaves McDonald, iPhone, YouTube and PDFs."""
    if match[0] in CAMEL_NAMES:
        return match[0]
    spaced = re.sub(r"(?<!^[a-z])(?<=[a-z])(?=[A-Z][a-z]|[A-Z]{2})", " ", match[0])
    return re.sub(r"(?<=[A-Z]{2})(?=[A-Z][a-z]{2})|(?<=^[A-Z][A-Z])(?=[A-Z][a-z]{2})", " ", spaced)


def read_code(text: str) -> str:
    """snake_case -> snake case, CamelCase -> Camel Case, C++ -> C plus plus, NaOH -> N A O H."""
    text = _COMPOUND.sub(lambda match: " ".join(match[0].upper()), text)
    if "#" in text:
        text = re.sub(r"\b([CFGAD])#(?!\w)", r"\1 sharp", text)
    if "++" in text:
        text = re.sub(r"(?<=\w)\+\+", " plus plus", text)
    if "_" in text:
        text = _SNAKE_CASE.sub(" ", text)
    return _camel_case(text)
