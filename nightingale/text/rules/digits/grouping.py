"""Large numbers and decimals as other countries write them: 10.000.000, 1 234 567, 1'000'000, 1_000, 1.234,56, 3,14.

They become numbers with commas between thousands and a point before decimals. Amounts of money are read in money.py.
"""

import re

from nightingale.text.patterns import apply_rules, regex, rule

_MONEY_NEXT = r"(?! ?[$£€¥₹]| ?(?:EUR|USD|GBP|CHF|kr|Kc|zl)\b)"
_NAME_BEFORE = regex(
    r"(?:[0-9:][ -]*|\b(?:Room|Flight|Chapter|Page|Line|Lines|Section|Number|No|Numbers|Psalm|Bus|Route|Highway|in|"
    r"of year|"
    r"year|since|version|code|extension|phone|tel|call|dial|fax|lotto|numbers:) ?)$", re.IGNORECASE)
_COUNTED_AFTER = regex(
    r" ?(?:%|°)| (?:[a-z]{3,}s|people|men|women|children|[kKMGT]?[mgBWV]|km|kg|cm|mm|ha|ft|mi|kWh|MB|GB|inhabitants|"
    r"times|"
    r"euros?|dollars?|Euro|Einwohner|sheep|fish)\b")
_LIST_BEFORE = regex(r"(?:[0-9][,.] ?|\b(?:pages?|pp|p|lines?|rows?|verses?|sections?|chapters?|rooms?|items?|nos?|"
    r"numbers?|"
                     r"figures?|figs?|tables?|questions?|May|March|April|June|July|and|\() ?)$", re.IGNORECASE)


_GROUP = regex(r"[0-9][.,' _][0-9]|[0-9] M")


@rule(rf"(?<![\w.,$£€¥₹/-])([1-9][0-9]{{0,2}}(?:\.[0-9]{{3}}){{2,5}})(,[0-9]{{1,2}})?(?![\w-]|[.,][0-9]){_MONEY_NEXT}")
def _dots(match: re.Match[str]) -> str:
    """10.000.000; but 192.168.100.101 is an address."""
    number = match[1]
    parts = number.split(".")
    if len(parts) == 4 and all(part == str(int(part)) and int(part) < 256 for part in parts):
        return match[0]
    return number.replace(".", ",") + (match[2] or "").replace(",", ".")


@rule(rf"(?<![\w.,$£€¥₹/])([0-9]{{1,3}}(?:\.[0-9]{{3}})+),([0-9]{{1,2}})(?![\w-]|[.,][0-9]){_MONEY_NEXT}")
def _dot_and_comma(match: re.Match[str]) -> str:
    """1.234,56"""
    return f"{match[1].replace('.', ',')}.{match[2]}"


@rule(r"(?<![\w.,$£€¥₹/])([1-9][0-9]{0,2})\.([0-9]{3})(?= (?:people|persons|inhabitants|residents|users|visitors|"
      r"employees|students|soldiers|votes|Einwohner|Euros?|euros?|Personen|times)\b)")
def _dot_before_people(match: re.Match[str]) -> str:
    """1.500 people"""
    return f"{match[1]},{match[2]}"


@rule(rf"(?<![\w.,/:'$£€¥₹-])([1-9][0-9]{{0,2}})((?: [0-9]{{3}}){{1,5}})(,[0-9]{{1,4}}(?![0-9])|\.[0-9]{{1,4}})?"
      rf"(?![\w/:'-]|[.,][0-9]| [0-9]){_MONEY_NEXT}")
def _blanks(match: re.Match[str]) -> str:
    """1 234 567, 10 000 people, 5 000"""
    first, groups, decimals = match.groups()
    if _NAME_BEFORE.search(match.string[max(match.start() - 16, 0) : match.start()]):
        return match[0]
    alone = groups.count(" ") == 1 and not (groups.endswith("00") or decimals or len(first) < 3)
    if alone and not _COUNTED_AFTER.match(match.string[match.end() :]):
        return match[0]
    return first + groups.replace(" ", ",") + (decimals or "").replace(",", ".")


@rule(r"(?<![\w.,'])([1-9][0-9]{0,2}(?:(['_])[0-9]{3})(?:\2[0-9]{3})*)(?:,([0-9]{1,2})(?![0-9]))?(?![\w']|[.,][0-9]{3}\b)")
def _apostrophes(match: re.Match[str]) -> str:
    """1'000'000, 1_000_000"""
    return match[1].replace(match[2], ",") + (f".{match[3]}" if match[3] else "")


@rule(r"(?<![\w.,/:$£€¥₹])([0-9]{1,3}),([0-9]{1,2}|[0-9]{4,8})(?![\w/:'-]|[.,][0-9]|, ?[0-9]| ?(?:and|or|&|-|"
      r"–) ?[0-9]|\))"
      rf"{_MONEY_NEXT}")
def _decimal_comma(match: re.Match[str]) -> str:
    """3,14; but "pages 3,14" is a list."""
    if _LIST_BEFORE.search(match.string[max(match.start() - 12, 0) : match.start()]):
        return match[0]
    return f"{match[1]}.{match[2]}"


@rule(r"(?<=[0-9] )(Mio|Mrd)\b\.?(?! ?[$£€])")
def _scale(match: re.Match[str]) -> str:
    """1,5 Mio."""
    return {"Mio": "million", "Mrd": "billion"}[match[1]]


def read_grouping(text: str) -> str:
    """10.000.000 -> 10,000,000; 3,14 -> 3.14."""
    if not _GROUP.search(text):
        return text
    return apply_rules(text, (
        _dots, _dot_and_comma, _dot_before_people, _blanks, _apostrophes, _decimal_comma, _scale,
    ))
