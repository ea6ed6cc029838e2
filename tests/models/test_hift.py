"""HiFT against the official modules; the causal form against itself in pieces; the source against a plain sum."""

import mlx.core as mx
import numpy as np
import pytest
from tiny import close, fill, golden, hift_config, in_pieces, noise, use_backend

from nightingale.kernels.backend import Backend
from nightingale.kernels.noise import seed_key
from nightingale.models.hift import HiFT


def tiny_hift(causal: bool, three_stages: bool = False) -> HiFT:
    model = HiFT(hift_config(causal, three_stages))
    fill(model)
    model.conv_post.weight = model.conv_post.weight * 0.25  # as in the golden file: keeps samples inside the limit
    return model


def raise_pitch(model: HiFT, hz: float) -> None:
    """Bring the random network's pitch to where voices are."""
    model.f0_predictor.classifier.weight = model.f0_predictor.classifier.weight * 30.0
    model.f0_predictor.classifier.bias = mx.array([hz])


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", ["official", "two_stages"])
def test_decode_matches_the_official_module(
    name: str, causal: bool, gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if gpu:
        use_backend(monkeypatch, Backend.METAL)
    model = tiny_hift(causal, three_stages=name == "official")
    mel, source = noise("mel", (1, 5, 80)), 0.1 * noise("source", (1, 2400))
    close(model.decode(mel, source), golden("hift")[f"samples_{name}" + "_causal" * causal])


@pytest.mark.parametrize("causal", [False, True])
def test_pitch_matches_the_official_module(causal: bool) -> None:
    close(tiny_hift(causal).f0(noise("mel", (1, 5, 80))), golden("hift")["f0" + "_causal" * causal])


@pytest.mark.parametrize("causal", [False, True])
def test_480_samples_a_frame(causal: bool) -> None:
    model = tiny_hift(causal)
    for frames in (1, 2, 9):
        assert model(noise("mel9", (1, 9, 80))[:, :frames], key=seed_key(0)).shape == (1, 480 * frames)


def test_source_follows_the_pitch_in_phase() -> None:
    model = tiny_hift(causal=True)
    f0 = mx.array([[100.0, 150.0, 0.0, 220.0, 220.0]])
    source, _ = model.source(f0, mx.zeros((1,), mx.uint32), seed_key(0), 0)
    turns = np.cumsum(np.repeat(np.array(f0[0], np.float64), 480) / 24000.0)
    weights = np.array(model.source_linear.weight[0], np.float64)
    waves = 0.1 * np.sin(2 * np.pi * turns[:, None] * np.arange(1, 10)) @ weights
    voiced = np.repeat(np.array(f0[0]) > 10, 480)
    expected = np.tanh(waves * voiced + float(model.source_linear.bias[0]))
    noise_size = 0.003 * np.linalg.norm(weights)
    error = np.array(source[0]) - expected
    assert np.abs(error[voiced]).max() < 6 * noise_size
    assert np.std(error[~voiced]) == pytest.approx(0.1 / 3 * np.linalg.norm(weights), rel=0.2)


@pytest.mark.parametrize("three_stages", [False, True])
@pytest.mark.parametrize("pieces", [[1] * 9 + [15], [2, 9, 13], [23, 1], [0, 24, 0]])
def test_pieces_give_what_the_whole_gives(pieces: list[int], three_stages: bool) -> None:
    model = tiny_hift(True, three_stages)
    raise_pitch(model, 150.0)
    mel = noise("mel24", (1, 24, 80))
    whole = in_pieces(model.step, mel, model.start(seed_key(3)), [24])
    assert float(mx.abs(whole).max()) > 0.05
    close(in_pieces(model.step, mel, model.start(seed_key(3)), pieces), whole)


def test_causal_form_sees_three_frames_ahead() -> None:
    model = tiny_hift(causal=True)
    mel = noise("mel24", (1, 24, 80))
    changed = mx.concatenate([mel[:, :16], mel[:, 16:] + 1.0], axis=1)
    difference = np.abs(np.array(model(mel, key=seed_key(0)) - model(changed, key=seed_key(0)))[0])
    assert difference[: 13 * 480].max() < 1e-6
    assert difference[13 * 480 : 14 * 480].max() > 1e-3
