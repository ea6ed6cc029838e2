"""Reads safetensors files (https://huggingface.co/docs/safetensors) and names the file that is truncated or corrupt."""

from pathlib import Path

import mlx.core as mx

from nightingale.errors import CheckpointMismatch

Arrays = dict[str, mx.array]


def read_arrays(path: Path) -> Arrays:
    """Arrays of a file by name; their data is read at first use. Raises CheckpointMismatch naming the file."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header_size = int.from_bytes(file.read(8), "little")
        arrays = mx.load(str(path))
    except OSError as error:
        raise CheckpointMismatch(f"{path} cannot be read: {error.strerror}") from error
    except (RuntimeError, ValueError) as error:
        raise CheckpointMismatch(f"{path} is truncated or corrupt: {str(error)[:200]}") from error
    assert isinstance(arrays, dict)
    # mlx checks that the file has all entries, but not that it has nothing else.
    expected = 8 + header_size + sum(array.nbytes for array in arrays.values())
    if size != expected:
        raise CheckpointMismatch(f"{path} is corrupt: {size} bytes, {expected} expected")
    return arrays


def read_metadata(path: Path) -> dict[str, str]:
    """The texts in the header of a file that read_arrays accepts."""
    _, metadata = mx.load(str(path), return_metadata=True)
    assert isinstance(metadata, dict)
    return metadata
