"""Sizes of the official English checkpoint. It has no config.json: the sizes are in the code of chatterbox-tts."""

from nightingale.checkpoints.chatterbox.cloning import official_cloning
from nightingale.models.config import (
    EncoderConfig,
    EstimatorConfig,
    FlowConfig,
    HiFTConfig,
    LlamaConfig,
    ModelConfig,
    PerceiverConfig,
    RopeScaling,
    S3GenConfig,
    T3Config,
)  # fmt: skip


def chatterbox_english() -> ModelConfig:
    """Config of ResembleAI/chatterbox (English, 500M), as in https://github.com/resemble-ai/chatterbox."""
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
        cloning=official_cloning(150),
    )
