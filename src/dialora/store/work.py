"""A work folder: what a run or a trial needs while a stage of it is under way, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from dialora.errors import StageError
from dialora.store import names
from dialora.store.heartbeat import Pulse, beating, read_heartbeat

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
_OF_GENERATION = (names.PARTIAL, names.shared_log(names.PARTIAL, "*"), names.conversion("*"), names.HEARTBEAT)


@dataclass(frozen=True, slots=True)
class WorkPlace:
    """Where a worker does what is neither a run nor a trial."""

    name: str
    key: str
    folder: Path
    work: Path


@contextmanager
def own_work(work: Path, job: str) -> Iterator[Pulse]:
    """Make a work folder and keep other workers out of it meanwhile; give what tells how far the job is.

    Waits for an owner that is alive, here by its lock, elsewhere by its sign of life. Raises StageError where the lock
    is held by what gives no sign.
    """
    work.mkdir(parents=True, exist_ok=True)
    with _locked(work) as is_locked, beating(work, job, is_locked=is_locked) as pulse:
        yield pulse


@contextmanager
def _locked(work: Path) -> Iterator[bool]:
    """Hold a folder's lock as long as the block lasts; give False where the file system knows no locks."""
    lock = FileLock(work / names.LOCK)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=WAIT_SECONDS)
        except NotImplementedError:
            yield False
            return
        except Timeout as error:
            owner = read_heartbeat(work)
            if owner is None or not owner.is_alive_at(work / names.HEARTBEAT):
                raise StageError(
                    f"{work}: another process is at work there and gives no sign of life; end it, or wait for it."
                ) from error
    try:
        yield True
    finally:
        lock.release()


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
