"""Models by their name on the Hugging Face hub. They are fetched once, and then used without the network."""

import logging
import os
import re
import sys
from pathlib import Path

from nightingale.checkpoints.chatterbox.families import FAMILIES, Family, find_family, language_fits
from nightingale.errors import EngineUnavailable, NightingaleError, VoiceNotFound

logger = logging.getLogger(__name__)

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_BESIDE = (
    "ve.safetensors", "ve.pt", "conds.pt", "merges.txt", "tokenizer_config.json", "added_tokens.json", "LICENSE",
    "README.md",
)  # fmt: skip
_NATIVE = (
    "config.json", "tokenizer.json", "t3.safetensors", "s3gen.safetensors", "hift.safetensors", "draft.safetensors",
    "voice.safetensors", "cloning.safetensors", "Cangjie5_TC.json", "CARD.md",
)  # fmt: skip


def local_folder(model: Path, language: str | None = None) -> Path:
    """The folder of a model: the path itself, or for ORG/NAME the folder that it was fetched to.

    A name is looked up on the hub only if there is no such path. Raises VoiceNotFound if there is neither, and
    EngineUnavailable if huggingface_hub is missing.
    """
    name = model.as_posix()
    if os.path.lexists(model) or not _HUB_NAME.fullmatch(name):
        return model
    try:
        import huggingface_hub as hub
    except ImportError as error:
        raise EngineUnavailable(f"fetching {name} needs a package: pip install huggingface-hub") from error
    if not sys.stderr.isatty():
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
    # The hub's client raises errors of its own, of the HTTP library and of the file system.
    try:
        folder = Path(hub.snapshot_download(name, local_files_only=True))
        if _is_complete(folder, language):
            return folder
    except Exception as error:
        logger.debug("%s is not here yet: %s", name, error)
    try:
        files = _needed(hub.HfApi().list_repo_files(name), language)
        if files:
            return Path(hub.snapshot_download(name, allow_patterns=files))
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise VoiceNotFound(f"there is no folder {name}, and fetching it from the hub failed: {reason}") from error
    raise VoiceNotFound(f"{name} on the hub has no model that this program reads")


def _is_complete(folder: Path, language: str | None) -> bool:
    """Whether all files of a model are there: the first attempt may have been interrupted."""
    if os.path.isfile(folder / "config.json"):
        return all(os.path.isfile(folder / f"{name}.safetensors") for name in ("t3", "s3gen", "hift"))
    try:
        found = find_family(folder, language)
        return found is not None and all(found[0].file(folder, names) for names in (found[0].s3gen, found[0].tokenizer))
    except NightingaleError:
        return False


def _needed(files: list[str], language: str | None) -> list[str]:
    """Of a repository's files those of one model; empty if it has none."""
    family = next((f for f in FAMILIES if f.t3 in files and language_fits(f, language)), None)
    if family is None:
        return [name for name in _NATIVE if name in files] if "t3.safetensors" in files else []
    return [name for name in _family_files(family, files) if name in files]


def _family_files(family: Family, files: list[str]) -> list[str]:
    first = [next((name for name in names if name in files), "") for names in (family.s3gen, family.tokenizer)]
    return [family.t3, *first, *_BESIDE, *(["Cangjie5_TC.json"] if family.is_multilingual else [])]
