"""URLs and e-mail addresses."""

import re

from nightingale.text.lexicon.names import SCHEMES, TOP_LEVEL_DOMAINS
from nightingale.text.patterns import INNER_DOT, rule
from nightingale.text.rules.technical.paths import read_file_name, read_path

_HOST = rf"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,62}})?\.){{1,5}}(?:{'|'.join(TOP_LEVEL_DOMAINS)})\b"
_MARKS_AFTER_URL = ".,;:!?)'\"]*_"
_SIGN_NAMES = {"/": "slash", ":": "colon", "@": "at", "?": "question mark", "&": "and"}


@rule(rf"(?<![\w@.])(?:(?:https?|ftp|wss?)://(?P<host>[^\s/?#\"'<>()]{{1,200}})|(?:www\.)?(?P<bare>{_HOST}(?::[0-9]{{2,5}}\b)?))(?!@)"
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
    return f"{_read_host(host)}{read_path(path)}{tail}"


def _read_host(host: str) -> str:
    """"www.bbc.co.uk:80" -> bbc dot co dot U K port 8 0."""
    host, _, port = re.sub(r"^www\.", "", host.rpartition("@")[2], flags=re.IGNORECASE).partition(":")
    labels = host.split(".")
    if all(label.isdigit() for label in labels):
        labels = [" ".join(label) for label in labels]
    if len(labels) > 1 and len(labels[-1]) == 2 and labels[-1].lower() not in ("co", "me", "be"):
        labels[-1] = " ".join(labels[-1].upper())
    name = " dot ".join(label.replace("-", " dash ") for label in labels if label)
    return f"{name} port {' '.join(port)}" if port.isdigit() else name


@rule(r"\b([0-9]{1,3}(?:\.[0-9]{1,3}){3}|localhost):([0-9]{2,5})\b")
def _port(match: re.Match[str]) -> str:
    return f"{match[1]} port {' '.join(match[2])}"


@rule(r"(?<![\w.+-])(?:mailto:)?([A-Za-z0-9][\w.+-]{0,63})@((?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,12})\b")
def _email(match: re.Match[str]) -> str:
    user = match[1]
    for mark, word in ((".", " dot "), ("_", " underscore "), ("-", " dash "), ("+", " plus ")):
        user = user.replace(mark, word)
    return f"{user} at {_read_host(match[2])}"


@rule(r"(?<![\w:])(?!https?:|ftp:|wss?:)([A-Za-z][A-Za-z0-9+.-]{1,14})://([^\s\"'<>]{1,400})")
def _other_scheme(match: re.Match[str]) -> str:
    """s3://bucket/key, postgres://user@host:5432/db: here the signs are read too."""
    scheme = SCHEMES.get(match[1].lower(), match[1])
    body = match[2].rstrip(_MARKS_AFTER_URL)
    body = re.sub(r"(?<=[a-z]):([0-9]{2,5})\b", lambda port: f" port {' '.join(port[1])} ", body)
    parts = re.split(r"([/:@?&])", body)
    said = " ".join(_SIGN_NAMES.get(part) or read_file_name(part) for part in parts if part)
    return f"{scheme} colon slash slash {said}{match[2][len(body) :]}"


@rule(r"(?<=@)([A-Za-z0-9.-]{1,80}\.[a-z]{2,8}):(?=[A-Za-z])([\w./-]{1,200})")
def _remote(match: re.Match[str]) -> str:
    """git@github.com:user/repo.git, after the user's name"""
    path = match[2].rstrip(".")
    return f"{match[1]} colon {read_path(path).removeprefix(' slash ')}{match[2][len(path) :]}"


def read_links(text: str) -> str:
    """See example.com/a_b.html -> See example dot com slash a b dot H T M L."""
    if "://" in text:
        text = _other_scheme(text)
    if "@" in text:
        text = _email(_remote(text) if ":" in text else text)
    if "://" in text or INNER_DOT.search(text):
        text = _url(text)
    return _port(text) if ":" in text else text
