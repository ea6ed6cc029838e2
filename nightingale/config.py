"""Sizes of the models and wishes of a caller; frozen, validated once, strict about unknown keys.

Model facts live in the `*Config` classes and come from a model folder's `config.json`; a caller's wishes live in
`SpeakOptions` and `CacheOptions`. The official Chatterbox sizes are presets at the end of this file, not defaults.
Which voices there are is known here too, since the command line asks without mlx.
"""

import dataclasses
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from nightingale.errors import CheckpointMismatch, UsageError

SAMPLE_RATE = 24_000  # Hz
HOP_LENGTH = 480  # samples a mel frame: 50 frames a second
FRAMES_PER_TOKEN = 2  # 25 speech tokens a second
SAMPLES_PER_TOKEN = FRAMES_PER_TOKEN * HOP_LENGTH
N_MELS = 80

QUANTIZED_BITS = (8, 6, 5, 4, 3, 2)  # widths that mlx can quantize weights to
FLOAT_BITS = 32
CACHE_BITS = (8, 4)
MIN_CACHE_BUDGET = 64  # positions; the newest 48 are always among them

VOICES_DIR = Path(__file__).parent / "voices"
VOICE_SUFFIX = ".safetensors"
DEFAULT_VOICE = "florence"

C = TypeVar("C")


def from_dict(cls: type[C], values: dict[str, Any]) -> C:
    """Build a config dataclass, nested ones included. Raises CheckpointMismatch for a key too many or too few, or a
    value of another type."""
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(fields)):
        raise CheckpointMismatch(f"config: {cls.__name__} has no {', '.join(unknown)}")
    required = {n for n, f in fields.items() if f.default is dataclasses.MISSING}
    if missing := sorted(required - set(values)):
        raise CheckpointMismatch(f"config: {cls.__name__} lacks {', '.join(missing)}")
    hints = typing.get_type_hints(cls)
    converted = {}
    for name, value in values.items():
        try:
            converted[name] = _convert(hints[name], value)
        except TypeError:
            raise CheckpointMismatch(f"config: {cls.__name__} cannot have {name} {value!r}") from None
    return cls(**converted)


def _convert(hint: Any, value: Any) -> Any:
    """A JSON value as the field's type: dicts to dataclasses, lists to tuples, the rest as it is. Raises TypeError."""
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind in (typing.Union, types.UnionType):
        return None if value is None else _convert(inner[0], value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return from_dict(typing.cast(type[Any], hint), value)
    if kind is tuple and isinstance(value, list | tuple):
        return tuple(_convert(inner[0], v) for v in value)
    numbers: dict[Any, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float)}
    if type(value) in numbers.get(hint, ()) or (kind is Literal and value in inner):
        return value
    raise TypeError


@dataclass(frozen=True)
class RopeScaling:
    """Llama 3's stretching of the slow rotary frequencies."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_max_positions: int


@dataclass(frozen=True)
class LlamaConfig:
    """The backbone of T3 and of its draft."""

    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    intermediate_size: int
    rms_norm_eps: float
    rope_theta: float
    rope_scaling: RopeScaling | None = None


@dataclass(frozen=True)
class PerceiverConfig:
    """Resampler that turns a reference's speech tokens into a fixed number of conditioning rows."""

    num_queries: int
    num_heads: int


@dataclass(frozen=True)
class T3Config:
    """Text tokens to speech tokens. `perceiver` and `emotion` are conditioning that a small voice does without."""

    llama: LlamaConfig
    text_vocab_size: int
    start_text_token: int
    stop_text_token: int
    max_text_tokens: int
    speech_vocab_size: int
    start_speech_token: int
    stop_speech_token: int
    max_speech_tokens: int
    speaker_embed_size: int
    perceiver: PerceiverConfig | None = None
    emotion: bool = False


@dataclass(frozen=True)
class DraftConfig:
    """What guesses T3's next states. Its width is T3's."""

    llama: LlamaConfig


@dataclass(frozen=True)
class EncoderConfig:
    """Conformer over speech tokens with a 2x upsampling in its middle.

    `window`: how many tokens back (itself included) a token attends to, None for the whole sequence in both
    directions. With a window the encoder is causal but for its look-ahead of `lookahead_tokens`. The blocks after the
    upsampling see 2 * window frames.
    """

    vocab_size: int
    hidden_size: int
    num_heads: int
    ffn_size: int
    num_blocks: int
    num_up_blocks: int
    lookahead_tokens: int
    window: int | None = None


@dataclass(frozen=True)
class EstimatorConfig:
    """Velocity network of the flow. `window`: as in EncoderConfig, in mel frames. Its input is the concatenation of
    the noisy mel, the encoder's output, the speaker and the prompt's mel: 4 * 80 channels."""

    channels: int
    num_heads: int
    head_dim: int
    blocks_per_stage: int
    num_mid_blocks: int
    meanflow: bool = False
    window: int | None = None


@dataclass(frozen=True)
class FlowConfig:
    """How the flow is integrated: Euler steps, guidance, and the spacing of time. The flow runs on
    (log mel - mel_mean) / mel_scale; the official model's runs on the log mel itself. temperature: scale of the noise
    that it starts from. Raises CheckpointMismatch for a flow that takes no step, or has no scale."""

    num_steps: int
    cfg_rate: float
    schedule: Literal["cosine", "linear"]
    mel_mean: float = 0.0
    mel_scale: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name in ("num_steps", "mel_scale"):
            if not (value := getattr(self, name)) > 0:
                raise CheckpointMismatch(f"config: FlowConfig cannot have {name} {value!r}")


@dataclass(frozen=True)
class S3GenConfig:
    """Speech tokens to mel."""

    encoder: EncoderConfig
    estimator: EstimatorConfig
    flow: FlowConfig
    speaker_embed_size: int


@dataclass(frozen=True)
class HiFTConfig:
    """Mel to waveform. `causal`: every convolution looks back only, but for the first one on the mel (3 frames) and the
    first of the F0 predictor (1 frame); the STFT and its inverse are then aligned to the past too."""

    base_channels: int
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    n_fft: int
    hop_length: int
    resblock_kernel_sizes: tuple[int, ...]
    resblock_dilations: tuple[int, ...]
    source_resblock_kernel_sizes: tuple[int, ...]
    f0_channels: int
    num_harmonics: int
    sine_amplitude: float
    noise_std: float
    voiced_threshold: float
    leaky_slope: float
    audio_limit: float
    causal: bool = False


@dataclass(frozen=True)
class ModelConfig:
    """Everything that a model folder's config.json says."""

    t3: T3Config
    draft: DraftConfig | None
    s3gen: S3GenConfig
    hift: HiFTConfig


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


def list_voices() -> list[str]:
    """Names of the bundled voices, the default first."""
    names = (path.stem for path in VOICES_DIR.glob("*" + VOICE_SUFFIX))
    return sorted(names, key=lambda name: (name != DEFAULT_VOICE, name))


def chatterbox_english() -> ModelConfig:
    """Sizes of ResembleAI/chatterbox (English, 500M), from its published configuration."""
    return ModelConfig(
        t3=T3Config(
            llama=LlamaConfig(
                hidden_size=1024, num_layers=30, num_heads=16, num_kv_heads=16, head_dim=64, intermediate_size=4096,
                rms_norm_eps=1e-5, rope_theta=500_000.0, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 8192),
            ),
            text_vocab_size=704, start_text_token=255, stop_text_token=0, max_text_tokens=2048,
            speech_vocab_size=8194, start_speech_token=6561, stop_speech_token=6562, max_speech_tokens=4096,
            speaker_embed_size=256, perceiver=PerceiverConfig(num_queries=32, num_heads=4), emotion=True,
        ),
        draft=None,
        s3gen=S3GenConfig(
            encoder=EncoderConfig(
                vocab_size=6561, hidden_size=512, num_heads=8, ffn_size=2048, num_blocks=6, num_up_blocks=4,
                lookahead_tokens=3,
            ),
            estimator=EstimatorConfig(channels=256, num_heads=8, head_dim=64, blocks_per_stage=4, num_mid_blocks=12),
            flow=FlowConfig(num_steps=10, cfg_rate=0.7, schedule="cosine"),
            speaker_embed_size=192,
        ),
        hift=HiFTConfig(
            base_channels=512, upsample_rates=(8, 5, 3), upsample_kernel_sizes=(16, 11, 7), n_fft=16, hop_length=4,
            resblock_kernel_sizes=(3, 7, 11), resblock_dilations=(1, 3, 5), source_resblock_kernel_sizes=(7, 7, 11),
            f0_channels=512, num_harmonics=8, sine_amplitude=0.1, noise_std=0.003, voiced_threshold=10.0,
            leaky_slope=0.1, audio_limit=0.99,
        ),
    )
