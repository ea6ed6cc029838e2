"""AudioChunk, the unit of audio that the engine makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightingale.errors import NightingaleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SAMPLE_RATE = 24_000  # Hz, of all generated audio
AUDIBLE = 0.01  # of full scale: the first sound of speech reaches it, a breath before it does not


@dataclass(frozen=True)
class Word:
    """A word that is spoken.

    text: as it is spoken, with the marks around it. first: the index of its first character in the chunk's text.
    start_s: when it begins, in seconds from the start of the whole sound.
    """

    text: str
    first: int
    start_s: float


@dataclass(frozen=True)
class AudioChunk:
    """A piece of generated audio. Chunks come in playing order, and none crosses a sentence.

    samples: (N,) float32, -1 to 1.
    sample_rate: in Hz.
    sentence: index of the sentence in the text, from 0.
    text: the normalised text of that sentence.
    words: that begin in this chunk; empty if the model cannot tell (T3Config.alignment).
    typed: the sentence as it was typed. typed_start: the index of its first character in the input.
    """

    samples: NDArray[np.float32]
    sample_rate: int = SAMPLE_RATE
    sentence: int = 0
    text: str = ""
    words: tuple[Word, ...] = ()
    typed: str = ""
    typed_start: int = 0

    def checked(self) -> NDArray[np.float32]:
        """The samples. Raises NightingaleError for NaN and infinity."""
        import numpy as np

        if not np.isfinite(self.samples).all():
            raise NightingaleError(f"sentence {self.sentence}: the model made samples that are not numbers")
        return self.samples

    def pcm16(self) -> bytes:
        """Signed 16-bit little-endian samples, rounded and clipped. Raises NightingaleError for NaN and infinity."""
        import numpy as np

        return np.rint(np.clip(self.checked(), -1.0, 1.0) * 32767).astype("<i2").tobytes()
