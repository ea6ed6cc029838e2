"""Formulas and symbols: 2x + 3 = 7, (a+b)/2, R&D, @, #, arrows, Greek letters, dashes."""

import re

from nightingale.text.lexicon.names import GREEK
from nightingale.text.patterns import regex, rule

# --- formulas --------------------------------------------------------------------------------------------------------
# A term is a number, a letter, or a number before a letter. Terms with signs between them are a formula if one of them
# has a letter, and if there is an equals or a plus sign, or a letter that often stands for a number (n-1, x/2).
_EXPONENT = r"(?:\^(?:-?\^?[0-9]+|[A-Za-z]\b))*"
_FACTOR = r"[0-9]+(?:\.[0-9]+)?"
_TERM = (
    rf"[(-]*(?:(?:{_FACTOR})?[A-Za-z](?![\w'.]*[A-Za-z'])(?![0-9])|{_FACTOR}(?![\w.,:%°]*[A-Za-z0-9%°]))"
    rf"{_EXPONENT}\)*")
_SIGNS = {"+": "plus", "-": "minus", "*": "times", "/": "over", "=": "equals", "==": "equals"}
_SIGN = regex(r" ?(==?|[+*/-]) ?(?=[\w(-])")
_VARIABLE = regex(r"(?<![\w])([0-9.]*[ijknxyz])[)]* ?[/-] ?[0-9]+(?![\w.])|[0-9)] ?/ ?[knxyz]\b|\) ?/ ?[0-9]")


@rule(rf"(?<![\w.,$£€/'\"%°-]){_TERM}(?:( ?)(?:==?|[+*/-])\1{_TERM})+(?![\w'/%°]|-[\w])")
def _formula(match: re.Match[str]) -> str:
    text = match[0]
    if not re.search("[A-Za-z]", text) or not (re.search("[+=]", text) or _VARIABLE.search(text)):
        return text
    text = re.sub(r"(^|[=(] ?|[+*/] ?)-(?=[\w(])", r"\1minus ", text)
    text = re.sub(r"(?<![A-Za-z0-9^.])([0-9]+(?:\.[0-9]+)?)(?=[A-Za-z](?![a-z]))", r"\1 ", text)
    return _SIGN.sub(lambda sign: f" {_SIGNS[sign[1]]} ", text)


def read_formulas(text: str) -> str:
    """2x + 3 = 7 -> 2 x plus 3 equals 7. Leaves numbers and powers to other rules."""
    return _formula(text) if re.search("[+=*/-]", text) else text


# --- symbols ---------------------------------------------------------------------------------------------------------
_GREEK_LETTER = regex("(?<![α-ωΑ-Ωά-ώ])([α-ωΑ-Ω])(?![α-ωΑ-Ωά-ώ])")
_SYMBOLS = [(regex(pattern), reading) for pattern, reading in (
    # Signs between digits, before the words of other symbols come between.
    (r"(?<=[0-9]) ?- ?(?=[0-9.]+ ?=)", " minus "),
    (r"(?<=[0-9]) - (?=[0-9])", " to "),
    (r"(?<=[0-9]) / (?=[0-9])", " divided by "),
    (r"(?<=[0-9)A-Za-z]) ?× ?(?=[0-9(A-Za-z])", " times "),
    (r"(?<=[0-9)]) ?\* ?(?=[0-9(A-Za-z])|(?<=\w) \* (?=\w)", " times "),
    (r"(?<=[\w)]) ?\+ ?(?=[\w(])", " plus "),
    (r"(?<=\w)\+(?!\w)", " plus"),
    (r"(?<!\S)\+(?=[0-9$£€])", "plus "),
    (r"<?[-=]+>|<-+(?=\s)", ", "),
    (r"!==?|<>(?=\s)", " is not equal to "),
    (r"<=", " less than or equal to "),
    (r">=", " greater than or equal to "),
    (r"(?<=[\w)\"'%]) ?[:+*/-]?={1,3} ?(?=[\w(\"'-])", " equals "),
    (r"(?<=[\w)]) ?< ?(?=[0-9(-])|(?<=\w) < (?=\w)|(?<![\w<])<(?=[0-9])", " less than "),
    (r"(?<=[\w)]) ?> ?(?=[0-9(-])|(?<=\w) > (?=\w)|(?<![\w>])>(?=[0-9])", " greater than "),
    (r"~ ?(?=[0-9$£€])", " about "),
    (r"(?<=[0-9])°", " degrees"),
    (r"(?<!\S)%(?!\S)", " percent "),
    # Other symbols.
    (r"\s*&+\s*", " and "),
    (r"\s?@ ?(?=[\w$£€])", " at "),
    (r"(?<!\w)#(?=[A-Za-z])", " hashtag "),
    (r"#(?=\s?[0-9])", " number "),
    (r"\$(?=\s|$)", " dollars "),
    ("£", " pounds "),
    ("€", " euros "),
    ("¥", " yen "),
    ("₹", " rupees "),
    ("µ", " micro "),
    ("•", ", "),
    (r"(?<=\s)\|(?=\s)", ", "),
    (r"(?<=[A-Za-z])/(?=\w)|(?<=[0-9])/(?=[A-Za-z])", " "),
    # Punctuation.
    (r"\[", "("),
    (r"\]", ")"),
    (r"(?<=[A-Za-z])–(?=[A-Za-z])", "-"),
    (r"(?<!\S)--(?=[a-z]+(?:-[a-z]+)*(?:[=\s.,;)\"']|$))", "dash dash "),
    (r"(?<!\S)-(?=[a-z]{1,2}(?![\w']))", "dash "),
    (r"–|-{2,}", " - "),
    (r"\.{4,}", "..."),
    (r"(?<=[A-Za-z0-9_)])\.(?=[a-z_])|(?<=[A-Z0-9_)])\.(?=[A-Z_])", " dot "),
    (r"(?<=[a-z)])\.(?=[A-Z])", ". "),
)]
_ANY_SYMBOL = regex(r"[^\w\s.,;:!?'\"()-]|--|\.{4}|[0-9] - [0-9]|\.(?=[A-Za-z_])|(?<!\S)-[a-z]")


def read_symbols(text: str) -> str:
    """R&D -> R and D, 3 × 4 -> 3 times 4. Greek letters that stand alone are read by name."""
    if not _ANY_SYMBOL.search(text):
        return text
    if not text.isascii():
        text = _GREEK_LETTER.sub(lambda match: f" {GREEK.get(match[1].lower(), match[1])} ", text)
    for pattern, reading in _SYMBOLS:
        text = pattern.sub(reading, text)
    return text
