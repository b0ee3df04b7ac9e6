"""Where one trial of a search for a learning rate lies: its first rung, then its result, a work folder meanwhile."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from dialora.config import stable_hash
from dialora.store import names
from dialora.store.stage import Stage


@dataclass(frozen=True, slots=True)
class TrialFolder:
    """One training with one learning rate on disk; it keeps no weights."""

    key: str
    """The method, as the experiment names it."""
    seed: int
    number: int
    folder: Path
    first: Stage
    """How far it came before the first halving; it waits there until its rivals have come as far."""
    result: Stage

    @property
    def work(self) -> Path:
        """Checkpoints, partial predictions and logs; not part of the result."""
        return self.folder / names.WORK

    @property
    def name(self) -> str:
        """The trial in a word or two."""
        return self.folder.name

    def tidy(self) -> None:
        """Remove what only a trial under way, and the search it belongs to, needs."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.rmtree(self.first.folder, ignore_errors=True)


def build_trial(searches: Path, *, key: str, number: int, seed: int, digest: str, learning_rate: float) -> TrialFolder:
    """Lay out one trial in the folder of an experiment's searches.

    `digest` is a hash of all that the trial depends on besides its rate, and names the search's folder.
    """
    folder = searches / names.search(key, digest) / names.trial(key, number)
    made_from = [digest, number, learning_rate]
    first = Stage(folder / names.FIRST_RUNG, stable_hash([*made_from, names.FIRST_RUNG]))
    result = Stage(folder / names.RESULT, stable_hash(made_from))
    return TrialFolder(key=key, seed=seed, number=number, folder=folder, first=first, result=result)


__all__ = ["TrialFolder", "build_trial"]
