"""What is written for machines: Markdown, HTML, links, e-mail addresses, paths, file names, symbols.

Rewrites a piece of folded text so that words, numbers and punctuation remain.
"""

import html
import re

from nightingale.text.characters import fold
from nightingale.text.number_words import cardinal
from nightingale.text.rules.numbers import ascii_regex, listed, rewriter

_TAGS = "|".join(listed(
    "a abbr b big blockquote body br code details div em font footer h1 h2 h3 h4 h5 h6 head header hr html i img li "
    "mark nav ol p pre q s section small span strong sub summary sup table tbody td th thead title tr tt u ul"
))
_ENTITY = ascii_regex(r"&(?:[A-Za-z]{2,8}|#x?[0-9A-Fa-f]{1,6});")
_TAG = ascii_regex(rf"</?(?:{_TAGS})(?:\s[^<>]{{0,400}})?/?>|<!--[^>]{{0,400}}-->", re.IGNORECASE)
_AUTOLINK = ascii_regex(r"<((?:https?://|mailto:)[^<>\s]{1,400})>")
_TARGET = r"(?:[^()\s]|\([^()\s]{0,100}\)){0,400}"
_LINK = ascii_regex(rf"!?\[([^\[\]\n]{{0,400}})\](?:\({_TARGET}(?:\s\"[^\"\n]{{0,200}}\")?\)|\[[^\[\]\n]{{0,100}}\])")
_DEFINITION = ascii_regex(r"\[(?!\^)[^\[\]]{1,100}\]:[ ]+(?:<[^<>]*>|\S*[/#:.]\S*)(?:[ ]+[\"'(].*)?$")
_FOOTNOTE_TEXT = ascii_regex(r"\[\^[^\[\]\s]{1,20}\]:[ ]*")
_HIDDEN = ascii_regex(r"<(script|style)\b[^<>]{0,400}>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_FOOTNOTE = ascii_regex(r"(?<=[A-Za-z.,;:!?\"')])(?:\[(?:[0-9]{1,3}|\^[^\]\s]{1,20}|citation needed)\])+")
_HEADING = ascii_regex(r"(#{1,6})[ ]+(.*?)[ ]*#*$")
_BULLET = ascii_regex(r"(?:[-*+•–] )+(?:\[[ xX]\] )?")
_NUMBERED = ascii_regex(r"\(?([0-9]{1,3})[.)] (?=\S)(?![0-9]{3}[-. ][0-9]{4}\b)")  # (555) 123-4567 is no item
_LETTERED = ascii_regex(r"\(?([A-Za-z])\) (?=\S)")
_RULE = ascii_regex(r"[ ]*(?:(?:[-*_=~+|:]\s?){3,}|```.*|~~~.*)$")
_EMPHASIS = ascii_regex(r"(\*{1,3}|~~|\b_{1,3}|(?<!\w)_{1,3})(?=\S)(.*?\S)\1(?!\w)")
_LETTER_DEGREE = ascii_regex(r"(?<=[0-9]) ?º(?= ?[CF]\b)")  # Spanish keyboards have this one: else 1º, Nº
# A face never takes a number or a word away: eyes of 8 or x need a nose or a laugh, =3 and x <3 are comparisons.
_EMOTICON = ascii_regex(
    r"(?<![\w(])(?:[:;]['^]?-?[)(DPpOo3/\\|\]\[*]{1,3}|(?<!\b[A-Za-z] )='?-?[)(DPp/\\|\]\[]{1,3}|8-[)(]{1,3}"
    r"|[xX](?:-?D+|-[)(]+)|(?<!\b[A-HJ-Za-z0-9] )(?<![0-9] )<3|\^_?\^|-_-|¯\\_\(.{1,3}\)_/¯)(?=[\s.,!?]|$)")


def strip_markup(text: str, line_start: bool) -> str:
    """Markdown and HTML marks taken away. line_start: whether the text begins at the start of a line."""
    if "º" in text:
        text = _LETTER_DEGREE.sub("°", text).replace("º", "o")
    if "&" in text:
        text = _ENTITY.sub(lambda match: fold(html.unescape(match[0])), text)
    if "<" in text:
        text = _TAG.sub(" ", _AUTOLINK.sub(r"\1", _HIDDEN.sub(" ", text)))
    lines = text.split("\n")
    if "[" in text:
        lines = ["" if (line_start or i) and _DEFINITION.match(line) else line for i, line in enumerate(lines)]
        text = _LINK.sub(r"\1", _LINK.sub(r"\1", "\n".join(lines)))  # twice: a picture may be a link's text
        lines = _FOOTNOTE.sub("", text).split("\n")
    text = "\n".join(_strip_line(line, line_start or i > 0) for i, line in enumerate(lines))
    if "*" in text or "_" in text or "~~" in text:
        text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    text = re.sub(r"(?<=\w)-\n(?=[a-z])", "-", text).replace("\n", " ")
    return _EMOTICON.sub(" ", text).replace("`", "" if text.count("`") > 1 else "'")


def _strip_line(line: str, line_start: bool) -> str:
    """Marks that mean something at the start of a line only."""
    if not line_start:
        return line
    line = re.sub(r"^(?:> ?)*(?:\$ (?=[a-z./~]))?", "", line)  # a quotation, a shell's prompt
    if _RULE.match(line):
        return ""
    line = _FOOTNOTE_TEXT.sub("", line, count=1) if line.startswith("[^") else line
    if match := _HEADING.match(line):
        return match[2]
    if match := _BULLET.match(line):
        line = line[match.end() :]
    if match := _NUMBERED.match(line):
        return f"{cardinal(int(match[1])).capitalize()}, {line[match.end() :]}"
    if match := _LETTERED.match(line):
        return f"{match[1].upper()}, {line[match.end() :]}"
    if line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        return ", ".join(cell for cell in cells if cell and not re.fullmatch(r"[:\s-]*", cell))
    return line


# --- links, addresses, files -----------------------------------------------------------------------------------------
_TLDS = listed(
    "com org net edu gov mil int io ai co uk us ca de fr it es nl eu ch at au nz jp cn in ru br se no fi dk pl be "
    "info biz dev app me tv ly gg xyz tech online site blog"
)
_EXTENSIONS = {
    "py": "pie", "txt": "text", "json": "jason", "wav": "wave", "jpeg": "jay peg", "jpg": "jay peg", "md": "M D",
    "js": "J S", "ts": "T S", "html": "H T M L", "htm": "H T M", "css": "C S S", "csv": "C S V", "pdf": "P D F",
    "png": "P N G", "gif": "gif", "svg": "S V G", "mp3": "M P three", "mp4": "M P four", "sh": "S H", "exe": "E X E",
    "zip": "zip", "tar": "tar", "gz": "G Z", "xz": "X Z", "toml": "tom ul", "yaml": "yaml", "yml": "yaml",
    "xml": "X M L", "ini": "I N I", "cfg": "config", "conf": "conf", "log": "log", "c": "C", "h": "H", "cpp": "C P P",
    "hpp": "H P P", "rs": "R S", "go": "go", "java": "java", "rb": "R B", "php": "P H P", "sql": "sequel", "doc": "doc",
    "docx": "doc X", "xls": "X L S", "xlsx": "X L S X", "ppt": "P P T", "pptx": "P P T X", "bak": "back",
    "lock": "lock", "flac": "flack", "ogg": "ogg", "webp": "web P", "swift": "swift", "kt": "K T", "ipynb": "I pie N B",
    "safetensors": "safe tensors", "env": "env", "gitignore": "git ignore", "bashrc": "bash R C", "zshrc": "Z S H R C",
    "vimrc": "vim R C", "dll": "D L L", "so": "S O", "o": "O",
}
_FOLDERS = {
    "usr": "user", "tmp": "temp", "src": "source", "etc": "E T C", "cfg": "config", "img": "image", "pkg": "package",
}
_HOST = rf"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,62}})?\.){{1,5}}(?:{'|'.join(_TLDS)})\b"
_DOT_NET = ascii_regex(r"(?<!\S)\.(?=NET\b)")
_URL = ascii_regex(
    rf"(?<![\w@.])(?:(?:https?|ftp|wss?|file)://(?P<host>[^\s/?#\"'<>()]{{1,200}})|(?:www\.)?(?P<bare>{_HOST}))(?!@)"
    r"(?P<path>/[^\s?#\"'<>]{0,400})?(?P<rest>[?#][^\s\"'<>]{0,800})?", re.IGNORECASE)
_EMAIL = ascii_regex(
    r"(?<![\w.+-])(?:mailto:)?([A-Za-z0-9][\w.+-]{0,63})@((?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,12})\b")
_PATH = ascii_regex(r"(?<![\w./<)%°])(~|\.{1,2})?((?:/[\w.+-]{1,100})+/?)(?![\w/])")
_WINDOWS_PATH = ascii_regex(r"\b([A-Za-z]):((?:\\[\w.+ -]{1,60}?)+\\?)(?=[\s,;:!?)\"']|\.(?:\s|$)|$)")
_FILE = ascii_regex(rf"(?<![\w@])([A-Za-z0-9_][\w.-]{{0,80}})?\.({'|'.join(_EXTENSIONS)})\b(?![\w@]|\.[A-Za-z0-9])")
_EITHER = ascii_regex(r"\b(he|his|him|she|her|hers)/(he|his|him|she|her|hers)\b", re.IGNORECASE)
_TRAILING = ".,;:!?)'\"]*_"


def _say_host(host: str) -> str:
    host, _, port = re.sub(r"^www\.", "", host.rpartition("@")[2], flags=re.IGNORECASE).partition(":")
    labels = host.split(".")
    if len(labels) > 1 and len(labels[-1]) == 2 and labels[-1].lower() not in ("co", "me", "be"):
        labels[-1] = " ".join(labels[-1].upper())
    spoken = " dot ".join(label.replace("-", " dash ") for label in labels if label)
    return f"{spoken} port {' '.join(port)}" if port.isdigit() else spoken


def _say_path(path: str) -> str:
    """"/docs/a-b.html" -> slash docs slash a b dot H T M L."""
    parts = [_say_file(part) for part in path.strip("/").split("/") if part]
    return "".join(f" slash {part}" for part in parts)


def _say_file(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    name = f"{_say_file(stem)} dot {_EXTENSIONS.get(extension.lower(), extension)}" if dot else name
    name = _FOLDERS.get(name, name)
    return re.sub(r"%[0-9A-Fa-f]{2}|[-_+~=&%]+", " ", name)


def _url(match: re.Match[str]) -> str:
    """The host and the path; what follows a question mark or a hash is for machines, and nobody reads it out."""
    path, rest = match["path"] or "", match["rest"] or ""
    host = match["host"] or match["bare"]
    whole = host + path + rest
    tail = whole[len(whole.rstrip(_TRAILING)) :]
    if rest:
        tail = tail if rest.rstrip(_TRAILING) else rest
    elif path:
        path = path[: len(path) - len(tail)] if len(tail) < len(path) else ""
    elif tail:
        host = host[: -len(tail)]
    return f"{_say_host(host)}{_say_path(path)}{tail}"


@rewriter(r"\b([0-9]{1,3}(?:\.[0-9]{1,3}){3}|localhost):([0-9]{2,5})\b")
def _port(match: re.Match[str]) -> str:
    return f"{match[1]} port {' '.join(match[2])}"


def _email(match: re.Match[str]) -> str:
    local = match[1]
    for mark, word in ((".", " dot "), ("_", " underscore "), ("-", " dash "), ("+", " plus ")):
        local = local.replace(mark, word)
    return f"{local} at {_say_host(match[2])}"


def _path(match: re.Match[str]) -> str:
    lead = {"~": "home", ".": "dot", "..": "dot dot"}.get(match[1] or "", "")
    body = match[2].rstrip(".") if match[2].endswith(".") else match[2]
    return f"{lead}{_say_path(body)}".strip() + match[2][len(body) :]


def _windows_path(match: re.Match[str]) -> str:
    parts = [_say_file(part) for part in match[2].split("\\") if part]
    return f"{match[1].upper()} drive" + "".join(f" backslash {part}" for part in parts)


def _file(match: re.Match[str]) -> str:
    stem, extension = match[1], match[2]
    if stem and re.fullmatch(r"[0-9.]+", stem):
        return match[0]  # 3.so is no file
    return f"{_say_file(stem) if stem else ''} dot {_EXTENSIONS[extension]}".strip()


def read_links(text: str) -> str:
    """URLs, e-mail addresses, paths and file names as people say them."""
    if "@" in text:
        text = _EMAIL.sub(_email, text)
    if "." in text or "://" in text:
        text = _URL.sub(_url, text)
    if "\\" in text:
        text = _WINDOWS_PATH.sub(_windows_path, text)
    if "/" in text:
        text = _EITHER.sub(r"\1 or \2", text)
        text = _PATH.sub(_path, text)
    if "." in text:
        text = _FILE.sub(_file, _DOT_NET.sub("dot ", text))
    return _port(text) if ":" in text else text


# --- symbols ---------------------------------------------------------------------------------------------------------
_GREEK = dict(zip("αβγδεζηθικλνξοπρστυφχψω", listed(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda nu xi omicron pi rho sigma tau upsilon phi chi "
    "psi omega"
), strict=True))
_GREEK_LETTER = re.compile("(?<![α-ωΑ-Ωά-ώ])([α-ωΑ-Ω])(?![α-ωΑ-Ωά-ώ])")
_SYMBOLS = [(ascii_regex(pattern), spoken) for pattern, spoken in (
    # signs between figures come first: what they turn into hides the figures from the rules below
    (r"(?<=[0-9]) ?- ?(?=[0-9.]+ ?=)", " minus "),
    (r"(?<=[0-9]) - (?=[0-9])", " to "),
    (r"(?<=[0-9]) / (?=[0-9])", " divided by "),
    (r"(?<=[0-9)A-Za-z]) ?× ?(?=[0-9(A-Za-z])", " times "),
    (r"(?<=[0-9)]) ?\* ?(?=[0-9(A-Za-z])|(?<=\w) \* (?=\w)", " times "),
    (r"(?<=[\w)]) ?\+ ?(?=[\w(])", " plus "),
    (r"(?<=\w)\+(?!\w)", " plus"),
    (r"(?<!\S)\+(?=[0-9$£€])", "plus "),
    (r"<?[-=]+>|<-+(?=\s)", ", "),
    (r"!==?|<>(?=\s)", " is not equal to "),
    (r"<=", " less than or equal to "),
    (r">=", " greater than or equal to "),
    (r"(?<=[\w)\"'%]) ?[:+*/-]?={1,3} ?(?=[\w(\"'-])", " equals "),
    (r"(?<=[\w)]) ?< ?(?=[0-9(-])|(?<=\w) < (?=\w)|(?<![\w<])<(?=[0-9])", " less than "),
    (r"(?<=[\w)]) ?> ?(?=[0-9(-])|(?<=\w) > (?=\w)|(?<![\w>])>(?=[0-9])", " greater than "),
    (r"~ ?(?=[0-9$£€])", " about "),
    (r"(?<=[0-9])°", " degrees"),
    (r"(?<!\S)%(?!\S)", " percent "),
    # signs by themselves
    (r"\s*&+\s*", " and "),
    (r"\s?@ ?(?=[\w$£€])", " at "),
    (r"(?<!\w)#(?=[A-Za-z])", " hashtag "),
    (r"#(?=\s?[0-9])", " number "),
    (r"\$(?=\s|$)", " dollars "),
    ("£", " pounds "),
    ("€", " euros "),
    ("¥", " yen "),
    ("₹", " rupees "),
    ("µ", " micro "),
    ("•", ", "),
    (r"(?<=\s)\|(?=\s)", ", "),
    (r"(?<=[A-Za-z])/(?=\w)|(?<=[0-9])/(?=[A-Za-z])", " "),
    # punctuation
    (r"\[", "("),
    (r"\]", ")"),
    (r"(?<=[A-Za-z])–(?=[A-Za-z])", "-"),
    (r"(?<!\S)--(?=[a-z]+(?:-[a-z]+)*(?:[=\s.,;)\"']|$))", "dash dash "),
    (r"(?<!\S)-(?=[a-z]{1,2}(?![\w']))", "dash "),
    (r"–|-{2,}", " - "),
    (r"\.{4,}", "..."),
    (r"(?<=[A-Za-z0-9_)])\.(?=[a-z_])|(?<=[A-Z0-9_)])\.(?=[A-Z_])", " dot "),
    (r"(?<=[a-z)])\.(?=[A-Z])", ". "),
)]
_HAS_SYMBOL = re.compile(r"[^\w\s.,;:!?'\"()-]|--|\.{4}|[^\x00-\x7f]|[0-9] - [0-9]|\.(?=[A-Za-z_])|(?<!\S)-[a-z]")


def read_symbols(text: str) -> str:
    """Symbols as words where a person would say one; Greek letters that stand alone by their names."""
    if not _HAS_SYMBOL.search(text):
        return text
    if not text.isascii():
        text = _GREEK_LETTER.sub(lambda m: f" {_GREEK.get(m[1].lower(), m[1])} ", text)
    for pattern, spoken in _SYMBOLS:
        text = pattern.sub(spoken, text)
    return text
