"""The training texts: prepares folders of text, and plans every utterance of a pass.

    python -m training.corpus FOLDER sentences.txt.xz

A corpus is a folder of `*.txt` or `*.txt.xz` files, one sentence a line; it is normalized once. Most utterances are
sentences of the corpus. The others are generated, because such corpora lack single words, letters, lists, clauses, long
sentences, numbers and dates. Every utterance is a function of (corpus, seed, pass, index).
"""

import lzma
import random
import re
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from nightingale.text.stream import normalize
from training.intonation import rises

MAX_CHARS = 300
HELD_OUT_PER_MILLE = 5  # sentences in a thousand, chosen by a hash of their text, are never trained on

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z][A-Za-z']*[A-Za-z]|[AaI]")


def read_folder(folder: Path) -> list[str]:
    """All sentences of a corpus folder, normalized, 2 to 300 characters long."""
    sentences: list[str] = []
    for path in sorted([*folder.glob("*.txt"), *folder.glob("*.txt.xz")]):
        opener = lzma.open if path.suffix == ".xz" else open
        with opener(path, "rt", encoding="utf-8") as file:
            for line in file:
                spoken, _ = normalize(line.strip())
                if 2 <= len(spoken) <= MAX_CHARS:
                    sentences.append(spoken)
    return sentences


def read_prepared(path: Path) -> list[str]:
    """The sentences in a file that this module wrote."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def is_held_out(text: str) -> bool:
    """Whether a sentence is held out for validation."""
    return zlib.crc32(text.encode()) % 1000 < HELD_OUT_PER_MILLE


class Planner:
    """Makes utterance number `index` of pass number `epoch`.

    A pass goes through the sentences in shuffled order. Generated utterances replace two in five of them.
    """

    def __init__(self, sentences: list[str], seed: int = 0) -> None:
        self.sentences = list(dict.fromkeys(sentences))
        random.Random(seed).shuffle(self.sentences)
        # Generated utterances must not contain held-out sentences.
        self.shown = [s for s in self.sentences if not is_held_out(s)]
        self.questions = [s for s in self.shown if rises(s)]
        self.words = sorted({w for s in self.sentences for w in _WORD.findall(s)})
        self.seed = seed
        self._makers: list[tuple[float, Callable[[random.Random], str]]] = [
            (0.05, self._single),
            (0.10, self._word_list),
            (0.04, self._clause),
            (0.05, self._long),
            (0.02, self._two_sentences),
            (0.04, self._number),
            (0.02, self._letters),
            (0.02, self._repeated),
            (0.01, self._shouted),
            # One sentence in sixty of a corpus rises: too few for S3Gen to learn it.
            (0.06, self._question),
        ]

    def utterance(self, epoch: int, index: int) -> str:
        rng = random.Random(f"{self.seed}/{epoch}/{index}")
        draw = rng.random()
        for share, maker in self._makers:
            if draw < share:
                return normalize(maker(rng))[0][:MAX_CHARS]
            draw -= share
        stride = len(self.sentences)
        return self.sentences[(index + epoch * (stride // 3)) % stride]

    def _sentence(self, rng: random.Random) -> str:
        return rng.choice(self.shown)

    def _question(self, rng: random.Random) -> str:
        return rng.choice(self.questions or self.shown)

    def _single(self, rng: random.Random) -> str:
        words = rng.sample(self.words, rng.choice((1, 1, 1, 2, 3)))
        if rng.random() < 0.5:  # words by their frequency in text
            words = _WORD.findall(self._sentence(rng))[: rng.randint(1, 3)] or words
        text = " ".join(words)
        if rng.random() < 0.5:
            text = text[0].upper() + text[1:]
        return text + rng.choice((".", ".", "!", "?", ",", ""))

    def _word_list(self, rng: random.Random) -> str:
        words = rng.sample(self.words, rng.randint(3, 14))
        joined = rng.choice((", ", ", ", "; ", " ")).join(words)
        if rng.random() < 0.3:
            joined += f", and {rng.choice(self.words)}"
        return joined[0].upper() + joined[1:] + "."

    def _clause(self, rng: random.Random) -> str:
        words = self._sentence(rng).split()
        start = rng.randrange(max(1, len(words) - 2))
        return " ".join(words[start : start + rng.randint(2, 8)])

    def _long(self, rng: random.Random) -> str:
        text = self._sentence(rng).rstrip(".!?;:,")
        for _ in range(6):
            more = self._sentence(rng).rstrip(".!?;:,")
            joint = rng.choice((", ", ", and ", "; ", ", but ", " - ", " and "))
            if len(text) + len(joint) + len(more) >= MAX_CHARS - 1:
                break
            text += joint + more[0].lower() + more[1:]
            if len(text) > rng.randint(120, 300):
                break
        return text + "."

    def _two_sentences(self, rng: random.Random) -> str:
        return f"{self._sentence(rng)} {self._sentence(rng)}"

    def _number(self, rng: random.Random) -> str:
        day, month = rng.randint(1, 28), rng.choice(_MONTHS)
        number = rng.choice([rng.randint(0, most) for most in (20, 100, 1000, 10**6, 10**9)])
        forms = (
            f"{number}",
            f"{number:,}",
            f"{rng.uniform(0, 100):.{rng.randint(1, 5)}f}",
            f"${rng.uniform(0, 1000):.2f}",
            f"{rng.randint(1, 100)}%",
            f"{month} {day}, {rng.randint(1500, 2050)}",
            f"{rng.randint(1, 12)}:{rng.randint(0, 59):02d} {rng.choice(('a.m.', 'p.m.'))}",
            f"{rng.randint(1, 120)}th",
            f"{rng.randint(1000, 2100)}",
            f"{rng.randint(1, 500)} {rng.choice(('km', 'kg', 'miles', 'MB', 'cm', 'lbs'))}",
        )
        text = rng.choice(forms)
        if rng.random() < 0.5:
            words = self._sentence(rng).rstrip(".!?").split()
            cut = rng.randint(0, min(len(words), 12))
            text = " ".join([*words[:cut], text, *words[cut : cut + 6]])
        return text + rng.choice((".", ".", "", "?"))

    def _letters(self, rng: random.Random) -> str:
        letters = [rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(rng.choice((1, 1, 2, 3, 3, 4, 5)))]
        spelled = rng.choice(("", " ", ". ", ", ")).join(letters)
        if rng.random() < 0.5:
            words = self._sentence(rng).rstrip(".!?").split()[: rng.randint(1, 10)]
            spelled = " ".join([*words, spelled])
        return spelled + "."

    def _repeated(self, rng: random.Random) -> str:
        word = rng.choice(("no", "yes", "very", "really", "go", "stop", "well", "never", rng.choice(self.words)))
        text = ", ".join([word] * rng.randint(2, 5))
        tail = self._sentence(rng) if rng.random() < 0.5 else ""
        return f"{text[0].upper()}{text[1:]}{rng.choice('.!,')} {tail}".strip()

    def _shouted(self, rng: random.Random) -> str:
        return self._sentence(rng).rstrip(".") + "!"


def main() -> None:
    folder, prepared = Path(sys.argv[1]), Path(sys.argv[2])
    sentences = list(dict.fromkeys(read_folder(folder)))
    with lzma.open(prepared, "wt", encoding="utf-8") as file:
        file.write("\n".join(sentences) + "\n")
    print(f"{len(sentences)} sentences in {prepared}")


if __name__ == "__main__":
    main()
