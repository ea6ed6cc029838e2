"""A voice: the arrays that condition T3 and S3Gen. checkpoints/voices.py reads and writes voice files."""

from dataclasses import dataclass

import mlx.core as mx


@dataclass(frozen=True)
class Voice:
    """Speaker embeddings (E,) and (F,); of a reference recording the speech tokens for T3 (N,) and for S3Gen (M,), and
    its mel (2 M, 80); t3_emotion () is the official exaggeration. Tokens int32, the rest float32.

    model: the folder of the model that made the voice from a recording. The voice needs this model or another one with
    the same cloning networks.
    """

    name: str
    t3_speaker_embed: mx.array
    s3gen_speaker_embed: mx.array
    t3_prompt_tokens: mx.array | None = None
    t3_emotion: mx.array | None = None
    s3gen_prompt_tokens: mx.array | None = None
    s3gen_prompt_mel: mx.array | None = None
    model: str | None = None
