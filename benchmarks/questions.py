#!/usr/bin/env python3
"""How the voice's pitch ends: of questions that ask for yes or no, of those of who and what, and of statements.

    questions.py [--voice NAME] [--seeds 2] [--teachers DIR]

F0 as HiFT's predictor reads it from the sound, which finds 5.7 of the 6.3 semitones that the teacher's questions are
known to end above their median (pYIN finds 3.3: fast rises have no voice for it). Of each kind, in semitones over the
sentence's median F0: the median of the last 80 ms that have a voice, and the share of sentences that rise by 3 in their
last 200 ms. With --teachers (what training.kokoro wrote) the voice's teacher too, as it was in training. The
requirements are in requirements.txt beside this file.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from inprocess import load_engine, speak
from quality import training_speaker

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
UNVOICED = 50.0  # Hz
LAST, LATE, RISE = 4, 10, 3.0  # frames of 20 ms, twice; semitones


def ending(f0: np.ndarray) -> tuple[float, bool]:
    """Of a sentence's F0 (T,) in Hz: semitones of its end over its median, and whether it rises there."""
    semitones = 12 * np.log2(f0[f0 > UNVOICED] / np.median(f0[f0 > UNVOICED]))
    return float(np.median(semitones[-LAST:])), bool(np.sort(semitones[-LATE:])[-3] > RISE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", default="florence")
    parser.add_argument("--seeds", type=int, default=2, help="times that the voice says each sentence")
    parser.add_argument("--teachers", type=Path, metavar="DIR", help="what training.kokoro wrote")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    engine = load_engine(openblas=True)  # before the teacher: its BLAS must not be PyTorch's
    engine.use_voice(args.voice)
    teacher = training_speaker(args.voice, args.teachers) if args.teachers else None

    import mlx.core as mx

    from nightingale.models.dsp import mel_spectrogram

    hift = engine._model.hift

    for kind, sentences in SENTENCES.items():
        said = {args.voice: [speak(engine, text, seed) for text in sentences for seed in range(args.seeds)]}
        if teacher:
            said["teacher"] = [teacher(index, text) for index, text in enumerate(sentences)]
        for name, sounds in said.items():
            found = [ending(np.array(hift.f0(mx.array(mel_spectrogram(sound.samples))))[0]) for sound in sounds]
            ends, rise = np.array(found).T
            print(f"{name}, {kind}: end at {np.median(ends):+.1f} semitones, {rise.mean():.0%} rise", flush=True)


if __name__ == "__main__":
    main()
