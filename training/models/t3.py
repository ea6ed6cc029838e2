"""T3 and its draft in PyTorch, with the names of `nightingale.models` and the sizes and alphabet of the bundled voices.

A sequence is [speaker][start, characters, stop][start of speech, twice][speech tokens].
"""

import math
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nightingale.models.config import DraftConfig, LlamaConfig, T3Config
from training.models.speech_tokenizer import NUM_CODES

CHARACTERS = " !\"'(),-.:;?" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "abcdefghijklmnopqrstuvwxyz"
STOP_TEXT, START_TEXT = 0, 1
TEXT_IDS = {c: i + 2 for i, c in enumerate(CHARACTERS)}
START_SPEECH, STOP_SPEECH = NUM_CODES, NUM_CODES + 1
MAX_LENGTH = 880  # positions of a sequence: 300 characters with 22 seconds of speech
SPEAKER_SIZE = 256


def t3_config(hidden: int, layers: int, heads: int, kv_heads: int, ffn: int) -> T3Config:
    return T3Config(
        llama=LlamaConfig(hidden, layers, heads, kv_heads, hidden // heads, ffn, 1e-5, 10_000.0),
        text_vocab_size=len(TEXT_IDS) + 2,
        start_text_token=START_TEXT,
        stop_text_token=STOP_TEXT,
        max_text_tokens=320,
        speech_vocab_size=NUM_CODES + 2,
        start_speech_token=START_SPEECH,
        stop_speech_token=STOP_SPEECH,
        max_speech_tokens=800,
        speaker_embed_size=SPEAKER_SIZE,
    )


T3_CONFIG = t3_config(384, 10, 6, 2, 1024)
DRAFT_CONFIG = DraftConfig(replace(T3_CONFIG.llama, num_layers=1))


@dataclass
class Chain:
    """Keys and values of one layer of the draft, by depth: the number of guesses since the last state of T3.

    Row i of depth d attends to the rows of depth 0 up to position i - d, and to the one row of each later depth that
    led to it.
    """

    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Add keys and values (B, K, L, D) of the next depth -> those of all depths, and the attention mask."""
        self.keys.append(k)
        self.values.append(v)
        depth, length = len(self.keys) - 1, k.shape[2]
        place = torch.arange(length, device=k.device)
        back = place[:, None] - place
        seen = [back >= depth, *(back == depth - d for d in range(1, depth + 1))]
        return torch.cat(self.keys, 2), torch.cat(self.values, 2), torch.cat(seen, 1)


class Attention(nn.Module):
    def __init__(self, c: LlamaConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = c.num_heads, c.num_kv_heads, c.head_dim
        self.q_proj = nn.Linear(c.hidden_size, c.num_heads * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, c.num_kv_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, c.num_kv_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(c.num_heads * c.head_dim, c.hidden_size, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, chain: Chain | None = None) -> Tensor:
        batch, length, _ = x.shape
        split = lambda y, n: y.view(batch, length, n, self.head_dim).transpose(1, 2)  # noqa: E731
        q, k, v = (
            split(self.q_proj(x), self.heads),
            split(self.k_proj(x), self.kv_heads),
            split(self.v_proj(x), self.kv_heads),
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mask = None
        if chain is not None:
            k, v, mask = chain.extend(k, v)
        repeat = self.heads // self.kv_heads
        y = F.scaled_dot_product_attention(
            q, k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1), attn_mask=mask, is_causal=mask is None
        )
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, -1))  # type: ignore[no-any-return]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, -1)
    return torch.cat([left * cos - right * sin, right * cos + left * sin], -1).type_as(x)


class MLP(nn.Module):
    def __init__(self, c: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))  # type: ignore[no-any-return]


class Block(nn.Module):
    def __init__(self, c: LlamaConfig, dropout: float) -> None:
        super().__init__()
        self.input_norm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.attention = Attention(c)
        self.post_attention_norm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.mlp = MLP(c)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, chain: Chain | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.input_norm(x), cos, sin, chain))
        return x + self.dropout(self.mlp(self.post_attention_norm(x)))  # type: ignore[no-any-return]


class Llama(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, c: LlamaConfig, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Block(c, dropout) for _ in range(c.num_layers)])
        self.norm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)
        frequency = c.rope_theta ** -(torch.arange(0, c.head_dim, 2) / c.head_dim)
        angles = torch.arange(MAX_LENGTH)[:, None] * frequency
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x: Tensor, chains: list[Chain] | None = None) -> Tensor:
        cos, sin = self.cos[: x.shape[1]], self.sin[: x.shape[1]]
        for i, layer in enumerate(self.layers):
            x = layer(x, cos, sin, chains[i]) if chains else layer(x, cos, sin)
        return self.norm(x)  # type: ignore[no-any-return]


class T3(nn.Module):
    def __init__(self, config: T3Config, dropout: float = 0.1) -> None:
        super().__init__()
        c, width = config, config.llama.hidden_size
        self.config = config
        self.speaker_proj = nn.Linear(c.speaker_embed_size, width)
        self.text_embed = nn.Embedding(c.text_vocab_size, width)
        self.text_pos_embed = nn.Embedding(c.max_text_tokens + 2, width)
        self.speech_embed = nn.Embedding(c.speech_vocab_size, width)
        self.speech_pos_embed = nn.Embedding(c.max_speech_tokens + 4, width)
        self.llama = Llama(c.llama, dropout)
        self.speech_head = nn.Linear(width, c.speech_vocab_size, bias=False)
        initialize(self, c.llama.num_layers)

    def embed(self, ids: Tensor, text: Tensor, speaker: Tensor, has_text: Tensor | None = None) -> Tensor:
        """Rows of ids (B, L), text lengths with start and stop (B,), speakers (B, S) -> (B, L, hidden).

        has_text (B,): whether a row's text is shown.
        """
        place = torch.arange(ids.shape[1], device=ids.device)[None]
        is_text = place <= text[:, None]
        words = self.text_embed(ids.clamp(max=self.config.text_vocab_size - 1))
        if has_text is not None:
            words = words * has_text[:, None, None]
        words = words + self.text_pos_embed((place - 1).clamp(0, self.config.max_text_tokens + 1))
        speech_place = (place - text[:, None] - 2).clamp(0, self.config.max_speech_tokens + 3)
        speech = self.speech_embed(ids) + self.speech_pos_embed(speech_place)
        x = torch.where(is_text[..., None], words, speech)
        return torch.cat([self.speaker_proj(speaker)[:, None], x[:, 1:]], 1)

    def forward(self, embeds: Tensor) -> Tensor:
        """Embeddings (B, L, hidden) -> hidden states (B, L, hidden), the input of `speech_head`."""
        return self.llama(embeds)  # type: ignore[no-any-return]


class Draft(nn.Module):
    """Predicts T3's next states from its last ones (EAGLE, Li et al. 2024, https://arxiv.org/abs/2401.15077).

    Trained on its own predictions too, as in EAGLE-3 (Li et al. 2025, https://arxiv.org/abs/2503.01840).
    """

    def __init__(self, config: DraftConfig) -> None:
        super().__init__()
        width = config.llama.hidden_size
        self.input_norm = nn.RMSNorm(width, config.llama.rms_norm_eps)
        self.input_proj = nn.Linear(2 * width, width, bias=False)
        self.llama = Llama(config.llama, dropout=0.0)
        initialize(self, config.llama.num_layers)

    def forward(self, embeds: Tensor, states: Tensor, depths: int) -> list[Tensor]:
        """T3's inputs and states (B, L, hidden) -> predicted states for each position, one tensor for each depth.

        Depth 0 at position i uses T3's state of position i - 1, depth d the draft's own prediction at depth d - 1.
        """
        chains, found = [Chain() for _ in self.llama.layers], []
        for _ in range(depths):
            before = F.pad(states, (0, 0, 1, 0))[:, :-1]
            x = self.input_proj(torch.cat([self.input_norm(embeds), before], -1))
            states = self.llama(x, chains)
            found.append(states)
        return found


def initialize(model: nn.Module, num_layers: int) -> None:
    """Normal weights; smaller in layers that add to the residual stream."""
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear | nn.Embedding):
            continue
        adds = name.endswith(("o_proj", "down_proj"))
        nn.init.normal_(module.weight, std=0.02 / math.sqrt(2 * num_layers) if adds else 0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
