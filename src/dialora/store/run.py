"""Run: one method × one seed × one configuration on disk, and the stages it goes through."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dialora.config import stable_hash
from dialora.protocols import STANDARD
from dialora.store import names
from dialora.store.stage import Stage
from dialora.store.work import tidy_generation, tidy_training


@dataclass(frozen=True, slots=True)
class Run:
    """One method × one seed × one configuration, and the stages it goes through."""

    key: str
    method: str
    seed: int
    folder: Path
    training: Stage | None
    """None for a method that does not train."""
    generation: Stage
    scoring: Stage

    @property
    def work(self) -> Path:
        """Checkpoints, partial predictions and logs; not part of any stage."""
        return self.folder / names.WORK

    @property
    def name(self) -> str:
        """The run in a word or two."""
        return self.folder.name

    @property
    def config(self) -> Path:
        """The run's own configuration."""
        return self.folder / names.RUN_CONFIG

    @property
    def is_trained(self) -> bool:
        """Nothing is left to train, and the weights are those that were written."""
        return self.training is None or self.training.is_complete

    @property
    def is_generated(self) -> bool:
        """Nothing is left to train or to summarize; nobody reads the weights, so their length is enough."""
        return self._has_training and self.generation.is_complete

    @property
    def _has_training(self) -> bool:
        return self.training is None or self.training.is_complete_but_for_weights

    def remove_what_follows(self) -> None:
        """Remove the stages behind the first one that is missing: made again, it need not be the same to the digit."""
        if not self.is_trained:
            self.generation.remove()
        if not self.generation.is_complete:
            self.scoring.remove()

    def tidy(self) -> None:
        """Remove what only a stage under way needs, of the stages that are complete."""
        if self.training is not None and self._has_training:
            tidy_training(self.work)
        if self.generation.is_complete:
            tidy_generation(self.work)


def measure_weights(folder: Path) -> int | None:
    """Return the bytes of the weights that a training stage saved; None where there are none."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) or None


def build_run(
    root: Path,
    *,
    key: str,
    method: str,
    seed: int,
    trains: bool,
    inputs: Any,
    decoding: Any,
    scorer: str = STANDARD.scorer,
) -> Run:
    """Lay out one run under `root`.

    `inputs` is all that the trained system depends on and names the folder; `decoding` is what generation depends on
    besides; `scorer` what scores do. They are plain values.
    """
    digest = stable_hash([key, method, seed, inputs])
    folder = root / names.run(key, seed, digest)
    generation = stable_hash([digest, decoding])
    return Run(
        key=key,
        method=method,
        seed=seed,
        folder=folder,
        training=Stage(folder / names.TRAINING, digest) if trains else None,
        generation=Stage(folder / names.GENERATION, generation),
        scoring=Stage(folder / names.SCORING, stable_hash([generation, scorer, version("rouge_score")])),
    )


__all__ = ["Run", "build_run", "measure_weights"]
