"""What is said before and after any utterance when its speech tokens are made: two sentences of florence's teacher.

    python -m training.neighbours

writes neighbours.npz, once; tokens made with others would begin and end otherwise.
"""

import numpy as np
import torch

from training.common import LogMel
from training.data import NEIGHBOURS
from training.teacher import FlorenceTeacher, trim

BEFORE, AFTER = "So it was done.", "Market prices rose."
FRAMES = 48  # 0.96 s: the tokenizer hears 0.8 s to both sides


def main() -> None:
    teacher, log_mel = FlorenceTeacher(seed=0), LogMel()
    mels = []
    for text in (BEFORE, AFTER):
        speech = trim(teacher.speak(text, speed=1.0))
        assert speech is not None
        mels.append(log_mel(torch.from_numpy(speech.audio)[None])[0].numpy())
    np.savez(NEIGHBOURS, before=mels[0][-FRAMES:], after=mels[1][:FRAMES])


if __name__ == "__main__":
    main()
