"""The ring between voice and device, called as a callback calls it: silence, underruns, fades, volume, resampling."""

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
LEVEL = np.full(RATE, 0.5, np.float32)  # every jump is the gain's


def taken(ring: RingBuffer, count: int, block: int = 240) -> Floats:
    """So many samples, as a device takes them."""
    out = np.full(count, 9.0, np.float32)
    for at in range(0, count, block):
        ring.render(out[at : at + block])
    return out


def largest_jump(samples: Floats) -> float:
    return float(np.abs(np.diff(samples)).max())


def test_silence_when_there_is_nothing() -> None:
    ring = RingBuffer(RATE)
    assert not taken(ring, 4800).any()
    assert ring.underruns == ring.read == 0


def test_begins_at_100_ms_and_gives_what_was_written() -> None:
    ring = RingBuffer(RATE)
    ticket = ring.begin()
    ring.write(TONE[: START - 1], ticket)
    assert not taken(ring, 480).any()
    ring.write(TONE[START - 1 :], ticket)
    ring.expect_more(False, ticket)
    np.testing.assert_array_equal(taken(ring, RATE + 480), np.concatenate([TONE, np.zeros(480, np.float32)]))
    assert ring.underruns == 0 and ring.pending == 0


def test_a_short_utterance_does_not_wait_for_100_ms() -> None:
    ring = RingBuffer(RATE)
    ring.write(TONE[:500], ring.begin())
    ring.expect_more(False, ring.begin())
    np.testing.assert_array_equal(taken(ring, 500, block=100), TONE[:500])


@pytest.mark.parametrize("length", [4800, 4801, 4900, 5039])
def test_running_dry_is_counted_faded_and_survived(length: int) -> None:
    ring = RingBuffer(RATE)
    ticket = ring.begin()
    ring.write(LEVEL[:length], ticket)
    out = taken(ring, 7200)
    assert ring.underruns == 1
    assert largest_jump(out) < 1.01 * 0.5 / FADE and not out[length:].any()
    ring.write(LEVEL[:START], ticket)
    ring.expect_more(False, ticket)
    assert taken(ring, 960)[FADE:].min() == 0.5
    assert ring.underruns == 1


def test_waiting_for_text_is_no_underrun() -> None:
    ring = RingBuffer(RATE)
    ring.write(TONE[:4800], ring.begin())
    ring.expect_more(False, ring.begin())
    taken(ring, 4810)
    ring.expect_more(True, ring.begin())
    taken(ring, 4800)
    assert ring.underruns == 0


@pytest.mark.parametrize("block", [16, 100, 240, 1024])
@pytest.mark.parametrize("volume", [1.0, 0.3])
def test_stop_is_a_short_fade(block: int, volume: float) -> None:
    ring = RingBuffer(RATE)
    ring.volume = volume
    ticket = ring.begin()
    ring.write(LEVEL, ticket)
    before = taken(ring, 2048, block)
    ring.stop()
    assert ring.stopping and ring.pending == 0
    after = taken(ring, 2048, block)
    assert largest_jump(np.concatenate([before[1024:], after])) < 1.01 * 0.5 / FADE
    assert not after[FADE:].any() and not ring.stopping
    assert ring.write(LEVEL, ticket) is None, "an utterance that was stopped is over"
    ring.write(LEVEL, ring.begin())
    assert taken(ring, 2048, block)[1024:] == pytest.approx(0.5 * volume)
    assert ring.underruns == 0


def test_stop_before_anything_is_heard() -> None:
    ring = RingBuffer(RATE)
    ring.write(LEVEL[:100], ring.begin())
    ring.stop()
    assert not taken(ring, 480).any() and not ring.stopping


def test_pause_loses_nothing() -> None:
    ring = RingBuffer(RATE)
    ring.write(LEVEL, ring.begin())
    taken(ring, 2400)
    ring.paused = True
    held = taken(ring, 2400)
    assert not held[FADE:].any() and ring.read == 2400 + FADE
    ring.paused = False
    resumed = taken(ring, 2400)
    assert largest_jump(np.concatenate([held, resumed])) < 1.01 * 0.5 / FADE and resumed[-1] == 0.5
    ring.paused = True
    ring.stop()
    taken(ring, 480)
    assert not ring.stopping and ring.pending == 0


def test_volume_turns_without_a_jump_and_does_not_overflow() -> None:
    ring = RingBuffer(RATE)
    ring.write(1.6 * LEVEL, ring.begin())
    quiet = taken(ring, 2400)
    ring.volume = 2.0
    loud = taken(ring, 2400)
    assert largest_jump(np.concatenate([quiet, loud])) < 1.7 * 0.5 / FADE
    assert loud[-1] == 1.0
    ring.volume = 0.0
    assert not taken(ring, 2400)[2 * FADE :].any()


def test_the_ring_goes_round_while_both_work() -> None:
    """A writer and a reader at once, through a ring shorter than the sound: nothing lost, nothing twice."""
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
    heard, deadline = [], time.monotonic() + 20
    while ring.read < len(sound) and time.monotonic() < deadline:
        room = ring.pending
        if room >= START or not writer.is_alive():
            heard.append(taken(ring, min(room, 480), block=480))
        else:
            time.sleep(0.001)
    writer.join()
    np.testing.assert_array_equal(np.concatenate(heard), sound)
