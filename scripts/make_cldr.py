#!/usr/bin/env python3
"""Makes nightingale/text/lexicon/cldr.py: names of units and currencies in English, from CLDR.

    npm pack cldr-units-full cldr-numbers-full        # or any other copy of CLDR's JSON files
    scripts/make_cldr.py UNITS.json CURRENCIES.json > nightingale/text/lexicon/cldr.py

UNITS.json is main/en/units.json of the first package, CURRENCIES.json is main/en/currencies.json of the second.
"""

import json
import re
import sys
import unicodedata
from typing import Any

# Units that take prefixes, and which; other combinations are rare, or mean something else ("pm", "Mg").
PREFIXED = {
    "length-meter": "k d c m µ n f", "mass-gram": "k m µ n p", "duration-second": "m µ n p f",
    "electric-ampere": "k m µ n p", "electric-volt": "k M m µ n", "electric-ohm": "k M G m",
    "electric-farad": "m µ n p", "electric-henry": "m µ n", "electric-siemens": "m µ n", "electric-coulomb": "m µ n",
    "frequency-hertz": "k M G T m", "power-watt": "k M G T m µ n p", "energy-joule": "k M G T m µ n",
    "energy-electronvolt": "k M G T m", "energy-calorie": "k", "energy-becquerel": "k M G T",
    "energy-sievert": "m µ n", "energy-gray": "m µ", "force-newton": "k M m µ n p", "pressure-pascal": "h k M G m µ",
    "pressure-bar": "m k", "magnetic-tesla": "m µ n", "magnetic-weber": "m", "temperature-kelvin": "m µ n",
    "light-candela": "m", "light-lumen": "k", "light-lux": "k", "concentr-mole": "k m µ n p f",
    "volume-liter": "h d c m µ n k M", "digital-byte": "k M G T P E Z Y Ki Mi Gi Ti Pi Ei",
    "digital-bit": "k M G T P Ki Mi Gi", "length-parsec": "k M G", "mass-dalton": "k M",
}
PREFIX_KEYS = {
    "Y": "10p24", "Z": "10p21", "E": "10p18", "P": "10p15", "T": "10p12", "G": "10p9", "M": "10p6", "k": "10p3",
    "h": "10p2", "d": "10p-1", "c": "10p-2", "m": "10p-3", "µ": "10p-6", "n": "10p-9", "p": "10p-12", "f": "10p-15",
    "Ki": "1024p1", "Mi": "1024p2", "Gi": "1024p3", "Ti": "1024p4", "Pi": "1024p5", "Ei": "1024p6",
}
# Other units that are read; their signs are those of CLDR.
PLAIN = [
    "area-acre", "area-hectare", "concentr-part-per-1e6", "concentr-part-per-1e9", "concentr-permille",
    "consumption-mile-per-gallon", "duration-hour", "duration-minute", "duration-week", "duration-year",
    "energy-british-thermal-unit", "energy-foodcalorie", "mass-tonne", "force-pound-force", "graphics-dot-per-inch",
    "graphics-megapixel", "graphics-pixel", "graphics-pixel-per-inch", "length-astronomical-unit", "length-foot",
    "length-light-year", "length-mile", "length-nautical-mile", "length-yard", "angle-degree", "angle-radian",
    "angle-steradian", "mass-ounce", "mass-pound", "power-horsepower", "pressure-atmosphere", "pressure-inch-ofhg",
    "pressure-millimeter-ofhg", "speed-knot", "speed-mile-per-hour", "temperature-celsius", "temperature-fahrenheit",
    "volume-barrel", "volume-bushel", "volume-fluid-ounce", "volume-gallon", "volume-pint", "volume-quart",
    "volume-tablespoon", "volume-teaspoon", "concentr-katal", "volume-acre-foot", "mass-ounce-troy",
    "pressure-pound-force-per-square-inch",
]
# Letters that have another meaning after a number, and signs that rules read by themselves.
SKIPPED = frozenset(["m", "w", "y", "°", "″ Hg", "′", "#", "m/gUK"])
NARROW_BASE = frozenset(["digital-byte", "digital-bit", "duration-second"])  # "B", not "byte", takes the prefixes


def names_of(entry: dict[str, str]) -> tuple[str, str]:
    """("kilometer", "kilometers")"""
    many = entry["unitPattern-count-other"]
    one = entry.get("unitPattern-count-one", many)
    return plain(one), plain(many)


def plain(pattern: str) -> str:
    return pattern.replace("{0}", "").replace("-", " ").strip()


def read_units(units: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Sign -> (one, many)."""
    table: dict[str, tuple[str, str]] = {}
    for key in [*PREFIXED, *PLAIN]:
        one, many = names_of(units["long"][key])
        signs = {plain(units[width][key]["unitPattern-count-other"]) for width in ("short", "narrow")}
        for sign in sorted(signs - SKIPPED if key in PLAIN else signs):
            if sign not in (one, many) and "(" not in sign:
                table[sign] = one, many
        base = plain(units["narrow" if key in NARROW_BASE else "short"][key]["unitPattern-count-other"])
        for prefix in PREFIXED.get(key, "").split():
            pattern = units["long"][PREFIX_KEYS[prefix]]["unitPrefixPattern"]
            table[prefix + base] = pattern.format(one), pattern.format(many)
    return table


def read_currencies(currencies: dict[str, dict[str, str]]) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Code -> (one, many), sign -> code. Leaves out funds and units of account, whose names have a year or brackets."""
    names: dict[str, tuple[str, str]] = {}
    signs: dict[str, str] = {}
    for code, entry in currencies.items():
        many = entry.get("displayName-count-other", "")
        if not many or "(" in many or code.startswith("XX") or code in ("XTS", "XUA"):
            continue
        names[code] = entry.get("displayName-count-one", many), many
        for kind in ("symbol-alt-narrow", "symbol"):  # ¥ is the sign of the yen, and the narrow one of the yuan
            sign = entry.get(kind, "")
            if not sign.isascii() and len(sign) == 1 and (kind == "symbol" or sign not in signs):
                signs[sign] = code
    return names, signs


def pack(one: str, many: str) -> str:
    """"kilometer", "foot|feet": a regular plural is left out."""
    return one if many == one + "s" else f"{one}|{many}"


def print_table(name: str, comment: str, entries: list[str]) -> None:
    print(f"\n# {comment}\n{name} = {{")
    line = "   "
    for entry in entries:
        if len(line) + len(entry) + 2 > 120:
            print(line)
            line = "   "
        line += f" {entry},"
    print(line + "\n}")


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        units = json.load(file)["main"]["en"]["units"]
    with open(sys.argv[2], encoding="utf-8") as file:
        currencies = json.load(file)["main"]["en"]["numbers"]["currencies"]
    codes, signs = read_currencies(currencies)
    print('"""Names of units and currencies, from Unicode CLDR. Generated by scripts/make_cldr.py: do not edit.')
    print('\nImported only when a text has a unit or a currency."""')
    print_table("UNITS", 'sign -> one, or "one|many" if the plural has no plain "s"',
                [json.dumps(sign, ensure_ascii=False) + ": " + json.dumps(pack(*names))
                 for sign, names in sorted((s.replace("\u03bc", "µ"), n) for s, n in read_units(units).items())])
    print_table("CURRENCIES", "ISO code -> the same",
                [f'"{code}": ' + json.dumps(pack(*map(fold, names))) for code, names in sorted(codes.items())])
    print_table("CURRENCY_SIGNS", "sign -> ISO code", [f'"{sign}": "{code}"' for sign, code in sorted(signs.items())])


def fold(name: str) -> str:
    """In ASCII, without signs that other rules would read: colóns -> colons."""
    for sign, word in (("’", "'"), ("&", "and"), ("St. ", "Saint "), ("Lira", "lira"), ("-", " ")):
        name = name.replace(sign, word)
    return re.sub("[^ -~]", "", unicodedata.normalize("NFKD", name))


if __name__ == "__main__":
    main()
