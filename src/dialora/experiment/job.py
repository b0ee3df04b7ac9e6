"""What one worker does, as the one line of JSON that it gets: the tokens, a run, a trial of a search, or what a room
above this one has it do."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from dialora.config import ExperimentConfig, build_experiment, dump_experiment
from dialora.experiment.events import Events
from dialora.store import ExperimentFolder, Run, Stage, TrialFolder, names
from dialora.store.work import WorkPlace
from dialora.tuning.rules import Search, Trial

TRAINING, GENERATION = names.TRAINING, names.GENERATION
"""The last stage of a run that a job does."""


@dataclass(frozen=True)
class TokensJob:
    """Tokenize what is trained and validated on, so that no run does: its memory would count as the method's."""

    config: ExperimentConfig
    folder: ExperimentFolder
    tokens: Stage

    opening: ClassVar[str] = "tokens"
    """What is shown while the worker starts."""

    @property
    def place(self) -> WorkPlace:
        """Where it is done."""
        return self.folder.place

    def to_json(self) -> dict[str, Any]:
        """Return the job as plain values."""
        return _dump(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TokensJob:
        """Build the job from `to_json`'s form."""
        return cls(*_load(values))


@dataclass(frozen=True)
class RunJob:
    """Do what is missing of a run's training and generation."""

    config: ExperimentConfig
    """With the learning rate that the run is made with."""
    folder: ExperimentFolder
    tokens: Stage | None
    """None for a method that does not train."""
    place: Run
    until: str = GENERATION
    """The last stage to do: training or generation."""

    opening: ClassVar[str] = "start"

    def to_json(self) -> dict[str, Any]:
        """Return the job as plain values."""
        run = self.place
        stages = {"training": run.training, "generation": run.generation, "scoring": run.scoring}
        place = {"key": run.key, "method": run.method, "seed": run.seed, "folder": str(run.folder)}
        return _dump(self) | {
            "run": place | {name: stage and _dump_stage(stage) for name, stage in stages.items()},
            "until": self.until,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> RunJob:
        """Build the job from `to_json`'s form."""
        run = dict(values["run"])
        stages = {name: run[name] and _load_stage(run[name]) for name in ("training", "generation", "scoring")}
        place = Run(**run | stages | {"folder": Path(run["folder"])})
        return cls(*_load(values), place, values["until"])


@dataclass(frozen=True)
class TrialJob:
    """Make a trial of a search for a learning rate, or its part before the first halving."""

    config: ExperimentConfig
    """With the learning rate that is tried."""
    folder: ExperimentFolder
    tokens: Stage
    place: TrialFolder
    search: Search
    others: tuple[Trial, ...]
    """Trials of this search that it is judged by, as far as they have come."""
    until_first_rung: bool

    opening: ClassVar[str] = "start"

    def to_json(self) -> dict[str, Any]:
        """Return the job as plain values."""
        trial = self.place
        place = {"key": trial.key, "seed": trial.seed, "number": trial.number, "folder": str(trial.folder)}
        return _dump(self) | {
            "trial": place | {"first": _dump_stage(trial.first), "result": _dump_stage(trial.result)},
            "search": self.search.to_json(),
            "others": [other.to_json() for other in self.others],
            "until_first_rung": self.until_first_rung,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrialJob:
        """Build the job from `to_json`'s form."""
        trial = values["trial"]
        stages = {name: _load_stage(trial[name]) for name in ("first", "result")}
        return cls(
            *_load(values),
            TrialFolder(**trial | {"folder": Path(trial["folder"])} | stages),
            Search.from_json(values["search"]),
            tuple(Trial.from_json(other) for other in values["others"]),
            values["until_first_rung"],
        )


class OtherJob(ABC):
    """A job that a room above this one defines: a module with a function `load_job` that builds it again."""

    opening: ClassVar[str] = "start"
    config: ExperimentConfig
    """Of the system that it uses."""

    @property
    @abstractmethod
    def place(self) -> WorkPlace:
        """Where it is done."""

    @abstractmethod
    def load_libraries(self) -> None:
        """Import what it needs, and compute nothing: threads that computing starts would be lost in a fork."""

    @abstractmethod
    def do(self, events: Events, stop: threading.Event) -> None:
        """Do what is missing of it. Raises DialoraError."""

    @abstractmethod
    def dump(self) -> dict[str, Any]:
        """Return the job as plain values."""

    def to_json(self) -> dict[str, Any]:
        """Return the job as plain values, with the module that builds it again."""
        return {"module": type(self).__module__, "job": self.dump()}


Job = TokensJob | RunJob | TrialJob | OtherJob


def load_job(values: dict[str, Any]) -> Job:
    """Build a job from its plain values."""
    if "module" in values:
        other: OtherJob = import_module(values["module"]).load_job(values["job"])
        return other
    kind = TrialJob if "trial" in values else RunJob if "run" in values else TokensJob
    return kind.from_json(values)


def _dump(job: TokensJob | RunJob | TrialJob) -> dict[str, Any]:
    return {
        "config": dump_experiment(job.config),
        "root": str(job.folder.root),
        "tokens": job.tokens and _dump_stage(job.tokens),
    }


def _load(values: dict[str, Any]) -> tuple[ExperimentConfig, ExperimentFolder, Any]:
    folder = ExperimentFolder(Path(values["root"]))
    return build_experiment(values["config"]), folder, values["tokens"] and _load_stage(values["tokens"])


def _dump_stage(stage: Stage) -> dict[str, str]:
    return {"folder": str(stage.folder), "key": stage.key}


def _load_stage(values: dict[str, str]) -> Stage:
    return Stage(Path(values["folder"]), values["key"])


__all__ = ["GENERATION", "TRAINING", "Job", "OtherJob", "RunJob", "TokensJob", "TrialJob", "load_job"]
