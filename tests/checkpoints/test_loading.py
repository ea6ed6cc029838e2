"""Strict loading: every fault of a model folder is an error that names it. Official names map to every parameter."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten
from tiny_models import draft_config, model_config, randomized, t3_config, write_model

from nightingale.checkpoints.chatterbox.names import fold_weight_norm, remap_s3gen, remap_t3
from nightingale.checkpoints.chatterbox.sizes import chatterbox_english
from nightingale.checkpoints.loading import load_arrays, load_model
from nightingale.checkpoints.quantize import ALL_MATRICES, T3_LAYERS, Policy, quantize_arrays, requantize
from nightingale.checkpoints.safetensors import Arrays, read_arrays
from nightingale.decoding.cache import make_caches
from nightingale.errors import CheckpointMismatch, UsageError, VoiceNotFound
from nightingale.kernels.backend import is_native
from nightingale.kernels.linear import PackedLinear
from nightingale.models.draft import DraftModel
from nightingale.models.hift import HiFT
from nightingale.models.s3gen.generator import S3Gen
from nightingale.models.t3 import T3
from nightingale.options import FLOAT_BITS

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "copy")


def shapes(module: object) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in tree_flatten(module.parameters())}  # type: ignore[attr-defined]


def edit(path: Path, change: Callable[[Arrays], object]) -> None:
    arrays = read_arrays(path)
    mx.eval(arrays)
    change(arrays)
    mx.save_safetensors(str(path), arrays)


def test_a_native_folder_loads(folder: Path) -> None:
    model = load_model(folder)
    assert model.config == model_config()
    assert model.draft is not None
    assert load_model(folder, with_draft=False).draft is None
    assert model.tokenizer.encode("Hi, é you") == [model.tokenizer.encode(c)[0] for c in "Hi,  you"]


@pytest.mark.parametrize("part", ["t3", "draft", "s3gen", "hift"])
def test_a_missing_extra_or_misshapen_entry_is_named(copy: Path, part: str) -> None:
    path = copy / f"{part}.safetensors"
    name = sorted(read_arrays(path))[3]
    saved = path.read_bytes()
    faults: list[tuple[Callable[[Arrays], object], str]] = [
        (lambda arrays: arrays.pop(name), f"{name} is missing"),
        (lambda arrays: arrays.update({"odd.weight": mx.zeros((3,))}), "odd.weight is not a parameter"),
        (lambda arrays: arrays.update({name: mx.zeros((7, 7, 7, 7))}), f"{name} has shape"),
        (lambda arrays: arrays.update({name: arrays[name].astype(mx.int32)}), f"{name} is mlx.core.int32, not"),
    ]
    for fault, message in faults:
        path.write_bytes(saved)
        edit(path, fault)
        with pytest.raises(CheckpointMismatch, match=f"{part}.safetensors: {message}"):
            load_model(copy)


@pytest.mark.parametrize("size", [0, 5, 60, -1000, -1])
def test_a_truncated_file_is_named(copy: Path, size: int) -> None:
    path = copy / "s3gen.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(CheckpointMismatch, match=r"s3gen\.safetensors is truncated or corrupt"):
        load_model(copy)


def test_a_corrupt_header_is_named(copy: Path) -> None:
    path = copy / "hift.safetensors"
    data = bytearray(path.read_bytes())
    data[8:40] = b"\xff" * 32
    path.write_bytes(data)
    with pytest.raises(CheckpointMismatch, match=r"hift\.safetensors is truncated or corrupt"):
        load_model(copy)


def test_a_file_with_extra_bytes_is_named(copy: Path) -> None:
    path = copy / "hift.safetensors"
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(CheckpointMismatch, match=r"hift\.safetensors is corrupt: \d+ bytes, \d+ expected"):
        load_model(copy)


@pytest.mark.parametrize("name", ["t3.safetensors", "draft.safetensors", "hift.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(CheckpointMismatch, match=f"{name} is missing"):
        load_model(copy)


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VoiceNotFound, match=r"no model in .*config\.json"):
        load_model(tmp_path)
    for name in ("gone", "n" * 300):
        with pytest.raises(VoiceNotFound, match="no model in"):
            load_model(tmp_path / name)


def test_a_bad_config_is_named(copy: Path) -> None:
    path = copy / "config.json"
    values = json.loads(path.read_text())
    for text, message in (
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "is not a config"),
        ('{"model_type": "chatterbox"}', "is of another program .*; use the original checkpoint"),
        (json.dumps(values | {"colour": 1}), "has no colour"),
        (json.dumps({k: v for k, v in values.items() if k != "hift"}), "lacks hift"),
    ):
        path.write_text(text)
        with pytest.raises(CheckpointMismatch, match=f"config.json.*{message}"):
            load_model(copy)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("t3",), "T3"), (("t3", "llama", "num_layers"), "2"), (("t3", "text_vocab_size"), None),
        (("t3", "llama", "head_dim"), 16.5), (("t3", "llama", "hidden_size"), True), (("hift", "causal"), 1),
        (("hift", "upsample_rates"), 8), (("s3gen", "flow", "schedule"), "straight"),
        (("s3gen", "flow", "num_steps"), 0), (("s3gen", "flow", "mel_scale"), 0.0),
        (("t3", "llama", "num_heads"), 0), (("s3gen", "encoder", "ffn_size"), -1), (("hift", "n_fft"), 7),
    ],
)  # fmt: skip
def test_a_wrong_value_in_the_config_is_named(copy: Path, place: tuple[str, ...], value: object) -> None:
    path = copy / "config.json"
    values = inner = json.loads(path.read_text())
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    path.write_text(json.dumps(values))
    with pytest.raises(CheckpointMismatch, match=rf"config\.json.*({place[-1]} {re.escape(repr(value))}|no model)"):
        load_model(copy)


@pytest.mark.parametrize("offsets", [["0", "4"], [None, None], [0, 4.5], [4, 0]])
def test_wrong_offsets_in_a_header_are_named(copy: Path, offsets: list[object]) -> None:
    path = copy / "hift.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header[next(name for name in header if name != "__metadata__")]["data_offsets"] = offsets
    changed = json.dumps(header).encode()
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + data[8 + length :])
    with pytest.raises(CheckpointMismatch, match=r"hift\.safetensors is truncated or corrupt"):
        load_model(copy)


def test_a_deeply_nested_header_is_named(copy: Path) -> None:
    path = copy / "hift.safetensors"
    path.write_bytes((100_000).to_bytes(8, "little") + b"[" * 100_000)
    with pytest.raises(CheckpointMismatch, match=r"hift\.safetensors is truncated or corrupt"):
        load_model(copy)


def test_a_tokenizer_with_an_id_beyond_the_embeddings_of_t3(copy: Path) -> None:
    """MLX would read past the end of the embedding table."""
    values = json.loads((copy / "tokenizer.json").read_text())
    values["model"]["vocab"]["H"] = 5000
    (copy / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointMismatch, match=r"the tokenizer has .* T3 only 80"):
        load_model(copy)


def test_a_tokenizer_with_more_tokens_than_t3_has_embeddings(copy: Path) -> None:
    values = json.loads((copy / "config.json").read_text())
    values["t3"]["text_vocab_size"] = 20
    (copy / "config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointMismatch, match=r"the tokenizer has .* T3 only 20"):
        load_model(copy)


def test_a_draft_of_another_width_than_t3(copy: Path) -> None:
    values = json.loads((copy / "config.json").read_text())
    values["draft"]["llama"]["hidden_size"] = 32
    (copy / "config.json").write_text(json.dumps(values))
    with pytest.raises(CheckpointMismatch, match="the draft is 32 wide, the states of T3 that it reads 64"):
        load_model(copy)


# --- quantized weights ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("shape", [(6, 64), (6, 3, 64), (2, 5, 128)])
def test_quantized_arrays_load_with_a_small_error(bits: int, shape: tuple[int, ...]) -> None:
    import mlx.nn as nn

    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = {"weight": mx.zeros(shape), "bias": mx.zeros((6,))}

    weight = mx.random.normal(shape, key=mx.random.key(bits))
    stored = quantize_arrays({"inner.weight": weight, "inner.bias": mx.ones((6,))}, Policy(bits, 32))
    assert stored["inner.weight"].dtype == mx.uint32
    assert stored["inner.weight"].shape == (*shape[:-1], shape[-1] * bits // 32)
    holder = Holder()
    load_arrays(holder, stored, "file")
    error = mx.abs(holder.inner["weight"] - weight).max().item()
    assert holder.inner["weight"].dtype == mx.float32
    assert error < 6.0 / (2**bits - 1)


def test_layouts_with_equal_words_for_each_scale_are_told_apart() -> None:
    """64 weights of 4 bits and 32 weights of 8 bits are 8 words each."""
    import mlx.nn as nn

    weight = mx.random.normal((4, 128), key=mx.random.key(0))
    for policy in (Policy(4, 64), Policy(8, 32)):
        layer = nn.Linear(128, 4, bias=False)
        wrapped = nn.Sequential(layer)
        load_arrays(wrapped, quantize_arrays({"layers.0.weight": weight}, policy), "file")
        assert mx.abs(layer.weight - weight).max().item() < (0.5 if policy.bits == 4 else 0.03)


def test_layers_that_a_policy_selects() -> None:
    names = shapes(T3(t3_config()))
    layers = {name for name in names if re.fullmatch(T3_LAYERS, name)}
    assert len(layers) == 2 * 7 + 1
    of_draft = shapes(DraftModel(draft_config()))
    vectors = {"input_norm.weight", "llama.layers.0.input_norm.weight", "llama.layers.0.post_attention_norm.weight"}
    assert {name for name in of_draft if not re.fullmatch(T3_LAYERS, name)} == vectors | {"llama.norm.weight"}
    matrices = {name for name in names if re.fullmatch(ALL_MATRICES, name)}
    assert "text_pos_embed.weight" not in matrices and "speech_embed.weight" in matrices
    with pytest.raises(UsageError, match="not 7"):
        Policy(7)
    with pytest.raises(UsageError, match="not 48"):
        Policy(8, 48)


def test_a_quantized_folder_loads_and_a_weight_without_its_biases_does_not(copy: Path) -> None:
    for part in ("t3", "s3gen", "hift"):
        arrays = quantize_arrays(read_arrays(copy / f"{part}.safetensors"), Policy(8, 32))
        halves = {
            name: array.astype(mx.float16) if array.dtype == mx.float32 else array for name, array in arrays.items()
        }
        assert any(name.endswith(".scales") for name in halves)
        mx.save_safetensors(str(copy / f"{part}.safetensors"), halves)
    model = load_model(copy)
    assert all(array.dtype == mx.float32 for _, array in tree_flatten(model.t3.parameters()))
    stem = next(name for name in halves if name.endswith(".scales")).removesuffix(".scales")
    edit(copy / "hift.safetensors", lambda arrays: arrays.pop(f"{stem}.biases"))
    with pytest.raises(CheckpointMismatch, match=f"hift.safetensors: {stem}"):
        load_model(copy)


@pytest.mark.parametrize(
    ("part", "stem"), [("t3", "llama.layers.0.attention.q_proj"), ("t3", "text_embed"), ("hift", "ups.0")]
)
@pytest.mark.parametrize("bits", [None, 8])
def test_quantized_weights_that_do_not_fit_are_named(copy: Path, part: str, stem: str, bits: int | None) -> None:
    path = copy / f"{part}.safetensors"
    edit(path, lambda arrays: arrays.update(quantize_arrays(dict(arrays), Policy(4, 32))))
    saved = path.read_bytes()
    load_model(copy, bits)
    weight, scales, biases = f"{stem}.weight", f"{stem}.scales", f"{stem}.biases"
    faults: list[Callable[[Arrays], object]] = [
        lambda arrays: arrays.update({weight: arrays[weight].view(mx.int32)}),
        lambda arrays: arrays.update({weight: arrays[weight][:1]}),
        lambda arrays: arrays.update({weight: mx.array(1, dtype=mx.uint32)}),
        lambda arrays: arrays.update({scales: arrays[scales][:1], biases: arrays[biases][:1]}),
        lambda arrays: arrays.update({scales: mx.array(1.0), biases: mx.array(1.0)}),
        lambda arrays: arrays.pop(weight),
    ]
    for fault in faults:
        path.write_bytes(saved)
        edit(path, fault)
        with pytest.raises(CheckpointMismatch, match=rf"{part}\.safetensors: {stem}\."):
            load_model(copy, bits)


def test_loading_with_fewer_bits(folder: Path) -> None:
    plain, coarse = load_model(folder), load_model(folder, bits=4)
    states = mx.random.normal((3, plain.config.t3.llama.hidden_size), key=mx.random.key(0))
    before, after = plain.t3.speech_head(states), coarse.t3.speech_head(states)
    assert 0 < mx.abs(before - after).max().item() < 0.3 * mx.abs(before).max().item()


BITS = [8, 6, 5, 4, 3, 2]


@pytest.fixture(scope="session")
def stored_in_5_bits(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """T3 and draft quantized as those of the bundled model."""
    few = shutil.copytree(folder, tmp_path_factory.mktemp("few") / "model")
    for part in ("t3", "draft"):
        arrays = quantize_arrays(read_arrays(few / f"{part}.safetensors"), Policy(5))
        mx.eval(arrays)
        mx.save_safetensors(str(few / f"{part}.safetensors"), arrays)
    return few


@pytest.mark.parametrize("bits", BITS)
def test_requantizing_to_any_number_of_bits(folder: Path, stored_in_5_bits: Path, bits: int) -> None:
    widths = {name: shape[-1] for name, shape in shapes(T3(t3_config())).items() if shape}
    for source in (folder, stored_in_5_bits):
        arrays = requantize(read_arrays(source / "t3.safetensors"), widths, bits)
        layers = [name for name in widths if re.fullmatch(T3_LAYERS, name)]
        assert layers
        for name in layers:
            assert arrays[name].dtype == mx.uint32 and arrays[name].shape[-1] * 32 == widths[name] * bits, name
        model = load_model(source, bits=bits)
        assert model.draft is not None
        downs = [part.llama.layers[0].mlp.down_proj for part in (model.t3, model.draft)]
        for layer in (model.t3.speech_head, model.draft.input_proj, *downs) if is_native() else ():
            assert isinstance(layer, PackedLinear) and layer.matrix.bits == bits


@pytest.mark.parametrize("stored", ["folder", "stored_in_5_bits"])
def test_fewer_bits_mean_a_larger_error(stored: str, request: pytest.FixtureRequest) -> None:
    """Error of T3's logits and of the draft's states, against the stored weights as floats."""
    source: Path = request.getfixturevalue(stored)
    rows = mx.random.normal((1, 9, 64), key=mx.random.key(0))

    def outputs(bits: int | None) -> list[mx.array]:
        model = load_model(source, bits=bits)
        assert model.draft is not None
        return [
            model.t3(rows, make_caches(model.t3.num_layers)),
            model.draft(rows, rows[:, ::-1], make_caches(model.draft.num_layers)),
        ]

    exact = outputs(FLOAT_BITS)
    for part in range(2):
        errors = {bits: mx.abs(outputs(bits)[part] - exact[part]).mean().item() for bits in BITS}
        if stored == "stored_in_5_bits":
            assert errors.pop(5) < 1e-5  # the stored width loses nothing
        assert all(coarse > 1.2 * fine > 0 for fine, coarse in itertools.pairwise(errors.values())), errors


def test_weights_that_have_the_width_are_not_requantized(stored_in_5_bits: Path) -> None:
    widths = {name: shape[-1] for name, shape in shapes(T3(t3_config())).items() if shape}
    before = read_arrays(stored_in_5_bits / "t3.safetensors")
    after = requantize(before, widths, 5)
    kept = [name for name in before if re.fullmatch(T3_LAYERS.replace("weight", "(weight|scales|biases)"), name)]
    assert len(kept) == 3 * (2 * 7 + 1)
    assert all(mx.array_equal(before[name], after[name]) for name in kept)


def test_an_unsupported_number_of_bits_is_an_error(folder: Path) -> None:
    for bits in (7, 0, 16):
        with pytest.raises(UsageError, match=f"not {bits}"):
            load_model(folder, bits=bits)


# --- official checkpoints -------------------------------------------------------------------------------------------


def official_shapes(part: str) -> dict[str, tuple[int, ...]]:
    with np.load(GOLDEN / "t3_names.npz") as names:
        lines = str(names[part]).split("\n")
    pairs = (line.split(" ") for line in lines)
    return {name: tuple(int(n) for n in shape.split("x")) if shape else () for name, shape in pairs}


def hollow(shape: tuple[int, ...]) -> mx.array:
    """An array of this shape that takes no memory."""
    return mx.broadcast_to(mx.array(0.0), shape)


def test_official_t3_entries_map_one_to_one_to_parameters() -> None:
    native = remap_t3({name: hollow(shape) for name, shape in official_shapes("t3").items()})
    assert {name: array.shape for name, array in native.items()} == shapes(T3(chatterbox_english().t3))


def test_official_s3gen_entries_map_one_to_one_to_parameters() -> None:
    config = chatterbox_english()
    arrays = {name: hollow(shape) for name, shape in official_shapes("s3gen").items()}
    s3gen, hift = remap_s3gen(arrays)
    assert {name: array.shape for name, array in s3gen.items()} == shapes(S3Gen(config.s3gen))
    assert {name: array.shape for name, array in hift.items()} == shapes(HiFT(config.hift))


@pytest.mark.parametrize("name", ["tfmr.norm.bias", "text_embed.weight", "flow.encoder_proj.weight"])
def test_an_entry_without_a_rule_is_named(name: str) -> None:
    with pytest.raises(CheckpointMismatch, match=f"{name} is not an entry"):
        remap_t3({name: mx.zeros((1,))})


def test_weight_norm_is_folded_over_the_first_axis() -> None:
    direction = mx.random.normal((3, 2, 5), key=mx.random.key(0))
    stem = "mel2wav.ups.0"
    folded = fold_weight_norm(
        {
            f"{stem}.parametrizations.weight.original0": mx.array([1.0, 2.0, 3.0]).reshape(3, 1, 1),
            f"{stem}.parametrizations.weight.original1": direction,
            f"{stem}.bias": mx.zeros((2,)),
        }
    )
    assert set(folded) == {f"{stem}.weight", f"{stem}.bias"}
    lengths = np.linalg.norm(np.array(folded[f"{stem}.weight"]).reshape(3, -1), axis=1)
    np.testing.assert_allclose(lengths, [1, 2, 3], rtol=1e-5)
    with pytest.raises(CheckpointMismatch, match="no magnitude"):
        fold_weight_norm({f"{stem}.parametrizations.weight.original1": direction})


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("flow.decoder.estimator.final_proj.weight", (3, 3, 2)),
        ("mel2wav.conv_pre.parametrizations.weight.original0", (5, 1, 1)),
    ],
)
def test_an_official_entry_of_another_shape_is_named(name: str, shape: tuple[int, ...]) -> None:
    norm = "mel2wav.conv_pre.parametrizations.weight.original"
    arrays = {f"{norm}0": mx.ones((4, 1, 1)), f"{norm}1": mx.ones((4, 3, 2)), name: mx.ones(shape)}
    with pytest.raises(CheckpointMismatch, match=f"{name} has "):
        remap_s3gen(arrays)


def test_official_layouts_become_native_ones() -> None:
    conv = mx.random.normal((4, 3, 5), key=mx.random.key(1))  # official Conv1d (out, in, k)
    _, hift = remap_s3gen({"mel2wav.source_downs.0.weight": conv, "mel2wav.ups.1.weight": conv})
    np.testing.assert_array_equal(np.array(hift["source_downs.0.weight"])[1, 2, 0], np.array(conv)[1, 0, 2])
    np.testing.assert_array_equal(np.array(hift["ups.1.weight"])[2, 4, 1], np.array(conv)[1, 2, 4])  # (in, out, k)


def test_randomized_modules_differ_in_every_parameter() -> None:
    """Otherwise the tests above could not detect two exchanged parameters."""
    t3 = T3(t3_config())
    randomized(t3, 0)
    assert all(array.size == 1 or mx.var(array).item() > 0 for _, array in tree_flatten(t3.parameters()))
