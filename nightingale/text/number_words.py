"""Numbers in words, the British way: 1234 -> "one thousand two hundred and thirty-four"."""

import re

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_THOUSANDS = (
    "", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion", "septillion",
    "octillion", "nonillion", "decillion",
)
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}
_FRACTION_NAMES = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_NAMED_DENOMINATORS = frozenset([*range(2, 21), 25, 32, 50, 64, 100, 1000])
_MAX_SPELLED_DIGITS = 15  # longer numbers are read digit by digit


def cardinal(value: int) -> str:
    """1234 -> one thousand two hundred and thirty-four; from 10^36 on, digit by digit."""
    if value < 20:
        return _ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return f"{_TENS[tens]}-{_ONES[ones]}" if ones else _TENS[tens]
    if value < 1000:
        high, rest = divmod(value, 100)
        unit = "hundred"
    else:
        power = (len(str(value)) - 1) // 3
        if power >= len(_THOUSANDS):
            return spell_digits(str(value))
        high, rest = divmod(value, 1000**power)
        unit = _THOUSANDS[power]
    joint = " and " if rest < 100 else " "
    return f"{cardinal(high)} {unit}{joint}{cardinal(rest)}" if rest else f"{cardinal(high)} {unit}"


def ordinal(value: int) -> str:
    """22 -> twenty-second."""
    words = cardinal(value)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[start:]
    return words[:start] + (_ORDINALS.get(last) or f"{re.sub('y$', 'ie', last)}th")


def year(value: int) -> str:
    """1999 -> nineteen ninety-nine, 1905 -> nineteen oh five, 1900 -> nineteen hundred, 2005 -> as a cardinal."""
    high, low = divmod(value, 100)
    if value % 1000 < 10 or value < 1000:
        return cardinal(value)
    if low == 0:
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {'oh ' if low < 10 else ''}{cardinal(low)}"


def in_pairs(digits: str) -> str:
    """Three or four digits as in a house number: "280" -> two eighty, "101" -> one oh one, "1040" -> ten forty."""
    if len(digits) > 4 or digits[0] == "0":
        return spell_digits(digits)
    if len(digits) != 3:
        return year(int(digits))
    high, low = divmod(int(digits), 100)
    return f"{cardinal(high)} {'hundred' if not low else ('oh ' if low < 10 else '') + cardinal(low)}"


def fraction(numerator: int, denominator: int) -> str:
    """3, 4 -> three quarters; 5, 63 -> five over sixty-three."""
    if numerator > 99 or (denominator not in _NAMED_DENOMINATORS and not (numerator == 1 and 1 < denominator <= 1000)):
        return f"{cardinal(numerator)} over {cardinal(denominator)}"
    name = ordinal(denominator)
    one, many = _FRACTION_NAMES.get(denominator, (name, plural(name)))
    return f"{cardinal(numerator)} {one if numerator == 1 else many}"


def plural(word: str) -> str:
    """The plural of a number word: twenty -> twenties, six -> sixes."""
    return word[:-1] + "ies" if word.endswith("y") else word + ("es" if word.endswith("x") else "s")


def spell_digits(text: str) -> str:
    """"105" -> one zero five. Skips all other characters."""
    return " ".join(_ONES[int(char)] for char in text if char.isdigit())


def spell_number(text: str) -> str:
    """"1,234.50" -> words; digit by digit if it has a leading zero or too many digits."""
    whole, _, decimals = text.replace(",", "").partition(".")
    if len(whole) > _MAX_SPELLED_DIGITS or (len(whole) > 1 and whole[0] == "0" and not decimals):
        words = spell_digits(whole)
    else:
        words = cardinal(int(whole or "0"))
    return f"{words} point {spell_digits(decimals)}" if decimals else words
