"""Spans of time: 1h 23m, 90s, 5m ago, 3d, timeout=30s, 20-30s, 00:01:05, runtime 2:15:30.

A single "m" may be meters, "90s" a decade and "2d" two dimensions: these need a word of time beside them.
"""

import re

from nightingale.text.patterns import apply_rules, is_adjective, regex, rule

_UNITS = {
    "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "wk": "week", "mo": "month", "y": "year",
}
_AFTER = (
    r" ?(?:ago|left|remaining|later|old|earlier|elapsed|timeout|delay|delays|interval|intervals|cooldown|trial|"
    r"read|video|videos|clip|clips|ad|ads|timer|window|break|limit|lead|each|per|before|apart|warning|notice|nap|walk|drive|"
    r"ride|loop|pause|countdown|ttl|warranty|average|moving|rolling|uptime)\b")
_SPAN_AFTER = regex(_AFTER)
_SPAN_BEFORE = regex(
    r"(?:\b(?:every|wait|waits|waited|waiting|sleep|sleeping|timeouts?(?: of| after| is)?|after|expires? in|for|"
    r"took|takes|take|last|past|next|previous|within|eta|uptime|elapsed|delay|interval|duration|period|ttl|retry in|up|"
    r"age|max-age|than|about|only|up to|lasts?|lasted|runtime|total|real|user|sys|back in|done in|finished in|"
    r"ready in|completed in|ends in|starts in|begins in|resets in|sec|in)[:=]? ?|[\w-]=|[a-z]: )$", re.IGNORECASE)
_METERS_BEFORE = regex(
    r"\b(?:ran|run|runs|swim|swam|within|for|than|about|only|past|next|last|total|up to|after|up|take|long|high|deep|"
    r"wide|tall|of|freestyle|sprint|dash) ?$", re.IGNORECASE)
_ENDS = regex(r"\s*(?:[.,;:!?)\]\"']|$)|\s+(?:or|and|until|before|then|so|but)\b")
_NOT_IN = regex(r"\bin $", re.IGNORECASE)


def _is_span(match: re.Match[str], amount: str, unit: str) -> bool:
    """Whether the letter after the number is a unit of time."""
    before, after = match.string[max(match.start() - 24, 0) : match.start()], match.string[match.end() :]
    if unit in ("mo", "y", "wk") or _SPAN_AFTER.match(after):
        return True
    if unit == "h":
        return False  # measures.py reads hours
    has_word = _SPAN_BEFORE.search(before) is not None
    if _NOT_IN.search(before) and not _ENDS.match(after):
        has_word = False  # "in 5m of water", "in 90s style"
    if unit == "d":
        return has_word or ("." not in amount and int(amount) > 4)
    if unit == "w":
        return has_word
    if unit == "m":
        return has_word and (not _METERS_BEFORE.search(before) or "-" in match[0])
    decade = re.fullmatch("[2-9]0|[12][0-9]{3}", amount)
    return bool(decade) and has_word


@rule(r"(?<![\w.,/$£€:+-])(?:([0-9]{1,4}(?:\.[0-9]{1,2})?)( ?[-–] ?))?([0-9]{1,5}(?:\.[0-9]{1,3})?)"
      r"(s|mo|m|h|d|wk|w|y)\b(?![/^°'-]|\.[A-Za-z0-9])")
def _one_part(match: re.Match[str]) -> str:
    """90s, 5m ago, 20-30s"""
    lower, _, amount, unit = match.groups()
    if lower and unit in ("s", "h") and not (unit == "s" and re.fullmatch("[12][0-9]{3}", amount)):
        return _reading(match, f"{lower} to {amount}", "2", unit)
    if not _is_span(match, amount, unit):
        return match[0]
    return _reading(match, f"{lower} to {amount}" if lower else amount, amount, unit)


def _reading(match: re.Match[str], amount: str, last: str, unit: str) -> str:
    name = _UNITS[unit]
    describes = is_adjective(match) or regex(
        r" (?:timeout|delay|interval|cooldown|trial|read|video|clip|ad|timer|window|break|limit|warning|nap|walk|drive|"
        r"ride|loop|pause|countdown|warranty|rolling|moving|average)\b").match(match.string, match.end())
    return f"{amount} {name}{'' if last == '1' or describes else 's'}"


@rule(r"(?<![\w.,$£€-])(-)?(?:([0-9]+) ?y(?:rs?)?,? ?)?(?:([0-9]+) ?w(?:ks?)?,? ?)?(?:([0-9]+) ?d,? ?)?"
      r"(?:([0-9]+) ?h(?:rs?)?,? ?)?(?:([0-9]{1,2}) ?m(?:ins?)?,? ?)?"
      r"(?:([0-9]+(?:\.[0-9]+)?) ?s(?:ecs?)?)?(?<=[a-z])(?![\w/^°])")
def _parts(match: re.Match[str]) -> str:
    """1h 23m -> 1 hour 23 minutes. Needs two parts."""
    minus, *amounts = match.groups()
    names = ("year", "week", "day", "hour", "minute", "second")
    parts = [f"{amount} {name}{'' if amount == '1' else 's'}"
             for amount, name in zip(amounts, names, strict=True) if amount]
    if len(parts) < 2:
        return match[0]
    # `time` prints 0m1.234s; leading zeros do not count
    shown = [part for part in parts[:-1] if not part.startswith("0 ")] + parts[-1:]
    return ("minus " if minus else "") + " ".join(shown)


@rule(r"(?<![\w.])P(?:([0-9]{1,3})D)?T?(?:([0-9]{1,3})H)?(?:([0-9]{1,3})M)?"
      r"(?:([0-9]{1,3}(?:\.[0-9]+)?)S)?(?<=[0-9][DHMS])\b")
def _iso_duration(match: re.Match[str]) -> str:
    """PT1H30M"""
    if "T" not in match[0]:
        return match[0]
    names = ("day", "hour", "minute", "second")
    return " ".join(f"{amount} {name}{'' if amount == '1' else 's'}"
                    for amount, name in zip(match.groups(), names, strict=True) if amount)


# --- spans with colons -----------------------------------------------------------------------------------------------
_LENGTH_BEFORE = regex(
    r"\b(?:duration|runtime|run ?time|running time|length|eta|took|takes|elapsed|remaining|uptime|up|lasted|lasts|"
    r"finished in|in a time of|time of|timer|pace|record of|countdown|split|left|total time|"
    r"days,)(?: (?:is|of|at))?:? ?$",
    re.IGNORECASE)
_RACE_AFTER = regex(r" (?:marathon|half|5k|10k|remaining|left|elapsed|long|ago)\b", re.IGNORECASE)
_DAY_BEFORE = regex(r", $|\bat $")
_CLOCK_AFTER = regex(r" ?(?:[ap]\.?m\b|[AP]\.?M\b|Z\b|[A-Z]{3,4}\b|[+-][0-9])")


@rule(r"(?<![\w.:/-])([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9]))?(?:[.,]([0-9]{1,6}))?(?![\w:/]|[.,][0-9])")
def _with_colons(match: re.Match[str]) -> str:
    """00:01:05, duration 03:45, a 2:03:59 marathon; but 10:20:30 is a time of day."""
    first, second, third, part = match.groups()
    before, after = match.string[max(match.start() - 24, 0) : match.start()], match.string[match.end() :]
    named = _LENGTH_BEFORE.search(before) or _RACE_AFTER.match(after)
    cue = re.match(r" ?-->", after) or re.search(r"--> ?$", before)
    bare = third and (first in ("0", "00") or (len(first) != 2 and not _CLOCK_AFTER.match(after)))
    if not (named or cue or (bare and not _DAY_BEFORE.search(before) and not _CLOCK_AFTER.match(after))):
        return match[0]
    if part and not third and not cue and not named:
        return match[0]
    amounts = [first, second, third] if third else [first, second]
    uptime = not third and re.search(r"\b(?:up|days,) $", before)
    names = ("hour", "minute") if uptime else ("hour", "minute", "second") if third else ("minute", "second")
    fraction = f".{part.rstrip('0')}" if part and part.strip("0") else ""
    parts = []
    for amount, name in zip(amounts, names, strict=True):
        value = f"{int(amount)}{fraction if name == 'second' else ''}"
        if value != "0":
            parts.append(f"{value} {name}{'' if value == '1' else 's'}")
    if not parts:
        return "0 seconds"
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def read_spans(text: str) -> str:
    """1h 23m -> 1 hour 23 minutes, 5m ago -> 5 minutes ago, 00:01:05 -> 1 minute and 5 seconds."""
    return apply_rules(text, (_with_colons, _iso_duration, _parts, _one_part))
