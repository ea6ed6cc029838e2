"""Models by name: fetched once, only the files of one checkpoint, then offline. No test uses the network."""

from __future__ import annotations

import shutil
from pathlib import Path

import huggingface_hub
import pytest

from nightingale.checkpoints.hub import local_folder
from nightingale.errors import VoiceNotFound

REPOSITORY = (
    "README.md", "t3_cfg.safetensors", "t3_mtl23ls_v2.safetensors", "s3gen.safetensors", "s3gen.pt", "tokenizer.json",
    "ve.safetensors", "ve.pt", "conds.pt", "grapheme_mtl_merged_expanded_v1.json", "Cangjie5_TC.json", "other.bin",
)  # fmt: skip


class Hub:
    """Stands for the hub: a repository of empty files, and the local cache."""

    def __init__(self, cache: Path) -> None:
        self.cache, self.requests, self.files = cache, 0, list(REPOSITORY)

    def snapshot_download(
        self, name: str, *, local_files_only: bool = False, allow_patterns: list[str] | None = None
    ) -> str:
        if local_files_only:
            if not self.cache.exists():
                raise FileNotFoundError("not in the cache")
            return str(self.cache)
        self.requests += 1
        self.cache.mkdir(exist_ok=True)
        for file in allow_patterns or []:
            (self.cache / file).touch()
        return str(self.cache)

    def list_repo_files(self, name: str) -> list[str]:
        self.requests += 1
        if name != "org/model":
            raise ConnectionError("no such repository\nmore about it")
        return self.files


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    stand_in = Hub(tmp_path / "cache")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", stand_in.snapshot_download)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: stand_in)
    monkeypatch.chdir(tmp_path)
    return stand_in


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (None, {"README.md", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json"}),
        ("fr", {"README.md", "t3_mtl23ls_v2.safetensors", "s3gen.safetensors", "grapheme_mtl_merged_expanded_v1.json",
                "Cangjie5_TC.json"}),
    ],
)  # fmt: skip
def test_one_checkpoint_is_fetched_once(hub: Hub, language: str | None, expected: set[str]) -> None:
    folder = local_folder(Path("org/model"), language)
    always = {"ve.safetensors", "ve.pt", "conds.pt"}
    assert {path.name for path in folder.iterdir()} == expected | always
    assert hub.requests == 2
    assert local_folder(Path("org/model"), language) == folder and hub.requests == 2


def test_an_interrupted_download_goes_on(hub: Hub) -> None:
    folder = local_folder(Path("org/model"))
    (folder / "s3gen.safetensors").unlink()
    local_folder(Path("org/model"))
    assert (folder / "s3gen.safetensors").exists()
    shutil.rmtree(folder)


def test_a_path_is_never_looked_up(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "org" / "model").mkdir(parents=True)
    for path in (Path("org/model"), tmp_path / "gone", Path("gone"), Path("a/b/c"), Path("../x")):
        assert local_folder(path) == path
    assert hub.requests == 0


def test_a_failure_is_one_line(hub: Hub) -> None:
    with pytest.raises(VoiceNotFound, match=r"^there is no folder org/gone, .* failed: no such repository$"):
        local_folder(Path("org/gone"))
    hub.files = ["README.md", "model.gguf"]
    with pytest.raises(VoiceNotFound, match="org/model on the hub has no model that this program reads"):
        local_folder(Path("org/model"))
