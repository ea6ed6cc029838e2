"""S3Gen in PyTorch, in its windowed form, with the names of `nightingale.models.s3gen` and the bundled voices' sizes.

The encoder has three tokens of look-ahead, the estimator none. Both see a bounded window of the past, so that a chunk
costs only its own frames. The estimator predicts the average velocity u(x, t, r) from time t to r.
"""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nightingale.models.config import EncoderConfig, EstimatorConfig, FlowConfig, S3GenConfig
from training.models.speech_tokenizer import MEL_MEAN, MEL_SCALE, NUM_CODES

SPEAKER_SIZE = 192
S3GEN_CONFIG = S3GenConfig(
    encoder=EncoderConfig(NUM_CODES, 192, 3, 768, 3, 2, lookahead_tokens=3, window=32),
    estimator=EstimatorConfig(192, 3, 64, 1, 4, meanflow=True, window=64),
    flow=FlowConfig(
        num_steps=2, cfg_rate=0.0, schedule="linear", mel_mean=MEL_MEAN, mel_scale=MEL_SCALE, temperature=0.0
    ),
    speaker_embed_size=SPEAKER_SIZE,
)


def window_mask(length: int, window: int, device: torch.device) -> Tensor:
    """(L, L) bool: a query sees itself and the window - 1 positions before it."""
    place = torch.arange(length, device=device)
    distance = place[:, None] - place[None]
    return (distance >= 0) & (distance < window)


class RelativeAttention(nn.Module):
    """Bounded causal attention with relative positions (Transformer-XL, https://arxiv.org/abs/1901.02860)."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(width, width) for _ in range(4))
        self.pos_proj = nn.Linear(width, width, bias=False)
        self.pos_bias_u = nn.Parameter(torch.zeros(heads, width // heads))
        self.pos_bias_v = nn.Parameter(torch.zeros(heads, width // heads))

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """x (B, T, C), positions (window, C) for distances 0, 1, ... back, mask (T, T)."""
        batch, length, width = x.shape
        split = lambda y: y.view(batch, -1, self.heads, width // self.heads).transpose(1, 2)  # noqa: E731
        q, k, v = split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x))
        p = self.pos_proj(positions).view(-1, self.heads, width // self.heads).transpose(0, 1)
        by_distance = (q + self.pos_bias_v[:, None]) @ p.transpose(1, 2)  # (B, H, T, window)
        place = torch.arange(length, device=x.device)
        distance = (place[:, None] - place[None]).clamp(0, len(positions) - 1)
        bias = by_distance.gather(-1, distance.expand(batch, self.heads, -1, -1)) / math.sqrt(width // self.heads)
        bias = bias.masked_fill(~mask, float("-inf")).type_as(q)
        y = F.scaled_dot_product_attention((q + self.pos_bias_u[:, None]).type_as(q), k, v, attn_mask=bias)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, width))  # type: ignore[no-any-return]


def relative_positions(window: int, width: int, device: torch.device) -> Tensor:
    """Sinusoids for distances 0..window-1 back (window, width), sine and cosine interleaved."""
    frequency = torch.exp(torch.arange(0, width, 2, device=device) * -(math.log(10_000.0) / width))
    angles = torch.arange(window, device=device)[:, None] * frequency
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int, activation: str) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.activation = F.silu if activation == "silu" else F.gelu

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(self.activation(self.linear_1(x)))  # type: ignore[no-any-return]


class ConformerBlock(nn.Module):
    def __init__(self, c: EncoderConfig, window: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(c.hidden_size, eps=1e-12)
        self.attention = RelativeAttention(c.hidden_size, c.num_heads, window)
        self.norm_ffn = nn.LayerNorm(c.hidden_size, eps=1e-12)
        self.ffn = FeedForward(c.hidden_size, c.ffn_size, "silu")

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        x = x + self.attention(self.norm_attention(x), positions, mask)
        return x + self.ffn(self.norm_ffn(x))  # type: ignore[no-any-return]


class Embed(nn.Module):
    """Linear, norm, and the square root of the width as scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(width, width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.linear(x)) * math.sqrt(x.shape[-1])  # type: ignore[no-any-return]


def conv(layer: nn.Conv1d, x: Tensor, left: int = 0, right: int = 0) -> Tensor:
    """Convolution of (B, T, C)."""
    return layer(F.pad(x.transpose(1, 2), (left, right))).transpose(1, 2)  # type: ignore[no-any-return]


class Lookahead(nn.Module):
    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(width, width, tokens + 1), nn.Conv1d(width, width, 3)
        self.tokens = tokens

    def forward(self, x: Tensor) -> Tensor:
        return x + conv(self.conv2, F.leaky_relu(conv(self.conv1, x, right=self.tokens)), left=2)


class Encoder(nn.Module):
    """Embedded tokens (B, N, C) -> (B, 2N, C)."""

    def __init__(self, c: EncoderConfig) -> None:
        super().__init__()
        assert c.window is not None
        self.window = c.window
        self.embed, self.up_embed = Embed(c.hidden_size), Embed(c.hidden_size)
        self.lookahead = Lookahead(c.hidden_size, c.lookahead_tokens)
        self.blocks = nn.ModuleList([ConformerBlock(c, c.window) for _ in range(c.num_blocks)])
        self.upsample = nn.Conv1d(c.hidden_size, c.hidden_size, 5)
        self.up_blocks = nn.ModuleList([ConformerBlock(c, 2 * c.window) for _ in range(c.num_up_blocks)])
        self.norm = nn.LayerNorm(c.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lookahead(self.embed(x))
        x = self._run(self.blocks, x, self.window)
        x = conv(self.upsample, x.repeat_interleave(2, 1), left=4)
        x = self._run(self.up_blocks, self.up_embed(x), 2 * self.window)
        return self.norm(x)  # type: ignore[no-any-return]

    def _run(self, blocks: nn.ModuleList, x: Tensor, window: int) -> Tensor:
        positions = relative_positions(window, x.shape[-1], x.device)
        mask = window_mask(x.shape[1], window, x.device)
        for block in blocks:
            x = block(x, positions, mask)
        return x


class CausalBlock(nn.Module):
    def __init__(self, inlet: int, outlet: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(inlet, outlet, 3), nn.LayerNorm(outlet)

    def forward(self, x: Tensor) -> Tensor:
        return F.mish(self.norm(conv(self.conv, x, left=2)))


class Resnet(nn.Module):
    def __init__(self, inlet: int, outlet: int, time: int) -> None:
        super().__init__()
        self.block1, self.block2 = CausalBlock(inlet, outlet), CausalBlock(outlet, outlet)
        self.time_proj, self.res_conv = nn.Linear(time, outlet), nn.Linear(inlet, outlet)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.block1(x) + self.time_proj(F.mish(time))[:, None]
        return self.block2(h) + self.res_conv(x)  # type: ignore[no-any-return]


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, heads * head_dim, bias=False) for _ in range(3))
        self.o_proj = nn.Linear(heads * head_dim, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, _ = x.shape
        split = lambda y: y.view(batch, length, self.heads, -1).transpose(1, 2)  # noqa: E731
        y = F.scaled_dot_product_attention(
            split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x)), attn_mask=mask
        )
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, -1))  # type: ignore[no-any-return]


class Transformer(nn.Module):
    def __init__(self, c: EstimatorConfig) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(c.channels), nn.LayerNorm(c.channels)
        self.attention = Attention(c.channels, c.num_heads, c.head_dim)
        self.ffn = FeedForward(c.channels, 4 * c.channels, "gelu")

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x), mask)
        return x + self.ffn(self.norm2(x))  # type: ignore[no-any-return]


class Stage(nn.Module):
    """A resnet and its transformers; the outer stages end in a convolution."""

    def __init__(self, c: EstimatorConfig, inlet: int, outer: bool) -> None:
        super().__init__()
        self.resnet = Resnet(inlet, c.channels, 4 * c.channels)
        self.transformers = nn.ModuleList([Transformer(c) for _ in range(c.blocks_per_stage)])
        if outer:
            self.conv = nn.Conv1d(c.channels, c.channels, 3)

    def forward(self, x: Tensor, time: Tensor, mask: Tensor) -> Tensor:
        x = self.resnet(x, time)
        for block in self.transformers:
            x = block(x, mask)
        return x


class TimeMLP(nn.Module):
    def __init__(self, inlet: int, width: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(inlet, width), nn.Linear(width, width)
        self.pairs = inlet // 2

    def forward(self, t: Tensor) -> Tensor:
        frequency = torch.exp(torch.arange(self.pairs, device=t.device) * -(math.log(10_000.0) / (self.pairs - 1)))
        angles = 1000.0 * t[:, None] * frequency
        return self.linear_2(F.silu(self.linear_1(torch.cat([angles.sin(), angles.cos()], -1))))  # type: ignore[no-any-return]


class Estimator(nn.Module):
    """Noisy mel x, encoder's mu, speaker and prompt (B, T, 80 each), times t, r (B,) -> average velocity (B, T, 80)."""

    def __init__(self, c: EstimatorConfig) -> None:
        super().__init__()
        assert c.window is not None and c.meanflow
        self.window, width = c.window, c.channels
        self.time_mlp = TimeMLP(320, 4 * width)
        self.time_mixer = nn.Linear(8 * width, 4 * width, bias=False)
        self.down = Stage(c, 320, outer=True)
        self.mid = nn.ModuleList([Stage(c, width, outer=False) for _ in range(c.num_mid_blocks)])
        self.up = Stage(c, 2 * width, outer=True)
        self.final_block = CausalBlock(width, width)
        self.final_proj = nn.Linear(width, 80)
        with torch.no_grad():
            self.time_mixer.weight.copy_(torch.cat([torch.eye(4 * width), torch.zeros(4 * width, 4 * width)], 1))
            nn.init.zeros_(self.final_proj.weight)

    def forward(self, x: Tensor, mu: Tensor, speaker: Tensor, prompt: Tensor, t: Tensor, r: Tensor) -> Tensor:
        time = self.time_mixer(torch.cat([self.time_mlp(t), self.time_mlp(r)], -1))
        mask = window_mask(x.shape[1], self.window, x.device)
        x = torch.cat([x, mu, speaker[:, None].expand(-1, x.shape[1], -1), prompt], -1)
        skip = self.down(x, time, mask)
        x = conv(self.down.conv, skip, left=2)
        for stage in self.mid:
            x = stage(x, time, mask)
        x = self.up(torch.cat([x, skip], -1), time, mask)
        x = conv(self.up.conv, x, left=2)
        return self.final_proj(self.final_block(x))  # type: ignore[no-any-return]


class S3Gen(nn.Module):
    def __init__(self, c: S3GenConfig = S3GEN_CONFIG) -> None:
        super().__init__()
        self.config = c
        self.token_embed = nn.Embedding(c.encoder.vocab_size, c.encoder.hidden_size)
        self.speaker_proj = nn.Linear(c.speaker_embed_size, 80)
        self.encoder = Encoder(c.encoder)
        self.encoder_proj = nn.Linear(c.encoder.hidden_size, 80)
        self.estimator = Estimator(c.estimator)

    def condition(self, tokens: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, N), speaker (B or 1, S) -> mu (B, 2N, 80), speaker (B, 80)."""
        mu = self.encoder_proj(self.encoder(self.token_embed(tokens)))
        return mu, self.speaker_proj(F.normalize(speaker, dim=-1)).expand(len(tokens), -1)

    def made(self, tokens: Tensor, speaker: Tensor, steps: int, temperature: float) -> Tensor:
        """Tokens (B, N) -> normalized mel (B, 2N, 80), by `steps` Euler steps from noise."""
        mu, spk = self.condition(tokens, speaker)
        x = torch.randn_like(mu) * temperature
        times = torch.linspace(0, 1, steps + 1, device=mu.device)
        for t, r in itertools.pairwise(times):
            velocity = self.estimator(x, mu, spk, torch.zeros_like(x), t.expand(len(x)), r.expand(len(x)))
            x = x + (r - t) * velocity
        return x

    @torch.no_grad()
    def sample(self, tokens: Tensor, speaker: Tensor, steps: int, temperature: float) -> Tensor:
        """Tokens (B, N) -> log mel (B, 2N, 80)."""
        flow = self.config.flow
        return self.made(tokens, speaker, steps, temperature) * flow.mel_scale + flow.mel_mean
