"""A voice: the arrays that condition T3 and S3Gen."""

from dataclasses import dataclass

import mlx.core as mx


@dataclass(frozen=True)
class Voice:
    """Conditioning of T3 and of S3Gen. Shapes as in the module's docstring; tokens int32, the rest float32."""

    name: str
    t3_speaker_embed: mx.array
    s3gen_speaker_embed: mx.array
    t3_prompt_tokens: mx.array | None = None
    t3_emotion: mx.array | None = None
    s3gen_prompt_tokens: mx.array | None = None
    s3gen_prompt_mel: mx.array | None = None
