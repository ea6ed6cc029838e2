"""What Tab offers: commands, voices, settings, files."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from nightingale.repl.commands import COMMANDS, Session


class LineCompleter(Completer):
    """Commands, and what may follow them; plain text is not completed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        line = document.text_before_cursor
        if not line.startswith("/") or line.startswith("//"):
            return
        name, blank, argument = line[1:].partition(" ")
        if not blank:
            for command, entry in COMMANDS.items():
                if command.startswith(name):
                    yield Completion("/" + command, start_position=-len(line), display_meta=entry.help)
        elif name in ("read", "save"):
            yield from self._paths.get_completions(Document(argument.lstrip()), complete_event)
        else:
            for word in self._words(name):
                if word.startswith(argument):
                    yield Completion(word, start_position=-len(argument))

    def _words(self, name: str) -> list[str]:
        if name == "voice":
            return self._session.voices()
        if name == "set":
            return [key + " " for key in vars(self._session.options)]
        return []
