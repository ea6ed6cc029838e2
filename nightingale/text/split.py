"""Finds where sentences end: in raw text, which may arrive in pieces, and in normalized text.

The two differ: raw text has abbreviations and line ends (`find_cut`), in normalized text every final mark ends a
sentence (`split`).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from nightingale.text.full_stops import ends_sentence, may_be_abbreviation
from nightingale.text.lexicon.abbreviations import NAMES_WITH_MARK
from nightingale.text.lines import NEXT_LINE, Layout, LineEnd, judge, judge_alone, judge_by_word, judge_cue
from nightingale.text.patterns import regex

MAX_CHARS = 300  # of a sentence, unless the model reads less
CUT_MARK = ","  # ends a part of a sentence that was too long, so that the intonation does not end there
_MAX_RAW_CHARS = 1000  # a longer raw sentence is cut before it is normalized: this bounds the memory
_LOOKAHEAD = 64  # characters after a possible end that may decide it

_POSSIBLE_END = regex(r"(?<![.!?])[.!?]+[\"')\]*_`]*(?=\s)|\n[\n ]*")
_BEFORE_OPERATOR = regex(r"(?:(?<!\w)\w|[0-9]|\)|\s)$")  # perhaps a factorial, or the sign of a condition
_OPERATOR_AFTER = regex(r" (?:[=+*/<>&|×·-]|\\[a-z])")
_PERMISSIONS = regex(r"(?:[r-][w-][xsStT-]){3}$")  # "-rw-r--r--." of `ls -l`, where SELinux adds a full stop
_CLAUSE_END = regex(r"[,;:)](?=\s)|\s(?=-\s)")
_LIST_NUMBER = regex(r"(?:^|\n *)\(?[0-9]{1,3}$")
_LAST_WORD = regex(r"[A-Za-z.]+$")
_LONGEST_WORD = 40  # characters: no abbreviation is longer
_NAME = regex(r"(?<!\w)([A-Z][a-z]+)$")
_IN_SENTENCE = regex(r"[a-z0-9,] $")
_WHOLE_WORD = regex(r"\s*\S+\s")
_FIRST_WORD = regex(r"(\S+)(\s?)")
_NEXT_WORD = regex(r"\n| *\S+\s")
_LINE_PARTS = regex(r"\n[\n ]*|[^\n]+")
_CAPITAL = regex(r"[\"'(\[*_]*[A-Z0-9]")
_FIRST_PERSON = regex(r"I\b")
_SCRIPT_START = regex(r"<(script|style)\b[^<>]{0,400}>", re.IGNORECASE)


# --- raw text --------------------------------------------------------------------------------------------------------
class Cut(NamedTuple):
    """Where to cut raw text. sentence_end: false if it was only too long. layout: of the lines up to there."""

    position: int
    sentence_end: bool
    layout: Layout


def find_cut(text: str, layout: Layout, final: bool) -> Cut | None:
    """Where the first sentence of `text` ends; None if that depends on text that has not arrived.

    text: folded, without white space at its start; layout: of the lines before it; final: all text has arrived.
    A decision waits for all text that it looks at, so it does not depend on how the text was divided into pieces.
    """
    line_start, line_at, here = not layout.line, 0, layout
    scripts = _find_scripts(text, final)
    for match in _POSSIBLE_END.finditer(text, 0, _MAX_RAW_CHARS + _LOOKAHEAD):
        if match.end() > _MAX_RAW_CHARS:
            break
        if any(start <= match.end() <= end for start, end in scripts):
            continue
        mark, before = match[0], text[: match.start()]
        if mark[0] == "\n":
            here = here.extend(text[line_at : match.start()])
            verdict = _judge_line_end(here, text, match, joined=line_at > 0, final=final)
            if verdict is None:
                return None
            here = here._replace(num_ended=here.num_ended + verdict.evidence)
            if verdict.ends:
                return Cut(match.start(), True, here)
            here, line_at = here.skip(mark), match.end()
            continue
        ends = _mark_ends(before, mark, line_start)
        if ends is None:
            after = text[match.end() : match.end() + _LOOKAHEAD]
            if not final and len(after) < _LOOKAHEAD and not _WHOLE_WORD.match(after):
                return None
            ends = _mark_ends_before(before, mark, after)
        if ends:
            return Cut(match.end(), True, here.extend(text[line_at : match.end()]))
    return _forced_cut(text, layout, final)


def _judge_line_end(layout: Layout, text: str, gap: re.Match[str], joined: bool, final: bool) -> LineEnd | None:
    """Whether the line end `gap` in the text ends a sentence; None if that depends on text that has not arrived."""
    verdict = judge_alone(layout, gap[0])
    if verdict is not None:
        return verdict
    after = text[gap.end() : gap.end() + NEXT_LINE + _LOOKAHEAD]
    word = _FIRST_WORD.match(after)
    if not word or not (final or word[2] or len(after) >= NEXT_LINE):
        return None
    end = text[max(0, gap.start() - _LOOKAHEAD) : gap.start()]
    if gap[0].count("\n") > 1:
        return judge_cue(layout, end, after[:NEXT_LINE]) if final or len(after) >= NEXT_LINE else None
    verdict = judge_by_word(layout, end, word[1] + " ", joined)
    if verdict is not None:
        return verdict
    following, _, rest = after.partition("\n")
    if not (final or _NEXT_WORD.match(rest) or len(after) >= NEXT_LINE + _LOOKAHEAD):
        return None
    beyond = "" if rest[:1] == "\n" else (rest.split(maxsplit=1) or [""])[0]
    return judge(layout, end, len(gap[0]) - gap[0].rfind("\n") - 1, following[:NEXT_LINE] + "\n", beyond, joined)


def _find_scripts(text: str, final: bool) -> list[tuple[int, int]]:
    """Start and end of scripts and style sheets in HTML: no sentence ends inside. Those that are too long are read."""
    found: list[tuple[int, int]] = []
    if "<" not in text:
        return found
    lower = text[:_MAX_RAW_CHARS].lower()
    for opening in _SCRIPT_START.finditer(text, 0, _MAX_RAW_CHARS):
        if found and opening.start() < found[-1][1]:
            continue
        end = lower.find(f"</{opening[1].lower()}", opening.end())
        if end < 0 and (final or len(text) >= _MAX_RAW_CHARS):
            break
        found.append((opening.end(), end if end >= 0 else _MAX_RAW_CHARS))
    return found


def _forced_cut(text: str, layout: Layout, final: bool) -> Cut | None:
    """The end of all text; or a cut in a sentence that is too long: after a clause, else at a blank, else anywhere."""
    if len(text) <= _MAX_RAW_CHARS:
        return Cut(len(text), True, _read_layout(layout, text)) if final and text else None
    if len(text) < _MAX_RAW_CHARS + _LOOKAHEAD and not final:
        return None
    clauses = [match.end() for match in _CLAUSE_END.finditer(text, _MAX_RAW_CHARS // 2, _MAX_RAW_CHARS)]
    if clauses:
        cut = clauses[-1]
    else:
        blank = max(text.rfind(" ", 1, _MAX_RAW_CHARS), text.rfind("\n", 1, _MAX_RAW_CHARS))
        cut = blank if blank > 0 else _MAX_RAW_CHARS
    return Cut(cut, False, _read_layout(layout, text[:cut]))


def _read_layout(layout: Layout, text: str) -> Layout:
    """The layout after text in which no line end ends a sentence."""
    for part in _LINE_PARTS.findall(text):
        layout = layout.skip(part) if part[0] == "\n" else layout.extend(part)
    return layout


def _mark_ends(before: str, mark: str, line_start: bool) -> bool | None:
    """Whether `.`, `!` or `?` ends a sentence; None if that depends on the next word."""
    if mark[-1] not in ".!?" or mark.startswith(".."):
        return None
    if mark != ".":
        return None if _is_name_with_mark(before, mark) or _BEFORE_OPERATOR.search(before) else True
    if before[-1:] == " ":
        return None  # perhaps one of . . .
    if _PERMISSIONS.search(before):
        return False
    if (number := _LIST_NUMBER.search(before)) and (number.start() > 0 or before[:1] == "\n" or line_start):
        return False
    word = _LAST_WORD.search(before, max(len(before) - _LONGEST_WORD, 0))
    return None if word and may_be_abbreviation(word[0]) else True


def _is_name_with_mark(before: str, mark: str) -> bool:
    """Whether the mark may belong to a name: "Yahoo! is", "a show named Oliver! was"."""
    word = _NAME.search(before) if mark == "!" else None
    return word is not None and (word[1] in NAMES_WITH_MARK or _IN_SENTENCE.search(before[: word.start()]) is not None)


def _is_operator(before: str, mark: str, after: str) -> bool:
    """Whether the mark is one of a formula or a program: 5! = 120, find . -name x, a ? 1 : 0."""
    spaced = before[-1:] == " "
    if mark == "!" or not spaced:
        return mark == "!" and bool(_BEFORE_OPERATOR.search(before) and _OPERATOR_AFTER.match(after))
    return re.match(r" (?:[=+*/<>&|-]|[0-9])" if mark == "?" else r" [/|&>-]\S", after) is not None


def _mark_ends_before(before: str, mark: str, after: str) -> bool:
    """The same with the next word: for abbreviations, ellipses, closing quotes and brackets."""
    following = (after.split(maxsplit=1) or [""])[0]
    if mark in (".", "!", "?") and _is_operator(before, mark, after):
        return False
    if mark == "." and before[-1:] == " ":
        if following.startswith(".") or not before.endswith(". "):
            return not following.startswith(".")
        mark = "..."
    if mark == ".":
        word = _LAST_WORD.search(before, max(len(before) - _LONGEST_WORD, 0))
        assert word is not None
        return ends_sentence(before[: word.start()], word[0], following)
    if mark == "!":
        return not following[:1].islower()
    if mark.startswith("..") and (before[-1:] in "])>" or mark.startswith(".....")):
        return False  # [OPTION]... in a synopsis; progress and tables of contents
    if mark.startswith(".."):
        return not following or (_CAPITAL.match(following) is not None and not _FIRST_PERSON.match(following))
    return not following[:1].islower()


# --- normalized text -------------------------------------------------------------------------------------------------
_LETTER = regex("[A-Za-z]")
_FINAL_MARK = regex(r"[.!?][\"')]*$")
_SENTENCE_END = regex(
    r"(?:\.\.\.[\"')]*(?=\s+(?!I\b)[^a-z\s])|[.!?][\"')]+(?=\s+[^a-z\s])|(?<!\.)[.!?])(?=\s)")
# Where to cut a long sentence, the best kind first: clauses, brackets and dashes, small words, blanks.
_CUTS = (
    regex(r"[;:,](?=\s)|[.!?][\"')]*(?=\s)"),
    regex(r"\)(?=\s)|(?=\s-\s)|(?=\s\()"),
    regex(r"(?=\s(?:and|or|but|because|which|that|who|when|where|while|if|so|then|with|for|from|to|in)\s)"),
    regex(r"(?=\s)"),
)


def split(text: str, max_chars: int = MAX_CHARS) -> list[str]:
    """Normalized text to sentences of at most `max_chars` (2 or more), each with a letter and a final mark.

    Longer sentences are cut after a clause, else before a small word, else at a blank, else anywhere. These parts end
    in CUT_MARK.
    """
    sentences, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        sentences.append(text[start : match.end()])
        start = match.end()
    sentences.append(text[start:])
    parts = (part for sentence in sentences for part in _shorten(sentence.strip(), max(max_chars, 2)))
    return [part for part in parts if part]


def _shorten(sentence: str, max_chars: int) -> Iterator[str]:
    """One sentence in parts of about the same length, none longer than `max_chars` with its final mark."""
    rest = sentence
    while len(with_final_mark(rest, ".")) > max_chars:
        count = -(-len(rest) // (max_chars - 1))
        cut = _best_cut(rest, len(rest) / count, max_chars - 1)
        yield with_final_mark(rest[:cut].strip(), CUT_MARK)
        rest = rest[cut:].strip()
    yield with_final_mark(rest, ".")


def _best_cut(text: str, target: float, limit: int) -> int:
    """Of the places of the best kind up to `limit`, the one nearest to `target`."""
    for kind in _CUTS:
        places = [match.end() for match in kind.finditer(text, limit // 4, limit + 1) if match.end() <= limit]
        if places:
            return min(places, key=lambda place: abs(place - target))
    return limit


def with_final_mark(text: str, mark: str) -> str:
    """The text with a final mark: its own if it has one. Empty if the text has no letter."""
    if not _LETTER.search(text):
        return ""
    if _FINAL_MARK.search(text):
        return text
    body = text.rstrip("\"'")
    closing = text[len(body) :]
    bare = body.rstrip(" ,;:-")
    if body[len(bare) :].strip(" :-"):
        mark = ","  # the text ended in a comma or semicolon
    return f"{bare}{mark}{closing}"
