"""Signs that compare: x < 3, > 5 people, <$5, ~50, x ≈ 3.14; placeholders such as <file>; menus such as File > Save."""

import re

from nightingale.text.lexicon import words
from nightingale.text.patterns import regex, rule

_NAMES = {
    "<": "less than", ">": "greater than", "<=": "less than or equal to", ">=": "greater than or equal to",
    "≈": "about", "!=": "not equal to", "!==": "not equal to", "<>": "not equal to",
    "~=": "compatible with",
}
# Before a sign these begin a quantity: "it takes > 5 minutes"; other words are compared: "usage > 90%".
_BEFORE_QUANTITY = frozenset(words(
    "a about after all already always and any are as at be been before between but by contains cost costs did do does "
    "during each every exceeds for from gets gives go got had has have he i if in includes into is it just last lasts "
    "least like me need needs nearly never not now of on only or over pay pays per reached reaches run runs save saves "
    "see sees she show shows so some spend spent still take takes than that the them then these they this those "
    "through to too took under until up us use uses usually was wait waited waits we weigh weighs were when which "
    "while with within without works you"
)) - {"it", "that", "this", "i", "he", "she", "they", "we", "you", "them", "me", "us", "a", "if", "when", "which"}
_OPERAND = r"[-+~±]?[\w$£€¥₹(.\"'`α-ωΑ-Ω]"
_CAPITALIZED = regex(r"[A-Z][a-z]")


@rule(r"<(/?)([A-Za-z_][^<>\n]{0,60})>")
def _placeholder(match: re.Match[str]) -> str:
    """<file>, <name>Bob</name>; but "a <b and c> d" has two comparisons."""
    if re.search(r"[=+*]| (?:and|or) ", match[2]):
        return match[0]
    return " " if match[1] else f" {match[2].rstrip('/').replace('|', ' or ')} "


@rule(r"(?<!\w)([A-Z][\w']*(?: [A-Z][\w']*){0,3})((?: > [A-Z][\w']*(?: [A-Za-z][\w']*){0,3}){1,8})")
def _menu(match: re.Match[str]) -> str:
    """Settings > Display > Brightness. Single letters are compared."""
    if len(match[1]) == 1 or not _CAPITALIZED.match(match[1]):
        return match[0]
    return match[0].replace(" > ", ", ")


@rule(rf"(?<![<>=!-])( ?)(<=|>=|!==?|~=|<>(?= )|[<>≈])( ?)(?={_OPERAND})(?!\w>)")
def _comparison(match: re.Match[str]) -> str:
    gap, sign, gap_after = match.groups()
    name, before = _NAMES[sign], match.string[: match.start()]
    last = re.search(r"[\w.]+$", before)
    quantity = not before.rstrip() or before.rstrip()[-1:] in "([,;:-\"'"
    if last:
        word = last[0].lower()
        touches_right = bool(gap) and not gap_after and len(word) > 1 and not word[-1].isdigit()
        quantity = touches_right or (bool(gap) and word in _BEFORE_QUANTITY)
    if last and last[0].lower() == "than":
        return " "  # more than >5
    if quantity:
        return f" {'more than' if sign == '>' else name} "
    version = not gap and last is not None and len(last[0]) > 2 and sign != "!="
    return f" {name} " if version else f" is {name} "


@rule(r"(?<![\w~/.])~ ?(?=[$£€¥₹]?\.?[0-9])")
def _about(_: re.Match[str]) -> str:
    return "about "


_MANY = {
    "10": "tens", "100": "hundreds", "1000": "thousands", "10000": "tens of thousands",
    "100000": "hundreds of thousands", "1000000": "millions",
}


@rule(r"(?<![\w.,])(1(?:,?0){1,6})s (?=of\b)")
def _many(match: re.Match[str]) -> str:
    """100s of people"""
    return f"{_MANY[match[1].replace(',', '')]} "


def read_comparisons(text: str) -> str:
    """if x < 3 -> if x is less than 3; it takes > 5 minutes -> it takes more than 5 minutes."""
    if "~" in text:
        text = _about(text)
    if "0s " in text:
        text = _many(text)
    if "<" in text or ">" in text or "≈" in text or "!=" in text or "~=" in text:
        text = _comparison(_menu(_placeholder(text)) if ">" in text else text)
    return text
