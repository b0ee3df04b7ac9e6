"""A work folder while a run trains: checkpoints, each whole or not there, and the best weights.

A checkpoint holds all that the next step depends on, and what has happened so far. It is a stage of two safetensors
files, of weights and of everything else, and the progress file; one that is damaged is not resumed from.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dialora.methods import Method
from dialora.store import Stage, load_json, names, save_json, tell_damage
from dialora.training.state import load_state, save_state
from dialora.training.weights import is_as_saved, load_trained, save_trained


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
    keeps_best: bool = False
    """The weights of the lowest validation loss so far lie beside the checkpoint."""


def find_checkpoint(work: Path) -> Path | None:
    """Return the newest checkpoint that is as it was written, if the best weights that belong to it are so too."""
    folders = sorted(work.glob(names.checkpoint("*")), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    found = next((folder for folder in folders if _stage(folder).is_complete), None)
    if found is None or not load_progress(found).keeps_best or is_as_saved(work / names.BEST_WEIGHTS):
        return found
    tell_damage(f"{work / names.BEST_WEIGHTS}: is not what was written there; training begins again.")
    return None


def load_progress(checkpoint: Path) -> Progress:
    """Return what had happened when the checkpoint was written."""
    progress = Progress(**load_json(checkpoint / names.CHECKPOINT_PROGRESS))
    progress.validation = [(step, loss) for step, loss in progress.validation]
    return progress


def save_checkpoint(
    work: Path,
    progress: Progress,
    model: nn.Module,
    method: Method,
    optimizer: torch.optim.Optimizer,
    scheduler: Any,
    randoms: Sequence[Any],
    *,
    writes: bool = True,
) -> None:
    """Write the checkpoint of the step that was made last, then remove the older ones.

    `randoms` are the states of every process's random numbers. Each process of a training calls it, and one writes.
    """
    if not writes:
        save_trained(model, method, None)
        save_state(None, optimizer, scheduler, randoms)
        return
    newest = work / names.checkpoint(len(progress.losses))
    with _stage(newest).writing() as folder:
        save_trained(model, method, folder / names.CHECKPOINT_WEIGHTS)
        save_state(folder / names.CHECKPOINT_STATE, optimizer, scheduler, randoms)
        values = {name: getattr(progress, name) for name in Progress.__slots__}
        save_json(values, folder / names.CHECKPOINT_PROGRESS)
    for folder in work.glob(names.checkpoint("*")):
        if folder != newest:
            shutil.rmtree(folder, ignore_errors=True)


def load_checkpoint(
    checkpoint: Path, model: nn.Module, method: Method, optimizer: torch.optim.Optimizer, scheduler: Any
) -> list[Any]:
    """Put weights, optimizer and schedule back; return every process's random numbers, for `restore_random`."""
    load_trained(model, method, checkpoint / names.CHECKPOINT_WEIGHTS)
    return load_state(checkpoint / names.CHECKPOINT_STATE, optimizer, scheduler)


def _stage(folder: Path) -> Stage:
    # What training depends on names the folder of its run already.
    return Stage(folder, "checkpoint")


__all__ = [
    "Progress",
    "find_checkpoint",
    "load_checkpoint",
    "load_progress",
    "save_checkpoint",
]
