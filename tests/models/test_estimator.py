"""The velocity network against the official module, and piece by piece against itself."""

import mlx.core as mx
import pytest
from tiny import close, estimator_config, fill, golden, noise

from nightingale.models.s3gen.estimator import Estimator
from nightingale.models.streaming import StreamingContext


def channels_last(name: str) -> mx.array:
    return noise(name, (2, 80, 9)).transpose(0, 2, 1)


@pytest.mark.parametrize("kind,window", [("plain", None), ("meanflow", None), ("window", 4)])
def test_matches_the_official_module(kind: str, window: int | None) -> None:
    estimator = Estimator(estimator_config(kind != "plain", window))
    fill(estimator, "estimator.")
    time = estimator.embed_time(mx.array([0.2, 0.7]), mx.array([0.5, 1.0]))
    velocity = estimator(
        channels_last("x"), channels_last("mu"), noise("who", (2, 80)), channels_last("cond"), time, StreamingContext()
    )
    close(velocity, golden("s3gen")[f"estimator_{kind}"])


@pytest.mark.parametrize("pieces", [[1] * 40, [3, 17, 20], [39, 1]])
def test_pieces_give_what_the_whole_gives(pieces: list[int]) -> None:
    estimator = Estimator(estimator_config(True, window=6))
    fill(estimator, "estimator.")
    x, mu, prompt = (noise(n, (1, 40, 80)) for n in ("x40", "mu40", "prompt40"))
    who, time = noise("who", (1, 80)), estimator.embed_time(mx.array([0.0]), mx.array([0.5]))
    whole = estimator(x, mu, who, prompt, time, StreamingContext())
    memory, outputs, at = None, [], 0
    for count in pieces:
        context, span = StreamingContext(memory), slice(at, at + count)
        outputs.append(estimator(x[:, span], mu[:, span], who, prompt[:, span], time, context))
        memory, at = context.memory, at + count
    close(mx.concatenate(outputs, axis=1), whole, 1e-5)


def test_the_window_matters() -> None:
    x, mu, prompt = (noise(n, (1, 40, 80)) for n in ("x40", "mu40", "prompt40"))
    who = noise("who", (1, 80))
    results = []
    for window in (6, 7):
        estimator = Estimator(estimator_config(True, window))
        fill(estimator, "estimator.")
        time = estimator.embed_time(mx.array([0.0]), mx.array([0.5]))
        results.append(estimator(x, mu, who, prompt, time, StreamingContext()))
    assert float(mx.abs(results[0] - results[1])[:, :6].max()) < 1e-5  # the same as long as both see everything
    assert float(mx.abs(results[0] - results[1])[:, 6:].max()) > 1e-3
