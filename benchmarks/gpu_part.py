"""Common base of the workers of gpu.py: sizes, timing, and output of figures.

Each figure is printed at once as a JSON line on stdout. A failure is a line with the error, its traceback is on stderr.
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
TEXT = 60  # text ids of a sentence
POSITIONS = 250  # in the KV cache before a pass: conditioning, text, half of the speech tokens of a sentence
SPEECH_TOKENS = 6561
WIDTH = 1024
CFG = 0.5


class Part:
    """One worker; a subclass has a method for each part."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.side, self.layers, self.tokens, self.repeat = args.side, args.layers, args.tokens, args.repeat
        self.answers, sys.stdout = sys.stdout, sys.stderr  # libraries print to stdout

    def report(self, name: str, side: str | None = None, **values: Any) -> None:
        print(json.dumps({"side": side or self.side, "name": name, **values}), file=self.answers, flush=True)
        print("   ", side or self.side, name, *values.values(), file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def guarded(self, name: str) -> Iterator[None]:
        """Report an exception as a figure and go on."""
        began = time.perf_counter()
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            self.report(name, error=f"{type(error).__name__}: {error}"[:300])
        print(f"    {self.side} {name}: {time.perf_counter() - began:.1f} s in all", file=sys.stderr, flush=True)

    def first(self, name: str, run: Callable[[int], object]) -> None:
        """Milliseconds of the first call in this process."""
        with self.guarded(name):
            self.report(f"{name}, first, ms", value=milliseconds(run, 0))

    def times(self, name: str, run: Callable[[int], object]) -> None:
        """Milliseconds of `run(0)` when repeated, and of `run(n)`, whose input is longer by n, for new n."""
        with self.guarded(name):
            run(0)
            again = [milliseconds(run, 0) for _ in range(self.repeat)]
            self.report(f"{name}, again, ms", value=statistics.median(again))
            longer = [milliseconds(run, more) for more in range(1, 1 + self.repeat)]
            self.report(f"{name}, new length, ms", value=statistics.median(longer))

    def rate(self, speak: Callable[[], list[float]], side: str | None = None) -> None:
        """Tokens per second, from the times of all tokens after the first."""
        with self.guarded("CFG, tokens/s"):
            speak()
            stamps = [speak() for _ in range(self.repeat)]
            rates = [(len(when) - 1) / (when[-1] - when[0]) for when in stamps]
            self.report("CFG, tokens/s", side, value=statistics.median(rates))

    def passes(self, read: Callable[[int], Callable[[], None]]) -> None:
        """Milliseconds of a pass over 1 and over 4 new positions, with a wait, as in a round of speculation."""
        for rows in (1, 4):
            with self.guarded(name := f"CFG, pass of {rows}, ms"):
                run = read(rows)
                taken = [milliseconds(run) for _ in range(3 + 5 * self.repeat)]
                self.report(name, value=statistics.median(taken[3:]))


def milliseconds(run: Callable[..., object], *arguments: int) -> float:
    began = time.perf_counter()
    run(*arguments)
    return 1e3 * (time.perf_counter() - began)


def run(side: Callable[[argparse.Namespace], Part]) -> None:
    """Run the part that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side", help="column of the tables")
    parser.add_argument("part")
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--repeat", type=int, required=True)
    args = parser.parse_args()
    part = side(args)
    with part.guarded(args.part):
        getattr(part, args.part)()
