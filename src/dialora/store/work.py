"""A work folder: what a run or a trial needs while a stage of it is under way, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from dialora.store import names

WAIT_SECONDS = 60
"""A worker whose parent was killed may need a moment to notice."""

_OF_TRAINING = (
    names.checkpoint("*"),
    names.unfinished(names.checkpoint("*")),
    f"{names.BEST_WEIGHTS}*",
    names.unfinished(names.BEST_WEIGHTS),
    f"{names.FROZEN_WEIGHTS}*",
    names.ENCODER,
    names.unfinished(names.ENCODER),
)
_OF_GENERATION = (names.PARTIAL, names.conversion("*"))


@dataclass(frozen=True, slots=True)
class WorkPlace:
    """Where a worker does what is neither a run nor a trial."""

    name: str
    key: str
    folder: Path
    work: Path


@contextmanager
def own_work(work: Path) -> Iterator[None]:
    """Make a work folder and keep other workers out of it meanwhile."""
    work.mkdir(parents=True, exist_ok=True)
    with FileLock(work / names.LOCK, timeout=WAIT_SECONDS):
        yield


def tidy_training(work: Path) -> None:
    """Remove what only a training under way needs."""
    _remove(work, _OF_TRAINING)


def tidy_generation(work: Path) -> None:
    """Remove what only a generation under way needs."""
    _remove(work, _OF_GENERATION)


def _remove(work: Path, patterns: tuple[str, ...]) -> None:
    for path in [path for pattern in patterns for path in work.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


__all__ = ["WorkPlace", "own_work", "tidy_generation", "tidy_training"]
