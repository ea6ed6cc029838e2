"""The velocity network of the flow: noisy mel, time and conditions in, the direction towards the mel out.

A U-Net with one level that keeps the frame rate: causal residual convolutions with transformers between, as the
ConditionalDecoder of CosyVoice (https://arxiv.org/abs/2407.05407) and Matcha-TTS (https://arxiv.org/abs/2309.03199).
"""

import math

import mlx.core as mx
import mlx.nn as nn

from nightingale.kernels.activations import mish, silu
from nightingale.kernels.attention import attention
from nightingale.models.config import N_MELS, EstimatorConfig
from nightingale.models.layers import Conv1d, FeedForward
from nightingale.models.streaming import StreamingContext

TIME_WIDTH = 4 * N_MELS  # of the sinusoids that stand for a time
TIME_SCALE = 1000.0


def time_sinusoids(t: mx.array) -> mx.array:
    """Times (B,) in 0..1 -> (B, TIME_WIDTH)."""
    half = TIME_WIDTH // 2
    rate = mx.exp(mx.arange(half).astype(mx.float32) * (-math.log(10_000.0) / (half - 1)))
    angle = TIME_SCALE * t[:, None] * rate[None]
    return mx.concatenate([mx.sin(angle), mx.cos(angle)], axis=-1)


class TimeMLP(nn.Module):
    """Sinusoids to the width that the residual blocks take."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(TIME_WIDTH, width)
        self.linear_2 = nn.Linear(width, width)

    def __call__(self, t: mx.array) -> mx.array:
        return self.linear_2(silu(self.linear_1(time_sinusoids(t))))


class ConvBlock(nn.Module):
    """A causal convolution over three frames, normed, with Mish."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = Conv1d(in_channels, out_channels, 3)
        self.norm = nn.LayerNorm(out_channels)

    def __call__(self, x: mx.array, context: StreamingContext) -> mx.array:
        return mish(self.norm(self.conv(context.extend(self.conv, x))))


class ResnetBlock(nn.Module):
    """Two convolution blocks, time added between them, and a projection around them."""

    def __init__(self, in_channels: int, out_channels: int, time_width: int) -> None:
        super().__init__()
        self.block1 = ConvBlock(in_channels, out_channels)
        self.block2 = ConvBlock(out_channels, out_channels)
        self.time_proj = nn.Linear(time_width, out_channels)
        self.res_conv = nn.Linear(in_channels, out_channels)

    def __call__(self, x: mx.array, time: mx.array, context: StreamingContext) -> mx.array:
        """x (B, T, in), time (B, time_width) already through Mish -> (B, T, out)."""
        h = self.block1(x, context) + self.time_proj(time)[:, None]
        return self.block2(h, context) + self.res_conv(x)


class Attention(nn.Module):
    """Self-attention without positions: the convolutions around it supply them."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        inner, width = config.num_heads * config.head_dim, config.channels
        self.num_heads = config.num_heads
        self.q_proj = nn.Linear(width, inner, bias=False)
        self.k_proj = nn.Linear(width, inner, bias=False)
        self.v_proj = nn.Linear(width, inner, bias=False)
        self.o_proj = nn.Linear(inner, width)

    def __call__(self, x: mx.array, window: int | None, context: StreamingContext) -> mx.array:
        limit = None if window is None else window - 1
        k = context.append(self.k_proj, self.k_proj(x), limit)
        v = context.append(self.v_proj, self.v_proj(x), limit)
        return self.o_proj(attention(self.q_proj(x), k, v, self.num_heads, window))


class TransformerBlock(nn.Module):
    """Attention and feed-forward, each with a norm before it and a residual around it."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.channels)
        self.attention = Attention(config)
        self.norm2 = nn.LayerNorm(config.channels)
        self.ffn = FeedForward(config.channels)

    def __call__(self, x: mx.array, window: int | None, context: StreamingContext) -> mx.array:
        x = x + self.attention(self.norm1(x), window, context)
        return x + self.ffn(self.norm2(x))


class Stage(nn.Module):
    """A residual block and its transformers, and a convolution at the end where the stage has one."""

    def __init__(self, config: EstimatorConfig, in_channels: int, has_conv: bool) -> None:
        super().__init__()
        width = config.channels
        self.window = config.window
        self.resnet = ResnetBlock(in_channels, width, 4 * width)
        self.transformers = [TransformerBlock(config) for _ in range(config.blocks_per_stage)]
        if has_conv:
            self.conv = Conv1d(width, width, 3)

    def __call__(self, x: mx.array, time: mx.array, context: StreamingContext) -> mx.array:
        x = self.resnet(x, time, context)
        for transformer in self.transformers:
            x = transformer(x, self.window, context)
        return x

    def close(self, x: mx.array, context: StreamingContext) -> mx.array:
        """The convolution at the stage's end."""
        y: mx.array = self.conv(context.extend(self.conv, x))
        return y


class Estimator(nn.Module):
    """The whole network; see the module."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        width = config.channels
        self.time_mlp = TimeMLP(4 * width)
        if config.meanflow:
            self.time_mixer = nn.Linear(8 * width, 4 * width, bias=False)
        self.down = Stage(config, 4 * N_MELS, has_conv=True)
        self.mid = [Stage(config, width, has_conv=False) for _ in range(config.num_mid_blocks)]
        self.up = Stage(config, 2 * width, has_conv=True)
        self.final_block = ConvBlock(width, width)
        self.final_proj = nn.Linear(width, N_MELS)

    def embed_time(self, t: mx.array, r: mx.array) -> mx.array:
        """Times (B,) that a step begins and ends at -> (B, 4 * channels); the end counts for a mean flow only."""
        time = self.time_mlp(t)
        if "time_mixer" in self:
            time = self.time_mixer(mx.concatenate([time, self.time_mlp(r)], axis=-1))
        return mish(time)

    def __call__(
        self, x: mx.array, mu: mx.array, speaker: mx.array, prompt: mx.array, time: mx.array, context: StreamingContext
    ) -> mx.array:
        """x, mu, prompt (B, T, 80), speaker (B, 80), time of embed_time -> velocity (B, T, 80)."""
        speakers = mx.broadcast_to(speaker[:, None], (x.shape[0], x.shape[1], N_MELS))
        skip = self.down(mx.concatenate([x, mu, speakers, prompt], axis=-1), time, context)
        h = self.down.close(skip, context)
        for stage in self.mid:
            h = stage(h, time, context)
        h = self.up(mx.concatenate([h, skip], axis=-1), time, context)
        y: mx.array = self.final_proj(self.final_block(self.up.close(h, context), context))
        return y
