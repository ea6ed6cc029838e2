"""One run of the command: text in, sound out, to a file, a pipe or a device. Imports MLX only when there is text."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nightingale.audio.wav import open_wav
from nightingale.checkpoints.bundled import list_voices
from nightingale.cli.arguments import attach_optional_values, build_parser
from nightingale.cli.console import Console, ConsoleHandler, printing
from nightingale.errors import NightingaleError, UsageError, VoiceNotFound
from nightingale.options import DEFAULT_VOICE, CacheOptions, SpeakOptions
from nightingale.signals import (
    StoppedBySignal,
    defer_signals,
    ignore_signals,
    raise_on_signals,
    stop_playback_on_signals,
)
from nightingale.statistics import Statistics, as_json, as_lines, process_start
from nightingale.text.input import Source, TextInput, open_sources

if TYPE_CHECKING:
    from nightingale.audio.speaker import Speaker
    from nightingale.audio.wav import WavSink
    from nightingale.engine import Engine


def choose_sources(args: argparse.Namespace, console: Console) -> list[Source]:
    """Where the text is to come from. Raises UsageError if that is two places."""
    if args.text and args.file:
        raise UsageError("give either TEXT or -f FILE, not both")
    if args.text and args.text != ["-"]:
        return [Source("the text", data=os.fsencode(" ".join(args.text)))]
    files = args.file or ["-"]
    if "-" in files and os.isatty(0):
        console.warn("reading text from the terminal; Ctrl-D ends it")
    return open_sources(files)


def load_engine(args: argparse.Namespace) -> Engine:
    """Import and load what speaks. Raises VoiceNotFound if MLX has no backend, or another package is missing."""
    try:
        with defer_signals():
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
            with defer_signals():
                from nightingale.audio import ring  # noqa: F401 (brings numpy)
                from nightingale.audio.speaker import Speaker

            speaker = stack.enter_context(Speaker(args.device))
            stack.enter_context(stop_playback_on_signals(speaker.stop))
        yield wav, speaker


def speak(args: argparse.Namespace, options: SpeakOptions, console: Console) -> None:
    """One shot: the text of all sources to one sound."""
    statistics = Statistics(process_start())
    text = TextInput(choose_sources(args, console))
    with open_outputs(args) as (wav, speaker):
        ticket = speaker.begin() if speaker else 0
        if pieces := text.wait_for_text():
            engine = load_engine(args)
            statistics.ready_at = time.perf_counter()
            if speaker:
                pieces = speaker.without_underruns(pieces, ticket)
            for chunk in engine.speak(pieces, options, statistics):
                if wav:
                    wav.write(chunk)
                if speaker:
                    speaker.write(chunk, ticket)
                    statistics.record_playback(speaker.played_s)
                console.progress(text, statistics.sound_s)
            console.clear()
        else:
            console.warn("there is no text to speak")
        if speaker:
            speaker.finish(ticket)
            speaker.wait(lambda: statistics.record_playback(speaker.played_s))
            statistics.underruns = speaker.underruns
    if args.stats:
        print_statistics(statistics, args.stats)


def print_statistics(statistics: Statistics, form: str) -> None:
    """--stats, also when quiet: it was asked for."""
    blas = getattr(sys.modules.get("nightingale.engine"), "BLAS", None)
    figures = statistics.figures() | {"blas": blas or "MLX's own"}
    with contextlib.suppress(OSError):
        print(as_json(figures) if form == "json" else as_lines(figures), file=sys.stderr, flush=True)


def converse(args: argparse.Namespace, options: SpeakOptions) -> None:
    """The prompt: what is typed is spoken. Raises UsageError for what only a single text has."""
    if args.stats:
        raise UsageError("--stats does not go with the prompt; type /stats there, or give a text")
    if args.quiet:
        raise UsageError("--quiet does not go with the prompt; give a text")
    from nightingale.audio.speaker import Speaker
    from nightingale.repl.prompt import run_prompt

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_prompt(
        lambda: load_engine(args), lambda: Speaker(args.device), options, args.voice or DEFAULT_VOICE,
        list_voices, keep_history=not args.no_history,
    )  # fmt: skip


def bench(args: argparse.Namespace, console: Console) -> None:
    """--bench: its rows set what the other options would."""
    chosen = build_parser().parse_args([])
    free = {"bench", "model", "voice", "seed", "quiet"}
    for name, value in vars(args).items():
        if name not in free and value != getattr(chosen, name):
            raise UsageError(f"--bench does not go with {'TEXT' if name == 'text' else '--' + name.replace('_', '-')}")
    from nightingale import bench

    try:
        told = bench.run(args.model, args.voice, args.seed, args.bench, console.status)
    finally:
        console.clear()
    with printing():
        print(told)


def run(argv: Sequence[str] | None, console: Console) -> None:
    with printing():
        args = build_parser().parse_args(attach_optional_values(sys.argv[1:] if argv is None else argv))
        if args.list_voices:
            print("\n".join(list_voices()))
            return
        if args.list_devices:
            from nightingale.audio.devices import list_devices

            print("\n".join(list_devices()))
            return
    console.quiet = args.quiet
    options = SpeakOptions(speed=args.speed, seed=args.seed)
    if args.bench:
        bench(args, console)
        return
    if args.output == "":  # an unset variable of a script: sound on its stdout is not what it wants
        raise UsageError("-o needs the name of a file")
    cache_options(args)  # what is wrong with it is known before there is text to speak
    if wants_prompt(args):
        converse(args, options)
        return
    logging.getLogger("nightingale").addHandler(ConsoleHandler(console))
    speak(args, options, console)


def fill_closed_descriptors() -> None:
    """Give 0, 1 and 2 to descriptors that fail to read or write, lest a file opened later become standard output."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if fd == 1 else os.O_WRONLY)
    if not sys.stderr:  # print would go to stdout then
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (open as long as the program runs)


def answer(argv: Sequence[str] | None, console: Console) -> int:
    """Run, and tell what went wrong. Raises StoppedBySignal."""
    try:
        raise_on_signals()
        run(argv, console)
    except NightingaleError as error:
        console.error(str(error))
        return error.exit_code
    except BrokenPipeError:
        console.clear()
        return 128 + signal.SIGPIPE
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of `nightingale-tts ARGV`."""
    fill_closed_descriptors()
    console = Console()
    try:
        exit_code = answer(argv, console)
        ignore_signals()  # nothing is left to stop, and the interpreter would print an exception while it ends
        return exit_code
    except StoppedBySignal as stopped:
        console.clear()
        return stopped.exit_code
    except KeyboardInterrupt:  # at the prompt, where Ctrl-C has other uses
        ignore_signals()
        return 128 + signal.SIGINT
