"""--convert: the native folder speaks as the original, is complete or not there at all, and keeps the licence."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten
from random_checkpoints import write_checkpoint

from nightingale.checkpoints.conversion import convert
from nightingale.checkpoints.loading import load_model
from nightingale.checkpoints.safetensors import read_arrays
from nightingale.cli.main import main
from nightingale.errors import CheckpointMismatch, OutputUnavailable, VoiceNotFound


@pytest.fixture(scope="module", params=["english", "multilingual-v3", "turbo"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_checkpoint(tmp_path_factory.mktemp("source") / request.param, request.param, tiny=True)
    for encoder in folder.glob("ve.*"):
        encoder.unlink()  # the cloning networks are not made tiny
    (folder / "LICENSE").write_text("MIT\n")
    return folder


def test_the_folder_has_the_same_model(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "native")
    before, after = load_model(source), load_model(tmp_path / "native")
    assert after.config == before.config.__class__(**{**vars(before.config), "cloning": None})
    for name in ("t3", "s3gen", "hift"):
        old, new = (dict(tree_flatten(getattr(model, name).parameters())) for model in (before, after))
        assert old.keys() == new.keys() and all(mx.array_equal(old[key], new[key]) for key in old)
    assert before.voice is not None and after.voice is not None
    assert mx.array_equal(before.voice.s3gen_prompt_mel, after.voice.s3gen_prompt_mel)  # type: ignore[arg-type]
    assert after.tokenizer.encode("So [laugh], 5.") == before.tokenizer.encode("So [laugh], 5.")
    assert after.tokenizer.tags == before.tokenizer.tags
    assert (tmp_path / "native" / "LICENSE").read_text() == "MIT\n"
    assert "MIT licence" in (tmp_path / "native" / "CARD.md").read_text()


def test_fewer_bits(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "native", bits=4)
    arrays = read_arrays(tmp_path / "native" / "t3.safetensors")
    assert arrays["speech_head.weight"].dtype == mx.uint32
    states = mx.random.normal((3, 64), key=mx.random.key(0))
    few, same = load_model(tmp_path / "native").t3.speech_head, load_model(source, bits=4).t3.speech_head
    np.testing.assert_allclose(few(states), same(states), atol=1e-5)


def test_a_folder_is_complete_or_not_there(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(OutputUnavailable, match="exists already and is not an empty folder"):
        convert(source, tmp_path / "full")
    with pytest.raises(VoiceNotFound, match="no official Chatterbox checkpoint"):
        convert(tmp_path / "full", tmp_path / "new")
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in source.iterdir():
        (broken / path.name).symlink_to(path)
    file = next(broken.glob("t3_*"))
    arrays = read_arrays(file)
    mx.eval(arrays)
    file.unlink()
    mx.save_safetensors(str(file), {name: array for name, array in arrays.items() if "spkr_enc.bias" not in name})
    with pytest.raises(CheckpointMismatch, match=r"speaker_proj\.bias is missing"):
        convert(broken, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "full"]


def test_the_command(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "native"
    assert main(["--model", str(source), "--convert", str(target), "--bits", "8"]) == 0
    assert f"speak with --model {target}" in capsys.readouterr().err
    assert main(["--convert", str(target)]) == 2
    assert main(["--model", str(source), "--convert", str(target), "Hello."]) == 2
