"""Trains the speech tokenizer: its codes must carry mel, F0 and phonemes.

Heads that exist only in training decide what the codes carry: a decoder back to the mel and the F0, with no more
look-ahead than S3Gen has, and a phoneme recogniser (CTC), so that the codes carry phones rather than noise.

With a straight-through gradient, an encoder tends to oscillate around the rounding thresholds (Nagel et al. 2022,
https://arxiv.org/abs/2203.11086). A third of all digits lay within 0.02 of a threshold. They carried almost no
information, but accounted for two thirds of T3's loss. So each utterance is encoded twice, a few milliseconds apart:
both views must be near the same levels, and the heads rebuild the first view from the codes of the second.

When training is resumed, the encoder learns more slowly than its heads, and only after the heads, which are not
shipped, have caught up. Even so most codes change, and T3 and S3Gen have to learn them again.
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.common import (
    HOP,
    SAMPLE_RATE,
    Parts,
    Run,
    detached,
    half,
    load,
    save,
    shown,
    speech_arguments,
    train,
)
from training.data import FIRST_VOICE, SpeechPool, gather, span_mask
from training.models.speech_tokenizer import NUM_CODES, PITCH_MEDIAN, Encoder, Heads, quantize

# The phonemes of the teachers, in one order for all processes and runs.
PHONEMES = " ".join(sorted("AIJKNOQSTWYabdefhijklmnopqrstuvwxzæðŋɐɑɒɔəɚɛɜɡɪɫɬɭɹɾʃʊʌʒʔʤʧʰθᵊᵻː,.!?;:—…'"))
HEADS_ALONE = 0.15  # share of a resumed run in which new heads learn alone
SLOWLY = 0.33  # factor of a resumed encoder's learning rate
WEIGHTS = {"l1": 1.0, "slope": 0.5, "l2": 0.1, "pitch": 0.5, "voice": 0.1, "ctc": 0.25, "unclear": 4.0}
APART = 5.0  # milliseconds between the two views, at most
CONTEXT = 2  # frames of sound on both sides, which a mel's first and last frames need
SILENT_MARKS = 'ˈˌ "“”()-'  # left out of the phonemes


class PhonemeTable:
    """Phoneme characters to class numbers from 1 (0 is CTC's blank). New ones are added, up to SIZE."""

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


def losses(
    rebuilt: tuple[Tensor, ...], mel: Tensor, f0: Tensor, sizes: list[int], labels: list[np.ndarray]
) -> Parts:
    """Losses of the output of `Rebuild`: against mel (B, T, 80) and F0 (B, T) in Hz, `sizes` frames each, and phonemes.

    l1 and l2: mel. slope: its change from frame to frame. pitch: octaves, where voiced. voice: voicing. ctc: phonemes.
    unclear: distance of the latents from the levels.
    """
    made, pitch, logits, unclear = (x.float() for x in rebuilt)
    inside = span_mask(torch.tensor(sizes).to(mel.device), mel.shape[1])
    error = (made - mel) * inside[..., None]
    frames = sum(sizes)
    slope = (error[:, 1:] - error[:, :-1]).abs().sum() / (80 * frames)
    voiced = (f0 > 0) & inside
    octaves = torch.log2(f0.clamp_min(1.0) / PITCH_MEDIAN)
    voice = F.binary_cross_entropy_with_logits(pitch[..., 1], voiced.float(), reduction="none")
    ctc = F.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1),
        torch.from_numpy(np.concatenate(labels)).to(mel.device),
        tuple(size // 2 for size in sizes),
        tuple(len(row) for row in labels),
        zero_infinity=True,
    )
    return {
        "l1": error.abs().sum() / (80 * frames),
        "slope": slope,
        "l2": error.square().sum() / (80 * frames),
        "pitch": ((pitch[..., 0] - octaves).abs() * voiced).sum() / voiced.sum().clamp_min(1),
        "voice": (voice * inside).sum() / frames,
        "ctc": ctc,
        "unclear": (unclear * inside[:, ::2]).sum() * 2 / frames,
    }


def unclear(one: Tensor, other: Tensor) -> Tensor:
    """Latents (..., 8) of two views of the same speech -> mean squared distance from the nearest levels (...)."""
    bounded = torch.stack([one, other]).tanh()
    return (bounded - bounded.mean(0).round().detach()).square().mean((0, -1))


class Rebuild(nn.Module):
    """Two views of the same speech, mels (B, T, 80) -> the heads' output for the codes of the second, and `unclear`
    (B, T / 2)."""

    def __init__(self, encoder: Encoder, heads: Heads) -> None:
        super().__init__()
        self.encoder, self.heads = encoder, heads

    def forward(self, mel: Tensor, again: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        with torch.autocast(mel.device.type, torch.bfloat16, mel.is_cuda, cache_enabled=False):
            one, other = self.encoder(torch.cat([mel, again])).float().chunk(2)
            return *self.heads(quantize(other)), unclear(one, other)


class TokenizerTraining:
    def __init__(self, run: Run, args: argparse.Namespace) -> None:
        self.run = run
        self.encoder, self.heads = Encoder().to(run.device), Heads(PhonemeTable.SIZE).to(run.device)
        self.table = PhonemeTable()
        self.before: Encoder | None = None  # the encoder of the checkpoint
        self.new_heads = True
        if args.resume:
            self.resume(args.resume)
        self.both = Rebuild(self.encoder, self.heads)
        run.broadcast(self.both)
        parts = (self.encoder, self._encoder_share()), (self.heads, 1.0)
        groups = [{"params": list(part.parameters()), "lr_scale": share} for part, share in parts]
        self.optimizer = run.adamw(groups, (0.9, 0.98), weight_decay=0.01)
        self.optimizers = [self.optimizer]
        self.pool = SpeechPool(run, args.shards, args.hours, keep_audio=True, voices=FIRST_VOICE)
        self.pool.refresh(wait_for=32 if run.toy else 2000)
        self.frames = 3200 if run.toy else 24_000
        self.graphed: dict[int, Rebuild] = {}

    def resume(self, path: Path) -> None:
        self.encoder.load_state_dict(load(path, self.run.device)["encoder"])
        self.before = copy.deepcopy(self.encoder)
        self.new_heads = not heads_path(path).exists()  # training.restore writes none
        if not self.new_heads:
            self.heads.load_state_dict(load(heads_path(path), self.run.device)["heads"])

    def _encoder_share(self) -> float:
        """Factor of the encoder's learning rate."""
        if self.before is None:
            return 1.0
        return 0.0 if self.new_heads and self.run.progress < HEADS_ALONE else SLOWLY

    def losses(self, numbers: Sequence[int], length: int, rebuild: Rebuild) -> Parts:
        """Losses of utterances of the pool, padded to `length` frames."""
        pool = self.pool
        starts = torch.tensor([pool.starts[i] for i in numbers]).to(self.run.device)
        mel, f0 = gather(pool.mel, starts, length).float(), gather(pool.f0, starts, length).float()
        labels = [self.table(pool.phonemes[i]) for i in numbers]
        rebuilt = rebuild(mel, self.heard_again(starts, length, APART * (2 * torch.rand(len(starts)) - 1)))
        return losses(rebuilt, mel, f0, [pool.lengths[i] for i in numbers], labels)

    def heard_again(self, starts: Tensor, length: int, later: Tensor) -> Tensor:
        """Mel (B, length, 80) from frames `starts` (B,) on, of the sound delayed by `later` (B,) milliseconds."""
        shift = (later * SAMPLE_RATE / 1000).round().long().to(starts.device)
        first = (starts - CONTEXT) * HOP - shift
        audio = gather(self.pool.audio, first, (length + 2 * CONTEXT) * HOP).float() / 32767.0
        return self.pool.log_mel(audio)[:, CONTEXT:-CONTEXT]

    def advance(self, step: int) -> Parts:
        self.optimizer.param_groups[0]["lr_scale"] = self._encoder_share()
        numbers, length = self.pool.alike(self.frames)
        parts = self.losses(numbers.tolist(), length, self._rebuild(len(numbers), length))
        loss = sum(WEIGHTS[name] * part for name, part in parts.items())
        self.run.descend(loss, self.both, self.optimizer, 1.0)
        if self.run.due(step, 20):
            self.pool.refresh(0.05)
        return detached(parts)

    def _rebuild(self, count: int, length: int) -> Rebuild:
        """The networks; on CUDA a graph for each length. The whole step cannot be a graph: CTC waits for the device."""
        if self.run.device.type != "cuda":
            return self.both
        if length not in self.graphed:
            samples = tuple(torch.randn(count, length, 80, device=self.run.device) for _ in range(2))
            networks = Rebuild(self.encoder, self.heads)
            self.graphed[length] = torch.cuda.make_graphed_callables(networks, samples)  # type: ignore[assignment]
        return self.graphed[length]

    def held_out(self) -> str:
        """Losses, entropy of the codes in bits (12.68 at most), number of codes used, and two shares of equal codes:
        with the sound delayed by APART, and in a resumed run with the encoder of its start."""
        pool, held_out = self.pool, self.pool.held_out
        if not held_out:
            return "none"
        numbers = held_out[:48]
        parts = self.losses(numbers, max(pool.lengths[i] for i in numbers), self.both)
        spans = [(pool.starts[i], pool.lengths[i]) for i in held_out[:200]]
        mel = torch.cat([pool.mel[start : start + length] for start, length in spans]).float()[None]
        later = [self.heard_again(torch.tensor([start]), length, torch.tensor([APART])) for start, length in spans]
        codes = self.encoder.encode(mel)
        counts = torch.bincount(codes, minlength=NUM_CODES).float()
        share = counts[counts > 0] / counts.sum()
        bits = float(-(share * share.log2()).sum())
        others = {"later": self.encoder.encode(torch.cat(later, 1))}
        if self.before is not None:
            others["before"] = self.before.encode(mel)
        same = [f"{float((codes == other).float().mean()):.3f} as {name}" for name, other in others.items()]
        return f"{shown(parts)} {bits:.2f} bits, {len(share)} codes, {', '.join(same)}"

    def keep(self, path: Path) -> None:
        save(path, encoder=half(self.encoder))
        save(heads_path(path), heads=half(self.heads))


def heads_path(path: Path) -> Path:
    """The file of the heads. It is apart from the encoder's, as other scripts need only the encoder."""
    return path.with_name(path.stem + "-heads.pt")


def main() -> None:
    args = speech_arguments(__doc__).parse_args()
    run = Run(args)
    train(run, TokenizerTraining(run, args), args.out)


if __name__ == "__main__":
    main()
