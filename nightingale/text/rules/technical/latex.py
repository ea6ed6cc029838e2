r"""Maths in LaTeX: $x_1 \leq 24$, \(a^2\), \[...\], and commands without delimiters, such as \frac{3}{4}.

The result has no digits and no signs: no other rule changes it.
"""

import re

from nightingale.text.lexicon import words
from nightingale.text.lexicon.maths import (
    ACCENTS,
    CONSTANTS,
    FONTS,
    FUNCTION_LETTERS,
    FUNCTIONS,
    LARGE,
    OPERATORS,
    RELATIONS,
    SILENT_WITH_ARGUMENT,
    TEXT_COMMANDS,
)
from nightingale.text.number_words import fraction, spell_number
from nightingale.text.patterns import regex

_MAX_DEPTH = 12  # of groups and arguments: deeper ones are left out
_SILENT = regex(rf"\\(?:{'|'.join(SILENT_WITH_ARGUMENT)})\*?(?:\[[^\[\]]{{0,80}}\])?\{{[^{{}}]{{0,80}}\}}")
_TEXT = rf"\\(?:{'|'.join(TEXT_COMMANDS)})\{{[^{{}}]{{0,200}}\}}"
_TOKEN = regex(_TEXT + r"|\\[A-Za-z]+|\\[^A-Za-z]|[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+(?:\.[0-9]+)?|:="
               r"|(?:sin|cos|tan|log|ln|exp|max|min|mod)(?![A-Za-z])|[A-Za-z]{4,}|\S")
_SPACES = frozenset([*words(
    r"\, \; \: \! \quad \qquad \left \right \big \Big \bigg \Bigg \displaystyle \limits \nolimits \bigl \bigr \Bigl "
    r"\Bigr \middle \nonumber \notag \langle \rangle &"), "\\ "])
_SIGNS = regex(r" (?:plus|minus|times|over|equals|or) |^minus |\bis ")


class _Reader:
    """Reads the tokens of a formula from left to right."""

    def __init__(self, source: str) -> None:
        self._tokens = [token for token in _TOKEN.findall(_SILENT.sub(" ", source)) if token not in _SPACES]
        self._next = 0
        self._depth = 0

    def read(self, *ends: str) -> str:
        """Everything up to one of `ends`, which is taken too, or up to the end of the formula."""
        if self._depth >= _MAX_DEPTH:
            return ""
        self._depth += 1
        said: list[str] = []
        while (token := self._peek()) and token not in ends:
            self._next += 1
            self._read_token(token, said)
        self._next += 1
        self._depth -= 1
        return " ".join(part for part in said if part).replace(" ,", ",")

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self, token: str) -> bool:
        """Whether the next token is this one; then it is taken."""
        found = self._peek() == token
        self._next += found
        return found

    def _argument(self) -> str:
        """What a command or a script applies to: a group in braces, or one token."""
        if self._take("{"):
            return self.read("}")
        said: list[str] = []
        token = self._peek()
        self._next += 1
        if self._depth >= _MAX_DEPTH:
            return ""
        self._depth += 1
        if token and token != "}":
            self._read_atom(token, said)
            if token == "-" and self._peek():
                following = self._peek()
                self._next += 1
                self._read_atom(following, said)
        self._depth -= 1
        return " ".join(said)

    def _read_token(self, token: str, said: list[str]) -> None:
        name = token.lstrip("\\") or token
        if name == "sim" and not said:
            said.append("about")
        elif name in RELATIONS:
            said.append(f"is {RELATIONS[name]}" if said else RELATIONS[name])
        elif name in LARGE:
            said.append(self._large(name))
        elif token == "^":
            self._power(said)
        elif token == "_":
            self._subscript(said)
        elif token in ("|", r"\|", r"\Vert", r"\lVert"):
            self._bars(token, said)
        elif token == "(":
            self._brackets(said)
        elif name == "mid":
            said.append("given" if self._depth > 1 else "divides")
        elif name in ("lfloor", "lceil"):
            said.append(f"the {'floor' if name == 'lfloor' else 'ceiling'} of {self.read(chr(92) + 'r' + name[1:])}")
        elif token == "!" and said:
            said.append("factorial")
        elif token == "'" and said:
            said.append("prime")
        else:
            self._read_atom(token, said)

    def _read_atom(self, token: str, said: list[str]) -> None:
        name = token[1:] if token[0] == "\\" else token
        if token == "{":
            said.append(self.read("}"))
        elif token[0] == "\\" and token[-1] == "}" and len(token) > 2:
            said.append(token[token.index("{") + 1 : -1].strip())
        elif token[0].isdigit():
            said.append(spell_number(token.rstrip(",")))
        elif token in (r"\\", ","):
            said.append(",")
        elif token in (r"\%", "%"):
            said.append("percent")
        elif token == r"\{":
            said.append("the set " + self.read(r"\}"))
        elif token in ("[", "]", ")", ".", r"\$", r"\#", "$", "}"):
            pass
        elif name in OPERATORS:
            said.append(OPERATORS[name])
        elif name in FUNCTIONS:
            said.append(self._function(name))
        elif token[0] == "\\" and name.isalpha():
            said.append(self._command(name))
        else:
            said.append(token.replace("\\", ""))

    def _command(self, name: str) -> str:
        if name in ("frac", "dfrac", "tfrac", "cfrac"):
            return self._fraction()
        if name in ("binom", "dbinom"):
            return f"{self._argument()} choose {self._argument()}"
        if name == "sqrt":
            degree = self.read("]") if self._take("[") else "two"
            root = {"two": "square", "three": "cube"}.get(degree, f"{degree}th")
            return f"the {root} root of {_grouped(self._argument())}"
        if name in ACCENTS:
            return f"{self._argument()} {ACCENTS[name]}"
        if name == "vec":
            return f"vector {self._argument()}"
        if name in FONTS:
            return self._argument()
        if name in ("neg", "lnot"):
            return "not"
        return CONSTANTS.get(name, name)

    def _fraction(self) -> str:
        """Three quarters, x over y."""
        start = self._next
        top, bottom = self._argument(), self._argument()
        digits = [token for token in self._tokens[start : self._next] if token not in "{}"]
        if len(digits) == 2 and all(token.isdigit() and len(token) < 6 for token in digits) and digits[1].strip("0"):
            return fraction(int(digits[0]), int(digits[1]))
        return f"{_grouped(top)} over {_grouped(bottom)}"

    def _function(self, name: str) -> str:
        base = f" base {self._argument()} of" if name in ("log", "lg") and self._take("_") else ""
        return FUNCTIONS[name] + base

    def _large(self, name: str) -> str:
        """The sum from i equals one to n of."""
        lower = upper = ""
        while self._peek() in ("_", "^"):
            self._next += 1
            if self._tokens[self._next - 1] == "_":
                lower = self._argument()
            else:
                upper = self._argument()
        if name == "lim":
            return f"the limit as {lower.replace(' to ', ' goes to ')} of" if lower else "the limit of"
        limits = f" from {lower} to {upper}" if upper else f" over {lower}" if lower else ""
        return f"{LARGE[name]}{limits} of"

    def _power(self, said: list[str]) -> None:
        exponent = self._argument()
        if exponent in ("composed with", "degrees"):
            said.append("degrees")
        elif exponent in ("T", "transpose") and said and said[-1][-1:].isupper():
            said.append("transpose")
        elif exponent == "minus one" and said and said[-1][-1:] in "ABCDEFGHJKLMNPQRSTUVWXYZfg)":
            said.append("inverse")
        elif exponent in ("prime", "dagger", "star"):
            said.append(exponent)
        elif exponent in ("times", "plus", "minus"):
            said.append({"times": "star"}.get(exponent, exponent))
        else:
            said.append({"two": "squared", "three": "cubed"}.get(exponent, f"to the power of {exponent}"))

    def _subscript(self, said: list[str]) -> None:
        index = self._argument()
        said.append(f"sub {index}" if _SIGNS.search(index) else index)

    def _bars(self, bar: str, said: list[str]) -> None:
        """|x| is an absolute value, unless the bar has no partner: P(A|B)."""
        if bar not in self._tokens[self._next :]:
            said.append("given")
        else:
            said.append(f"the {'absolute value' if bar == '|' else 'norm'} of {self.read(bar)}")

    def _brackets(self, said: list[str]) -> None:
        """f(x) -> f of x; n(n+1) -> n times (n plus one)."""
        before = self._tokens[self._next - 2] if self._next > 1 else ""
        inner = self.read(")")
        if not inner:
            return
        if said and (said[-1] in FUNCTION_LETTERS or re.match(_TEXT, before)):
            said.append(f"of {inner}")
        elif (len(before) == 1 and before.isalpha()) or before.isdigit():
            said.append(f"times {_grouped(inner)}")
        else:
            said.append(f"({inner})" if self._peek() == "^" and " " in inner else _grouped(inner))


def _grouped(said: str) -> str:
    """In brackets if it has a sign, for the pause."""
    return f"({said})" if _SIGNS.search(said) else said


# --- where formulas are ----------------------------------------------------------------------------------------------
_SPAN = regex(
    r"\$\$(.{1,600}?)\$\$|\\\[(.{1,600}?)\\\]|\\\((.{1,600}?)\\\)"
    r"|(?<![\w$\\])\$(?![\s$])([^$]{0,300}?[^$\s\\])\$(?![\w$])", re.DOTALL)
_MATHS_SIGN = regex(r"\\[A-Za-z{|%]|[\^_=<>+]")
_WORD = regex(r"[A-Za-z]{2,}")
_NO_WORDS = regex(rf"{_TEXT}|\\[A-Za-z]+|[_^]\{{?[A-Za-z]+|\b(?:{'|'.join([*FUNCTIONS, *LARGE])})\b")
_GROUP = r"(?:\[[^\[\]]{0,40}\]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]{0,60}\}){0,60}\}){0,120}\})"
_KNOWN = "|".join(sorted(
    {*RELATIONS, *OPERATORS, *CONSTANTS, *FUNCTIONS, *LARGE, *ACCENTS, *FONTS, *TEXT_COMMANDS, *SILENT_WITH_ARGUMENT,
     "frac", "dfrac", "tfrac", "binom", "sqrt", "vec"} - set("<>+-*/=:"), key=len, reverse=True))
_COMMAND = regex(rf"(?<![A-Za-z:.\\])~?\\(?:{_KNOWN})(?![A-Za-z])(?:{_GROUP}{{1,3}})?(?:[_^](?:{_GROUP}|\w))*")
_DELIMITER = regex(r"\$\$|\\[\[\]]")


def _is_maths(source: str) -> bool:
    """Whether a span between dollar signs is a formula, not a price or the name of a shell variable."""
    num_words = len(_WORD.findall(_NO_WORDS.sub(" ", source)))
    if _MATHS_SIGN.search(source):
        return "\\" in source or num_words < 3
    return not num_words and bool(re.search("[A-Za-z0-9]", source))


_NTH = regex(r"(?<= [a-z]) -?th\b")
_PLAIN = regex(r"(-?[0-9.]+)(?:\s*\\(?:times|cdot)\s*10\^(-?[0-9]|\{-?[0-9]{1,3}\}))?")
_NAMED_BEFORE = regex(r"\b(set|limit|vector|sum|integral|product) $", re.IGNORECASE)
# "for n greater than two", but "if n is greater than two"
_NO_VERB_BEFORE = regex(r"\b(?:with|for|let|exists?|an?y|every|some|each|all|given) $", re.IGNORECASE)


def _span(match: re.Match[str]) -> str:
    source = (match[1] or match[2] or match[3] or match[4]).replace("{,}", ",")
    if not _is_maths(source):
        return match[0]
    if number := _PLAIN.fullmatch(source.strip()):
        return f"{number[1]} × 10^{number[2].strip('{}')}" if number[2] else number[1]  # a unit may follow
    before = match.string[: match.start()]
    said = _Reader(source).read()
    if (noun := _NAMED_BEFORE.search(before)) and (again := re.match(rf"(?:the )?{noun[1].lower()} ", said)):
        said = said[again.end() :]
    if _NO_VERB_BEFORE.search(before):
        said = re.sub(r"^(\w+(?: \w+)?) is (?=[a-z ]+ (?:than|to)\b)", r"\1 ", said)
    return f" {said} "


def _command(match: re.Match[str]) -> str:
    """A command in the middle of a text."""
    return f" {_Reader(match[0].lstrip('~')).read()} "


def read_latex(text: str) -> str:
    r"""It is $\frac{3}{4}$ of it. -> It is three quarters of it."""
    if "$" not in text and "\\" not in text:
        return text
    if _DELIMITER.fullmatch(text.strip()):
        return ""
    text = _NTH.sub("th", _SPAN.sub(_span, text)) if "$" in text or "\\(" in text or "\\[" in text else text
    if "\\" in text:
        source = _DELIMITER.sub(" ", text)
        if _COMMAND.search(source):
            has_words = _WORD.search(_NO_WORDS.sub(" ", source))
            text = _Reader(source).read() if not has_words else _COMMAND.sub(_command, source).replace("\\%", "%")
    return text
