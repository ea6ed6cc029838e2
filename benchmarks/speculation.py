#!/usr/bin/env python3
"""Speculative decoding with the draft model: acceptance rates, cost of a pass, and speedup.

    speculation.py [--sentences N] [--temperatures 0.5 0.3] [--json]

Generates tokens only, no sound. Every sentence is generated with all draft lengths in turn, so that other load of the
machine affects all of them; speedups are medians of the ratios of pairs. "adaptive" is the engine's own draft length,
which may also stop speculating.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
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
from nightingale.options import SamplingOptions  # noqa: E402
from nightingale.statistics import Statistics  # noqa: E402

MAX_ROWS = 6
DRAFT_LENGTHS: dict[str, int | None] = {"1": 1, "2": 2, "3": 3, "5": 5, "adaptive": None}


class FixedLength(DraftLength):
    """The same number of draft tokens every time."""

    def __init__(self, num_draft: int) -> None:
        super().__init__()
        self._fixed = num_draft

    def should_speculate(self) -> bool:
        return True

    def num_draft(self) -> int | None:
        return self._fixed


@dataclass
class Runs:
    """All sentences with one draft length."""

    tokens: list[list[int]] = field(default_factory=list)
    statistics: list[Statistics] = field(default_factory=list)

    def add(self, engine: Engine, text: str, options: SamplingOptions, draft: Draft | None) -> None:
        model, record = engine._model, Statistics()
        sampler = Sampler(options, fold_in(seed_key(0), 0), engine._forbidden)
        request = Request(model.tokenizer.encode(text), sampler, token_limit(len(text)))
        tokens = generate(T3Session(model.t3, 0.0), engine._conditioning, request, record, draft)
        self.tokens.append(list(record.time_tokens(tokens)))
        self.statistics.append(record)


def measure_draft_lengths(engine: Engine, texts: list[str], temperature: float) -> dict[str, Any]:
    """Acceptance rate and speedup by draft length. The adaptive one learns over all sentences, as in the engine."""
    draft = engine._draft
    assert draft is not None
    options = SamplingOptions(temperature=temperature)
    lengths = {name: DraftLength() if count is None else FixedLength(count) for name, count in DRAFT_LENGTHS.items()}
    plain, runs = Runs(), {name: Runs() for name in lengths}
    for text in texts:
        plain.add(engine, text, options, None)
        for name, length in lengths.items():
            runs[name].add(engine, text, options, Draft(draft.model, length))
    return {name: summarise(of_length, plain) for name, of_length in runs.items()}


def summarise(runs: Runs, plain: Runs) -> dict[str, Any]:
    records = runs.statistics
    speedups = [without.t3_s / record.t3_s for without, record in zip(plain.statistics, records, strict=True)]
    num_draft, num_rounds = sum(record.num_draft for record in records), sum(record.num_rounds for record in records)
    return {
        "accepted": round(sum(record.num_accepted for record in records) / max(num_draft, 1), 3),
        "tokens_per_pass": round(sum(record.num_tokens for record in records) / max(num_rounds, 1), 2),
        "speedup": round(statistics.median(speedups), 2),
        "same_tokens": runs.tokens == plain.tokens,
    }


def measure_passes(engine: Engine, text: str, repeat: int) -> dict[str, float]:
    """Time of passes of T3 over 1 to 6 tokens and of a pass of the draft, 40 tokens into a sentence."""
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
        passes[f"{rows} rows"] = partial(t3_pass, session, tokens[:rows])
    passes["draft"] = partial(draft_pass, session, draft.model, caches, newest)
    taken: dict[str, list[float]] = {name: [] for name in passes}
    for _ in range(repeat):
        for name, run in passes.items():
            began = time.perf_counter()
            run()
            taken[name].append((time.perf_counter() - began) * 1000)
    one = taken["1 rows"]
    figures = {"1 row, ms": round(statistics.median(one), 3)}
    for name, times in list(taken.items())[1:]:
        ratios = [ours / theirs for ours, theirs in zip(times, one, strict=True)]
        figures[f"{name} / 1 row"] = round(statistics.median(ratios), 2)
    return figures


def t3_pass(session: T3Session, tokens: mx.array) -> None:
    mx.eval(mx.argmax(session.step(tokens, 40), axis=-1))
    session.trim(tokens.size)


def draft_pass(session: T3Session, model: DraftModel, caches: list[Cache], state: mx.array) -> None:
    states = model(session.embed(mx.arange(1), 40), state, caches, num_last=1)
    mx.eval(mx.argmax(session.logits(states), axis=-1))
    for cache in caches:
        cache.trim(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=20, help="number of sentences")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[0.5, 0.3])
    parser.add_argument("--repeat", type=int, default=200, help="runs of each pass")
    parser.add_argument("--json", action="store_true", help="JSON instead of lines")
    args = parser.parse_args()
    texts = sentences()[: args.sentences]
    engine = Engine(speculate=True)
    figures: dict[str, Any] = {"passes": measure_passes(engine, texts[0], args.repeat)}
    for temperature in args.temperatures:
        figures[f"temperature {temperature}"] = measure_draft_lengths(engine, texts, temperature)
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
