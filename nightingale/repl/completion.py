"""Tab completion: commands, voices, settings, file names."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from nightingale.repl.commands import COMMANDS
from nightingale.repl.session import Session


class LineCompleter(Completer):
    """Completes commands and their arguments. Plain text is not completed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        line = document.text_before_cursor
        if not line.startswith("/") or line.startswith("//"):
            return
        name, blank, argument = line[1:].partition(" ")
        if not blank:
            for key, command in COMMANDS.items():
                if key.startswith(name):
                    yield Completion("/" + key, start_position=-len(line), display_meta=command.help)
        elif name in ("read", "save"):
            yield from self._paths.get_completions(Document(argument.lstrip()), complete_event)
        else:
            for word in self._words(name):
                if word.startswith(argument):
                    yield Completion(word, start_position=-len(argument))

    def _words(self, name: str) -> list[str]:
        if name == "voice":
            return self._session.list_voices()
        if name in ("say", "unsay"):
            return list(self._session.lexicon.readings)
        if name == "set":
            return [key + " " for key in vars(self._session.options)]
        return []
