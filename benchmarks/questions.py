#!/usr/bin/env python3
"""How the voice's pitch ends: of questions that ask for yes or no, of those of who and what, and of statements.

    questions.py [--voice NAME] [--seeds 2] [--teachers DIR]

The last 40 ms that have a voice, in semitones over the sentence's median F0 (pYIN, by librosa): the median of each
kind, and the share of its sentences that end above their median. With --teachers (what training.kokoro wrote) the
voice's teacher too, as it was in training. The requirements are in requirements.txt beside this file.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from inprocess import load_engine, speak
from quality import training_speaker
from scoring import LOUD, Sound

SENTENCES = {
    "yes or no": [
        "Are you coming home for dinner tonight?", "Did you lock the door?", "Is this the road to the station?",
        "Have you ever seen anything like it before?", "Would you like a cup of tea?", "Can anybody hear me?",
        "You left the keys on the table?", "Do you want me to call you in the morning?", "Is it raining?",
        "Has the mail arrived?", "Will he be angry?", "Could you pass the salt?", "Was the window open?",
        "Are we there yet?", "Does she know?", "May I open the window?",
    ],
    "who and what": [
        "Where did you put the money?", "Who is at the door?", "What time does the train leave?", "What do you mean?",
        "Why are you laughing?", "How far is it to the village?", "When will we be home?", "Which of these is yours?",
    ],
    "statements": [
        "I am coming home for dinner tonight.", "He locked the door.", "This is the road to the station.",
        "I have never seen anything like it before.", "I would like a cup of tea.", "Nobody can hear me.",
        "You left the keys on the table.", "She wants you to call her in the morning.", "It is raining.",
        "The mail has arrived.", "He will be angry.", "The window was open.",
    ],
}  # fmt: skip
F0_RANGES = {"florence": (90.0, 500.0), "keats": (50.0, 300.0)}  # Hz
LAST = 4  # frames of 10 ms


def ending(sound: Sound, f0_range: tuple[float, float]) -> float:
    """Semitones of the last F0 over the sentence's median."""
    import librosa

    samples, hop = sound.samples, sound.sample_rate // 100
    lowest, highest = f0_range
    f0, voiced, _ = librosa.pyin(
        samples, fmin=lowest, fmax=highest, sr=sound.sample_rate, frame_length=2048, hop_length=hop
    )
    loud = [np.sqrt(np.mean(samples[at : at + 2 * hop] ** 2)) > LOUD for at in range(0, len(samples), hop)]
    count = min(len(f0), len(loud))
    heard = f0[:count][voiced[:count] & np.array(loud[:count])]
    return float(12 * np.log2(np.median(heard[-LAST:]) / np.median(heard)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", choices=F0_RANGES, default="florence")
    parser.add_argument("--seeds", type=int, default=2, help="times that the voice says each sentence")
    parser.add_argument("--teachers", type=Path, metavar="DIR", help="what training.kokoro wrote")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    engine = load_engine(openblas=True)  # before the teacher: its BLAS must not be PyTorch's
    engine.use_voice(args.voice)
    teacher = training_speaker(args.voice, args.teachers) if args.teachers else None
    for kind, sentences in SENTENCES.items():
        said = {args.voice: [speak(engine, text, seed) for text in sentences for seed in range(args.seeds)]}
        if teacher:
            said["teacher"] = [teacher(index, text) for index, text in enumerate(sentences)]
        for name, sounds in said.items():
            ends = np.array([ending(sound, F0_RANGES[args.voice]) for sound in sounds])
            print(f"{name}, {kind}: {np.median(ends):+.1f} semitones, {np.mean(ends > 0):.0%} end above", flush=True)


if __name__ == "__main__":
    main()
