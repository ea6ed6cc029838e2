"""Trains T3: text characters to speech tokens.

Rows are padded at the right. Some input speech tokens are replaced by random ones, so that the model relies on the
text rather than on its own past.
"""

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.checkpoints import load_encoder
from training.common import (
    HOP,
    Graphed,
    LogMel,
    Parts,
    Run,
    arguments,
    detached,
    half,
    load,
    save,
    shown,
    speaker_embeddings,
    train,
)
from training.corpus import is_held_out
from training.data import FIRST_VOICE, Encode, Shard, ShardReader, shard_mel
from training.intonation import rises
from training.models.speech_tokenizer import NUM_CODES
from training.models.t3 import (
    MAX_LENGTH,
    SPEAKER_SIZE,
    START_SPEECH,
    START_TEXT,
    STOP_SPEECH,
    STOP_TEXT,
    T3,
    T3_CONFIG,
    TEXT_IDS,
)
from training.quantization import plain_names, train_as_stored

BUCKETS = (80, 112, 144, 176, 208, 256, 320, 400, 512, MAX_LENGTH)  # sequence lengths
MAX_TEXT = 302  # start and stop included
SPEECH_SHARE = 0.6  # at most this share of the positions of a batch is in the loss
FIRST_READ = 30.0  # seconds of reading shards before training: T3 would memorize the first few in some hundred steps


def make_row(text: str, codes: np.ndarray) -> np.ndarray | None:
    """[text length, speech length, 0, start, characters, stop, BOS, BOS, speech..., STOP_SPEECH...]: bucket + 2.

    The 0 stands for the speaker embedding. None if the row fits no bucket.
    """
    chars = [START_TEXT, *(TEXT_IDS[c] for c in text if c in TEXT_IDS), STOP_TEXT]
    size = 1 + len(chars) + 2 + len(codes)
    bucket = next((b for b in BUCKETS if size <= b), None)
    if bucket is None or len(chars) > MAX_TEXT:
        return None
    row = np.full(bucket + 2, STOP_SPEECH, np.int16)
    row[:3] = len(chars), len(codes), 0
    row[3 : 3 + len(chars)] = chars
    row[3 + len(chars) : 5 + len(chars)] = START_SPEECH
    row[5 + len(chars) : 2 + size] = codes
    return row


class TokenPool:
    """Rows of ids by length, on the device. Rising questions are added twice; held-out rows are kept apart."""

    def __init__(self, run: Run, folder: Path, encode: Encode) -> None:
        self.run, self.encode = run, encode
        self.log_mel = LogMel().to(run.device)
        self.reader = ShardReader(folder, run.rank, run.world, FIRST_VOICE)
        self.rows: dict[int, Tensor] = {
            b: torch.zeros((1024, b + 2), dtype=torch.int16, device=run.device) for b in BUCKETS
        }
        self.counts = dict.fromkeys(BUCKETS, 0)
        self.held_out: list[np.ndarray] = []
        self.seconds = 0.0

    def add(self, shard: Shard) -> None:
        with torch.inference_mode():
            codes = self.encode(shard_mel(shard.audio, self.log_mel, self.run.device)[None]).short().cpu().numpy()
        fresh: dict[int, list[np.ndarray]] = {b: [] for b in BUCKETS}
        for start, end, text in zip(shard.starts // (2 * HOP), shard.ends // (2 * HOP), shard.texts, strict=True):
            row = make_row(text, codes[start:end])
            if row is None:
                continue
            if is_held_out(text):
                self.held_out.append(row)
            else:
                fresh[len(row) - 2] += [row] * (2 if rises(text) else 1)
        for bucket, rows in fresh.items():
            self._append(bucket, rows)
        self.seconds += len(shard.audio) / 24_000

    def _append(self, bucket: int, rows: list[np.ndarray]) -> None:
        if not rows:
            return
        held, count = self.rows[bucket], self.counts[bucket]
        while count + len(rows) > len(held):
            held = torch.cat([held, torch.zeros_like(held)])
        held[count : count + len(rows)] = torch.from_numpy(np.stack(rows)).to(held.device)
        self.rows[bucket], self.counts[bucket] = held, count + len(rows)

    def refresh(self, shards: int) -> bool:
        """Read this many new shards. False if there were fewer."""
        for _ in range(shards):
            if (shard := self.reader.next()) is None:
                return False
            self.add(shard)
        return True

    def batch(self, positions: int, choice: float) -> Tensor:
        """Rows (B, bucket + 2). choice: 0 to 1, picks the bucket, weighted by the positions that each holds."""
        weights = np.asarray([b * self.counts[b] for b in BUCKETS], np.float64)
        bucket = BUCKETS[int(np.searchsorted(np.cumsum(weights) / weights.sum(), choice).clip(max=len(BUCKETS) - 1))]
        size = max(1, positions // bucket)
        return self.rows[bucket][torch.randint(self.counts[bucket], (size,), device=self.run.device)]


def counted_places(rows: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Positions in the flattened ids (B * L) that predict a speech token: indices (K,), and whether each does (K,).

    K is a fixed share of all positions, so that a step has one shape. Positions beyond K are left out.
    """
    text, speech, length = rows[:, :1].long(), rows[:, 1:2].long(), rows.shape[1] - 2
    place = torch.arange(length, device=rows.device)
    first = text + 2  # the second start of speech predicts token 0
    counts = ((place >= first) & (place <= first + speech)).flatten()
    index = torch.argsort(counts.byte(), descending=True, stable=True)[: math.ceil(share * len(counts))]
    return index, counts[index]


@dataclass
class Task:
    """A batch: ids (B, L), the first of each row unused, and text lengths (B,).

    index, weight, target (K,): flattened positions that predict a speech token, their weights in the mean, and the
    tokens to predict.
    """

    ids: Tensor
    text: Tensor
    index: Tensor
    weight: Tensor
    target: Tensor

    def at(self, states: Tensor) -> Tensor:
        """(B, L, hidden) -> (K, hidden)."""
        return states.flatten(0, 1).index_select(0, self.index)


def read_rows(rows: Tensor, noise: float, share: float) -> Task:
    """noise: share of the input speech tokens to replace. share: of the positions, the most in the loss."""
    text, ids = rows[:, 0].long(), rows[:, 2:].long()
    index, counts = counted_places(rows, share)
    target = torch.cat([ids[:, 1:], torch.full_like(ids[:, :1], STOP_SPEECH)], 1).flatten()[index]
    if noise:
        is_speech = torch.arange(ids.shape[1], device=ids.device)[None] > text[:, None] + 2
        swap = (torch.rand(ids.shape, device=ids.device) < noise) & is_speech
        ids = torch.where(swap, torch.randint_like(ids, NUM_CODES), ids)
    return Task(ids, text, index, counts / counts.sum(), target)


def embed(t3: T3, task: Task, speaker: Tensor, textless: float) -> Tensor:
    """T3's input (B, L, hidden). speaker: (S,). textless: share of rows without text, for classifier-free guidance."""
    has_text = torch.rand(len(task.ids), device=speaker.device) >= textless
    return t3.embed(task.ids, task.text, speaker.expand(len(task.ids), -1), has_text)


def losses(t3: T3, task: Task, speaker: Tensor, textless: float = 0.0) -> Parts:
    """Mean cross entropy on the speech tokens."""
    embeds = embed(t3, task, speaker, textless)
    logits = t3.speech_head(task.at(t3(embeds))).float()
    loss = (F.cross_entropy(logits, task.target, reduction="none") * task.weight).sum()
    return {"loss": loss, "accuracy": ((logits.argmax(-1) == task.target) * task.weight).sum()}


class TokenBatches:
    """Batches from a pool of tokens, which reads new shards meanwhile."""

    def __init__(self, run: Run, args: argparse.Namespace) -> None:
        self.run = run
        self.pool = TokenPool(run, args.shards, load_encoder(args.tokenizer, run.device).encode)
        end, enough = time.monotonic() + FIRST_READ, 50 if run.toy else 3000
        while (self.pool.refresh(4) and time.monotonic() < end) or sum(self.pool.counts.values()) < enough:
            time.sleep(0.05)  # the teacher may be slower
        self.positions = 2000 if run.toy else args.positions
        # The same choices on every rank: batches of equal length keep the processes in step.
        self.choices = np.random.default_rng(args.seed)

    def teach(self, learn: Callable[[Tensor], Parts], step: int) -> Parts:
        """One training step on a new batch."""
        parts = learn(self.pool.batch(self.positions, self.choices.random()))
        if self.run.due(step, 10):
            self.pool.refresh(2)
        return parts


def optimizer_of(run: Run, model: nn.Module) -> torch.optim.AdamW:
    """AdamW with weight decay for matrices, not for vectors."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    return run.adamw(groups, (0.9, 0.98), weight_decay=0.0)


def on_held_out(pool: TokenPool, measure: Callable[[Task], Parts]) -> str:
    """Measures of held-out rows, without replaced tokens: means over the speech tokens."""
    sums: dict[str, float] = {}
    count = 0
    for bucket in BUCKETS:
        rows = [r for r in pool.held_out if len(r) == bucket + 2][:48]
        if not rows:
            continue
        batch = torch.from_numpy(np.stack(rows)).to(pool.run.device)
        with pool.run.autocast():
            parts = measure(read_rows(batch, noise=0.0, share=1.0))
        weight = sum(int(r[1]) for r in rows)
        count += weight
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + weight * float(value)
    return shown({name: total / count for name, total in sums.items()}) if count else "none"


def compile_layers(t3: T3) -> None:
    """Compile the layers, which fuses small operations: a step takes two thirds of the time."""
    torch._dynamo.config.suppress_errors = True
    torch._dynamo.config.cache_size_limit = 64
    for layer in t3.llama.layers:
        layer.compile(dynamic=True)


class T3Training:
    def __init__(self, run: Run, args: argparse.Namespace) -> None:
        self.run, self.noise, self.textless = run, args.noise, args.textless
        self.t3 = T3(T3_CONFIG, args.dropout).to(run.device)
        self.speaker = speaker_embeddings(SPEAKER_SIZE)[0].to(run.device)
        if args.resume:
            self.t3.load_state_dict(load(args.resume, run.device)["t3"])
        if args.bits:
            train_as_stored(self.t3, args.bits)
        run.broadcast(self.t3)
        self.optimizer = optimizer_of(run, self.t3)
        self.optimizers = [self.optimizer]
        if run.device.type == "cuda":
            compile_layers(self.t3)
        self.batches = TokenBatches(run, args)
        self.pool = self.batches.pool
        self.learn = Graphed(self._learn)

    def advance(self, step: int) -> Parts:
        return self.batches.teach(self.learn, step)

    def _learn(self, rows: Tensor) -> Parts:
        with self.run.autocast():
            parts = losses(self.t3, read_rows(rows, self.noise, SPEECH_SHARE), self.speaker, self.textless)
        self.run.descend(parts["loss"], self.t3, self.optimizer, 1.0)
        return detached(parts)

    def held_out(self) -> str:
        self.t3.eval()
        found = on_held_out(self.pool, lambda task: losses(self.t3, task, self.speaker))
        self.t3.train()
        return found

    def keep(self, path: Path) -> None:
        save(path, t3=plain_names(half(self.t3)))


def token_arguments(doc: str | None) -> argparse.ArgumentParser:
    """Arguments of the scripts that train on tokens."""
    parser = arguments(doc)
    parser.add_argument("--tokenizer", type=Path, required=True, help="checkpoint of the speech tokenizer")
    parser.add_argument("--positions", type=int, default=24_576, help="sequence positions per batch and process")
    parser.add_argument("--noise", type=float, default=0.06, help="share of input speech tokens to replace")
    parser.add_argument("--textless", type=float, default=0.08, help="share of rows whose text is hidden")
    return parser


def main() -> None:
    parser = token_arguments(__doc__)
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument("--bits", type=int, help="train with weights quantized to so many bits")
    args = parser.parse_args()
    run = Run(args)
    train(run, T3Training(run, args), args.out)


if __name__ == "__main__":
    main()
