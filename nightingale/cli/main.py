"""One run of the command: text in, sound out. Imports numpy and MLX only when there is text to speak."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nightingale.audio.wav import open_wav
from nightingale.checkpoints.bundled import VOICE_SUFFIX, list_voices
from nightingale.cli.arguments import attach_optional_values, build_parser
from nightingale.cli.clone import run_clone
from nightingale.cli.console import Console, ConsoleHandler, checked_stdout
from nightingale.cli.convert import run_convert
from nightingale.cli.requirements import check_address_space, importing_engine
from nightingale.errors import NightingaleError, UsageError
from nightingale.options import DEFAULT_VOICE, CacheOptions, SpeakOptions
from nightingale.signals import StoppedBySignal, ignore_signals, raise_on_signals, stop_playback_on_signals
from nightingale.statistics import Statistics, as_json, as_lines, process_start
from nightingale.text.input.sources import Source, TextInput, open_sources, with_flushed_lines

if TYPE_CHECKING:
    from nightingale.audio.speaker import Speaker
    from nightingale.audio.wav import WavSink
    from nightingale.engine import Engine
    from nightingale.text.spellings.user_lexicon import Lexicon
    from nightingale.timing.files import TimestampsWriter


def main(argv: Sequence[str] | None = None) -> int:
    """Run `nightingale-tts ARGV`. Returns the exit code."""
    fill_closed_descriptors()
    console = Console()
    try:
        exit_code = run_and_report(argv, console)
        ignore_signals()  # they would only make the interpreter print an exception while it exits
        return exit_code
    except StoppedBySignal as stopped:
        console.clear()
        return stopped.exit_code
    except KeyboardInterrupt:  # at the prompt, which handles Ctrl-C itself
        ignore_signals()
        return 128 + signal.SIGINT


def fill_closed_descriptors() -> None:
    """Open 0, 1 and 2 if they are closed, so that they fail to read or write. Else a file opened later would get the
    number, and for example become standard output."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if fd == 1 else os.O_WRONLY)
    if not sys.stderr:  # print would write to stdout
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (open until the process ends)


def run_and_report(argv: Sequence[str] | None, console: Console) -> int:
    """Run, print the error if there is one, and return the exit code. Raises StoppedBySignal."""
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


def run(argv: Sequence[str] | None, console: Console) -> None:
    with checked_stdout():
        args = build_parser().parse_args(attach_optional_values(sys.argv[1:] if argv is None else argv))
        if args.list_voices:
            print("\n".join(list_voices()))
            return
        if args.list_devices:
            from nightingale.audio.devices import list_devices

            print("\n".join(list_devices()))
            return
    console.quiet = args.quiet
    options = make_speak_options(args)
    if args.output == "":  # from an unset variable in a script, which does not expect sound on stdout
        raise UsageError("-o needs the name of a file")
    if args.idle_ms < 0:
        raise UsageError(f"--idle-ms needs 0 or more milliseconds, not {args.idle_ms}")
    make_cache_options(args)  # reports a bad value before there is text
    lexicon = read_lexicon(args)
    if args.print_text:
        logging.getLogger("nightingale").addHandler(ConsoleHandler(console))
        print_text(args, console, lexicon)
        return
    check_address_space()
    if args.clone is not None or args.save_voice is not None:
        run_clone(args, console)
    elif args.convert is not None:
        run_convert(args, console)
    elif args.bench:
        run_bench(args, console)
    elif wants_prompt(args):
        run_prompt(args, options, lexicon)
    else:
        logging.getLogger("nightingale").addHandler(ConsoleHandler(console))
        speak(args, options, console, lexicon)


# One text


def speak(args: argparse.Namespace, options: SpeakOptions, console: Console, lexicon: Lexicon) -> None:
    """Speak the text of all sources as one sound."""
    statistics = Statistics(process_start())
    text = TextInput(choose_sources(args, console))
    engine = None
    with open_outputs(args) as (wav, speaker, timestamps):
        ticket = speaker.begin() if speaker else 0
        if pieces := wait_for_text(args, text):
            engine = load_engine(args, lexicon)
            statistics.ready_at = time.perf_counter()
            if speaker:
                pieces = speaker.without_underruns(pieces, ticket)
            for chunk in engine.speak(pieces, options, statistics):
                if wav:
                    wav.write(chunk)
                if timestamps:
                    timestamps.write(chunk)
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
        print_statistics(statistics, engine, args.stats)


def print_text(args: argparse.Namespace, console: Console, lexicon: Lexicon) -> None:
    """Print each sentence as soon as its end is certain. Raises UsageError for options of the sound."""
    for name in ("output", "play", "device", "stats", "bench", "timestamps"):
        if getattr(args, name) not in (None, False):
            raise UsageError(f"--print-text prints to standard output and makes no sound; leave out --{name}")
    pieces = wait_for_text(args, TextInput(choose_sources(args, console)))
    if pieces is None:
        console.warn("there is no text to speak")
        return
    from nightingale.text.respelling import Respelling  # not above: --help needs none of the rules
    from nightingale.text.stream import read_sentences

    voice = os.path.basename(args.voice or DEFAULT_VOICE).removesuffix(VOICE_SUFFIX)
    respelling = Respelling(lexicon.table(voice), bundled=args.model is None)
    with checked_stdout():
        for sentence in read_sentences(pieces, respelling=respelling):
            if sentence is not None:
                print(sentence.text, flush=True)


def choose_sources(args: argparse.Namespace, console: Console) -> list[Source]:
    """Raises UsageError for text from two places, InputUnavailable for a file that cannot be opened."""
    if args.text and args.file:
        raise UsageError("give either TEXT or -f FILE, not both")
    if args.text and args.text != ["-"]:
        return [Source("the text", data=os.fsencode(" ".join(args.text)))]
    files = args.file or ["-"]
    if "-" in files and os.isatty(0):
        console.warn("reading text from the terminal; Ctrl-D ends it")
    return open_sources(files, args.idle_ms / 1000 if args.idle_ms and not args.lines else None)


def wait_for_text(args: argparse.Namespace, text: TextInput) -> Iterator[str | None] | None:
    """The pieces of a text once it has begun; None if it is blank."""
    pieces = text.wait_for_text()
    return with_flushed_lines(pieces) if pieces and args.lines else pieces


@contextlib.contextmanager
def open_outputs(
    args: argparse.Namespace,
) -> Iterator[tuple[WavSink | None, Speaker | None, TimestampsWriter | None]]:
    """The file or pipe that the sound is written to, the speaker that plays it, or both; and the times of words."""
    play = args.play or args.device is not None or (args.output is None and os.isatty(1))
    with contextlib.ExitStack() as stack:
        wav = None if play and args.output is None else stack.enter_context(open_wav(args.output or "-"))
        timestamps = None
        if args.timestamps is not None:
            from nightingale.timing.files import open_timestamps

            timestamps = stack.enter_context(open_timestamps(args.timestamps, args.timestamps_by == "word"))
        speaker = None
        if play:
            with importing_engine():
                from nightingale.audio import ring  # noqa: F401 (brings numpy)
                from nightingale.audio.speaker import Speaker

            speaker = stack.enter_context(Speaker(args.device))
            stack.enter_context(stop_playback_on_signals(speaker.stop))
        yield wav, speaker, timestamps


def read_lexicon(args: argparse.Namespace) -> Lexicon:
    """The file of --lexicon, or that of the user, which need not exist."""
    from nightingale.text.spellings.user_lexicon import Lexicon, default_path  # not above: --help needs none

    if args.lexicon is not None:
        return Lexicon.read(Path(args.lexicon))
    path = default_path()
    return Lexicon() if path is None else Lexicon.read(path, must_exist=False)


def load_engine(args: argparse.Namespace, lexicon: Lexicon) -> Engine:
    with importing_engine():
        from nightingale.engine import Engine

    cache = make_cache_options(args)
    return Engine(
        args.model, args.voice, bits=args.bits, speculate=args.speculate, cache=cache, lexicon=lexicon,
        language=args.language,
    )  # fmt: skip


def make_cache_options(args: argparse.Namespace) -> CacheOptions | None:
    """Raises UsageError for an impossible combination."""
    if args.kv_bits is None and args.kv_budget is None:
        return None
    return CacheOptions(bits=args.kv_bits, budget=args.kv_budget)


def make_speak_options(args: argparse.Namespace) -> SpeakOptions:
    """Raises UsageError for a value out of range."""
    return SpeakOptions(
        speed=args.speed, seed=args.seed, temperature=args.temperature, min_p=args.min_p, top_p=args.top_p,
        top_k=args.top_k, repetition_penalty=args.repetition_penalty, cfg_weight=args.cfg_weight,
        exaggeration=args.exaggeration,
    )  # fmt: skip


def print_statistics(statistics: Statistics, engine: Engine | None, form: str) -> None:
    """For --stats, also when quiet."""
    arithmetic = engine.arithmetic() if engine else {"blas": None, "kernels": None}
    figures = {**statistics.figures(), "stop_reason": statistics.stop_reason, **arithmetic}
    with contextlib.suppress(OSError):
        print(as_json(figures) if form == "json" else as_lines(figures), file=sys.stderr, flush=True)


# The prompt


def wants_prompt(args: argparse.Namespace) -> bool:
    return not args.text and not args.file and args.output is None and os.isatty(0) and os.isatty(1)


def run_prompt(args: argparse.Namespace, options: SpeakOptions, lexicon: Lexicon) -> None:
    """Raises UsageError for options that need a text."""
    if args.stats:
        raise UsageError("--stats does not go with the prompt; type /stats there, or give a text")
    if args.quiet:
        raise UsageError("--quiet does not go with the prompt; give a text")
    from nightingale.audio.speaker import Speaker
    from nightingale.repl import prompt

    signal.signal(signal.SIGINT, signal.default_int_handler)
    prompt.run_prompt(
        lambda: load_engine(args, lexicon), lambda: Speaker(args.device), options, args.voice or DEFAULT_VOICE,
        list_voices, keep_history=not args.no_history, lexicon=lexicon,
    )  # fmt: skip


# --bench


def run_bench(args: argparse.Namespace, console: Console) -> None:
    """Raises UsageError for options that the benchmark sets itself."""
    defaults = vars(build_parser().parse_args([]))
    for name, value in vars(args).items():
        if name not in ("bench", "model", "voice", "seed", "quiet") and value != defaults[name]:
            raise UsageError(f"--bench does not go with {'TEXT' if name == 'text' else '--' + name.replace('_', '-')}")
    from nightingale import bench

    try:
        results = bench.run(args.model, args.voice, args.seed, args.bench, console.status)
    finally:
        console.clear()
    with checked_stdout():
        print(results)
