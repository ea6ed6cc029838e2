"""Reference recordings: what is read, and what is refused with a reason."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from golden_weights import named_noise

from nightingale.cloning.features import Floats
from nightingale.cloning.recording import Recording, check, read_recording
from nightingale.errors import InputUnavailable, RecordingError

RATE = 16_000


def speech(seconds: float = 6.0) -> Floats:
    """Syllables of noise with a pause of half a second every two seconds, over a floor at -80 dB."""
    noise = named_noise("speech", (round(seconds * RATE),))
    at = np.arange(len(noise)) / RATE
    syllables = np.sin(np.pi * 4 * at) ** 2 * (at % 2 < 1.5)
    return (0.1 * noise * syllables + 1e-4 * named_noise("floor", noise.shape)).astype(np.float32)


def clipped(samples: Floats) -> Floats:
    return np.clip(4 * samples / np.max(np.abs(samples)), -1, 1)


def test_a_good_recording_is_accepted() -> None:
    check(Recording(speech(), RATE, "ada.wav"))
    check(Recording(0.05 * speech(), RATE, "quiet.wav"))


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (speech(4.0), r"it has 4\.0 s, and 5 s are needed \(10 s are better\)"),
        (np.zeros(0, np.float32), r"it has 0\.0 s"),
        (np.zeros(6 * RATE, np.float32), r"it is silent \(-90 dB\)"),
        (1e-3 * speech(), r"it is silent"),
        (clipped(speech()), r"it is clipped \(\d+\.\d% of the samples\); record it at a lower level"),
        (speech() + 0.02 * named_noise("hiss", (6 * RATE,)), r"it is noisy .* dB quieter than the speech; 20 dB are"),
        (np.pad(speech(2.0), (0, 10 * RATE)), r"only 1\.\d s of it are speech, and 2\.5 s are needed"),
        (np.full(6 * RATE, np.nan, np.float32), r"it has samples that are not numbers"),
    ],
    ids=["short", "empty", "silent", "faint", "clipped", "noisy", "pauses", "nan"],
)
def test_a_bad_recording_is_refused_with_the_reason(samples: Floats, reason: str) -> None:
    with pytest.raises(RecordingError, match=rf"^ada\.wav makes no voice: {reason}"):
        check(Recording(samples, RATE, "ada.wav"))


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_formats_and_channels(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"ada.{kind}"
    soundfile.write(path, np.stack([speech(), 0.5 * speech()], axis=1), RATE)
    recording = read_recording(str(path))
    assert recording.sample_rate == RATE
    assert recording.samples.dtype == np.float32
    assert recording.samples.ndim == 1
    check(recording)
    if kind == "flac":
        np.testing.assert_allclose(recording.samples, 0.75 * speech(), atol=1e-4)


def test_only_two_minutes_are_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(121 * 8000), 8000)
    assert len(read_recording(str(tmp_path / "long.wav")).samples) == 120 * 8000


def test_what_is_not_a_recording(tmp_path: Path) -> None:
    with pytest.raises(InputUnavailable, match=r"cannot open the recording .*gone\.wav: No such file"):
        read_recording(str(tmp_path / "gone.wav"))
    (tmp_path / "text.wav").write_text("Good morning.")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "sound.raw").write_bytes(bytes(99))
    for path in (tmp_path / "text.wav", tmp_path / "empty.wav", tmp_path / "sound.raw", tmp_path):
        with pytest.raises(RecordingError, match=rf"^{path} is not a sound file that can be read: .+$"):
            read_recording(str(path))
