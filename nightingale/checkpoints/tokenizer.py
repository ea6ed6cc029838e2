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
        return [i for i, _ in self._tokens(text)]

    def offsets(self, text: str) -> list[int]:
        """Of each id that `encode` gives, the index of its first character in the text."""
        return [offset for _, offset in self._tokens(text)]

    def _tokens(self, text: str) -> list[tuple[int, int]]:
        """Id and offset of each token."""
        encoding = self._tokenizer.encode(text.replace(" ", self._space), add_special_tokens=False)
        # The index in the text of each character that the tokenizer reads.
        indices = [i for i, char in enumerate(text) for _ in (self._space if char == " " else char)]
        pairs = zip(encoding.ids, encoding.offsets, strict=True)
        return [(i, indices[start]) for i, (start, _) in pairs if i != self._unknown]
