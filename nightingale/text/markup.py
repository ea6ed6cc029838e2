"""Removes Markdown and HTML from a raw sentence, and emoticons. Numbered list items become words: "1. Milk"."""

import re

from nightingale.text.characters import fold
from nightingale.text.lexicon.names import HTML_TAGS
from nightingale.text.number_words import cardinal
from nightingale.text.patterns import regex, rule

_TAG = regex(rf"</?(?:{'|'.join(HTML_TAGS)})(?:\s[^<>]{{0,400}})?/?>|<!--[^>]{{0,400}}-->", re.IGNORECASE)
_AUTOLINK = regex(r"<((?:https?://|mailto:)[^<>\s]{1,400})>")
_SCRIPT = regex(r"<(script|style)\b[^<>]{0,400}>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TARGET = r"(?:[^()\s]|\([^()\s]{0,100}\)){0,400}"
_LINK = regex(rf"!?\[([^\[\]\n]{{0,400}})\](?:\({_TARGET}(?:\s\"[^\"\n]{{0,200}}\")?\)|\[[^\[\]\n]{{0,100}}\])")
_LINK_DEFINITION = regex(r"\[(?!\^)[^\[\]]{1,100}\]:[ ]+(?:<[^<>]*>|\S*[/#:.]\S*)(?:[ ]+[\"'(].*)?$")
_FOOTNOTE = regex(r"(?<=[A-Za-z\u0300-\u0327.,;:!?\"')])(?:\[(?:[0-9]{1,3}|\^[^\]\s]{1,20}|citation needed)\])+")
_FOOTNOTE_TEXT = regex(r"\[\^[^\[\]\s]{1,20}\]:[ ]*")
# "> " of a quotation, "$ " of a shell; "> 5 people" and ">= 3" are comparisons.
_COMPARED = r"[=$£€~]|[^\S\n]?[$£€]?[0-9][0-9.,]*[kKMB%]?(?: ?[a-z%°]|$)"
_QUOTE_OR_PROMPT = regex(rf"(?:>(?!{_COMPARED}) ?)*(?:\$ (?=[a-z./~]))?")
_HEADING = regex(r"(#{1,6})[ ]+(.*?)[ ]*#*$")
_BULLET = regex(r"(?:[-*+•–✓] )+(?:\[[ xX]\] )?")
_NUMBERED_ITEM = regex(r"\(?([0-9]{1,3})[.)] (?=\S)(?![0-9]{3,4}[-. ][0-9]{3,4}\b)")  # not (555) 123-4567
_LETTERED_ITEM = regex(r"\(?([A-Za-z])\) (?=\S)")
_CUE = regex(r"(?:^|\n+)(?:[^\n]{1,60}\n)?(?:[0-9]{1,3}:)?[0-9]{2}:[0-9]{2}[.,][0-9]{3} --> [^\n]*|^WEBVTT\b.*$")
_CUE_TAG = regex(r"</?[cv](?:[. ][^<>]{0,100})?>|<[0-9:.]{5,15}>")
_HORIZONTAL_RULE = regex(r"[ ]*(?:(?:[-*_=~+|:]\s?){3,}|```.*|~~~.*)$")
_DECORATED = regex(r"[-=_*~#]{3,} (.*?)(?: [-=_*~#]{3,})?$")  # === title ===
_KERNEL_TIME = regex(r"\[ *[0-9]{1,7}\.[0-9]{6}\] (?=\S)")  # of dmesg
_COMMIT = regex(r"(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,40}(?= [A-Za-z])")  # of git log --oneline
_LEADERS = regex(r" ?\.{5,}")  # dots of a table of contents, or of progress
_EMPHASIS = regex(r"(\*{1,3}(?![./])|~~|\b_{1,3}|(?<!\w)_{1,3})(?=\S)(.*?[^\s/])\1(?!\w)")
_ESCAPED = regex(r"(?<!\\)\\([*_`~#|>$%&{}])")
_SHORT_CODE = regex(r"(?<![\w:]):([a-z][a-z_]{2,30}):(?![\w:])")  # :smile:
_HIGHLIGHT = regex(r"(?<!\S)==(?=[^\s=])([^=\n]{1,80})(?<=\S)==(?![\w=])")
_ORDINAL_SIGN_AS_DEGREE = regex(r"(?<=[0-9]) ?º(?= ?[CF]\b)")  # typed on Spanish keyboards; else as in 1º, Nº
# Eyes of 8 or x need a nose or a laugh, and "=3" and "x <3" are comparisons: an emoticon takes no number or word away.
_EMOTICON = regex(
    r"(?<![\w(])(?:[:;]['^]?-?[)(DPpOo3/\\|\]\[*]{1,3}|(?<!\b[A-Za-z] )='?-?[)(DPp/\\|\]\[]{1,3}|8-[)(]{1,3}"
    r"|[xX](?:-?D+|-[)(]+)|(?<!\b[A-HJ-Za-z0-9] )(?<![0-9] )<3(?!\.[0-9])|\^_?\^|-_-|¯\\_\(.{1,3}\)_/¯)(?=[\s.,!?]|$)")

_EMOTICON_SIGN = regex(r"[:;=<^¯]|-_-|8-|[xX][-D()]")  # most sentences have none


def strip_markup(text: str, line_start: bool) -> str:
    """The sentence on one line, without marks. line_start: whether it begins at the start of a line."""
    if "º" in text:
        text = _ORDINAL_SIGN_AS_DEGREE.sub("°", text).replace("º", "o")
    if "....." in text:
        text = _LEADERS.sub(",", text)
    if "]..." in text:
        text = text.replace("]...", "]")  # [OPTION]... in a synopsis
    if "&" in text:
        text = _entities(text)
    if (" --> " in text and "\n" in text) or text.startswith("WEBVTT"):
        text = _CUE.sub("\n", text).strip("\n")
    if "<" in text:
        text = _TAG.sub(" ", _AUTOLINK.sub(r"\1", _CUE_TAG.sub("", _SCRIPT.sub(" ", text))))
    lines = text.split("\n")
    if "[" in text:
        lines = ["" if (line_start or i) and _LINK_DEFINITION.match(line) else line for i, line in enumerate(lines)]
        text = _LINK.sub(r"\1", _LINK.sub(r"\1", "\n".join(lines)))  # twice: a picture may be a link's text
        lines = _FOOTNOTE.sub("", text).split("\n")
    text = "\n".join(_strip_line(line) if line_start or i else line for i, line in enumerate(lines))
    if "\\" in text:
        text = _ESCAPED.sub(_unescape, text)
    if ":" in text:
        text = _SHORT_CODE.sub(lambda match: f" {match[1].replace('_', ' ')} ", text)
    if "==" in text:
        text = _HIGHLIGHT.sub(r"\1", text)
    if "*" in text or "_" in text or "~~" in text:
        text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", text))  # twice: **_both_**
    if "\n" in text:
        text = re.sub(r"(?<=\w)-\n(?=[a-z])", "-", text).replace("\n", " ")
    if _EMOTICON_SIGN.search(text):
        text = _EMOTICON.sub(" ", text)
    return text.replace("`", "" if text.count("`") > 1 else "'")


def _unescape(match: re.Match[str]) -> str:
    r"""\# -> #, but \* is no emphasis."""
    return "" if match[1] == "*" else match[1]


@rule(r"&(?:[A-Za-z]{2,8}|#x?[0-9A-Fa-f]{1,6});")
def _entities(match: re.Match[str]) -> str:
    """&amp; -> &"""
    from html import unescape  # its table of entities takes 3 ms to load

    return fold(unescape(match[0]))


def _strip_line(line: str) -> str:
    """A whole line without the marks of quotations, headings, lists and tables."""
    line = _QUOTE_OR_PROMPT.sub("", line, count=1)
    if _HORIZONTAL_RULE.match(line):
        return ""
    line = _KERNEL_TIME.sub("", line, count=1)
    if match := _COMMIT.match(line):
        return f"{match[0]}, {line[match.end() :].lstrip()}"
    if match := _DECORATED.match(line):
        line = match[1]
    if line.startswith("[^"):
        line = _FOOTNOTE_TEXT.sub("", line, count=1)
    if match := _HEADING.match(line):
        return match[2]
    if match := _BULLET.match(line):
        line = line[match.end() :]
    if match := _NUMBERED_ITEM.match(line):
        return f"{cardinal(int(match[1])).capitalize()}, {line[match.end() :]}"
    if match := _LETTERED_ITEM.match(line):
        label = {"i": "One", "v": "Five"}.get(match[1], match[1].upper())  # the first and fifth of (i), (ii), (iii)
        return f"{label}, {line[match.end() :]}"
    if line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        return ", ".join(cell for cell in cells if cell and not re.fullmatch(r"[:\s-]*", cell))
    return line
