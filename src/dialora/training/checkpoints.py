"""A work folder while a run trains: checkpoints, whole only with their progress file, and the best weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from dialora.runs import load_json, save_json

PROGRESS_FILE = "dialora.json"
WEIGHTS_FILE = "model.safetensors"
BEST_FILE = "best.safetensors"


@dataclass(slots=True)
class Progress:
    """What has happened so far; saved in every checkpoint."""

    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float]] = field(default_factory=list)
    train_seconds: float = 0.0
    peak_memory_bytes: int = 0
    stopped_early: bool = False


def find_checkpoint(work: Path) -> Path | None:
    """Return the newest whole checkpoint. One that a crash cut short lacks its progress file and does not count."""
    files = (PROGRESS_FILE, WEIGHTS_FILE)
    folders = work.glob(f"{PREFIX_CHECKPOINT_DIR}-*")
    found = [folder for folder in folders if all((folder / name).is_file() for name in files)]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def load_progress(checkpoint: Path) -> Progress:
    """Return what had happened when the checkpoint was written."""
    progress = Progress(**load_json(checkpoint / PROGRESS_FILE))
    progress.validation = [(step, loss) for step, loss in progress.validation]
    return progress


def finish_checkpoint(work: Path, step: int, progress: Progress) -> None:
    """Mark the checkpoint of this step as whole, then remove the older ones."""
    newest = work / f"{PREFIX_CHECKPOINT_DIR}-{step}"
    values = {name: getattr(progress, name) for name in Progress.__slots__}
    save_json(json.loads(json.dumps(values)), newest / PROGRESS_FILE)
    for folder in work.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        if folder != newest:
            shutil.rmtree(folder, ignore_errors=True)


__all__ = [
    "BEST_FILE",
    "PROGRESS_FILE",
    "WEIGHTS_FILE",
    "Progress",
    "find_checkpoint",
    "finish_checkpoint",
    "load_progress",
]
