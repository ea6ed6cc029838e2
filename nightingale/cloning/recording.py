"""Reads a reference recording, and refuses one that makes a bad voice.

The thresholds were set with the bundled voices, to which noise was added and which were clipped. They are below what a
phone records in a quiet room.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nightingale.cloning.features import Floats
from nightingale.errors import InputUnavailable, RecordingError

MAX_SECONDS = 120.0  # of a longer file only the beginning is read: more does not change a voice, and takes memory
MIN_SECONDS = 5.0  # the official program asks for as much
MIN_SPEECH_SECONDS = 2.5  # half of it: the rest is pauses
FRAME_SECONDS = 0.02
# Level of the speech: of the frame that 5 % of the frames exceed, in dB below full scale. Speech is at -12 to -35; the
# noise of a microphone alone at -60.
MIN_LEVEL_DB = -50.0
# Level of the speech over that of the pauses, the frame that 90 % exceed: 45 to 50 dB in the bundled voices, 21 with
# noise 15 dB below the speech, 16 with noise 10 dB below, which a cloned voice reproduces.
MIN_RANGE_DB = 20.0
# Share of samples that stand at the peak, three or more in a row: 0 in the bundled voices, 0.0007 when their peaks are
# cut by 3.5 dB, which is hard to hear, 0.003 to 0.005 when cut by 6 dB.
MAX_CLIPPED = 0.001


@dataclass(frozen=True)
class Recording:
    """Mono samples (N,) at their own rate in Hz. name: of the file, for messages."""

    samples: Floats
    sample_rate: int
    name: str


def read_recording(path: str) -> Recording:
    """Read the first two minutes of a sound file of any format that libsndfile reads; channels are averaged.

    Raises InputUnavailable if there is no such file, RecordingError if it is no sound file.
    """
    import soundfile

    if not Path(path).exists():
        raise InputUnavailable(f"cannot open the recording {path}: No such file or directory")
    try:
        with soundfile.SoundFile(path) as file:
            samples = file.read(round(MAX_SECONDS * file.samplerate), dtype="float32", always_2d=True)
            sample_rate = file.samplerate
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        reason = str(error).rpartition(": ")[2]  # without the file's name
        raise RecordingError(f"{path} is not a sound file that can be read: {reason}") from error
    return Recording(samples.mean(axis=1), sample_rate, path)


def check(recording: Recording) -> None:
    """Raises RecordingError for a recording that is too short, silent, clipped or noisy, with the reason."""
    if problem := _problem(recording.samples, recording.sample_rate):
        raise RecordingError(f"{recording.name} makes no voice: {problem}")


def _problem(samples: Floats, sample_rate: int) -> str | None:
    seconds = len(samples) / sample_rate
    if seconds < MIN_SECONDS:
        return f"it has {seconds:.1f} s, and {MIN_SECONDS:.0f} s are needed (10 s are better)"
    if not np.isfinite(samples).all():
        return "it has samples that are not numbers"
    length = round(FRAME_SECONDS * sample_rate)
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    levels = 10.0 * np.log10(np.mean(frames**2, axis=1) + 1e-9)
    pause, speech = np.percentile(levels, [10, 95])
    if speech < MIN_LEVEL_DB:
        return f"it is silent ({speech:.0f} dB)"
    peaks = np.abs(samples) >= 0.999 * np.max(np.abs(samples))
    clipped = np.mean(peaks[2:] & peaks[1:-1] & peaks[:-2])
    if clipped > MAX_CLIPPED:
        return f"it is clipped ({clipped:.1%} of the samples); record it at a lower level"
    if speech - pause < MIN_RANGE_DB:
        apart = f"{speech - pause:.0f} dB quieter than the speech; {MIN_RANGE_DB:.0f} dB are needed"
        return f"it is noisy or has no pauses (its quietest parts are {apart})"
    spoken = np.sum(levels > speech - MIN_RANGE_DB) * FRAME_SECONDS
    if spoken < MIN_SPEECH_SECONDS:
        return f"only {spoken:.1f} s of it are speech, and {MIN_SPEECH_SECONDS} s are needed"
    return None
