"""Writes what torch.save writes, without PyTorch, so that the tests have files to read and to damage."""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np


class FloatStorage: ...


class LongStorage: ...


class HalfStorage: ...


class BFloat16Storage: ...


class Storage:
    """What torch.save writes as a persistent id."""

    def __init__(self, kind: type, data: bytes, size: int) -> None:
        self.kind, self.data, self.size = kind, data, size


_KINDS = {"float32": FloatStorage, "int64": LongStorage, "float16": HalfStorage}


def _rebuild_tensor_v2(*arguments: Any) -> None: ...


def _rebuild_parameter(*arguments: Any) -> None: ...


for thing in (FloatStorage, LongStorage, HalfStorage, BFloat16Storage):
    thing.__module__ = "torch"
for function in (_rebuild_tensor_v2, _rebuild_parameter):
    function.__module__ = "torch._utils"


class Tensor:
    """A view of a storage."""

    def __init__(self, storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_tensor_v2, self.arguments


def tensor(array: np.ndarray) -> Tensor:
    """A tensor with a storage of its own."""
    steps = tuple(step // array.itemsize for step in array.strides)
    return Tensor(Storage(_KINDS[array.dtype.name], array.tobytes(), array.size), 0, array.shape, steps)


class Pickler(pickle._Pickler):  # type: ignore[misc]  # the one in Python, whose save_global can be replaced
    """Pickles the classes above under PyTorch's names."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=2)
        self.storages: list[Storage] = []

    def persistent_id(self, thing: object) -> object:
        if not isinstance(thing, Storage):
            return None
        if thing not in self.storages:
            self.storages.append(thing)
        return "storage", thing.kind, str(self.storages.index(thing)), "cpu", thing.size

    def save_global(self, thing: Any, name: str | None = None) -> None:
        self.write(pickle.GLOBAL + f"{thing.__module__}\n{thing.__name__}\n".encode())
        self.memoize(thing)

    dispatch: ClassVar[dict[type, Any]] = {
        **pickle._Pickler.dispatch, type(tensor): save_global, type: save_global,
    }  # fmt: skip


def save(path: Path, value: object, compression: int = zipfile.ZIP_STORED) -> None:
    file = io.BytesIO()
    pickler = Pickler(file)
    pickler.dump(value)
    save_pickle(path, file.getvalue(), {str(i): s.data for i, s in enumerate(pickler.storages)}, compression)


def save_pickle(
    path: Path, data: bytes, storages: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_STORED
) -> None:
    """An archive with this pickle and these storages."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", b"little")
        for key, numbers in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", numbers)
        archive.writestr("archive/version", b"3\n")


def bfloat16(array: np.ndarray) -> Tensor:
    """A tensor of the upper halves of float32 numbers."""
    halves = (array.astype("<f4").view("<u4") >> 16).astype("<u2")
    return Tensor(Storage(BFloat16Storage, halves.tobytes(), halves.size), 0, array.shape, (array.shape[1], 1))


def claim(path: Path, entry: str, size: int) -> None:
    """Change the size of an entry in the archive's directory."""
    data = bytearray(path.read_bytes())
    at = data.find(entry.encode(), data.find(b"PK\x01\x02")) - 46
    struct.pack_into("<LL", data, at + 20, size, size)
    path.write_bytes(data)
