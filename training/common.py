"""Shared by all training scripts: processes, time budget, optimizer, training loop, checkpoints, voices, mel."""

import argparse
import math
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from training.voices import VOICES

SAMPLE_RATE, N_FFT, HOP, N_MELS, F_MAX = 24_000, 1920, 480, 80, 8_000.0
FRAMES_PER_TOKEN = 2
WARMUP = 300  # steps

Parts: TypeAlias = dict[str, Tensor]  # the terms of a loss, by name
Parameters: TypeAlias = Iterable[nn.Parameter] | list[dict[str, Any]]


class Run:
    """One process of a training run: rank, device, time budget and learning rate.

    The budget is in seconds, not steps: progress goes from 0 to 1 with the clock, so a run ends on time.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        local = int(os.environ.get("LOCAL_RANK", 0))
        self.device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        if self.world > 1:
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        seed = args.seed + self.rank
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        self.seconds, self.start, self.peak = args.seconds, time.monotonic(), args.lr
        self.decay_from, self.toy = args.decay_from, args.toy

    @property
    def progress(self) -> float:
        """Share of the budget that is spent, by the clock of rank 0; the same on every rank."""
        spent: float = (time.monotonic() - self.start) / self.seconds
        if self.world > 1:
            value = torch.tensor(spent, device=self.device)
            dist.broadcast(value, 0)
            spent = float(value)
        return min(1.0, spent)

    def lr(self, step: int, progress: float) -> float:
        """Learning rate: linear warm-up, a plateau, then from `decay_from` on a linear decay to a hundredth."""
        fall = 1.0 if progress < self.decay_from else max(0.01, (1 - progress) / (1 - self.decay_from))
        return float(self.peak * min(1.0, (step + 1) / WARMUP) * fall)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def adamw(self, parameters: Parameters, betas: tuple[float, float], weight_decay: float) -> torch.optim.AdamW:
        on_gpu = self.device.type == "cuda"
        options: dict[str, Any] = {"betas": betas, "weight_decay": weight_decay, "fused": on_gpu, "capturable": on_gpu}
        optimizer = torch.optim.AdamW(parameters, self.peak, **options)
        if on_gpu:  # a tensor, so that captured graphs read the current value
            for group in optimizer.param_groups:
                group["lr"] = torch.tensor(self.peak, device=self.device)
        return optimizer

    def set_lr(self, optimizer: torch.optim.Optimizer, step: int, progress: float) -> None:
        for group in optimizer.param_groups:
            value = self.lr(step, progress) * group.get("lr_scale", 1.0)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(value)
            else:
                group["lr"] = value

    def descend(self, loss: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer, most: float | None) -> None:
        """One optimizer step. most: the gradient norm is clipped to this, None for no clipping."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.sync(model)
        if most is not None:
            nn.utils.clip_grad_norm_(model.parameters(), most)
        optimizer.step()

    def due(self, step: int, every: int) -> bool:
        """Whether something periodic is due at this step. Toy runs are short and use a period of 5 at most."""
        return step % (min(5, every) if self.toy else every) == 0

    def sync(self, model: nn.Module) -> None:
        """Average the gradients over the processes."""
        if self.world > 1:
            grads = [p.grad for p in model.parameters() if p.grad is not None]
            flat = torch.cat([g.flatten() for g in grads])
            dist.all_reduce(flat)
            flat /= self.world
            pieces = flat.split([g.numel() for g in grads])
            torch._foreach_copy_(grads, [p.view_as(g) for p, g in zip(pieces, grads, strict=True)])

    def broadcast(self, *models: nn.Module) -> None:
        """Copy the weights of rank 0 to all processes."""
        if self.world > 1:
            for model in models:
                for p in model.parameters():
                    dist.broadcast(p.data, 0)

    def log(self, *words: Any) -> None:
        if self.rank == 0:
            print(f"[{time.monotonic() - self.start:6.1f}s]", *words, flush=True)


class Graphed:
    """A training step that runs as a CUDA graph, captured once for each shape of its inputs and each set of options.

    The networks are so small that the host takes longer to start their kernels than the GPU to run them. The step must
    not wait for the device, and other tensors that it reads must keep their memory. Its results are valid until the
    next call. Without CUDA the step runs directly.
    """

    EAGER = 3  # calls before the capture, which create the optimizer's state and choose kernels

    def __init__(self, step: Callable[..., Parts]) -> None:
        self.step = step
        self.calls: Counter[Any] = Counter()
        self.captured: dict[Any, tuple[torch.cuda.CUDAGraph, list[Tensor], Parts]] = {}
        self.pool: Any = None

    def __call__(self, *inputs: Tensor, **options: Any) -> Parts:
        if inputs[0].device.type != "cuda":
            return self.step(*inputs, **options)
        key = (tuple(x.shape for x in inputs), *sorted(options.items()))
        if key not in self.captured:
            self.calls[key] += 1
            if self.calls[key] <= self.EAGER:
                return self._aside(*inputs, **options)
            self.captured[key] = self._capture(*inputs, **options)
        graph, held, results = self.captured[key]
        for place, value in zip(held, inputs, strict=True):
            place.copy_(value)
        graph.replay()
        return results

    def _aside(self, *inputs: Tensor, **options: Any) -> Parts:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            results = self.step(*inputs, **options)
        torch.cuda.current_stream().wait_stream(stream)
        return results

    def _capture(self, *inputs: Tensor, **options: Any) -> tuple[torch.cuda.CUDAGraph, list[Tensor], Parts]:
        self.pool = self.pool or torch.cuda.graph_pool_handle()  # type: ignore[no-untyped-call]
        graph, held = torch.cuda.CUDAGraph(), [x.clone() for x in inputs]
        with torch.cuda.graph(graph, pool=self.pool):
            results = self.step(*held, **options)
        return graph, held, results


class Pool(Protocol):
    """A source of batches."""

    @property
    def seconds(self) -> float:
        """Seconds of speech that this process has read."""


class Training(Protocol):
    """What a script gives to `train`."""

    @property
    def pool(self) -> Pool: ...

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]: ...

    def advance(self, step: int) -> Parts:
        """One step on a new batch; the terms of its loss, detached."""

    def held_out(self) -> str:
        """A report on held-out speech."""

    def keep(self, path: Path) -> None:
        """Write the checkpoint."""


def train(run: Run, training: Training, out: Path, keep_every: int = 1000) -> None:
    """Train until the budget is spent. Report and write the checkpoint periodically and at the end."""
    step, parts = 0, Parts()
    while (progress := run.progress) < 1.0:
        for optimizer in training.optimizers:
            run.set_lr(optimizer, step, progress)
        parts = training.advance(step)
        if run.due(step, 250):
            _report(run, training, step, parts)
        if step % keep_every == keep_every - 1 and run.rank == 0:
            training.keep(out)
        step += 1
    _report(run, training, step, parts)
    if run.rank == 0:
        training.keep(out)
        run.log("saved", out)


@torch.no_grad()
def _report(run: Run, training: Training, step: int, parts: Parts) -> None:
    if run.rank == 0:
        hours = training.pool.seconds * run.world / 3600
        run.log(f"step {step} train {shown(parts)} | held {training.held_out()} | {hours:.1f} h")


def detached(parts: Parts) -> Parts:
    return {name: value.detach() for name, value in parts.items()}


def shown(parts: Mapping[str, Tensor | float]) -> str:
    return " ".join(f"{k} {float(v):.3f}" for k, v in parts.items())


def arguments(doc: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True, help="folder of the teacher's shards")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--resume", type=Path, help="checkpoint to start from")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--decay-from", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--toy", action="store_true", help="tiny batches, to try the script on a CPU")
    return parser


def speech_arguments(doc: str | None) -> argparse.ArgumentParser:
    """Arguments of the scripts that train on mels."""
    parser = arguments(doc)
    parser.add_argument("--hours", type=float, default=100.0, help="most hours of speech to hold of each voice, "
                        "all processes together")  # fmt: skip
    return parser


def save(path: Path, **state: Any) -> None:
    """Write a checkpoint atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    torch.save(state, unfinished)
    unfinished.rename(path)


def load(path: Path, device: torch.device) -> dict[str, Any]:
    return torch.load(path, map_location=device, weights_only=True)  # type: ignore[no-any-return]


def half(model: nn.Module) -> dict[str, Tensor]:
    """A model's state as float16, which is precise enough to resume from."""
    return {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}


def to_native(layer: nn.Module, weight: Tensor) -> Tensor:
    """A layer's weight in MLX's layout: convolutions as (out, k, in)."""
    if isinstance(layer, nn.Conv1d):
        return weight.permute(0, 2, 1)
    return weight.permute(1, 2, 0) if isinstance(layer, nn.ConvTranspose1d) else weight


def from_native(layer: nn.Module, weight: Tensor) -> Tensor:
    """The inverse of to_native."""
    if isinstance(layer, nn.Conv1d):
        return weight.permute(0, 2, 1)
    return weight.permute(2, 0, 1) if isinstance(layer, nn.ConvTranspose1d) else weight


def speaker_embeddings(size: int) -> Tensor:
    """A fixed unit vector for each voice (V, size); new voices do not change the vectors of the others."""
    vectors = [np.random.default_rng(i).standard_normal(size).astype(np.float32) for i in range(len(VOICES))]
    return torch.from_numpy(np.stack([v / np.linalg.norm(v) for v in vectors]))


def trained_voices(state: Mapping[str, Any]) -> set[str]:
    """Names of the voices that a checkpoint has learned. Early checkpoints have one voice and no such entry."""
    return set(state.get("voices", VOICES[:1]))


def of_each_voice(measure: Callable[[int], str]) -> str:
    """A report for each voice after its name. Voices for which `measure` returns nothing are left out."""
    found = ((name, measure(voice)) for voice, name in enumerate(VOICES))
    return "; ".join(f"{name}: {text}" for name, text in found if text) or "none"


class Ema:
    """Exponential moving average of a model's weights."""

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        self.decay = decay
        self.live = {k: v.detach() for k, v in model.state_dict().items()}
        self.shadow = {k: v.clone().float() for k, v in self.live.items()}

    def update(self, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.shadow.values()), list(self.live.values()), 1 - decay)

    def copy_to(self, model: nn.Module) -> None:
        torch._foreach_copy_([v.detach() for v in model.state_dict().values()], list(self.shadow.values()))


def mel_filterbank() -> Tensor:
    """Triangles of unit area on the Slaney scale, 0 to 8 kHz, (N_FFT / 2 + 1, 80): the mel of Matcha-TTS and S3Gen."""
    step, knee = 200.0 / 3, 1000.0
    slope = math.log(6.4) / 27.0

    def to_mel(hz: float) -> float:
        return hz / step if hz < knee else knee / step + math.log(hz / knee) / slope

    mels = np.linspace(0, to_mel(F_MAX), N_MELS + 2)
    hz = np.where(mels < knee / step, mels * step, knee * np.exp(slope * (mels - knee / step)))
    bins = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    rise = (bins[:, None] - hz[None, :-2]) / np.diff(hz)[:-1]
    fall = (hz[None, 2:] - bins[:, None]) / np.diff(hz)[1:]
    bank = np.maximum(0, np.minimum(rise, fall)) * 2.0 / (hz[2:] - hz[:-2])
    return torch.from_numpy(bank).float()


class LogMel(nn.Module):
    """Samples (B, 480 * T) -> log mel (B, T, 80), natural logarithm, floor 1e-5."""

    bank: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bank", mel_filterbank(), persistent=False)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        padded = F.pad(audio[:, None], ((N_FFT - HOP) // 2,) * 2, mode="reflect")[:, 0]
        spec = torch.stft(padded, N_FFT, HOP, window=self.window, center=False, return_complex=True)
        magnitude = (spec.real.square() + spec.imag.square() + 1e-9).sqrt()
        return (magnitude.transpose(1, 2) @ self.bank).clamp(min=1e-5).log()
