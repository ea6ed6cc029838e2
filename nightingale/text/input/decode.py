"""Bytes to text: UTF-8 whatever the locale, without terminal escapes and control characters.

Bytes that are not UTF-8: the first character beyond ASCII decides. If it is valid UTF-8, the input is UTF-8 and each
invalid byte becomes U+FFFD. If it is not, invalid bytes are read as Windows-1252 (a superset of printable Latin-1).

Input that is not text (compressed data, UTF-16, executables): more than a quarter of its characters are control
characters or invalid bytes. This is decided from the 64th character on, or at the end of the input. An input of fewer
than 64 characters may have more invalid bytes, as the word été in Latin-1 does: it is text if it has an ASCII letter or
digit and no control character.
"""

from __future__ import annotations

import codecs
import io
import re

from nightingale.errors import TextError

MAX_BAD_SHARE = 0.25  # Latin-1 prose has 5 % of invalid bytes; compressed data and UTF-16 have 50 % of bad characters
MIN_CHECKED = 64  # characters
MAX_ESCAPE = 65536  # characters; an unfinished sequence that is longer is read as text

# Control sequences of ECMA-48: CSI; the strings OSC, DCS, SOS, PM and APC with their bodies; escapes of two characters.
# A string ends with ST or, as in xterm, with BEL. CAN, SUB and the next escape cancel it.
_STRING = r"[\]PX^_][^\x07\x18\x1a\x1b\x9c]*"
ESCAPE = re.compile(rf"\x1b(?:\[[0-?]*[ -/]*[@-~]|{_STRING}(?:[\x07\x18\x1a\x9c]|\x1b\\|(?=\x1b))|[ -/]*[0-~])")
OPEN_ESCAPE = re.compile(rf"\x1b(?:\[[0-?]*[ -/]*|{_STRING}\x1b?|[ -/]*)\Z")
# C1 characters that introduce the same sequences. They do not after another character beyond ASCII: there they come
# from UTF-8 that was decoded as Latin-1.
C1 = re.compile(r"[\x90\x98\x9b-\x9f](?<![^\x00-\x7f\x9c].)", re.DOTALL)

CONTROLS = [c for c in (*range(32), *range(127, 160)) if chr(c) not in "\t\n"]
DROPPED = dict.fromkeys([*CONTROLS, 0xFEFF]) | {0x0B: "\n", 0x0C: "\n", 0x85: "\n"}
CONTROL = re.compile("[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")  # those that text does not have

# The codec `surrogateescape` decodes an invalid byte to U+DC00 plus the byte.
INVALID = re.compile("[\udc80-\udcff]")
INVALID_IN_UTF8 = DROPPED | {0xDC00 + byte: "\ufffd" for byte in range(128, 256)}
WINDOWS_1252 = DROPPED | {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(128, 256)}


class TextDecoder:
    """Incremental decoder; where the bytes are cut makes no difference. Raises TextError for input that is not text.

    name: of the input, for the message.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
        self._table = DROPPED
        self._held = ""  # not returned yet: an unfinished escape sequence, or a beginning that may not be text
        self._num_chars = self._num_controls = self._num_invalid = 0
        self._has_letter = False
        self._after_beyond_ascii = False

    def feed(self, data: bytes, final: bool = False) -> str:
        """The next characters. final: the input ends with these bytes."""
        fresh = self._decoder.decode(data, final)
        if self._table is DROPPED and (beyond_ascii := re.search(r"[^\x00-\x7f]", fresh)):
            self._table = WINDOWS_1252 if INVALID.match(beyond_ascii[0]) else INVALID_IN_UTF8
        self._count(fresh)
        text = self._held + self._expand_c1(fresh)
        if self._num_controls + self._num_invalid > MAX_BAD_SHARE * self._num_chars:
            if self._num_chars < MIN_CHECKED and not final:
                self._held = text
                return ""
            if self._num_chars >= MIN_CHECKED or self._num_controls or not self._has_letter:
                raise TextError(f"{self._name} is not UTF-8 text (binary, or another encoding?)")
        cut = OPEN_ESCAPE.search(text)
        if cut and (final or len(text) - cut.start() < MAX_ESCAPE):
            self._held = text[cut.start() :]
            text = text[: cut.start() + 1]  # with its ESC, which ends a string before it
        else:
            self._held = ""
        return ESCAPE.sub("", text).translate(self._table)

    def _expand_c1(self, text: str) -> str:
        """Replace C1 introducers by the escapes of two characters that mean the same."""
        before = "\x80" if self._after_beyond_ascii else " "
        if text:
            self._after_beyond_ascii = not text[-1].isascii() and text[-1] != "\x9c"
        if text.isascii():
            return text
        return C1.sub(lambda c1: "\x1b" + chr(ord(c1[0]) - 0x40), before + text)[1:]

    def _count(self, text: str) -> None:
        self._num_chars += len(text)
        self._num_controls += len(CONTROL.findall(text))
        self._num_invalid += 0 if text.isascii() else len(INVALID.findall(text))
        self._has_letter = self._has_letter or re.search("[0-9A-Za-z]", text) is not None
