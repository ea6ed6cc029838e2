"""Trains S3Gen: speech tokens to mel, by flow matching and few-step consistency.

At r = t the estimator learns the plain flow-matching velocity. Elsewhere u(x, t, r) over a step must equal the mean of
two half steps by its own moving average (shortcut models, Frans et al. 2024, https://arxiv.org/abs/2410.12557; mean
flows, Geng et al. 2025, https://arxiv.org/abs/2505.13447). With `--hift` it also gets losses on the mel that it makes
as in use: content by the speech tokenizer's features, and F0 by HiFT's predictor.
"""

import argparse
import copy
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.checkpoints import load_encoder, load_hift
from training.common import (
    FRAMES_PER_TOKEN,
    Ema,
    Graphed,
    Parts,
    Run,
    detached,
    half,
    load,
    of_each_voice,
    save,
    shown,
    speaker_embeddings,
    speech_arguments,
    train,
    trained_voices,
)
from training.data import Spans, SpeechPool, gather, span_mask
from training.models.hift import F0Predictor
from training.models.s3gen import S3GEN_CONFIG, SPEAKER_SIZE, S3Gen
from training.models.speech_tokenizer import MEL_MEAN, MEL_SCALE, Encoder

PAST_FRAMES = 24  # the past of a frame matters most within so many frames
FROM_START = 0.25  # share of crops that begin with their utterance, to learn first consonants
LOOKAHEAD_FRAMES = FRAMES_PER_TOKEN * S3GEN_CONFIG.encoder.lookahead_tokens
SHORTEST_STEP = 1 / 8
MIN_F0 = 30.0  # Hz; lower predictions count as this
WEIGHTS = {"flow": 1.0, "shortcut": 1.0, "prior": 1.0, "content": 1.0, "pitch": 1.0, "mel": 1.0}
IN_USE = S3GEN_CONFIG.flow.num_steps, S3GEN_CONFIG.flow.temperature
SAMPLERS = ((1, 0.0), (2, 0.0), (2, 0.5), (2, 1.0), (4, 1.0))  # steps and temperature in the report


Conditions = tuple[Tensor, Tensor, Tensor]  # mu (B, T, 80), speaker (B, 80), prompt (B, T, 80)


def column(v: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1)."""
    return v[:, None, None]


def step_times(batch: int, shortcut: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Times t and r (B,): steps of 1, 1/2, ... SHORTEST_STEP in the first `shortcut` rows, of 0 in the others."""
    halvings = round(-math.log2(SHORTEST_STEP))
    size = 0.5 ** torch.randint(0, halvings + 1, (shortcut,), device=device).float()
    start = (torch.rand(shortcut, device=device) / size).floor() * size
    t = torch.cat([start, torch.rand(batch - shortcut, device=device)])
    return t, torch.cat([start + size, t[shortcut:]])


@torch.no_grad()
def two_half_steps(average: S3Gen, x: Tensor, conditions: Conditions, t: Tensor, r: Tensor) -> Tensor:
    """The mean velocity from t to r (B,) in two steps of the averaged model: the target for one step.

    The shortest steps use the plain velocity, which the flow loss teaches. All longer steps build on these.
    """
    middle = (t + r) / 2
    shortest = r - t <= SHORTEST_STEP
    first = average.estimator(x, *conditions, t, torch.where(shortest, t, middle))
    second_end = torch.where(shortest, middle, r)
    second = average.estimator(x + column(middle - t) * first, *conditions, middle, second_end)
    return (first + second) / 2  # type: ignore[no-any-return]


def losses(model: S3Gen, average: S3Gen, mel: Tensor, tokens: Tensor, speaker: Tensor, mask: Tensor) -> Parts:
    """mel (B, T, 80) normalized, tokens (B, T / 2), speaker (B, S), mask (B, T).

    flow: velocity at one time. shortcut: velocity over a step. prior: distance of the encoder's output from the mel.
    """
    mu, spk = model.condition(tokens, speaker)
    batch, noise, prompt = len(mel), torch.randn_like(mel), torch.zeros_like(mel)
    shortcut = batch // 3  # rows that learn long steps
    t, r = step_times(batch, shortcut, mel.device)
    x = (1 - column(t)) * noise + column(t) * mel
    target = mel - noise
    s = slice(0, shortcut)
    long = two_half_steps(average, x[s], (mu[s].detach(), spk[s].detach(), prompt[s]), t[s], r[s])
    target = torch.cat([long.type_as(target), target[shortcut:]])
    velocity = model.estimator(x, mu, spk, prompt, t, r)
    weight = mask[..., None] / (mask.sum() * 80)
    error = (velocity.float() - target).square() * weight
    return {
        "flow": error[shortcut:].sum() * batch / (batch - shortcut),
        "shortcut": error[:shortcut].sum() * batch / shortcut,
        "prior": ((mu.float() - mel).abs() * weight).sum(),
    }


class Ear(nn.Module):
    """Content and F0 of a mel, by the frozen speech tokenizer and HiFT's F0 predictor."""

    def __init__(self, encoder: Encoder, f0_predictor: F0Predictor) -> None:
        super().__init__()
        self.encoder, self.f0_predictor = encoder, f0_predictor
        self.requires_grad_(False)

    def content(self, mel: Tensor) -> Tensor:
        """Normalized mel (B, T, 80) -> features (B, T / 2, C)."""
        return self.encoder.features(mel.float() * MEL_SCALE + MEL_MEAN)

    def f0(self, mel: Tensor) -> Tensor:
        """Normalized mel (B, T, 80) -> F0 in Hz (B, T)."""
        with torch.autocast(mel.device.type, enabled=False):  # bfloat16 resolves F0 to 1 Hz only
            return self.f0_predictor((mel.float() * MEL_SCALE + MEL_MEAN).transpose(1, 2))  # type: ignore[no-any-return]


def heard(ear: Ear, made: Tensor, mel: Tensor, f0: Tensor, mask: Tensor) -> Parts:
    """made and mel (B, T, 80) normalized, f0 (B, T) in Hz, mask (B, T).

    mel: their distance; without it the made mel drifts where the other two losses do not notice. content: distance of
    the speech tokenizer's features. pitch: distance of F0 in octaves, where voiced.
    """
    with torch.no_grad():
        wanted = ear.content(mel)
    both = mask[:, ::2] * mask[:, 1::2]
    content = ((ear.content(made) - wanted).abs().mean(-1) * both).sum() / both.sum()
    voiced = mask * (f0 > 0)
    octaves = (ear.f0(made).clamp(min=MIN_F0).log2() - f0.clamp(min=MIN_F0).log2()).abs()
    return {
        "mel": ((made.float() - mel).abs().mean(-1) * mask).sum() / mask.sum(),
        "content": content,
        "pitch": (octaves * voiced).sum() / voiced.sum().clamp(min=1),
    }


def draw(pool: SpeechPool, spans: Spans, frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """Normalized mel (B, T, 80), tokens (B, T / 2), mask (B, T).

    The mask is 0 for frames that lack context which they have in use, where only the start of a sentence has no past.
    """
    mel = (gather(pool.mel, spans.start, frames).float() - MEL_MEAN) / MEL_SCALE
    tokens = gather(pool.tokens, spans.start // 2, frames // 2).long()
    mask = span_mask(spans.size - LOOKAHEAD_FRAMES * spans.goes_on, frames)
    return mel, tokens, (mask & ~span_mask(PAST_FRAMES * spans.began, frames)).float()


def liveliness(mel: Tensor, inside: Tensor) -> Tensor:
    """Mean absolute change from frame to frame of mel (B, T, 80), where inside (B, T)."""
    return (mel[:, 1:] - mel[:, :-1])[inside[:, 1:]].abs().mean()


class S3GenTraining:
    def __init__(self, run: Run, args: argparse.Namespace) -> None:
        self.run = run
        self.model = S3Gen().to(run.device)
        self.trained: set[str] = set()
        if args.resume:
            state = load(args.resume, run.device)
            self.model.load_state_dict(state["s3gen"])
            self.trained = trained_voices(state)
        run.broadcast(self.model)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.ema = Ema(self.model, 0.9995)
        self.speakers = speaker_embeddings(SPEAKER_SIZE).to(run.device)
        self.optimizer = run.adamw(self.model.parameters(), (0.9, 0.98), weight_decay=0.01)
        self.optimizers = [self.optimizer]
        encoder = load_encoder(args.tokenizer, run.device)
        self.ear = Ear(encoder, load_hift(args.hift, run.device).f0_predictor) if args.hift else None
        self.pool = SpeechPool(run, args.shards, args.hours, encode=encoder.encode)
        self.count, self.frames = (4, 64) if run.toy else (args.batch, args.frames)
        self.pool.refresh(wait_for=16 * self.count if run.toy else 50 * self.count)
        self.learn = Graphed(self._learn)

    def advance(self, step: int) -> Parts:
        numbers = self.pool.random(self.count)
        parts = self.learn(*self.pool.spans(numbers, self.frames, FROM_START), self.pool.voice(numbers))
        self.ema.update(step)
        if step % 10 == 0:
            self.ema.copy_to(self.average)
            self.pool.refresh(0.02)
        return parts

    def _learn(self, start: Tensor, size: Tensor, began: Tensor, goes_on: Tensor, voice: Tensor) -> Parts:
        mel, tokens, mask = draw(self.pool, Spans(start, size, began, goes_on), self.frames)
        speaker = self.speakers[voice]
        with self.run.autocast():
            parts = losses(self.model, self.average, mel, tokens, speaker, mask)
            if self.ear is not None:
                last = slice(len(mel) - len(mel) // 4, None)
                made = self.model.made(tokens[last], speaker[last], *IN_USE)
                parts |= heard(self.ear, made, mel[last], self._f0(start[last]), mask[last])
        loss = sum(WEIGHTS[name] * part for name, part in parts.items())
        self.run.descend(loss, self.model, self.optimizer, 1.0)
        return detached(parts)

    def held_out(self) -> str:
        """For steps and temperatures of SAMPLERS: L1 of the log mel, and its change per frame over the real one's."""
        self.ema.copy_to(self.average)
        return of_each_voice(self._sampled)

    def _sampled(self, voice: int) -> str:
        numbers = self.pool.held_out_of(voice)[:64]
        if len(numbers) < 4:
            return ""
        spans = self.pool.spans(np.asarray(numbers), self.frames)
        mel, tokens, mask = draw(self.pool, spans, self.frames)
        inside, found = mask > 0, []
        for steps, temperature in SAMPLERS:
            with self.run.autocast():
                made = self.average.made(tokens, self.speakers[voice : voice + 1], steps, temperature).float()
            l1 = (made - mel).abs()[inside].mean() * MEL_SCALE
            slope = liveliness(made, inside) / liveliness(mel, inside)
            found.append(f"{steps}x{temperature}: {float(l1):.3f} {float(slope):.2f}")
            if self.ear is not None and (steps, temperature) == IN_USE:
                found.append(shown(heard(self.ear, made, mel, self._f0(spans.start), mask)))
        return ", ".join(found)

    def _f0(self, start: Tensor) -> Tensor:
        """F0 in Hz of crops (B, T)."""
        return gather(self.pool.f0, start, self.frames).float()

    def keep(self, path: Path) -> None:
        self.ema.copy_to(self.average)
        save(path, s3gen=half(self.average), voices=sorted(self.trained | self.pool.voices))


def main() -> None:
    parser = speech_arguments(__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True, help="checkpoint of the speech tokenizer")
    parser.add_argument("--hift", type=Path, help="checkpoint of HiFT, for the losses on content and F0")
    parser.add_argument("--batch", type=int, default=64, help="crops per batch and process")
    parser.add_argument("--frames", type=int, default=200, help="frames of a crop, an even number")
    args = parser.parse_args()
    run = Run(args)
    train(run, S3GenTraining(run, args), args.out)


if __name__ == "__main__":
    main()
