"""Converts the training texts to American and British phonemes.

    python -m training.multivoice.phonemes sentences.txt.xz phonemes.tsv.xz

Reads the output of `training.corpus` and adds 45,000 generated utterances of its planner. Writes a line for each text,
in random order: 1 if it is held out, otherwise 0; American phonemes; British phonemes; separated by tabs. Needs
hibari-tts.
"""

import argparse
import lzma
import random
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from training.corpus import Planner, is_held_out, read_prepared

GENERATED = 45_000  # utterances
SEED, EPOCH, SHUFFLE_SEED = 32, 7, 5  # of run 14: they decide which sentences are the first held-out ones
GENERATED_FIRST = 15_000  # these precede the sentences before the final shuffle, as in run 14

_converters: tuple[Any, ...] = ()  # American and British, one pair in each process


def texts_of(sentences: list[str], generated: int = GENERATED) -> list[str]:
    """The sentences and utterances that the planner generates from them, without repetitions."""
    sentences = list(sentences)
    random.Random(SEED).shuffle(sentences)
    planner, known = Planner(sentences, SEED), set(sentences)
    made: list[str] = []
    index = 0
    while len(made) < generated:
        text = planner.utterance(EPOCH, index)
        index += 1
        if text not in known:
            known.add(text)
            made.append(text)
    return [*made[:GENERATED_FIRST], *sentences, *made[GENERATED_FIRST:]]


def rows_of(texts: list[str], phonemes: Iterator[tuple[str, ...]]) -> list[str]:
    """Lines of the output file. Texts without phonemes are left out."""
    rows = [
        f"{int(is_held_out(text))}\t{american}\t{british}\n"
        for text, (american, british) in zip(texts, phonemes, strict=True)
        if american and british
    ]
    random.Random(SHUFFLE_SEED).shuffle(rows)
    return rows


def _start() -> None:
    global _converters
    from hibari.g2p import G2P  # type: ignore[import-untyped]

    _converters = G2P(), G2P(british=True)


def _convert(text: str) -> tuple[str, ...]:
    """Phonemes in both accents; empty if the converter fails."""
    try:
        return tuple(convert(text, normalize_text=False) for convert in _converters)
    except Exception:
        return "", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentences", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    texts = texts_of(read_prepared(args.sentences))
    with Pool(None, _start) as pool:
        rows = rows_of(texts, pool.imap(_convert, texts, 256))
    with lzma.open(args.out, "wt", encoding="utf-8") as file:
        file.writelines(rows)
    print(f"{len(rows)} texts in {args.out}, {len(texts) - len(rows)} without phonemes")


if __name__ == "__main__":
    main()
