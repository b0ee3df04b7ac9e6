"""Which base an experiment stands on, from its file alone: what tells one base from another without reading it."""

from __future__ import annotations

from pathlib import Path

from dialora.config.experiment import ExperimentConfig
from dialora.config.sections import BUNDLED

FILES = "files:"
"""How the `model_revision` of a folder begins; the hash of its files follows. No branch or tag can hold a colon."""


def tell_base(config: ExperimentConfig) -> tuple[str, str]:
    """Return what tells this base model from another: the files, or hub id and commit, that it is pinned to.

    Of a folder that is not pinned, where it lies, however its path is written.
    """
    model, revision = config.model, config.model_revision or ""
    if revision.startswith(FILES):
        return "", revision
    path = Path(model).expanduser()
    return (str(path.resolve()), "") if model != BUNDLED and path.is_dir() else (model, revision)


__all__ = ["FILES", "tell_base"]
