"""Reads PyTorch files (conds.pt, ve.pt, s3gen.pt) without PyTorch, and runs none of their code.

`torch.save` writes, since PyTorch 1.6, a zip archive of uncompressed entries: `data.pkl`, a pickle of the containers,
and `data/KEY`, the raw numbers of a storage. The pickle is interpreted here; only the operations that build containers
and tensors are implemented. Every size is compared with the size of the file before memory is allocated.
"""

import mmap
import pickletools
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from nightingale.checkpoints.safetensors import Arrays
from nightingale.errors import CheckpointMismatch

_MAX_ENTRIES = 100_000
_MAX_PICKLE_BYTES = 64 << 20
_MAX_DIMENSIONS = 8

# Storage classes of PyTorch: NumPy's type, and MLX's where NumPy has none.
_STORAGES: dict[str, tuple[str, mx.Dtype | None]] = {
    "FloatStorage": ("<f4", None), "DoubleStorage": ("<f8", None), "HalfStorage": ("<f2", None),
    "BFloat16Storage": ("<u2", mx.bfloat16), "LongStorage": ("<i8", None), "IntStorage": ("<i4", None),
    "ShortStorage": ("<i2", None), "CharStorage": ("<i1", None), "ByteStorage": ("<u1", None),
    "BoolStorage": ("<?", None),
}  # fmt: skip
_TENSOR, _PARAMETER = "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"
_DICT = "collections OrderedDict"


@dataclass(frozen=True)
class _Global:
    """One of the few names that a pickle may refer to."""

    name: str


@dataclass(frozen=True)
class _Storage:
    kind: str
    data: np.ndarray[tuple[int], np.dtype[Any]]


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: a view of a storage, read when it is asked for."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.storage.data.itemsize

    def load(self) -> mx.array:
        data = self.storage.data
        if 0 in self.shape:
            view = np.zeros(self.shape, data.dtype)
        else:
            steps = [stride * data.itemsize for stride in self.strides]
            view = np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, steps)
        if data.dtype == np.float64:
            view = view.astype(np.float32)
        array = mx.array(np.ascontiguousarray(view).reshape(self.shape))
        dtype = _STORAGES[self.storage.kind][1]
        return array if dtype is None else array.view(dtype)


class _Fault(Exception):
    """The file is refused; the text is the reason."""


def read_torch(path: Path) -> Any:
    """The object of a file: dicts, lists, tuples, numbers, strings and None, with tensors as StoredTensor.

    Raises CheckpointMismatch naming the file, and the reason why it is refused.
    """
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            with zipfile.ZipFile(file) as archive:
                return _read_archive(archive, data)
    except OSError as error:
        raise CheckpointMismatch(f"{path} cannot be read: {error.strerror}") from error
    except _Fault as error:
        raise CheckpointMismatch(f"{path} is refused: {error}") from error
    except zipfile.BadZipFile as error:
        raise CheckpointMismatch(f"{path} is no PyTorch file (zip), or truncated or corrupt: {error}") from error
    # What zipfile, pickletools and the interpreter below raise for damaged bytes.
    except (ArithmeticError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError,
            EOFError, struct.error) as error:  # fmt: skip
        raise CheckpointMismatch(f"{path} is corrupt: {str(error)[:200] or type(error).__name__}") from error


def read_torch_arrays(path: Path, wanted: Callable[[str], bool] | None = None) -> Arrays:
    """The tensors of a state dict by name; all, or those that are wanted. Raises CheckpointMismatch."""
    values = read_torch(path)
    if not isinstance(values, dict) or not all(isinstance(value, StoredTensor) for value in values.values()):
        raise CheckpointMismatch(f"{path} is not a table of tensors")
    names = [name for name in values if wanted is None or wanted(str(name))]
    return {str(name): values[name].load() for name in names}


def _read_archive(archive: zipfile.ZipFile, data: mmap.mmap) -> Any:
    entries = {}
    infos = archive.infolist()
    if len(infos) > _MAX_ENTRIES:
        raise _Fault(f"{len(infos)} entries")
    if sum(info.file_size for info in infos) > len(data):
        raise _Fault("its entries are larger than the file")
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
            raise _Fault(f"the entry {info.filename[:80]!r} is compressed or encrypted")
        _, _, inner = info.filename.partition("/")
        if inner in entries:
            raise _Fault(f"the entry {inner[:80]!r} occurs twice")
        entries[inner] = info
    if "data.pkl" not in entries:
        raise _Fault("it has no data.pkl")
    if entries["data.pkl"].file_size > _MAX_PICKLE_BYTES:
        raise _Fault("its pickle is too large")
    if "byteorder" in entries and archive.read(entries["byteorder"])[:16] != b"little":
        raise _Fault("its byte order is not little-endian")
    return _Unpickler(entries, data).run(archive.read(entries["data.pkl"]))


class _Unpickler:
    """Interprets the pickle. The operations are those that torch.save writes for containers, numbers and tensors."""

    def __init__(self, entries: dict[str, zipfile.ZipInfo], data: mmap.mmap) -> None:
        self._entries, self._data = entries, data
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._storages: dict[str, _Storage] = {}
        self._num_bytes = 0

    def run(self, pickle: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(pickle):
            if opcode.name == "STOP":
                break
            operation = getattr(self, "_op_" + opcode.name.lower(), None)
            if operation is not None:
                operation(argument)
            elif opcode.name in _CONSTANTS:
                self._stack.append(_CONSTANTS[opcode.name])
            elif opcode.name in _VALUES:
                self._stack.append(argument)
            elif opcode.name not in ("PROTO", "FRAME"):
                raise _Fault(f"its pickle has the operation {opcode.name}, which no tensor needs")
        if len(self._stack) != 1 or self._marks:
            raise _Fault("its pickle is incomplete")
        return self._stack[0]

    # _op_NAME: the operation NAME of pickletools.opcodes.

    def _op_empty_dict(self, _: object) -> None:
        self._stack.append({})

    def _op_empty_list(self, _: object) -> None:
        self._stack.append([])

    def _op_mark(self, _: object) -> None:
        self._marks.append(len(self._stack))

    def _pop_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _pop(self, count: int) -> list[Any]:
        floor = self._marks[-1] if self._marks else 0
        if len(self._stack) - count < floor:
            raise _Fault("its pickle takes more than it has")
        items = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return items

    def _op_tuple(self, _: object) -> None:
        self._stack.append(tuple(self._pop_mark()))

    def _op_tuple1(self, _: object) -> None:
        self._stack.append(tuple(self._pop(1)))

    def _op_tuple2(self, _: object) -> None:
        self._stack.append(tuple(self._pop(2)))

    def _op_tuple3(self, _: object) -> None:
        self._stack.append(tuple(self._pop(3)))

    def _op_append(self, _: object) -> None:
        items = self._pop(1)
        self._top(list).extend(items)

    def _op_appends(self, _: object) -> None:
        items = self._pop_mark()
        self._top(list).extend(items)

    def _op_setitem(self, _: object) -> None:
        self._fill(self._pop(2))

    def _op_setitems(self, _: object) -> None:
        self._fill(self._pop_mark())

    def _fill(self, items: list[Any]) -> None:
        keys = items[::2]
        if len(items) % 2 or not all(isinstance(key, str | int) for key in keys):
            raise _Fault("a key in its pickle is neither text nor a number")
        self._top(dict).update(zip(keys, items[1::2], strict=True))

    def _top(self, kind: type) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise _Fault(f"its pickle fills something that is no {kind.__name__}")
        return self._stack[-1]

    def _op_build(self, _: object) -> None:
        # The attributes of an OrderedDict: versions of modules, which no tensor needs.
        self._pop(1)
        self._top(dict)

    def _op_binput(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    _op_long_binput = _op_binput

    def _op_memoize(self, _: object) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _op_binget(self, index: int) -> None:
        value = self._memo[index]
        # A container within itself, or many times within others, would have no end.
        if isinstance(value, dict | list) or (isinstance(value, tuple) and not _is_ints(value)):
            raise _Fault("it has the same container twice")
        self._stack.append(value)

    _op_long_binget = _op_binget

    def _op_global(self, name: str) -> None:
        module, _, attribute = name.partition(" ")
        is_storage = module == "torch" and attribute in _STORAGES
        if not is_storage and name not in (_TENSOR, _PARAMETER, _DICT):
            raise _Fault(f"it refers to {name.replace(' ', '.')[:80]!r}, which is no tensor")
        self._stack.append(_Global(attribute if is_storage else name))

    def _op_stack_global(self, _: object) -> None:
        module, attribute = self._pop(2)
        self._op_global(f"{module} {attribute}")

    def _op_binpersid(self, _: object) -> None:
        (identity,) = self._pop(1)
        if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage":
            raise _Fault("it refers to something that is no storage")
        _, kind, key, _, size = identity
        if not isinstance(kind, _Global) or kind.name not in _STORAGES or not isinstance(key, str):
            raise _Fault("it has a storage of an unknown kind")
        self._stack.append(self._storage(kind.name, key, size))

    def _storage(self, kind: str, key: str, size: object) -> _Storage:
        if key in self._storages:
            storage = self._storages[key]
            if storage.kind != kind or len(storage.data) != size:
                raise _Fault(f"the storage {key[:80]!r} has two sizes")
            return storage
        info = self._entries.get(f"data/{key}")
        dtype = np.dtype(_STORAGES[kind][0])
        if info is None:
            raise _Fault(f"the storage {key[:80]!r} is missing")
        if not _is_ints((size,)) or info.file_size != size * dtype.itemsize:  # type: ignore[operator]
            raise _Fault(f"the storage {key[:80]!r} has {info.file_size} bytes, not {size} times {dtype.itemsize}")
        header = self._data[info.header_offset : info.header_offset + 30]
        start = info.header_offset + 30 + sum(struct.unpack_from("<HH", header, 26))
        if header[:4] != b"PK\x03\x04" or start + info.file_size > len(self._data):
            raise _Fault(f"the storage {key[:80]!r} lies outside the file")
        numbers = np.frombuffer(self._data, dtype, count=info.file_size // dtype.itemsize, offset=start)
        self._storages[key] = _Storage(kind, numbers)
        return self._storages[key]

    def _op_reduce(self, _: object) -> None:
        function, arguments = self._pop(2)
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise _Fault("its pickle calls something that is no tensor")
        if function.name == _DICT and arguments == ():
            self._stack.append({})
        elif function.name == _PARAMETER and len(arguments) == 3 and isinstance(arguments[0], StoredTensor):
            self._stack.append(arguments[0])
        elif function.name == _TENSOR and len(arguments) in (6, 7):
            self._stack.append(self._tensor(*arguments[:4]))
        else:
            raise _Fault("its pickle calls something that is no tensor")

    def _tensor(self, storage: object, offset: object, shape: object, strides: object) -> StoredTensor:
        if not isinstance(storage, _Storage) or not all(_is_ints(value) for value in ((offset,), shape, strides)):
            raise _Fault("a tensor has no storage, or no sizes")
        assert isinstance(offset, int) and isinstance(shape, tuple) and isinstance(strides, tuple)
        if len(shape) > _MAX_DIMENSIONS:
            raise _Fault(f"a tensor has {len(shape)} dimensions")
        tensor, size = StoredTensor(storage, offset, shape, strides), len(storage.data)
        last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
        fits = prod(shape) <= size and (0 in shape or last < size)
        if not fits or max(shape, default=0) >= 2**31:
            raise _Fault(f"a tensor of shape {shape} does not fit its storage of {size} numbers")
        self._num_bytes += tensor.nbytes
        if self._num_bytes > 2 * len(self._data):
            raise _Fault("its tensors are larger than the file")
        return tensor


def _is_ints(values: object) -> bool:
    """Whether it is a tuple of natural numbers."""
    return isinstance(values, tuple) and all(type(value) is int and 0 <= value < 2**48 for value in values)


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"}
