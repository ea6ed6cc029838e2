"""The loop: where it stops, and that guessing ahead never changes a token. Target and draft are scripted where the
number of right guesses must be known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import cast

import mlx.core as mx
import pytest
from tiny_models import llama_config, t3_config, tiny_t3, tiny_voice

from nightingale.budget import BudgetKVCache
from nightingale.cache import KVCache, Stored
from nightingale.config import CacheOptions, SpeakOptions, T3Config
from nightingale.decode import Draft, Report, Sentence, generate, num_accepted, token_limit
from nightingale.errors import CacheError
from nightingale.pace import Pace
from nightingale.sampling import Sampler, fold, seed_key
from nightingale.t3 import T3

STOP = 41
FORBIDDEN = mx.arange(42) == 40


class Scripted:
    """Stands where a T3 does: after having read tokens 0 .. n - 1, wants to say script(n); checks what it is read.

    `reads` are (index of the first token, tokens) of each call. What it reads must fit what it still has in its cache.
    """

    def __init__(self, script: Callable[[int], int]) -> None:
        self.config: T3Config = t3_config()
        self.script = script
        self.reads: list[tuple[int, list[int]]] = []
        self._positions = 0

    def new_caches(self, options: CacheOptions | None = None) -> list[KVCache]:
        self.cache = KVCache()
        return [self.cache]

    def prompt(self, conditioning: mx.array, text_ids: list[int], guided: bool) -> mx.array:
        return mx.zeros((1, 3, 1))

    def embed_speech(self, tokens: mx.array, position: int) -> mx.array:
        assert self.cache.offset == 3 + position - 1, "the cache and the position disagree"
        self.reads.append((position - 1, tokens.tolist()))
        return tokens.astype(mx.float32)[None, :, None]

    def __call__(self, embeds: mx.array, caches: Sequence[KVCache], num_last: int | None = None) -> mx.array:
        rows = embeds[:, None]
        caches[0].update(rows, rows, rows)
        first = caches[0].offset - 3 - embeds.shape[1] + 1
        last = caches[0].offset - 3
        wanted = [self.script(n) for n in range(max(first, 0), last + 1)][-(num_last or embeds.shape[1]) :]
        return 50.0 * (mx.array(wanted)[:, None] == mx.arange(42))[None].astype(mx.float32)


class Always(Pace):
    """As many guesses every time."""

    def __init__(self, num_draft: int) -> None:
        super().__init__()
        self._always = num_draft

    def num_draft(self) -> int | None:
        return self._always


def speak(
    target: object,
    draft: object | None = None,
    pace: Pace | None = None,
    options: SpeakOptions | None = None,
    limit: int = 60,
    seed: int = 0,
    cache: CacheOptions | None = None,
    stops: bool = True,
) -> tuple[list[int], Report]:
    forbidden = FORBIDDEN if stops else mx.arange(42) >= 40
    sampler = Sampler(options or SpeakOptions(), fold(seed_key(seed), 0), forbidden)
    report = Report()
    conditioning = mx.zeros((1, 1, 1))
    own = None
    if isinstance(target, T3):
        conditioning = target.condition(tiny_voice())
    if draft is not None:
        rows = draft.condition(tiny_voice()) if isinstance(draft, T3) else conditioning
        own = Draft(cast(T3, draft), rows, pace or Pace())
    sentence = Sentence([5, 6, 7, 8], sampler, limit)
    return list(generate(cast(T3, target), conditioning, sentence, report, own, cache)), report


def counting(n: int) -> int:
    return STOP if n == 20 else n


def test_stops_at_the_stop_token_and_says_so() -> None:
    tokens, report = speak(Scripted(counting))
    assert tokens == list(range(20))
    assert (report.reason, report.num_tokens) == ("stop token", 20)


@pytest.mark.parametrize("limit", [1, 2, 7])
@pytest.mark.parametrize("num_draft", [None, 3])
def test_never_runs_on(limit: int, num_draft: int | None) -> None:
    draft = Scripted(lambda n: n % 40) if num_draft else None
    tokens, report = speak(Scripted(lambda n: n % 40), draft, Always(num_draft or 0), limit=limit)
    assert tokens == list(range(limit))
    assert (report.reason, report.num_tokens) == ("token limit", limit)


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
    target, draft = Scripted(counting), Scripted(draft_script)
    tokens, report = speak(target, draft, Always(num_draft))
    assert tokens == list(range(20))
    assert report.reason == "stop token"
    # What each was read, put together, is what was said: nothing twice after a rewind, nothing left out.
    for model in (target, draft):
        heard: dict[int, int] = {}
        for index, read in model.reads:
            assert index <= len(heard)
            heard |= dict(enumerate(read, index))
        known = [heard[i] for i in range(min(len(heard), 19))]
        wrong = [i for i, token in enumerate(known) if token != i and i < max(heard) - num_draft]
        assert not wrong
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
        SpeakOptions(),
        SpeakOptions(cfg_weight=0.6),
        SpeakOptions(repetition_penalty=1.6, temperature=1.0),
        SpeakOptions(cfg_weight=0.5, repetition_penalty=1.3, top_p=0.9, temperature=0.9),
        SpeakOptions(temperature=0.0, repetition_penalty=1.5),
    ],
    ids=["plain", "guided", "penalized", "everything", "greedy"],
)
def test_speculation_changes_no_token(options: SpeakOptions, num_draft: int) -> None:
    target = tiny_t3(1)
    similar = tiny_t3(1, down_scale=0.3)  # guesses well, but not always
    other = tiny_t3(2, dataclasses.replace(t3_config(), llama=llama_config(num_layers=1)))
    for seed in range(2):
        plain, _ = speak(target, options=options, seed=seed, limit=40)
        for draft in (similar, other, target):
            ahead, report = speak(target, draft, Always(num_draft), options=options, seed=seed, limit=40)
            assert ahead == plain
            if draft is target:
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
    options = SpeakOptions(cfg_weight=cfg_weight, temperature=1.0)
    plain, _ = speak(target, options=options, limit=150, cache=cache, stops=False)
    assert len(plain) == 150
    reports = []
    for draft in (tiny_t3(1, down_scale=0.3), tiny_t3(2)):
        ahead, report = speak(target, draft, Always(num_draft), options, 150, cache=cache, stops=False)
        assert ahead == plain
        reports.append(report)
    assert reports[0].num_accepted > 0 and reports[1].num_accepted < reports[1].num_draft


@pytest.mark.parametrize("num_draft", [1, 4, 5])
def test_guesses_never_reach_past_a_place_of_forgetting(num_draft: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or what is forgotten would be decided later, or with guesses in it."""
    lengths: list[int] = []
    update = BudgetKVCache.update

    def watching(cache: BudgetKVCache, keys: mx.array, values: mx.array, queries: mx.array) -> Stored:
        assert keys.shape[2] <= cache.room
        lengths.append(keys.shape[2])
        return update(cache, keys, values, queries)

    monkeypatch.setattr(BudgetKVCache, "update", watching)
    target = tiny_t3(1)
    speak(target, target, Always(num_draft), limit=200, cache=CacheOptions(budget=64), stops=False)
    assert sum(lengths) > 400 and set(lengths[2:]) >= {num_draft + 1}


def test_speculation_with_its_own_pace_changes_no_token() -> None:
    target, draft = tiny_t3(1), tiny_t3(2)
    pace = Pace()
    for seed in range(4):
        assert speak(target, draft, pace, seed=seed)[0] == speak(target, seed=seed)[0]


def test_a_cache_that_cannot_rewind_refuses_speculation() -> None:
    class Forward(KVCache):
        rewinds = False

    class Unable(Scripted):
        def new_caches(self, options: CacheOptions | None = None) -> list[KVCache]:
            self.cache = Forward()
            return [self.cache]

    with pytest.raises(CacheError, match="cannot rewind"):
        speak(Unable(counting), Scripted(counting), Always(2))


def test_num_accepted() -> None:
    chosen = mx.array([1, 2, 3, 4])
    assert num_accepted(mx.array([1, 2, 3]), chosen) == 3
    assert num_accepted(mx.array([1, 9, 3]), chosen) == 1
    assert num_accepted(mx.array([9, 2, 3]), chosen) == 0
    assert num_accepted(mx.zeros((0,), mx.int32), chosen[:1]) == 0


def play(pace: Pace, acceptance: Sequence[int], plain: float, extra: float, rounds: int = 40) -> list[int | None]:
    """The pace's decisions when guesses cost `extra` each and acceptance[i % len] of them are right in round i."""
    decisions: list[int | None] = []
    for i in range(rounds):
        count = pace.num_draft()
        decisions.append(count)
        if count is None:
            break
        right = min(acceptance[i % len(acceptance)], count)
        pace.record(count, right, plain + count * extra)
    return decisions


def test_pace_guesses_far_when_guesses_are_cheap_and_right() -> None:
    assert play(Pace(), [5], 10.0, 0.5)[-1] == 5


def test_pace_guesses_less_far_when_guesses_are_often_wrong() -> None:
    last = play(Pace(), [1, 0, 2], 10.0, 2.0)[-1]
    assert last is not None and 1 <= last <= 2


def test_pace_gives_up_where_it_cannot_win_and_looks_again_later() -> None:
    pace = Pace()
    assert play(pace, [0, 1], 10.0, 6.0)[-1] is None
    assert pace.resting
    sentences = 0
    while not pace.wanted():
        sentences += 1
    assert sentences == 7
    assert play(pace, [5], 10.0, 0.5)[-1] == 5
