"""How many tokens the draft should guess in a round: chosen by measured acceptance and measured time.

The choice changes only the speed, never the tokens. Imports no model.
"""

from collections import deque
from statistics import median

_MIN_SPEEDUP = 1.05  # below this plain decoding wins: it overlaps the host's work with the device's, a round cannot
_REST = 8  # sentences without speculation before its worth is measured again
_PROBES = (0, 0, 0, 2, 2, 2)  # guesses in the first rounds; the very first warms up and is not counted
_DECAY = 0.98  # weight of the past, per round


class DraftLength:
    """Kept over sentences. A round with k guesses is modelled to take plain + k * extra seconds and to give
    1 + a + ... + a^k tokens, a being the acceptance rate (Leviathan et al. 2022, https://arxiv.org/abs/2211.17192)."""

    def __init__(self, max_draft: int = 5) -> None:
        self.max_draft = max_draft
        self._plain_s: deque[float] = deque(maxlen=9)
        self._extra_s: deque[float] = deque(maxlen=9)
        self._num_tried, self._num_accepted = 2.0, 1.0
        self._rounds = 0
        self._rest = 0

    @property
    def acceptance(self) -> float:
        """Probability that a guess is right when those before it were."""
        return self._num_accepted / self._num_tried

    @property
    def resting(self) -> bool:
        """Whether speculation was measured not to pay on this device and is off for now."""
        return self._rest > 0

    def should_speculate(self) -> bool:
        """Whether to speculate in the next sentence. Call once for each sentence."""
        self._rest = max(0, self._rest - 1)
        return not self.resting

    def num_draft(self) -> int | None:
        """Guesses for the next round; None when the rest of the sentence is faster without."""
        if self._rounds < len(_PROBES):
            return min(_PROBES[self._rounds], self.max_draft)
        best = max(range(1, self.max_draft + 1), key=self.speedup)
        if self.speedup(best) >= _MIN_SPEEDUP:
            return best
        self._rest, self._rounds = _REST, 0
        return None

    def record(self, num_draft: int, num_accepted: int, seconds: float) -> None:
        """Take a finished round into account."""
        self._rounds += 1
        if num_draft == 0:
            if self._rounds > 1:
                self._plain_s.append(seconds)
            return
        if self._plain_s:
            self._extra_s.append((seconds - median(self._plain_s)) / num_draft)
        # A rejected guess ends the trial: those after it were not tested.
        self._num_tried = _DECAY * self._num_tried + min(num_accepted + 1, num_draft)
        self._num_accepted = _DECAY * self._num_accepted + num_accepted

    def speedup(self, num_draft: int) -> float:
        """Expected speed of rounds with so many guesses, over that of plain decoding."""
        if not self._plain_s or not self._extra_s:
            return 1.0
        tokens = sum(self.acceptance**i for i in range(num_draft + 1))
        plain_s = median(self._plain_s)
        return tokens * plain_s / (plain_s + num_draft * max(median(self._extra_s), 0.0))
