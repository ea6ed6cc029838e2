"""PyTorch files: read without PyTorch, and refused in one line if damaged or malicious."""

from __future__ import annotations

import os
import pickle
import random
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from torch_files import FloatStorage, Storage, Tensor, bfloat16, claim, save, save_pickle, tensor

from nightingale.checkpoints.torch_file import StoredTensor, read_torch, read_torch_arrays
from nightingale.errors import CheckpointMismatch

NUMBERS = np.arange(24, dtype=np.float32).reshape(4, 6)


def contents() -> dict[str, Any]:
    shared = Storage(FloatStorage, NUMBERS.tobytes(), 24)
    return {
        "t3": {"speaker_emb": tensor(NUMBERS), "clap_emb": None, "tokens": tensor(np.array([[5, 2**40]]))},
        "gen": OrderedDict(
            half=tensor(NUMBERS.astype(np.float16)), brain=bfloat16(NUMBERS), scalar=Tensor(shared, 7, (), ()),
            turned=Tensor(shared, 6, (6, 2), (1, 12)), length=3, names=["a", ("b", 1.5)],
        ),
    }  # fmt: skip


def load(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: load(inner) for key, inner in value.items()}
    return value.load() if isinstance(value, StoredTensor) else value


def test_tensors_and_their_containers(tmp_path: Path) -> None:
    save(tmp_path / "conds.pt", contents())
    values = load(read_torch(tmp_path / "conds.pt"))
    assert np.array_equal(values["t3"]["speaker_emb"], NUMBERS) and values["t3"]["clap_emb"] is None
    assert values["t3"]["tokens"].tolist() == [[5, 2**40]]
    gen = values["gen"]
    assert gen["half"].dtype == mx.float16 and gen["brain"].dtype == mx.bfloat16
    assert mx.array_equal(gen["half"].astype(mx.float32), gen["brain"].astype(mx.float32))
    assert gen["scalar"].shape == () and gen["scalar"].item() == 7
    assert np.array_equal(gen["turned"], NUMBERS[1::2].T)  # a view with an offset and strides
    assert (gen["length"], gen["names"]) == (3, ["a", ("b", 1.5)])


def test_a_state_dict_gives_the_tensors_that_are_wanted(tmp_path: Path) -> None:
    save(tmp_path / "ve.pt", OrderedDict((name, tensor(NUMBERS)) for name in ("proj.weight", "lstm.bias")))
    assert set(read_torch_arrays(tmp_path / "ve.pt", lambda name: name.startswith("proj"))) == {"proj.weight"}
    save(tmp_path / "ve.pt", contents())
    with pytest.raises(CheckpointMismatch, match="is not a table of tensors"):
        read_torch_arrays(tmp_path / "ve.pt")


def test_code_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path}/run",)

    for protocol in range(6):
        save_pickle(tmp_path / "bad.pt", pickle.dumps({"a": Attack()}, protocol))
        with pytest.raises(CheckpointMismatch, match=r"bad\.pt is refused: it(s pickle has| refers to '\w+\.system)"):
            read_torch(tmp_path / "bad.pt")
    assert not (tmp_path / "run").exists()
    (tmp_path / "bad.pt").write_bytes(pickle.dumps({"a": Attack()}, 2))
    with pytest.raises(CheckpointMismatch, match="no PyTorch file"):
        read_torch(tmp_path / "bad.pt")


def test_a_compressed_entry_or_a_lying_directory_is_refused(tmp_path: Path) -> None:
    bomb = tensor(np.zeros((1000, 1000), np.float32))
    save(tmp_path / "bomb.pt", {"a": bomb}, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointMismatch, match=r"refused: its entries are larger|compressed"):
        read_torch(tmp_path / "bomb.pt")
    for size in (2**31, 17, 95):
        save(tmp_path / "lie.pt", contents())
        claim(tmp_path / "lie.pt", "archive/data/0", size)
        with pytest.raises(CheckpointMismatch, match=r"lie\.pt is refused: "):
            read_torch(tmp_path / "lie.pt")


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (5, 6), (6, 1)), (1, (4, 6), (6, 1)), (0, (4, 6), (60, 1)), (-1, (2,), (1,)), (0, (2,), (-1,)),
        (0, (2**40, 2**40), (0, 0)), (0, (2**20,), (0,)), (0, (True, 2), (1, 1)), (0, (1,) * 9, (1,) * 9),
        (0, (2, 2), (1,)),
    ],
)  # fmt: skip
def test_a_view_outside_its_storage_is_refused(
    tmp_path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    storage = Storage(FloatStorage, NUMBERS.tobytes(), 24)
    save(tmp_path / "view.pt", {"a": Tensor(storage, offset, shape, strides)})
    with pytest.raises(CheckpointMismatch, match=r"view\.pt is (refused|corrupt): "):
        read_torch(tmp_path / "view.pt")


def test_more_tensors_than_the_file_has_numbers_are_refused(tmp_path: Path) -> None:
    storage = Storage(FloatStorage, bytes(4_000_000), 1_000_000)
    save(tmp_path / "many.pt", {str(i): Tensor(storage, 0, (1_000_000,), (1,)) for i in range(100)})
    with pytest.raises(CheckpointMismatch, match="its tensors are larger than the file"):
        read_torch(tmp_path / "many.pt")


def test_containers_without_end_are_refused(tmp_path: Path) -> None:
    endless: list[Any] = []
    endless.append(endless)
    bomb: Any = ["x"]
    for _ in range(30):
        bomb = [bomb, bomb]
    for value in (endless, bomb):
        save(tmp_path / "endless.pt", value)
        with pytest.raises(CheckpointMismatch, match="the same container twice"):
            read_torch(tmp_path / "endless.pt")


@pytest.mark.parametrize(
    "data",
    [
        b"", b".", b"}.", b"\x80\x02}}.", b"(.", b"\x80\x02}r\xff\xff\xff\xffh\x05.", b"\x80\x02X\xff\xff\xff\x7fa.",
        b"\x80\x02]a.", b"\x80\x02}(K\x01u.", b"(t" * 5 + b".", b"\x80\x02(" * 1000 + b".", b"\x80\x02K\x01Q.",
        b"cbuiltins\neval\n.", b"\x80\x02}0.", b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b".",
    ],
)  # fmt: skip
def test_an_odd_pickle_is_refused(tmp_path: Path, data: bytes) -> None:
    save_pickle(tmp_path / "odd.pt", data)
    if data == b"}.":
        assert read_torch(tmp_path / "odd.pt") == {}
        return
    with pytest.raises(CheckpointMismatch, match=r"odd\.pt is (refused|corrupt): "):
        read_torch(tmp_path / "odd.pt")


def test_damaged_files_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    """NIGHTINGALE_FUZZ=5000 tries more files."""
    path = tmp_path / "fuzz.pt"
    save(path, contents())
    whole, chance = path.read_bytes(), random.Random(27)
    refused = 0
    for _ in range(int(os.environ.get("NIGHTINGALE_FUZZ", "400"))):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 8))):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x28, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.15:
            data = data[: chance.randrange(len(data))]
        path.write_bytes(data)
        try:
            values = load(read_torch(path))
            mx.eval(values)
        except CheckpointMismatch as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 40


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match=r"gone\.pt cannot be read: No such file"):
        read_torch(tmp_path / "gone.pt")
