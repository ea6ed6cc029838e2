"""Amounts of money, and millions of things: $4.50, 27,50 €, US$5, CHF 20, Rs. 500, $10K-$50K, EUR/USD, 1.1M people."""

import re

from nightingale.text.lexicon.quantities import (
    CODES_IN_PAIRS,
    CURRENCIES,
    CURRENCY_SIGNS,
    DOLLARS,
    DOUBTFUL_CODES,
    HUNDREDTHS,
    SCALES,
)
from nightingale.text.number_words import cardinal, spell_number
from nightingale.text.patterns import NUMBER, apply_rules, is_adjective, regex, rule

_CHARS = f"[{CURRENCY_SIGNS}]"
_AMOUNT = (
    r"(?:[0-9]{1,3}(?:,[0-9]{2,3}){0,4},[0-9]{3}(?:\.[0-9]+)?(?![0-9])"  # 1,234.50 and 1,00,000
    r"|[0-9]{1,3}(?:\.[0-9]{3}){1,5}(?:,[0-9]{1,2})?(?![0-9])"  # 1.234,50
    r"|[0-9]{1,3}(?:'[0-9]{3}){1,5}(?:[.,][0-9]{1,2})?(?![0-9])"  # 1'234.50
    r"|[0-9]+(?:[.,][0-9]+)?)")
_SPACED_AMOUNT = rf"(?:[0-9]{{1,3}}(?: [0-9]{{3}}){{1,4}}(?:,[0-9]{{1,2}})?(?![0-9])|{_AMOUNT})"
_SCALE = (
    r"(?: ?(k|K|mm|MM|mn|mil|mio|Mio|m|M|bn|BN|bil|b|B|mrd|Mrd|tn|trn|T|cr|lac)\b\.?(?=\W|$)"
    r"|[ -](hundred|thousand|million|billion|trillion|lakh|crore)s?\b)?")
_WORDS_AFTER = r"(?: (?:US )?dollars?| pounds?| euros?| rupees?| USD| EUR| GBP| INR|/-|p\b)?"
_WORD_SIGNS = r"Rs\.?|Rp\.?|RM|SFr\.?|kr\.?|S/\.?"
_SIGN = rf"(?:US ?\$|(?:{'|'.join(DOLLARS)}|R)\$|\$(?:US|CA|AU|NZ) ?|CN¥|{_CHARS})"
_SIGN_AFTER = rf"(?:(?:US|CA|AU|NZ|HK)\$|{_CHARS}|(?:kr|Kc|zl|Ft|Rs)\b\.?)"


# --- names of currencies ---------------------------------------------------------------------------------------------
def _currency(sign: str) -> tuple[str, str] | None:
    """"$" or "CHF" -> ("Swiss franc", "Swiss francs"); None if it is no currency."""
    sign = sign.replace(" ", "").rstrip(".")
    if sign.startswith("$") and len(sign) > 1:
        sign = sign[1:] + "$"
    if sign in CURRENCIES:
        return CURRENCIES[sign]
    from nightingale.text.lexicon.cldr import CURRENCIES as NAMES
    from nightingale.text.lexicon.cldr import CURRENCY_SIGNS as CODES

    code = CODES.get(sign) or DOLLARS.get(sign.rstrip("$"), sign)
    one, _, many = NAMES.get(code, "").partition("|")
    if sign in CODES:  # "five won", not "five South Korean won"
        one, many = one.rpartition(" ")[2], many.rpartition(" ")[2]
    return (one, many or one + "s") if one else None


def _plain_amount(amount: str, sign: str, after: str) -> str:
    """The amount with a point before its decimals. "123.500 €" is thousands; "$3.459" and "1.459 €/l" are not."""
    amount = amount.replace(" ", "").replace("'", "")
    if re.fullmatch(r"[0-9.]+,[0-9]{1,2}", amount):
        return amount.replace(".", "").replace(",", ".")
    groups = re.fullmatch(r"[1-9][0-9]{0,2}((?:\.[0-9]{3})+)", amount)
    decimal = sign[-1:] in "$£¥₹" or sign in ("USD", "GBP", "BTC", "ETH", "₿") or re.match(r" ?(?:/|per\b)", after)
    return amount.replace(".", "") if groups and (len(groups[1]) > 4 or not decimal) else amount


def _read_amount(names: tuple[str, str], amount: str, scale: str) -> str:
    """4.50 -> four dollars and fifty cents."""
    one, many = names
    whole, _, part = amount.partition(".")
    hundredth = HUNDREDTHS.get(one.rpartition(" ")[2])
    if not scale and part and not part.strip("0") and len(part) == 2:
        part = ""
    elif scale or (part and (len(part) != 2 or not hundredth)):
        return f"{spell_number(amount)}{' ' + scale if scale else ''} {many}"
    units, hundredths = int(whole.replace(",", "")[:15]), int(part or 0)
    small = f"{cardinal(hundredths)} {hundredth[hundredths != 1]}" if hundredth and hundredths else ""
    if small and not units:
        return small
    large = f"{spell_number(whole)} {one if units == 1 else many}"
    return f"{large} and {small}" if small else large


# --- one amount, or two with a dash between them ---------------------------------------------------------------------
_NOUN_AFTER = regex(
    r" (?!(?:in|to|of|for|from|was|is|were|are|had|has|have|he|she|they|we|you|it|on|at|by|and|or|per|each|a|an|the|"
    r"that|which|more|less|as|with|will|would|if|when|but|than|into|owed|paid|spent|back|so|not|can|could|worth|goes|went)\b)"
    r"[a-z]+")
_DETERMINER_BEFORE = regex(r"\b(?:the|this|that|his|her|my|our|their|your|its|any|another|one|no|'s) $", re.IGNORECASE)


def _describes(match: re.Match[str]) -> bool:
    """Whether the amount describes a noun: a $5 bill, the $2 million deal."""
    before = match.string[max(match.start() - 12, 0) : match.start()]
    return is_adjective(match) or (
        _DETERMINER_BEFORE.search(before) is not None and _NOUN_AFTER.match(match.string, match.end()) is not None)


def _read_match(match: re.Match[str], sign: str, amount: str, scale: str, upper: tuple[str, str] | None = None) -> str:
    """The amount in words. upper: amount and scale of the other end of a range."""
    names = _currency(sign)
    if names is None:
        return match[0]
    after = match.string[match.end() :]
    amount = _plain_amount(amount, sign, after)
    if _describes(match):
        names = names[0], names[0]
    if upper is None:
        return _read_amount(names, amount, scale)
    upper_amount = _plain_amount(upper[0], sign, after)
    if scale == upper[1] and scale != "thousand":
        scale = ""
    reading = _read_amount(names, upper_amount, upper[1])
    cents = not scale and re.search(r"\.[0-9]{2}$", amount)
    lower = _read_amount(names, amount, "") if cents else spell_number(amount) + (f" {scale}" if scale else "")
    return f"{lower} to {reading}"


def _scale(letter: str | None, word: str | None) -> str:
    return word or SCALES.get((letter or "").lower(), "")


_MINUS = r"(?<![\w.,$£€¥₹])(-)?"
_DASH = rf"(?: ?[-–] ?{_CHARS}?({_AMOUNT}){_SCALE})?"


@rule(rf"{_MINUS}({_SIGN}) ?(-?)({_AMOUNT}){_SCALE}{_DASH}{_WORDS_AFTER}(?: (AUD|CAD|NZD|HKD|SGD|MXN)\b)?(?![\w$£€])")
def _sign_before_amount(match: re.Match[str]) -> str:
    """$4.50, -$5, $20-30, $10K-$50K, $5 CAD"""
    minus, sign, inner_minus, amount, letter, word, upper, upper_letter, upper_word, code = match.groups()
    other = (upper, _scale(upper_letter, upper_word)) if upper else None
    reading = _read_match(match, code or sign, amount, _scale(letter, word), other)
    return f"minus {reading}" if minus or inner_minus else reading


@rule(rf"(?<![\w.,$£€¥₹])({_WORD_SIGNS}|[A-Z]{{3}})( ?)(-?{_AMOUNT}){_SCALE}{_DASH}{_WORDS_AFTER}(?![\w$£€])")
def _code_before_amount(match: re.Match[str]) -> str:
    """CHF 20, Rs. 500, EUR 1.2m"""
    code, gap, amount, letter, word, upper, upper_letter, upper_word = match.groups()
    minus, scale = amount[0] == "-", _scale(letter, word)
    amount = amount.lstrip("-")
    if not _is_currency_code(code, amount, scale) or (not gap and code not in CODES_IN_PAIRS and code.isupper()):
        return match[0]
    if not gap and code.isupper() and len(amount) == 1:
        return match[0]  # CHF3, a gas
    if code.strip(".") in ("kr", "RM") and not re.search("[.,]", amount) and not scale and not gap:
        return match[0]
    other = (upper, _scale(upper_letter, upper_word)) if upper else None
    return ("minus " if minus else "") + _read_match(match, code, amount, scale, other)


@rule(rf"(?<![\w.,$£€¥₹])(-?)(?:({_SPACED_AMOUNT}){_SCALE} ?[-–] ?)?({_SPACED_AMOUNT}){_SCALE}"
      rf" ?({_SIGN_AFTER}|[A-Z]{{3}}\b)(?![\w$£€]|/[A-Z]{{3}})")
def _sign_after_amount(match: re.Match[str]) -> str:
    """10€, 27,50 €, 5 USD, 10-20 €, 500 kr"""
    minus, lower, low_letter, low_word, amount, letter, word, sign = match.groups()
    scale = _scale(letter, word)
    if sign.isupper() and len(sign) == 3 and not _is_currency_code(sign, amount, scale):
        return match[0]
    if lower:
        return _read_match(match, sign, lower, _scale(low_letter, low_word) or scale, (amount, scale))
    return ("minus " if minus else "") + _read_match(match, sign, amount, scale)


def _is_currency_code(code: str, amount: str, scale: str) -> bool:
    """Whether the letters are a currency; TOP 10 and COP 26 are not."""
    doubtful = code in DOUBTFUL_CODES and not scale and not re.search("[.,]", amount)
    return not doubtful and _currency(code) is not None


# --- others ----------------------------------------------------------------------------------------------------------
@rule(rf"(?<![\w.,$£€¥₹])([0-9]+(?:\.[0-9]+)?)(?:(M|mn|bn|tn)\b(?! ?{_CHARS}| ?[A-Z]{{3}}\b)"
      r"| ?(m)(?= (?:people|users|viewers|views|copies|customers|jobs|homes|tonnes|tons|subscribers|followers|visitors|"
      r"children|voters|workers|residents|years|units|cars|downloads|members|barrels|tourists|patients|students)\b))")
def _millions(match: re.Match[str]) -> str:
    """1.1M, 5 m people"""
    return f"{match[1]} {SCALES[(match[2] or match[3]).lower()]}"


@rule(r"(?<![\w/.])([0-9]{1,2})/(?=[$£€][0-9])|(?<=[0-9])( pcm| pw| p/w)\b")
def _several_for(match: re.Match[str]) -> str:
    """3/$10, £900 pcm"""
    if match[1]:
        return f"{match[1]} for "
    return " per calendar month" if match[2] == " pcm" else " per week"


@rule(r"(?<=[$£€])\.(?=[0-9]{2}\b)")
def _leading_point(_: re.Match[str]) -> str:
    """$.50"""
    return "0."


@rule(rf"(?<![\w.,%])({NUMBER}) ?(¢|(?<=[0-9])p(?![\w.]))")
def _cents(match: re.Match[str]) -> str:
    """50¢, 99p; but 1080p is a picture"""
    amount, sign = match.groups()
    if sign == "¢":
        return f"{spell_number(amount)} {'cent' if amount == '1' else 'cents'}"
    return f"{spell_number(amount)} {'penny' if amount == '1' else 'pence'}" if len(amount) < 3 else match[0]


def read_money(text: str) -> str:
    """$4.50 -> four dollars and fifty cents."""
    return apply_rules(text, (
        _millions, _several_for, _leading_point, _sign_before_amount, _code_before_amount, _sign_after_amount, _cents,
    ))


@rule(r"\b([A-Z]{3})(/?)([A-Z]{3})\b(?![/\w])")
def _pair(match: re.Match[str]) -> str:
    """EUR/USD, GBPJPY"""
    first, _, second = match.groups()
    if first == second or first not in CODES_IN_PAIRS or second not in CODES_IN_PAIRS:
        return match[0]
    names = [_currency(code) for code in (first, second)]
    return " ".join(name[0] for name in names if name)


@rule(rf"(\b(?:[Tt]he|[Oo]ne|per|each) )?(\bUS\$|{_CHARS})(?![\w$])")
def _sign_alone(match: re.Match[str]) -> str:
    """the £, in ₩, per US$"""
    names = None if match[2] == "$" and not match[1] else _currency(match[2])  # $HOME: symbols.py
    return f"{match[1] or ''} {names[0] if match[1] else names[1]} " if names else match[0]


def read_currency_pairs(text: str) -> str:
    """EUR/USD -> euro dollar."""
    return _pair(text)


def read_currency_signs(text: str) -> str:
    """Signs of currencies without an amount: in ₩ -> in won."""
    return text if text.isascii() and "$" not in text else _sign_alone(text)
