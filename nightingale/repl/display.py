"""What the prompt shows below the input line: the sentence that is playing with its current word, and the status."""

from __future__ import annotations

import re

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from nightingale.repl.messages import Kind
from nightingale.repl.session import Session
from nightingale.repl.speech_thread import SpeechThread
from nightingale.repl.utterance import SpokenSentence, Utterance

MAX_LINES = 3  # of the sentence that is playing
FEW_ROWS = 12  # a screen with fewer shows one line of it

# Colours of the terminal's own theme. Without colours bold, underline and reverse remain, and all states have words.
STYLE = Style.from_dict({
    "prompt": "bold ansicyan",
    "bottom-toolbar": "noreverse",
    "bottom-toolbar.text": "noreverse",
    "spoken": "",
    "word": "bold underline ansicyan",
    "unspoken": "ansibrightblack",
    "status": "reverse",
    "hint": "ansibrightblack",
    "speaking": "reverse ansigreen",
    "paused": "reverse ansiyellow",
    "loading": "reverse ansiblue",
    "ready": "reverse",
    "message.error": "ansired",
    "message.note": "ansiyellow",
    "message.answer": "",
    "message.mark": "bold",
    "auto-suggestion": "ansibrightblack",
    "completion-menu": "noreverse",
    "completion-menu.completion": "noreverse bg:ansibrightblack fg:ansiwhite",
    "completion-menu.completion.current": "noreverse bold bg:ansicyan fg:ansiblack",
    "completion-menu.meta.completion": "noreverse bg:ansibrightblack fg:ansiwhite",
    "completion-menu.meta.completion.current": "noreverse bg:ansicyan fg:ansiblack",
    "scrollbar.background": "bg:ansibrightblack",
    "scrollbar.button": "bg:ansicyan",
})  # fmt: skip
GLYPHS = {"ready": "○", "loading": "◌", "speaking": "●", "paused": "‖"}
HINTS = {
    "speaking": "Ctrl-C stops · Alt-P pauses", "paused": "Alt-P continues · Ctrl-C stops", "loading": "",
    "ready": "/help · Ctrl-D leaves",
}  # fmt: skip

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f]")
_WORD = re.compile(r"\S+")


def message_fragments(text: str, kind: Kind) -> StyleAndTextTuples:
    """A message with its mark: the kind of an error or a note is told by a word as well as by a colour."""
    mark: StyleAndTextTuples = [] if kind == "answer" else [(f"class:message.{kind} class:message.mark", f"{kind}: ")]
    return [*mark, (f"class:message.{kind}", text)]


def activity(session: Session) -> str:
    """What the speech thread does, in one word."""
    speech = session.speech
    if speech.sink is not None and speech.sink.paused:
        return "paused"
    if speech.loading:
        return "loading"
    return "speaking" if speech.busy else "ready"


# --- the sentence ---


def sentence_lines(sentence: SpokenSentence, played_s: float, width: int, height: int) -> StyleAndTextTuples:
    """The sentence on at most `height` lines, scrolled so that the word that is playing is in view."""
    typed = _CONTROL.sub(lambda match: " " * len(match[0]), sentence.typed)  # indices stay
    word = sentence.word_at(played_s)
    lines = wrap(typed, width)
    current = next((i for i, (_, end) in enumerate(lines) if word and word[0] < end), 0)
    top = max(0, min(current - (height > 2), len(lines) - height))
    start, end = word or (0, 0)
    shown: StyleAndTextTuples = []
    for begin, stop in lines[top : top + height]:
        for style, first, last in (("spoken", 0, start), ("word", start, end), ("unspoken", end, len(typed))):
            text = typed[max(begin, first) : min(stop, last)]
            if text and max(begin, first) < min(stop, last):
                shown.append((f"class:{style}", text))
        shown.append(("", "\n"))
    return shown


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """The lines [start, end) of a text, broken between words; a word longer than a line is broken too."""
    lines: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if lines and get_cwidth(text[lines[-1][0] : end]) <= width:
            lines[-1] = (lines[-1][0], end)
            continue
        while get_cwidth(text[start:end]) > width > 0:
            count = _num_fitting(text[start:end], width)
            lines.append((start, start + count))
            start += count
        lines.append((start, end))
    return lines


def _num_fitting(text: str, width: int) -> int:
    """How many characters fit in so many columns; at least one."""
    columns = 0
    for i, char in enumerate(text):
        columns += get_cwidth(char)
        if columns > width:
            return max(i, 1)
    return len(text)


# --- the status ---


def status_line(session: Session, hint: str, width: int) -> StyleAndTextTuples:
    """What happens and the settings on the left; on the right a hint, else figures of the last utterance."""
    state = activity(session)
    parts = [f"{GLYPHS[state]} {state}", *_settings(session), *_position(session.speech)]
    left = truncate(f" {' · '.join(parts)} ", width)
    figures = ", ".join(_figures(session.speech)) if state == "ready" else ""
    room = width - get_cwidth(left) - 1
    right = next((text for text in (hint, figures, HINTS[state]) if text and get_cwidth(text) <= room), "")
    if hint and right != hint:
        right = truncate(hint, room)
    gap = " " * (width - get_cwidth(left) - get_cwidth(right)) if right else ""
    return [(f"class:{state}", left), ("", gap), ("class:hint", right)]


def _settings(session: Session) -> list[str]:
    sink = session.speech.sink
    settings = [session.voice]
    if session.options.speed != 1.0:
        settings.append(f"{session.options.speed:g}x")
    if sink is not None and (sink.name == "muted" or sink.volume == 0):
        settings.append("muted")
    elif sink is not None and sink.volume != 1.0:
        settings.append(f"volume {sink.volume:.0%}")
    return settings


def _position(speech: SpeechThread) -> list[str]:
    """Where the utterance that is playing is, and how many lines wait to be played."""
    sink, utterance = speech.sink, speech.playing()
    found = []
    if sink is not None and utterance is not None:
        found.append(_sentence_number(utterance, sink.played_s))
        if (left_s := utterance.left_s(sink.played_s)) is not None:
            found.append(f"{'about ' if utterance.end_s is None else ''}{clock(left_s)} left")
    if num_waiting := speech.num_waiting:
        found.append(f"{num_waiting} waiting")
    return [text for text in found if text]


def _sentence_number(utterance: Utterance, played_s: float) -> str:
    """Nothing for a single sentence. The total is known when all have been made."""
    total = len(utterance.sentences)
    number = total - len(utterance.sentences_from(played_s)) + 1
    if utterance.end_s is None:
        return f"sentence {number}" if number > 1 else ""
    return f"sentence {number} of {total}" if total > 1 else ""


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours too: 0:07, 12:30, 1:02:03."""
    whole = max(0, round(seconds))
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:{'02' if hours else ''}}:{whole % 60:02}"


def _figures(speech: SpeechThread) -> list[str]:
    figures = []
    if (utterance := speech.last) is not None and utterance.statistics.first_sample_s is not None:
        figures.append(f"first sound {utterance.statistics.first_sample_s * 1000:.0f} ms")
        if utterance.end_s is not None and utterance.statistics.realtime_factor is not None:
            figures.append(f"factor {utterance.statistics.realtime_factor:.2f}")
        if utterance.statistics.underruns:
            figures.append(f"underruns {utterance.statistics.underruns}")
    return figures


def truncate(text: str, width: int) -> str:
    """A text on one line of at most `width` columns; a longer one ends in "..."."""
    text = text.replace("\n", " ")
    if get_cwidth(text) <= width:
        return text
    if width <= 3:
        return ""
    while get_cwidth(text) > width - 3:
        text = text[: min(len(text) - 1, width - 3)]
    return text + "..."
