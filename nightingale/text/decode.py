"""Bytes to text: UTF-8 cut anywhere, without terminal escapes and control characters."""

from __future__ import annotations

import codecs
import io
import re

from nightingale.errors import TextError

MAX_ESCAPE = 4096  # characters: what is longer and unfinished is not an escape sequence
MAX_BAD_SHARE = 0.25  # Latin-1 prose has 5 % that is not UTF-8; compressed data and UTF-16 have 50 %
ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-Z\\^-~]")
OPEN_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[ -/]*)\Z")
CONTROLS = [c for c in (*range(32), *range(127, 160)) if chr(c) not in "\t\n"]
DROPPED = dict.fromkeys([*CONTROLS, 0xFEFF]) | {0x0B: "\n", 0x0C: "\n", 0x85: "\n"}
BAD = re.compile("[\ufffd\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")


class TextDecoder:
    """Bytes to text, cut anywhere: UTF-8 whatever the locale, without BOM, NUL, controls and terminal escapes.

    Raises TextError, naming `name`, for what is not text at all.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
        self._held = ""  # an escape sequence that the last block cut
        self._num_bad = 0
        self._num_chars = 0

    def feed(self, data: bytes, final: bool = False) -> str:
        fresh = self._decoder.decode(data, final)
        self._judge(fresh)
        text = self._held + fresh
        cut = OPEN_ESCAPE.search(text)
        if cut and (final or len(text) - cut.start() < MAX_ESCAPE):
            text, self._held = text[: cut.start()], text[cut.start() :]
        else:
            self._held = ""
        return ESCAPE.sub("", text).translate(DROPPED)

    def _judge(self, text: str) -> None:
        self._num_bad += len(BAD.findall(text))
        self._num_chars += len(text)
        if self._num_bad > MAX_BAD_SHARE * self._num_chars:
            raise TextError(f"{self._name} is not UTF-8 text (binary, or another encoding?)")
