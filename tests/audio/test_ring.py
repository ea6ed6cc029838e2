"""The ring buffer, read as a PortAudio callback reads it: silence, underruns, fades, pauses, volume."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from nightingale.audio.ring import Floats, RingBuffer

RATE = 24_000
START = 2400  # 100 ms
FADE = 192  # 8 ms
TONE = (0.5 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32)
LEVEL = np.full(RATE, 0.5, np.float32)  # constant: every step in the output comes from the gain


def render(ring: RingBuffer, count: int, block: int = 240) -> Floats:
    """The next samples, rendered block by block."""
    out = np.full(count, 9.0, np.float32)
    for at in range(0, count, block):
        ring.render(out[at : at + block])
    return out


def largest_step(samples: Floats) -> float:
    return float(np.abs(np.diff(samples)).max())


def test_an_empty_buffer_is_silence() -> None:
    ring = RingBuffer(RATE)
    assert not render(ring, 4800).any()
    assert ring.underruns == ring.read == 0


def test_starts_with_100_ms_and_plays_every_sample() -> None:
    ring = RingBuffer(RATE)
    ticket = ring.begin()
    ring.write(TONE[: START - 1], ticket)
    assert not render(ring, 480).any()
    ring.write(TONE[START - 1 :], ticket)
    ring.expect_more(False, ticket)
    np.testing.assert_array_equal(render(ring, RATE + 480), np.concatenate([TONE, np.zeros(480, np.float32)]))
    assert ring.underruns == 0 and ring.pending == 0


def test_a_short_utterance_does_not_wait_for_100_ms() -> None:
    ring = RingBuffer(RATE)
    ring.write(TONE[:500], ring.begin())
    ring.expect_more(False, ring.begin())
    np.testing.assert_array_equal(render(ring, 500, block=100), TONE[:500])


@pytest.mark.parametrize("length", [4800, 4801, 4900, 5039])
def test_an_underrun_is_counted_and_faded_and_playback_resumes(length: int) -> None:
    ring = RingBuffer(RATE)
    ticket = ring.begin()
    ring.write(LEVEL[:length], ticket)
    out = render(ring, 7200)
    assert ring.underruns == 1
    assert largest_step(out) < 1.01 * 0.5 / FADE and not out[length:].any()
    ring.write(LEVEL[:START], ticket)
    ring.expect_more(False, ticket)
    assert render(ring, 960)[FADE:].min() == 0.5
    assert ring.underruns == 1


def test_an_empty_buffer_between_texts_is_no_underrun() -> None:
    ring = RingBuffer(RATE)
    ring.write(TONE[:4800], ring.begin())
    ring.expect_more(False, ring.begin())
    render(ring, 4810)
    ring.expect_more(True, ring.begin())
    render(ring, 4800)
    assert ring.underruns == 0


@pytest.mark.parametrize("block", [16, 100, 240, 1024])
@pytest.mark.parametrize("volume", [1.0, 0.3])
def test_stop_fades_out(block: int, volume: float) -> None:
    ring = RingBuffer(RATE)
    ring.volume = volume
    ticket = ring.begin()
    ring.write(LEVEL, ticket)
    before = render(ring, 2048, block)
    ring.stop()
    assert ring.stopping and ring.pending == 0
    after = render(ring, 2048, block)
    assert largest_step(np.concatenate([before[1024:], after])) < 1.01 * 0.5 / FADE
    assert not after[FADE:].any() and not ring.stopping
    assert ring.write(LEVEL, ticket) is None, "the ticket of a stopped utterance is invalid"
    ring.write(LEVEL, ring.begin())
    assert render(ring, 2048, block)[1024:] == pytest.approx(0.5 * volume)
    assert ring.underruns == 0


def test_stop_before_playback_starts() -> None:
    ring = RingBuffer(RATE)
    ring.write(LEVEL[:100], ring.begin())
    ring.stop()
    assert not render(ring, 480).any() and not ring.stopping


def test_a_pause_loses_no_samples() -> None:
    ring = RingBuffer(RATE)
    ring.write(LEVEL, ring.begin())
    render(ring, 2400)
    ring.paused = True
    paused = render(ring, 2400)
    assert not paused[FADE:].any() and ring.read == 2400 + FADE
    ring.paused = False
    resumed = render(ring, 2400)
    assert largest_step(np.concatenate([paused, resumed])) < 1.01 * 0.5 / FADE and resumed[-1] == 0.5
    ring.paused = True
    ring.stop()
    render(ring, 480)
    assert not ring.stopping and ring.pending == 0


def test_volume_changes_smoothly_and_clips() -> None:
    ring = RingBuffer(RATE)
    ring.write(1.6 * LEVEL, ring.begin())
    quiet = render(ring, 2400)
    ring.volume = 2.0
    loud = render(ring, 2400)
    assert largest_step(np.concatenate([quiet, loud])) < 1.7 * 0.5 / FADE
    assert loud[-1] == 1.0
    ring.volume = 0.0
    assert not render(ring, 2400)[2 * FADE :].any()


def test_reading_and_writing_at_once() -> None:
    """A buffer shorter than the audio: no sample is lost or repeated."""
    ring = RingBuffer(RATE, capacity_s=0.3)
    sound = np.random.RandomState(0).uniform(-1, 1, 5 * RATE).astype(np.float32)
    ticket = ring.begin()

    def write() -> None:
        rest = sound
        while len(rest):
            count = ring.write(rest[:1111], ticket)
            assert count is not None
            rest = rest[count:]
            time.sleep(0 if count else 0.001)
        ring.expect_more(False, ticket)

    writer = threading.Thread(target=write)
    writer.start()
    blocks, deadline = [], time.monotonic() + 20
    while ring.read < len(sound) and time.monotonic() < deadline:
        pending = ring.pending
        if pending >= START or not writer.is_alive():
            blocks.append(render(ring, min(pending, 480), block=480))
        else:
            time.sleep(0.001)
    writer.join()
    np.testing.assert_array_equal(np.concatenate(blocks), sound)
