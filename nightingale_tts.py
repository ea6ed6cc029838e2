"""The command `nightingale-tts`: arguments, exit codes, signals; text in, sound out, to a file, a pipe or the ear.

Knows the shell's conventions and nothing of speech. Imports MLX only when there is text to speak.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # built in: it is there at once, and Ctrl-C has no moment before it

# A Ctrl-C among the imports would print where it struck. Until `stop_on_signals` it ends the program as SIGTERM does.
if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from nightingale import cli
from nightingale.audio import open_wav
from nightingale.config import DEFAULT_VOICE, FLOAT_BITS, QUANTIZED_BITS, CacheOptions, SpeakOptions, list_voices
from nightingale.errors import NightingaleError, UsageError, VoiceNotFound, WriteFailed
from nightingale.stats import Stats, as_json, as_lines, process_start

if TYPE_CHECKING:
    from types import FrameType

    from _typeshed import SupportsWrite

    from nightingale.audio import WavSink
    from nightingale.engine import Engine
    from nightingale.player import Speaker

__version__ = "0.1.0"

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


class Parser(argparse.ArgumentParser):
    """argparse with one line for an error, and none of its silence about help that cannot be written."""

    def error(self, message: str) -> NoReturn:
        hint = " (text that begins with a dash goes after --)" if message.startswith("unrecognized") else ""
        raise UsageError(f"{message}; see --help{hint}")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        print(message, end="", file=file)


class Stopped(BaseException):
    """A signal that ends the program, raised so that everything is cleaned up on the way."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


def build_parser() -> Parser:
    parser = Parser(
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
    add("--bench-plot", metavar="FILE", help="with --bench: draw it too, as SVG")
    add("--stats", choices=["text", "json"], help="at the end tell on stderr how long everything took: --stats [json]")
    add("--no-history", action="store_true", help="do not keep what is typed at the prompt")
    add("-q", "--quiet", action="store_true", help="no warnings and no progress on stderr, only errors")
    add("--version", action="version", version=f"nightingale-tts {__version__}")
    return parser


def choose_sources(args: argparse.Namespace, console: cli.Console) -> list[cli.Source]:
    """Where the text is to come from. Raises UsageError if that is two places."""
    if args.text and args.file:
        raise UsageError("give either TEXT or -f FILE, not both")
    if args.text and args.text != ["-"]:
        return [cli.Source("the text", data=os.fsencode(" ".join(args.text)))]
    files = args.file or ["-"]
    if "-" in files and os.isatty(0):
        console.warn("reading text from the terminal; Ctrl-D ends it")
    return cli.open_sources(files)


def load_engine(args: argparse.Namespace) -> Engine:
    """Import and load what speaks. Raises VoiceNotFound if MLX has no backend, or another package is missing."""
    try:
        with cli.signals_held():
            from nightingale.engine import Engine
    except ImportError as error:
        if (error.name or "").startswith("nightingale"):  # a bug
            raise
        raise VoiceNotFound(f"cannot load the speech engine: {error}; install nightingale-tts again") from error
    return Engine(
        model=args.model, voice=args.voice, bits=args.bits, speculate=args.speculate, cache=cache_options(args)
    )


def cache_options(args: argparse.Namespace) -> CacheOptions | None:
    """Raises UsageError for what no cache can be."""
    if args.kv_bits is None and args.kv_budget is None:
        return None
    return CacheOptions(bits=args.kv_bits, budget=args.kv_budget)


def wants_prompt(args: argparse.Namespace) -> bool:
    return not args.text and not args.file and args.output is None and os.isatty(0) and os.isatty(1)


@contextlib.contextmanager
def open_outputs(args: argparse.Namespace) -> Iterator[tuple[WavSink | None, Speaker | None]]:
    """The file or pipe, and the loudspeaker, that the sound goes to: one of them or both."""
    play = args.play or args.device is not None or (args.output is None and os.isatty(1))
    with contextlib.ExitStack() as stack:
        wav = None if play and args.output is None else stack.enter_context(open_wav(args.output or "-"))
        speaker = None
        if play:
            with cli.signals_held():
                from nightingale import playback  # noqa: F401 (brings numpy)
                from nightingale.player import Speaker, silence_on_signals

            speaker = stack.enter_context(Speaker(args.device))
            stack.enter_context(silence_on_signals(speaker))
        yield wav, speaker


def speak(args: argparse.Namespace, options: SpeakOptions, console: cli.Console) -> None:
    """One shot: the text of all sources to one sound."""
    stats = Stats(process_start())
    text = cli.Text(choose_sources(args, console))
    with open_outputs(args) as (wav, speaker):
        ticket = speaker.begin() if speaker else 0
        if pieces := text.begun():
            engine = load_engine(args)
            stats.ready = time.perf_counter()
            if speaker:
                pieces = speaker.unhurried(pieces, ticket)
            for chunk in stats.watch(engine.speak(stats.waiting(pieces), options)):
                if wav:
                    wav.write(chunk)
                if speaker:
                    speaker.write(chunk, ticket)
                    stats.hear(speaker.heard_s)
                console.progress(text, stats.sound_s)
            stats.add(engine.tally)
            console.clear()
        else:
            console.warn("there is no text to speak")
        if speaker:
            speaker.finish(ticket)
            speaker.wait(lambda: stats.hear(speaker.heard_s))
            stats.underruns = speaker.underruns
    if args.stats:
        tell(stats, args.stats)


def tell(stats: Stats, form: str) -> None:
    """--stats, also when quiet: it was asked for."""
    blas = getattr(sys.modules.get("nightingale.engine"), "BLAS", None)
    figures = stats.figures() | {"blas": blas or "MLX's own"}
    with contextlib.suppress(OSError):
        print(as_json(figures) if form == "json" else as_lines(figures), file=sys.stderr, flush=True)


def converse(args: argparse.Namespace, options: SpeakOptions) -> None:
    """The prompt: what is typed is spoken. Raises UsageError for what only a single text has."""
    if args.stats:
        raise UsageError("--stats does not go with the prompt; type /stats there, or give a text")
    if args.quiet:
        raise UsageError("--quiet does not go with the prompt; give a text")
    from nightingale import repl
    from nightingale.player import Speaker

    signal.signal(signal.SIGINT, signal.default_int_handler)
    repl.converse(
        lambda: load_engine(args), lambda: Speaker(args.device), options, args.voice or DEFAULT_VOICE,
        list_voices, keep_history=not args.no_history,
    )  # fmt: skip


def bench(args: argparse.Namespace, console: cli.Console) -> None:
    """--bench: its rows set what the other options would."""
    chosen = build_parser().parse_args([])
    free = {"bench", "bench_plot", "model", "voice", "seed", "quiet"}
    for name, value in vars(args).items():
        if name not in free and value != getattr(chosen, name):
            raise UsageError(f"--bench does not go with {'TEXT' if name == 'text' else '--' + name.replace('_', '-')}")
    from nightingale import bench

    try:
        told = bench.run(args.model, args.voice, args.seed, args.bench, args.bench_plot, console.status)
    finally:
        console.clear()
    with printing():
        print(told)


def run(argv: Sequence[str] | None, console: cli.Console) -> None:
    with printing():
        args = build_parser().parse_args(cli.with_forms(sys.argv[1:] if argv is None else argv))
        if args.list_voices:
            print("\n".join(list_voices()))
            return
        if args.list_devices:
            from nightingale.devices import list_devices

            print("\n".join(list_devices()))
            return
    console.quiet = args.quiet
    options = SpeakOptions(speed=args.speed, seed=args.seed)
    if args.bench:
        bench(args, console)
        return
    if args.output == "":  # an unset variable of a script: sound on its stdout is not what it wants
        raise UsageError("-o needs the name of a file")
    if args.bench_plot is not None:
        raise UsageError("--bench-plot goes with --bench")
    cache_options(args)  # what is wrong with it is known before there is text to speak
    if wants_prompt(args):
        converse(args, options)
        return
    logging.getLogger("nightingale").addHandler(cli.ConsoleHandler(console))
    speak(args, options, console)


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """stdout for words: what cannot be written is known here, not when the interpreter exits."""
    try:
        try:
            yield
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what is left in the buffer
        if isinstance(error, BrokenPipeError):
            raise
        raise WriteFailed(f"cannot write to standard output: {error.strerror}") from error


def fill_closed_descriptors() -> None:
    """Give 0, 1 and 2 to descriptors that fail to read or write, lest a file opened later become standard output."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if fd == 1 else os.O_WRONLY)
    if not sys.stderr:  # print would go to stdout then
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (open as long as the program runs)


def stop_on_signals() -> None:
    """Let Ctrl-C and the usual ways to end a job clean up first, unless the parent wants them ignored."""

    def stop(signum: int, frame: FrameType | None) -> NoReturn:
        ignore_signals()  # a second one would break off the cleaning up
        signal.alarm(cli.CLEANING_S)
        raise Stopped(signum)

    for signum in cli.ENDING:
        if signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, stop)


def ignore_signals() -> None:
    for signum in cli.ENDING:
        signal.signal(signum, lambda *_: None)  # SIG_IGN makes Python print that it has lost one that just came


def answer(argv: Sequence[str] | None, console: cli.Console) -> int:
    """Run, and tell what went wrong. Raises Stopped."""
    try:
        stop_on_signals()
        run(argv, console)
    except NightingaleError as error:
        console.say(str(error))
        return error.exit_code
    except BrokenPipeError:
        console.clear()
        return 128 + signal.SIGPIPE
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of `nightingale-tts ARGV`."""
    fill_closed_descriptors()
    console = cli.Console()
    try:
        exit_code = answer(argv, console)
        ignore_signals()  # nothing is left to stop, and the interpreter would print an exception while it ends
        return exit_code
    except Stopped as stopped:
        console.clear()
        return stopped.exit_code
    except KeyboardInterrupt:  # at the prompt, where Ctrl-C has other uses
        ignore_signals()
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
