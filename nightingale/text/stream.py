"""Text to sentences as they are spoken: str to str, nothing of models, no mlx.

The order, which the whole front end rests on:
1. Characters are folded to ASCII and a few symbols (characters.py); white space becomes one blank, one line end, or one
   blank line.
2. The raw text is cut into sentences. Only here does a full stop have to be understood: `period_ends` in words.py knows
   that those of `Dr.`, `e.g.`, `J. K.` end nothing, and `3.5` or `example.com` have no white space behind them.
3. Each raw sentence is expanded by itself. All its inner full stops belong to numbers, abbreviations, links and names,
   and are gone after that: what is left of `.`, `!` and `?` ends a sentence.
4. So normalized text can be split again by punctuation alone (`split`), which also cuts what is too long.

`SentenceStream` is the one path for these steps; `normalize` is feeding it everything and joining what comes.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from nightingale.text.characters import ALPHABET, Dropped, Folder
from nightingale.text.normalize import spoken_form
from nightingale.text.split import CUT_MARK, MAX_CHARS, find_cut, split

__all__ = ["ALPHABET", "CUT_MARK", "MAX_CHARS", "Sentence", "SentenceStream", "normalize", "split"]

_SLICE = 4096  # a long piece is worked on in slices, as cutting the front off a string copies the rest


class Sentence(NamedTuple):
    """One sentence to speak. paragraph: a blank line stood before it (never for the first one)."""

    text: str
    paragraph: bool


_WHITE = re.compile(r"[ \n]{2,}")


def _one_gap(match: re.Match[str]) -> str:
    lines = match[0].count("\n")
    return "\n\n" if lines > 1 else "\n" if lines else " "


class SentenceStream:
    """Text in pieces to sentences, each as soon as it has surely ended; how the text was cut makes no difference.

    `feed` and `close` are generators: they work while they are iterated. Memory is bounded whatever the text is.
    """

    def __init__(self, max_chars: int = MAX_CHARS) -> None:
        self._max_chars = max_chars
        self._folder = Folder()
        self._dropped = Dropped()
        self._buffer = ""
        self._column = 0
        self._line_start = True
        self._paragraph = False
        self._given = self._spoken = False

    def feed(self, chunk: str) -> Iterator[Sentence]:
        """The sentences that end within this piece."""
        for start in range(0, len(chunk), _SLICE):
            self._append(self._folder.feed(chunk[start : start + _SLICE]))
            yield from self._drain(final=False)

    def close(self) -> Iterator[Sentence]:
        """The text has ended: what is left."""
        self._append(self._folder.close())
        yield from self._drain(final=True)

    @property
    def warnings(self) -> list[str]:
        """What was left out so far, a line for each kind."""
        nothing = ["the text has nothing that can be spoken"] if self._given and not self._spoken else []
        return self._dropped.warnings() + nothing

    def _append(self, folded: str) -> None:
        body = self._buffer.rstrip(" \n")
        self._buffer = body + _WHITE.sub(_one_gap, self._buffer[len(body) :] + folded)

    def _drain(self, final: bool) -> Iterator[Sentence]:
        while True:
            text = self._buffer.lstrip(" \n")
            gap = self._buffer[: len(self._buffer) - len(text)]
            column, line_start = (0, True) if "\n" in gap else (self._column + len(gap), self._line_start)
            found = find_cut(text.rstrip(" \n") if final else text, column, line_start, final)
            if found is None:
                return
            cut, real = found
            raw, self._buffer = text[:cut], text[cut:]
            self._column = len(raw) - raw.rfind("\n") - 1 if "\n" in raw else column + len(raw)
            self._line_start = False
            self._given = True
            self._paragraph |= "\n\n" in gap and self._spoken
            spoken = spoken_form(raw, line_start, self._dropped, "." if real else CUT_MARK)
            for sentence in split(spoken, self._max_chars):
                yield Sentence(sentence, self._paragraph)
                self._spoken, self._paragraph = True, False


def normalize(text: str) -> tuple[str, list[str]]:
    """Text as it will be spoken, in the voice's alphabet, and warnings about what was left out."""
    stream = SentenceStream(max_chars=max(len(text) * 100, 2))
    sentences = [*stream.feed(text), *stream.close()]
    return " ".join(sentence.text for sentence in sentences), stream.warnings
