"""Maths in words: commands of LaTeX, signs, functions."""

from nightingale.text.lexicon import words
from nightingale.text.lexicon.names import GREEK

# Read "is less than" after a term, and "less than" without one.
RELATIONS = {
    "<": "less than", ">": "greater than", "lt": "less than", "gt": "greater than", "leq": "less than or equal to",
    "le": "less than or equal to", "leqslant": "less than or equal to", "geq": "greater than or equal to",
    "ge": "greater than or equal to", "geqslant": "greater than or equal to", "neq": "not equal to",
    "ne": "not equal to", "approx": "about", "simeq": "about", "equiv": "equivalent to", "cong": "congruent to",
    "propto": "proportional to", "ll": "much less than", "gg": "much greater than", "sim": "distributed as",
    "subset": "a subset of", "subseteq": "a subset of", "supset": "a superset of", "supseteq": "a superset of",
    "perp": "perpendicular to", "parallel": "parallel to", "notin": "not in",
}
OPERATORS = {
    "+": "plus", "-": "minus", "*": "times", "/": "over", "=": "equals", ":=": "is defined as", "cdot": "times",
    "times": "times", "ast": "times", "div": "divided by", "pm": "plus or minus", "mp": "minus or plus",
    "circ": "composed with", "otimes": "tensor", "oplus": "plus", "to": "to", "rightarrow": "to", "mapsto": "maps to",
    "longrightarrow": "to", "leftarrow": "from", "implies": "implies", "Rightarrow": "implies",
    "Longrightarrow": "implies", "iff": "if and only if", "Leftrightarrow": "if and only if",
    "leftrightarrow": "to and from", "in": "in", "cup": "union", "cap": "intersection", "setminus": "without",
    "land": "and", "wedge": "and", "lor": "or", "vee": "or", "mid": "given", "bmod": "mod", "pmod": "mod",
    "mod": "mod", "colon": ":", "vert": "given", "choose": "choose",
}
# Read as they are, without what follows.
CONSTANTS = {
    "infty": "infinity", "partial": "partial", "nabla": "nabla", "hbar": "h bar", "ell": "l",
    "emptyset": "the empty set", "varnothing": "the empty set", "forall": "for all", "exists": "there exists",
    "neg": "not", "lnot": "not", "ldots": "dot dot dot", "dots": "dot dot dot", "cdots": "dot dot dot",
    "therefore": "therefore", "because": "because", "prime": "prime", "top": "transpose", "bot": "bottom",
    "aleph": "aleph", "Re": "the real part of", "Im": "the imaginary part of", "degree": "degrees", "star": "star",
    "dagger": "dagger", "triangle": "triangle", "checkmark": "check", "angle": "angle", "LaTeX": "Lah tek",
    "TeX": "Tek",
    **{name: name for name in GREEK.values()}, **{name.capitalize(): name.capitalize() for name in GREEK.values()},
    "mu": "mu", "varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varrho": "rho", "varsigma": "sigma",
}
FUNCTIONS = {
    "sin": "sine", "cos": "cosine", "tan": "tangent", "cot": "cotangent", "sec": "secant", "csc": "cosecant",
    "arcsin": "arc sine", "arccos": "arc cosine", "arctan": "arc tangent", "sinh": "hyperbolic sine",
    "cosh": "hyperbolic cosine", "tanh": "hyperbolic tangent", "log": "log", "ln": "natural log", "lg": "log",
    "exp": "exp", "det": "the determinant of", "dim": "the dimension of", "ker": "the kernel of", "gcd": "G C D",
    "deg": "the degree of", "Pr": "the probability of", "arg": "arg",
}
# With limits: "the sum from i equals one to n of".
LARGE = {
    "sum": "the sum", "prod": "the product", "int": "the integral", "oint": "the contour integral",
    "iint": "the double integral", "iiint": "the triple integral", "bigcup": "the union", "bigcap": "the intersection",
    "lim": "the limit", "max": "the maximum", "min": "the minimum", "sup": "the supremum", "inf": "the infimum",
}
ACCENTS = {
    "hat": "hat", "widehat": "hat", "bar": "bar", "overline": "bar", "tilde": "tilde", "widetilde": "tilde",
    "dot": "dot", "ddot": "double dot",
}
# Their argument is text.
TEXT_COMMANDS = frozenset(words("text textbf textit texttt textrm textsf emph mbox operatorname underline textsc"))
# Their argument is maths in another typeface.
FONTS = frozenset(words("mathrm mathbf mathbb mathcal mathit mathsf mathfrak boldsymbol bm boxed pmb mathtt"))
# Left out with their argument.
SILENT_WITH_ARGUMENT = frozenset(words("cite citep citet ref eqref label begin end hspace vspace tag color pageref"))
# A letter before a bracket is a function: f(x) is "f of x", but n(n+1) is "n times".
FUNCTION_LETTERS = frozenset([*"fghpqEFGHLNOPQTVuv", *words("sigma phi psi zeta Theta Phi Psi Gamma Omega")])
