"""Shards of eight voices' speech: their format, and a pool that holds them on the device.

A shard is an uncompressed .npz of one voice: `audio` int16 (N,) at 24 kHz, all utterances end to end; `ends` int64 (U,)
in samples, each a multiple of 960; `f0` float16 (N / 480,) in Hz, 0 where unvoiced; `labels` uint8, phoneme classes,
and `label_ends` int64 (U,); `held` bool (U,), true for held-out utterances; `voice`, the index in VOICES.
`voices.json` in the same folder has for each voice the gain that was applied and the median F0 in Hz.
"""

import queue
import threading
import time
from pathlib import Path

import numpy as np
import torch

from training.common import HOP, Run
from training.train_tokenizer import PHONEMES

VOICES = ("af_heart", "am_michael", "af_river", "am_liam", "bf_emma", "bf_lily", "bm_daniel", "bm_fable")
LENGTHS = (100, 150, 200, 250, 300, 400, 500, 700, 1000)  # frames; utterances are padded to the next of these
NUMBERS = {phoneme: 1 + i for i, phoneme in enumerate(PHONEMES.split())}
CLASSES = 1 + len(NUMBERS)  # 0 is CTC's blank


def labels(phonemes: str) -> np.ndarray:
    """Phonemes to class numbers, without stress marks, spaces, quotation marks and brackets."""
    return np.asarray([NUMBERS[c] for c in phonemes if c in NUMBERS], np.uint8)


class Pool:
    """Audio, F0 and labels of many utterances on one device. Held-out ones are not drawn for training.

    A thread reads the shards as they are written; `refresh` copies them to the device. Room for `hours` hours.
    """

    def __init__(self, run: Run, folder: Path, hours: float) -> None:
        self.room = int(hours * 3600 * 50)  # frames
        self.audio = torch.zeros(self.room * HOP, dtype=torch.int16, device=run.device)
        self.f0 = torch.zeros(self.room, dtype=torch.float16, device=run.device)
        self.folder, self.used, self.full = folder, 0, False
        self.starts, self.lengths, self.voices = (np.zeros(0, np.int64) for _ in range(3))  # frames; index in VOICES
        self.labels: list[np.ndarray] = []
        self.held_out: list[list[int]] = [[] for _ in VOICES]  # utterance numbers
        self._train = np.zeros(0, bool)
        self._sorted = 0  # utterances when last sorted
        self._by_length = self._sorted_lengths = self._edges = np.zeros(0, np.int64)
        self._waiting: queue.Queue[dict[str, np.ndarray]] = queue.Queue(3)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        seen: set[str] = set()
        while not self.full:
            new = sorted(p for p in self.folder.glob("*.npz") if p.name not in seen)
            for path in new:
                seen.add(path.name)
                with np.load(path) as file:
                    self._waiting.put(dict(file))
            if not new:
                time.sleep(0.2)

    @property
    def seconds(self) -> float:
        """Seconds of speech held."""
        return self.used / 50.0

    def wait(self, hours: float, patience: float) -> None:
        """Read until `hours` hours are held, or no shard has come for `patience` seconds."""
        last = time.monotonic()
        while self.seconds < 3600 * hours and time.monotonic() - last < patience and not self.full:
            if self.refresh():
                last = time.monotonic()
            else:
                time.sleep(0.05)
        self._sort()

    def refresh(self) -> bool:
        """Add one shard if one has been read, and return whether it was added."""
        try:
            shard = self._waiting.get_nowait()
        except queue.Empty:
            return False
        total = len(shard["f0"])
        if self.used + total > self.room:
            self.full = True
            return False
        here = slice(self.used, self.used + total)
        self.audio[self.used * HOP : (self.used + total) * HOP] = torch.from_numpy(shard["audio"]).to(self.audio.device)
        self.f0[here] = torch.from_numpy(shard["f0"]).to(self.f0.device)
        ends, voice, first = shard["ends"] // HOP, int(shard["voice"]), len(self.starts)
        starts = np.concatenate([[0], ends[:-1]])
        self.starts = np.concatenate([self.starts, self.used + starts])
        self.lengths = np.concatenate([self.lengths, ends - starts])
        self.voices = np.concatenate([self.voices, np.full(len(ends), voice)])
        self.labels += np.split(shard["labels"].astype(np.int64), shard["label_ends"][:-1])
        held = shard["held"].astype(bool)
        self.held_out[voice] += [first + int(i) for i in np.flatnonzero(held)]
        self._train = np.concatenate([self._train, ~held & (self.lengths[first:] <= LENGTHS[-1])])
        self.used += total
        if len(self.starts) > 1.03 * self._sorted:
            self._sort()
        return True

    def _sort(self) -> None:
        self._sorted = len(self.starts)
        train = np.flatnonzero(self._train)
        self._by_length = train[np.argsort(self.lengths[train], kind="stable")]
        self._sorted_lengths = self.lengths[self._by_length]
        self._edges = np.cumsum(self._sorted_lengths)

    def alike(self, frames: int) -> tuple[np.ndarray, int]:
        """Numbers of random utterances of similar length, `frames` in all, and the length to pad them to."""
        drawn = np.searchsorted(self._edges, np.random.rand() * self._edges[-1], side="right")
        group = int(np.searchsorted(LENGTHS, self._sorted_lengths[min(drawn, len(self._edges) - 1)]))
        bounds = (LENGTHS[group - 1] if group else 0, LENGTHS[group])
        first, last = np.searchsorted(self._sorted_lengths, bounds, "right")
        return self._by_length[np.random.randint(first, last, max(2, frames // LENGTHS[group]))], LENGTHS[group]
