"""Where sentences end: in raw text, which may come in pieces, and in text that is normalized already.

Knows lines, punctuation and lengths; what a full stop behind a word means it asks words.py.
"""

import re
from collections.abc import Iterator

from nightingale.text.rules.abbreviations import may_abbreviate, period_ends
from nightingale.text.rules.numbers import ascii_regex, listed

MAX_CHARS = 300
CUT_MARK = ","  # ends a part of a sentence that was too long: the voice goes on, it does not conclude
_MAX_RAW = 1000  # a raw sentence longer than this is cut before it is expanded, so memory is bounded
_LOOKAHEAD = 64  # characters behind a possible end that may decide it
_LETTER = re.compile("[A-Za-z]")
_FINAL = re.compile(r"[.!?][\"')]*$")


# --- where raw text may be cut ---------------------------------------------------------------------------------------
_CANDIDATE = re.compile(r"(?<![.!?])[.!?]+[\"')\]*_`]*(?=\s)|\n+")
_NEXT_BLOCK = ascii_regex(r"\[[^\[\]\s]{1,60}\]:|[-*+•]\s|[0-9]{1,3}[.)]\s|#{1,6}\s|>|\||```|~~~|[-*_=]{3}")
_CLAUSE = re.compile(r"[,;:)](?=\s)|\s(?=-\s)")
_LIST_NUMBER = re.compile(r"(?:^|\n)\(?[0-9]{1,3}$")
_LAST_WORD = ascii_regex(r"[A-Za-z.]+$")
_TOKEN_KNOWN = re.compile(r"\s*\S+\s")
_CAPITAL = ascii_regex(r"[\"'(\[*_]*[A-Z0-9]")
_FIRST_PERSON = ascii_regex(r"I\b")
_SHORT_LINE = 40  # a line this short was not wrapped, it was ended
_NARROW_LINE = 20  # but if the sentence runs over lines already, it goes on behind lines of this length
# a line that ends in one of these goes on; in one of the latter, if it is no button: Log in
_GOES_ON = frozenset(listed(
    "a an the this that these those my your his her its our their of at to for from with without under into onto upon "
    "above across after against along among before behind below beneath beside between beyond during near toward "
    "towards until and or but nor as than if because while when where which who whose is are was were be been am has "
    "have had will would can could shall should may might must does did very Mr Mrs Ms Dr A An The And Or But Of"
))
_PARTICLES = frozenset(listed("in on over off by about around through up down do not"))
_OPEN_HIDDEN = ascii_regex(r"<(script|style)\b[^<>]{0,400}>", re.IGNORECASE)


def find_cut(text: str, column: int, line_start: bool, final: bool) -> tuple[int, bool] | None:
    """Where the first sentence of `text` ends, and whether that is a real end; None: more text is needed to know.

    text: folded, not beginning with white space; column: how many characters of its line came before it.
    Every decision looks at the next word only, so it does not matter in which pieces the text came in.
    """
    hidden = _hidden(text, final)
    for match in _CANDIDATE.finditer(text, 0, _MAX_RAW + _LOOKAHEAD):
        if match.end() > _MAX_RAW:
            break
        if any(start <= match.end() <= end for start, end in hidden):
            continue
        after = text[match.end() : match.end() + _LOOKAHEAD]
        known = final or len(after) == _LOOKAHEAD or _TOKEN_KNOWN.match(after) is not None
        line_end = match[0][0] == "\n"
        before = text[: match.start()]
        ends = _line_ends(before, match[0], after, column, line_start) if line_end else _mark_ends(
            before, match[0], after, line_start)
        if ends is None and not known:
            return None
        if ends or (ends is None and (_next_line_ends(before, after, column) if line_end else _next_word_ends(
                before, match[0], after))):
            return (match.start() if line_end else match.end()), True
    return _forced_cut(text, final)


def _hidden(text: str, final: bool) -> list[tuple[int, int]]:
    """Where the scripts and style sheets of a page are; one that is too long to be held is read."""
    found: list[tuple[int, int]] = []
    if "<" not in text:
        return found
    lower = text[:_MAX_RAW].lower()
    for opening in _OPEN_HIDDEN.finditer(text, 0, _MAX_RAW):
        if found and opening.start() < found[-1][1]:
            continue
        end = lower.find(f"</{opening[1].lower()}", opening.end())
        if end < 0 and (final or len(text) >= _MAX_RAW):
            break
        found.append((opening.end(), end if end >= 0 else _MAX_RAW))
    return found


def _forced_cut(text: str, final: bool) -> tuple[int, bool] | None:
    """What is left is the last sentence, or too long for one: then it is cut at a clause, at a blank, or anywhere."""
    if len(text) <= _MAX_RAW:
        return (len(text), True) if final and text else None
    if len(text) < _MAX_RAW + _LOOKAHEAD and not final:
        return None
    clauses = [m.end() for m in _CLAUSE.finditer(text, _MAX_RAW // 2, _MAX_RAW)]
    if clauses:
        return clauses[-1], False
    blank = max(text.rfind(" ", 1, _MAX_RAW), text.rfind("\n", 1, _MAX_RAW))
    return (blank if blank > 0 else _MAX_RAW), False


def _mark_ends(before: str, mark: str, after: str, line_start: bool) -> bool | None:
    """Whether `.`, `!` or `?` ends a sentence; None if the next word decides it."""
    if mark[-1] not in ".!?" or mark.startswith(".."):
        return None
    if mark != ".":
        return True
    if before[-1:] == " ":
        return None  # perhaps one of . . .
    if (number := _LIST_NUMBER.search(before)) and (number.start() > 0 or before[:1] == "\n" or line_start):
        return False
    word = _LAST_WORD.search(before)
    return None if word and may_abbreviate(word[0]) else True


def _next_word_ends(before: str, mark: str, after: str) -> bool:
    """The same where the word behind decides: after abbreviations, ellipses, closing quotes and brackets."""
    following = (after.split(maxsplit=1) or [""])[0]
    if mark == "." and before[-1:] == " ":
        if following.startswith(".") or not before.endswith(". "):
            return not following.startswith(".")
        mark = "..."
    if mark == ".":
        word = _LAST_WORD.search(before)
        assert word is not None
        return period_ends(before[: word.start()], word[0], following)
    if mark.startswith(".."):
        return not following or (_CAPITAL.match(following) is not None and not _FIRST_PERSON.match(following))
    return not following[:1].islower()


def _line_ends(before: str, gap: str, after: str, column: int, line_start: bool) -> bool | None:
    """Whether a line end ends a sentence; None if the next line decides it."""
    line = before[before.rfind("\n") + 1 :]
    whole = line_start if line is before else True
    return True if len(gap) > 1 or (whole and line[:1] in "#|`") else None


def _next_line_ends(before: str, after: str, column: int) -> bool:
    """The same by the next line: a list item or heading, or a short line and a capital behind it."""
    if _NEXT_BLOCK.match(after):
        return True
    line = before[before.rfind("\n") + 1 :]
    wrapped = line is not before and line[:1].islower() and len(line) >= _NARROW_LINE
    last = line.rsplit(" ", 1)[-1]
    if wrapped or last in _GOES_ON or (last in _PARTICLES and line.count(" ") > 1):
        return False
    length = len(line) + (column if len(line) == len(before) else 0)
    return length <= _SHORT_LINE and line[-1:] not in ".!?,;-(" and bool(_CAPITAL.match(after))


# --- normalized text to sentences ------------------------------------------------------------------------------------
_SENTENCE_END = ascii_regex(
    r"(?:\.\.\.[\"')]*(?=\s+(?!I\b)[^a-z\s])|[.!?][\"')]+(?=\s+[^a-z\s])|(?<!\.)[.!?])(?=\s)")
_CUTS = (re.compile(r"[;:,](?=\s)|[.!?][\"')]*(?=\s)"), re.compile(r"\)(?=\s)|(?=\s-\s)|(?=\s\()"),
         re.compile(r"(?=\s(?:and|or|but|because|which|that|who|when|where|while|if|so|then|with|for|from|to|in)\s)"),
         re.compile(r"(?=\s)"))


def split(text: str, max_chars: int = MAX_CHARS) -> list[str]:
    """Normalized text to sentences of at most `max_chars` (2 or more), each with a letter and with a final mark.

    What is longer is cut at clauses, else before a small word, else at a blank, else anywhere; such parts end in
    CUT_MARK.
    """
    sentences, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        sentences.append(text[start : match.end()])
        start = match.end()
    sentences.append(text[start:])
    parts = (part for sentence in sentences for part in _shorten(sentence.strip(), max(max_chars, 2)))
    return [part for part in parts if part]


def _shorten(sentence: str, max_chars: int) -> Iterator[str]:
    """One sentence in parts of even length; the final mark is counted in."""
    rest = sentence
    while len(finish(rest, ".")) > max_chars:
        count = -(-len(rest) // (max_chars - 1))
        cut = _best_cut(rest, len(rest) / count, max_chars - 1)
        yield finish(rest[:cut].strip(), CUT_MARK)
        rest = rest[cut:].strip()
    yield finish(rest, ".")


def _best_cut(text: str, target: float, limit: int) -> int:
    """The place for a cut of the best kind there is, nearest to `target`, at most `limit`."""
    for kind in _CUTS:
        places = [m.end() for m in kind.finditer(text, limit // 4, limit + 1) if m.end() <= limit]
        if places:
            return min(places, key=lambda place: abs(place - target))
    return limit


def finish(text: str, mark: str) -> str:
    """With a final mark; without a letter there is nothing to speak."""
    if not _LETTER.search(text):
        return ""
    if _FINAL.search(text):
        return text
    body = text.rstrip("\"'")
    closers = text[len(body) :]
    bare = body.rstrip(" ,;:-")
    if body[len(bare) :].strip(" :-"):
        mark = ","  # what was left open stays open
    return f"{bare}{mark}{closers}"
