"""Two numbers with a slash: fractions, steps, ratings, shares: 3/4, step 2/5, 9/10, 80/20."""

import re

from nightingale.text.number_words import cardinal, fraction
from nightingale.text.patterns import apply_rules, regex, rule

_PAIR = r"([0-9]{1,5})/([0-9]{1,5})"
_STEPS = (
    r"(?:step|part|page|pages|slide|task|item|stage|phase|level|round|chapter|episode|tweet|test|tests|file|files|"
    r"image|"
    r"photo|question|lesson|day|week|batch|epoch|job|attempt|retry|try|disc|disk|volume|issue|row|line|section|module|"
    r"unit|block|chunk|layer|worker|node|replica|message|track|song|game|match|set|lap|build|shard|iteration|iter|"
    r"frame|passed)")
_COUNTED_AFTER = (
    r"(?:passed|failed|succeeded|complete|completed|tests?|files?|checks?|jobs|ready|running|done|online|replicas|pods|"
    r"nodes|correct|votes|seats|people|players|respondents|questions|students|patients|users|members|items|tasks|"
    r"games)")


@rule(rf"([\[(]){_PAIR}([\])])")
def _in_brackets(match: re.Match[str]) -> str:
    """[2/5] Building"""
    opening, top, bottom, closing = match.groups()
    if int(top) > int(bottom):
        return match[0]
    return f"{opening}{top} of {bottom}{closing}"


@rule(rf"\b({_STEPS}:? ){_PAIR}(?![\w/%]|[.,][0-9])"
      rf"|(?<![\w./$£€-])(?<![0-9] ){_PAIR}(?= (?:\w+ )?{_COUNTED_AFTER}\b)(?! [0-9])", re.IGNORECASE)
def _of(match: re.Match[str]) -> str:
    """step 2/5, 12/15 passed; but "1/3 done" is a third."""
    word, top, bottom, counted_top, counted_bottom = match.groups()
    if word:
        return f"{word}{top} of {bottom}" if int(top) <= int(bottom) else match[0]
    after = match.string[match.end() :]
    fraction_like = int(counted_bottom) <= 8 and re.match(r" (?:done|complete|completed)\b", after)
    if fraction_like or int(counted_top) > int(counted_bottom) or int(counted_bottom) in (10, 100):
        return match[0]
    return f"{counted_top} of {counted_bottom}"


@rule(r"(?<![\w./$£€])(?<![0-9] )([1-9][05]|5)([/-])([1-9][05]|5)(?![\w/%.-]|,[0-9])")
def _shares(match: re.Match[str]) -> str:
    """the 80/20 rule: two shares of one hundred; with a hyphen a word such as "split" must follow."""
    first, sign, second = int(match[1]), match[2], int(match[3])
    after = match.string[match.end() :]
    named = re.match(r" (?:split|splits|rule|chance|chances|mix|ratio|custody|partnership|shot|blend|"
        r"principle)\b", after)
    if first + second != 100 or (sign == "-" and first != 50 and not named):
        return match[0]
    return f"{cardinal(first)} {cardinal(second)}"


@rule(r"(?<![\w./])20[/-]([0-9]{2,3})(?= (?:vision|eyesight|hindsight)\b)"
      r"|(?<![\w./])([2-9]|12)/([248]|16)(?= (?:time|meter|metre|beat|beats|rhythm|signature|bar|groove)\b)")
def _vision_and_time(match: re.Match[str]) -> str:
    """20/40 vision, 3/4 time"""
    if match[1]:
        return f"twenty {cardinal(int(match[1]))}"
    return f"{cardinal(int(match[2]))} {cardinal(int(match[3]))}"


_RATED_BEFORE = regex(r"\b(?:rate|rated|rating|score|scored|scores|give|gave|got|grade|it a|stars?|"
    r"review):?(?: (?:it|him|"
                      r"her|them|this|that|the \w+))?(?: an?| of| at)? $", re.IGNORECASE)
_RATED_AFTER = regex(r" (?:stars?|rating|ratings|score|points|review|reviews|on (?:Amazon|Yelp|Google|IMDb))\b")
_WHOLE_AFTER = regex(r"[ -](?:of|in|inch|inches|mile|miles|cup)\b")


@rule(r"(?<![\w./])([0-9]{1,3}\.[0-9]{1,2})/([0-9]{1,3}(?:\.[0-9]{1,2})?)\b(?![./]?[0-9])"
      r"|(?<![\w./])(?<![0-9] )([0-9]{1,3})/([0-9]{1,3})\b(?![./]?[0-9])")
def _ratings(match: re.Match[str]) -> str:
    """9.5/10, 85/100, 4/5 stars; but "3/10 of it" is a fraction."""
    points, most, whole_points, whole_most = match.groups()
    if points:
        return f"{points} out of {most}"
    top, bottom = int(whole_points), int(whole_most)
    before, after = match.string[max(match.start() - 24, 0) : match.start()], match.string[match.end() :]
    rated = bottom in (4, 5, 6, 10, 20, 50, 100) and (_RATED_BEFORE.search(before) or _RATED_AFTER.match(after))
    usual = bottom in (10, 100) and top > 1 and not _WHOLE_AFTER.match(after)
    zero = top == 0 < bottom
    return f"{top} out of {bottom}" if top <= bottom and (rated or usual or zero) else match[0]


@rule(r"(?<![\w./])(?:([0-9]{1,4})[ -])?([0-9]{1,3})/([0-9]{1,4})(?:(?:rds?|ths?|nds?)\b)?(?![\w/]|\.[0-9])")
def _fractions(match: re.Match[str]) -> str:
    """3/4, 3 1/2, 2/3rds"""
    whole, top, bottom = match[1], int(match[2]), int(match[3])
    if not whole and match[0] in ("24/7", "4/4", "9/11", "50/50", "20/20"):
        return f"{cardinal(top)} {cardinal(bottom)}"
    if not whole and top == bottom:
        return f"{cardinal(top)} out of {cardinal(bottom)}"
    part = fraction(top, bottom)
    if not whole:
        half = match[0] == "1/2" and re.match(r" (?:price|an? |the |off\b|day\b)", match.string[match.end() :])
        return "half" if half else part
    if not 0 < top < bottom:
        return f"{cardinal(int(whole))} {part}"
    return f"{cardinal(int(whole))} and {'a' + part[3:] if top == 1 and bottom in (2, 4) else part}"


@rule(r"(?<=[0-9])(?<=/[0-9]|[0-9]{2}) ?[-–] ?(?=[0-9]{1,2}/[0-9]|[0-9]{1,3} [0-9]/[0-9])"
      r"|(?<=[0-9]/[0-9])( ?[-–] ?)(?=[0-9])|(?<=[0-9]/[0-9]{2})( ?[-–] ?)(?=[0-9])")
def _dash(_: re.Match[str]) -> str:
    """1/2-3/4 cup"""
    return " to "


@rule(r"(?<![\w./])1/2 to 1/2(?![\w/])")
def _draw(_: re.Match[str]) -> str:
    """It ended ½–½."""
    return "a half to a half"


@rule(r"(?<=[0-9]/[0-9]) [xX×] (?=[0-9])")
def _by(_: re.Match[str]) -> str:
    """8 1/2 x 11"""
    return " by "


@rule(r"(?<=[0-9](?:st|nd|rd|th))/(?=[0-9]{1,3}(?:st|nd|rd|th)\b)")
def _or(_: re.Match[str]) -> str:
    """18th/19th"""
    return " or "


def read_parts(text: str) -> str:
    """step 2/5 -> step 2 of 5, 80/20 -> eighty twenty: pairs that are no fractions, and dashes between fractions."""
    if "/" not in text and "-" not in text:
        return text
    return apply_rules(text, (_in_brackets, _of, _shares, _vision_and_time, _dash, _draw, _by, _or))


def read_fractions(text: str) -> str:
    """3/4 -> three quarters, 9/10 -> nine out of ten."""
    return apply_rules(text, (_ratings, _fractions)) if "/" in text else text
