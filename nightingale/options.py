"""Options of a text and of the key-value cache, validated when they are made."""

from dataclasses import dataclass

from nightingale.errors import UsageError

QUANTIZED_BITS = (8, 6, 5, 4, 3, 2)  # widths that mlx can quantize weights to
FLOAT_BITS = 32
CACHE_BITS = (8, 4)
MIN_CACHE_BUDGET = 64  # positions; the newest 48 are always kept
DEFAULT_VOICE = "florence"


@dataclass(frozen=True)
class SpeakOptions:
    """How a text is spoken. Raises UsageError for a value out of range.

    speed: 1.0 is the voice's own speed, 2.0 twice as fast; 0.5 to 2.0.
    seed: the same text and seed give the same sound on the same machine.
    temperature, min_p, top_p, repetition_penalty: of T3's sampling.
    cfg_weight: of classifier-free guidance; 0 for none.
    sentence_silence_ms, paragraph_silence_ms: the pauses between sentences and between paragraphs.
    """

    speed: float = 1.0
    seed: int = 0
    temperature: float = 0.5
    min_p: float = 0.05
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    cfg_weight: float = 0.0
    sentence_silence_ms: int = 200
    paragraph_silence_ms: int = 500

    def __post_init__(self) -> None:
        self._check("speed", 0.5, 2.0)
        self._check("seed", 0, 2**63 - 1)
        self._check("temperature", 0.0, 2.0)
        self._check("min_p", 0.0, 1.0)
        self._check("top_p", 0.0, 1.0)
        self._check("repetition_penalty", 1.0, 3.0)
        self._check("cfg_weight", 0.0, 3.0)
        self._check("sentence_silence_ms", 0, 10_000)
        self._check("paragraph_silence_ms", 0, 10_000)

    def _check(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:  # NaN fails too
            raise UsageError(f"{name.replace('_', ' ')} must be between {low} and {high}, not {value}")


@dataclass(frozen=True)
class CacheOptions:
    """How T3 caches keys and values. Raises UsageError for a value that is not supported, and for both at once.

    bits: 8 or 4 per key and value; None for floats. budget: the number of speech positions that a head keeps on
    average, besides conditioning and text; None for all.
    """

    bits: int | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        if self.bits is not None and self.bits not in CACHE_BITS:
            raise UsageError(f"keys and values can have {' or '.join(map(str, CACHE_BITS))} bits, not {self.bits}")
        if self.budget is not None and self.budget < MIN_CACHE_BUDGET:
            raise UsageError(f"the cache's budget must be at least {MIN_CACHE_BUDGET} positions, not {self.budget}")
        if self.bits is not None and self.budget is not None:
            raise UsageError("the cache can have fewer bits or a budget, not both")
