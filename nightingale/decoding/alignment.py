"""When each word of a sentence begins: follows the attention of the T3 head that attends to the text being spoken.

Which head that is, and how far it is ahead of the sound, is in the model's config; training/find_alignment.py finds it.
A word's start depends on no later speech token, so it is known before its sound is vocoded. The reference follows such
heads to find repetitions (https://github.com/resemble-ai/chatterbox,
models/t3/inference/alignment_stream_analyzer.py).
"""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

import numpy as np

from nightingale.audio.chunk import AUDIBLE, SAMPLE_RATE, Word
from nightingale.decoding.loop import T3Session
from nightingale.models.config import SAMPLES_PER_TOKEN, AlignmentConfig
from nightingale.models.dsp import Floats
from nightingale.text.words import SPOKEN_WORD

_STEP_COST = (0.0, 0.0, 0.5, 1.0, 1.5)  # nats, for 0, 1, ... text tokens from one speech token to the next
_BEFORE_STOP = 0.1  # text tokens: no expected position reaches the stop token itself
_FLOOR = 1e-3  # added to the attention: no single speech token rules out a position
_SILENCE_S = 0.02  # a word that begins with less silence than that stays where it is


class TextTracker:
    """The expected position in a text of `num_text` tokens after each speech token; num_text is the stop token.

    Between whole positions, so that a word's start is known more exactly than to a speech token.
    """

    def __init__(self, num_text: int) -> None:
        self.positions: list[float] = []
        # Log-probability of the best path to each position, after as many impossible positions as a step can be long.
        self._scores = np.full(len(_STEP_COST) + num_text, -np.inf, np.float32)
        self._scores[len(_STEP_COST) - 1] = 0.0
        self._cost = np.array(_STEP_COST[::-1], np.float32)

    def advance(self, attention: Floats) -> None:
        """Read the attention (T, num_text + 1) of the next T speech tokens to the text tokens and the stop token."""
        newest = self._scores[len(_STEP_COST) - 1 :]
        windows = np.lib.stride_tricks.sliding_window_view(self._scores, len(_STEP_COST))
        scores = np.log(attention + np.float32(_FLOOR))
        for row in scores:
            np.add(row, (windows - self._cost).max(axis=1), out=newest)
            row[:] = newest
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        expected = weights @ np.arange(weights.shape[1]) / weights.sum(axis=1)
        reached = self.positions[-1] if self.positions else 0.0
        self.positions += np.maximum(np.maximum.accumulate(expected), reached).tolist()


class WordTimer:
    """Finds the words that begin in each chunk of one sentence."""

    def __init__(
        self,
        session: T3Session,
        config: AlignmentConfig,
        text: str,
        offsets: Sequence[int],
        speed: float,
        begin_s: float = 0.0,
    ) -> None:
        """offsets: of each text token, the index of its first character in `text`. begin_s: of the sentence's sound."""
        self._session, self._config, self._speed, self._begin_s = session, config, speed, begin_s
        self._num_text = len(offsets)
        self._tracker = TextTracker(self._num_text)
        # Words that were not reached yet, with the position at which they begin, and words that have no sound yet.
        self._waiting = deque((match, self._position(offsets, match.start())) for match in SPOKEN_WORD.finditer(text))
        self._silent: deque[tuple[re.Match[str], int]] = deque()
        self._num_samples = 0

    def words(self, num_tokens: int, samples: Floats, last: bool) -> tuple[Word, ...]:
        """The words that begin in the next chunk.

        num_tokens: speech tokens sampled so far. last: it is the sentence's last chunk.
        """
        self._advance(num_tokens)
        begin, end = self._num_samples, self._num_samples + len(samples)
        self._num_samples = end
        words: list[Word] = []
        while self._silent and (last or self._silent[0][1] < end):
            match, start = self._silent[0]
            start = begin + _end_of_silence(samples, max(start - begin, 0))
            if start >= end and not last:
                break  # its sound comes with a later chunk
            self._silent.popleft()
            words.append(Word(match[0], match.start(), self._begin_s + start / SAMPLE_RATE))
        return tuple(words)

    def _advance(self, num_tokens: int) -> None:
        first = len(self._tracker.positions)
        if num_tokens > first:
            self._tracker.advance(self._session.text_attention(first, num_tokens - first, self._num_text))
        for token, position in enumerate(self._tracker.positions[first:], first):
            while self._waiting and position >= self._waiting[0][1]:
                match, begins_at = self._waiting.popleft()
                before = self._tracker.positions[token - 1] if token else 0.0
                moment = token - (position - begins_at) / max(position - before, 1e-6) if token else 0.0
                start = (moment + 0.5) * SAMPLES_PER_TOKEN / self._speed + self._config.offset_s * SAMPLE_RATE
                self._silent.append((match, round(start)))

    def _position(self, offsets: Sequence[int], character: int) -> float:
        return min(bisect_left(offsets, character) + self._config.lead, self._num_text - _BEFORE_STOP)


def _end_of_silence(samples: Floats, start: int) -> int:
    """The first audible sample from `start` on if silence begins there, else `start`."""
    audible = np.abs(samples[start:]) > AUDIBLE
    silence = int(audible.argmax()) if audible.any() else len(audible)
    return start + silence if silence >= _SILENCE_S * SAMPLE_RATE else start
