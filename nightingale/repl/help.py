"""The text of /help: commands by group, kinds of text, keys."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping

HELP_COLUMN = 22
NARROW = 60  # columns
GROUPS = {
    "Voice and sound": ("voice", "voices", "speed", "volume", "seed", "say", "unsay", "set"),
    "Playing": ("pause", "stop", "replay", "read", "spell", "save"),
    "More": ("device", "devices", "stats", "help", "quit"),
}
TEXT_HELP = {
    "TEXT": "is spoken, for example: Hello there.",
    "//TEXT": "is spoken with one slash, for example: //etc is a folder.",
    "/usr/bin": "is spoken too: a command has no second slash",
}
KEYS_HELP = {
    "Ctrl-C": "stop; in silence clear the line; twice on an empty line leave", "Alt-P": "pause, or continue",
    "Alt-Enter": "new line", "Ctrl-R": "search the history", "Tab": "complete a command", "Ctrl-D": "leave",
}  # fmt: skip


def help_text(described: Mapping[str, tuple[str, str]]) -> str:
    """Commands by group, wrapped to the terminal. described: usage and explanation of each command."""
    width = max(20, min(shutil.get_terminal_size().columns, 100))
    commands = {
        title: {f"/{name} {described[name][0]}".rstrip(): described[name][1] for name in names}
        for title, names in GROUPS.items()
    }
    groups = commands | {"Text": TEXT_HELP, "Keys": KEYS_HELP}
    parts = ["\n".join([title, *_help_rows(rows, width)]) for title, rows in groups.items()]
    return "\n\n".join(parts)


def _help_rows(rows: dict[str, str], width: int) -> Iterator[str]:
    """Two columns, or on a narrow terminal each explanation below its command."""
    for left, right in rows.items():
        if width < NARROW:
            yield f"  {left}"
            yield textwrap.fill(right, width, initial_indent="    ", subsequent_indent="    ")
        else:
            indent = " " * (HELP_COLUMN + 2)
            yield textwrap.fill(right, width, initial_indent=f"  {left:<{HELP_COLUMN}}", subsequent_indent=indent)
