"""Text to text ids, by the tokenizer.json of a model, or by the vocab.json and merges.txt of GPT-2."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from nightingale.errors import CheckpointMismatch

SPACE = "[SPACE]"
UNKNOWN = "[UNK]"


class TextTokenizer:
    """A file of the `tokenizers` library: a token for each character, as the bundled one, or a BPE, as the official."""

    def __init__(self, path: Path, prepare: Callable[[str], str] | None = None) -> None:
        """prepare: puts a sentence into the form that the tokenizer was trained on."""
        try:
            self._tokenizer = _read_gpt2(path.parent) if path.name == "vocab.json" else Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises a bare Exception for any fault of the file
            raise CheckpointMismatch(f"{path} is missing or not a tokenizer file: {error}") from error
        self._prepare = prepare
        # The official tokenizer has a token of its own for the space.
        self._space = SPACE if self._tokenizer.token_to_id(SPACE) is not None else " "
        self._unknown = self._tokenizer.token_to_id(UNKNOWN)

    @property
    def vocab_size(self) -> int:
        """The largest id plus one: ids may have gaps."""
        return 1 + max(self._tokenizer.get_vocab().values(), default=-1)

    @property
    def tags(self) -> list[str]:
        """Words in brackets that the model makes as sounds, such as [laugh]."""
        added = self._tokenizer.get_added_tokens_decoder().values()
        return [token.content for token in added if re.fullmatch(r"\[[a-z ]+\]", token.content)]

    def to_json(self) -> str:
        """The contents of a tokenizer.json."""
        return str(self._tokenizer.to_str())

    def encode(self, text: str) -> list[int]:
        """Ids without start and stop tokens. Unknown tokens are dropped: T3 would make arbitrary speech of them."""
        return self.encode_with_offsets(text)[0]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[int]]:
        """Also the index of each id's first character, in the text as it was prepared for this model."""
        tokens = self._tokens(self._prepare(text) if self._prepare else text)
        return [i for i, _ in tokens], [offset for _, offset in tokens]

    def _tokens(self, text: str) -> list[tuple[int, int]]:
        """Id and offset of each token."""
        encoding = self._tokenizer.encode(text.replace(" ", self._space), add_special_tokens=False)
        # The index in the text of each character that the tokenizer reads.
        indices = [i for i, char in enumerate(text) for _ in (self._space if char == " " else char)]
        pairs = zip(encoding.ids, encoding.offsets, strict=True)
        return [(i, indices[start]) for i, (start, _) in pairs if i != self._unknown]


def _read_gpt2(folder: Path) -> Tokenizer:
    """The tokenizer of a folder that has no tokenizer.json, as AutoTokenizer of transformers makes it."""
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    config = folder / "tokenizer_config.json"
    added = json.loads(config.read_bytes()).get("added_tokens_decoder", {}) if config.is_file() else {}
    if not added and (file := folder / "added_tokens.json").is_file():
        added = {str(number): {"content": content} for content, number in json.loads(file.read_bytes()).items()}
    flags = ("lstrip", "rstrip", "normalized", "single_word", "special")
    for number in sorted(added, key=int):
        token = added[number]
        given = {flag: bool(token[flag]) for flag in flags if flag in token}
        tokenizer.add_tokens([AddedToken(token["content"], **given)])
        if tokenizer.token_to_id(token["content"]) != int(number):
            raise ValueError(f"the token {token['content']!r} does not get its number {number}")
    return tokenizer
