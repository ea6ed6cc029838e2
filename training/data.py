"""Speech on the device: reads shards while the teacher writes them, into flat arrays; gathers batches from these."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.common import FRAMES_PER_TOKEN, HOP, LogMel, Run
from training.corpus import is_held_out
from training.intonation import rises
from training.voices import VOICES

LENGTHS = (100, 150, 200, 250, 300, 400, 500, 700, 1000, 1502)  # frames; utterances are padded to the next of these
FIRST_VOICE = VOICES[:1]  # tokens and T3 use florence only; the other voices share her tokens
RISING = 0.3  # share of rising questions in each voice's draws; S3Gen sees no words, and needs many to learn the rise
Encode = Callable[[Tensor], Tensor]  # mel (1, T, 80) -> speech tokens (T / 2,)


class Spans(NamedTuple):
    """Crops of utterances, (B,) each."""

    start: Tensor  # frames
    size: Tensor  # frames
    began: Tensor  # bool: the utterance starts before the crop
    goes_on: Tensor  # bool: the utterance continues after the crop


class Shard:
    """One file of the teacher. Only the voice is read at first; `load` reads the rest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with np.load(path) as file:
            self.voice = file["voice"].tobytes().decode()

    def load(self) -> None:
        with np.load(self.path) as file:
            self.audio, self.ends, self.f0 = file["audio"], file["ends"], file["f0"]
            self.source = file.get("source", self.audio)
            self.texts = file["texts"].tobytes().decode().split("\n")
            self.phonemes = file["phonemes"].tobytes().decode().split("\n")
        self.starts = np.concatenate([[0], self.ends[:-1]])


class ShardReader:
    """Returns each shard of some voices once. Process `rank` of `world` reads every world-th shard."""

    def __init__(self, folder: Path, rank: int, world: int, voices: tuple[str, ...] = VOICES) -> None:
        self.folder, self.rank, self.world, self.voices = folder, rank, world, set(voices)
        self.seen: set[str] = set()
        self.waiting: list[Path] = []

    def next(self) -> Shard | None:
        if not self.waiting:
            mine = (p for p in self.folder.glob("*.npz") if int(p.stem.split("-")[1]) % self.world == self.rank)
            self.waiting = sorted((p for p in mine if p.name not in self.seen), reverse=True)
            self.seen.update(p.name for p in self.waiting)
        while self.waiting:
            if (shard := Shard(self.waiting.pop())).voice in self.voices:
                shard.load()
                return shard
        return None


def shard_mel(samples: np.ndarray, log_mel: LogMel, device: torch.device) -> Tensor:
    """Mel (T, 80) of a whole shard at once. Utterances end in silence, so they do not affect each other's frames."""
    audio = torch.from_numpy(samples).to(device).float()[None] / 32767.0
    return log_mel(audio)[0]  # type: ignore[no-any-return]


class SpeechPool:
    """Mel, F0, audio and tokens of many utterances on one device; held-out ones are listed separately.

    Every voice has room for `hours` hours, and all are drawn equally often, however much each has spoken. Rising
    questions are RISING of each voice's draws, however few there are.
    """

    def __init__(
        self,
        run: Run,
        folder: Path,
        hours: float,
        keep_audio: bool = False,
        encode: Encode | None = None,
        voices: tuple[str, ...] = VOICES,
    ) -> None:
        room = int(hours * 3600 * 50 / run.world)  # frames of each voice
        self.room, frames = dict.fromkeys(voices, room), room * len(voices)
        make = lambda shape, kind: torch.zeros(shape, dtype=kind, device=run.device)  # noqa: E731
        self.mel = make((frames, 80), torch.float16)
        self.f0 = make((frames,), torch.float16)
        self.audio = make((frames * HOP if keep_audio else 0,), torch.int16)
        self.tokens = make((frames // FRAMES_PER_TOKEN,), torch.int16)
        self.run, self.encode, self.keep_audio = run, encode, keep_audio
        self.log_mel = LogMel().to(run.device)
        self.reader = ShardReader(folder, run.rank, run.world, voices)
        self.used = 0
        self.starts: list[int] = []  # frames
        self.lengths: list[int] = []  # frames
        self.phonemes: list[str] = []
        self.speakers: list[int] = []  # voice numbers
        self.rising: list[bool] = []  # whether the pitch rises at the end
        self.voices: set[str] = set()  # names of all voices read so far
        self.held_out: list[int] = []  # utterance numbers
        self._kept_aside: list[int] = []  # the same, including utterances that are not sorted yet
        self._starts = self._lengths = self._by_length = self._sorted_lengths = self._edges = np.zeros(0, np.int64)

    def refresh(self, seconds: float = 0.5, wait_for: int = 0) -> None:
        """Read new shards for about `seconds`, and longer until at least `wait_for` utterances are held."""
        end = time.monotonic() + seconds
        grown = False
        while self.reader.voices and (time.monotonic() < end or len(self.starts) < wait_for):
            shard = self.reader.next()
            if shard is None:
                if len(self.starts) >= wait_for:
                    break
                time.sleep(0.2)
                continue
            self._add(shard)
            grown = True
        if grown and len(self.starts) > 1.02 * len(self._starts):  # sorting takes a while
            self._starts, self._lengths = np.asarray(self.starts), np.asarray(self.lengths)
            self.held_out = list(self._kept_aside)
            train = np.setdiff1d(np.arange(len(self.lengths)), self.held_out)
            self._by_length = train[np.argsort(self._lengths[train], kind="stable")]
            self._sorted_lengths = self._lengths[self._by_length]
            rising = np.asarray(self.rising)[self._by_length]
            kinds = 2 * np.asarray(self.speakers)[self._by_length] + rising
            frames = np.bincount(kinds, self._sorted_lengths)
            self._edges = np.cumsum(np.where(rising, RISING, 1 - RISING) * self._sorted_lengths / frames[kinds])

    def _add(self, shard: Shard) -> None:
        total = len(shard.audio) // HOP
        if total > self.room[shard.voice]:
            self.reader.voices.discard(shard.voice)
            return
        self.room[shard.voice] -= total
        with torch.inference_mode():
            mel = shard_mel(shard.audio, self.log_mel, self.run.device)
            heard = mel if shard.source is shard.audio else shard_mel(shard.source, self.log_mel, self.run.device)
        here = slice(self.used, self.used + total)
        self.mel[here] = mel.half()
        self.f0[here] = torch.from_numpy(shard.f0).to(self.run.device)
        if self.keep_audio:
            self.audio[self.used * HOP : (self.used + total) * HOP] = torch.from_numpy(shard.audio).to(self.run.device)
        if self.encode is not None:
            places = slice(self.used // FRAMES_PER_TOKEN, (self.used + total) // FRAMES_PER_TOKEN)
            self.tokens[places] = self.encode(heard[None])
        for start, end, text, phonemes in zip(shard.starts, shard.ends, shard.texts, shard.phonemes, strict=True):
            if is_held_out(text):
                self._kept_aside.append(len(self.starts))
            self.starts.append(self.used + int(start) // HOP)
            self.lengths.append(int(end - start) // HOP)
            self.phonemes.append(phonemes)
            self.speakers.append(VOICES.index(shard.voice))
            self.rising.append(rises(text))
        self.voices.add(shard.voice)
        self.used += total

    @property
    def seconds(self) -> float:
        return self.used / 50.0

    def alike(self, frames: int) -> tuple[np.ndarray, int]:
        """Numbers of random utterances of similar length, `frames` in all, and the length to pad them to."""
        longest = self._lengths[self.random(1)[0]]
        group = min(int(np.searchsorted(LENGTHS, longest)), len(LENGTHS) - 1)
        bounds = (LENGTHS[group - 1] if group else 0, LENGTHS[group])
        first, last = np.searchsorted(self._sorted_lengths, bounds, "right")
        return self._by_length[np.random.randint(first, last, frames // LENGTHS[group])], LENGTHS[group]

    def spans(self, numbers: np.ndarray, frames: int, from_start: float = 0.0) -> Spans:
        """Crops that begin at an even frame: a share `from_start` at the start of the utterance, others anywhere."""
        starts, lengths = self._starts[numbers], self._lengths[numbers]
        room = np.maximum(0, lengths - frames) // FRAMES_PER_TOKEN
        room[np.random.rand(len(numbers)) < from_start] = 0
        offset = (np.random.rand(len(numbers)) * (room + 1)).astype(np.int64) * FRAMES_PER_TOKEN
        size = np.minimum(lengths, frames)
        device = self.mel.device
        as_tensor = lambda a: torch.from_numpy(np.ascontiguousarray(a)).to(device)  # noqa: E731
        return Spans(*map(as_tensor, (starts + offset, size, offset > 0, offset + size < lengths)))

    def voice(self, numbers: np.ndarray) -> Tensor:
        """Voice numbers (B,) of utterances."""
        return torch.tensor([self.speakers[i] for i in numbers]).to(self.mel.device)

    def held_out_of(self, voice: int) -> list[int]:
        return [i for i in self.held_out if self.speakers[i] == voice]

    def random(self, count: int) -> np.ndarray:
        """Random utterance numbers, weighted by length; all voices equally, and RISING of each voice rising."""
        drawn = np.searchsorted(self._edges, np.random.rand(count) * self._edges[-1], side="right")
        return np.asarray(self._by_length[drawn.clip(max=len(self._edges) - 1)])


def gather(flat: Tensor, start: Tensor, length: int) -> Tensor:
    """flat (N, ...), start (B,) -> (B, length, ...); beyond the ends the first or last row repeats."""
    index = (start[:, None] + torch.arange(length, device=start.device)).clamp(0, len(flat) - 1)
    return flat[index]


def span_mask(size: Tensor, length: int) -> Tensor:
    """Sizes (B,) -> (B, length) bool, true inside."""
    return torch.arange(length, device=size.device)[None] < size[:, None]
