"""Text to text ids, by the tokenizer.json of a model."""

from pathlib import Path

from tokenizers import Tokenizer

from nightingale.errors import CheckpointMismatch

SPACE = "[SPACE]"
UNKNOWN = "[UNK]"


class TextTokenizer:
    """A file of the `tokenizers` library. The bundled one has a token for each character, the official one is a BPE."""

    def __init__(self, path: Path) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises a bare Exception for any fault of the file
            raise CheckpointMismatch(f"{path} is missing or not a tokenizer file: {error}") from error
        # The official tokenizer has a token of its own for the space.
        self._space = SPACE if self._tokenizer.token_to_id(SPACE) is not None else " "
        self._unknown = self._tokenizer.token_to_id(UNKNOWN)

    @property
    def vocab_size(self) -> int:
        """The largest id plus one: ids may have gaps."""
        return 1 + max(self._tokenizer.get_vocab().values(), default=-1)

    def encode(self, text: str) -> list[int]:
        """Ids without start and stop tokens. Unknown tokens are dropped: T3 would make arbitrary speech of them."""
        ids: list[int] = self._tokenizer.encode(text.replace(" ", self._space), add_special_tokens=False).ids
        return [i for i in ids if i != self._unknown]
