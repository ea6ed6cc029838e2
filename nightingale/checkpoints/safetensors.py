"""Reads safetensors files, and names the one that is corrupt. Knows nothing of what the arrays are for."""

import json
import struct
from pathlib import Path

import mlx.core as mx

from nightingale.errors import CheckpointMismatch


def read_arrays(path: Path) -> dict[str, mx.array]:
    """The arrays of a safetensors file, read from disk when first used. Raises CheckpointMismatch naming the file."""
    _check(path)
    try:
        arrays = mx.load(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise CheckpointMismatch(f"{path} cannot be read: {error}") from error
    assert isinstance(arrays, dict)
    return arrays


def _check(path: Path) -> None:
    """Compare the file's size with what its header promises: mlx reads lazily and would notice far too late."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
            if length > size - 8:
                raise CheckpointMismatch(f"{path} is truncated or no safetensors file")
            header = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        promised = 8 + length + max(ends, default=0)
    except OSError as error:
        raise CheckpointMismatch(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise CheckpointMismatch(f"{path} is corrupt: its header is no safetensors header") from error
    if promised != size:
        raise CheckpointMismatch(f"{path} is truncated: {size} bytes, {promised} expected")
