"""A work folder while a run trains: checkpoints, whole only with their progress file, and the best weights.

A checkpoint holds all that the next step depends on, and what has happened so far. It is two safetensors files, of
weights and of everything else, and the progress file, which is put there last.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dialora.methods import Method
from dialora.store import load_json, names, save_json
from dialora.training.state import load_state, save_state
from dialora.training.weights import load_trained, save_trained


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
    files = (names.CHECKPOINT_PROGRESS, names.CHECKPOINT_WEIGHTS, names.CHECKPOINT_STATE)
    folders = work.glob(names.checkpoint("*"))
    found = [folder for folder in folders if all((folder / name).is_file() for name in files)]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def load_progress(checkpoint: Path) -> Progress:
    """Return what had happened when the checkpoint was written."""
    progress = Progress(**load_json(checkpoint / names.CHECKPOINT_PROGRESS))
    progress.validation = [(step, loss) for step, loss in progress.validation]
    return progress


def save_checkpoint(
    work: Path, progress: Progress, model: nn.Module, method: Method, optimizer: torch.optim.Optimizer, scheduler: Any
) -> None:
    """Write the checkpoint of the step that was made last, then remove the older ones."""
    newest = work / names.checkpoint(len(progress.losses))
    shutil.rmtree(newest, ignore_errors=True)
    newest.mkdir(parents=True)
    save_trained(model, method, newest / names.CHECKPOINT_WEIGHTS)
    save_state(newest / names.CHECKPOINT_STATE, optimizer, scheduler)
    values = {name: getattr(progress, name) for name in Progress.__slots__}
    save_json(json.loads(json.dumps(values)), newest / names.CHECKPOINT_PROGRESS)
    for folder in work.glob(names.checkpoint("*")):
        if folder != newest:
            shutil.rmtree(folder, ignore_errors=True)


def load_checkpoint(
    checkpoint: Path, model: nn.Module, method: Method, optimizer: torch.optim.Optimizer, scheduler: Any
) -> Any:
    """Put weights, optimizer and schedule back; return the random numbers' state, for `restore_random`."""
    load_trained(model, method, checkpoint / names.CHECKPOINT_WEIGHTS)
    return load_state(checkpoint / names.CHECKPOINT_STATE, optimizer, scheduler)


__all__ = [
    "Progress",
    "find_checkpoint",
    "load_checkpoint",
    "load_progress",
    "save_checkpoint",
]
