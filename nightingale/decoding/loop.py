"""The only token loop: T3's speech tokens one by one, alone or with a draft that guesses ahead.

Both ways give the same tokens. A token is the argmax of filtered logits plus noise that depends on its position only;
the draft sees the same noise, T3 then reads all guesses in one pass, and a guess stays only where it is what T3 chooses
itself. Histories for the repetition penalty are values made for each verified place, never kept and rolled back.
Knows nothing of text or of sound.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import mlx.core as mx
import numpy as np

from nightingale.decoding.cache import make_caches
from nightingale.decoding.draft_length import Pace
from nightingale.decoding.sampling import Sampler, guide, histories
from nightingale.models.cache import Cache
from nightingale.models.draft import DraftModel, shifted
from nightingale.models.t3 import T3
from nightingale.options import CacheOptions

_TOKENS_PER_SECOND = 25
_CHARACTERS_PER_SECOND = 6  # the slowest reading that is still speech; the usual one is 15

StopReason = Literal["unfinished", "stop token", "token limit"]


def token_limit(text_length: int) -> int:
    """The most speech tokens that a text of so many characters may take: nothing runs on."""
    return _TOKENS_PER_SECOND * (6 + text_length) // _CHARACTERS_PER_SECOND


@dataclass
class Report:
    """What became of a sentence: num_draft and num_accepted count guesses, num_rounds T3's passes after the prompt."""

    reason: StopReason = "unfinished"
    num_tokens: int = 0
    num_rounds: int = 0
    num_draft: int = 0
    num_accepted: int = 0


@dataclass
class Lane:
    """T3 reading one sentence: its caches, of which kind, and how its rows are guided."""

    model: T3
    cfg_weight: float
    cache: CacheOptions | None = None
    caches: list[Cache] = field(default_factory=list)

    def start(self, conditioning: mx.array, text_ids: list[int]) -> mx.array:
        """Read the prompt; logits (1, V) of the first token."""
        return self.logits(self.states(self.prompt(conditioning, text_ids), num_last=1))

    def read(self, tokens: mx.array, index: int) -> mx.array:
        """Read tokens (L,), the first of which is the sentence's token number `index`; logits (L, V)."""
        return self.logits(self.states(self.embed(tokens, index)))

    def prompt(self, conditioning: mx.array, text_ids: list[int]) -> mx.array:
        """Forget everything; what is to be read first: (B, L, hidden)."""
        self.caches = make_caches(self.model.num_layers, self.cache)
        return self.model.prompt(conditioning, text_ids, guided=self.cfg_weight > 0)

    def embed(self, tokens: mx.array, index: int) -> mx.array:
        """Tokens (L,) from number `index` on, to be read: (B, L, hidden)."""
        embeds = self.model.embed_speech(tokens, index + 1)  # position 0 is start_speech
        return mx.concatenate([embeds, embeds]) if self.cfg_weight > 0 else embeds

    def states(self, embeds: mx.array, num_last: int | None = None) -> mx.array:
        """Read (B, L, hidden); states (B, L or num_last, hidden)."""
        return self.model.llama(embeds, self.caches, num_last)

    def logits(self, states: mx.array) -> mx.array:
        """States (B, L, hidden), its own or a draft's -> guided logits (L, V)."""
        return guide(self.model.logits(states), self.cfg_weight)

    @property
    def room(self) -> int:
        """The most tokens that one pass may read."""
        return min(cache.room for cache in self.caches)

    def rewind(self, count: int) -> None:
        """Forget the last `count` tokens read."""
        for cache in self.caches:
            cache.trim(count)


@dataclass(frozen=True)
class Sentence:
    """What one call of `generate` reads: text ids without start and stop, the sampler, the most tokens it may give."""

    text_ids: list[int]
    sampler: Sampler
    limit: int


@dataclass(frozen=True)
class Draft:
    """What guesses, and what is known of how well it pays."""

    model: DraftModel
    pace: Pace = field(default_factory=Pace)


def generate(
    target: T3,
    conditioning: mx.array,
    sentence: Sentence,
    report: Report,
    draft: Draft | None = None,
    cache: CacheOptions | None = None,
) -> Iterator[int]:
    """The sentence's speech tokens, without the stop token. `report` is filled in as they come.

    cache: how the target keeps what it has read; the draft, read again for every sentence and small, keeps everything.
    """
    sampler = sentence.sampler
    lane = Lane(target, sampler.options.cfg_weight, cache)
    limit = min(sentence.limit, target.config.max_speech_tokens)
    if draft is not None and draft.pace.wanted():
        tokens = _speculative(lane, draft, conditioning, sentence, limit, report)
    else:
        seen = sampler.nothing_said()
        token = sampler.choose(lane.start(conditioning, sentence.text_ids), seen, 0)
        tokens = _plain(lane, sampler, token, seen, 0, limit, report)
    try:
        for value in tokens:
            if value == target.config.stop_speech_token:
                report.reason = "stop token"
                return
            report.num_tokens += 1
            yield value
        report.reason = "token limit"
    finally:
        # Whoever leaves in mid-sentence leaves a pass under way, and a process that ends while OpenBLAS multiplies on
        # MLX's thread hangs for good.
        mx.synchronize()


def _plain(
    lane: Lane, sampler: Sampler, token: mx.array, seen: mx.array | None, index: int, limit: int, report: Report
) -> Iterator[int]:
    """Tokens from number `index`, which is `token`, chosen but not read, up to number `limit`: one pass each.

    seen: what was said before `token`.
    """
    for i in range(index + 1, limit):
        # The next pass is under way before the host knows this token.
        seen = _after(seen, token)
        upcoming = sampler.choose(lane.read(token, i - 1), seen, i)
        mx.async_eval(upcoming)
        report.num_rounds += 1
        yield tokens_of(token)[0]
        token = upcoming
    yield tokens_of(token)[0]


def _speculative(
    lane: Lane, draft: Draft, conditioning: mx.array, sentence: Sentence, limit: int, report: Report
) -> Iterator[int]:
    """Tokens from number 0 up to number `limit`: several a pass where the draft guesses well."""
    sampler, pace = sentence.sampler, draft.pace
    prompt = lane.prompt(conditioning, sentence.text_ids)
    states = lane.states(prompt)
    token = sampler.choose(lane.logits(states[:, -1:]), sampler.nothing_said(), 0)
    mx.async_eval(token)
    # While the first token is on its way to the sound; of what comes out, only the caches are of use.
    caches = make_caches(draft.model.num_layers)
    prompt_read = draft.model(prompt, shifted(states), caches, num_last=1)
    mx.async_eval(prompt_read)
    pair = _Pair(lane, draft.model, caches, sampler, tokens_of(token), sampler.nothing_said(), states[:, -1:])
    yield pair.said[0]
    mx.eval(prompt_read)  # no part of the first round, which is timed
    while (num_said := len(pair.said)) < limit:
        count = pace.num_draft()
        if count is None:
            rest = _plain(lane, sampler, mx.array(pair.said[-1:]), pair.seen, num_said - 1, limit, report)
            next(rest)  # the newest token, given already
            yield from rest
            return
        started = time.perf_counter()
        count = min(count, limit - num_said - 1, lane.room - 1)
        accepted = pair.advance(count)
        pace.record(count, accepted, time.perf_counter() - started)
        report.num_rounds, report.num_draft = report.num_rounds + 1, report.num_draft + count
        report.num_accepted += accepted
        yield from pair.said[num_said:]


@dataclass
class _Pair:
    """Target and draft at one place of a sentence.

    said: all tokens so far; the target has read all but the newest. seen: the history before that one.
    unread: the target's states (B, U, hidden) before each of the U newest tokens, which the draft has not read.
    """

    target: Lane
    draft: DraftModel
    draft_caches: list[Cache]
    sampler: Sampler
    said: list[int]
    seen: mx.array | None
    unread: mx.array

    def advance(self, count: int) -> int:
        """One round: `count` guesses, one pass of the target, what it chose is said. How many guesses were right."""
        index = len(self.said) - 1
        newest = mx.array(self.said[-1:])
        seen = _after(self.seen, newest)
        guesses = self._guess(count, seen)
        states = self.target.states(self.target.embed(mx.concatenate([newest, guesses]), index))
        chosen = self.sampler.choose(self.target.logits(states), histories(seen, guesses), index + 1)
        mx.eval(guesses, chosen)
        accepted = num_accepted(guesses, chosen)

        self.target.rewind(count - accepted)
        new, before_new = chosen[: accepted + 1], states[:, : accepted + 1]
        if count > 0:
            # Right guesses too were read with the draft's own states, and are to be read again with the target's.
            for cache in self.draft_caches:
                cache.trim(count - 1)
            self.unread = before_new
        else:
            self.unread = mx.concatenate([self.unread, before_new], axis=1)
        self.seen = _after(seen, new[:-1])
        self.said += tokens_of(new)
        return accepted

    def _guess(self, count: int, seen: mx.array | None) -> mx.array:
        """The draft's own continuation (count,). It reads what it has not read yet, and its guesses but the last.

        seen: everything said, the newest token included.
        """
        guesses = [mx.zeros((0,), mx.uint32)]
        states = self.unread
        tokens = mx.array(self.said[len(self.said) - states.shape[1] :])
        for i in range(len(self.said), len(self.said) + count):
            embeds = self.target.embed(tokens, i - tokens.size)
            states = self.draft(embeds, states, self.draft_caches, num_last=1)
            tokens = self.sampler.choose(self.target.logits(states), seen, i)
            seen = _after(seen, tokens)
            guesses.append(tokens)
        return mx.concatenate(guesses)


def num_accepted(guesses: mx.array, chosen: mx.array) -> int:
    """How many guesses (k,) from the first on are what the target chose (k + 1,) there."""
    count = 0
    for guess, choice in zip(tokens_of(guesses), tokens_of(chosen), strict=False):
        if guess != choice:
            break
        count += 1
    return count


def tokens_of(array: mx.array) -> list[int]:
    """Tokens (L,) on the host; waits for them."""
    return [int(token) for token in np.array(array)]


def _after(seen: mx.array | None, tokens: mx.array) -> mx.array | None:
    """The history (1, V) once tokens (L,) are said too."""
    rows = histories(seen, tokens)
    return None if rows is None else rows[-1:]
