"""--convert: an official checkpoint becomes a native model folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from nightingale.cli.console import Console
from nightingale.cli.requirements import importing_engine
from nightingale.errors import UsageError


def run_convert(args: argparse.Namespace, console: Console) -> None:
    """Convert and report where the folder is. Raises UsageError for options that do not go together."""
    if args.model is None:
        raise UsageError("--convert needs the folder of a Chatterbox checkpoint: --model DIR")
    if args.text or args.file or args.output is not None:
        raise UsageError("--convert speaks no text; speak with the new folder afterwards")
    with importing_engine():
        from nightingale.kernels.blas import use_openblas

        use_openblas()  # before mlx is imported
        from nightingale.checkpoints.conversion import convert
    console.status("converting ...")
    convert(Path(args.model), Path(args.convert), args.bits, args.language)
    console.clear()
    console.warn(f"the model is in {args.convert}; speak with --model {args.convert}")
