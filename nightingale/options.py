"""Options of a text, of sampling and of the key-value cache, validated when they are made."""

from dataclasses import dataclass, fields, replace

from nightingale.errors import UsageError

QUANTIZED_BITS = (8, 6, 5, 4, 3, 2)  # widths that mlx can quantize weights to
FLOAT_BITS = 32
CACHE_BITS = (8, 4)
MIN_CACHE_BUDGET = 64  # positions; the newest 48 are always kept
DEFAULT_VOICE = "florence"


_RANGES = {
    "speed": (0.5, 2.0), "seed": (0, 2**63 - 1), "temperature": (0.0, 2.0), "min_p": (0.0, 1.0), "top_p": (0.0, 1.0),
    "top_k": (0, 10_000), "repetition_penalty": (1.0, 3.0), "cfg_weight": (0.0, 3.0), "exaggeration": (0.0, 2.0),
    "sentence_silence_ms": (0, 10_000), "paragraph_silence_ms": (0, 10_000),
}  # fmt: skip


class _Checked:
    """Options with ranges. None stands for a default."""

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value, (low, high) = getattr(self, field.name), _RANGES.get(field.name, (False, True))
            if value is not None and not low <= value <= high:  # NaN fails too
                raise UsageError(f"{field.name.replace('_', ' ')} must be between {low} and {high}, not {value}")


@dataclass(frozen=True)
class SamplingOptions(_Checked):
    """How T3's tokens are sampled. Raises UsageError for a value out of range.

    min_p 0, top_p 1, top_k 0 and repetition_penalty 1 do nothing. cfg_weight: of classifier-free guidance; 0 for none.
    penalty_last: the repetition penalty comes after the filters, not before them: Turbo and Nano have it so.
    """

    temperature: float = 0.5
    min_p: float = 0.05
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    cfg_weight: float = 0.0
    penalty_last: bool = False


@dataclass(frozen=True)
class SpeakOptions(_Checked):
    """How a text is spoken. Raises UsageError for a value out of range.

    speed: 1.0 is the voice's own speed, 2.0 twice as fast; 0.5 to 2.0.
    seed: the same text and seed give the same sound on the same machine.
    temperature, min_p, top_p, top_k, repetition_penalty, cfg_weight: as in SamplingOptions; None as the model has it.
    exaggeration: how lively, for models that have it; None as the voice has it.
    sentence_silence_ms, paragraph_silence_ms: the pauses between sentences and between paragraphs.
    """

    speed: float = 1.0
    seed: int = 0
    temperature: float | None = None
    min_p: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    cfg_weight: float | None = None
    exaggeration: float | None = None
    sentence_silence_ms: int = 200
    paragraph_silence_ms: int = 500

    def sampling(self, defaults: SamplingOptions) -> SamplingOptions:
        """The defaults of a model, and the values that are set here in their place."""
        set_here = {f.name: value for f in fields(defaults) if (value := getattr(self, f.name, None)) is not None}
        return replace(defaults, **set_here)


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
