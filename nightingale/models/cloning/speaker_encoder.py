"""Speaker encoder: filter bank of a recording to the speaker embedding (x-vector) that conditions S3Gen.

CAM++ (Wang et al. 2023, https://arxiv.org/abs/2303.00332), the CAMPPlus of 3D-Speaker that CosyVoice uses: a small 2D
ResNet, then densely connected time-delay layers whose outputs a context-aware mask weighs.
"""

import mlx.core as mx
import mlx.nn as nn

from nightingale.models.config import SpeakerEncoderConfig
from nightingale.models.layers import Conv1d
from nightingale.models.streaming import extend_both

HEAD_STRIDE = 8  # of the filter bank's bands
SEGMENT_FRAMES = 100  # that share a context


class BatchNorm(nn.Module):
    """Batch normalization with its stored statistics: (..., C) -> (..., C)."""

    def __init__(self, channels: int, affine: bool = True) -> None:
        super().__init__()
        self.running_mean = mx.zeros((channels,))
        self.running_var = mx.ones((channels,))
        if affine:
            self.weight = mx.ones((channels,))
            self.bias = mx.zeros((channels,))

    def __call__(self, x: mx.array) -> mx.array:
        y = (x - self.running_mean) * mx.rsqrt(self.running_var + 1e-5)
        return y * self.weight + self.bias if "weight" in self else y


class ResBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut: (B, T, bands, C) -> (B, T, bands / stride, C)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, stride=(1, stride), padding=1, bias=False)
        self.norm1 = BatchNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = BatchNorm(channels)
        if stride > 1:
            self.shortcut = nn.Conv2d(channels, channels, 1, stride=(1, stride), bias=False)
            self.shortcut_norm = BatchNorm(channels)

    def __call__(self, x: mx.array) -> mx.array:
        y = self.norm2(self.conv2(nn.relu(self.norm1(self.conv1(x)))))
        out: mx.array = nn.relu(y + (self.shortcut_norm(self.shortcut(x)) if "shortcut" in self else x))
        return out


class Head(nn.Module):
    """Filter bank (B, T, bands) -> (B, T, channels * bands / 8)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.norm1 = BatchNorm(channels)
        self.blocks = [ResBlock(channels, stride) for stride in (2, 1, 2, 1)]
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=(1, 2), padding=1, bias=False)
        self.norm2 = BatchNorm(channels)

    def __call__(self, x: mx.array) -> mx.array:
        y: mx.array = nn.relu(self.norm1(self.conv1(x[..., None])))
        for block in self.blocks:
            y = block(y)
        y = nn.relu(self.norm2(self.conv2(y)))
        return y.swapaxes(2, 3).reshape(*y.shape[:2], -1)  # channels outside, bands inside


class MaskedConv(nn.Module):
    """A convolution, its output weighed by a mask from the mean of the recording and of the frame's segment."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = Conv1d(in_channels, out_channels, 3, dilation=dilation, bias=False)
        self.linear_1 = nn.Linear(in_channels, in_channels // 2)
        self.linear_2 = nn.Linear(in_channels // 2, out_channels)

    def __call__(self, x: mx.array) -> mx.array:
        context = mx.mean(x, axis=1, keepdims=True) + segment_means(x)
        mask = mx.sigmoid(self.linear_2(nn.relu(self.linear_1(context))))
        y: mx.array = self.conv(extend_both(self.conv, x)) * mask
        return y


class DenseLayer(nn.Module):
    """(B, T, C) -> the growth (B, T, G) that is appended to the channels."""

    def __init__(self, in_channels: int, growth: int, bottleneck: int, dilation: int) -> None:
        super().__init__()
        self.norm1 = BatchNorm(in_channels)
        self.linear = nn.Linear(in_channels, bottleneck, bias=False)
        self.norm2 = BatchNorm(bottleneck)
        self.masked_conv = MaskedConv(bottleneck, growth, dilation)

    def __call__(self, x: mx.array) -> mx.array:
        y: mx.array = self.masked_conv(nn.relu(self.norm2(self.linear(nn.relu(self.norm1(x))))))
        return y


class DenseBlock(nn.Module):
    """Dense layers, then a projection to half of the channels."""

    def __init__(self, in_channels: int, num_layers: int, config: SpeakerEncoderConfig, dilation: int) -> None:
        super().__init__()
        growth, bottleneck = config.growth, config.bottleneck_factor * config.growth
        self.layers = [DenseLayer(in_channels + i * growth, growth, bottleneck, dilation) for i in range(num_layers)]
        self.out_channels = (in_channels + num_layers * growth) // 2
        self.norm = BatchNorm(in_channels + num_layers * growth)
        self.linear = nn.Linear(in_channels + num_layers * growth, self.out_channels, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        for layer in self.layers:
            x = mx.concatenate([x, layer(x)], axis=-1)
        y: mx.array = self.linear(nn.relu(self.norm(x)))
        return y


class SpeakerEncoder(nn.Module):
    """Filter bank (1, T, bands), 100 frames a second, mean removed -> embedding (1, E)."""

    def __init__(self, config: SpeakerEncoderConfig) -> None:
        super().__init__()
        self.head = Head(config.head_channels)
        channels = config.init_channels
        self.tdnn = nn.Conv1d(
            config.head_channels * config.num_bands // HEAD_STRIDE, channels, 5, stride=2, padding=2, bias=False
        )
        self.tdnn_norm = BatchNorm(channels)
        self.blocks = []
        for num_layers, dilation in zip(config.block_layers, config.block_dilations, strict=True):
            self.blocks.append(DenseBlock(channels, num_layers, config, dilation))
            channels = self.blocks[-1].out_channels
        self.norm = BatchNorm(channels)
        self.linear = nn.Linear(2 * channels, config.embed_size, bias=False)
        self.embed_norm = BatchNorm(config.embed_size, affine=False)

    def __call__(self, bank: mx.array) -> mx.array:
        x = nn.relu(self.tdnn_norm(self.tdnn(self.head(bank))))
        for block in self.blocks:
            x = block(x)
        x = nn.relu(self.norm(x))
        pooled = mx.concatenate([mx.mean(x, axis=1), mx.std(x, axis=1, ddof=1)], axis=-1)
        embed: mx.array = self.embed_norm(self.linear(pooled))
        return embed


def segment_means(x: mx.array) -> mx.array:
    """(B, T, C) -> for each frame the mean of its segment of 100 frames; the last segment may be shorter."""
    starts = range(0, x.shape[1], SEGMENT_FRAMES)
    means = [mx.mean(x[:, i : i + SEGMENT_FRAMES], axis=1, keepdims=True) for i in starts]
    return mx.repeat(mx.concatenate(means, axis=1), SEGMENT_FRAMES, axis=1)[:, : x.shape[1]]
