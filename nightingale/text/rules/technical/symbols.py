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
_GREEK_LETTER = regex(r"(?<![α-ωΑ-Ωά-ώ])( ?)([α-ωΑ-Ω])(?![α-ωΑ-Ωά-ώ])(?:\^(-?\^?[0-9]+|[A-Za-z]\b))?( ?)")
_OHMS_BEFORE = regex("[0-9] ?[kMGm]?$")


@rule(rf"(?<![\w.,$£€/'\"%°-]){_TERM}(?:( ?)(?:==?|[+*/-])\1{_TERM})+(?![\w'/%°]|-[\w])")
def _formula(match: re.Match[str]) -> str:
    text = match[0]
    if not re.search("[A-Za-z]", text) or not (re.search("[+=]", text) or _VARIABLE.search(text)):
        return text
    text = re.sub(r"(^|[=(] ?|[+*/] ?)-(?=[\w(])", r"\1minus ", text)
    text = re.sub(r"(?<![A-Za-z0-9^.])([0-9]+(?:\.[0-9]+)?)(?=[A-Za-z](?![a-z]))", r"\1 ", text)
    return _SIGN.sub(lambda sign: f" {_SIGNS[sign[1]]} ", text)


@rule(r"(?<![\w(])([A-Za-z]|\([^()]{1,30}\)|[0-9]{1,9})!(?= ?[=+/*·×-]|\))|(?<![\w(])([a-z]|\([^()]{1,30}\))!$")
def _factorial(match: re.Match[str]) -> str:
    """5! = 120; "A!" alone is an exclamation."""
    return f"{match[1] or match[2]} factorial"


_FUNCTIONS = {
    "sin": "sine", "cos": "cosine", "tan": "tangent", "log": "log", "ln": "natural log", "sqrt": "the square root",
}


@rule(rf"(?<![\w.'])(?:([fghpEOP]|theta |omega |sigma |phi )('{{0,2}})|({'|'.join(_FUNCTIONS)})([0-9]{{1,2}})?)"
      r"\(([^()]{1,24})\)(?!\w)")
def _function(match: re.Match[str]) -> str:
    """f(x), f'(x), O(n), sin(x), log2(8)"""
    letter, primes, name, base, argument = match.groups()
    if name:
        return f"{_FUNCTIONS[name]}{' base ' + base if base else ''} of {argument}"
    return f"{letter.strip()}{' prime' * len(primes)} of {argument}"


@rule(r"(?<![\w.])([A-Za-z] ?= ?)([a-z])([a-z])(?=\^| ?[-+*/=]|[.,;]?$)")
def _product(match: re.Match[str]) -> str:
    """F = ma, y = mx + b"""
    is_word = match[2] + match[3] in ("on", "no", "ok", "or", "an", "in", "it", "is", "us")
    return match[0] if is_word else f"{match[1]}{match[2]} {match[3]}"


@rule(r"\bd([a-z]) ?/ ?d([a-z])\b|(?<=partial )([a-z]) ?/ ?(?=partial )")
def _derivative(match: re.Match[str]) -> str:
    """dy/dx, ∂f/∂x"""
    return f"{match[3]} over " if match[3] else f"d {match[1]} over d {match[2]}"


@rule(r"(?<![0-9] )(?<![0-9])\b([0-9]{1,4})/([0-9]{1,4}) ?= ?(?=[0-9])")
def _quotient(match: re.Match[str]) -> str:
    """10/2=5; but 1/4 = 0.25 is a fraction"""
    return match[0] if int(match[1]) < int(match[2]) else f"{match[1]} divided by {match[2]} equals "


def _greek(match: re.Match[str]) -> str:
    """A letter that stands alone. μ is the same character as the prefix of µm."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    if match[2] == "Ω" and _OHMS_BEFORE.search(before):
        return match[0]
    name = GREEK.get(match[2].lower(), match[2])
    lead = match[1] or ("" if not before else " ")
    if match[3]:
        exponent = match[3].replace("^", "")
        name += {"2": " squared", "3": " cubed"}.get(exponent, f" to the power of {exponent}")
    return f"{lead}{name}{match[4] or ('' if after[:1] in '-,.;:!?)' else ' ')}"


@rule(r"(?<![\w.])µ(?![A-Za-z])")
def _mu(_: re.Match[str]) -> str:
    return "mu"


_FACTORS = regex(r"(?<=[0-9)]) ?· ?(?=[0-9(])|(?<=[0-9)])·(?=[a-z])|(?<![0-9] \w)(?<!\w\w)(?<=[A-Za-z])·(?=[A-Za-z]\b)")


def _middle_dots(text: str) -> str:
    """3·10^8, a·b; between words it separates, between units it is not read."""
    return _FACTORS.sub(" times ", text).replace(" · ", ", ").replace("·", " ")


def read_formulas(text: str) -> str:
    """2x + 3 = 7 -> 2 x plus 3 equals 7. Leaves numbers and powers to other rules."""
    if not text.isascii():
        text = _mu(_GREEK_LETTER.sub(_greek, text))
        text = _middle_dots(text)
    if "!" in text:
        text = _factorial(text)
    if "(" in text:
        text = _function(text)
    return _formula(_quotient(_derivative(_product(text)))) if re.search("[+=*/-]", text) else text


# --- symbols ---------------------------------------------------------------------------------------------------------
_SYMBOLS = [(regex(pattern), reading) for pattern, reading in (
    # Signs between digits, before the words of other symbols come between.
    (r"(?<=[0-9]) ?- ?(?=[0-9.]+ ?=)", " minus "),
    (r"(?<=[0-9]) - (?=[0-9])", " to "),
    (r"(?<=[0-9]) / (?=[0-9])", " divided by "),
    (r"(?<=[0-9)A-Za-z]) ?× ?(?=[0-9(A-Za-z])|(?<=[0-9]) ?✗ ?(?=[0-9])", " times "),
    (r"(?<=[0-9)]) ?\* ?(?=[0-9(A-Za-z])|(?<=\w) \* (?=\w)|(?<![\w*])(?<=[a-z])\*(?=[a-z]\b)", " times "),
    (r"(?<=[\w)]) ?\+ ?(?=[\w(])", " plus "),
    (r"(?<=\w)\+(?!\w)", " plus"),
    (r"(?<![^\s(\[])\+(?=[0-9$£€])", "plus "),
    (r"(?<=[A-Za-z])\^-(?!\w)", " minus"),
    (r"(?:^|(?<=\()) ?(?:<?[-=]+>|→)", ""),
    (r"(?<=[\w)\]]) ?<[-=]+> ?(?=\w)", " to and from "),
    (r"(?<=[a-z0-9_)\]])[-=]>(?=[a-z_])|(?<=\)) [-=]> (?=[\w(])|(?<=\b[a-z]) => (?=\w)", " arrow "),
    (r"(?<=[\w)\]\"']) -+> (?=[\w(\"'])|(?<=\w) ?→ ?(?=[\w(\"'])", " to "),
    (r"<?[-=]+>|<-+(?=\s)|→", ", "),
    (r"(?<=[\w)\"'%]) ?\+= ?", " plus equals "),
    (r"(?<=[\w)\"'%]) ?-= ?", " minus equals "),
    (r"(?<=[\w)\"'%]) ?\*= ?", " times equals "),
    (r"(?<=[\w)\"'%]) ?/= ?", " divided by equals "),
    (r"(?<=[\w)\"'%]) ?:?={1,3} ?(?=\S)", " equals "),
    (r"(?<=\w)~(?=\w)", " tilde "),
    (r"~(?=\w)", " tilde "),
    (r"(?<=[0-9])°", " degrees"),
    (r"(?<!\S)%(?!\S)", " percent "),
    # Other symbols.
    (r"(?<=\w)\|\|(?=\w)| \|\| ", " or "),
    (r"(?<=[\s(=,])&(?=[A-Za-z_])", " ampersand "),
    (r"\s*&+\s*", " and "),
    (r"\s?@ ?(?=[\w$£€])", " at "),
    (r"(?<!\w)#(?=[A-Z]{1,4}[0-9-])", " number "),
    (r"(?<!\w)#(?=[A-Za-z])", " hashtag "),
    (r"#(?=\s?[0-9])", " number "),
    (r"(?<![\"'(])\$(?=[A-Za-z_{])", " dollar "),
    (r"\$(?=[A-Za-z_{])", "dollar "),
    (r"(?<=[0-9])\s?\$(?=\s|$)", " dollars "),
    (r"\$(?=\s|$)", " dollar "),
    ("£", " pounds "),
    ("€", " euros "),
    ("¥", " yen "),
    ("₹", " rupees "),
    ("µ", " micro "),
    (r"✗ ?(?=\w)", " cross mark, "),
    (r"✓ ?(?=\w)", " check mark, "),
    ("✗", " cross mark "),
    ("✓", " check mark "),
    ("•", ", "),
    (r"(?<=\s)\|(?=\s)", ", "),
    (r"(?<=[A-Za-z])/(?=\w)|(?<=[0-9])/(?=[A-Za-z])", " "),
    (r"\\(?=[A-Za-z])", " backslash "),
    (r"(?<!\w)%(?=[sdfxiu]\b)", " percent "),
    # Punctuation.
    (r"\[", "("),
    (r"\]", ")"),
    (r"(?<=[A-Za-z])–(?=[A-Za-z])", "-"),
    (r"(?<![^\s(\"'`=,/|])--(?=[A-Za-z][a-z]*(?:-[a-z]+)*(?:[=\s.,;)\"'/]|$))", "dash dash "),
    (r"(?<![^\s(\"'`=,/|])-(?=[a-zA-Z]{1,2}[0-9]?(?![\w'-]))", "dash "),
    (r"–|-{2,}", " - "),
    (r"\.{4,}", "..."),
    (r"(?<=[A-Za-z0-9_)])\.(?=[a-z_])|(?<=[A-Z0-9_)])\.(?=[A-Z_])", " dot "),
    (r"(?<=[a-z)])\.(?=[A-Z])", ". "),
)]
_ANY_SYMBOL = regex(r"[^\w\s.,;:!?'\"()-]|--|\.{4}|[0-9] - [0-9]|\.(?=[A-Za-z_])|(?<![\w-])-[A-Za-z]")


def read_symbols(text: str) -> str:
    """R&D -> R and D, 3 × 4 -> 3 times 4. Greek letters that stand alone are read by name."""
    if not _ANY_SYMBOL.search(text):
        return text
    if not text.isascii():
        text = _GREEK_LETTER.sub(_greek, text)
    for pattern, reading in _SYMBOLS:
        text = pattern.sub(reading, text)
    return text
