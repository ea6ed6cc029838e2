"""Regular expressions that are compiled when first used, and rules made of them: functions that rewrite a text."""

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

Rule = Callable[[str], str]

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{2})*(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"


class _LazyPattern:
    """Compiles its pattern when a method is first called: most texts need few of all patterns."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        method = getattr(re.compile(self._pattern, self._flags | re.ASCII), name)
        setattr(self, name, method)  # the next access finds it without __getattr__
        return method


def regex(pattern: str, flags: int = 0) -> re.Pattern[str]:
    r"""A pattern in which \w, \s and \b mean ASCII: in folded text only foreign scripts are beyond it."""
    return cast("re.Pattern[str]", _LazyPattern(pattern, flags))


INNER_DOT = regex(r"\.[\w*]")  # not the full stop of a sentence


def rule(pattern: str, flags: int = 0) -> Callable[[Callable[[re.Match[str]], str]], Rule]:
    """Decorator: a function from a match to its replacement becomes a rule."""
    compiled = regex(pattern, flags)

    def decorate(replace: Callable[[re.Match[str]], str]) -> Rule:
        return lambda text: compiled.sub(replace, text)

    return decorate


def apply_rules(text: str, rules: Sequence[Rule]) -> str:
    """Applies each rule to the result of the one before it."""
    for apply in rules:
        text = apply(text)
    return text


_ARTICLE_BEFORE = regex(r"\b(?:an?|per|every|each) (?:[0-9][0-9.,]{0,6}(?:-| (?:by|to|or) )){0,2}$", re.IGNORECASE)
_NOUN_AFTER = regex(r"[ -][a-z]")


def is_adjective(match: re.Match[str]) -> bool:
    """Whether an article stands before the match and a noun after it: "a $5 bill", "a 90° turn"."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    return _ARTICLE_BEFORE.search(before) is not None and _NOUN_AFTER.match(after) is not None
