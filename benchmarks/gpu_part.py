"""What both sides of benchmarks/gpu.py have in common: how a part is run in its process, and how figures are taken.

Every figure is a JSON line on stdout as soon as it is there; what cannot be had is a line too, with the error, and its
traceback goes to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

CONDITIONING = 34  # rows before the text: the speaker, 32 of a recording, the emotion
TEXT = 60  # ids of a sentence's text
POSITIONS = 250  # what a pass finds read: conditioning, text, half of a sentence's speech tokens
SPEECH_TOKENS = 6561
WIDTH = 1024
CFG = 0.5


class Part:
    """What both sides have in common: their sizes, and how a figure is taken and given."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.side, self.layers, self.tokens, self.repeat = args.side, args.layers, args.tokens, args.repeat
        self.answers, sys.stdout = sys.stdout, sys.stderr  # libraries print

    def give(self, name: str, side: str | None = None, **values: Any) -> None:
        print(json.dumps({"side": side or self.side, "name": name, **values}), file=self.answers, flush=True)
        print("   ", side or self.side, name, *values.values(), file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def guarded(self, name: str) -> Iterator[None]:
        """One failure does not lose what comes after it."""
        began = time.perf_counter()
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            self.give(name, error=f"{type(error).__name__}: {error}"[:300])
        print(f"    {self.side} {name}: {time.perf_counter() - began:.1f} s in all", file=sys.stderr, flush=True)

    def first(self, name: str, run: Callable[[int], object]) -> None:
        """Milliseconds of what this process has not run yet."""
        with self.guarded(name):
            self.give(f"{name}, first, ms", value=milliseconds(run, 0))

    def times(self, name: str, run: Callable[[int], object]) -> None:
        """Milliseconds of `run`: repeated, and with its input longer by the number that it is given."""
        with self.guarded(name):
            run(0)
            again = [milliseconds(run, 0) for _ in range(self.repeat)]
            self.give(f"{name}, again, ms", value=statistics.median(again))
            longer = [milliseconds(run, more) for more in range(1, 1 + self.repeat)]
            self.give(f"{name}, new length, ms", value=statistics.median(longer))

    def rate(self, speak: Callable[[], list[float]], side: str | None = None) -> None:
        """Tokens a second, of when each came (the first begins the count)."""
        with self.guarded("CFG, tokens/s"):
            speak()
            stamps = [speak() for _ in range(self.repeat)]
            rates = [(len(when) - 1) / (when[-1] - when[0]) for when in stamps]
            self.give("CFG, tokens/s", side, value=statistics.median(rates))

    def passes(self, read: Callable[[int], Callable[[], None]]) -> None:
        """Milliseconds of a pass over 1 and 4 new positions, as a round of speculation waits for it."""
        for rows in (1, 4):
            with self.guarded(name := f"CFG, pass of {rows}, ms"):
                run = read(rows)
                taken = [milliseconds(run) for _ in range(3 + 5 * self.repeat)]
                self.give(name, value=statistics.median(taken[3:]))


def milliseconds(run: Callable[..., object], *arguments: int) -> float:
    began = time.perf_counter()
    run(*arguments)
    return 1e3 * (time.perf_counter() - began)


def run(side: Callable[[argparse.Namespace], Part]) -> None:
    """The part that the command line names, a method of that side."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side", help="whose figures these are in the tables")
    parser.add_argument("part")
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--repeat", type=int, required=True)
    args = parser.parse_args()
    part = side(args)
    with part.guarded(args.part):
        getattr(part, args.part)()
