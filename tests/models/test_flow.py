"""S3Gen as a whole against the official flow, speaking speed, and pieces against the whole."""

from dataclasses import replace

import mlx.core as mx
import numpy as np
import pytest
from tiny import close, fill, golden, in_pieces, noise, s3gen_config, use_backend

from nightingale.kernels.backend import Backend
from nightingale.kernels.noise import seed_key
from nightingale.models.config import FlowConfig
from nightingale.models.s3gen import flow
from nightingale.models.s3gen.generator import S3Gen


def tiny_s3gen(meanflow: bool, window: int | None = None, cfg_rate: float | None = None) -> S3Gen:
    model = S3Gen(s3gen_config(meanflow, window, cfg_rate))
    fill(model)
    return model


def random_tokens(count: int) -> mx.array:
    return mx.array(np.random.RandomState(count).randint(0, 10, (1, count)))


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("kind", ["plain", "meanflow"])
def test_matches_the_official_flow(kind: str, gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if gpu:
        use_backend(monkeypatch, Backend.METAL)
    monkeypatch.setattr(flow, "sample_prior", lambda key, start, stop: noise("noise", (1, 20, 80))[:, start:stop])
    mel = tiny_s3gen(kind == "meanflow")(
        mx.array([[3, 9, 1, 0, 7, 5, 2]]), noise("speaker", (1, 12)), mx.array([4, 8, 6]),
        noise("prompt_mel", (1, 6, 80)), key=seed_key(0),
    )  # fmt: skip
    close(mel, golden("s3gen")[f"mel_{kind}"])


def test_schedules() -> None:
    assert flow.timesteps(FlowConfig(2, 0.0, "linear")) == [0.0, 0.5, 1.0]
    cosine = flow.timesteps(FlowConfig(10, 0.7, "cosine"))
    assert len(cosine) == 11 and cosine[0] == 0.0 and cosine[-1] == pytest.approx(1.0)
    assert np.all(np.diff(np.diff(cosine)) > 0)  # slow at first


def test_the_flow_runs_on_normalized_mels() -> None:
    tokens, who, prompt = random_tokens(9), noise("speaker", (12,)), noise("prompt_mel", (6, 80))
    plain = tiny_s3gen(True)(tokens, who, mx.array([4, 8, 6]), prompt, key=seed_key(0))
    config = s3gen_config(True)
    scaled = S3Gen(replace(config, flow=replace(config.flow, mel_mean=-5.5, mel_scale=2.8)))
    fill(scaled)
    mel = scaled(tokens, who, mx.array([4, 8, 6]), prompt * 2.8 - 5.5, key=seed_key(0))
    close(mel, plain * 2.8 - 5.5, 1e-5)


@pytest.mark.parametrize("speed,frames", [(1.0, 40), (1.25, 32), (0.5, 80), (2.0, 20)])
def test_speed_sets_the_number_of_frames(speed: float, frames: int) -> None:
    model = tiny_s3gen(True, window=6)
    mel = model(random_tokens(20), noise("speaker", (12,)), key=seed_key(0), speed=speed)
    assert mel.shape == (1, frames, 80)


def run_in_pieces(model: S3Gen, tokens: mx.array, pieces: list[int], speed: float, prompted: bool) -> mx.array:
    prompt = (mx.array([4, 8, 6]), noise("prompt_mel", (6, 80))) if prompted else (None, None)
    state = model.start(noise("speaker", (12,)), *prompt, key=seed_key(7), speed=speed)
    return in_pieces(model.step, tokens, state, pieces)


@pytest.mark.parametrize("speed,prompted,cfg_rate", [(1.0, False, 0.0), (0.7, True, 0.0), (1.6, True, 0.7)])
@pytest.mark.parametrize("pieces", [[1] * 8 + [18], [2, 11, 13], [25, 1], [26, 0]])
def test_pieces_give_what_the_whole_gives(pieces: list[int], speed: float, prompted: bool, cfg_rate: float) -> None:
    model, tokens = tiny_s3gen(True, window=6, cfg_rate=cfg_rate), random_tokens(26)
    whole = run_in_pieces(model, tokens, [26], speed, prompted)
    assert whole.shape[1] == round(52 / speed)
    close(run_in_pieces(model, tokens, pieces, speed, prompted), whole, 2e-5)


def test_the_key_decides_the_noise() -> None:
    model, tokens = tiny_s3gen(True, window=6), random_tokens(8)
    first, again, other = (model(tokens, noise("speaker", (12,)), key=seed_key(s)) for s in (1, 1, 2))
    assert mx.array_equal(first, again)
    assert float(mx.abs(first - other).max()) > 0.1
