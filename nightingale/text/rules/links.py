"""URLs, e-mail addresses, paths and file names."""

import re

from nightingale.text.lexicon.names import EXTENSIONS, FOLDERS, TOP_LEVEL_DOMAINS
from nightingale.text.patterns import regex, rule

_HOST = rf"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,62}})?\.){{1,5}}(?:{'|'.join(TOP_LEVEL_DOMAINS)})\b"
_DOT_NET = regex(r"(?<!\S)\.(?=NET\b)")
_PRONOUNS = regex(r"\b(he|his|him|she|her|hers)/(he|his|him|she|her|hers)\b", re.IGNORECASE)
_MARKS_AFTER_URL = ".,;:!?)'\"]*_"


@rule(rf"(?<![\w@.])(?:(?:https?|ftp|wss?|file)://(?P<host>[^\s/?#\"'<>()]{{1,200}})|(?:www\.)?(?P<bare>{_HOST}))(?!@)"
      r"(?P<path>/[^\s?#\"'<>]{0,400})?(?P<rest>[?#][^\s\"'<>]{0,800})?", re.IGNORECASE)
def _url(match: re.Match[str]) -> str:
    """Reads the host and the path; leaves out the query and the fragment."""
    path, rest = match["path"] or "", match["rest"] or ""
    host = match["host"] or match["bare"]
    whole = host + path + rest
    tail = whole[len(whole.rstrip(_MARKS_AFTER_URL)) :]
    if rest:
        tail = tail if rest.rstrip(_MARKS_AFTER_URL) else rest
    elif path:
        path = path[: len(path) - len(tail)] if len(tail) < len(path) else ""
    elif tail:
        host = host[: -len(tail)]
    return f"{_read_host(host)}{_read_path(path)}{tail}"


def _read_host(host: str) -> str:
    """"www.bbc.co.uk:80" -> bbc dot co dot U K port 8 0."""
    host, _, port = re.sub(r"^www\.", "", host.rpartition("@")[2], flags=re.IGNORECASE).partition(":")
    labels = host.split(".")
    if len(labels) > 1 and len(labels[-1]) == 2 and labels[-1].lower() not in ("co", "me", "be"):
        labels[-1] = " ".join(labels[-1].upper())
    name = " dot ".join(label.replace("-", " dash ") for label in labels if label)
    return f"{name} port {' '.join(port)}" if port.isdigit() else name


def _read_path(path: str) -> str:
    """"/docs/a-b.html" -> slash docs slash a b dot H T M L."""
    parts = [_read_file_name(part) for part in path.strip("/").split("/") if part]
    return "".join(f" slash {part}" for part in parts)


def _read_file_name(name: str) -> str:
    """"a-b.tar.gz" -> a b dot tar dot G Z."""
    stem, dot, extension = name.rpartition(".")
    name = f"{_read_file_name(stem)} dot {EXTENSIONS.get(extension.lower(), extension)}" if dot else name
    name = FOLDERS.get(name, name)
    return re.sub(r"%[0-9A-Fa-f]{2}|[-_+~=&%]+", " ", name)


@rule(r"\b([0-9]{1,3}(?:\.[0-9]{1,3}){3}|localhost):([0-9]{2,5})\b")
def _port(match: re.Match[str]) -> str:
    return f"{match[1]} port {' '.join(match[2])}"


@rule(r"(?<![\w.+-])(?:mailto:)?([A-Za-z0-9][\w.+-]{0,63})@((?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,12})\b")
def _email(match: re.Match[str]) -> str:
    user = match[1]
    for mark, word in ((".", " dot "), ("_", " underscore "), ("-", " dash "), ("+", " plus ")):
        user = user.replace(mark, word)
    return f"{user} at {_read_host(match[2])}"


@rule(r"(?<![\w./<)%°])(~|\.{1,2})?((?:/[\w.+-]{1,100})+/?)(?![\w/])")
def _path(match: re.Match[str]) -> str:
    """~/src/a.py"""
    lead = {"~": "home", ".": "dot", "..": "dot dot"}.get(match[1] or "", "")
    path = match[2].rstrip(".")
    return f"{lead}{_read_path(path)}".strip() + match[2][len(path) :]


@rule(r"\b([A-Za-z]):((?:\\[\w.+ -]{1,60}?)+\\?)(?=[\s,;:!?)\"']|\.(?:\s|$)|$)")
def _windows_path(match: re.Match[str]) -> str:
    parts = [_read_file_name(part) for part in match[2].split("\\") if part]
    return f"{match[1].upper()} drive" + "".join(f" backslash {part}" for part in parts)


@rule(rf"(?<![\w@])([A-Za-z0-9_][\w.-]{{0,80}})?\.({'|'.join(EXTENSIONS)})\b(?![\w@]|\.[A-Za-z0-9])")
def _file(match: re.Match[str]) -> str:
    """setup.py, .gitignore, but not 3.so"""
    stem, extension = match[1], match[2]
    if stem and re.fullmatch(r"[0-9.]+", stem):
        return match[0]
    return f"{_read_file_name(stem) if stem else ''} dot {EXTENSIONS[extension]}".strip()


def read_links(text: str) -> str:
    """See example.com/a_b.html -> See example dot com slash a b dot H T M L."""
    if "@" in text:
        text = _email(text)
    if "." in text or "://" in text:
        text = _url(text)
    if "\\" in text:
        text = _windows_path(text)
    if "/" in text:
        text = _path(_PRONOUNS.sub(r"\1 or \2", text))
    if "." in text:
        text = _file(_DOT_NET.sub("dot ", text))
    return _port(text) if ":" in text else text
