"""Where a base model lies and which one it is, found out without loading it. Never imports torch."""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path

from dialora.config import BUNDLED, ExperimentConfig, stable_hash
from dialora.errors import ModelError
from dialora.runs import hash_file

WEIGHT_FILES = ("*.safetensors", "*.bin")


def resolve_model(name: str) -> str:
    """Return what transformers can load: a folder's path, or a hub id unchanged. Raises ModelError."""
    if name == BUNDLED:
        return str(resources.files("dialora") / "assets" / "base")
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"model: {name} has no config.json; give a folder in transformers format, or a hub id.")
        return str(path)
    if path.exists() or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"model: {name}: no such folder. Give a folder in transformers format, or a hub id.")
    return name


def require_weights(name: str) -> None:
    """Raise ModelError when a local folder holds a config but no weights; a hub id is not looked at."""
    folder = Path(resolve_model(name))
    if folder.is_dir() and not any(path for pattern in WEIGHT_FILES for path in folder.glob(pattern)):
        raise ModelError(f"model: {name} holds no weights ({', '.join(WEIGHT_FILES)}); download the whole model.")


def identify_model(config: ExperimentConfig) -> str:
    """Return what tells this base model from another: a hash of a folder's files, or the hub id and revision."""
    source = resolve_model(config.model)
    folder = Path(source)
    if not folder.is_dir():
        return f"{source}@{config.model_revision or 'main'}"
    files = [folder / "config.json", *(path for pattern in WEIGHT_FILES for path in folder.glob(pattern))]
    files += [path for path in (folder / "tokenizer.json", folder / "spiece.model") if path.is_file()]
    return stable_hash({path.name: _hash_unchanged(path, path.stat().st_mtime_ns) for path in sorted(files)})


@cache
def _hash_unchanged(path: Path, mtime_ns: int) -> str:
    """Hash a file once: a model's gigabytes take seconds, and the runs are laid out more than once."""
    return hash_file(path)


def uses_hub(config: ExperimentConfig) -> bool:
    """Whether the experiment names a hub id, for its model or its data."""
    data = config.data.source
    data_is_local = data == BUNDLED or Path(data).expanduser().exists()
    return not data_is_local or not Path(resolve_model(config.model)).is_dir()


def forbid_network(config: ExperimentConfig) -> None:
    """Keep the Hugging Face libraries off the network unless the experiment names a hub id; never telemetry.

    For a process of our own, and before they are imported: it sets environment variables.
    """
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if not uses_hub(config):
        os.environ["HF_HUB_OFFLINE"] = "1"


__all__ = ["forbid_network", "identify_model", "require_weights", "resolve_model", "uses_hub"]
