"""Respells words with two pronunciations ("record", "lead") where the bundled voices would say the wrong one.

context.py tells verbs from nouns and adjectives, tense.py tells the tenses of "read", and patterns in words.py tell
senses ("a bass" in a lake, "the bass" in a band). They are imported for the first sentence with a homograph.
"""

from nightingale.text.homographs.words import AS_NOUN, AS_VERB, SENSES
from nightingale.text.patterns import regex

HOMOGRAPHS = frozenset(["read", *map(str.lower, SENSES), *AS_VERB, *AS_NOUN])
_WORD = regex("[a-z]+")


def respell_homographs(sentence: str) -> str:
    """A normalized sentence with its homographs in spellings that the bundled voices say rightly."""
    if HOMOGRAPHS.isdisjoint(_WORD.findall(sentence.lower())):
        return sentence
    from nightingale.text.homographs.spelling import respell

    return respell(sentence)
