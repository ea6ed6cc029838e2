"""The loop: where it stops, and that guessing ahead never changes a token. Target and draft are scripted where the
number of right guesses must be known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import mlx.core as mx
import numpy as np
import pytest
from tiny import close
from tiny_models import t3_config, tiny_draft, tiny_t3, tiny_voice

from nightingale.decoding.cache import make_caches
from nightingale.decoding.cache.budget import BudgetKVCache
from nightingale.decoding.cache.full import KVCache
from nightingale.decoding.draft_length import DraftLength
from nightingale.decoding.loop import Draft, Request, T3Session, count_accepted, generate, token_limit
from nightingale.decoding.sampling import Sampler
from nightingale.kernels.backend import is_native
from nightingale.kernels.cache import Cache, CacheArrays
from nightingale.kernels.noise import fold_in, seed_key
from nightingale.models.config import T3Config
from nightingale.models.draft import DraftModel
from nightingale.models.t3 import T3
from nightingale.options import CacheOptions, SamplingOptions
from nightingale.statistics import Statistics

STOP = 41
FORBIDDEN = mx.arange(42) == 40


NUM_PROMPT = 3


class Scripted:
    """Stands where a T3 does: after having read tokens 0 .. n - 1, wants to say script(n).

    A state is the token that is wanted. `heard` are (token, 0) of what is in its cache, behind the prompt.
    """

    def __init__(self, script: Callable[[int], int]) -> None:
        self.config: T3Config = t3_config()
        self.script = script
        self.num_layers = 1
        self.heard: list[tuple[float, float]] = []

    def prompt(self, conditioning: mx.array, text_ids: list[int], guided: bool) -> mx.array:
        return mx.zeros((1, NUM_PROMPT, 1))

    def embed_speech(self, tokens: mx.array, position: int) -> mx.array:
        return tokens.astype(mx.float32)[None, :, None]

    def backbone(self, embeds: mx.array, caches: Sequence[KVCache], num_last: int | None = None) -> mx.array:
        """Places of the prompt before its last have states of their own: -1, -2."""
        self.cache = caches[0]
        first = hear(self.heard, embeds, mx.zeros_like(embeds), caches[0])
        wanted = [float(self.script(n)) if n >= 0 else -3.0 - n for n in places_after(first, embeds)]
        return mx.array(wanted[-(num_last or len(wanted)) :])[None, :, None]

    def logits(self, states: mx.array) -> mx.array:
        return 50.0 * (mx.floor(states) == mx.arange(42)).astype(mx.float32)


class ScriptedDraft:
    """Stands where a draft does: guesses script(n) for token n. Its own states are known by their fraction.

    `heard` are (token, state before it) of what is in its cache, behind the prompt.
    """

    def __init__(self, script: Callable[[int], int]) -> None:
        self.script = script
        self.num_layers = 1
        self.heard: list[tuple[float, float]] = []

    def __call__(
        self, embeds: mx.array, states: mx.array, caches: Sequence[KVCache], num_last: int | None = None
    ) -> mx.array:
        assert embeds.shape == states.shape
        self.cache = caches[0]
        if caches[0].offset == 0:
            assert states.flatten().tolist() == [0.0, -1.0, -2.0]
        first = hear(self.heard, embeds, states, caches[0])
        wanted = [self.script(n) + 0.25 for n in places_after(first, embeds)]
        return mx.array(wanted[-(num_last or len(wanted)) :])[None, :, None]


def hear(heard: list[tuple[float, float]], embeds: mx.array, states: mx.array, cache: KVCache) -> int:
    """Read as a cache of so many positions would; the place of the first row, the first token's being 0."""
    first = cache.offset - NUM_PROMPT
    rows = embeds[:, None]
    cache.update(rows, rows, rows)
    if first >= 0:
        del heard[first:]
        heard.extend(zip(embeds.flatten().tolist(), states.flatten().tolist(), strict=True))
    return first


def places_after(first: int, embeds: mx.array) -> range:
    return range(first + 1, first + 1 + embeds.shape[1])


class Knowing:
    """Stands where a draft does and is a T3, which reads what its target reads: guesses well, or always right."""

    def __init__(self, t3: T3) -> None:
        self.num_layers = t3.num_layers
        self._t3 = t3

    def __call__(
        self, embeds: mx.array, states: mx.array, caches: list[Cache], num_last: int | None = None
    ) -> mx.array:
        return self._t3.llama(embeds, caches, num_last)


class Always(DraftLength):
    """As many guesses every time."""

    def __init__(self, num_draft: int) -> None:
        super().__init__()
        self._always = num_draft

    def num_draft(self) -> int | None:
        return self._always


def speak(
    target: object,
    draft: object | None = None,
    length: DraftLength | None = None,
    options: SamplingOptions | None = None,
    limit: int = 60,
    seed: int = 0,
    cache: CacheOptions | None = None,
    stops: bool = True,
) -> tuple[list[int], Statistics]:
    forbidden = FORBIDDEN if stops else mx.arange(42) >= 40
    sampler = Sampler(options or SamplingOptions(), fold_in(seed_key(seed), 0), forbidden)
    report = Statistics()
    conditioning = target.condition(tiny_voice()) if isinstance(target, T3) else mx.zeros((1, 1, 1))
    own = Draft(cast(DraftModel, draft), length or DraftLength()) if draft is not None else None
    sentence = Request([5, 6, 7, 8], sampler, limit)
    session = T3Session(cast(T3, target), sampler.options.cfg_weight, cache)
    tokens = generate(session, conditioning, sentence, report, own)
    return list(report.time_tokens(tokens)), report


def counting(n: int) -> int:
    return STOP if n == 20 else n


def test_stops_at_the_stop_token_and_says_so() -> None:
    tokens, report = speak(Scripted(counting))
    assert tokens == list(range(20))
    assert (report.stop_reason, report.num_tokens) == ("stop token", 20)


@pytest.mark.parametrize("limit", [1, 2, 7])
@pytest.mark.parametrize("num_draft", [None, 3])
def test_never_runs_on(limit: int, num_draft: int | None) -> None:
    draft = ScriptedDraft(lambda n: n % 40) if num_draft else None
    tokens, report = speak(Scripted(lambda n: n % 40), draft, Always(num_draft or 0), limit=limit)
    assert tokens == list(range(limit))
    assert (report.stop_reason, report.num_tokens) == ("token limit", limit)


def test_a_limit_fits_the_text() -> None:
    assert token_limit(0) == 25
    assert token_limit(60) == 275  # 11 s for what takes 4
    assert token_limit(300) < 1300


@pytest.mark.parametrize(
    ("draft_script", "share"),
    [
        (counting, 1.0),
        (lambda n: 39, 0.0),
        (lambda n: counting(n) if n % 3 else 39, None),
        (lambda n: counting(n) if n < 9 else 39, None),
    ],
    ids=["all", "none", "two of three", "the first nine"],
)
@pytest.mark.parametrize("num_draft", [1, 2, 3, 5])
def test_scripted_drafts(draft_script: Callable[[int], int], share: float | None, num_draft: int) -> None:
    target, draft = Scripted(counting), ScriptedDraft(draft_script)
    tokens, report = speak(target, draft, Always(num_draft))
    assert tokens == list(range(20))
    assert report.stop_reason == "stop token"
    # What each has in its cache is what was said: nothing twice, nothing left out, no wrong guess. And the draft has
    # read every token with the target's state, the right guesses too, which it first read with its own.
    said = [float(counting(n)) for n in range(40)]
    num_target, num_draft_read = (model.cache.offset - NUM_PROMPT for model in (target, draft))
    assert [token for token, _ in target.heard[:num_target]] == said[:num_target]
    assert draft.heard[:num_draft_read] == [(token, token) for token in said[:num_draft_read]]
    assert num_target >= 20 >= num_draft_read >= 20 - num_draft
    if share is not None:
        assert report.num_accepted == share * report.num_draft
    if share == 1.0:
        assert report.num_rounds == -(-20 // (num_draft + 1))
    if share == 0.0:
        assert report.num_rounds == 20


@pytest.mark.parametrize("num_draft", [1, 2, 5])
@pytest.mark.parametrize(
    "options",
    [
        SamplingOptions(),
        SamplingOptions(cfg_weight=0.6),
        SamplingOptions(repetition_penalty=1.6, temperature=1.0),
        SamplingOptions(cfg_weight=0.5, repetition_penalty=1.3, top_p=0.9, temperature=0.9),
        SamplingOptions(temperature=0.0, repetition_penalty=1.5),
    ],
    ids=["plain", "guided", "penalized", "everything", "greedy"],
)
def test_speculation_changes_no_token(options: SamplingOptions, num_draft: int) -> None:
    target = tiny_t3(1)
    similar, same = Knowing(tiny_t3(1, down_scale=0.3)), Knowing(target)
    for seed in range(2):
        plain, _ = speak(target, options=options, seed=seed, limit=40)
        for draft in (similar, same, tiny_draft(2)):
            ahead, report = speak(target, draft, Always(num_draft), options=options, seed=seed, limit=40)
            assert ahead == plain
            if draft is same:
                assert report.num_accepted == report.num_draft > 0
            if draft is similar:
                assert report.num_accepted > 0


@pytest.mark.parametrize("num_draft", [2, 5])
@pytest.mark.parametrize("cfg_weight", [0.0, 0.6])
@pytest.mark.parametrize(
    "cache", [CacheOptions(bits=8), CacheOptions(bits=4), CacheOptions(budget=64)], ids=["8 bits", "4 bits", "budget"]
)
def test_speculation_changes_no_token_with_any_cache(cache: CacheOptions, num_draft: int, cfg_weight: float) -> None:
    """Far past the budget, too: what is forgotten must not depend on guesses."""
    target = tiny_t3(1)
    options = SamplingOptions(cfg_weight=cfg_weight, temperature=1.0)
    plain, _ = speak(target, options=options, limit=150, cache=cache, stops=False)
    assert len(plain) == 150
    reports = []
    for draft in (Knowing(tiny_t3(1, down_scale=0.3)), tiny_draft(2)):
        ahead, report = speak(target, draft, Always(num_draft), options, 150, cache=cache, stops=False)
        assert ahead == plain
        reports.append(report)
    assert reports[0].num_accepted > 0 and reports[1].num_accepted < reports[1].num_draft


@pytest.mark.skipif(not is_native(), reason="without native kernels every pass goes layer by layer")
@pytest.mark.parametrize("cache", [None, CacheOptions(bits=4), CacheOptions(budget=64)])
@pytest.mark.parametrize("guided", [0.0, 0.5])
def test_one_pass_says_what_its_layers_say(guided: float, cache: CacheOptions | None) -> None:
    """Long enough to forget four times."""
    said = []
    for layer_by_layer in (False, True):
        target = tiny_t3(1)
        assert target.llama._fused_pass is not None
        if layer_by_layer:
            target.llama._fused_pass = None
        options = SamplingOptions(temperature=1.0, cfg_weight=guided)
        said.append(speak(target, options=options, limit=200, cache=cache, stops=False)[0])
    assert said[0] == said[1] and len(set(said[0])) > 10


@pytest.mark.parametrize("num_draft", [1, 4, 5])
def test_guesses_never_reach_past_a_place_of_evictting(num_draft: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or what is forgotten would be decided later, or with guesses in it."""
    lengths: list[int] = []
    update, commit = BudgetKVCache.update, BudgetKVCache.commit

    def watch(cache: BudgetKVCache, count: int) -> None:
        assert count <= cache.max_update
        lengths.append(count)

    def updating(cache: BudgetKVCache, keys: mx.array, values: mx.array, queries: mx.array) -> CacheArrays:
        watch(cache, keys.shape[2])
        return update(cache, keys, values, queries)

    def committing(cache: BudgetKVCache, count: int, result: mx.array) -> None:
        watch(cache, count)
        commit(cache, count, result)

    monkeypatch.setattr(BudgetKVCache, "update", updating)
    monkeypatch.setattr(BudgetKVCache, "commit", committing)
    target = tiny_t3(1)
    speak(target, Knowing(target), Always(num_draft), limit=200, cache=CacheOptions(budget=64), stops=False)
    assert sum(lengths) > 400 and set(lengths[2:]) >= {num_draft + 1}


def test_speculation_with_its_own_pace_changes_no_token() -> None:
    target, draft = tiny_t3(1), tiny_draft(2)
    length = DraftLength()
    for seed in range(4):
        assert speak(target, draft, length, seed=seed)[0] == speak(target, seed=seed)[0]


def test_rounds_without_guesses_keep_what_the_draft_has_not_read() -> None:
    """And the first round with guesses reads all of it, with the target's states."""

    class Resting(DraftLength):
        counts = iter([0, 0, 0, 2, 0, 3, 0, 0, 1])

        def num_draft(self) -> int | None:
            return next(self.counts, None)

    draft = ScriptedDraft(lambda n: counting(n) if n % 3 else 39)
    tokens, report = speak(Scripted(counting), draft, Resting())
    assert tokens == list(range(20))
    # Two right guesses after token 3, one after token 7, none after token 11, which is the last that the draft reads.
    assert (report.num_draft, report.num_accepted) == (6, 3)
    assert draft.cache.offset - NUM_PROMPT == 12
    assert draft.heard[:12] == [(float(n), float(n)) for n in range(12)]


class Recording:
    """A draft that remembers what it gave where T3's states led to it: place -> state (B, 1, hidden)."""

    def __init__(self, model: DraftModel) -> None:
        self.num_layers = model.num_layers
        self.given: dict[int, mx.array] = {}
        self._model = model
        self._newest: mx.array | None = None

    def __call__(
        self, embeds: mx.array, states: mx.array, caches: list[Cache], num_last: int | None = None
    ) -> mx.array:
        given = self._model(embeds, states, caches, num_last)
        if states is not self._newest:  # what it gave itself
            self.given[caches[0].offset - 1] = given
        self._newest = given
        return given


@pytest.mark.parametrize("num_draft", [1, 3])
@pytest.mark.parametrize("cfg_weight", [0.0, 0.6])
def test_the_draft_read_in_pieces_is_the_draft_read_at_once(cfg_weight: float, num_draft: int) -> None:
    """Prompt, right and wrong guesses, rewinds: against one pass over the whole sentence with T3's states."""
    target, model = tiny_t3(1), tiny_draft(2)
    draft = Recording(model)
    options = SamplingOptions(cfg_weight=cfg_weight, temperature=2.0, min_p=0.01)
    tokens, report = speak(target, draft, Always(num_draft), options, stops=False)
    assert 0 < report.num_accepted < report.num_draft

    session = T3Session(target, cfg_weight)
    prompt = session.prompt(target.condition(tiny_voice()), [5, 6, 7, 8])
    embeds = mx.concatenate([prompt, session.embed(mx.array(tokens), 0)], axis=1)
    states = session.states(embeds)
    before = mx.concatenate([mx.zeros((states.shape[0], 1, 64)), states[:, :-1]], axis=1)
    normed = embeds * mx.rsqrt(mx.mean(embeds**2, axis=-1, keepdims=True) + 1e-5) * model.input_norm.weight
    whole = model.llama(model.input_proj(mx.concatenate([normed, before], axis=-1)), make_caches(model.num_layers))
    assert min(draft.given) == prompt.shape[1] - 1 and len(draft.given) > 10
    for place, given in draft.given.items():
        close(target.logits(given), target.logits(whole[:, place : place + 1]))


def test_tokens_come_as_often_as_the_target_wants_them() -> None:
    """Chi-squared over 4000 tokens that do not depend on one another; 99.9 % of honest loops pass. The draft wants
    others, of which some are taken and some are not."""

    class Fixed(Scripted):
        def __init__(self, logits: mx.array) -> None:
            super().__init__(lambda n: 1)
            self.config = t3_config(max_speech_tokens=4000)
            self._table = logits

        def logits(self, states: mx.array) -> mx.array:
            """State 1 is the target's, 2.25 the draft's."""
            return mx.where(states == 1.0, self._table[0], self._table[1])

    table = mx.full((2, 42), -50.0)
    table[0, :6], table[1, :6] = mx.array([0.0, 1.0, 0.5, -1.0, 0.2, -0.4]), mx.array([1.0, 0.0, 0.5, 0.0, -1.0, 0.5])
    options = SamplingOptions(temperature=1.0, min_p=0.0)
    draft = ScriptedDraft(lambda n: 2)
    tokens, report = speak(Fixed(table), draft, Always(3), options, limit=4000, stops=False)
    assert 0.3 < report.num_accepted / report.num_draft < 0.9
    probs = np.array(mx.softmax(table[0, :6]))
    counts = np.bincount(tokens, minlength=6)
    assert counts.sum() == 4000 and len(counts) == 6
    chi_squared = float(((counts - 4000 * probs) ** 2 / (4000 * probs)).sum())
    assert chi_squared < 20.52  # 5 degrees of freedom


def test_num_accepted() -> None:
    chosen = mx.array([1, 2, 3, 4])
    assert count_accepted(mx.array([1, 2, 3]), chosen) == 3
    assert count_accepted(mx.array([1, 9, 3]), chosen) == 1
    assert count_accepted(mx.array([9, 2, 3]), chosen) == 0
    assert count_accepted(mx.zeros((0,), mx.int32), chosen[:1]) == 0


def play(
    length: DraftLength, acceptance: Sequence[int], plain: float, extra: float, rounds: int = 40
) -> list[int | None]:
    """The length's decisions when guesses cost `extra` each and acceptance[i % len] of them are right in round i."""
    decisions: list[int | None] = []
    for i in range(rounds):
        count = length.num_draft()
        decisions.append(count)
        if count is None:
            break
        right = min(acceptance[i % len(acceptance)], count)
        length.record(count, right, plain + count * extra)
    return decisions


def test_pace_guesses_far_when_guesses_are_cheap_and_right() -> None:
    assert play(DraftLength(), [5], 10.0, 0.5)[-1] == 5


def test_pace_guesses_less_far_when_guesses_are_often_wrong() -> None:
    last = play(DraftLength(), [1, 0, 2], 10.0, 2.0)[-1]
    assert last is not None and 1 <= last <= 2


def test_pace_gives_up_where_it_cannot_win_and_looks_again_later() -> None:
    length = DraftLength()
    assert play(length, [0, 1], 10.0, 6.0)[-1] is None
    assert length.resting
    sentences = 0
    while not length.should_speculate():
        sentences += 1
    assert sentences == 7
    assert play(length, [5], 10.0, 0.5)[-1] == 5
