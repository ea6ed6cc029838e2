"""The ring between voice and device, called as a callback calls it: silence, underruns, fades, volume, resampling."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest

from nightingale.audio.ring import Floats, Playback, Resampler

RATE = 24_000
START = 2400  # 100 ms
FADE = 192  # 8 ms
TONE = (0.5 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32)
LEVEL = np.full(RATE, 0.5, np.float32)  # every jump is the gain's


def taken(playback: Playback, count: int, block: int = 240) -> Floats:
    """So many samples, as a device takes them."""
    out = np.full(count, 9.0, np.float32)
    for at in range(0, count, block):
        playback.render(out[at : at + block])
    return out


def largest_jump(samples: Floats) -> float:
    return float(np.abs(np.diff(samples)).max())


def test_silence_when_there_is_nothing() -> None:
    playback = Playback(RATE)
    assert not taken(playback, 4800).any()
    assert playback.underruns == playback.read == 0


def test_begins_at_100_ms_and_gives_what_was_written() -> None:
    playback = Playback(RATE)
    ticket = playback.ticket()
    playback.write(TONE[: START - 1], ticket)
    assert not taken(playback, 480).any()
    playback.write(TONE[START - 1 :], ticket)
    playback.expect(False, ticket)
    np.testing.assert_array_equal(taken(playback, RATE + 480), np.concatenate([TONE, np.zeros(480, np.float32)]))
    assert playback.underruns == 0 and playback.pending == 0


def test_a_short_utterance_does_not_wait_for_100_ms() -> None:
    playback = Playback(RATE)
    playback.write(TONE[:500], playback.ticket())
    playback.expect(False, playback.ticket())
    np.testing.assert_array_equal(taken(playback, 500, block=100), TONE[:500])


@pytest.mark.parametrize("length", [4800, 4801, 4900, 5039])
def test_running_dry_is_counted_faded_and_survived(length: int) -> None:
    playback = Playback(RATE)
    ticket = playback.ticket()
    playback.write(LEVEL[:length], ticket)
    out = taken(playback, 7200)
    assert playback.underruns == 1
    assert largest_jump(out) < 1.01 * 0.5 / FADE and not out[length:].any()
    playback.write(LEVEL[:START], ticket)
    playback.expect(False, ticket)
    assert taken(playback, 960)[FADE:].min() == 0.5
    assert playback.underruns == 1


def test_waiting_for_text_is_no_underrun() -> None:
    playback = Playback(RATE)
    playback.write(TONE[:4800], playback.ticket())
    playback.expect(False, playback.ticket())
    taken(playback, 4810)
    playback.expect(True, playback.ticket())
    taken(playback, 4800)
    assert playback.underruns == 0


@pytest.mark.parametrize("block", [16, 100, 240, 1024])
@pytest.mark.parametrize("volume", [1.0, 0.3])
def test_stop_is_a_short_fade(block: int, volume: float) -> None:
    playback = Playback(RATE)
    playback.volume = volume
    ticket = playback.ticket()
    playback.write(LEVEL, ticket)
    before = taken(playback, 2048, block)
    playback.stop()
    assert playback.stopping and playback.pending == 0
    after = taken(playback, 2048, block)
    assert largest_jump(np.concatenate([before[1024:], after])) < 1.01 * 0.5 / FADE
    assert not after[FADE:].any() and not playback.stopping
    assert playback.write(LEVEL, ticket) is None, "an utterance that was stopped is over"
    playback.write(LEVEL, playback.ticket())
    assert taken(playback, 2048, block)[1024:] == pytest.approx(0.5 * volume)
    assert playback.underruns == 0


def test_stop_before_anything_is_heard() -> None:
    playback = Playback(RATE)
    playback.write(LEVEL[:100], playback.ticket())
    playback.stop()
    assert not taken(playback, 480).any() and not playback.stopping


def test_pause_loses_nothing() -> None:
    playback = Playback(RATE)
    playback.write(LEVEL, playback.ticket())
    taken(playback, 2400)
    playback.paused = True
    held = taken(playback, 2400)
    assert not held[FADE:].any() and playback.read == 2400 + FADE
    playback.paused = False
    resumed = taken(playback, 2400)
    assert largest_jump(np.concatenate([held, resumed])) < 1.01 * 0.5 / FADE and resumed[-1] == 0.5
    playback.paused = True
    playback.stop()
    taken(playback, 480)
    assert not playback.stopping and playback.pending == 0


def test_volume_turns_without_a_jump_and_does_not_overflow() -> None:
    playback = Playback(RATE)
    playback.write(1.6 * LEVEL, playback.ticket())
    quiet = taken(playback, 2400)
    playback.volume = 2.0
    loud = taken(playback, 2400)
    assert largest_jump(np.concatenate([quiet, loud])) < 1.7 * 0.5 / FADE
    assert loud[-1] == 1.0
    playback.volume = 0.0
    assert not taken(playback, 2400)[2 * FADE :].any()


def test_the_ring_goes_round_while_both_work() -> None:
    """A writer and a reader at once, through a ring shorter than the sound: nothing lost, nothing twice."""
    playback = Playback(RATE, capacity_s=0.3)
    sound = np.random.RandomState(0).uniform(-1, 1, 5 * RATE).astype(np.float32)
    ticket = playback.ticket()

    def write() -> None:
        rest = sound
        while len(rest):
            count = playback.write(rest[:1111], ticket)
            assert count is not None
            rest = rest[count:]
            time.sleep(0 if count else 0.001)
        playback.expect(False, ticket)

    writer = threading.Thread(target=write)
    writer.start()
    heard, deadline = [], time.monotonic() + 20
    while playback.read < len(sound) and time.monotonic() < deadline:
        room = playback.pending
        if room >= START or not writer.is_alive():
            heard.append(taken(playback, min(room, 480), block=480))
        else:
            time.sleep(0.001)
    writer.join()
    np.testing.assert_array_equal(np.concatenate(heard), sound)


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000, 96_000])
def test_resampling_piece_by_piece(rate: int) -> None:
    resampler, random = Resampler(RATE, rate), np.random.RandomState(1)
    sound = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    for _ in range(2):  # it begins anew after the last piece
        cuts = [0, *sorted(random.randint(0, RATE, 20)), RATE]
        pieces = [resampler.feed(sound[a:b], last=b == RATE) for a, b in itertools.pairwise(cuts)]
        result = np.concatenate(pieces)
        assert len(result) == rate
        expected = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
        assert np.abs(result - expected)[200:-200].max() < 1e-4
    assert len(resampler.feed(sound[:0], last=True)) == 0
