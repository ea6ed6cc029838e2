"""Formulas as they are read: 2x + 3 = 7, n-1, (a+b)/2.

A term is a number, a letter, or a number before a letter. What is between terms is arithmetic if the row of them has
a letter and says so: by an equals or a plus sign, or by one of the letters that stand for numbers beside a number.
"""

import re

from nightingale.text.rules.numbers import ascii_regex, rewriter

_POWER = r"(?:\^(?:-?\^?[0-9]+|[A-Za-z]\b))*"
_COUNT = r"[0-9]+(?:\.[0-9]+)?"
_TERM = rf"[(-]*(?:(?:{_COUNT})?[A-Za-z](?![\w'.]*[A-Za-z'])(?![0-9])|{_COUNT}(?![\w.,:%°]*[A-Za-z0-9%°])){_POWER}\)*"
_SIGNS = {"+": "plus", "-": "minus", "*": "times", "/": "over", "=": "equals", "==": "equals"}
_SIGN = ascii_regex(r" ?(==?|[+*/-]) ?(?=[\w(-])")
_LETTER_SIGN = ascii_regex(r"(?<![\w])([0-9.]*[ijknxyz])[)]* ?[/-] ?[0-9]+(?![\w.])|[0-9)] ?/ ?[knxyz]\b|\) ?/ ?[0-9]")


@rewriter(rf"(?<![\w.,$£€/'\"%°-]){_TERM}(?:( ?)(?:==?|[+*/-])\1{_TERM})+(?![\w'/%°]|-[\w])")
def _formula(match: re.Match[str]) -> str:
    text = match[0]
    if not re.search("[A-Za-z]", text) or not (re.search("[+=]", text) or _LETTER_SIGN.search(text)):
        return text
    return _say(text)


def _say(text: str) -> str:
    """Every sign of a formula by its name; a minus before the first term of something is read alike."""
    text = re.sub(r"(^|[=(] ?|[+*/] ?)-(?=[\w(])", r"\1minus ", text)
    text = re.sub(r"(?<![A-Za-z0-9^.])([0-9]+(?:\.[0-9]+)?)(?=[A-Za-z](?![a-z]))", r"\1 ", text)
    return _SIGN.sub(lambda sign: f" {_SIGNS[sign[1]]} ", text)


def read_algebra(text: str) -> str:
    """Formulas with letters in words, but for their powers and numbers."""
    return _formula(text) if re.search("[+=*/-]", text) else text
