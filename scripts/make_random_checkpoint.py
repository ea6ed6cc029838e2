#!/usr/bin/env python3
"""Writes a folder of an official checkpoint with random weights, for tests of speed and memory: it speaks noise.

    scripts/make_random_checkpoint.py --family turbo [--tiny] DIR
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from random_checkpoints import FAMILIES, write_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("--family", choices=FAMILIES, required=True)
    parser.add_argument("--tiny", action="store_true", help="a few layers of 64 channels")
    args = parser.parse_args()
    write_checkpoint(args.folder, args.family, args.tiny)


if __name__ == "__main__":
    main()
