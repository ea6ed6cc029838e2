"""Writes folders of the official checkpoints with random weights: all names and shapes, or tiny ones.

The names and shapes are those of the official modules (tests/golden/*_names, from make_golden_t3.py and
make_golden_cloning.py). scripts/make_random_checkpoint.py is the command for it.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch_files

GOLDEN = Path(__file__).parents[1] / "golden"
T3_FILES = {
    "english": ("t3", "t3_cfg.safetensors"), "multilingual-v2": ("t3_multilingual", "t3_mtl23ls_v2.safetensors"),
    "multilingual-v3": ("t3_multilingual", "t3_mtl23ls_v3.safetensors"),
    "turbo": ("t3_turbo", "t3_turbo_v1.safetensors"), "nano": ("t3_nano", "t3_nano_v1.safetensors"),
}  # fmt: skip
FAMILIES = tuple(T3_FILES)
TAGS = ["[laugh]", "[chuckle]", "[sigh]", "[clear throat]"]
# Sizes of a tiny model by the official ones, for each part of the names. Heads keep their 64 values, so a width is 64.
_TINY = {
    "t3_turbo": {1024: 64, 3072: 192, 4096: 256, 50_276: 300, 8196: 2048},
    "t3_nano": {768: 64, 2304: 192, 3072: 256, 50_276: 300, 8196: 2048},
    "t3": {1024: 64, 4096: 96}, "flow.encoder": {512: 64, 2048: 96, 8: 1},
    "flow.decoder": {256: 32, 512: 64, 1024: 128, 2048: 256}, "flow": {512: 64},
    "mel2wav": {512: 32, 256: 16, 128: 8, 64: 4},
}  # fmt: skip
_KEPT_LAYERS = {"tfmr.layers": 2, "tfmr.h": 2, "mid_blocks": 2, "encoder.encoders": 2, "up_encoders": 1}

Shapes = dict[str, tuple[int, ...]]


def shapes_of(part: str, tiny: bool) -> Shapes:
    """Names and shapes of a T3, or of S3Gen: "s3gen" or "s3gen_meanflow"."""
    with np.load(GOLDEN / "t3_names.npz") as names, np.load(GOLDEN / "cloning.npz") as cloning:
        lines = str(names[part.removesuffix("_meanflow")]).split("\n")
        if part.startswith("s3gen"):
            lines = [line for line in lines if not line.startswith(("tokenizer.", "speaker_encoder."))]
            lines += str(cloning["s3gen_names"]).split("\n")
        if part.endswith("_meanflow"):
            lines += str(names["s3gen_meanflow_only"]).split("\n")
    pairs = (line.split(" ") for line in lines)
    shapes = {name: tuple(int(n) for n in shape.split("x")) if shape else () for name, shape in pairs}
    return {name: _shrunk(part, name, shape) for name, shape in shapes.items() if _kept(name)} if tiny else shapes


def _kept(name: str) -> bool:
    for stem, count in _KEPT_LAYERS.items():
        if f"{stem}." in name and int(name.split(f"{stem}.")[1].split(".", maxsplit=1)[0]) >= count:
            return False
    return True


def _shrunk(part: str, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if name.startswith(("tokenizer.", "speaker_encoder.")):
        return (1,) * len(shape)
    stem = next(stem for stem in _TINY if (part if stem.startswith("t3") else name).startswith(stem))
    if "spkr_enc" in name:
        return (64, 256)[: len(shape)]
    return tuple(_TINY[stem].get(n, n) for n in shape)


def values_of(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Random weights that keep the size of what they multiply; norms near one."""
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    noise = np.random.Generator(np.random.SFC64(zlib.crc32(name.encode()))).standard_normal(shape, np.float32)
    if name.endswith(("running_var", "alpha", "original0")):
        return 0.5 + 0.1 * np.abs(noise)
    if len(shape) <= 1:
        return 0.1 * noise + (1.0 if name.endswith("weight") else 0.0)
    # transformers' Conv1D has its inputs first.
    inputs = shape[0] if ".c_" in name else int(np.prod(shape[1:]))
    return noise * np.float32(0.3 if "pos_" in name or "wpe" in name else inputs**-0.5)


def write_safetensors(path: Path, shapes: Shapes) -> None:
    """A file of random weights, written one after another."""
    header: dict[str, Any] = {}
    offset = 0
    for name, shape in shapes.items():
        whole = name.endswith("num_batches_tracked")
        size = (8 if whole else 4) * int(np.prod(shape, dtype=np.int64))
        dtype = "I64" if whole else "F32"
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            file.write(np.ascontiguousarray(values_of(name, shape)).tobytes())


def write_checkpoint(folder: Path, family: str, tiny: bool = False, prompt_tokens: int = 250) -> Path:
    """A folder as the hub lays it out. prompt_tokens: of the voice, for S3Gen."""
    folder.mkdir(parents=True, exist_ok=True)
    part, file = T3_FILES[family]
    write_safetensors(folder / file, shapes_of(part, tiny))
    meanflow = family in ("turbo", "nano")
    s3gen = shapes_of("s3gen_meanflow" if meanflow else "s3gen", tiny)
    with np.load(GOLDEN / "cloning.npz") as names:
        lines = str(names["voice_encoder_names"]).split("\n")
    encoder = {name: tuple(map(int, shape.split("x"))) for name, shape in (line.split(" ") for line in lines)}
    if family.startswith("multilingual"):
        for name, shapes in (("s3gen.pt", s3gen), ("ve.pt", encoder)):
            tensors = {key: torch_files.tensor(values_of(key, shape)) for key, shape in shapes.items()}
            torch_files.save(folder / name, tensors)
    else:
        write_safetensors(folder / ("s3gen_meanflow.safetensors" if meanflow else "s3gen.safetensors"), s3gen)
        write_safetensors(folder / "ve.safetensors", encoder)
    torch_files.save(folder / "conds.pt", _conditions(375 if meanflow else 150, prompt_tokens))
    _write_tokenizer(folder, family)
    return folder


def _conditions(t3_tokens: int, s3gen_tokens: int) -> dict[str, Any]:
    random = np.random.RandomState(1)

    def tokens(count: int) -> np.ndarray:
        return random.randint(0, 6561, (1, count)).astype(np.int64)

    def floats(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    tensor = torch_files.tensor
    return {
        "t3": {
            "speaker_emb": tensor(floats(1, 256)), "clap_emb": None,
            "cond_prompt_speech_tokens": tensor(tokens(t3_tokens)), "cond_prompt_speech_emb": None,
            "emotion_adv": tensor(np.full((1, 1, 1), 0.5, np.float32)),
        },
        "gen": {
            "prompt_token": tensor(tokens(s3gen_tokens)), "prompt_token_len": tensor(np.array([s3gen_tokens])),
            "prompt_feat": tensor(floats(1, 2 * s3gen_tokens, 80) - 5), "prompt_feat_len": None,
            "embedding": tensor(floats(1, 192)),
        },
    }  # fmt: skip


def _write_tokenizer(folder: Path, family: str) -> None:
    """A token for each letter, and the special tokens."""
    if family in ("turbo", "nano"):
        _write_gpt2_tokenizer(folder)
        return
    special = ["[STOP]", "[UNK]", "[SPACE]", "[PAD]"]
    letters = [chr(code) for code in range(33, 127)]
    if family.startswith("multilingual"):
        special += ["[en]", "[fr]", "[zh]", "[ja]", "[ko]", "[ru]", "[he]", "[cj_a]", "[cj_b]", "[cj_.]"]
        letters += [chr(code) for code in (*range(0x300, 0x310), *range(0x400, 0x460), *range(0x1100, 0x1113))]
    vocab = {token: number for number, token in enumerate(special + letters)} | {"[START]": 255}
    added = [
        {"id": vocab[token], "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for token in [*special, "[START]"]
    ]  # fmt: skip
    file = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": "[UNK]", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": []},
    }  # fmt: skip
    english = family == "english"
    name = "tokenizer.json" if english else "grapheme_mtl_merged_expanded_v1.json"
    (folder / name).write_text(json.dumps(file))
    if not english:
        (folder / "Cangjie5_TC.json").write_text(json.dumps(["日\ta", "曰\ta", "月\tb"]))


def _write_gpt2_tokenizer(folder: Path) -> None:
    """vocab.json, merges.txt and the added tokens, as Turbo has them."""
    from tokenizers import pre_tokenizers

    vocab = {char: number for number, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    vocab["Ġt"] = len(vocab)
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\nĠ t\n")
    flags = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": False}
    tokens = {str(len(vocab) + i): {"content": tag} | flags for i, tag in enumerate(TAGS)}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": tokens}))


def all_shapes(family: str) -> Iterator[Shapes]:
    """Of T3 and of S3Gen at full size."""
    yield shapes_of(T3_FILES[family][0], tiny=False)
    yield shapes_of("s3gen_meanflow" if family in ("turbo", "nano") else "s3gen", tiny=False)
