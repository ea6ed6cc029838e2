"""Amounts with a unit of measure: 5 km/h, 10 kg/m^2, 22,1 °C, 6ft 2in, 5kg-10kg, litres/day. Numbers stay in digits.

The names of units are in lexicon/cldr.py, which is loaded when a number stands before a word that may be a unit.
"""

import re
from functools import cache

from nightingale.text.lexicon.units import (
    ANY_CASE,
    COMPASS,
    DESCRIBED,
    EXTRA_UNITS,
    INGREDIENTS,
    LENGTHS,
    NO_UNITS,
    PARTED,
    PER_WORDS,
    POWERS,
    SPACED_CAPITALS,
    SPELLINGS,
    TOUCHING_ONLY,
)
from nightingale.text.number_words import fraction
from nightingale.text.patterns import NUMBER, apply_rules, is_adjective, regex, rule

SIGN = r"(?:°[CFKR]?|[A-Za-zµΩ‰Å]{1,7})"
_PAIR = r"(?:fl\.? ?oz|oz t|(?:kN|N) m|m?Pa s|(?:lb|m?A|k?W|V|J|ft|in|ac|acre)[ -](?:ft|lbs?|[hAs])(?![\w']))"
_POWER = r"(?:\^?[23](?![0-9]))?"
_FRACTION = r"(?:[0-9]{1,3}[ -])?[0-9]{1,2}/[0-9]{1,2}"
_COMMA_DECIMAL = r"(?:[0-9]{1,3}(?:\.[0-9]{3}){1,3}|[0-9]{1,6}),[0-9]{1,2}(?![0-9])"
_AMOUNT = rf"(?:{_FRACTION}|{_COMMA_DECIMAL}|{NUMBER})"


@cache
def _names() -> dict[str, tuple[str, str]]:
    """Sign -> (one, many), for all units."""
    from nightingale.text.lexicon.cldr import UNITS

    packed = {**UNITS, **EXTRA_UNITS}
    packed |= {spelling: packed[sign] for spelling, sign in SPELLINGS.items()}
    names = {sign: name.partition("|") for sign, name in packed.items() if sign not in NO_UNITS}
    return {sign: (one, many or one + "s") for sign, (one, _, many) in names.items()}


def unit_names(sign: str) -> tuple[str, str] | None:
    """"km" -> ("kilometer", "kilometers"); None if it is no unit."""
    sign = sign.replace("-", " ") if len(sign) > 3 else sign
    return _names().get(sign) or (_names().get(sign.lower()) if sign.lower() in ANY_CASE else None)


# --- what stands before the unit -------------------------------------------------------------------------------------
def to_point(amount: str) -> str:
    """Decimals with a comma: "1.234,5" -> "1,234.5"."""
    return amount.translate({ord("."): ",", ord(","): "."}) if re.fullmatch(_COMMA_DECIMAL, amount) else amount


@rule(r"(?<=[0-9])( ?)(sq|cu|[Ss]quare|[Cc]ubic)\.?[ -](in|ft|yd|mi|mm|cm|km|m)\b(?:\.(?=\s*[a-z,;)]))?"
      r"|(?<=[0-9])(-)(sq|cu)\.?[ -](in|ft|yd|mi|mm|cm|km|m)\b\.?")
def _square_or_cubic(match: re.Match[str]) -> str:
    """5 sq. ft. -> 5 ft^2"""
    gap, kind, unit = match.groups()[:3] if match[2] else match.groups()[3:]
    return f"{gap}{unit}^{2 if kind[0] in 'sS' else 3}"


@rule(rf"(?<![\w.,])([0-9]{{1,5}}(?:\.[0-9]+)?) ?({SIGN}{_POWER}(?:/{SIGN}{_POWER})?)(?: ?[-–] ?|(?<=°[CF]) to )"
      rf"(?=-?[0-9][0-9.,]* ?({SIGN}{_POWER}(?:/{SIGN}{_POWER})?)(?![\w/^]))")
def _range(match: re.Match[str]) -> str:
    """5kg-10kg -> 5 to 10kg, 20 Hz–20 kHz -> 20 Hz to 20 kHz"""
    amount, sign, other = match.groups()
    if _DECADE.fullmatch(amount) and sign == "s":
        return match[0]
    if not all(unit_names(re.split("[/^23]", unit, maxsplit=1)[0]) for unit in (sign, other)):
        return match[0]
    return f"{amount} to " if sign == other else f"{amount} {sign} to "


@rule(rf"(?<![\w.,])([0-9]+(?:\.[0-9]+)?)( ?(?:mm|cm|m|km|in|ft|yd|px|\"|'))? ?[xX×] ?"
      rf"(?=[0-9.]+(?: ?[xX×] ?[0-9.]+)? ?{SIGN}(?![\w']))")
def _sides(match: re.Match[str]) -> str:
    """4x100m, 30cm x 40cm"""
    after = regex(rf"[0-9.]+(?: ?[xX×] ?[0-9.]+)? ?({SIGN})").match(match.string, match.end())
    if not after or not unit_names(after[1]):
        return match[0]
    return f"{match[1]}{match[2] or ''} {'by' if after[1] in LENGTHS else 'times'} "


@rule(r"(?<![\w.])([0-9]{3,5})×(?=[0-9]{3,5}(?![\w.^]| ?=))")
def _resolution(match: re.Match[str]) -> str:
    """1920×1080"""
    return f"{match[1]} by "


@rule(rf"(?<=[0-9])( ?)({SIGN})/(?=(?!10+ ?[A-Za-z])[0-9][0-9.]* ?({SIGN})(?![\w/]))")
def _choice(match: re.Match[str]) -> str:
    """256GB/512GB, 65mph/105kph"""
    return f"{match[1]}{match[2]} or " if unit_names(match[2]) and unit_names(match[3]) else match[0]


@rule(r"(?<![\w.,/])([0-9]{1,2})( ?)(?:ft|feet|foot|')\.? ?([0-9]|1[01])( ?1/2)?"
      r"( ?(?:in|ins|inch|inches)\b(?:\.(?=\s*[a-z,;)]))?|\"|'')?(?![\w/'\"]|[.,][0-9])(?=([^a-z]{0,2}[a-z]+)?)")
def _feet_and_inches(match: re.Match[str]) -> str:
    """6ft 2in, 6 ft 2, 5'6"""
    feet, gap, inches, half, mark, after = match.groups()
    tight = "'" in match[0] or (not gap and not mark)
    if "'" in match[0] and not mark and (int(feet) not in range(3, 9) or match.string[: match.start()].count("'")):
        return match[0]
    if not mark and not tight:
        return match[0]
    number = f"{inches} and a half" if half else inches
    if tight:
        return f"{feet} foot {number}" if inches != "0" else f"{feet} feet"
    if after and after.strip() in ("man", "woman", "boy", "girl", "pole", "board", "wall"):
        return f"{feet} foot {number} inch"
    return f"{feet} {'foot' if feet == '1' else 'feet'} {number} {'inch' if inches == '1' and not half else 'inches'}"


@rule(r"(?<![\w.,])([0-9]{1,2}) ?st(?= [0-9]{1,2} ?lbs?\b)")
def _stones(match: re.Match[str]) -> str:
    """11st 4lb"""
    return f"{match[1]} stone"


_WARMTH = regex(
    r"\b(?:oven|bak|heat|preheat|roast|cook|temp|high|low|warm|cool|cold|hot|freez|boil|fever|weather|degree|sunny|"
    r"cloud|rain|water|air|feels|outside|inside|melt|°)", re.IGNORECASE)


@rule(r"(?<![\w.,$£€])(-?[0-9]{1,4}(?:\.[0-9])?) ?([CF])\b(?![-'+#]| [A-Z][a-z])"
      r"(?:( ?/ ?| ?\()([0-9]{1,4}) ?([CF])\b)?")
def _temperature_letter(match: re.Match[str]) -> str:
    """350F, 20 C, 350F/180C"""
    degrees, scale, joint, other, other_scale = match.groups()
    around = match.string[max(match.start() - 60, 0) : match.end() + 40]
    if not (other or ("." in degrees and scale == "F") or _WARMTH.search(around)):
        return match[0]
    bracket = " (" if joint and "(" in joint else " or "
    return f"{degrees}°{scale}" + (f"{bracket}{other}°{other_scale}" if other else "")


@rule(r"(?<=[A-Za-z0-9µΩ]) ([A-Za-zµΩ]{1,4})\^-\^?([123])(?![0-9])")
def _negative_power(match: re.Match[str]) -> str:
    """5 m s⁻² -> 5 m/s^2"""
    return f"/{match[1]}{'' if match[2] == '1' else '^' + match[2]}" if unit_names(match[1]) else match[0]


@rule(r"(?<=[A-Za-z0-9])/\(([A-Za-zµΩ]{1,4}(?:\^[23])?)[ *]([A-Za-zµΩ]{1,4}(?:\^[23])?)\)")
def _product_below(match: re.Match[str]) -> str:
    """J/(mol·K) -> J/mol/K"""
    return f"/{match[1]}/{match[2]}"


# --- the unit --------------------------------------------------------------------------------------------------------
_MODIFIES = regex(rf" (?:{'|'.join(DESCRIBED)})s?\b| (?:SSD|HDD|LED|TV)\b")
_DETERMINER_BEFORE = regex(r"\b(?:the|this|that|his|her|my|our|their|your|its) $", re.IGNORECASE)
_NOUN_AFTER = regex(
    r" (?!(?:in|to|of|for|from|was|is|were|are|had|has|have|he|she|they|we|you|it|on|at|by|and|or|per|each|an|the|that|"
    r"which|more|less|as|with|will|if|when|but|than|into|between|away|above|below|back|so|not|can|could|north|south|east|"
    r"west|long|wide|high|deep|[a-z]+(?:ed|ing))\b)[a-z]{2,}")
_LENGTH_AFTER = regex(
    r" (?:by|x|×|wide|tall|long|thick|deep|high|in diameter|of (?:rain|snow))\b|\)| ?[x×] ?[0-9]")
_DECADE = regex("[2-9]0|[12][0-9]{3}")
_AGE_BEFORE = regex(r"(?:\bthe (?:under|over) ?|[a-z])-?$", re.IGNORECASE)  # under-18s
_LABEL_BEFORE = regex(
    r"\b(?:Apartment|Apt\.?|Suite|Unit|Room|Flat|Gate|Seat|Row|Platform|Section|Class|Grade|Exhibit|Table|Figure|Part|"
    r"Page|Model|Type|Version|Article|Appendix|Chapter|Group|Lot|Terminal|Building|Block|Highway|Route) $",
    re.IGNORECASE)
RATE = rf"((?:(?:/| p(?:er)? )(?:10+ ?)?(?:{SIGN}|[a-z]{{8,9}}){_POWER}(?![A-Za-z])){{0,3}})"


@rule(rf"(?<![\w.,$£€¥/])(-?)({_AMOUNT})([ -]?)({_PAIR}|{SIGN})({_POWER})(?![\w'^]){RATE}"
      r"(?![\w°]| (?:St|Street|Ave|Avenue)\b)")
def _units(match: re.Match[str]) -> str:
    """5 km/h -> 5 kilometers per hour"""
    minus, amount, gap, sign, power, rate = match.groups()
    names = _names_in_context(match, minus, amount, gap, sign)
    per = read_per(rate) if names else None
    if names is None or per is None:
        return match[0]
    one, many = (f"{POWERS[power[-1]]} {name}" if power else name for name in names)
    start = "minus " if minus else ""
    if _is_part(amount) and sign not in PARTED:
        return f"{start}{amount.replace('/', ' over ' if sign == 'mmHg' else ' ')} {many}{per}"
    if _is_part(amount):
        return start + _part_of(match, amount, one, gap) + per
    name = one if amount == "1" or gap == "-" or is_adjective(match) or _modifies(match) else many
    return f"{start}{to_point(amount)}{'-' if gap == '-' else ' '}{name}{per}"


def _names_in_context(match: re.Match[str], minus: str, amount: str, gap: str, sign: str) -> tuple[str, str] | None:
    """Names of the unit, or None if the letters mean something else here."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    if sign == "s" and ((not gap and _DECADE.fullmatch(amount)) or _AGE_BEFORE.search(before[-12:] + minus)):
        return None
    if len(sign) == 1 and sign.isupper() and not _is_capital_unit(before, after, amount, gap, sign):
        return None
    if sign in ("T", "t", "c") and _is_spoon(amount, sign, after):
        return {"T": ("tablespoon", "tablespoons"), "t": ("teaspoon", "teaspoons"), "c": ("cup", "cups")}[sign]
    if sign == "pp":
        return ("percentage point", "percentage points") if "." in amount else ("page", "pages")
    if sign == "pt" and re.match(r"[ -](?:font|type|text|size|line|bold|Times|Arial|Helvetica)\b", after):
        return "point", "points"
    if (sign == "v" and re.match(" ?[0-9A-Z]", after)) or (sign == "t" and not gap and "." in amount):
        return None  # 3 v 2, Python 3.14t
    if gap == " " and sign in TOUCHING_ONLY and not (sign == "in" and _is_length(before, after)):
        return None
    return unit_names(sign)


def _is_capital_unit(before: str, after: str, amount: str, gap: str, sign: str) -> bool:
    """Whether a capital letter is a unit: 60W, 2.5 A, 12V 5A, but not Section 5 A, iPhone 5S, 5 N Main."""
    if _LABEL_BEFORE.search(before[-20:]):
        return False
    if sign not in SPACED_CAPITALS or "." in amount or (sign == "A" and re.search(r"(?:V|volts?)[ ,/]*$", before)):
        return True
    return gap != "" and not re.match(" [A-Z]", after)


def _is_spoon(amount: str, sign: str, after: str) -> bool:
    """Whether "T", "t" or "c" is a measure of a recipe: 1/2 t salt, 2 T. butter, 1 c sugar."""
    if "/" in amount:
        return True
    following = re.match(r"\.? ([a-z]{3,})", after) if len(amount) == 1 else None
    return following is not None and (sign == "T" or following[1] in INGREDIENTS)


def _is_length(before: str, after: str) -> bool:
    """Whether "in" behind a blank is inches: 5 in x 7 in, 3 in wide."""
    return _LENGTH_AFTER.match(after) is not None or before.endswith((" by ", " x "))


def _modifies(match: re.Match[str]) -> bool:
    """Whether the noun after the unit is what the amount describes: 60W bulb, 12 pt font, the 50 ft wave."""
    if _MODIFIES.match(match.string, match.end()):
        return True
    before = match.string[max(match.start() - 8, 0) : match.start()]
    return _DETERMINER_BEFORE.search(before) is not None and _NOUN_AFTER.match(match.string, match.end()) is not None


def _is_part(amount: str) -> bool:
    return "/" in amount and not re.search("[ -]", amount)


def _part_of(match: re.Match[str], amount: str, name: str, gap: str) -> str:
    """1/2 tsp -> half a teaspoon, 1/4 lb -> a quarter pound, 2/3 mi -> two thirds of a mile."""
    top, bottom = map(int, amount.split("/"))
    if top >= bottom or not top:
        return f"{amount} {name}s"
    article = "an" if re.match("[aeio]|hour", name) else "a"
    adjective = gap == "-" or is_adjective(match)
    if (top, bottom) == (1, 2):
        return f"half{'-' if gap == '-' else ' '}{name}" if adjective else f"half {article} {name}"
    words = fraction(top, bottom)
    if adjective:
        return f"{words.removeprefix('one ') if bottom == 4 else words} {name}"
    if top == 1:
        words = ("an " if bottom in (8, 11, 18) else "a ") + words.removeprefix("one ")
    return f"{words} {name}" if (top, bottom) == (1, 4) else f"{words} of {article} {name}"


def read_per(rate: str) -> str | None:
    """"/s" -> " per second", "/m^2" -> " per square meter", "/100 km" -> " per 100 kilometers"; None if no rate."""
    reading = ""
    for count, sign, power in re.findall(rf"(?:/| p(?:er)? )(?:(10+) ?)?([A-Za-zµΩ]{{1,9}})({_POWER})", rate):
        names = unit_names(sign) if sign not in PER_WORDS else (PER_WORDS[sign], PER_WORDS[sign] + "s")
        if not names:
            return None
        name = names[1] if count else names[0]
        if power and name == "second":
            reading += " per second squared"
        else:
            reading += f" per {count + ' ' if count else ''}{POWERS[power[-1]] + ' ' if power else ''}{name}"
    return reading


# --- directions of the wind -------------------------------------------------------------------------------------------
@rule(r"\b([NS][NS]?[EW]|[NSEW][NS][EW]|[NSEW])\b(?= (?:at )?[0-9]{1,3} ?(?:kt|kts|kn|knots|mph|km/h|m/s)\b)"
      r"|(?<=[Ww]ind )([NSEW]{1,3})\b|(?<=[Ww]inds )([NSEW]{1,3})\b"
      r"|(?<=[Ww]ind: )([NSEW]{1,3})\b|\b(NNE|ENE|WSW|WNW|NNW)\b"
      r"|(?<=meters per hour )([NSEW]{1,3})\b|(?<=[0-9] mph )([NSEW]{1,3})\b"
      r"|(?<=[0-9] kts )([NSEW]{1,3})\b")
def _compass(match: re.Match[str]) -> str:
    """NNW 15 kt, 12 km/h SE"""
    letters = next(group for group in match.groups() if group)
    if len(letters) < 3:
        return "".join(COMPASS[letter] for letter in letters)
    return f"{COMPASS[letters[0]]}-{COMPASS[letters[1]]}{COMPASS[letters[2]]}"


@rule(r"(?<=[a-z] )mmHg\b")
def _mercury(_: re.Match[str]) -> str:
    """120/80 mmHg, of which the numbers are words by now"""
    return "millimeters of mercury"


def read_measures(text: str) -> str:
    """5 km/h -> 5 kilometers per hour."""
    return apply_rules(_compass(text), (
        _temperature_letter, _square_or_cubic, _negative_power, _product_below, _range, _choice, _sides, _resolution,
        _feet_and_inches, _stones, _units, _mercury,
    ))
