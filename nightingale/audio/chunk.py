"""A piece of sound on its way from the engine to a file or a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightingale.errors import NightingaleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SAMPLE_RATE = 24_000  # Hz: of everything that the models make


@dataclass(frozen=True)
class AudioChunk:
    """A piece of sound, in order.

    samples: (N,) float32, -1 to 1.
    sample_rate: samples a second (Hz).
    sentence: number of the sentence in the text that it belongs to, from 0.
    text: that sentence as it is read.
    """

    samples: NDArray[np.float32]
    sample_rate: int = SAMPLE_RATE
    sentence: int = 0
    text: str = ""

    def checked(self) -> NDArray[np.float32]:
        """The samples. Raises NightingaleError for NaN and infinity."""
        import numpy as np

        if not np.isfinite(self.samples).all():
            raise NightingaleError(f"sentence {self.sentence}: the model gave samples that are not numbers")
        return self.samples

    def pcm16(self) -> bytes:
        """The samples as signed 16-bit little-endian: rounded to the nearest, clipped. Raises for NaN and infinity."""
        import numpy as np

        return np.rint(np.clip(self.checked(), -1.0, 1.0) * 32767).astype("<i2").tobytes()
