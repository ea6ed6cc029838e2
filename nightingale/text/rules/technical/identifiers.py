"""Strings that are read character by character: hashes, UUIDs, hexadecimal numbers, addresses of networks, keys.

Also permissions of files: -rw-r--r--.
"""

import re

from nightingale.text.number_words import spell_digits
from nightingale.text.patterns import regex, rule

_MAX_SPELLED = 20  # characters; of longer ones the first seven are read, as people quote the hash of a commit
_NUM_QUOTED = 7
_MAX_MEAN_PART = 3  # letters; words in CamelCase are longer


def _spell(text: str) -> str:
    """"9fb8" -> nine F B eight. Skips signs."""
    return " ".join(spell_digits(char) if char.isdigit() else char.upper() for char in text if char.isalnum())


def _spell_or_quote(text: str) -> str:
    return _spell(text if len(text) <= _MAX_SPELLED else text[:_NUM_QUOTED])


@rule(r"(?<![\w-])(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})"
      r"(?:\1[0-9A-Fa-f]{2}){4})(?![\w:-])")
def _groups(match: re.Match[str]) -> str:
    """UUIDs and MAC addresses."""
    return ", ".join(_spell(group) for group in re.split("[:-]", match[0]))


@rule(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?<=::))(?:/([0-9]{1,3}))?(?![\w:]|\.[0-9])")
def _ipv6(match: re.Match[str]) -> str:
    """fe80::1; not 10:13:02, nor a::b in a program."""
    address, _, length = match[0].partition("/")
    if not ("::" in address or address.count(":") == 7) or not re.search("[0-9]", address):
        return match[0]
    said = " ".join("colon" if part == ":" else _spell(part) for part in re.findall(":|[^:]+", address))
    return f"{said} slash {length}" if length else said


@rule(r"(?<![\w.])0([xX][0-9A-Fa-f]{1,64}|[bB][01]{1,64}|[oO][0-7]{1,32})\b")
def _prefixed(match: re.Match[str]) -> str:
    """0xdeadbeef, 0b1010, 0o755"""
    return f"zero {match[1][0].lower()} {_spell_or_quote(match[1][1:])}"


@rule(r"(?<![\w&/])#(?=[0-9A-Fa-f]*[A-Fa-f])([0-9A-Fa-f]{8}|[0-9A-Fa-f]{6}|([0-9A-Fa-f]){3})\b")
def _colour(match: re.Match[str]) -> str:
    """#ff8800, #fff; but #add is a hashtag."""
    digits = match[1]
    word = digits.isalpha() and len(set(digits.lower())) > 2
    return match[0] if word or digits in ("add", "dad", "bee", "fee") else f"hash {_spell(digits)}"


_COMMIT = r"commit|[Cc]hecksum|[Hh]ash|[Rr]evision|sha1|sha256|sha512|SHA|md5|MD5|[Dd]igest"


@rule(rf"\b((?:{_COMMIT})(?: is)?[ :=]+)([0-9a-f]{{7,128}})\b(?![-.]\w)")
def _after_commit(match: re.Match[str]) -> str:
    """A hash may have no digit, or only digits."""
    is_word = match[2].isalpha() and len(match[2]) < 10
    return match[0] if is_word else f"{match[1].replace(':', ' ').replace('=', ' ')}{_spell_or_quote(match[2])}"


@rule(r"(?<![\w#$£€.,-])(?=[0-9]*[A-Fa-f])(?=[A-Fa-f]*[0-9])([0-9a-f]{7,128}|[0-9A-F]{7,128})(?![\w%]|[.,][0-9])"
      r"(\.{2,3}(?=[0-9a-f]{7,40}\b))?|(?<=\.\.)[0-9a-f]{7,40}\b")
def _hash(match: re.Match[str]) -> str:
    """9fb8ed2, 9fb8ed2..a1b2c3d; not 1234e56."""
    if re.fullmatch("[0-9]+[eE][0-9]{1,2}|[0-9]+[a-fA-F]", match[0]):
        return match[0]
    return _spell_or_quote(match[1] or match[0]) + (" to " if match[2] else "")


@rule(r"(?<![\w@.])(?=[A-Za-z+/_]{0,200}[0-9])[A-Za-z0-9+/_]{10,400}(={1,2}(?!\w)|(?![\w@]))")
def _key(match: re.Match[str]) -> str:
    """Base64, tokens, account numbers: characters in no order that words have."""
    prefix, _, text = match[0].rstrip("=").rpartition("_")  # ghp_...
    if (not match[1] and "/" in text):
        return match[0]
    parts = re.findall("[A-Z]?[a-z]+|[A-Z]+|[0-9]+", text)
    num_digits = sum(char.isdigit() for char in text)
    mixed = re.search("[a-z]", text) and re.search("[A-Z]", text)
    if mixed:
        random = num_digits > 1 and len(text) <= _MAX_MEAN_PART * len(parts)
    else:
        random = text.isupper() and num_digits > 5 and len(text) - num_digits < 10
    if not random:
        return match[0]
    return f"{prefix} {_spell_or_quote(text) if mixed else _spell(text)}".lstrip()


@rule(r"(?<![\w-])(?=[A-Z-]*[0-9])(?=[0-9-]*[A-Z])[A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6}){2,7}(?![\w-])")
def _licence_key(match: re.Match[str]) -> str:
    """ABCD-1234-EFGH-5678"""
    return ", ".join(_spell(group) for group in match[0].split("-"))


@rule(r"\beyJ[\w-]{8,2000}(?:\.[\w-]{1,2000}){1,2}\b")
def _web_token(match: re.Match[str]) -> str:
    """JSON web tokens"""
    return _spell(match[0][:_NUM_QUOTED])


@rule(r"\b([0-9]{1,3}(?:\.[0-9]{1,3}){3})/([0-9]{1,2})\b")
def _subnet(match: re.Match[str]) -> str:
    """10.0.0.0/24"""
    return f"{match[1]} slash {match[2]}"


_FILE_TYPES = {"d": "directory", "l": "link", "b": "block device", "c": "character device", "p": "pipe", "s": "socket"}


@rule(r"(?<![\w-])([-dlbcps])?(?=[-rwxsStT]*[rwx])([r-][w-][xsS-][r-][w-][xsS-][r-][w-][xtT-])[+.@]?(?![\w-])")
def _permissions(match: re.Match[str]) -> str:
    """-rw-r--r-- -> R W, R, R: what the owner, the group and others may do."""
    groups = [match[2][i : i + 3].replace("-", "") for i in (0, 3, 6)]
    said = [" ".join(group.upper()) or "none" for group in groups]
    kind = [_FILE_TYPES[match[1]]] if match[1] in _FILE_TYPES else []
    return ", ".join([*kind, *said]) + ("," if match.string[match.end() :].strip(" .") else "")


@rule(r"\b(chmod(?: -\w+)?) ([0-7]{3,4})\b")
def _mode(match: re.Match[str]) -> str:
    return f"{match[1]} {spell_digits(match[2])}"


_DIGIT = regex("[0-9]")


def read_identifiers(text: str) -> str:
    """commit 9fb8ed2 -> commit nine F B eight E D two."""
    if "r-" in text or "rw" in text:
        text = _permissions(text)
    if "#" in text:
        text = _colour(text)
    if text.count(":") > 4:
        text = _groups(text)
    if not _DIGIT.search(text):
        return text
    text = _after_commit(_web_token(_licence_key(text)))
    if ":" in text or "-" in text:
        text = _ipv6(_groups(text)) if ":" in text else _groups(text)
    return _mode(_subnet(_key(_hash(_prefixed(text)))))
