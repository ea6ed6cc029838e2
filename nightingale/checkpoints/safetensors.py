"""Reads safetensors files (https://huggingface.co/docs/safetensors) and names the file that is truncated or corrupt."""

import json
import struct
from pathlib import Path

import mlx.core as mx

from nightingale.errors import CheckpointMismatch

Arrays = dict[str, mx.array]


def read_arrays(path: Path) -> Arrays:
    """Arrays of a file by name; their data is read at first use. Raises CheckpointMismatch naming the file."""
    _check_size(path)
    try:
        arrays = mx.load(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise CheckpointMismatch(f"{path} cannot be read: {error}") from error
    assert isinstance(arrays, dict)
    return arrays


def _check_size(path: Path) -> None:
    """Compare the size of the file with its header: MLX reads data lazily and would fail only when it computes."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            header_size = struct.unpack("<Q", start)[0] if len(start) == 8 else size
            if header_size > size - 8:
                raise CheckpointMismatch(f"{path} is truncated or not a safetensors file")
            header = json.loads(file.read(header_size))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        expected = 8 + header_size + max(ends, default=0)
    except OSError as error:
        raise CheckpointMismatch(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise CheckpointMismatch(f"{path} is corrupt: its header is not that of a safetensors file") from error
    if expected != size:
        fault = "truncated" if size < expected else "too long"
        raise CheckpointMismatch(f"{path} is {fault}: {size} bytes, {expected} expected")
