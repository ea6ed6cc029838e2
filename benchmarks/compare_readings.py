"""Compares readings and sentence ends with two other programs: wetext and sentencex.

    pip install wetext sentencex
    python benchmarks/compare_readings.py [--spoken FILE] FILE ...

Each FILE has a sentence a line; those with a digit are read. The numbers of --spoken are words: wetext's inverse
normalizer first writes them with digits, and the words are the expected reading. Prints the places where the readings
differ, apart from case, punctuation and "and", then the counts.
"""

import argparse
import difflib
import re
from pathlib import Path

from sentencex import segment
from wetext import Normalizer

from nightingale.text.stream import SentenceStream

_TENS = re.compile(r"\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-(?=[a-z])")


def read_sentences(text: str) -> list[str]:
    """Our sentences as they are read."""
    stream = SentenceStream()
    return [sentence.text for sentence in (*stream.feed(text), *stream.close())]


def words_of(text: str) -> list[str]:
    """The words that are compared."""
    return [word for word in re.findall("[a-z0-9]+", text.lower().replace("'s", " s")) if word != "and"]


def write_digits(path: str, inverse: Normalizer) -> list[tuple[str, str | None]]:
    """(with digits, as spoken) of the sentences in which the inverse normalizer finds a number."""
    pairs: list[tuple[str, str | None]] = []
    for spoken in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            written = inverse.normalize(_TENS.sub(r"\1 ", spoken)).replace(" .", ".").replace(" ,", ",")
        except AssertionError:  # wetext's grammar does not accept the sentence
            continue
        if re.search("[0-9]", written):
            pairs.append((written, spoken))
    return pairs


def show_differences(ours: str, theirs: str, written: str) -> bool:
    """Prints where two readings differ. Whether they do."""
    a, b = words_of(ours), words_of(theirs)
    for kind, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind != "equal":
            print(f"{' '.join(a[max(i - 1, 0) : j + 1])} | {' '.join(b[max(k - 1, 0) : m + 1])} | {written[:80]}")
    return a != b


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--spoken")
    args = parser.parse_args()
    pairs: list[tuple[str, str | None]] = [
        (line, None) for path in args.files for line in Path(path).read_text(encoding="utf-8").splitlines()
        if re.search("[0-9]", line)
    ]
    if args.spoken:
        pairs += write_digits(args.spoken, Normalizer(lang="en", operator="itn"))
    forward = Normalizer(lang="en")
    differ = ends = expected = ours_expected = theirs_expected = 0
    for written, spoken in pairs:
        ours = read_sentences(written)
        theirs = forward.normalize(written)
        differ += show_differences(" ".join(ours), theirs, written)
        ends += len(ours) != len(list(segment("en", written)))
        if spoken:
            expected += 1
            ours_expected += words_of(" ".join(ours)) == words_of(spoken)
            theirs_expected += words_of(theirs) == words_of(spoken)
    print(f"{len(pairs)} sentences: {differ} are read differently, {ends} have another number of sentences")
    if expected:
        print(f"{expected} with a known reading: {ours_expected} so by ours, {theirs_expected} by wetext")


if __name__ == "__main__":
    main()
