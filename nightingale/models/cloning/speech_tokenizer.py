"""Speech tokenizer: log mel of a recording to speech tokens, 25 per second.

The S3TokenizerV2 of CosyVoice 2 (https://arxiv.org/abs/2412.10117; https://github.com/xingchensong/S3Tokenizer): a
transformer whose attention has a convolution over the values beside it, and finite scalar quantization.
"""

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels.activations import gelu
from nightingale.models.config import SpeechTokenizerConfig
from nightingale.models.layers import FeedForward

MEMORY_KERNEL = 31
ROPE_BASE = 10_000.0
LEVELS = 3  # of each quantized dimension
# Below 1, so that rounding gives -1, 0 or 1. The official constant.
MAX_LEVEL = 0.9990000128746033


class Attention(nn.Module):
    """Self-attention with rotary positions, plus a depthwise convolution of the values (FSMN's memory)."""

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        width, self.num_heads = config.hidden_size, config.num_heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.o_proj = nn.Linear(width, width)
        self.memory = nn.Conv1d(width, width, MEMORY_KERNEL, padding=MEMORY_KERNEL // 2, groups=width, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        B, T, C = x.shape
        dim = C // self.num_heads
        values = self.v_proj(x)
        q, k, v = (
            rows.reshape(B, T, self.num_heads, dim).swapaxes(1, 2) for rows in (self.q_proj(x), self.k_proj(x), values)
        )
        q, k = (mx.fast.rope(r, dim, traditional=False, base=ROPE_BASE, scale=1.0, offset=0) for r in (q, k))
        out = mx.fast.scaled_dot_product_attention(q, k, v, scale=dim**-0.5)
        attended: mx.array = self.o_proj(out.swapaxes(1, 2).reshape(B, T, C))
        memory: mx.array = self.memory(values) + values
        return attended + memory


class Block(nn.Module):
    """Attention and feed-forward, each with a norm before it and a residual around it."""

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.hidden_size)
        self.attention = Attention(config)
        self.norm_ffn = nn.LayerNorm(config.hidden_size)
        self.ffn = FeedForward(config.hidden_size)

    def __call__(self, x: mx.array) -> mx.array:
        x = x + self.attention(self.norm_attention(x))
        return x + self.ffn(self.norm_ffn(x))


class SpeechTokenizer(nn.Module):
    """Log mel (1, T, mels), 100 frames a second -> speech tokens (1, T / 4, rounded up), int32."""

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.conv1 = nn.Conv1d(config.num_mels, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.blocks = [Block(config) for _ in range(config.num_blocks)]
        self.quantizer_proj = nn.Linear(width, config.num_digits)

    def __call__(self, mel: mx.array) -> mx.array:
        digits = (mx.round(self.levels(mel)) + 1.0).astype(mx.int32)
        return mx.sum(digits * LEVELS ** mx.arange(digits.shape[-1]), axis=-1)

    def levels(self, mel: mx.array) -> mx.array:
        """(1, T, mels) -> (1, T / 4, digits) in -1 .. 1, before they are rounded to the digits of the tokens."""
        x = gelu(self.conv2(gelu(self.conv1(mel))))
        for block in self.blocks:
            x = block(x)
        levels: mx.array = mx.tanh(self.quantizer_proj(x)) * MAX_LEVEL
        return levels
