"""The token loop: T3's speech tokens one by one, alone or with a draft model that guesses ahead.

Both ways give the same tokens (Gumbel-max coupling). A token is the argmax of the filtered logits plus noise that
depends only on the token's position. The draft samples with the same noise; T3 then reads all its guesses in one pass
and keeps a guess only where it samples the same token itself. Token histories for the repetition penalty are values,
made for each verified position, so nothing has to be rolled back. Leaves text and sound to others.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import mlx.core as mx
import numpy as np

from nightingale.decoding.cache import make_caches
from nightingale.decoding.draft_length import DraftLength
from nightingale.decoding.sampling import Sampler, apply_cfg, histories
from nightingale.kernels.cache import Cache
from nightingale.models.draft import DraftModel, shifted
from nightingale.models.dsp import Floats
from nightingale.models.t3 import T3
from nightingale.options import CacheOptions
from nightingale.statistics import Statistics

_TOKENS_PER_SECOND = 25
_NUM_ALIGNED = 128  # newest speech tokens whose attention to the text can be read; more than a chunk of sound
_CHARACTERS_PER_SECOND = 6  # the slowest reading that is still speech; the usual one is 15


def token_limit(text_length: int) -> int:
    """The most speech tokens that a text of so many characters may take: no sentence runs on."""
    return _TOKENS_PER_SECOND * (6 + text_length) // _CHARACTERS_PER_SECOND


@dataclass(frozen=True)
class Request:
    """What one call of `generate` decodes. text_ids: without start and stop. max_tokens: the most that it may give."""

    text_ids: list[int]
    sampler: Sampler
    max_tokens: int


@dataclass
class T3Session:
    """T3 with the key-value caches of one sentence, and its classifier-free guidance."""

    model: T3
    cfg_weight: float
    cache: CacheOptions | None = None
    caches: list[Cache] = field(default_factory=list)
    _text_start: int = 0  # position of the first text token
    _speech_start: int = 0  # position of the last token before the first speech token

    def start(self, conditioning: mx.array, text_ids: list[int]) -> mx.array:
        """Read the prompt; logits (1, V) of the first speech token."""
        return self.logits(self.states(self.prompt(conditioning, text_ids), num_last=1))

    def step(self, tokens: mx.array, index: int) -> mx.array:
        """Read speech tokens (L,), the first of which has number `index`; logits (L, V) of the tokens after each."""
        return self.logits(self.states(self.embed(tokens, index)))

    def prompt(self, conditioning: mx.array, text_ids: list[int]) -> mx.array:
        """Empty the caches; the embeddings (B, L, hidden) to read first."""
        alignment = self.model.config.alignment
        num_queries = {alignment.layer: _NUM_ALIGNED} if alignment is not None else None
        self.caches = make_caches(self.model.num_layers, self.cache, num_queries)
        embeds = self.model.prompt(conditioning, text_ids, guided=self.cfg_weight > 0)
        self._text_start, self._speech_start = conditioning.shape[1] + 1, embeds.shape[1] - 1
        return embeds

    def embed(self, tokens: mx.array, index: int) -> mx.array:
        """Speech tokens (L,) from number `index` on -> embeddings (B, L, hidden)."""
        embeds = self.model.embed_speech(tokens, index + 1)  # position 0 is start_speech
        return mx.concatenate([embeds, embeds]) if self.cfg_weight > 0 else embeds

    def states(self, embeds: mx.array, num_last: int | None = None) -> mx.array:
        """Read embeddings (B, L, hidden); hidden states (B, L or num_last, hidden)."""
        return self.model.backbone(embeds, self.caches, num_last)

    def logits(self, states: mx.array) -> mx.array:
        """Hidden states (B, L, hidden), T3's or a draft's -> guided logits (L, V)."""
        return apply_cfg(self.model.logits(states), self.cfg_weight)

    def text_attention(self, index: int, count: int, num_text: int) -> Floats:
        """Attention (count, num_text + 1) of the alignment head to the text tokens and the stop token.

        For speech tokens from number `index` on, as they were sampled. They must be among the newest _NUM_ALIGNED.
        """
        config, llama = self.model.config.alignment, self.model.config.llama
        assert config is not None and llama is not None
        cache, start = self.caches[config.layer], self._speech_start + index
        head, kv_head, D = config.head, config.head * llama.num_kv_heads // llama.num_heads, llama.head_dim
        queries = cache.queries(start, start + count)[0, :, head * D : (head + 1) * D]
        keys = cache.keys(self._text_start - 1, self._text_start + num_text + 1)[0, kv_head]
        scores = queries.astype(mx.float32) @ keys.astype(mx.float32).T * D**-0.5
        return np.array(mx.softmax(scores, axis=-1)[:, 1:])

    @property
    def max_step(self) -> int:
        """The most tokens that one step may read."""
        return min(cache.max_update for cache in self.caches)

    def trim(self, count: int) -> None:
        """Remove the last `count` tokens from the caches."""
        for cache in self.caches:
            cache.trim(count)


@dataclass(frozen=True)
class Draft:
    """A draft model, and how many tokens it should guess. Kept over sentences."""

    model: DraftModel
    length: DraftLength = field(default_factory=DraftLength)


def generate(
    session: T3Session,
    conditioning: mx.array,
    request: Request,
    statistics: Statistics,
    draft: Draft | None = None,
) -> Iterator[int]:
    """The speech tokens of a sentence, without the stop token. Passes, guesses and the end go into `statistics`."""
    sampler, config = request.sampler, session.model.config
    limit = min(request.max_tokens, config.max_speech_tokens)
    statistics.stop_reason = "unfinished"
    if draft is not None and draft.length.should_speculate():
        tokens = _speculative(session, draft, conditioning, request, limit, statistics)
    else:
        history = sampler.empty_history()
        token = sampler.sample(session.start(conditioning, request.text_ids), history, 0)
        tokens = _plain(session, sampler, token, history, 0, limit, statistics)
    try:
        for value in tokens:
            if value == config.stop_speech_token:
                statistics.stop_reason = "stop token"
                return
            yield value
        statistics.stop_reason = "token limit"
    finally:
        # A caller that leaves in mid-sentence leaves a pass under way, and a process that ends while OpenBLAS
        # multiplies on MLX's thread hangs for good.
        mx.synchronize()


def _plain(
    session: T3Session,
    sampler: Sampler,
    token: mx.array,
    history: mx.array | None,
    index: int,
    limit: int,
    statistics: Statistics,
) -> Iterator[int]:
    """Tokens from number `index` up to number `limit`, one pass each.

    token: number `index`, sampled but not read. history: of the tokens before it.
    """
    for i in range(index + 1, limit):
        # The next pass is under way before the host knows this token.
        history = _extended(history, token)
        upcoming = sampler.sample(session.step(token, i - 1), history, i)
        mx.async_eval(upcoming)
        statistics.num_rounds += 1
        yield tokens_of(token)[0]
        token = upcoming
    yield tokens_of(token)[0]


def _speculative(
    session: T3Session, draft: Draft, conditioning: mx.array, request: Request, limit: int, statistics: Statistics
) -> Iterator[int]:
    """Tokens from number 0 up to number `limit`, several in a pass where the draft guesses well."""
    sampler, length = request.sampler, draft.length
    prompt = session.prompt(conditioning, request.text_ids)
    states = session.states(prompt)
    token = sampler.sample(session.logits(states[:, -1:]), sampler.empty_history(), 0)
    mx.async_eval(token)
    # The draft reads the prompt while the first token goes on its way to the sound. Only its caches are of use.
    caches = make_caches(draft.model.num_layers)
    prompt_read = draft.model(prompt, shifted(states), caches, num_last=1)
    mx.async_eval(prompt_read)
    rounds = _Speculation(
        session, draft.model, caches, sampler, tokens_of(token), sampler.empty_history(), states[:, -1:]
    )
    yield rounds.tokens[0]
    mx.eval(prompt_read)  # not part of the first round, which is timed
    while (num_before := len(rounds.tokens)) < limit:
        count = length.num_draft()
        if count is None:
            newest = mx.array(rounds.tokens[-1:])
            rest = _plain(session, sampler, newest, rounds.history, num_before - 1, limit, statistics)
            next(rest)  # the newest token, which was given already
            yield from rest
            return
        started = time.perf_counter()
        count = min(count, limit - num_before - 1, session.max_step - 1)
        accepted = rounds.run(count)
        length.record(count, accepted, time.perf_counter() - started)
        statistics.num_rounds += 1
        statistics.num_draft += count
        statistics.num_accepted += accepted
        yield from rounds.tokens[num_before:]


@dataclass
class _Speculation:
    """Target and draft at one position of a sentence.

    tokens: all tokens so far; the target has read all but the newest. history: of the tokens before the newest.
    unread: the target's states (B, U, hidden) before each of the U newest tokens, which the draft has not read.
    """

    target: T3Session
    draft: DraftModel
    draft_caches: list[Cache]
    sampler: Sampler
    tokens: list[int]
    history: mx.array | None
    unread: mx.array

    def run(self, count: int) -> int:
        """One round: the draft guesses `count` tokens, the target verifies them in one pass. How many were right."""
        index = len(self.tokens) - 1
        newest = mx.array(self.tokens[-1:])
        history = _extended(self.history, newest)
        guesses = self._guess(count, history)
        states = self.target.states(self.target.embed(mx.concatenate([newest, guesses]), index))
        sampled = self.sampler.sample(self.target.logits(states), histories(history, guesses), index + 1)
        mx.eval(guesses, sampled)
        accepted = count_accepted(guesses, sampled)

        self.target.trim(count - accepted)
        new, before_new = sampled[: accepted + 1], states[:, : accepted + 1]
        if count > 0:
            # The draft read right guesses too with its own states, and reads them again with the target's.
            for cache in self.draft_caches:
                cache.trim(count - 1)
            self.unread = before_new
        else:
            self.unread = mx.concatenate([self.unread, before_new], axis=1)
        self.history = _extended(history, new[:-1])
        self.tokens += tokens_of(new)
        return accepted

    def _guess(self, count: int, history: mx.array | None) -> mx.array:
        """The draft's continuation (count,). It reads the tokens it has not read, and all its guesses but the last.

        history: of all tokens, the newest included.
        """
        guesses = [mx.zeros((0,), mx.uint32)]
        states = self.unread
        tokens = mx.array(self.tokens[len(self.tokens) - states.shape[1] :])
        for i in range(len(self.tokens), len(self.tokens) + count):
            embeds = self.target.embed(tokens, i - tokens.size)
            states = self.draft(embeds, states, self.draft_caches, num_last=1)
            tokens = self.sampler.sample(self.target.logits(states), history, i)
            history = _extended(history, tokens)
            guesses.append(tokens)
        return mx.concatenate(guesses)


def count_accepted(guesses: mx.array, sampled: mx.array) -> int:
    """How many guesses (k,), from the first on, are the tokens that the target sampled (k + 1,) there."""
    count = 0
    for guess, token in zip(tokens_of(guesses), tokens_of(sampled), strict=False):
        if guess != token:
            break
        count += 1
    return count


def tokens_of(array: mx.array) -> list[int]:
    """Tokens (L,) on the host; waits for them."""
    return [int(token) for token in np.array(array)]


def _extended(history: mx.array | None, tokens: mx.array) -> mx.array | None:
    """The history (1, V) with tokens (L,) added."""
    rows = histories(history, tokens)
    return None if rows is None else rows[-1:]
