"""A raw sentence as it is spoken: every rule of rules/ in turn, then punctuation."""

import re

from nightingale.text.characters import Dropped, keep_alphabet
from nightingale.text.rules.abbreviations import read_abbreviations, read_code
from nightingale.text.rules.algebra import read_algebra
from nightingale.text.rules.capitals import read_capitals
from nightingale.text.rules.markup import read_links, read_symbols, strip_markup
from nightingale.text.rules.numbers import ascii_regex, read_numbers, read_roman
from nightingale.text.rules.places import read_places
from nightingale.text.rules.quantities import read_quantities
from nightingale.text.split import finish

_PUNCTUATION = [(ascii_regex(pattern), repl) for pattern, repl in (
    (r"\(\s*\)|\"\s*\"(?!\w)", " "),
    (r"\s+", " "),
    (r" +([,.;:!?)])", r"\1"),
    (r"\( +", "("),
    (r"([,;:!?])(?=[A-Za-z])", r"\1 "),
    # of several marks the strongest stays
    (r"(?<!\.)\.{2}(?!\.)", "."),
    (r"[!?.,;:]*\?[?!.,;:]*", "?"),
    (r"[!.,;:]*![!.,;:]*", "!"),
    (r"[,;:]+\.\.\.|\.\.\.[,;:]+", "..."),
    (r"[,;:]*(?<!\.)\.(?!\.)[,;:]*", "."),
    (r"[,;:]*;[,;:]*", ";"),
    (r"[,:]*:[,:]*", ":"),
    (r",[, ]*,", ","),
    # dashes stand between words
    (r"(?: -)+(?= |$)", " -"),
    (r" - ?(?=[,.;:!?)])|^- ", ""),
    (r"(?<=[,;:]) - ", " "),
    (r"([.!?][\"')]*) - ", r"\1 "),
    (r"^[\s,.;:!?)-]+(?=.*[A-Za-z])", ""),
)]
_TIDY = ascii_regex(r"(?:[A-Za-z'-]*[A-Za-z][,;:]? )*[A-Za-z]+[.!?]?")
_SAYS_SOMETHING = re.compile(r"[^\s.,;:!?'\"()-]")
_SPACED_DOTS = re.compile(r"\.(?: \.){2,}")
_FIRST = ascii_regex("[A-Za-z0-9$]")


def spoken_form(raw: str, line_start: bool, dropped: Dropped, mark: str = ".") -> str:
    """One raw sentence as it is spoken, with a final mark; empty when there is nothing to say."""
    if not _SAYS_SOMETHING.search(raw):
        return ""
    raw = _SPACED_DOTS.sub("...", raw)
    text = read_links(strip_markup(raw, line_start))
    text = read_code(read_abbreviations(read_places(text)))
    text = read_algebra(read_capitals(read_roman(text)))
    if re.search("[0-9]", text):
        text = read_quantities(text)
    text = read_symbols(text)
    if re.search("[0-9]", text):
        text = read_numbers(text)
    text = _tidy(keep_alphabet(text, dropped))
    if text[:1].islower() and (first := _FIRST.search(raw)) and not first[0].islower():
        text = text[0].upper() + text[1:]  # a sentence that began with a figure begins with a capital
    return finish(text, mark)


def _tidy(text: str) -> str:
    """Spaces and punctuation as in a printed text: single, in place, no lone brackets."""
    if not _TIDY.fullmatch(text):
        text = _balance(text)
        for pattern, repl in _PUNCTUATION:
            text = pattern.sub(repl, text)
    return text.strip()


def _balance(text: str) -> str:
    """Without the brackets that have no partner: sentences are cut inside of brackets too."""
    if "(" not in text and ")" not in text:
        return text
    keep, open_at = list(text), []
    for i, char in enumerate(text):
        if char == "(":
            open_at.append(i)
        elif char == ")":
            if open_at:
                open_at.pop()
            else:
                keep[i] = ""
    for i in open_at:
        keep[i] = ""
    return "".join(keep)
