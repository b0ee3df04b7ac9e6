"""Runs found again by what lies on disk, whatever configuration made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dialora.store import names
from dialora.store.experiment import ExperimentFolder
from dialora.store.stage import Stage, read_key


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run's folder, and what its name says."""

    key: str
    """Its method, as the experiment names it."""
    seed: int
    folder: Path

    @property
    def experiment(self) -> ExperimentFolder:
        """The experiment it belongs to."""
        return ExperimentFolder(self.folder.resolve().parent)

    @property
    def config(self) -> Path:
        """The run's own configuration; runs of earlier versions have none."""
        return self.folder / names.RUN_CONFIG

    @property
    def predictions(self) -> Path:
        """The summaries of the test dialogues."""
        return self.folder / names.GENERATION / names.PREDICTIONS

    @property
    def generation_facts(self) -> Path:
        """How they were made."""
        return self.folder / names.GENERATION / names.GENERATION_FACTS

    @property
    def has_summaries(self) -> bool:
        """Its generation is there: a run of an earlier configuration, or one that is not finished, has none."""
        return (self.folder / names.GENERATION / names.MANIFEST).is_file()


def is_run_folder(folder: Path) -> bool:
    """Whether a folder is a run: with a configuration of its own, or inside an experiment's folder."""
    run = _parse(folder, folder.resolve().name)
    return run is not None and (run.config.is_file() or run.experiment.config.is_file())


def read_run(folder: Path) -> FoundRun:
    """Return the run that a folder of a run's name is."""
    run = _parse(folder, folder.resolve().name)
    assert run is not None
    return run


def find_runs(root: Path) -> list[FoundRun]:
    """Return the runs under an experiment's folder whose summaries are there, by folder name."""
    runs = (_parse(path, path.name) for path in sorted(root.iterdir()) if path.is_dir())
    return [run for run in runs if run is not None and run.has_summaries]


def open_training(run: Path) -> Stage:
    """Return the training stage of a run's folder, whatever configuration made it. Raises StageError if not whole."""
    folder = run / names.TRAINING
    stage = Stage(folder, read_key(folder))
    stage.require()
    return stage


def _parse(folder: Path, name: str) -> FoundRun | None:
    parsed = names.parse_run(name)
    return None if parsed is None else FoundRun(*parsed, folder)


__all__ = ["FoundRun", "find_runs", "is_run_folder", "open_training", "read_run"]
