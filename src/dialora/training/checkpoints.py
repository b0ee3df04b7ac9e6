"""A work folder while a run trains: checkpoints, whole only with their progress file, and the best weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from dialora.store import load_json, names, save_json


@dataclass(slots=True)
class Progress:
    """What has happened so far; saved in every checkpoint."""

    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    train_seconds: float = 0.0
    peak_memory_bytes: int = 0
    stopped_early: bool = False
    loading_memory_bytes: int = 0
    """Held before the first step; 0 where the system cannot tell."""


def find_checkpoint(work: Path) -> Path | None:
    """Return the newest whole checkpoint. One that a crash cut short lacks its progress file and does not count."""
    files = (names.CHECKPOINT_PROGRESS, names.CHECKPOINT_WEIGHTS)
    folders = work.glob(names.checkpoint("*"))
    found = [folder for folder in folders if all((folder / name).is_file() for name in files)]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def load_progress(checkpoint: Path) -> Progress:
    """Return what had happened when the checkpoint was written."""
    progress = Progress(**load_json(checkpoint / names.CHECKPOINT_PROGRESS))
    progress.validation = [(step, loss) for step, loss in progress.validation]
    return progress


def finish_checkpoint(work: Path, step: int, progress: Progress) -> None:
    """Mark the checkpoint of this step as whole, then remove the older ones."""
    newest = work / names.checkpoint(step)
    values = {name: getattr(progress, name) for name in Progress.__slots__}
    save_json(json.loads(json.dumps(values)), newest / names.CHECKPOINT_PROGRESS)
    for folder in work.glob(names.checkpoint("*")):
        if folder != newest:
            shutil.rmtree(folder, ignore_errors=True)


__all__ = [
    "Progress",
    "find_checkpoint",
    "finish_checkpoint",
    "load_progress",
]
