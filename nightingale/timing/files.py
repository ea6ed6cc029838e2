"""The file of --timestamps: written when all of the sound is known, or line by line on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nightingale.audio.files import atomic_file
from nightingale.errors import UsageError, WriteFailed

if TYPE_CHECKING:
    from nightingale.audio.chunk import AudioChunk
    from nightingale.timing.timeline import TimedSentence

SUFFIXES = (".srt", ".vtt", ".lrc", ".json")


class TimestampsWriter:
    """Takes the chunks of a sound in order."""

    def __init__(self, to_stderr: bool) -> None:
        from nightingale.timing.timeline import Timeline  # not above: it brings numpy

        self.sentences: list[TimedSentence] = []
        self._timeline, self._to_stderr = Timeline(), to_stderr

    def write(self, chunk: AudioChunk) -> None:
        self._take(self._timeline.add(chunk))

    def close(self) -> None:
        self._take(self._timeline.close())

    def _take(self, sentences: list[TimedSentence]) -> None:
        if not self._to_stderr:
            self.sentences += sentences
            return
        from nightingale.timing.subtitles import sentence_record

        for sentence in sentences:
            with contextlib.suppress(OSError):  # stderr is closed: nobody reads it
                print(json.dumps(sentence_record(sentence), ensure_ascii=False), file=sys.stderr, flush=True)


def check_name(name: str) -> None:
    """Raises UsageError for a name that tells no format."""
    if name != "-" and os.path.splitext(name)[1].lower() not in SUFFIXES:
        raise UsageError(f"--timestamps needs a name that ends in {', '.join(SUFFIXES)}, or -, not {name!r}")


@contextlib.contextmanager
def open_timestamps(name: str, by_word: bool) -> Iterator[TimestampsWriter]:
    """A writer for a file in the format of its suffix, complete or not at all; `-` is JSON lines on stderr.

    Raises UsageError, OutputUnavailable or WriteFailed.
    """
    check_name(name)
    with contextlib.ExitStack() as stack:
        fd = None if name == "-" else stack.enter_context(atomic_file(name))
        writer = TimestampsWriter(fd is None)
        yield writer
        writer.close()
        if fd is not None:
            from nightingale.timing.subtitles import FORMATS

            text = FORMATS[os.path.splitext(name)[1].lower()](writer.sentences, by_word)
            try:
                with open(fd, "w", encoding="utf-8", closefd=False) as file:
                    file.write(text)
            except OSError as error:
                raise WriteFailed(f"cannot write to {name}: {error.strerror}") from error
