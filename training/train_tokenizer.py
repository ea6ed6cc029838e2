"""Trains the speech tokenizer: its codes must say how the mel sounds and which phonemes are spoken.

Two heads that exist only here decide what the codes carry: a decoder back to the mel, which hears no further ahead than
S3Gen will, and a phoneme recogniser (CTC), so that the codes carry phones rather than noise.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.common import Parts, Run, detached, half, load, save, shown, speech_arguments, train
from training.data import FIRST_VOICE, SpeechPool, gather, span_mask
from training.models.speech_tokenizer import NUM_CODES, Encoder, Heads, quantize

# The alphabet of the teachers' phonemes, the same for all processes and runs.
PHONEMES = " ".join(sorted("AIJKNOQSTWYabdefhijklmnopqrstuvwxzæðŋɐɑɒɔəɚɛɜɡɪɫɬɭɹɾʃʊʌʒʔʤʧʰθᵊᵻː,.!?;:—…'"))
SILENT_MARKS = 'ˈˌ "“”()-'  # not told apart by the recogniser


class PhonemeTable:
    """Phoneme characters to class numbers from 1 on (0 is CTC's blank); grows as it meets them, up to its size."""

    SIZE = 96

    def __init__(self) -> None:
        self.index: dict[str, int] = {}
        self.known: dict[str, np.ndarray] = {}
        self(PHONEMES)

    def __call__(self, phonemes: str) -> np.ndarray:
        if phonemes not in self.known:
            kept = [c for c in phonemes if c not in SILENT_MARKS]
            numbers = [self.index.setdefault(c, 1 + len(self.index) % self.SIZE) for c in kept]
            self.known[phonemes] = np.asarray(numbers, np.int64)
        return self.known[phonemes]


def losses(rebuilt: Tensor, mel: Tensor, sizes: list[int], logits: Tensor, labels: list[np.ndarray]) -> Parts:
    """Rebuilt and real mel (B, T, 80), of which `sizes` frames count; phoneme logits (B, T / 2, P + 1), phonemes.

    l1 and l2: the mel. slope: its change from frame to frame. ctc: the phonemes.
    """
    inside = span_mask(torch.tensor(sizes).to(mel.device), mel.shape[1])
    error = (rebuilt.float() - mel) * inside[..., None]
    count = sum(sizes) * 80
    slope = (error[:, 1:] - error[:, :-1]).abs().sum() / count
    ctc = F.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),
        torch.from_numpy(np.concatenate(labels)).to(mel.device),
        tuple(size // 2 for size in sizes),
        tuple(len(row) for row in labels),
        zero_infinity=True,
    )
    return {"l1": error.abs().sum() / count, "slope": slope, "l2": error.square().sum() / count, "ctc": ctc}


class Rebuild(nn.Module):
    """Mel (B, T, 80) through the codes, to what both heads make of them."""

    def __init__(self, encoder: Encoder, heads: Heads) -> None:
        super().__init__()
        self.encoder, self.heads = encoder, heads

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(mel.device.type, torch.bfloat16, mel.is_cuda, cache_enabled=False):
            return self.heads(quantize(self.encoder(mel).float()))  # type: ignore[no-any-return]


class TokenizerTraining:
    def __init__(self, run: Run, args: argparse.Namespace) -> None:
        self.run = run
        self.encoder, self.heads = Encoder().to(run.device), Heads(PhonemeTable.SIZE).to(run.device)
        self.table = PhonemeTable()
        if args.resume:
            self.resume(args.resume)
        self.both = Rebuild(self.encoder, self.heads)
        run.broadcast(self.both)
        self.optimizer = run.adamw(self.both.parameters(), (0.9, 0.98), weight_decay=0.01)
        self.optimizers = [self.optimizer]
        self.pool = SpeechPool(run, args.shards, args.hours, voices=FIRST_VOICE)
        self.pool.refresh(wait_for=64 if run.toy else 2000)
        self.frames = 3200 if run.toy else 24_000
        self.graphed: dict[int, Rebuild] = {}

    def resume(self, path: Path) -> None:
        self.encoder.load_state_dict(load(path, self.run.device)["encoder"])
        if heads_path(path).exists():  # training.restore has none to give
            self.heads.load_state_dict(load(heads_path(path), self.run.device)["heads"])

    def losses(self, numbers: Sequence[int], length: int, rebuild: Rebuild) -> Parts:
        """Of some utterances of the pool, padded to `length` frames."""
        pool = self.pool
        starts = torch.tensor([pool.starts[i] for i in numbers]).to(self.run.device)
        mel = gather(pool.mel, starts, length).float()
        rebuilt, logits = rebuild(mel)
        labels = [self.table(pool.phonemes[i]) for i in numbers]
        return losses(rebuilt, mel, [pool.lengths[i] for i in numbers], logits, labels)

    def advance(self, step: int) -> Parts:
        numbers, length = self.pool.alike(self.frames)
        parts = self.losses(numbers.tolist(), length, self._rebuild(len(numbers), length))
        loss = parts["l1"] + 0.5 * parts["slope"] + 0.1 * parts["l2"] + 0.15 * parts["ctc"]
        self.run.descend(loss, self.both, self.optimizer, 1.0)
        if self.run.due(step, 20):
            self.pool.refresh(0.05)
        return detached(parts)

    def _rebuild(self, count: int, length: int) -> Rebuild:
        """The networks, on CUDA as a graph for each length. The whole step cannot be one: CTC waits for the device."""
        if self.run.device.type != "cuda":
            return self.both
        if length not in self.graphed:
            sample = torch.randn(count, length, 80, device=self.run.device)
            networks = Rebuild(self.encoder, self.heads)
            self.graphed[length] = torch.cuda.make_graphed_callables(networks, (sample,))  # type: ignore[assignment]
        return self.graphed[length]

    def held_out(self) -> str:
        """The losses, and how evenly the codes are used: bits of entropy (12.68 at most), codes that occur."""
        pool, held_out = self.pool, self.pool.held_out
        if not held_out:
            return "none"
        numbers = held_out[:48]
        parts = self.losses(numbers, max(pool.lengths[i] for i in numbers), self.both)
        mel = torch.cat([pool.mel[pool.starts[i] : pool.starts[i] + pool.lengths[i]] for i in held_out[:200]])
        counts = torch.bincount(self.encoder.encode(mel.float()[None]), minlength=NUM_CODES).float()
        share = counts[counts > 0] / counts.sum()
        bits = float(-(share * share.log2()).sum())
        return f"{shown(parts)} {bits:.2f} bits, {len(share)} codes"

    def keep(self, path: Path) -> None:
        save(path, encoder=half(self.encoder))
        save(heads_path(path), heads=half(self.heads))


def heads_path(path: Path) -> Path:
    """The heads lie beside the encoder, which is all that the other scripts need."""
    return path.with_name(path.stem + "-heads.pt")


def main() -> None:
    args = speech_arguments(__doc__).parse_args()
    run = Run(args)
    train(run, TokenizerTraining(run, args), args.out)


if __name__ == "__main__":
    main()
