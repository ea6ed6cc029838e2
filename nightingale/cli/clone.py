"""--clone: a recording becomes a voice of the user."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from nightingale.cli.console import Console
from nightingale.cli.requirements import importing_engine
from nightingale.errors import UsageError


def run_clone(args: argparse.Namespace, console: Console) -> None:
    """Make the voice and report where it is. Raises UsageError for options that do not go together."""
    if args.clone is None or args.save_voice is None:
        raise UsageError("--clone FILE and --save-voice NAME go together")
    if args.text or args.file or args.output is not None:
        raise UsageError("--clone speaks no text; speak with --voice NAME afterwards")
    with importing_engine():
        from nightingale.kernels.blas import use_openblas

        use_openblas()  # before mlx is imported
        from nightingale.checkpoints.cloning import load_cloning
        from nightingale.checkpoints.voices import check_new_name, save_user_voice
        from nightingale.cloning.clone import make_voice
        from nightingale.cloning.recording import check, read_recording
    check_new_name(args.save_voice)
    recording = read_recording(args.clone)
    check(recording)
    networks = load_cloning(Path(args.model) if args.model is not None else None)
    console.status("making the voice ...")
    voice = make_voice(recording, networks, args.save_voice, os.path.abspath(args.model))
    console.clear()
    path = save_user_voice(voice)
    console.warn(f"the voice is in {path}; speak with --model {args.model} --voice {args.save_voice}")
