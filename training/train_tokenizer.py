"""Trains the speech tokenizer: its codes must say how the mel sounds, how high it is and which phonemes are spoken.

Heads that exist only here decide what the codes carry: a decoder back to the mel and the F0, which hears no further
ahead than S3Gen will, and a phoneme recogniser (CTC), so that the codes carry phones rather than noise.

Left to itself, an encoder whose gradient passes straight through the rounding stays where two levels are equally wrong
(Nagel et al. 2022, https://arxiv.org/abs/2203.11086): a third of all digits lay within 0.02 of a threshold and said
next to nothing, but were two thirds of what T3 could not foresee. So the speech is heard twice, some milliseconds
apart: both hearings must be near the same levels, and the codes of the second rebuild the first.

Resumed, the encoder learns more slowly than its heads, and not before these, which are not shipped, have caught up. Few
codes stay as they were even so: T3 and S3Gen have to learn them again.
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

# The alphabet of the teachers' phonemes, the same for all processes and runs.
PHONEMES = " ".join(sorted("AIJKNOQSTWYabdefhijklmnopqrstuvwxzæðŋɐɑɒɔəɚɛɜɡɪɫɬɭɹɾʃʊʌʒʔʤʧʰθᵊᵻː,.!?;:—…'"))
HEADS_ALONE = 0.15  # of the time of a resumed run whose heads are new
SLOWLY = 0.33  # the resumed encoder's share of the learning rate
WEIGHTS = {"l1": 1.0, "slope": 0.5, "l2": 0.1, "pitch": 0.5, "voice": 0.1, "ctc": 0.25, "unclear": 4.0}
APART = 5.0  # milliseconds between two hearings, at the most
CONTEXT = 2  # frames of sound to both sides, of which a mel's first and last frames are made
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


def losses(
    rebuilt: tuple[Tensor, ...], mel: Tensor, f0: Tensor, sizes: list[int], labels: list[np.ndarray]
) -> Parts:
    """What `Rebuild` makes, against mel (B, T, 80), F0 (B, T) in Hz, of which `sizes` frames count, and phonemes.

    l1 and l2: the mel. slope: its change from frame to frame. pitch: octaves where there is a voice. voice: whether
    there is. ctc: the phonemes. unclear: the codes.
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
    """How far latents (..., 8) of two hearings of the same are from the levels nearest to both: mean square (...)."""
    bounded = torch.stack([one, other]).tanh()
    return (bounded - bounded.mean(0).round().detach()).square().mean((0, -1))


class Rebuild(nn.Module):
    """Two hearings of the same, mels (B, T, 80), to what the heads make of the codes of the second, and how unclear
    these are (B, T / 2)."""

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
        self.before: Encoder | None = None  # what is gone on from
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
        self.new_heads = not heads_path(path).exists()  # training.restore has none to give
        if not self.new_heads:
            self.heads.load_state_dict(load(heads_path(path), self.run.device)["heads"])

    def _encoder_share(self) -> float:
        """Of the learning rate."""
        if self.before is None:
            return 1.0
        return 0.0 if self.new_heads and self.run.progress < HEADS_ALONE else SLOWLY

    def losses(self, numbers: Sequence[int], length: int, rebuild: Rebuild) -> Parts:
        """Of some utterances of the pool, padded to `length` frames."""
        pool = self.pool
        starts = torch.tensor([pool.starts[i] for i in numbers]).to(self.run.device)
        mel, f0 = gather(pool.mel, starts, length).float(), gather(pool.f0, starts, length).float()
        labels = [self.table(pool.phonemes[i]) for i in numbers]
        rebuilt = rebuild(mel, self.heard_again(starts, length, APART * (2 * torch.rand(len(starts)) - 1)))
        return losses(rebuilt, mel, f0, [pool.lengths[i] for i in numbers], labels)

    def heard_again(self, starts: Tensor, length: int, later: Tensor) -> Tensor:
        """Mel (B, length, 80) of what begins at frames `starts` (B,), heard so many milliseconds (B,) later."""
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
        """The networks, on CUDA as a graph for each length. The whole step cannot be one: CTC waits for the device."""
        if self.run.device.type != "cuda":
            return self.both
        if length not in self.graphed:
            samples = tuple(torch.randn(count, length, 80, device=self.run.device) for _ in range(2))
            networks = Rebuild(self.encoder, self.heads)
            self.graphed[length] = torch.cuda.make_graphed_callables(networks, samples)  # type: ignore[assignment]
        return self.graphed[length]

    def held_out(self) -> str:
        """The losses, and how evenly the codes are used: bits of entropy (12.68 at most) and codes that occur; how many
        of the codes are the same of what is heard APART later, and how many of a resumed run's are as before."""
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
    """The heads lie beside the encoder, which is all that the other scripts need."""
    return path.with_name(path.stem + "-heads.pt")


def main() -> None:
    args = speech_arguments(__doc__).parse_args()
    run = Run(args)
    train(run, TokenizerTraining(run, args), args.out)


if __name__ == "__main__":
    main()
