"""Trains HiFT (mel to waveform) against discriminators, called critics.

With `--s3gen` it learns from mels that S3Gen makes, which are its input in use. With `--tokenizer` a content loss
compares the speech tokenizer's features of the made sound and of the teacher's.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.checkpoints import load_encoder, load_s3gen
from training.common import (
    HOP,
    Ema,
    Graphed,
    LogMel,
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
from training.data import SpeechPool, gather
from training.models.discriminators import Critics, critic_loss, feature_loss, generator_loss
from training.models.hift import LOOKAHEAD, HiFT, widened
from training.models.s3gen import SPEAKER_SIZE, S3Gen
from training.models.speech_tokenizer import Encoder

LEFT = 8  # frames of context before the frames of the loss, in four batches of five
BEFORE, AFTER = 48, 8  # frames around a crop in S3Gen's input
REAL_EVERY = 4  # one of so many batches has the teacher's mels, the others S3Gen's
CONTENT_WEIGHT = 10.0
BETAS, DECAY = (0.8, 0.99), 0.01
PITCH_LR_SCALE = 5.0  # outputs are hundreds of Hz, and a step of Adam moves a weight by about the learning rate
CRITICS_LR_SCALE = 4.0  # critics have to keep up with a vocoder that has other losses too
PITCH_GIVEN = 1500  # first steps from scratch, which get the real F0 only


class SpectralLoss(nn.Module):
    """Distance of two waveforms: log mel at several resolutions, and log magnitude."""

    def __init__(self) -> None:
        super().__init__()
        self.log_mel = LogMel()
        self.sizes = (256, 512, 1024, 2048)
        for n in self.sizes:
            self.register_buffer(f"window_{n}", torch.hann_window(n), persistent=False)

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        loss = 2.0 * (self.log_mel(made) - self.log_mel(real)).abs().mean()
        for n in self.sizes:
            a, b = (self._magnitude(x, n) for x in (made, real))
            loss = loss + (a.log() - b.log()).abs().mean() / len(self.sizes)
            loss = loss + (a - b).norm() / b.norm() / len(self.sizes)
        return loss  # type: ignore[no-any-return]

    def _magnitude(self, x: Tensor, n: int) -> Tensor:
        spec = torch.stft(x, n, n // 4, window=getattr(self, f"window_{n}"), return_complex=True)
        return (spec.real.square() + spec.imag.square()).clamp(min=1e-8).sqrt().clamp(min=1e-3)


def f0_loss(predicted: Tensor, real: Tensor) -> Tensor:
    """Mean absolute error in Hz / 100; unvoiced frames should come out at 0."""
    return (predicted.float() - real).abs().mean() / 100.0


class Crops:
    """Random crops: mel (B, left + n + 4, 80), F0 (B, same), audio (B, n * 480) of the n frames of the loss.

    With left = 0 they are the beginnings of utterances, as only these have no past in use. Where an utterance ends
    within a crop, mel and audio both continue into the next one.
    """

    def __init__(self, pool: SpeechPool, frames: int, maker: S3Gen | None) -> None:
        self.pool, self.frames, self.maker = pool, frames, maker
        self.speakers = speaker_embeddings(SPEAKER_SIZE).to(pool.mel.device)

    def total(self, left: int) -> int:
        """Frames of mel in a crop: an even number, as a token has two frames."""
        return left + self.frames + LOOKAHEAD + 1

    def starts(self, numbers: np.ndarray, left: int = LEFT) -> Tensor:
        """First frames (B,) of crops of some utterances."""
        return self.pool.spans(numbers, self.total(left), 0.0 if left else 1.0).start

    def draw(self, start: Tensor, voice: Tensor, made: bool, left: int = LEFT) -> tuple[Tensor, Tensor, Tensor]:
        total = self.total(left)
        f0 = gather(self.pool.f0, start, total).float()
        audio = gather(self.pool.audio, (start + left) * HOP, self.frames * HOP).float() / 32767.0
        if made and self.maker is not None:
            mel = self._made_mel(self.maker, start, voice, total, BEFORE if left else 0)
        else:
            mel = gather(self.pool.mel, start, total).float()
        return mel, f0, audio

    @torch.no_grad()
    def _made_mel(self, maker: S3Gen, start: Tensor, voice: Tensor, total: int, before: int) -> Tensor:
        """S3Gen's mel of the crop, made with `before` frames of context and with its look-ahead."""
        first = (start - before).clamp(min=0)
        tokens = gather(self.pool.tokens, first // 2, (before + total + AFTER) // 2).long()
        flow = maker.config.flow
        mel = maker.sample(tokens, self.speakers[voice], flow.num_steps, flow.temperature).float()
        return gather_rows(mel, start - first, total)


def gather_rows(x: Tensor, start: Tensor, length: int) -> Tensor:
    """x (B, T, C), start (B,) -> (B, length, C)."""
    index = start[:, None] + torch.arange(length, device=x.device)
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))


class HiFTTraining:
    def __init__(self, run: Run, args: argparse.Namespace) -> None:
        self.run, self.resumed = run, args.resume is not None
        self.trained: set[str] = set()
        self.model, self.critics = HiFT().to(run.device), Critics().to(run.device)
        self.distance = SpectralLoss().to(run.device)
        if args.resume:
            self.resume(args.resume)
        run.broadcast(self.model, self.critics)
        self.ema = Ema(self.model, 0.999)
        pitch = list(self.model.f0_predictor.parameters())
        others = [p for n, p in self.model.named_parameters() if not n.startswith("f0_predictor.")]
        groups = [{"params": others}, {"params": pitch, "lr_scale": PITCH_LR_SCALE}]
        self.optimizer = run.adamw(groups, BETAS, DECAY)
        judges = [{"params": list(self.critics.parameters()), "lr_scale": CRITICS_LR_SCALE}]
        self.critic_optimizer = run.adamw(judges, BETAS, DECAY)
        self.optimizers = [self.optimizer, self.critic_optimizer]
        maker = load_s3gen(args.s3gen, run.device) if args.s3gen else None
        self.listener = load_encoder(args.tokenizer, run.device).requires_grad_(False) if args.tokenizer else None
        encode = self.listener.encode if self.listener and maker else None
        self.pool = SpeechPool(run, args.shards, args.hours, keep_audio=True, encode=encode)
        self.pool.refresh(wait_for=64 if run.toy else 2000)
        self.crops = Crops(self.pool, 12 if run.toy else args.frames, maker)
        self.count = 2 if run.toy else args.batch
        self.learn = Graphed(self._learn)

    def resume(self, path: Path) -> None:
        """From a checkpoint, which may lack the critics."""
        state = load(path, self.run.device)
        self.model.load_state_dict(widened(state["hift"], self.model))
        if "critics" in state:
            self.critics.load_state_dict(state["critics"])
        self.trained = trained_voices(state)

    def advance(self, step: int) -> Parts:
        left = 0 if step % 5 == 0 else LEFT  # the start of speech has no past
        made = self.crops.maker is not None and step % REAL_EVERY != 0
        # The real F0 teaches the harmonics; in use there is only the predicted one.
        own_pitch = (self.resumed or step > PITCH_GIVEN) and step % 3 != 0
        numbers = self.pool.random(self.count)
        start = self.crops.starts(numbers, left)
        parts = self.learn(start, self.pool.voice(numbers), left=left, made=made, own_pitch=own_pitch)
        self.ema.update(step)
        if step % 20 == 0:
            self.pool.refresh(0.02)
        return parts

    def _learn(self, start: Tensor, voice: Tensor, left: int, made: bool, own_pitch: bool) -> Parts:
        mel, f0, real = self.crops.draw(start, voice, made, left)
        with self.run.autocast():
            sung, predicted = self.model(mel, None if own_pitch else f0)
            sung = sung[:, left * HOP : left * HOP + real.shape[1]]
        critic, real_features = self._teach_critics(sung.detach(), real)
        parts = self._generator_parts(sung, real, real_features) | {"f0": f0_loss(predicted, f0), "critic": critic}
        # The first three terms are 10 to 20 each, as in HiFi-GAN. With less of the last two, harmonics smear.
        loss = 10.0 * parts["spectral"] + parts["adversary"] + 2.0 * parts["features"] + parts["f0"]
        if self.listener is not None:
            with self.run.autocast():
                parts["content"] = self._content(self.listener, sung, real)
            loss = loss + CONTENT_WEIGHT * parts["content"]
        self.run.descend(loss, self.model, self.optimizer, 200.0)
        return detached(parts)

    def _teach_critics(self, made: Tensor, real: Tensor) -> tuple[Tensor, list[list[Tensor]]]:
        """One step of the critics; their loss, and their features of the real sound before it."""
        with self.run.autocast():
            scores, features = self.critics(torch.cat([real, made]))
        count = len(real)
        loss = critic_loss([s[:count] for s in scores], [s[count:] for s in scores])
        self.run.descend(loss, self.critics, self.critic_optimizer, None)
        return loss.detach(), [[f[:count].detach() for f in layers] for layers in features]

    def _generator_parts(self, made: Tensor, real: Tensor, real_features: list[list[Tensor]]) -> Parts:
        """Distance from the real sound, and the losses by the critics."""
        self.critics.requires_grad_(False)
        with self.run.autocast():
            scores, features = self.critics(made)
        self.critics.requires_grad_(True)
        return {
            "spectral": self.distance(made, real),
            "adversary": generator_loss(scores),
            "features": feature_loss(real_features, features),
        }

    def _content(self, listener: Encoder, made: Tensor, real: Tensor) -> Tensor:
        """Distance of the speech tokenizer's features of two waveforms (B, N)."""
        heard = [listener.features(self.distance.log_mel(sound)) for sound in (made, real)]
        return F.l1_loss(*heard)

    def held_out(self) -> str:
        """Losses with the averaged weights, for real mels and for S3Gen's."""
        kept = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.ema.copy_to(self.model)
        found = of_each_voice(self._sung)
        self.model.load_state_dict(kept)
        return found

    def _sung(self, voice: int) -> str:
        numbers = np.asarray(self.pool.held_out_of(voice)[:32])
        if len(numbers) < 4:
            return ""
        start, voices, found = self.crops.starts(numbers), self.pool.voice(numbers), []
        for made_mel in (False, True) if self.crops.maker else (False,):
            mel, f0, real = self.crops.draw(start, voices, made_mel)
            made, predicted = self.model(mel)
            made = made[:, LEFT * HOP : LEFT * HOP + real.shape[1]]
            parts = {"spectral": self.distance(made, real)}
            if self.listener is not None:
                parts["content"] = self._content(self.listener, made, real)
            voiced = f0 > 0
            pitch = ((predicted - f0).abs() * voiced).sum() / voiced.sum()
            source = "made" if made_mel else "real"
            found.append(f"{source} mel: {shown(parts)} f0 {float(pitch):.1f} Hz")
        return ", ".join(found)

    def keep(self, path: Path) -> None:
        averaged = {k: v.half() for k, v in self.ema.shadow.items()}
        save(path, hift=averaged, critics=half(self.critics), voices=sorted(self.trained | self.pool.voices))


def main() -> None:
    parser = speech_arguments(__doc__)
    parser.add_argument("--s3gen", type=Path, help="checkpoint of S3Gen; three of four batches have its mels")
    parser.add_argument("--tokenizer", type=Path, help="checkpoint of the speech tokenizer, for the content loss")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--frames", type=int, default=28)
    args = parser.parse_args()
    if args.s3gen and not args.tokenizer:
        parser.error("--s3gen needs --tokenizer")
    run = Run(args)
    train(run, HiFTTraining(run, args), args.out, keep_every=500)


if __name__ == "__main__":
    main()
