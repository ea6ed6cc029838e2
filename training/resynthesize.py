"""Sends the teacher's speech through the codec, to find the part that loses words.

    python -m training.resynthesize WORK TEXT OUT [--mel]
    python benchmarks/quality.py --text TEXT --wavs OUT

hibari speaks each line of TEXT, as in benchmarks/quality.py. The sound is made a mel, codes, S3Gen's mel and samples
again, with the checkpoints in WORK. With --mel the teacher's own mel goes to HiFT. Writes OUT/0000.wav, 0001.wav, ...
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from training.checkpoints import load_encoder, load_hift, load_s3gen
from training.common import FRAMES_PER_TOKEN, HOP, SAMPLE_RATE, LogMel, speaker_embeddings
from training.models.s3gen import SPEAKER_SIZE

TOKEN = FRAMES_PER_TOKEN * HOP  # samples


class Codec:
    """Samples to speech tokens and back, in florence's voice."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.log_mel = LogMel()
        self.encoder = load_encoder(folder / "tokenizer.pt", device)
        self.s3gen = load_s3gen(folder / "s3gen.pt", device)
        self.hift = load_hift(folder / "hift.pt", device)
        self.speaker = speaker_embeddings(SPEAKER_SIZE)[:1]

    @torch.no_grad()
    def __call__(self, samples: Tensor, own_mel: bool) -> Tensor:
        """Samples (N,), N a multiple of TOKEN -> samples (N,). own_mel: skip the codes and S3Gen."""
        mel = self.log_mel(samples[None])
        if not own_mel:
            flow = self.s3gen.config.flow
            mel = self.s3gen.sample(self.encoder.encode(mel)[None], self.speaker, flow.num_steps, flow.temperature)
        return self.hift(mel)[0][0]  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("work", "text", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--mel", action="store_true", help="use the teacher's own mel, without codes and S3Gen")
    args = parser.parse_args()
    from hibari import Hibari

    teacher, codec = Hibari(), Codec(args.work, torch.device("cpu"))
    args.out.mkdir(parents=True, exist_ok=True)
    lines = [line.strip() for line in args.text.read_text(encoding="utf-8").splitlines() if line.strip()]
    for index, line in enumerate(lines):
        samples = np.asarray(teacher(line, seed=index), np.float32)
        sound = codec(torch.from_numpy(samples[: len(samples) // TOKEN * TOKEN]), args.mel)
        soundfile.write(args.out / f"{index:04d}.wav", sound.numpy(), SAMPLE_RATE)


if __name__ == "__main__":
    main()
