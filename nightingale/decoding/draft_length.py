"""How many tokens a draft should guess: learned from what was accepted and from measured time. Knows no model.

It never changes which tokens come out, only how soon.
"""

from collections import deque
from statistics import median

_MIN_GAIN = 1.05  # below this the plain loop wins: it overlaps the host's work with the device's, a round cannot
_REST = 8  # sentences without speculation before its worth is measured again
_PROBES = (0, 0, 0, 2, 2, 2)  # guesses in the first rounds; the very first warms up and is not counted
_FORGET = 0.98  # weight of the past, per round


class Pace:
    """Kept over sentences. A round with k guesses is taken to last plain + k * extra seconds and to give
    1 + a + ... + a^k tokens, a being the acceptance."""

    def __init__(self, max_draft: int = 5) -> None:
        self.max_draft = max_draft
        self._plain: deque[float] = deque(maxlen=9)
        self._extra: deque[float] = deque(maxlen=9)
        self._tried, self._accepted = 2.0, 1.0
        self._rounds = 0
        self._rest = 0

    @property
    def acceptance(self) -> float:
        """Chance that a guess is right when those before it were."""
        return self._accepted / self._tried

    @property
    def resting(self) -> bool:
        """Whether speculation was found not to pay on this device and is off for now."""
        return self._rest > 0

    def wanted(self) -> bool:
        """Whether to speculate on the next sentence; to be asked once for each."""
        self._rest = max(0, self._rest - 1)
        return not self.resting

    def num_draft(self) -> int | None:
        """Guesses for the next round; None when the rest of the sentence is faster without."""
        if self._rounds < len(_PROBES):
            return min(_PROBES[self._rounds], self.max_draft)
        best = max(range(1, self.max_draft + 1), key=self.gain)
        if self.gain(best) >= _MIN_GAIN:
            return best
        self._rest, self._rounds = _REST, 0
        return None

    def record(self, num_draft: int, num_accepted: int, seconds: float) -> None:
        """Learn from a round."""
        self._rounds += 1
        if num_draft == 0:
            if self._rounds > 1:
                self._plain.append(seconds)
            return
        if self._plain:
            self._extra.append((seconds - median(self._plain)) / num_draft)
        # A refused guess ends the trial: those after it were never put to the test.
        self._tried = _FORGET * self._tried + min(num_accepted + 1, num_draft)
        self._accepted = _FORGET * self._accepted + num_accepted

    def gain(self, num_draft: int) -> float:
        """Expected speed of rounds with so many guesses, over that of plain decoding."""
        if not self._plain or not self._extra:
            return 1.0
        tokens = sum(self.acceptance**i for i in range(num_draft + 1))
        plain = median(self._plain)
        return tokens * plain / (plain + num_draft * max(median(self._extra), 0.0))
