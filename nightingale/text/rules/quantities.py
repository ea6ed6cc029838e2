"""What numbers count, as words: telephone numbers, money, percentages and units.

Leaves plain numbers in digits for numbers.py, which reads the text after this.
"""

import re

from nightingale.text.number_words import cardinal, spell_digits, spell_number
from nightingale.text.rules.lengths import read_lengths
from nightingale.text.rules.numbers import NUMBER, SCALES, ascii_regex, in_turn, rewriter
from nightingale.text.rules.places import DIRECTIONS
from nightingale.text.rules.times import read_times

# symbol or code: one, many, one hundredth, hundredths
CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"), "R$": ("real", "reais", "centavo", "centavos"),
    "MX$": ("peso", "pesos", "centavo", "centavos"),
}
_CODES = {"USD": "$", "US$": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "INR": "₹"}
_PREFIXES = {
    "A$": "Australian ", "C$": "Canadian ", "CA$": "Canadian ", "AU$": "Australian ", "NZ$": "New Zealand ",
    "HK$": "Hong Kong ", "S$": "Singapore ", "NT$": "New Taiwan ", "MX$": "Mexican ",
}

# unit: one, many. A unit of one letter, or one that is a word too, is read only where it touches its number or is safe.
UNITS = {
    "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"),
    "m": ("meter", "meters"), "nm": ("nanometer", "nanometers"), "µm": ("micrometer", "micrometers"),
    "um": ("micrometer", "micrometers"), "mi": ("mile", "miles"), "yd": ("yard", "yards"), "yds": ("yard", "yards"),
    "ft": ("foot", "feet"), "kg": ("kilogram", "kilograms"), "mg": ("milligram", "milligrams"), "g": ("gram", "grams"),
    "µg": ("microgram", "micrograms"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"), "qt": ("quart", "quarts"), "doz": ("dozen", "dozen"),
    "mph": ("mile per hour", "miles per hour"), "kph": ("kilometer per hour", "kilometers per hour"),
    "fps": ("frame per second", "frames per second"), "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"), "dpi": ("dot per inch", "dots per inch"),
    "ppm": ("part per million", "parts per million"), "psi": ("P S I", "P S I"),
    "mpg": ("mile per gallon", "miles per gallon"), "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"), "cl": ("centiliter", "centiliters"), "l": ("liter", "liters"),
    "L": ("liter", "liters"), "gal": ("gallon", "gallons"), "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"), "ha": ("hectare", "hectares"), "sq": ("square", "square"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"), "s": ("second", "seconds"), "sec": ("second", "seconds"),
    "secs": ("second", "seconds"), "ms": ("millisecond", "milliseconds"), "µs": ("microsecond", "microseconds"),
    "us": ("microsecond", "microseconds"), "ns": ("nanosecond", "nanoseconds"), "yr": ("year", "years"),
    "yrs": ("year", "years"), "mos": ("month", "months"), "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"), "THz": ("terahertz", "terahertz"),
    "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"),
    "PB": ("petabyte", "petabytes"), "KiB": ("kibibyte", "kibibytes"), "MiB": ("mebibyte", "mebibytes"),
    "GiB": ("gibibyte", "gibibytes"), "TiB": ("tebibyte", "tebibytes"), "kb": ("kilobit", "kilobits"),
    "Mb": ("megabit", "megabits"), "Gb": ("gigabit", "gigabits"), "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"),
    "V": ("volt", "volts"), "kV": ("kilovolt", "kilovolts"), "mV": ("millivolt", "millivolts"), "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"), "GW": ("gigawatt", "gigawatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"), "mAh": ("milliamp hour", "milliamp hours"),
    "mA": ("milliamp", "milliamps"), "J": ("joule", "joules"), "kJ": ("kilojoule", "kilojoules"),
    "kcal": ("kilocalorie", "kilocalories"), "Pa": ("pascal", "pascals"), "kPa": ("kilopascal", "kilopascals"),
    "hPa": ("hectopascal", "hectopascals"), "dB": ("decibel", "decibels"), "px": ("pixel", "pixels"),
    "MP": ("megapixel", "megapixels"), "°C": ( "degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "°": ("degree", "degrees"), "Ω": ("ohm", "ohms"),
    "kΩ": ("kiloohm", "kiloohms"), "MΩ": ("megaohm", "megaohms"), "mol": ("mole", "moles"), "ct": ("carat", "carats"),
    "acre": ("acre", "acres"),
}
_POWERS = {"2": "square", "3": "cubic"}
_TOUCHING_ONLY = {"J", "us", "MP", "l"}  # behind a blank they are more likely something else
_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_SCALE_WORD = r"hundred|thousand|million|billion|trillion"


# --- telephone numbers -----------------------------------------------------------------------------------------------
_PHONE = (
    r"(?<![\w.,$£€/-])(?:"
    r"\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,4}\)?){2,5}"  # +44 20 7946 0958
    r"|(?:1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4}"  # (555) 123-4567
    r"|[2-9][0-9]{2}-[0-9]{4}"  # 555-1234
    r"|(?:\(0[0-9]{2,4}\)|0[0-9]{2,4}) [0-9]{3,4} [0-9]{3,4}|0[0-9]{4} [0-9]{6}"  # 020 7946 0958, 07700 900123
    r"|[0-9]+(?:-[0-9]+){2,})(?![\w/-]|[.,][0-9])"  # 9-1-1, and any number in groups
)


@rewriter(_PHONE)
def _phone(match: re.Match[str]) -> str:
    if re.fullmatch("[0-9]{3}-[0-9]{2}00", match[0]):
        return match[0]  # rather a range
    groups = re.findall("[0-9]+", match[0])
    if all(len(group) == 1 for group in groups):
        return spell_digits(match[0])
    return ("plus " if match[0][0] == "+" else "") + ", ".join(spell_digits(group) for group in groups)


@rewriter(r"\b(call|dial|dialed|called|phone|ring) (911|999|112|411|311|988|101)\b", re.IGNORECASE)
def _emergency(match: re.Match[str]) -> str:
    return f"{match[1]} {spell_digits(match[2])}"


@rewriter(r"\b((?:call|phone|telephone|tel|text|dial|ring|fax|mobile|cell)"
          r"(?:[ :]+(?:us|me|him|her|them|now|today|number|is|at|on|to|no|the))*[ :]+)"
          r"([2-9][0-9]{2})([0-9]{3})([0-9]{4})\b(?![.,]?[0-9])", re.IGNORECASE)
def _bare_phone(match: re.Match[str]) -> str:
    """Call 5551234567."""
    return match[1] + ", ".join(spell_digits(group) for group in match.groups()[1:])


@rewriter(r"\b((?:ZIP|zip|Zip)(?: [Cc]ode)?:?) ([0-9]{5}(?:-[0-9]{4})?)(?![,.]?[0-9])")
def _zip(match: re.Match[str]) -> str:
    return f"{match[1]} {spell_digits(match[2])}"


@rewriter(r"\b((?:(?:pin|passcode|password)(?: (?:code|number))?"
          r"|(?:verification|security|access|confirmation|login|entry|door) code)(?: is|:|,)?) "
          r"([0-9]{4,10})\b(?![.,]?[0-9])", re.IGNORECASE)
def _secret(match: re.Match[str]) -> str:
    """PIN: 1234 is no clock time."""
    return f"{match[1]} {spell_digits(match[2])}"


_CLOCK_UNITS = ("day", "hour", "minute", "second")


@rewriter(r"(?<![\w.,$£€-])(?:([0-9]+) ?d,? ?)?(?:([0-9]+) ?h(?:rs?)?,? ?)?(?:([0-9]{1,2}) ?m(?:in)?,? ?)?"
          r"(?:([0-9]+(?:\.[0-9]+)?) ?s(?:ec)?)?(?<=[a-z])(?![\w/^°])")
def _durations(match: re.Match[str]) -> str:
    """1h 23m 45s: beside another measure of time m is minutes, and 20s no decade."""
    parts = [f"{amount} {unit}{'' if amount == '1' else 's'}"
             for amount, unit in zip(match.groups(), _CLOCK_UNITS, strict=True) if amount]
    return " ".join(parts) if len(parts) > 1 else match[0]


_ARTICLE = ascii_regex(r"\b(?:an?|per|every|each) $", re.IGNORECASE)
_NOUN_NEXT = ascii_regex(r"[ -][a-z]")


# --- money -----------------------------------------------------------------------------------------------------------
_CURRENCY_NAME = ascii_regex(r"\b(?=(?:dollars?|pesos?)\b)")
_MONEY_SIGN = r"(US\$|[A-Z]{1,2}\$|[$£€¥₹])"
_MONEY_SCALE = rf"(?: ?(k|K|mm|mn|m|M|bn|b|B|tn|T)\b|[ -]({_SCALE_WORD})\b)?"


@rewriter(r"(?<=[$£€])\.(?=[0-9]{2}\b)")
def _cents_only(match: re.Match[str]) -> str:
    """$.50"""
    return "0."


@rewriter(rf"(?<!\w)(-)?{_MONEY_SIGN} ?(-?)({NUMBER})(?:-[$£€]?({NUMBER}))?{_MONEY_SCALE}"
          r"(?: dollars| pounds| euros)?(?!\w)")
def _money(match: re.Match[str]) -> str:
    minus = "minus " if match[1] or match[3] else ""
    sign = match[2] if match[2] in CURRENCIES else match[2][-1]
    scale = match[7] or SCALES.get((match[6] or "").lower(), "")
    words = _amount(sign, match[4], scale, match[5])
    if _ARTICLE.search(match.string[: match.start()]) and _NOUN_NEXT.match(match.string[match.end() :]):
        words = words.replace(CURRENCIES[sign][1], CURRENCIES[sign][0])  # a five dollar bill
    return minus + _CURRENCY_NAME.sub(_PREFIXES.get(match[2], ""), words, count=1)


@rewriter(rf"(?<![\w.,])({NUMBER}){_MONEY_SCALE} ?([$£€¥₹]|(?:USD|GBP|EUR|JPY|INR)\b)(?!\w)")
def _money_after(match: re.Match[str]) -> str:
    scale = match[3] or SCALES.get((match[2] or "").lower(), "")
    return _amount(_CODES.get(match[4], match[4]), match[1], scale, None)


def _amount(sign: str, amount: str, scale: str, until: str | None) -> str:
    """Dollars and cents as a person says them."""
    one, many, cent, cents = CURRENCIES[sign]
    whole, _, part = amount.partition(".")
    if until or scale or (part and len(part) != 2):
        upper = f" to {spell_number(until)}" if until else ""
        return f"{spell_number(amount)}{upper}{' ' + scale if scale else ''} {many}"
    units, hundredths = int(whole.replace(",", "")[:15]), int(part or 0)
    small = f"{cardinal(hundredths)} {cent if hundredths == 1 else cents}" if hundredths else ""
    if small and not units:
        return small
    large = f"{spell_number(whole)} {one if units == 1 else many}"
    return f"{large} and {small}" if small else large


@rewriter(rf"(?<![\w.,])({NUMBER}) ?¢")
def _cents(match: re.Match[str]) -> str:
    return f"{spell_number(match[1])} {'cent' if match[1] == '1' else 'cents'}"


# --- percentages, degrees, units -------------------------------------------------------------------------------------
@rewriter(r"(?<=[0-9]) ?%")
def _percent(match: re.Match[str]) -> str:
    return " percent"


@rewriter(r"(?<![\w.])(-?[0-9]+(?:\.[0-9]+)?)[eE]([-+]?[0-9]{1,3})(?![\w-])")
def _scientific(match: re.Match[str]) -> str:
    """6.02e23, 1e-5"""
    return f"{match[1]} times 10 to the power of {match[2].lstrip('+')}"


@rewriter(r"(?<=[0-9]) ?° ?([CF])\b")
def _degrees(match: re.Match[str]) -> str:
    return f"°{match[1]}"


@rewriter(r"(?<=°[CF]) ?/ ?(?=-?[0-9])")
def _both_scales(match: re.Match[str]) -> str:
    """350°F/180°C is one temperature, told twice."""
    return " or "


@rewriter(r"(?<=[0-9])°(?: ?([0-9]{1,2})'(?: ?([0-9]{1,2}(?:\.[0-9]+)?)(?:\"|''))?)? ?([NSEW])\b")
def _coordinates(match: re.Match[str]) -> str:
    """45°N, 40°26'46"N"""
    minutes, seconds, wind = match.groups()
    parts = ["degrees", *([f"{minutes} minutes"] if minutes else []), *([f"{seconds} seconds"] if seconds else [])]
    return f" {' '.join(parts)} {DIRECTIONS[wind].lower()}"


@rewriter(r"(?<=[0-9])([ -]?)(sq|cu)\.?[ -](in|ft|yd|mi|mm|cm|km|m)\b\.?")
def _square(match: re.Match[str]) -> str:
    return f"{match[1]}{match[3]}^{2 if match[2] == 'sq' else 3}"


@rewriter(r"(?<=[0-9])( ?(?:ft|feet|foot) [0-9]{1,2}) in\b")
def _feet_inches(match: re.Match[str]) -> str:
    return f"{match[1]} inches"


_AGES = ascii_regex(r"(?:\bthe (?:under|over) ?|[a-z])-?$", re.IGNORECASE)  # under-18s are people
_DOOR = ascii_regex(r"\b(?:Apartment|Apt\.?|Suite|Unit|Room|Flat|Gate|Seat|Row|Platform) $", re.IGNORECASE)  # 12 W
_PER = r"(?:/(h|hr|s\^?2|s|sec|min|kg|km|l|L|day|week|month|year|m\^?[23]))?"


@rewriter(rf"(?<![\w.,])(-?)({NUMBER})([ -]?)({_UNIT})(?:\^?([23]))?{_PER}(?![\w/°]|\^| (?:St|Street|Ave|Avenue)\b)")
def _units(match: re.Match[str]) -> str:
    minus, amount, gap, unit, power, per = match.groups()[:6]
    if (gap and unit in _TOUCHING_ONLY) or (not gap and unit == "s" and re.fullmatch("[2-9]0|[12][0-9]{3}", amount)):
        return match[0]  # a letter of its own; or a decade, 20s
    if unit == "s" and _AGES.search(match.string[: match.start()] + minus):
        return match[0]
    if len(unit) == 1 and unit.isupper() and _DOOR.search(match.string[: match.start()]):
        return match[0]
    one, many = UNITS[unit]
    single = amount == "1" or gap == "-" or bool(
        _ARTICLE.search(match.string[: match.start()]) and _NOUN_NEXT.match(match.string[match.end() :]))
    words = ((_POWERS[power] + " ") if power else "") + (one if single else many)
    lead = "minus " if minus else ""
    joint = "-" if gap == "-" else " "
    return f"{lead}{amount}{joint}{words}{_per(per)}"


def _per(unit: str | None) -> str:
    if not unit:
        return ""
    if unit[0] == "s" and unit[-1] == "2":
        return " per second squared"
    base = unit.rstrip("23^") if unit[-1] in "23" else unit
    power = f"{_POWERS[unit[-1]]} " if unit[-1] in _POWERS else ""
    return f" per {power}{UNITS.get(base, (base, base))[0]}"


@rewriter(r"(?<=[A-Za-z0-9]) (s|min|h|kg|m|K|mol|L)\^-\^?([123])(?![0-9])")
def _inverse(match: re.Match[str]) -> str:
    """m s⁻² is m/s²."""
    return f"/{match[1]}{'' if match[2] == '1' else '^' + match[2]}"


@rewriter(r"((?<![A-Za-z])[A-Za-z]{1,2}|[0-9)])((?:\^-?\^?[0-9]+)+|\^-?[A-Za-z]\b)"
          rf"(?:(?<=[0-9]) ({_UNIT}){_PER}(?![\w/°^]))?|(?<=[\w.,!?\"'])(?:\^[0-9]+)+")
def _power(match: re.Match[str]) -> str:
    """x^2, 10^-3, 10⁻⁹ m; a small figure behind a word is a footnote's, and is not read."""
    if not match[1]:
        return ""
    exponent = match[2].replace("^", "")
    small = {"2": "squared", "3": "cubed"}.get(exponent)
    counted = f" {UNITS[match[3]][1]}{_per(match[4])}" if match[3] and match[1].isdigit() else ""
    unit = counted or match[0][match.end(2) - match.start() :]
    return f"{match[1]} {small}{unit}" if small else f"{match[1]} to the power of {exponent}{unit}"


@rewriter(r"(?<![\w.,$£€¥₹])([0-9]+(?:\.[0-9]+)?)(?:(M|mn|bn|tn)\b(?! ?[$£€¥₹])"
          r"| ?(m)(?= (?:people|users|viewers|views|copies|customers|jobs|homes|tonnes|tons)\b))")
def _millions(match: re.Match[str]) -> str:
    return f"{match[1]} {SCALES[(match[2] or match[3]).lower()]}"


@rewriter(r"(?:(?<=[0-9])|(?<=percent))/(mo|month|yr|year|wk|week|day|hr|hour|night|person|user|unit|lb|kg|oz|gal|min)\b")
def _rate(match: re.Match[str]) -> str:
    word = {"mo": "month", "wk": "week"}.get(match[1], match[1])
    return f" per {UNITS.get(word, (word, word))[0]}"


# a date or a time takes its digits before a telephone number or a unit may
_STAGES = (
    _secret, read_times, _phone, _bare_phone, _emergency, _zip, _durations, _percent, _rate, _millions, _cents_only,
    _money, _money_after, _cents, _scientific, _degrees, _both_scales, _coordinates, _square, _feet_inches,
    read_lengths, _inverse, _units, _power,
)


def read_quantities(text: str) -> str:
    """Dates, times, telephone numbers, money, percentages and units as words."""
    return in_turn(text, _STAGES)
