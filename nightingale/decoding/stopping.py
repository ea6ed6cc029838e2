"""When a sentence has to end although T3 does not end it: tokens that repeat without end."""

from collections.abc import Generator, Iterator

from nightingale.statistics import Statistics

_LONGEST_CYCLE = 4  # tokens that repeat together
_PATIENCE = 3  # the sentence ends after so many times the repetitions that are kept


def stop_repetition(tokens: Iterator[int], keep: int, statistics: Statistics) -> Generator[int, None, None]:
    """The tokens of a sentence up to endless repetition.

    A token, or a cycle of up to 4, that repeats for more than `keep` tokens is held back. If the sentence then goes on,
    it was a long sound or a pause, and the tokens follow. If the sentence ends, it was silence at its end. After
    3 * keep tokens the sentence is ended here.
    """
    newest: list[int] = []
    held: list[int] = []
    runs = [0] * _LONGEST_CYCLE  # tokens that equal the one `period` before, for each period
    for token in tokens:
        for i in range(_LONGEST_CYCLE):
            repeats = len(newest) > i and newest[-1 - i] == token
            runs[i] = runs[i] + 1 if repeats else 0
        newest = [*newest[1 - _LONGEST_CYCLE :], token]
        if max(runs) <= keep:
            yield from held
            yield token
            held = []
        elif max(runs) < _PATIENCE * keep:
            held.append(token)
        else:
            if isinstance(tokens, Generator):
                tokens.close()  # sets a reason of its own
            statistics.stop_reason = "repetition"
            return
