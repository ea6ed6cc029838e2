"""Emoji: named where a word is missing without them, else left out as decoration.

Named are signs of a state (⚠, ❌, 🔴), a picture alone on a line, one between two words ("I ❤️ you"), and one at the
end of a sentence that lacks its last word ("It is 🔥"). Smileys beside a complete sentence are left out.
"""

import re
import unicodedata

from nightingale.text.lexicon.emoji import NAMES, STATES
from nightingale.text.lexicon.sentences import UNFINISHED
from nightingale.text.patterns import regex

_EMOJI = "[©®ℹ⌀-⏿☀-➿⬀-⯿\U0001f000-\U0001faff]"
_RUN = regex(rf" ?((?:{_EMOJI} ?)+)")
_STARS = regex("([★⭐])[★⭐]*(☆*)")
_LEFT_OUT = frozenset(["heavy", "black", "white", "sign", "symbol", "large", "medium", "small", "with", "face"])
_LAST_WORD = regex(r"([\w']+)$")
_LOVERS = regex(r"\b(?:I|we|you|they|who|We|You|They|Who)$")
# After one of these an emoji is the missing word.
_LACKING = frozenset(["love", "need", "want", "like", "send", "get", "got", "feel", "feeling", "feels", "so", "more",
                      "it's", "that's", "i'm", "you're", "he's", "she's", "we're", "they're"])


def name_of(emoji: str) -> str:
    """"👍" -> thumbs up; empty if it has no name."""
    if emoji in NAMES:
        return NAMES[emoji]
    words = unicodedata.name(emoji, "").lower().replace("-", " ").split()
    return " ".join(word for word in words if word not in _LEFT_OUT)


def read_emoji(text: str, line_start: bool) -> str:
    """I ❤ you 👍 -> I love you 👍. What is left out stays for `keep_alphabet`, which counts it."""
    text = _STARS.sub(_stars, text)
    return _RUN.sub(lambda match: _run(match, line_start), text)


def _stars(match: re.Match[str]) -> str:
    """★★★★☆ -> 4 of 5 stars."""
    full, empty = match.end() - match.start() - len(match[2]), len(match[2])
    if full + empty < 2:
        return match[0]
    return f" {full} of {full + empty} stars " if empty else f" {full} stars "


def _run(match: re.Match[str], line_start: bool) -> str:
    emoji = list(dict.fromkeys(match[1].replace(" ", "")))
    before, after = match.string[: match.start()].rstrip(), match.string[match.end() :].lstrip(" .!?")
    states = [name for char in emoji if (name := STATES.get(char))]
    if states:
        return f" {', '.join(states)}{', ' if after[:1].isalnum() else ' '}"
    names = [name for char in emoji if (name := name_of(char))]
    alone = not before and not after and line_start and "FACE" not in unicodedata.name(emoji[0], "")
    if not names or not (alone or _is_word(before, match.string[match.end() :])):
        return match[0]
    if emoji[0] in "❤♥" and after and _LOVERS.search(before):
        return " love "
    return f" {', '.join(names[:3])} "


def _is_word(before: str, after: str) -> bool:
    """Whether the text lacks a word without the emoji: one is on both sides, or the sentence is unfinished."""
    last = _LAST_WORD.search(before)
    if not last:
        return False
    if after[:1].isalnum():
        return True
    word = last[1]
    return word in UNFINISHED or word.lower() in _LACKING
