"""What the prompt prints: answers to commands, notes and errors."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["answer", "note", "error"]


class Message(NamedTuple):
    """One or more lines for the user."""

    text: str
    kind: Kind = "answer"

    def __str__(self) -> str:
        """With its kind in front, unless it is an answer: a terminal may have no colours."""
        return self.text if self.kind == "answer" else f"{self.kind}: {self.text}"
