"""Text that arrives in pieces to sentences as they are spoken. The package docstring describes the steps."""

import logging
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nightingale.text.characters import CharacterFolder, DroppedCharacters, find_folded
from nightingale.text.lines import Layout, collapse
from nightingale.text.normalize import normalize_sentence
from nightingale.text.patterns import regex
from nightingale.text.respelling import NO_RESPELLING, Respelling
from nightingale.text.split import CUT_MARK, MAX_CHARS, find_cut, split
from nightingale.text.words import divide

logger = logging.getLogger(__name__)

_SLICE = 4096  # characters handled at once: cutting off the front of a string copies the rest of it
_MAX_INDENT = 16
_WHITE_SPACE = regex(r"[ \n]{2,}")


class Sentence(NamedTuple):
    """One sentence to speak.

    paragraph: whether a blank line came before it; always false for the first one. typed: the input that it was made
    of. start: the index of its first character in the whole input.
    """

    text: str
    paragraph: bool
    typed: str = ""
    start: int = 0


class SentenceStream:
    """Yields each sentence of a text as soon as its end is certain.

    The result does not depend on how the text is divided into pieces, and memory is bounded for any text.
    `feed`, `flush` and `close` are generators: they do their work while they are iterated.
    """

    def __init__(self, max_chars: int = MAX_CHARS, respelling: Respelling = NO_RESPELLING) -> None:
        """max_chars: of a normalized sentence; longer ones are cut."""
        self._max_chars, self._respelling = max_chars, respelling
        self._folder = CharacterFolder()
        self._dropped = DroppedCharacters()
        self._buffer = ""
        self._layout = Layout()
        self._typed = ""  # the input behind the buffer, not folded
        self._num_taken = 0  # characters of the input before it
        self._new_paragraph = False
        self._has_input = self._has_output = False

    def feed(self, piece: str) -> Iterator[Sentence]:
        """Yields the sentences that end within this piece."""
        for start in range(0, len(piece), _SLICE):
            self._typed += piece[start : start + _SLICE]
            self._append(self._folder.feed(piece[start : start + _SLICE]))
            yield from self._take_sentences(final=False)

    def flush(self) -> Iterator[Sentence]:
        """Yields what waits, as it stands: the text pauses. The next piece begins a sentence."""
        yield from self._take_sentences(final=True)

    def close(self) -> Iterator[Sentence]:
        """Yields the rest: the text has ended."""
        self._append(self._folder.close())
        yield from self._take_sentences(final=True)

    @property
    def warnings(self) -> list[str]:
        """What was left out so far, a line for each kind."""
        nothing = ["the text has nothing that can be spoken"] if self._has_input and not self._has_output else []
        return self._dropped.warnings() + nothing

    def _append(self, folded: str) -> None:
        body = self._buffer.rstrip(" \n")
        self._buffer = body + _WHITE_SPACE.sub(_shorten_white_space, self._buffer[len(body) :] + folded)

    def _take_sentences(self, final: bool) -> Iterator[Sentence]:
        """Removes the complete sentences from the buffer and yields them in normalized form."""
        while True:
            text = self._buffer.lstrip(" \n")
            gap = self._buffer[: len(self._buffer) - len(text)]
            layout = self._layout.skip(gap)
            cut = find_cut(text.rstrip(" \n") if final else text, layout, final)
            if cut is None:
                if not text:
                    self._take_typed(len(self._typed) - self._folder.num_held)
                return
            begin, end = find_folded(self._typed, text[: cut.position])
            raw, self._buffer, self._layout = collapse(text[: cut.position]), text[cut.position :], cut.layout
            self._has_input = True
            typed, at = self._typed[begin:end], self._num_taken + begin
            self._take_typed(end)
            self._new_paragraph |= "\n\n" in gap and self._has_output
            mark = "." if cut.sentence_end else CUT_MARK
            spoken = normalize_sentence(raw, not layout.line, self._dropped, mark, self._respelling)
            parts = list(split(spoken, self._max_chars))
            for part, (begin, end) in zip(parts, divide(typed, parts), strict=False):
                yield Sentence(part, self._new_paragraph, typed[begin:end], at + begin)
                self._has_output, self._new_paragraph = True, False

    def _take_typed(self, count: int) -> None:
        self._typed, self._num_taken = self._typed[count:], self._num_taken + count


def _shorten_white_space(match: re.Match[str]) -> str:
    """One or two line ends with the indentation after them, or up to three blanks: columns of a table."""
    lines, _, indentation = match[0].rpartition("\n")
    if len(indentation) == len(match[0]):
        return indentation[:3]
    return ("\n\n" if "\n" in lines else "\n") + indentation[:_MAX_INDENT]


def read_sentences(
    pieces: Iterable[str | None], max_chars: int = MAX_CHARS, respelling: Respelling = NO_RESPELLING
) -> Iterator[Sentence | None]:
    """Yields each sentence as soon as its end is certain. Logs warnings about characters that were left out.

    None among the pieces is a pause of the writer: it ends the sentence before it, and is passed on.
    """
    stream = SentenceStream(max_chars, respelling)
    for piece in pieces:
        if piece is None:
            yield from stream.flush()
            yield None
        else:
            yield from stream.feed(piece)
    yield from stream.close()
    for warning in stream.warnings:
        logger.warning("%s", warning)


def normalize(text: str) -> tuple[str, list[str]]:
    """A whole text as it will be spoken, in the alphabet of the models, and warnings about what was left out."""
    stream = SentenceStream(max_chars=max(len(text) * 100, 2))
    sentences = [*stream.feed(text), *stream.close()]
    return " ".join(sentence.text for sentence in sentences), stream.warnings
