"""Trains the draft, which predicts T3's next states. T3 is not changed.

The draft learns T3's distributions over the tokens, first from T3's states, then from its own predictions of them.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.common import Graphed, Parts, Run, detached, half, load, save, speaker_embeddings, train
from training.models.t3 import DRAFT_CONFIG, SPEAKER_SIZE, T3, T3_CONFIG, Draft
from training.quantization import T3_BITS, plain_names, store, train_as_stored
from training.train_t3 import (
    SPEECH_SHARE,
    Task,
    TokenBatches,
    compile_layers,
    embed,
    on_held_out,
    optimizer_of,
    read_rows,
    token_arguments,
)

NUM_DRAFT = 3  # guesses per round
TEMPERATURE = 0.5  # of sampling in use, where draft and T3 should agree


def losses(t3: T3, draft: Draft, task: Task, speaker: Tensor, textless: float = 0.0) -> Parts:
    """Divergence of the draft's distributions from T3's, half of it at temperature 1, half at TEMPERATURE.

    Each depth is evaluated at a share of the positions, so that all depths together cost as much as T3's own logits.
    overlap: common probability mass of the two distributions at TEMPERATURE, by depth.
    """
    with torch.no_grad():
        embeds = embed(t3, task, speaker, textless)
        states, head = t3(embeds), t3.speech_head.weight
    parts = {"divergence": torch.zeros((), device=speaker.device)}
    for depth, guessed in enumerate(draft(embeds, states, NUM_DRAFT)):
        at = slice(depth, None, NUM_DRAFT)
        weight = task.weight[at] / task.weight[at].sum()
        logits, ours = (F.linear(task.at(x)[at], head).float() for x in (states, guessed))
        for temperature in (1.0, TEMPERATURE):
            p, q = ((x / temperature).log_softmax(-1) for x in (logits, ours))
            apart = F.kl_div(q, p, log_target=True, reduction="none").sum(-1)
            parts["divergence"] = parts["divergence"] + (apart * weight).sum() / (2 * NUM_DRAFT)
        parts[f"overlap{depth}"] = (torch.minimum(p.exp(), q.detach().exp()).sum(-1) * weight).sum()
    return parts


class DraftTraining:
    def __init__(self, run: Run, args: argparse.Namespace) -> None:
        self.run, self.noise, self.textless = run, args.noise, args.textless
        self.t3 = T3(T3_CONFIG).to(run.device).eval().requires_grad_(False)
        self.t3.load_state_dict(load(args.t3, run.device)["t3"])
        self.draft = Draft(DRAFT_CONFIG).to(run.device)
        if args.resume:
            self.draft.load_state_dict(load(args.resume, run.device)["draft"])
        store(self.t3, args.bits)
        train_as_stored(self.draft, args.bits)
        run.broadcast(self.draft)
        self.speaker = speaker_embeddings(SPEAKER_SIZE)[0].to(run.device)
        self.optimizer = optimizer_of(run, self.draft)
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
            task = read_rows(rows, self.noise, SPEECH_SHARE)
            parts = losses(self.t3, self.draft, task, self.speaker, self.textless)
        self.run.descend(parts["divergence"], self.draft, self.optimizer, 1.0)
        return detached(parts)

    def held_out(self) -> str:
        return on_held_out(self.pool, lambda task: losses(self.t3, self.draft, task, self.speaker))

    def keep(self, path: Path) -> None:
        save(path, draft=plain_names(half(self.draft)))


def main() -> None:
    parser = token_arguments(__doc__)
    parser.add_argument("--t3", type=Path, required=True, help="checkpoint of T3")
    parser.add_argument("--bits", type=int, default=T3_BITS, help="bits per weight in which T3 and draft are stored")
    args = parser.parse_args()
    run = Run(args)
    train(run, DraftTraining(run, args), args.out)


if __name__ == "__main__":
    main()
