"""Rising intonation of yes-no questions: which sentences rise, and their F0 contour.

hibari lowers the pitch at the end of every sentence. This module changes its F0, and Kokoro speaks the result, because
hibari's own spectra follow the harmonics of the F0 that it chose.
"""

import re

import numpy as np

_AUXILIARY = re.compile(
    r"(am|are|is|was|were|do|does|did|have|has|had|can|could|will|would|shall|should|may|might|must|ought)(n't)?|can't"
    r"|won't|shan't|ain't|cannot"
)
_WH = re.compile(r"(who|what|when|where|why|which|how|whose|whom)(ever)?('s|'re|'d|'ll|'ve)?|whence|whither|wherefore")
_BEFORE_WH = re.compile(
    r"and|but|so|or|yet|then|now|oh|well|pray|else|because|tell|me|just|to|of|in|into|on|upon|at|for|from|with|by|about"
    r"|under|over|until|since|through|against|between|during|before|after|near|according"
)
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")

MEDIAN = 193.0  # Hz, of hibari's F0
LOW, HIGH = -2.0, 10.0  # semitones from the median: at the last stressed vowel, and at the end
SHORTEST, LONGEST, FADE = 14, 56, 6  # frames of 12.5 ms: length of the rise, and of the fade into it
PAUSES = set(' ;:,.!?—…"()“”')


def rises(sentence: str) -> bool:
    """Whether a sentence is a yes-no question, judged by its words.

    Not if a clause begins with a wh-word, and not if it offers a choice ("or").
    """
    sentence = sentence.rstrip("\"”'’) ")
    if not sentence.endswith("?"):
        return False
    last = re.split(r"[;:.!?\"“”—–]\s*|\s-\s", sentence[:-1].lower().replace("’", "'"))[-1]
    clauses = [words for part in last.split(",") if (words := _WORD.findall(part))]
    if any("or" in words for words in clauses):
        return False
    for words in reversed(clauses):
        begins = next((word for word in words if not _BEFORE_WH.fullmatch(word)), "")
        if _AUXILIARY.fullmatch(begins):
            return True
        if _WH.fullmatch(begins):
            return False
    return bool(clauses)


def risen(f0: np.ndarray, phonemes: list[str], durations: np.ndarray) -> np.ndarray:
    """F0 (T,) in Hz, 0 where unvoiced, with a rise from the last stressed vowel on.

    durations (L + 2,): of the phonemes (L,) and of the silence at both ends, in frames of 25 ms, T / 2 in all.
    """
    places = np.repeat(np.arange(-1, len(phonemes) + 1), 2 * durations.astype(int))
    sounding = [place for place, phoneme in enumerate(phonemes) if phoneme not in PAUSES]
    voiced = np.flatnonzero((f0 > 0) & np.isin(places, sounding))
    if len(voiced) <= SHORTEST:
        return f0
    stressed = [place for place in sounding if phonemes[place] == "ˈ"] or sounding
    end = voiced[-1]
    start = max(0, np.clip(np.searchsorted(places, stressed[-1]), end - LONGEST, end - SHORTEST))
    frames = np.arange(start, end + 1)
    drawn = MEDIAN * 2 ** (np.linspace(LOW, HIGH, len(frames)) / 12)
    fade = np.minimum((frames - start) / FADE, 1.0)
    risen = f0.copy()
    risen[frames] = np.where(f0[frames] > 0, np.maximum(f0[frames], 1.0) ** (1 - fade) * drawn**fade, 0.0)
    return risen
