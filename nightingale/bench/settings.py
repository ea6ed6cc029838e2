"""What the benchmark compares: a baseline, and settings that change one thing each; and the texts for all of them."""

from dataclasses import dataclass

from nightingale.options import FLOAT_BITS

TEXTS = {
    "sentence": "Wow! I absolutely cannot believe that it worked on the first try!",
    "short": "Good morning.",
    "long": "When the rain had stopped, they walked along the river to the old mill, where a boat lay tied to a post, "
    "and nobody could say whose it was.",
}


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    key: its name in JSON, checks and progress. lossless: whether its tokens must equal those of the baseline.
    kernels: whether the native kernels are on, which a process decides when it starts. bits: of T3 and its draft;
    None as the model is stored.
    """

    key: str
    title: str
    lossless: bool
    kernels: bool = False
    bits: int | None = FLOAT_BITS
    speculate: bool = False
    kv_bits: int | None = None


BASELINE = Setting("baseline", "baseline", lossless=True)
KERNELS = Setting("kernels", "+ kernels (shipped)", lossless=True, kernels=True, bits=None)
KERNELS_SPECULATION = Setting(
    "kernels+speculation", "  with speculation", lossless=True, kernels=True, bits=None, speculate=True
)
SETTINGS = (
    BASELINE,
    Setting("int8", "+ INT8", lossless=False, bits=8),
    Setting("int4", "+ INT4", lossless=False, bits=4),
    Setting("speculation", "+ speculation", lossless=True, speculate=True),
    Setting("kv8", "+ 8-bit KV cache", lossless=False, kv_bits=8),
    KERNELS,
    KERNELS_SPECULATION,
)
