"""T3: text tokens and a voice's conditioning in, logits over speech tokens out.

The T3 of Chatterbox (https://github.com/resemble-ai/chatterbox, models/t3/t3.py). Sampling and the token loop are in
decoding/. The sequence, with the learned positions of each part in brackets; RoPE runs through all of it:

    speaker, prompt [0..], emotion | start_text [0], characters, stop_text | start_speech [0] twice, token i [i + 1]

With a GPT-2 backbone (Turbo, Nano) the backbone adds positions, text has no start and stop, start_speech comes once.
"""

import mlx.core as mx
import mlx.nn as nn

from nightingale.errors import CheckpointMismatch, TextError
from nightingale.kernels.cache import Cache
from nightingale.kernels.linear import Projection, join_linears, project_float32
from nightingale.models.config import PerceiverConfig, T3Config
from nightingale.models.gpt2 import GPT2
from nightingale.models.llama import Llama
from nightingale.models.voice import Voice


class Perceiver(nn.Module):
    """Resamples a prompt of any length to a fixed number of rows: one attention layer, over the prompt and then over
    itself.

    After Perceiver (Jaegle et al. 2021, https://arxiv.org/abs/2103.03206); the official Perceiver of T3.
    """

    def __init__(self, hidden_size: int, config: PerceiverConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.queries = mx.zeros((config.num_queries, hidden_size))
        self.norm = nn.LayerNorm(hidden_size)
        self.q_proj = nn.Linear(hidden_size, hidden_size)
        self.k_proj = nn.Linear(hidden_size, hidden_size)
        self.v_proj = nn.Linear(hidden_size, hidden_size)
        self.o_proj = nn.Linear(hidden_size, hidden_size)

    def __call__(self, prompt: mx.array) -> mx.array:
        """(1, N, hidden) -> (1, num_queries, hidden)."""
        rows = self._attend(self.queries[None], prompt)
        return self._attend(rows, rows)

    def _attend(self, x: mx.array, context: mx.array) -> mx.array:
        B, L, D = x.shape
        normed, context = self.norm(x), self.norm(context)
        q, k, v = (
            proj(rows).reshape(B, -1, self.num_heads, D // self.num_heads).swapaxes(1, 2)
            for proj, rows in ((self.q_proj, normed), (self.k_proj, context), (self.v_proj, context))
        )
        out = mx.fast.scaled_dot_product_attention(q, k, v, scale=(D // self.num_heads) ** -0.5)
        attended: mx.array = self.o_proj(out.swapaxes(1, 2).reshape(B, L, D))
        return x + attended


class T3(nn.Module):
    """Any size. Parameters are named and shaped as on disk until `fuse`."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        D = config.backbone.hidden_size
        self.config = config
        self.speaker_proj = nn.Linear(config.speaker_embed_size, D)
        if config.perceiver is not None:
            self.perceiver = Perceiver(D, config.perceiver)
        if config.emotion:
            self.emotion_proj = nn.Linear(1, D, bias=False)
        self.text_embed = nn.Embedding(config.text_vocab_size, D)
        self.speech_embed = nn.Embedding(config.speech_vocab_size, D)
        if config.llama is not None:
            self.text_pos_embed = nn.Embedding(config.max_text_tokens + 2, D)
            self.speech_pos_embed = nn.Embedding(config.max_speech_tokens + 4, D)
            self.llama = Llama(config.llama)
        elif config.gpt2 is not None:
            self.gpt2 = GPT2(config.gpt2)
        self.speech_head: Projection = nn.Linear(D, config.speech_vocab_size, bias=config.gpt2 is not None)

    @property
    def backbone(self) -> Llama | GPT2:
        """Embeddings to normalised states."""
        return self.llama if "llama" in self else self.gpt2

    @property
    def num_layers(self) -> int:
        """Of the backbone: each has a key-value cache."""
        return len(self.backbone.layers)

    def fuse(self) -> None:
        """Lay the weights out for the backend. Call it once, after loading."""
        self.backbone.fuse()
        self.speech_head = join_linears([self.speech_head])

    def condition(self, voice: Voice) -> mx.array:
        """Conditioning rows (1, C, hidden) of a voice, with which every sequence begins. Raises CheckpointMismatch."""
        rows = [self.speaker_proj(voice.t3_speaker_embed[None, None])]
        if voice.t3_prompt_tokens is not None:
            longest = self.config.max_speech_tokens
            if not 0 < voice.t3_prompt_tokens.size <= longest:
                raise CheckpointMismatch(f'voice "{voice.name}": t3.prompt_tokens must have 1 to {longest} values')
            prompt = self.embed_speech(voice.t3_prompt_tokens, 0)
            rows.append(self.perceiver(prompt) if self.config.perceiver is not None else prompt)
        if self.config.emotion:
            if voice.t3_emotion is None:
                raise CheckpointMismatch(f'voice "{voice.name}" has no t3.emotion, which this model needs')
            rows.append(self.emotion_proj(voice.t3_emotion.reshape(1, 1, 1)))
        return mx.concatenate(rows, axis=1).astype(self.speech_embed.weight.dtype)

    def prompt(self, conditioning: mx.array, text_ids: list[int], guided: bool) -> mx.array:
        """Everything before the first speech token: (1, L, hidden), or (2, L, hidden) when guided.

        text_ids: without start and stop. The second row of a guided prompt has positions but no text; GPT-2 has no such
        row. Raises TextError for more text than the model reads.
        """
        config = self.config
        if len(text_ids) > config.max_text_tokens:
            raise TextError(f"{len(text_ids)} text tokens in one sentence; this model reads {config.max_text_tokens}")
        if config.gpt2 is not None:
            text = self.text_embed(mx.array(text_ids))[None]
            start = self.embed_speech(mx.array([config.start_speech_token]), 0)
            return mx.concatenate([conditioning, text, start], axis=1)
        ids = mx.array([config.start_text_token, *text_ids, config.stop_text_token])
        positions = self.text_pos_embed.weight[: ids.size]
        texts = [self.text_embed(ids) + positions] + ([positions] if guided else [])
        # Twice at position 0, as part of the prompt and as the first input: the models were trained so.
        start = self.embed_speech(mx.array([config.start_speech_token]), 0)
        return mx.concatenate([mx.concatenate([conditioning, text[None], start, start], axis=1) for text in texts])

    def embed_speech(self, tokens: mx.array, position: int) -> mx.array:
        """Speech tokens (L,) at learned positions position, position + 1, ... -> (1, L, hidden)."""
        embeds: mx.array = self.speech_embed(tokens)
        if "speech_pos_embed" in self:
            embeds = embeds + self.speech_pos_embed.weight[position : position + tokens.size]
        return embeds[None]

    def __call__(self, embeds: mx.array, caches: list[Cache], num_last: int | None = None) -> mx.array:
        """(B, L, hidden) -> logits (B, num_last or L, speech vocabulary)."""
        return self.logits(self.backbone(embeds, caches, num_last))

    def logits(self, states: mx.array) -> mx.array:
        """States (B, L, hidden), normalised as the backbone gives them -> float32 logits (B, L, speech vocabulary)."""
        logits = project_float32(states.reshape(-1, states.shape[-1]), self.speech_head)
        return logits.reshape(*states.shape[:2], -1)
