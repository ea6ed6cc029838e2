"""Configuration of the networks, as a model folder's config.json gives it: frozen, strict about unknown keys.

What a caller may ask for is in options.py; the sizes of the official checkpoints are in checkpoints/chatterbox.
"""

from dataclasses import dataclass, field
from typing import Literal

from nightingale.errors import CheckpointMismatch
from nightingale.options import SamplingOptions

HOP_LENGTH = 480  # samples a mel frame: 50 frames a second
FRAMES_PER_TOKEN = 2  # 25 speech tokens a second
SAMPLES_PER_TOKEN = FRAMES_PER_TOKEN * HOP_LENGTH
N_MELS = 80


@dataclass(frozen=True)
class RopeScaling:
    """Llama 3.1's scaling of the slow rotary frequencies."""

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
class GPT2Config:
    """The backbone of the T3 of Turbo and Nano."""

    hidden_size: int
    num_layers: int
    num_heads: int
    max_positions: int
    layer_norm_eps: float


@dataclass(frozen=True)
class PerceiverConfig:
    """The resampler of a reference's speech tokens to a fixed number of conditioning rows."""

    num_queries: int
    num_heads: int


@dataclass(frozen=True)
class AlignmentConfig:
    """The attention head that follows the text, found by training/find_alignment.py.

    layer, head: counted from 0. lead: how many text tokens its attention is ahead of the speech. offset_s: added to the
    middle of the speech token at which a word was found to begin.
    """

    layer: int
    head: int
    lead: float
    offset_s: float


@dataclass(frozen=True)
class T3Config:
    """Text tokens to speech tokens. `perceiver` and `emotion` are conditioning that small models lack.

    llama or gpt2: the backbone, one of them. With GPT-2 the text has no start and stop tokens, embeddings have no
    learned positions of their own, and there is no guidance.
    alignment: None if no head is known to follow the text.
    """

    llama: LlamaConfig | None
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
    gpt2: GPT2Config | None = None
    alignment: AlignmentConfig | None = None

    @property
    def backbone(self) -> LlamaConfig | GPT2Config:
        """Raises CheckpointMismatch unless there is one."""
        if (self.llama is None) == (self.gpt2 is None):
            raise CheckpointMismatch("config: T3Config needs llama or gpt2")
        return self.llama or self.gpt2  # type: ignore[return-value]

    @property
    def guidance(self) -> bool:
        """Whether the model was trained for classifier-free guidance."""
        return self.gpt2 is None


@dataclass(frozen=True)
class DraftConfig:
    """The draft model. Its hidden size must be T3's."""

    llama: LlamaConfig


@dataclass(frozen=True)
class EncoderConfig:
    """Conformer over speech tokens with a 2x upsampling in its middle.

    window: how many tokens a token attends to, itself and those before it; None for the whole sequence in both
    directions. With a window the encoder is causal but for its look-ahead of `lookahead_tokens`. The blocks after the
    upsampling have a window of 2 * window frames.
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
    """Velocity network of the flow. window: as in EncoderConfig, in mel frames. meanflow: it takes the end of a step
    too.

    The input concatenates the noisy mel, the encoder's output, the speaker and the prompt's mel: 4 * 80 channels.
    """

    channels: int
    num_heads: int
    head_dim: int
    blocks_per_stage: int
    num_mid_blocks: int
    meanflow: bool = False
    window: int | None = None


@dataclass(frozen=True)
class FlowConfig:
    """Integration of the flow: Euler steps, guidance, and the spacing of time.

    The flow runs on (log mel - mel_mean) / mel_scale; the official one on the log mel itself. temperature: scale of the
    initial noise. Raises CheckpointMismatch for num_steps or mel_scale of 0 or less.
    """

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
    """Mel to waveform.

    causal: convolutions look back only, except the first one on the mel (3 frames of look-ahead) and the first of the
    F0 predictor (1 frame); the STFT and its inverse are aligned to the past too.
    """

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
class VoiceEncoderConfig:
    """Mel to T3's speaker embedding."""

    num_mels: int
    hidden_size: int
    num_layers: int
    embed_size: int


@dataclass(frozen=True)
class SpeechTokenizerConfig:
    """Log mel to speech tokens. num_digits: base-3 digits of a token."""

    num_mels: int
    hidden_size: int
    num_heads: int
    num_blocks: int
    num_digits: int


@dataclass(frozen=True)
class SpeakerEncoderConfig:
    """Filter bank to S3Gen's speaker embedding. growth: channels that each dense layer adds."""

    num_bands: int
    head_channels: int
    init_channels: int
    growth: int
    bottleneck_factor: int
    block_layers: tuple[int, ...]
    block_dilations: tuple[int, ...]
    embed_size: int


@dataclass(frozen=True)
class CloningConfig:
    """The networks that make a voice from a recording, and how much of the recording they read.

    t3_prompt_tokens, s3gen_prompt_tokens: the most speech tokens that T3 and S3Gen are conditioned on.
    loudness: LUFS to which the recording is brought first; None leaves it as it is.
    """

    voice_encoder: VoiceEncoderConfig
    speech_tokenizer: SpeechTokenizerConfig
    speaker_encoder: SpeakerEncoderConfig
    t3_prompt_tokens: int
    s3gen_prompt_tokens: int
    loudness: float | None = None


@dataclass(frozen=True)
class OutputConfig:
    """What is done to the tokens and the samples of a sentence besides sampling and vocoding.

    closing_tokens: vocoded after the last token. drop_last_token: its samples are noise and are cut off.
    fade_in: the first 40 ms may hold the end of the reference recording; they are silenced and faded in.
    max_tokens: the most speech tokens of a sentence. max_repeats: repetitions of a token that are kept; a sentence that
    repeats a token, or a cycle of few tokens, much longer than that has ended.
    """

    closing_tokens: tuple[int, ...] = ()
    drop_last_token: bool = False
    fade_in: bool = False
    max_tokens: int | None = None
    max_repeats: int | None = None


@dataclass(frozen=True)
class ModelConfig:
    """All of a model folder's config.json.

    sampling: what options do not set. text: the form of sentences that the tokenizer reads (text/languages.py).
    """

    t3: T3Config
    draft: DraftConfig | None
    s3gen: S3GenConfig
    hift: HiFTConfig
    cloning: CloningConfig | None = None
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    output: OutputConfig = field(default_factory=OutputConfig)
    text: Literal["plain", "english", "gpt2", "multilingual", "multilingual_cased"] = "plain"
