"""The options of the command line, their help, and what argparse does not do by itself."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from nightingale import __version__
from nightingale.errors import UsageError
from nightingale.options import FLOAT_BITS, QUANTIZED_BITS

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

DESCRIPTION = "Speak English text: WAV (24 kHz, mono, 16 bits) on standard output or in a file."
EPILOG = """\
Text comes from TEXT, from -f FILE, or else from standard input, and is spoken
while it arrives.
  echo "Good morning." | nightingale-tts > morning.wav
  nightingale-tts -f chapter.txt -o chapter.wav
  nightingale-tts -- "-5 degrees" | aplay -q
At a terminal the sound is played; without any text there, a prompt speaks what
is typed.
  nightingale-tts "Hello."
  nightingale-tts

Exit codes: 0 done, 1 failure, 2 usage, 65 input that is not text, 66 input
missing, 69 voice, model or sound device missing or corrupt, 73 output cannot be
created, 74 write error, 130 Ctrl-C, 141 the reader of the sound has gone.
"""

BITS_HELP = "T3 and its draft in 8, 6, 5, 4, 3 or 2 bits, or in 32-bit floats; default as the model is stored"

# The form that an option alone means, and those that the word after it may name.
FORMS = {"--stats": ("text", ["json"]), "--bench": ("table", ["table", "json"])}


class CommandLineParser(argparse.ArgumentParser):
    """argparse with one line for an error, and none of its silence about help that cannot be written."""

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
    add("text", metavar="TEXT", nargs="*", help="what to say; - is standard input")
    add("-f", "--file", metavar="FILE", action="append", help="read text from FILE; - is standard input; repeatable")
    add("-o", "--output", metavar="FILE", help="write WAV to FILE; - is standard output, the default if not a terminal")
    add("--play", action="store_true", help="play the sound, the default at a terminal; with -o do both")
    add("--device", metavar="NAME", help="play on this device: a number or a part of a name from --list-devices")
    add("--list-devices", action="store_true", help="print the devices that can play and exit")
    add("-v", "--voice", metavar="NAME", help="a name from --list-voices, or a voice file; default florence")
    add("--list-voices", action="store_true", help="print the names of the voices and exit")
    add("--model", metavar="DIR", help="a folder with another model")
    add("-s", "--speed", metavar="X", type=float, default=1.0, help="0.5 (slow) to 2.0 (fast); default 1.0")
    add("--seed", metavar="N", type=int, default=0, help="same text, same seed: same sound; default 0")
    widths = (*QUANTIZED_BITS, FLOAT_BITS)
    add("--bits", metavar="N", type=int, choices=widths, help=BITS_HELP)
    add("--speculate", action="store_true", help="let the draft model guess ahead: the same sound, perhaps sooner")
    add("--kv-bits", metavar="N", type=int, help="keys and values of what T3 has read in 8 or 4 bits")
    add("--kv-budget", metavar="N", type=int, help="keep N positions a head of what T3 has spoken; 64 or more")
    add("--bench", choices=["table", "json"], help="measure here what each way to speed gives: --bench [json]")
    add("--stats", choices=["text", "json"], help="at the end tell on stderr how long everything took: --stats [json]")
    add("--no-history", action="store_true", help="do not keep what is typed at the prompt")
    add("-q", "--quiet", action="store_true", help="no warnings and no progress on stderr, only errors")
    add("--version", action="version", version=f"nightingale-tts {__version__}")
    return parser


def attach_optional_values(argv: Sequence[str]) -> list[str]:
    """`--stats` alone means text and `--stats json` means json: argparse would take any word after it for its value."""
    args = list(argv)
    end = args.index("--") if "--" in args else len(args)
    for at in range(end - 1, -1, -1):
        if args[at] in FORMS:
            form, others = FORMS[args[at]]
            named = args[at + 1] if at + 1 < end and args[at + 1] in others else None
            args[at : at + (2 if named else 1)] = [f"{args[at]}={named or form}"]
    return args
