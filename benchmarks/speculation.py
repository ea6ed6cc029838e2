#!/usr/bin/env python3
"""What the draft's guesses give: how many are right, what a pass costs, how much sooner the tokens come.

    speculation.py [--sentences N] [--temperatures 0.5 0.3] [--json]

Tokens only, no sound. All ways speak each sentence in turn, so that a busy moment of the machine hits them all; ratios
are medians of pairs. "own" is the draft as the engine uses it, which may find that it does not pay.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inprocess import choose_blas
from texts import sentences

LIBRARY = choose_blas(openblas=True)

import mlx.core as mx  # noqa: E402

from nightingale.decoding.cache import make_caches  # noqa: E402
from nightingale.decoding.draft_length import DraftLength  # noqa: E402
from nightingale.decoding.loop import Draft, Request, T3Session, generate, token_limit  # noqa: E402
from nightingale.decoding.sampling import Sampler  # noqa: E402
from nightingale.engine import Engine  # noqa: E402
from nightingale.kernels.cache import Cache  # noqa: E402
from nightingale.kernels.noise import fold_in, seed_key  # noqa: E402
from nightingale.models.draft import DraftModel, shifted  # noqa: E402
from nightingale.options import SpeakOptions  # noqa: E402
from nightingale.statistics import Statistics  # noqa: E402

MAX_ROWS = 6
WAYS: dict[str, int | None] = {"1": 1, "2": 2, "3": 3, "5": 5, "own": None}


class Always(DraftLength):
    """As many guesses every time."""

    def __init__(self, num_draft: int) -> None:
        super().__init__()
        self._always = num_draft

    def should_speculate(self) -> bool:
        return True

    def num_draft(self) -> int | None:
        return self._always


@dataclass
class Way:
    """What came of one way to guess, over all sentences."""

    seconds: list[float] = field(default_factory=list)
    tokens: list[list[int]] = field(default_factory=list)
    reports: list[Statistics] = field(default_factory=list)


def speak(engine: Engine, text: str, options: SpeakOptions, draft: Draft | None, way: Way) -> None:
    model = engine._model
    sampler = Sampler(options, fold_in(seed_key(options.seed), 0), engine._forbidden)
    sentence = Request(model.tokenizer.encode(text), sampler, token_limit(len(text)))
    report = Statistics()
    began = time.perf_counter()
    tokens = generate(model.t3, engine._conditioning, sentence, report, draft)
    way.tokens.append(list(report.time_tokens(tokens)))
    way.seconds.append(time.perf_counter() - began)
    way.reports.append(report)


def measure_ways(engine: Engine, texts: list[str], temperature: float) -> dict[str, Any]:
    """Acceptance and speed by number of guesses; the paces last over sentences, as the engine's own does."""
    draft = engine._draft
    assert draft is not None
    options = SpeakOptions(temperature=temperature)
    paces = {name: DraftLength() if count is None else Always(count) for name, count in WAYS.items()}
    plain, ways = Way(), {name: Way() for name in WAYS}
    for text in texts:
        speak(engine, text, options, None, plain)
        for name, way in ways.items():
            speak(engine, text, options, Draft(draft.model, paces[name]), way)
    return {name: summarise(way, plain) for name, way in ways.items()}


def summarise(way: Way, plain: Way) -> dict[str, Any]:
    guesses = sum(report.num_draft for report in way.reports)
    rounds = sum(report.num_rounds for report in way.reports)
    gains = [theirs / ours for theirs, ours in zip(plain.seconds, way.seconds, strict=True)]
    return {
        "accepted": round(sum(report.num_accepted for report in way.reports) / max(guesses, 1), 3),
        "tokens_per_pass": round(sum(report.num_tokens for report in way.reports) / max(rounds, 1), 2),
        "times_as_fast": round(statistics.median(gains), 2),
        "same_tokens": way.tokens == plain.tokens,
    }


def measure_passes(engine: Engine, text: str, repeat: int) -> dict[str, float]:
    """Milliseconds of T3's passes over 1 to 6 rows, and of a guess of the draft, in the midst of a sentence."""
    draft = engine._draft
    assert draft is not None
    session, caches = T3Session(engine._model.t3, 0.0), make_caches(draft.model.num_layers)
    prompt = session.prompt(engine._conditioning, engine._model.tokenizer.encode(text))
    embeds = mx.concatenate([prompt, session.embed(mx.arange(40), 0)], axis=1)
    states = session.states(embeds)
    mx.eval(draft.model(embeds, shifted(states), caches))
    newest = mx.contiguous(states[:, -1:])
    passes: dict[str, Callable[[], object]] = {}
    tokens = mx.arange(MAX_ROWS)
    for rows in range(1, MAX_ROWS + 1):
        passes[f"{rows} rows"] = lambda rows=rows: one_pass(session, tokens[:rows])
    passes["draft"] = lambda: one_guess(session, draft.model, caches, newest)
    took: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(repeat):
        for name, run in passes.items():
            began = time.perf_counter()
            run()
            took[name].append((time.perf_counter() - began) * 1000)
    one = took["1 rows"]
    figures = {"1 row, ms": round(statistics.median(one), 3)}
    for name, times in list(took.items())[1:]:
        ratios = [ours / theirs for ours, theirs in zip(times, one, strict=True)]
        figures[f"{name}, of that"] = round(statistics.median(ratios), 2)
    return figures


def one_pass(session: T3Session, tokens: mx.array) -> None:
    mx.eval(mx.argmax(session.step(tokens, 40), axis=-1))
    session.trim(tokens.size)


def one_guess(session: T3Session, model: DraftModel, caches: list[Cache], state: mx.array) -> None:
    given = model(session.embed(mx.arange(1), 40), state, caches, num_last=1)
    mx.eval(mx.argmax(session.logits(given), axis=-1))
    for cache in caches:
        cache.trim(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=20, help="how many of sentences.txt")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.5, 0.3])
    parser.add_argument("--repeat", type=int, default=200, help="of every pass")
    parser.add_argument("--json", action="store_true", help="JSON instead of lines")
    args = parser.parse_args()
    texts = sentences()[: args.sentences]
    engine = Engine(speculate=True)
    figures: dict[str, Any] = {"passes": measure_passes(engine, texts[0], args.repeat)}
    for temperature in args.temperatures:
        figures[f"temperature {temperature}"] = measure_ways(engine, texts, temperature)
    if args.json:
        print(json.dumps(figures))
        return
    for group, values in figures.items():
        print(group)
        for name, value in values.items():
            if isinstance(value, dict):
                value = ", ".join(f"{key.replace('_', ' ')} {figure}" for key, figure in value.items())
            print(f"  {name:16} {value}")


if __name__ == "__main__":
    main()
