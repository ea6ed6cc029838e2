"""Paths, file names, dotfiles, places in source files, versions: ~/src/a.py, .venv/bin, libfoo.so.1, v1.2.3-rc.1."""

import re

from nightingale.text.lexicon.names import EXTENSIONS, FOLDER_NAMES, FOLDERS
from nightingale.text.number_words import spell_digits
from nightingale.text.patterns import INNER_DOT, regex, rule

_DIGIT = regex("[0-9]")
_DOT_NET = regex(r"(?<!\S)\.(?=NET\b)")
_PRONOUNS = regex(r"\b(he|his|him|she|her|hers)/(he|his|him|she|her|hers)\b", re.IGNORECASE)
_LONG_NUMBER = regex("[0-9]{5,}")
_SEPARATORS = regex(r"%[0-9A-Fa-f]{2}|[-_+~=&%@]+")
_EXTENSION = "|".join(sorted(EXTENSIONS, key=len, reverse=True))
# Extensions that are also words: a name before them is a file only in a path, or with another sign of a file.
_WORDS_TOO = frozenset(["so", "go", "out", "local", "key", "service", "bin", "patch", "profile", "properties", "main"])


# --- parts of paths --------------------------------------------------------------------------------------------------
def read_path(path: str) -> str:
    """"/docs/a-b.html" -> slash docs slash a b dot H T M L."""
    parts = [read_file_name(part) for part in path.strip("/").split("/") if part]
    return "".join(f" slash {part}" for part in parts)


def read_file_name(name: str) -> str:
    """"a-b.tar.gz" -> a b dot tar dot G Z."""
    stem, dot, extension = name.rpartition(".")
    name = f"{read_file_name(stem)} dot {EXTENSIONS.get(extension.lower(), extension)}" if dot else name
    name = FOLDERS.get(name, name)
    name = _LONG_NUMBER.sub(lambda number: f" {spell_digits(number[0])} ", name)
    return " ".join(_SEPARATORS.sub(" ", name).replace("*", " star ").split())


_STARTS = {"": " ", "~": "home", ".": "dot", "..": "dot dot"}


# --- paths -----------------------------------------------------------------------------------------------------------
@rule(r"(?<![\w./<)%°])(~[a-z]{0,20}|\.{1,2}|\$\{?[A-Z_]{2,20}\}?)?(/[.+@*-]{0,3}\w[\w.+@*-]{0,99}(?:/[\w.+@*-]{1,100})*/?)(?:\?[\w.%-]{1,60}=[^\s\"'<>]{0,400}|(?![\w/]))")
def _path(match: re.Match[str]) -> str:
    """~/src/a.py, ~bob/a.py, $HOME/a.py"""
    start = match[1] or ""
    name = start.strip("~${}")
    lead = _STARTS.get(start) or f"{'tilde' if start[0] == '~' else 'dollar'} {name}"
    path = match[2].rstrip(".")
    return f"{lead}{read_path(path)}".strip() + match[2][len(path) :]


@rule(r"(?<![\w./@:<-])(?:[\w.@+*-]{1,60}/){1,12}[\w.@+*-]{0,80}(?![\w/])")
def _relative_path(match: re.Match[str]) -> str:
    """src/main.rs, .venv/bin/activate, tests/; but "and/or" and "client/server" are alternatives."""
    path = match[0].rstrip(".")
    parts = path.split("/")
    if not _is_path(parts):
        return match[0]
    said = " slash ".join(read_file_name(part) for part in parts if part)
    return f"{said}{' slash' if len(parts) == 2 and not parts[1] else ''}{match[0][len(path) :]}"


def _is_path(parts: list[str]) -> bool:
    if any(not re.search("[A-Za-z.*]", part) for part in parts[:-1]) or parts[0].lower() in ("w", "http"):
        return False
    _, dot, extension = parts[-1].rpartition(".")
    named = any(part in FOLDER_NAMES or "_" in part or part[:1] == "." for part in parts)
    return named or (dot != "" and extension.lower() in EXTENSIONS) or (parts[-1] == "" and len(parts[0]) > 2)


@rule(r"(?<!\w)([A-Za-z]:|\\)((?:\\(?:[\w.+$-]{1,60}(?: [\w.+()-]{1,40}){1,3}(?=\\)|[\w.+$-]{1,60})){1,20}\\?)(?!\w)")
def _windows_path(match: re.Match[str]) -> str:
    r"""C:\Program Files\a.exe, \\server\share"""
    path = match[2].rstrip(".")
    parts = [read_file_name(part) for part in path.split("\\") if part]
    lead = f"{match[1][0].upper()} drive" if match[1] != "\\" else "backslash"
    return lead + "".join(f" backslash {part}" for part in parts) + match[2][len(path) :]


# --- files -----------------------------------------------------------------------------------------------------------
@rule(rf"(?<=[\w)]\.)({_EXTENSION})(?:\(([0-9]{{1,6}}),([0-9]{{1,4}})\)|(::)|:([0-9]{{1,6}})(?::([0-9]{{1,4}}))?\b)")
def _place_in_file(match: re.Match[str]) -> str:
    """main.c:12:5, app.ts(10,5), test_x.py::test_y"""
    if match[4]:
        return f"{match[1]}, "
    line, column = match[2] or match[5], match[3] or match[6]
    return f"{match[1]}, line {line}" + (f", column {column}" if column else "")


@rule(r"([\w+])\.so((?:\.[0-9]{1,4}){1,4})(?![\w.]*\w)")
def _shared_library(match: re.Match[str]) -> str:
    """libfoo.so.1.2"""
    return f"{match[1]} dot S O{match[2].replace('.', ' dot ')}"


@rule(r"(?<![^\s\"'(\[{=,;:|`])(\*)?\.([a-z_][\w-]{0,40}(?:\.[A-Za-z][\w-]{0,20}){0,3})(?![\w/(]|\.\w)"
      r"|(?<!\S)\.DS_Store\b")
def _dotfile(match: re.Match[str]) -> str:
    """.netrc, .env.local, *.py"""
    return ("star" if match[1] else "") + f" {read_file_name(match[0].lstrip('*'))}"


_IN_CAPITALS = "JPG|JPEG|PNG|GIF|PDF|TXT|CSV|DOCX?|XLSX?|MP[34]|MOV|WAV|ZIP|HTML?|XML|JSON|MD|EXE|BAT|ISO"


@rule(rf"(?<![\w@])([A-Za-z0-9_*][\w.*+-]{{0,80}})?\.({_EXTENSION}|{_IN_CAPITALS})\b(?![\w@(]|\.[A-Za-z0-9])")
def _file(match: re.Match[str]) -> str:
    """setup.py, .gitignore, but not 3.so"""
    stem, extension = match[1], match[2]
    if stem and re.fullmatch(r"[0-9.]+", stem):
        return match[0]
    return f"{read_file_name(stem) if stem else ''} dot {EXTENSIONS[extension.lower()]}"


# --- versions --------------------------------------------------------------------------------------------------------
_NAME_BEFORE_VERSION = regex(r"(?<=[a-z]{2})-(?=v?[0-9]{1,4}\.[0-9]{1,4}\.[0-9])")
_STAGES = {
    "rc": "R C", "a": "alpha", "b": "beta", "dev": "dev", "lts": "LTS", "snapshot": "snapshot", "release": "release",
    "final": "final", "ga": "G A", "amd": "A M D", "sp": "S P",
}


@rule(r"(?<![\w.])(v?[0-9]{1,5}(?:\.[0-9]{1,5}){2,3})(?=[-+~_][A-Za-z0-9]|\.?[A-Za-z])((?:[-+~_.]?[A-Za-z0-9]+){1,6})(?![\w/@%])"
      r"|(?<![\w.])(v?[0-9]{1,4}(?:\.[0-9]{1,4})?)-?(rc|alpha|beta|a|b|dev|lts|LTS|RC|snapshot)(?:[.-]?([0-9]{1,4}))?\b")
def _stage(match: re.Match[str]) -> str:
    """v1.2.3-rc.1, 5.15.0-91-generic, 1.0b2"""
    if match[1]:
        parts = re.findall("[A-Za-z]+|[0-9]+", match[2])
        return " ".join([match[1], *(_STAGES.get(part.lower(), part) for part in parts)])
    if match[4] in ("a", "b", "dev") and not match[5]:
        return match[0]
    return " ".join(part for part in (match[3], _STAGES.get(match[4].lower(), match[4]), match[5]) if part)


@rule(r"\b([Pp]ython|[Rr]uby|[Pp]hp|[Nn]ode|[Gg]o|gcc|clang|llvm|lua|java)([:-]?)([0-9]{1,2})\.([0-9]{1,2})\b"
      r"(?:-([a-z]{3,12}))?(?![.]?[0-9])")
def _interpreter(match: re.Match[str]) -> str:
    """python3.11, python:3.11-slim"""
    joint = " colon" if match[2] == ":" else ""
    return f"{match[1]}{joint} {match[3]} point {match[4]} {match[5] or ''}".rstrip()


@rule(r"(?<![\w^~])([~^])(?=v?[0-9]{1,4}\.[0-9]{1,4}\.[0-9])")
def _constraint(match: re.Match[str]) -> str:
    """^1.2.3, ~1.2.3, in a list of dependencies"""
    return "caret " if match[1] == "^" else "tilde "


@rule(r"\b([a-z][\w./-]{0,60}):(latest|stable|edge|[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}-[a-z]+[0-9.]*)(?!\w)")
def _tag(match: re.Match[str]) -> str:
    """nginx:latest, node:20-alpine"""
    return f"{match[1]} colon {match[2].replace('-', ' ')}"


_DRIVE = regex(r"\b([A-Z]):(?=/\w)")  # C:/Users
_INSIDE = regex(r"[.:][\w.*]|[/\\]")


def read_paths(text: str) -> str:
    """Edit ~/src/a.py, line 3 of .netrc -> Edit home slash source slash a dot pie, line 3 of dot netrc."""
    if not _INSIDE.search(text):
        return text
    if ":" in text:
        text = _tag(_interpreter(text))
    if "\\" in text:
        text = _windows_path(text)
    has_inner_dot = INNER_DOT.search(text)
    if has_inner_dot:
        text = _place_in_file(_shared_library(text))
    if "/" in text:
        text = _DRIVE.sub(r"\1 drive ", text)
        text = _relative_path(_path(_PRONOUNS.sub(r"\1 or \2", text)))
    if has_inner_dot:
        text = _dotfile(_file(_DOT_NET.sub("dot ", text)))
    if "." in text and _DIGIT.search(text):
        text = _interpreter(_constraint(_stage(_NAME_BEFORE_VERSION.sub(" ", text))))
    return text
