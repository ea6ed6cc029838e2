"""nightingale-tts with a fake engine: 100 ms of a tone for every word, a chunk for every line or sentence.

The command-line tests are about bytes, descriptors and exit codes; a model would only make them slow. Some words do
something: `fail` raises an error, `bug` raises another exception, `warn` logs a warning, `wait` takes 30 s, `hang` 30 s
more after an interrupt, `nan` gives a sample that is not a number.
"""

from __future__ import annotations

import logging
import sys
import time
import types
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import nightingale_tts
from nightingale.audio.chunk import AudioChunk
from nightingale.errors import NightingaleError, VoiceNotFound
from nightingale.options import CacheOptions, SpeakOptions
from nightingale.statistics import Statistics
from nightingale.text.spellings.user_lexicon import Lexicon

SAMPLES_PER_WORD = 2400


class Engine:
    """Stands where nightingale.engine.Engine does."""

    def __init__(
        self,
        model: str | None = None,
        voice: str | None = None,
        bits: int | None = None,
        speculate: bool = False,
        cache: CacheOptions | None = None,
        lexicon: Lexicon | None = None,
        language: str | None = None,
    ) -> None:
        if voice not in (None, "florence"):
            raise VoiceNotFound(f'no voice "{voice}"; run --list-voices')
        self._has_spoken = False
        if (bits, speculate, cache) != (None, False, None):
            logging.getLogger("nightingale.engine").warning("%s bits, speculate %s, %s", bits, speculate, cache)

    def close(self) -> None:
        pass

    @staticmethod
    def arithmetic() -> dict[str, str]:
        return {"blas": "none", "kernels": "none"}

    def use_voice(self, voice: str) -> None:
        if voice not in ("florence", "other"):
            raise VoiceNotFound(f'no voice "{voice}"; run --list-voices')

    def speak(
        self, text: str | Iterable[str | None], options: SpeakOptions, statistics: Statistics
    ) -> Iterator[AudioChunk]:
        pieces: Iterable[str | None] = [text] if isinstance(text, str) else text
        pieces = statistics.time_text(pieces)
        return statistics.time_chunks(self._speak(pieces, options, statistics))

    def _speak(
        self, pieces: Iterable[str | None], options: SpeakOptions, statistics: Statistics
    ) -> Iterator[AudioChunk]:
        held = ""
        sentence = 0
        for piece in pieces:
            held += "\n" if piece is None else piece
            *lines, held = held.replace(". ", ".\n").split("\n")
            for line in lines:
                yield from self._tones(line, sentence, options, statistics)
                sentence += 1
        yield from self._tones(held, sentence, options, statistics)
        if not self._has_spoken:
            logging.getLogger("nightingale.engine").warning("the text has nothing that can be spoken")

    def _tones(
        self, line: str, sentence: int, options: SpeakOptions, statistics: Statistics
    ) -> Iterator[AudioChunk]:
        import numpy as np

        words = [word for word in line.split() if word.isascii()]
        for word in words:
            self._act(word.strip("."))
        if words:
            time_s = np.arange(round(SAMPLES_PER_WORD * len(words) / options.speed)) / 24_000
            tone = 0.5 * np.sin(2 * np.pi * (220 + options.seed) * time_s)
            if "nan" in words:
                tone[0] = np.nan
            self._has_spoken = True
            statistics.num_tokens += len(words)
            statistics.t3_s += 0.001
            statistics.first_token_at = statistics.first_token_at or time.perf_counter()
            yield AudioChunk(tone.astype(np.float32), 24_000, sentence, line.strip())

    def _act(self, word: str) -> None:
        if word == "fail":
            raise NightingaleError("the engine failed, as asked")
        if word == "bug":
            raise RuntimeError("a bug, as asked")
        if word == "warn":
            logging.getLogger("nightingale.text").warning("dropped a symbol, as asked")
        if word in ("wait", "hang"):
            try:
                time.sleep(30)
            finally:
                time.sleep(30 if word == "hang" else 0)


def main() -> int:
    engine = types.ModuleType("nightingale.engine")
    engine.__dict__["Engine"] = Engine
    sys.modules["nightingale.engine"] = engine
    return nightingale_tts.main()


if __name__ == "__main__":
    sys.exit(main())
