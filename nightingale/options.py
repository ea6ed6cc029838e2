"""What a caller may ask for: how a text is spoken and how T3 caches it. Frozen, validated once, imports no mlx."""

from dataclasses import dataclass

from nightingale.errors import UsageError

QUANTIZED_BITS = (8, 6, 5, 4, 3, 2)  # widths that mlx can quantize weights to
FLOAT_BITS = 32
CACHE_BITS = (8, 4)
MIN_CACHE_BUDGET = 64  # positions; the newest 48 are always among them
DEFAULT_VOICE = "florence"


@dataclass(frozen=True)
class SpeakOptions:
    """What a caller wishes of one text. Raises UsageError for values out of range.

    speed: 1.0 is the voice's own pace, 2.0 twice as fast; 0.5 to 2.0.
    seed: same text, same seed, same machine: same sound.
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
    """How T3 keeps what it has read of a sentence; nothing given: whole, as floats. Raises UsageError.

    bits: 8 or 4 for each key and value. budget: how many speech positions a head keeps, on average; the conditioning
    and the text are kept besides. Not both.
    """

    bits: int | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        if self.bits is not None and self.bits not in CACHE_BITS:
            raise UsageError(f"keys and values can have {' or '.join(map(str, CACHE_BITS))} bits, not {self.bits}")
        if self.budget is not None and self.budget < MIN_CACHE_BUDGET:
            raise UsageError(f"the cache's budget must be at least {MIN_CACHE_BUDGET} positions, not {self.budget}")
        if self.bits is not None and self.budget is not None:
            raise UsageError("keys and values are kept in fewer bits or within a budget, not both")
