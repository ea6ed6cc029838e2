"""Whether a line end in raw text ends a sentence, or was only put there by an editor that wraps long lines.

Evidence for the end: the next line begins as a list item, a log line or another record does; so does the line itself;
it has columns; the first word of the next line would have fitted on it. Evidence against: the line stops at a word or
mark that no sentence ends with, or the next line begins in lower case.

Three functions judge a line end, in this order. Each looks at more text, so that most ends are certain early.
"""

import unicodedata
from typing import NamedTuple

from nightingale.text.lexicon.sentences import FUNCTION_WORDS, PARTICLES, UNFINISHED
from nightingale.text.patterns import regex

NEXT_LINE = 100  # characters of the next line that may be looked at
_MAX_LINE = 200  # characters of a line that are kept
_SHORT_LINE = 40  # characters; a line this short was ended on purpose, not wrapped
_NARROW_LINE = 20  # the same if the lines before it belong to the same sentence
_MAX_WRAPPED = 140  # characters; a longer line is a paragraph by itself
_ODD = 0.25  # share of words that prose seldom has
_MARGIN = 8  # characters that a line wrapped by an editor may be shorter than it could have been

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# How records begin: log lines, files in `ls -l`, commits in `git log --oneline`, lines of a diff or a shell.
_RECORD = regex(
    r"[\[(]?[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ,]+[0-9]{2}:[0-9]{2}|[\[(]?[0-9]{1,2}:[0-9]{2}:[0-9]{2}\b"
    rf"|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?{_MONTH} +[0-9]{{1,2}} [0-9]{{2}}:[0-9]{{2}}|\[[0-9]{{1,2}}/{_MONTH}/"
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}\s|\[ *[0-9]+\.[0-9]{3,}\]|[-dlbcps](?:[r-][w-][xsStT-]){3}[.+@]?\s"
    r"|(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7,40}\s"
    r"|\[?(?:INFO|WARN|WARNING|ERROR|DEBUG|FATAL|CRITICAL|TRACE|NOTICE|FAILED|PASSED|SKIPPED)\b[]:]?\s"
    r"|\[ *[A-Z0-9][A-Z0-9/% ]*\]\s|@@ |\+\+\+ |\$ [a-z./~]|>>>\s")
_NEW_BLOCK = regex(
    r"\[[^\[\]\s]{1,60}\]:|[-*+•–✓✗]\s|\(?[0-9]{1,3}[.)]\s|\(?[A-Za-z]\)\s|#{1,6}\s|>|\||```|~~~|[-*_=]{3}")
_LIST_ITEM = regex(r"[-*+•–✓✗>]\s|\(?[0-9]{1,3}[.)]\s|\(?[A-Za-z]\)\s")
_DASH = regex(r"[-–] [a-z]")
_FENCE = regex(r"(?:```|~~~)[^`]*$")
_WHOLE_LINE = regex(r"[#|]|```|~~~|[-_=~]{3}")
_KEY = regex(r"[A-Z][A-Za-z0-9_-]{0,30}(?: [A-Z]?[a-z]+)?:\s")  # headers of e-mails, speakers in a play
_CUE_TIME = regex(r"(?:[0-9]{1,3}:)?[0-9]{2}:[0-9]{2}[.,][0-9]{3} --> ")  # of subtitles, before their text
_CUE = regex(r"(?:[^\n]{1,30}\n)?(?:[0-9]{1,3}:)?[0-9]{2}:[0-9]{2}[.,][0-9]{3} --> [^\n]*\n(\S[^\n]*)")
_TAGS = regex(r"(?:</?[a-z]{1,8}>)+")
_QUOTE = regex(r"(?:> ?)+")
_CAPITAL = regex(r"[\"'(\[*_$£€]*[A-Z0-9]")
_PLAIN_WORD = regex(r"[\"'(\[*_]*[A-Za-z][A-Za-z'-]*[\"')\]*_]*[.,;:!?]*[\"')]*$|-$|[$£€]?[0-9][0-9.,]*%?[.,;:)]*$")
# After a month the day of `date` and `ls -l` is padded; after a mark there is no column.
_GAP = regex(rf"(?<=[^ .!?:,;])(?<!\b{_MONTH}) {{2,}}(?=[^ ])")
_WIDE_GAP = regex("(?<=[^ .!?]) {3}(?=[^ ])")
_PERMISSIONS = regex(r"[-dlbcps](?:[r-][w-][xsStT-]){3}[.+@]? ")
_FILE_SIZE = regex(rf"(?<= )([0-9][0-9.]*)([KMGT]?)(?= +(?:{_MONTH} |[0-9]{{4}}-))")  # in ls -l
_SIZE = regex(r"(?:(?<= )|^)([0-9][0-9.]*)([KMGT])i?(?= |$)")  # in df -h, du -h, free -h
_MOUNTED_ON_ROOT = regex("(?<=% )/$")
_GAPS = regex(" {2,}")
_LETTERS, _DIGITS = regex("[A-Za-z]+"), regex("[0-9]+")
_MARKS = "\"'(),.;:!?*_`"


class Layout(NamedTuple):
    """The current line up to a position in the text, and the lines of its block before it.

    line: without indentation, at most its first _MAX_LINE characters. column: its characters, with indentation.
    widest: the widest line before it. num_ended: how often a line before it was ended on purpose. in_code: between the
    fences of a code block. in_cues: the block before it was a subtitle.
    """

    line: str = ""
    column: int = 0
    indent: int = 0
    widest: int = 0
    num_ended: int = 0
    in_code: bool = False
    in_cues: bool = False

    def extend(self, text: str) -> "Layout":
        """After more of the same line."""
        line = self.line if len(self.line) >= _MAX_LINE else (self.line + text)[:_MAX_LINE]
        return self._replace(line=line, column=self.column + len(text))

    def skip(self, gap: str) -> "Layout":
        """After white space, which may begin a new line or a new block."""
        newline = gap.rfind("\n")
        indent = len(gap) - newline - 1
        if newline < 0:
            return self.extend(gap) if self.line else self._replace(column=self.column + indent, indent=indent)
        in_code = self.in_code != (_FENCE.match(self.line) is not None)
        if "\n\n" in gap:
            return Layout(column=indent, indent=indent, in_code=in_code, in_cues=self.in_cues)
        in_cues = self.in_cues or _CUE_TIME.match(self.line) is not None
        return Layout("", indent, indent, max(self.widest, self.column), self.num_ended, in_code, in_cues)


class LineEnd(NamedTuple):
    """ends: the sentence. evidence: that lines are ended on purpose here, to be added to Layout.num_ended."""

    ends: bool
    evidence: int = 0


_JOINED, _ENDED = LineEnd(False), LineEnd(True)


def judge_alone(layout: Layout, gap: str) -> LineEnd | None:
    """The line end after `layout` without a look at the next line; None if that is needed. gap: the white space."""
    if _CUE_TIME.match(layout.line):
        return _JOINED
    ends = (gap.count("\n") > 1 and not layout.in_cues) or layout.in_code or _WHOLE_LINE.match(layout.line)
    return _ENDED if ends or _RECORD.match(layout.line) else None


def judge_cue(layout: Layout, end: str, after: str) -> LineEnd:
    """The blank line after a subtitle: a sentence may go on in the next one."""
    cue = _CUE.match(after)
    goes_on = cue and (_TAGS.sub("", cue[1])[:1].islower() or _is_unfinished(layout.line, _TAGS.sub("", end)))
    return _JOINED if goes_on else _ENDED


def judge_by_word(layout: Layout, end: str, word: str, joined: bool) -> LineEnd | None:
    """The same with the first word of the next line, and a blank after it; None if more of that line is needed.

    end: the last characters of the line; joined: whether the line belongs to one sentence with the line before it.
    """
    line = layout.line
    if line[:1] == word[0] == ">":
        return None
    if _NEW_BLOCK.match(word) and (layout.column <= _SHORT_LINE or word[0] not in "-–" or _LIST_ITEM.match(line)):
        return _ENDED
    wrapped = joined and line[:1].islower() and layout.column >= _NARROW_LINE
    if layout.column <= _SHORT_LINE and word[0].isupper() and not wrapped and not _is_unfinished(line, end):
        return LineEnd(True, 1)
    return None


def judge(layout: Layout, end: str, indent: int, following: str, beyond: str, joined: bool) -> LineEnd:
    """The same with the next line: its indentation, and its first NEXT_LINE characters with the line end.

    beyond: the first word of the line after that; empty if there is none in the block.
    """
    line, column = layout.line, layout.column
    if "<" in line or "<" in following:
        line, end, following = (_TAGS.sub("", text) for text in (line, end, following))
    if _CUE_TIME.match(following) and not layout.widest:
        return _JOINED
    quotes = _QUOTE.match(line), _QUOTE.match(following)
    if quotes[0] and quotes[1]:
        line, following = line[quotes[0].end() :], following[quotes[1].end() :]
        if quotes[0][0].count(">") != quotes[1][0].count(">") or not line or following.isspace():
            return _ENDED
    if _RECORD.match(following) or unicodedata.category(following[0]) == "So":
        return _ENDED
    if _NEW_BLOCK.match(following) and (end[-1:] == ":" or not _DASH.match(following)):
        return _ENDED
    lower, deeper = following[0].islower(), indent > layout.indent
    if has_columns(line):
        return _JOINED if lower and deeper else _ENDED
    if _is_unfinished(line, end):
        return _JOINED
    if has_columns(following):
        return _ENDED
    is_item, is_key = _LIST_ITEM.match(line) is not None, _KEY.match(line) is not None
    if deeper and column > _SHORT_LINE and is_key:
        return _JOINED
    if indent > layout.indent + 1 and not is_item and (not lower or column <= _SHORT_LINE):
        return _ENDED
    if _have_same_shape(line, following) or (is_key and _KEY.match(following)):
        return LineEnd(True, 1)
    words = following.split(maxsplit=1)
    free = max(layout.widest, indent + len(following.rstrip())) - column - 1 - len(words[0])
    oddness = _oddness(line)
    if lower:
        ended = not is_item and not joined and free > column and words[0].rstrip(".,;:") not in FUNCTION_WORDS
        next_oddness = _oddness(following) if column <= _SHORT_LINE and not is_item else 0.0
        return LineEnd(True, 2) if ended else LineEnd(max(oddness, next_oddness) >= _ODD)
    if layout.num_ended > 1 or column > _MAX_WRAPPED or end[-1:] == ":" or oddness >= _ODD / 2:
        return _ENDED
    if not _CAPITAL.match(following):
        return _JOINED
    wrapped = joined and line[:1].islower() and column >= _NARROW_LINE
    next_free = max(layout.widest, column) - indent - len(following) - len(beyond)
    next_ended = beyond and next_free >= _MARGIN and following.rstrip()[-1] not in ".!?"
    return LineEnd(bool(free >= _MARGIN or next_ended or (column <= _SHORT_LINE and not wrapped)), 1)


def _is_unfinished(line: str, end: str) -> bool:
    """Whether no sentence ends with the last word or mark of the line."""
    last = end.rsplit(" ", 1)[-1]
    if last in UNFINISHED or (last in PARTICLES and line.count(" ") > 1):
        return True
    return end[-1:] in ",;-(" or (line.count("(") > line.count(")") and len(line) < _MAX_LINE)


def _oddness(line: str) -> float:
    """The share of words with digits or signs in them. 0 if there is a word that prose cannot do without."""
    words = line.split()
    if any(word.strip("\"'(),.:;") in FUNCTION_WORDS for word in words):
        return 0.0
    return sum(not _PLAIN_WORD.match(word) for word in words) / len(words)


def _have_same_shape(line: str, following: str) -> bool:
    """Whether two lines begin alike, with a number or a sign: "12:30 Lunch", "13:00 Meeting"; or with the same word."""
    first, second = line.split(maxsplit=1)[0], following.split(maxsplit=1)[0]
    if first.lower() == second.lower() and len(first) > 2 and first.lower() not in FUNCTION_WORDS:
        return True
    shapes = [_DIGITS.sub("9", _LETTERS.sub("a", word)).strip(_MARKS) for word in (first, second)]
    return shapes[0] == shapes[1] and shapes[0].strip("a'-") != ""


def has_columns(line: str) -> bool:
    """Whether a line has wide gaps between words, as tables do."""
    return "   " in line and _WIDE_GAP.search(line) is not None


def collapse(raw: str) -> str:
    """The raw sentence with single blanks, without indentation, and with commas between the columns of a table."""
    return "\n".join(_collapse_line(line.strip()) for line in raw.split("\n"))


def _collapse_line(line: str) -> str:
    if _PERMISSIONS.match(line):
        line = _FILE_SIZE.sub(r"\1 \2B," if _SIZE.search(line) else r"\1 bytes,", line)
    elif "  " not in line:
        return line
    elif has_columns(line) and _SIZE.search(line) and ("/" in line or "i " in line):
        line = _MOUNTED_ON_ROOT.sub("slash", _SIZE.sub(r"\1 \2B", line))
    if has_columns(line) and len(_GAP.findall(line)) > 1:
        line = _GAP.sub(", ", line)
    return _GAPS.sub(" ", line)
