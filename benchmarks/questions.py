#!/usr/bin/env python3
"""Final pitch of yes-no questions, of wh-questions and of statements.

    questions.py [--voice NAME] [--seeds 2] [--teachers DIR]

Prints for each kind the median pitch of the last 80 voiced milliseconds, in semitones above the sentence's median, and
the share of sentences that rise by 3 semitones in their last 200 ms. With --teachers (the output of training.kokoro)
also for the voice's teacher. Needs the extra `quality`.

F0 is estimated by HiFT's predictor. It finds 5.7 of the 6.3 semitones by which the teacher's questions are known to end
above their median. pYIN finds only 3.3, because it takes fast rises for unvoiced.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from inprocess import load_engine, speak
from quality import training_speaker

SENTENCES = {
    "yes-no questions": [
        "Are you coming home for dinner tonight?", "Did you lock the door?", "Is this the road to the station?",
        "Have you ever seen anything like it before?", "Would you like a cup of tea?", "Can anybody hear me?",
        "You left the keys on the table?", "Do you want me to call you in the morning?", "Is it raining?",
        "Has the mail arrived?", "Will he be angry?", "Could you pass the salt?", "Was the window open?",
        "Are we there yet?", "Does she know?", "May I open the window?",
    ],
    "wh-questions": [
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
MIN_F0 = 50.0  # Hz; frames below are unvoiced
END_FRAMES, RISE_FRAMES = 4, 10  # of 20 ms
RISE = 3.0  # semitones


def ending(f0: np.ndarray) -> tuple[float, bool]:
    """F0 (T,) in Hz -> semitones of its end above its median, and whether it rises at the end."""
    voiced = f0[f0 > MIN_F0]
    semitones = 12 * np.log2(voiced / np.median(voiced))
    return float(np.median(semitones[-END_FRAMES:])), bool(np.sort(semitones[-RISE_FRAMES:])[-3] > RISE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", default="florence")
    parser.add_argument("--seeds", type=int, default=2, help="readings of each sentence")
    parser.add_argument("--teachers", type=Path, metavar="DIR", help="output folder of training.kokoro")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    engine = load_engine(openblas=True)  # before the teacher, which loads PyTorch's BLAS
    engine.use_voice(args.voice)
    teacher = training_speaker(args.voice, args.teachers) if args.teachers else None

    import mlx.core as mx

    from nightingale.models.dsp import mel_spectrogram

    hift = engine._model.hift

    for kind, sentences in SENTENCES.items():
        sounds_by_voice = {args.voice: [speak(engine, text, seed) for text in sentences for seed in range(args.seeds)]}
        if teacher:
            sounds_by_voice["teacher"] = [teacher(index, text) for index, text in enumerate(sentences)]
        for name, sounds in sounds_by_voice.items():
            endings = [ending(np.array(hift.f0(mx.array(mel_spectrogram(sound.samples))))[0]) for sound in sounds]
            ends, rises = np.array(endings).T
            print(f"{name}, {kind}: end at {np.median(ends):+.1f} semitones, {rises.mean():.0%} rise", flush=True)


if __name__ == "__main__":
    main()
