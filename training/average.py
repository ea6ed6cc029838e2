"""The mean of two checkpoints of one network, to regain what the later run lost.

    python -m training.average BEFORE.pt AFTER.pt OUT.pt

Works for checkpoints of which one was resumed from the other (Wortsman et al. 2022, https://arxiv.org/abs/2203.05482).
Entries that are not numbers are taken from AFTER.
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from training.common import load, save


def mean(one: Any, other: Any) -> Any:
    """Mean of all floating-point tensors in two nested dictionaries. Raises KeyError if their keys differ."""
    if isinstance(other, dict):
        if one.keys() != other.keys():
            raise KeyError(f"only in one of the checkpoints: {', '.join(sorted(one.keys() ^ other.keys()))}")
        return {name: mean(one[name], other[name]) for name in other}
    if isinstance(other, torch.Tensor) and other.is_floating_point():
        return ((one.float() + other.float()) / 2).to(other.dtype)
    return other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("before", "after", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    before, after = (load(path, torch.device("cpu")) for path in (args.before, args.after))
    save(args.out, **mean(before, after))


if __name__ == "__main__":
    main()
