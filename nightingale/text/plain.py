"""Text of other languages than English to sentences: cut at final marks, otherwise as it was typed.

Numbers and the like stay as they are: the rules that read them as words are English.
"""

import unicodedata
from collections.abc import Iterable, Iterator

from nightingale.text.patterns import regex
from nightingale.text.stream import Sentence

_END = regex(r"[.!?…؟।]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』”’）]*|\n[ \t]*(?:\n\s*)+")
_CLAUSE_END = regex(r"[,;:،؛](?=\s)|[、，；：]")
_MAX_WAITING = 2000  # characters without a sentence end, after which the text is cut


def read_plain_sentences(pieces: Iterable[str | None], max_chars: int) -> Iterator[Sentence | None]:
    """Yields each sentence as soon as its end is certain. None among the pieces ends the sentence and is passed on."""
    buffer, num_taken = "", 0
    paragraph = has_output = False
    for piece in _with_end(pieces):
        buffer += piece or ""
        while buffer:
            match = _END.search(buffer)
            # A run of marks or line ends may go on in the next piece.
            if match and (piece in (None, "") or match.end() < len(buffer)):
                cut = match.end()
            elif piece in (None, "") or len(buffer) > _MAX_WAITING:
                cut = min(len(buffer), _MAX_WAITING)
            else:
                break
            typed, buffer = buffer[:cut], buffer[cut:]
            for text in _shorten(_clean(typed), max_chars):
                yield Sentence(text, paragraph, typed, num_taken)
                has_output, paragraph = True, False
            num_taken += cut
            paragraph |= has_output and typed.rstrip(" \t").endswith("\n") and typed.count("\n") > 1
        if piece is None:
            yield None


def _with_end(pieces: Iterable[str | None]) -> Iterator[str | None]:
    """The pieces, and an empty one as the end."""
    yield from (piece for piece in pieces if piece != "")
    yield ""


def _clean(text: str) -> str:
    """Single blanks, no control characters; empty if there is nothing to speak."""
    spaced = (" " if char.isspace() else char for char in text)
    kept = "".join(char for char in spaced if unicodedata.category(char) != "Cc")
    return " ".join(kept.split()) if any(char.isalnum() for char in kept) else ""


def _shorten(text: str, max_chars: int) -> Iterator[str]:
    """Parts of at most max_chars, cut after a clause, else at a blank, else anywhere."""
    while len(text) > max_chars:
        clauses = [match.end() for match in _CLAUSE_END.finditer(text, max_chars // 3, max_chars)]
        cut = clauses[-1] if clauses else max(text.rfind(" ", 1, max_chars), 0) or max_chars
        yield text[:cut].strip()
        text = text[cut:].strip()
    if text:
        yield text
