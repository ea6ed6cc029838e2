"""Text to text ids, by the tokenizer.json of a model. Knows the official English convention for spaces; no markup."""

from pathlib import Path

from tokenizers import Tokenizer

from nightingale.errors import CheckpointMismatch

SPACE = "[SPACE]"
UNKNOWN = "[UNK]"


class TextTokenizer:
    """A `tokenizers` file: the bundled one has a token for each character, the official one is a small BPE."""

    def __init__(self, path: Path) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception for whatever is wrong with the file
            raise CheckpointMismatch(f"{path} is missing or no tokenizer file: {error}") from error
        # A tokenizer without the token reads spaces as they are.
        self._space = SPACE if self._tokenizer.token_to_id(SPACE) is not None else " "
        self._unknown = self._tokenizer.token_to_id(UNKNOWN)

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: ids may have gaps."""
        return 1 + max(self._tokenizer.get_vocab().values(), default=-1)

    def encode(self, text: str) -> list[int]:
        """Ids without start and stop. What the tokenizer does not know is left out: it could only be babbled."""
        ids: list[int] = self._tokenizer.encode(text.replace(" ", self._space), add_special_tokens=False).ids
        return [i for i in ids if i != self._unknown]
