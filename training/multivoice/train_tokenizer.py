"""Trains the speech tokenizer of eight voices: its codes must carry what is said and how, but not the timbre.

Heads that exist only in training decide what the codes carry: a decoder back to the mel and the F0, with no more
look-ahead than S3Gen has, and a phoneme recogniser (CTC). The decoder gets the speaker as an input, and F0 is in
octaves above the speaker's median, so the codes need not carry timbre and range. The recogniser does not get the
speaker.

In the last part of the run each utterance is encoded twice, a few milliseconds apart, and both views must be near the
same levels (see training.train_tokenizer). From the start of a run this would make the codes collapse. One process, one
GPU.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.common import HOP, SAMPLE_RATE, LogMel, Parts, Run, arguments, detached, half, load, save, shown
from training.data import gather, span_mask
from training.models.speech_tokenizer import DIMS, NUM_CODES, Encoder, quantize, to_codes
from training.multivoice.shards import CLASSES, VOICES, Pool
from training.multivoice.speech_tokenizer import CHANNELS, DEPTHS, SILENCE, Heads
from training.train_tokenizer import APART, CONTEXT, heads_path, unclear

WEIGHTS = {"l1": 1.0, "slope": 0.5, "l2": 0.1, "pitch": 0.5, "voice": 0.1, "ctc": 1.0}
FRAMES = 24_000  # of a batch
REPORT_EVERY = 60.0  # seconds
MEASURED_AT_ONCE = 32  # held-out utterances
COLUMNS = ("l1", "ctc", "pitch", "voice", "same", "known", "bits", "codes")
Labels = list[np.ndarray]


def losses(rebuilt: tuple[Tensor, ...], mel: Tensor, octaves: Tensor, voiced: Tensor, sizes: list[int],
           labels: Labels) -> Parts:  # fmt: skip
    """Losses of the output of `Rebuild`: against mel (B, T, 80), F0 in octaves above the voice's median and voicing
    (B, T), `sizes` frames each, and phonemes. The terms are those of training.train_tokenizer."""
    made, pitch, logits, unclear = (x.float() for x in rebuilt[:4])
    inside = span_mask(torch.tensor(sizes).to(mel.device), mel.shape[1])
    frames = sum(sizes)
    error = (made - mel) * inside[..., None]
    slope = (error[:, 1:] - error[:, :-1]).abs().sum() / (80 * frames)
    voiced = voiced & inside
    voice = F.binary_cross_entropy_with_logits(pitch[..., 1], voiced.float(), reduction="none")
    return {
        "l1": error.abs().sum() / (80 * frames),
        "slope": slope,
        "l2": error.square().sum() / (80 * frames),
        "pitch": ((pitch[..., 0] - octaves).abs() * voiced).sum() / voiced.sum().clamp_min(1),
        "voice": (voice * inside).sum() / frames,
        "ctc": ctc(logits, sizes, labels),
        "unclear": (unclear * inside[:, ::2]).sum() * 2 / frames,
    }


def ctc(logits: Tensor, sizes: list[int], labels: Labels) -> Tensor:
    """CTC loss of phoneme logits (B, T / 2, P + 1), in nats per phoneme."""
    return F.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),
        torch.from_numpy(np.concatenate(labels)).to(logits.device),
        tuple(size // 2 for size in sizes),
        tuple(len(row) for row in labels),
        zero_infinity=True,
    )


class Rebuild(nn.Module):
    """Mels (B, T, 80), voices (B, V) -> the heads' output, `unclear` (B, T / 2), and the levels (B, T / 2, 8).

    twice: the mels are two views of the same speech, (2 B, T, 80); the output is for the codes of the second.
    """

    def __init__(self, encoder: Encoder, heads: Heads, twice: bool) -> None:
        super().__init__()
        self.encoder, self.heads, self.twice = encoder, heads, twice

    def forward(self, mel: Tensor, voices: Tensor) -> tuple[Tensor, ...]:
        with torch.autocast(mel.device.type, torch.bfloat16, mel.is_cuda, cache_enabled=False):
            latent = self.encoder(mel).float()
            one, other = latent.chunk(2) if self.twice else (latent, latent)
            levels = quantize(other)
            return *self.heads(levels, voices), unclear(one, other), levels


class VoiceClassifier(nn.Module):
    """Levels (B, T, 8) with `sizes` tokens each -> voice logits. Measures how much the codes tell about the speaker."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(DIMS, 128, 5, padding=2), nn.GELU(), nn.Conv1d(128, 128, 5, padding=2))
        self.outlet = nn.Linear(128, len(VOICES))

    def forward(self, levels: Tensor, sizes: Tensor) -> Tensor:
        x = F.gelu(self.layers(levels.transpose(1, 2))).transpose(1, 2)
        inside = span_mask(sizes, x.shape[1])[..., None]
        return self.outlet((x * inside).sum(1) / sizes[:, None])  # type: ignore[no-any-return]


class TokenizerTraining:
    def __init__(self, run: Run, args: argparse.Namespace) -> None:
        self.run, self.args = run, args
        self.encoder = Encoder(*((32, (1, 1)) if run.toy else (CHANNELS, DEPTHS))).to(run.device)
        self.heads = Heads(CLASSES - 1, len(VOICES), 32 if run.toy else 384).to(run.device)
        self.classifier = VoiceClassifier().to(run.device)
        if args.resume:
            self.encoder.load_state_dict(load(args.resume, run.device)["encoder"])
            self.heads.load_state_dict(load(heads_path(args.resume), run.device)["heads"])
        self.both = nn.ModuleList([self.encoder, self.heads])
        self.optimizer = run.adamw(list(self.both.parameters()), (0.9, 0.98), weight_decay=0.01)
        self.classifier_optimizer = torch.optim.Adam(self.classifier.parameters(), 2e-3)
        self.log_mel = LogMel().to(run.device)
        self.pool = Pool(run, args.shards, args.hours)
        self.frames = 1600 if run.toy else FRAMES
        self.graphed: dict[tuple[int, bool], Any] = {}
        self.was_twice = False

    def wait_for_speech(self) -> None:
        """Wait for enough speech, and read the median F0 of each voice."""
        self.pool.wait(self.args.begin, self.args.patience)
        about = json.loads((self.args.shards / "voices.json").read_text())
        self.medians = torch.tensor([about[name]["median"] for name in VOICES]).to(self.run.device)
        self.run.log(f"{self.pool.seconds / 3600:.1f} h, {len(self.pool.starts)} utterances", about)

    def batch(self, numbers: list[int], length: int, later: list[Tensor]) -> tuple[Any, ...]:
        """Mels (B, length, 80) of the sound delayed by each of `later`, milliseconds (B,); voices (B, V), F0 in octaves
        and voicing (B, length), sizes and labels."""
        pool, device = self.pool, self.run.device
        starts = torch.from_numpy(pool.starts[numbers]).to(device)
        voices = torch.from_numpy(pool.voices[numbers]).to(device)
        sizes = pool.lengths[numbers].tolist()
        inside = span_mask(torch.tensor(sizes).to(device), length)[..., None]
        mels = []
        for shift in later:
            first = (starts - CONTEXT) * HOP - (shift * SAMPLE_RATE / 1000).round().long().to(device)
            audio = gather(pool.audio, first, (length + 2 * CONTEXT) * HOP).float() / 32767.0
            mels.append(torch.where(inside, self.log_mel(audio)[:, CONTEXT:-CONTEXT], SILENCE))
        f0 = gather(pool.f0, starts, length).float()
        octaves = torch.log2(f0.clamp_min(1.0) / self.medians[voices][:, None])
        one_hot = F.one_hot(voices, len(VOICES)).float()
        return mels, one_hot, octaves, f0 > 0, sizes, [pool.labels[i] for i in numbers]

    def advance(self, step: int, progress: float) -> Parts:
        twice = progress >= self.args.unclear_from
        if twice and not self.was_twice:  # the graphs of single views are not needed any more
            self.graphed.clear()
            if self.run.device.type == "cuda":
                torch.cuda.empty_cache()
        self.was_twice = twice
        numbers, length = self.pool.alike(self.frames)
        later = [APART * (2 * torch.rand(len(numbers)) - 1) for _ in range(1 + twice)]
        mels, voices, octaves, voiced, sizes, labels = self.batch(numbers.tolist(), length, later)
        rebuilt = self._rebuild(len(numbers), length, twice)(torch.cat(mels), voices)
        parts = losses(rebuilt, mels[-1], octaves, voiced, sizes, labels)
        weights = WEIGHTS | {"unclear": twice * self.args.unclear * min(1.0, 10 * (progress - self.args.unclear_from))}
        loss = sum(weights[name] * part for name, part in parts.items())
        self.run.descend(loss, self.both, self.optimizer, 1.0)
        if step % 4 == 0:
            self._train_classifier(rebuilt[4].detach().float(), voices, torch.tensor(sizes).to(voices.device) // 2)
        if self.run.due(step, 10):
            self.pool.refresh()
        return detached(parts)

    def _train_classifier(self, levels: Tensor, voices: Tensor, tokens: Tensor) -> None:
        logits = self.classifier(levels, tokens)
        self.classifier_optimizer.zero_grad()
        F.cross_entropy(logits, voices.argmax(-1)).backward()
        self.classifier_optimizer.step()

    def _rebuild(self, count: int, length: int, twice: bool) -> Any:
        """The networks; on CUDA a graph for each length. The whole step cannot be a graph: CTC waits for the device."""
        networks = Rebuild(self.encoder, self.heads, twice)
        if self.run.device.type != "cuda":
            return networks
        if (length, twice) not in self.graphed:
            samples = (torch.randn(count * (1 + twice), length, 80, device=self.run.device),
                       torch.zeros(count, len(VOICES), device=self.run.device))  # fmt: skip
            self.graphed[length, twice] = torch.cuda.make_graphed_callables(networks, samples)
        return self.graphed[length, twice]

    @torch.no_grad()
    def held_out(self, thorough: bool = False) -> dict[str, Any]:
        """Measures of each voice and their mean under "all".

        The losses; `same`: share of tokens that stay the same when the sound is delayed by APART; `known`: share of
        utterances whose voice the classifier finds from the codes; `bits`: entropy of the codes (12.68 at most);
        `codes`: how many occur. thorough: those of `_thorough` too.
        """
        found: dict[str, Any] = {}
        counts = torch.zeros(NUM_CODES, device=self.run.device)
        for voice, name in enumerate(VOICES):
            numbers = sorted(self.pool.held_out[voice], key=lambda i: self.pool.lengths[i])
            if not numbers:
                continue
            sums: dict[str, float] = {}
            of_voice = torch.zeros_like(counts)
            for i in range(0, len(numbers), MEASURED_AT_ONCE):
                some = numbers[i : i + MEASURED_AT_ONCE]
                for key, value in self._measured(some, voice, of_voice, thorough).items():
                    sums[key] = sums.get(key, 0.0) + value * len(some)
            found[name] = {key: total / len(numbers) for key, total in sums.items()} | usage(of_voice)
            counts += of_voice
        if found:
            kinds = [key for key in next(iter(found.values())) if key not in ("bits", "codes")]
            found["all"] = {key: sum(row[key] for row in found.values()) / len(found) for key in kinds} | usage(counts)
        return found

    def _measured(self, numbers: list[int], voice: int, counts: Tensor, thorough: bool) -> dict[str, float]:
        """Measures of held-out utterances of one voice. Adds their codes to `counts` (NUM_CODES,)."""
        networks = Rebuild(self.encoder, self.heads, False)
        length = int(max(self.pool.lengths[numbers]) + 1) // 2 * 2 + 2
        (mel, again), voices, octaves, voiced, sizes, labels = self.batch(
            numbers, length, [torch.zeros(len(numbers)), torch.full((len(numbers),), APART)]
        )
        rebuilt = networks(mel, voices)
        parts = {k: float(v) for k, v in losses(rebuilt, mel, octaves, voiced, sizes, labels).items()}
        tokens = torch.tensor(sizes).to(mel.device) // 2
        inside = span_mask(tokens, length // 2)
        codes, delayed = to_codes(rebuilt[4]), to_codes(networks(again, voices)[4])
        parts["same"] = float((codes == delayed)[inside].float().mean())
        found = self.classifier(rebuilt[4].float(), tokens).argmax(-1)
        parts["known"] = float((found == voice).float().mean())
        counts += torch.bincount(codes[inside], minlength=NUM_CODES)
        return parts | self._thorough(rebuilt, sizes, labels) if thorough else parts

    def _thorough(self, rebuilt: tuple[Tensor, ...], sizes: list[int], labels: Labels) -> dict[str, float]:
        """`wrong`: phoneme error rate of the recogniser. `as NAME`: CTC loss after the codes were decoded with the
        voice NAME and encoded again."""
        networks, levels, device = Rebuild(self.encoder, self.heads, False), rebuilt[4], self.run.device
        wrong = total = 0
        for row, size, truth in zip(rebuilt[2].argmax(-1).tolist(), sizes, labels, strict=True):
            read = [c for c, before in zip(row[: size // 2], [0, *row], strict=False) if c and c != before]
            wrong, total = wrong + edits(read, truth.tolist()), total + len(truth)
        found = {"wrong": wrong / total}
        inside = span_mask(torch.tensor(sizes).to(device), 2 * levels.shape[1])[..., None]
        for voice, name in enumerate(VOICES):
            voices = F.one_hot(torch.full((len(sizes),), voice, device=device), len(VOICES)).float()
            with torch.autocast(device.type, torch.bfloat16, device.type == "cuda"):
                made = torch.where(inside, self.heads.sound(levels, voices)[0].float(), SILENCE)
            found[f"as {name}"] = float(ctc(networks(made, voices)[2], sizes, labels))
        return found

    def keep(self, path: Path) -> None:
        save(path, encoder=half(self.encoder), voices=list(VOICES), medians=self.medians.cpu())
        save(heads_path(path), heads=half(self.heads))


def edits(one: list[int], other: list[int]) -> int:
    """Edit distance of two sequences."""
    place = np.arange(len(other) + 1)
    before = place
    for i, a in enumerate(one):
        now = np.minimum(before[1:] + 1, before[:-1] + (np.asarray(other) != a))
        now = np.concatenate([[i + 1], now])
        before = np.minimum.accumulate(now - place) + place
    return int(before[-1])


def usage(counts: Tensor) -> dict[str, Any]:
    """How evenly the codes are used, from their counts (NUM_CODES,)."""
    share = counts[counts > 0] / counts.sum()
    return {"bits": float(-(share * share.log2()).sum()), "codes": len(share)}


def table(found: dict[str, Any]) -> str:
    lines = [" " * 11 + "".join(f"{c:>8}" for c in COLUMNS)]
    for name, row in found.items():
        lines.append(f"{name:11}" + "".join(f"{row[c]:8.3f}" if c != "codes" else f"{row[c]:8d}" for c in COLUMNS))
    return "\n".join(lines)


def train(run: Run, training: TokenizerTraining, out: Path) -> None:
    """Train until the time is over. Report and write the checkpoint periodically and at the end, and a copy of the
    checkpoint before the phase of two views."""
    run.start = time.monotonic()
    step, parts, reported, kept_before = 0, Parts(), -1e9, False
    while (progress := run.progress) < 1.0:
        run.set_lr(training.optimizer, step, progress)
        parts = training.advance(step, progress)
        if time.monotonic() - reported > REPORT_EVERY or step == 300:
            reported = time.monotonic()
            memory = torch.cuda.max_memory_allocated() / 1e9 if run.device.type == "cuda" else 0.0
            run.log(f"step {step} train {shown(parts)} | {training.pool.seconds / 3600:.1f} h, {memory:.0f} GB")
            run.log("\n" + table(training.held_out()))
            training.keep(out)
        if progress >= training.args.unclear_from and not kept_before:
            kept_before = True
            training.keep(out.with_name(out.stem + "-before.pt"))
        step += 1
    run.log(f"step {step} train {shown(parts)} | {training.pool.seconds / 3600:.1f} h")
    training.keep(out)
    found = training.held_out(thorough=True)
    run.log("\n" + table(found))
    (out.parent / "held_out.json").write_text(json.dumps(found))
    for name, row in found.items():
        run.log(name, "wrong", round(row["wrong"], 4), {k: round(v, 3) for k, v in row.items() if k.startswith("as ")})
    run.log("saved", out)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--hours", type=float, default=320.0, help="most hours of speech to hold")
    parser.add_argument("--begin", type=float, default=190.0, help="hours of speech to wait for")
    parser.add_argument("--patience", type=float, default=60.0,
                        help="seconds without new speech after which to start with less")  # fmt: skip
    parser.add_argument("--unclear", type=float, default=0.5, help="weight of digits near thresholds")
    parser.add_argument("--unclear-from", type=float, default=0.5, help="share of the time before this weight is used")
    args = parser.parse_args()
    run = Run(args)
    training = TokenizerTraining(run, args)
    training.wait_for_speech()
    train(run, training, args.out)


if __name__ == "__main__":
    main()
