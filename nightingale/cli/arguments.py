"""The options of the command line and their help."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from nightingale import __version__
from nightingale.errors import UsageError
from nightingale.options import FLOAT_BITS, QUANTIZED_BITS
from nightingale.text.input.sources import IDLE_MS

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

DESCRIPTION = "Speak English text: as WAV (24 kHz, mono, 16 bits) or through the loudspeaker."
EPILOG = """\
Text comes from TEXT, from -f FILE, or else from standard input. It is spoken
while it arrives.
  echo "Good morning." | nightingale-tts > morning.wav
  nightingale-tts -f chapter.txt -o chapter.wav
  nightingale-tts -- "-5 degrees" | aplay -q
At a terminal the sound is played. Without any text, a prompt opens there that
speaks each line typed.
  nightingale-tts "Hello."
  nightingale-tts

Exit codes: 0 done, 1 failure, 2 usage, 65 input is not text, or a recording
makes no voice, 66 input missing, 69 voice, model, package or sound device
missing or broken, 73 output cannot be created, 74 write error, 130 Ctrl-C,
141 the reader of the sound has gone.
"""

# Options whose value may be left out: the values that may follow, and the one that the option alone means.
OPTIONAL_VALUES = {"--stats": (["json"], "text"), "--bench": (["table", "json"], "table")}

SAMPLING = (
    ("--temperature", "randomness of the reading, 0 to 2"), ("--cfg-weight", "weight of guidance by the text, 0 to 3"),
    ("--exaggeration", "liveliness, 0 to 2, for models that have it"),
    ("--repetition-penalty", "against repeated tokens, 1 to 3"),
    ("--min-p", "leave out tokens much less probable than the best, 0 to 1"),
    ("--top-p", "keep the most probable tokens of this share, 0 to 1"),
    ("--top-k", "keep the N most probable tokens"),
)  # fmt: skip


class CommandLineParser(argparse.ArgumentParser):
    """Reports errors as UsageError, and lets errors of writing the help pass."""

    def error(self, message: str) -> NoReturn:
        hint = " (text that begins with a dash goes after --)" if message.startswith("unrecognized") else ""
        raise UsageError(f"{message}; see --help{hint}")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        print(message, end="", file=file)


def build_parser() -> CommandLineParser:
    parser = CommandLineParser(
        prog="nightingale-tts",
        usage="%(prog)s [options] [TEXT ...]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    bits = (*QUANTIZED_BITS, FLOAT_BITS)
    add("text", metavar="TEXT", nargs="*", help="text to speak; - is standard input")
    add("-f", "--file", metavar="FILE", action="append", help="read text from FILE; - is standard input; repeatable")
    add("-o", "--output", metavar="FILE", help="write WAV to FILE; - is standard output, the default in a pipe")
    add("--lines", action="store_true", help="speak each line at once, as a text of its own")
    add("--idle-ms", metavar="N", type=int, default=IDLE_MS,
        help=f"after N ms without input speak the line that ended; default {IDLE_MS}, 0 to wait")  # fmt: skip
    add("--print-text", action="store_true", help="print the sentences as they would be read, one a line, no sound")
    add("--play", action="store_true", help="play the sound, the default at a terminal; with -o do both")
    add("--timestamps", metavar="FILE",
        help="write when each word is spoken to FILE.srt, .vtt, .lrc or .json; - is JSON lines on stderr")  # fmt: skip
    add("--timestamps-by", metavar="UNIT", choices=["sentence", "word"], default="sentence",
        help="a cue for each part of a sentence, or for each word; default sentence")  # fmt: skip
    add("--device", metavar="NAME", help="play on this device: a number or a part of a name from --list-devices")
    add("--list-devices", action="store_true", help="print the playback devices and exit")
    add("-v", "--voice", metavar="NAME", help="a name from --list-voices, or a voice file; default florence")
    add("--list-voices", action="store_true", help="print the names of the voices and exit")
    add("--clone", metavar="FILE", help="make a voice from this recording of at least 5 seconds; needs --model")
    add("--save-voice", metavar="NAME", help="the name of the voice that --clone makes")
    add("--model", metavar="DIR", help="use the model in this folder, or ORG/NAME of the Hugging Face hub")
    add("--convert", metavar="DIR", help="write the Chatterbox checkpoint of --model as a folder that loads faster")
    add("--language", metavar="CODE", help="of the text, for multilingual models: two letters, such as fr; default en")
    add("-s", "--speed", metavar="X", type=float, default=1.0, help="0.5 (slow) to 2.0 (fast); default 1.0")
    add("--lexicon", metavar="FILE", help="read words as FILE says; default ~/.config/nightingale-tts/lexicon.toml")
    add("--seed", metavar="N", type=int, default=0, help="the same text and seed give the same sound; default 0")
    add("--bits", metavar="N", type=int, choices=bits,
        help="bits per weight of T3: 8, 6, 5, 4, 3, 2, or 32 for floats; default as stored")  # fmt: skip
    for name, what in SAMPLING:
        whole = name == "--top-k"
        add(name, metavar="N" if whole else "X", type=int if whole else float, help=f"{what}; default the model's own")
    add("--speculate", action="store_true", help="speculative decoding: the same sound, perhaps sooner")
    add("--kv-bits", metavar="N", type=int, help="key-value cache in 8 or 4 bits")
    add("--kv-budget", metavar="N", type=int, help="key-value cache of N speech positions per head; 64 or more")
    add("--bench", metavar="[json]", choices=["table", "json"], help="measure the speed of this machine")
    add("--stats", metavar="[json]", choices=["text", "json"], help="print timings to stderr at the end")
    add("--no-history", action="store_true", help="do not store the lines typed at the prompt")
    add("-q", "--quiet", action="store_true", help="print errors only, no warnings and no progress")
    add("--version", action="version", version=f"nightingale-tts {__version__}")
    return parser


def attach_optional_values(argv: Sequence[str]) -> list[str]:
    """Turn `--stats json` into `--stats=json`, and `--stats` alone into `--stats=text`; likewise --bench.

    argparse has optional values too, but takes any word for one: `--stats "Good morning."` would be an error.
    """
    words, result = list(argv), []
    while words and words[0] != "--":
        word = words.pop(0)
        if word in OPTIONAL_VALUES:
            values, default = OPTIONAL_VALUES[word]
            word += "=" + (words.pop(0) if words and words[0] in values else default)
        result.append(word)
    return result + words
