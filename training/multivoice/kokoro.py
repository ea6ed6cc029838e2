"""Kokoro-82M in batches: utterances of any lengths and voices, with Kokoro's own durations and F0.

Reads the file of `training.multivoice.pack_teacher`. On a GPU it uses the Triton kernels of `kokoro_kernels`. Tensors
are (B, T, C), padded at the end. The padding never affects the speech: LSTMs run on packed sequences, attention has a
mask, instance norms take the mean and the variance of an utterance's own frames, and convolutions read zeros in the
padding. So a batch gives the samples that the utterances would have alone, apart from noise and rounding.

    text            phonemes -> durations, features of each phoneme         large batches: LSTMs cost steps, not rows
    f0_and_energy   features, repeated over frames of 25 ms -> F0, energy   the same batches
    decoder         features, F0, energy -> 600 samples per frame           batches of similar lengths

Measured on one H200 (torch 2.11, Triton 3.6), 28 voices, sentences of 53 phonemes and 3.7 s on average. Hours of speech
in a minute, with the copy of int16 samples to the host, all stages in batches of B utterances:

    B                                          1      16      64     256
    float32, PyTorch's operators               -     3.7       -       -
    TF32, PyTorch's operators                  -     5.9     7.5     4.4
    float16, PyTorch's operators               -     7.8     8.9     7.7
    float16, kernels here, cuDNN convolutions  -    14.9    31.0    41.2
    float16, fused                           1.5    16.8    34.5    47.2     41 GB at 256
    text in batches of 1024, decoder in batches of 8000 frames: 66

With the same noise, compared with float32: float16 has 49 dB SNR and a log-spectral distance of 0.3 dB, bfloat16 31 dB
and 1.7 dB (magnitudes are exponentials), so float16 is used. In float32, this batch and the `kokoro` package one by one
differ by 39 to 47 dB SNR, probably by the package's sum of phases in float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from training.multivoice import kokoro_operators
from training.multivoice.kokoro_decoder import Decoder, Layers, lay_out
from training.multivoice.kokoro_operators import Mask, conv

SAMPLES_PER_FRAME = 600  # at 24 kHz
HEADS, BERT_LAYERS = 12, 12
LSTMS = ("text_encoder.lstm", "predictor.lstm", "predictor.shared",
         *(f"predictor.text_encoder.lstms.{i}" for i in (0, 2, 4)))  # fmt: skip


@dataclass
class TextFeatures:
    """Output of the text stage for a batch."""

    durations: Tensor  # (B, L) in frames, 0 in the padding
    features: Tensor  # (B, L, 640) for F0 and energy
    phones: Tensor  # (B, L, 512) for the decoder
    style: Tensor  # (B, 256)

    def frames(self) -> Tensor:
        return self.durations.sum(1)


@dataclass
class Utterance:
    """Synthesized speech, on the CPU."""

    audio: Tensor  # int16 (600 * frames,) at 24 kHz
    f0: Tensor  # float16 (2 * frames,) in Hz, about 0 where unvoiced
    durations: Tensor  # int16 (L,) in frames


class Kokoro(Layers):
    """The teacher. dtype: of the decoder, which has nine tenths of the arithmetic; the rest is float32.

    fused: with the kernels of kokoro_kernels, in half precision on a GPU; otherwise with PyTorch's operators.
    """

    def __init__(self, path: Path, device: torch.device, dtype: torch.dtype, fused: bool) -> None:
        file = torch.load(path, weights_only=True)
        self.vocab, self.device = file["vocab"], device
        self.styles = {name: style.float().to(device) for name, style in file["styles"].items()}
        weights = {
            name: ((values.to(device).float() - zero) * scale.to(device).float())
            for name, (values, zero, scale) in file["parameters"].items()
        }
        self.lstms = {name: _lstm(weights, name, device) for name in LSTMS}
        operators: Any = kokoro_operators
        if fused:
            from training.multivoice import kokoro_kernels as operators  # needs Triton
        super().__init__({name: w for name, w in weights.items() if ".lstms.0" not in name}, operators)
        lay_out(self.p, dtype)
        self.decoder = Decoder(self.p, operators, dtype, device)

    def ids(self, phonemes: str) -> list[int]:
        return [0, *(self.vocab[p] for p in phonemes if p in self.vocab), 0]

    def style(self, voice: str, ids: Sequence[int]) -> Tensor:
        """(256,), of a voice; there is one for each number of phonemes."""
        return self.styles[voice][len(ids) - 3]

    def text(self, ids: list[list[int]], style: Tensor, speed: Tensor | float = 1.0) -> TextFeatures:
        """style (B, 256); speed: a number or (B, 1)."""
        lengths = torch.tensor([len(row) for row in ids])
        tokens = torch.zeros(len(ids), int(lengths.max()), dtype=torch.long)
        for row, values in zip(tokens, ids, strict=True):
            row[: len(values)] = torch.tensor(values)
        tokens = tokens.to(self.device, non_blocking=True)
        mask = Mask.of(lengths.to(self.device), tokens.shape[1])
        manner = style[:, None, 128:].expand(-1, tokens.shape[1], -1)
        x = self.linear(self._bert(tokens, mask), "bert_encoder")
        for layer in (0, 2, 4):
            x = self._lstm(f"predictor.text_encoder.lstms.{layer}", torch.cat([x, manner], -1) * mask.keep, lengths)
            gamma, beta = self.linear(style[:, 128:], f"predictor.text_encoder.lstms.{layer + 1}.fc")[:, None].chunk(
                2, -1
            )
            x = (1 + gamma) * F.layer_norm(x, (512,)) + beta
        features = torch.cat([x, manner], -1) * mask.keep
        logits = self.linear(self._lstm("predictor.lstm", features, lengths), "predictor.duration_proj.linear_layer")
        durations = (logits.sigmoid().sum(-1) / speed).round().clamp(min=1).long() * mask.keep[..., 0]
        return TextFeatures(durations, features, self._phones(tokens, mask, lengths), style)

    def _bert(self, tokens: Tensor, mask: Mask) -> Tensor:
        layer = "bert.encoder.albert_layer_groups.0.albert_layers.0"
        embedded = (
            self.p["bert.embeddings.word_embeddings.weight"][tokens]
            + self.p["bert.embeddings.position_embeddings.weight"][: tokens.shape[1]]
            + self.p["bert.embeddings.token_type_embeddings.weight"][0]
        )
        x = self.linear(
            self.layer_norm(embedded, "bert.embeddings.LayerNorm"), "bert.encoder.embedding_hidden_mapping_in"
        )
        attendable = mask.keep[:, None, None, :, 0]
        for _ in range(BERT_LAYERS):  # with shared weights
            q, k, v = (
                self.linear(x, f"{layer}.attention.{part}").unflatten(-1, (HEADS, -1)).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=attendable).transpose(1, 2).flatten(2)
            x = self.layer_norm(x + self.linear(attended, f"{layer}.attention.dense"), f"{layer}.attention.LayerNorm")
            wide = F.gelu(self.linear(x, f"{layer}.ffn"), approximate="tanh")
            x = self.layer_norm(x + self.linear(wide, f"{layer}.ffn_output"), f"{layer}.full_layer_layer_norm")
        return x

    def _phones(self, tokens: Tensor, mask: Mask, lengths: Tensor) -> Tensor:
        x = self.p["text_encoder.embedding.weight"][tokens] * mask.keep
        for i in range(3):
            x = conv(x, self.p[f"text_encoder.cnn.{i}.0.weight"], self.p[f"text_encoder.cnn.{i}.0.bias"])
            x = F.layer_norm(x, (512,), self.p[f"text_encoder.cnn.{i}.1.gamma"], self.p[f"text_encoder.cnn.{i}.1.beta"])
            x = F.leaky_relu(x, 0.2) * mask.keep
        return self._lstm("text_encoder.lstm", x, lengths)

    def _lstm(self, name: str, x: Tensor, lengths: Tensor) -> Tensor:
        """lengths are on the CPU. The output is zero in the padding."""
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstms[name](packed)[0], batch_first=True, total_length=x.shape[1])[0]

    def f0_and_energy(self, text: TextFeatures, frames: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """frames (B,) on the CPU -> F0 in Hz and energy (B, 2 * size).

        size: a multiple of eight, at least the largest of `frames`.
        """
        place = frame_places(text.durations, size)
        mask = Mask.of(frames.to(self.device), size)
        spread = torch.gather(text.features, 1, place[..., None].expand(-1, -1, text.features.shape[-1]))
        x = self._lstm("predictor.shared", spread * mask.keep, frames)
        manner, twice = text.style[:, 128:], Mask.of(2 * frames.to(self.device), 2 * size)
        curves = []
        for name in ("F0", "N"):
            y = x
            for i in range(3):
                y = self.residual(
                    y, f"predictor.{name}.{i}", manner, mask if i == 0 else twice, twice if i == 2 else mask, up=i == 1
                )
            curves.append(
                (y @ self.p[f"predictor.{name}_proj.weight"][0] + self.p[f"predictor.{name}_proj.bias"])[..., 0]
            )
        return curves[0] * twice.keep[..., 0], curves[1] * twice.keep[..., 0]

    @torch.inference_mode()
    def speak(self, ids: list[list[int]], styles: Tensor, speed: Tensor | float = 1.0, most_frames: int = 8_000,
              text_batch: int = 1024) -> list[Utterance]:  # fmt: skip
        """Synthesize utterances. styles (U, 256) on the device; speed: a number or (U, 1). most_frames: in a batch of
        the decoder; text_batch: utterances in a batch of the text stage."""
        found: list[Utterance | None] = [None] * len(ids)
        pending: list[Any] = []

        def finish(copy: tuple[Tensor, torch.cuda.Event | None], what: list[tuple[int, Tensor, Tensor]]) -> None:
            samples, done = copy
            if done is not None:
                done.synchronize()
            for sound, (i, curve, lasts) in zip(samples, what, strict=True):
                lasts = lasts[: len(ids[i])]
                n = int(lasts.sum())
                found[i] = Utterance(sound[: n * SAMPLES_PER_FRAME].clone(), curve[: 2 * n], lasts)

        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(order), text_batch):
            chosen = order[start : start + text_batch]
            rows = torch.tensor(chosen, device=self.device)
            pace = speed[rows] if isinstance(speed, Tensor) else speed
            text = self.text([ids[i] for i in chosen], styles[rows], pace)
            frames, durations = text.frames().cpu(), text.durations.to(torch.int16).cpu()
            f0, energy = self.f0_and_energy(text, frames, _round(int(frames.max())))
            curves = f0.half().cpu()
            for rows_of in batches(frames.tolist(), most_frames):
                samples = self._samples(text, f0, energy, rows_of, frames[rows_of]).clamp(-1, 1).mul(32767).short()
                details = [(chosen[row], curves[row], durations[row]) for row in rows_of]
                pending.append((self._to_host(samples), details))
                if len(pending) > 2:  # the GPU is working on the next ones
                    finish(*pending.pop(0))
        for batch in pending:
            finish(*batch)
        return found  # type: ignore[return-value]

    def _to_host(self, x: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
        if self.device.type != "cuda":
            return x, None
        held = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
        held.copy_(x, non_blocking=True)
        done = torch.cuda.Event()
        done.record()
        return held, done

    def _samples(self, text: TextFeatures, f0: Tensor, energy: Tensor, rows: list[int], frames: Tensor) -> Tensor:
        """Samples of some rows of a batch; frames: of these rows, on the CPU."""
        at, size = torch.tensor(rows, device=self.device), _round(int(frames.max()))
        place = frame_places(text.durations[at], size)
        phones = torch.gather(text.phones[at], 1, place[..., None].expand(-1, -1, 512))
        return self.decoder(phones, f0[at, : 2 * size], energy[at, : 2 * size], text.style[at], frames.to(self.device))


def batches(frames: list[int], most: int) -> list[list[int]]:
    """Row numbers in batches of similar lengths, each with at most `most` padded frames."""
    order = sorted(range(len(frames)), key=lambda i: -frames[i])
    found, start = [], 0
    while start < len(order):
        count = max(1, most // _round(frames[order[start]]))
        found.append(order[start : start + count])
        start += count
    return found


def _round(frames: int, to: int = 8) -> int:
    return -(-frames // to) * to


def frame_places(durations: Tensor, size: int) -> Tensor:
    """For each frame the index of its phoneme (B, size); in the padding that of the last one."""
    ends = durations.cumsum(1)
    frames = torch.arange(size, device=ends.device).expand(len(ends), -1).contiguous()
    return torch.searchsorted(ends, frames, right=True).clamp(max=ends.shape[1] - 1)


def _lstm(weights: dict[str, Tensor], name: str, device: torch.device) -> torch.nn.LSTM:
    size = weights[f"{name}.weight_ih_l0"].shape[1]
    lstm = torch.nn.LSTM(size, 256, batch_first=True, bidirectional=True, device=device).requires_grad_(False)
    lstm.load_state_dict({key: weights.pop(f"{name}.{key}") for key in dict(lstm.named_parameters())})
    return lstm.eval()
