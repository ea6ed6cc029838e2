"""Digits and letters that are read one by one: PINs, one-time codes, cards, IBANs, postcodes, keys of a telephone.

A word before the digits shows what they are ("code", "card ending in"), or a word behind them ("is your code"), or
their form alone, as with cards. Telephone numbers are in phone.py.
"""

import re

from nightingale.text.number_words import spell_digits
from nightingale.text.patterns import apply_rules, regex, rule

_DIGITS = r"[0-9]+(?:[ -][0-9]+)*"
_LINK = (
    r"(?:'s)?(?: (?:number|no\.?|code|is|was|are|now|of|ending in|ending|ends in|here is"
    r"|to the [a-z]{2,12}))*[:,=]? ?#?")
_SECRETS = (
    r"(?:one-time|verification|security|access|confirmation|login|log-in|sign-in|entry|door|gate|lock|backup|recovery|"
    r"activation|unlock|pairing|passcode|2FA|MFA|SMS|authentication|auth|safe|alarm|voucher|promo|area|Google|zip|sort|"
    r"routing|swift|PIN)")
_STRONG = (
    rf"(?:{_SECRETS} (?:code|password|passcode|pin)|pin|otp|passcode|password|cvv2?|cvc|2fa|zip|zip code|postcode|"
    r"postal code|(?:card|account|acct\.?|phone) ending(?: in)?|last (?:four|4)(?: digits)?|imei|iban|ssn|ean|upc|"
    r"combination|routing number|sort code|card number|account number|area code)")
_LONG = (
    r"(?:code|order|tracking|reference|ref\.?|account|acct\.?|serial|case|invoice|ticket|customer|member|membership|"
    r"confirmation|booking|employee|student|patient|license|licence|policy|claim|passport|badge|ID|token|vin|parcel|"
    r"voucher|coupon|card|registration|job|transaction)")
_NO_CODE_BEFORE = regex(r"\b(?:error|exit|status|http|return|response|result|source|country|line|of) $", re.IGNORECASE)


def _spell(text: str) -> str:
    """"276 983" -> two seven six, nine eight three; "84XK" -> eight four X K."""
    groups = [" ".join(spell_digits(char) if char.isdigit() else char for char in group)
              for group in re.split("[ -]+", text.strip(" -"))]
    return ", ".join(groups) if any(len(group) > 1 for group in re.split("[ -]+", text)) else " ".join(groups)


def _lead(text: str) -> str:
    """The words before a code: "employee no." -> employee number, "order #" -> order number."""
    return re.sub(r"(?: no\.?|(?<!number)(?<!number ) ?#)$", " number", text.rstrip()).replace("number #", "number")


@rule(rf"\b({_STRONG}{_LINK}) ?(?<=[\s#=])({_DIGITS})(#)?(?![\w%]|[.,:/][0-9])", re.IGNORECASE)
def _after_strong_word(match: re.Match[str]) -> str:
    """PIN 1234, OTP: 276 983, CVV 123, card ending in 0042"""
    if len(re.sub(r"\D", "", match[2])) < 3:
        return match[0]
    spell = spell_digits if "zip" in match[1].lower() else _spell
    return f"{_lead(match[1])} {spell(match[2])}{' pound' if match[3] else ''}"


@rule(rf"\b({_LONG}{_LINK}) ?(?<=[\s#=])({_DIGITS})(#)?(?![\w%]|[.,:/][0-9]| (?:people|times|items|users)\b)",
      re.IGNORECASE)
def _after_long_word(match: re.Match[str]) -> str:
    """code 482913, order 1029384756, case ID 204857"""
    code = match[1].lower().startswith("code")
    count = len(re.sub(r"\D", "", match[2]))
    if count < (4 if code else 5) and not match[2].startswith("0"):
        return match[0]
    if code and _NO_CODE_BEFORE.search(match.string[max(match.start() - 12, 0) : match.start()]):
        return match[0]
    return f"{_lead(match[1])} {_spell(match[2])}{' pound' if match[3] else ''}"


@rule(rf"\b((?:{_STRONG}|{_LONG}){_LINK}) ?(?<=[\s#=])("
      r"(?=[A-Z]*[0-9][A-Z]*[0-9])(?=[0-9]*[A-Z])[A-Z0-9]{5,24})\b(?![.-]\w)", re.IGNORECASE)
def _letters_and_digits(match: re.Match[str]) -> str:
    """Confirmation number: 84XK2P"""
    return f"{_lead(match[1])} {_spell(match[2])}" if match[2].isupper() else match[0]


@rule(r"(?<![\w.,$£€/-])(G-)?([0-9]{3}[ -][0-9]{3,4}|[0-9]{4,8})"
      r"(?= (?:is|as) (?:your|my|the|our|a) (?:[A-Za-z0-9-]{1,14} ){0,4}(?:code|password|pin|otp|passcode)\b"
      r"| to (?:confirm|verify|log ?in|sign ?in|unlock|continue|activate|authenticate)\b)", re.IGNORECASE)
def _before_word(match: re.Match[str]) -> str:
    """482913 is your code, use 553201 as your code, enter 4471 to confirm"""
    return ("G " if match[1] else "") + _spell(match[2])


@rule(r"(?<![\w.,$£€/-])(?:[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
      r"|3[47][0-9]{2}[ -][0-9]{6}[ -][0-9]{5})(?![\w/-]|[.,][0-9])")
def _card(match: re.Match[str]) -> str:
    """4111 1111 1111 1111"""
    return _spell(match[0])


@rule(r"\b([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?)\b(?= *[.,;:)]|$| [a-z])")
def _iban(match: re.Match[str]) -> str:
    """DE89 3704 0044 0532 0130 00"""
    compact = match[0].replace(" ", "")
    if sum(char.isdigit() for char in compact) < 10 or len(compact) < 15:
        return match[0]
    return _spell(match[0] if " " in match[0] else re.sub("(.{4})", r"\1 ", compact))


# --- postcodes -------------------------------------------------------------------------------------------------------
@rule(r"\b([A-Z]{1,2}[0-9][A-Z0-9]?) ([0-9][A-Z]{2})\b|\b([A-Z][0-9][A-Z]) ?([0-9][A-Z][0-9])\b"
      r"|(?<![\w.,])([1-9][0-9]{3}) ([A-Z]{2})(?= [A-Z][a-z])")
def _postcode_with_letters(match: re.Match[str]) -> str:
    """SW1A 1AA, the Canadian M5V 2T6, and the Dutch 1012 AB"""
    first, second = (group for group in match.groups() if group)
    return _spell(f"{first} {second}")


@rule(r"(^ *|, |\b(?:to|in|at|from|near|or|and) )((?:[DFAI]|CH|DE|FR|IT|ES)-)?([0-9]{5}(?:-[0-9]{4})?)(?= [A-Z][a-z]+)"
      r"|((?:\b[A-Z][a-z]+,? ){2})([0-9]{5}(?:-[0-9]{4})?)(?= ?(?:[.,;)]|$|USA\b))")
def _postcode_and_town(match: re.Match[str]) -> str:
    """86150 Augsburg, D-10115 Berlin, Beverly Hills 90210"""
    lead, country, digits, town, american = match.groups()
    if american:
        return town + _spell(american)
    if digits.endswith("000"):
        return match[0]
    return f"{lead}{' '.join((country or '').strip('-'))}{' ' if country else ''}{_spell(digits)}"


# --- the keys of a telephone -----------------------------------------------------------------------------------------
_KEYPAD_WORD = regex(
    r"\b(?:dial|press|hit|key|keypad|keys|enter|call|ring|touch|punch|extension|voicemail|followed by)", re.IGNORECASE)
_KEYS = regex(r"(?<![\w*#])(?:[*#][*#0-9]*|[0-9]{1,12}[*#][*#0-9]*)(?![\w*])")
_KEY_NAMES = {"*": "star", "#": "pound"}


def _keys(text: str) -> str:
    """Dial *67, then press #. -> Dial star six seven, then press pound."""
    if not _KEYPAD_WORD.search(text):
        return text
    return _KEYS.sub(
        lambda keys: " ".join(_KEY_NAMES.get(key) or spell_digits(key) for key in keys[0])
        if not re.fullmatch("#[0-9]+", keys[0]) else keys[0], text)


def read_codes(text: str) -> str:
    """PIN: 1234 -> PIN: one two three four."""
    if "*" in text or "#" in text:
        text = _keys(text)
    if not re.search("[0-9]{3}|[0-9][A-Z]", text):
        return text
    return apply_rules(text, (
        _iban, _card, _after_strong_word, _after_long_word, _letters_and_digits, _before_word, _postcode_with_letters,
        _postcode_and_town,
    ))
