"""An experiment, whole or stage by stage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dialora.api.inputs import Experiment, Folder, Overrides, Watch, find_path
from dialora.config import ExperimentConfig, load_experiment
from dialora.errors import ConfigError
from dialora.records import Observer, ignore_events

if TYPE_CHECKING:
    from dialora.experiment.plan import Plan
    from dialora.experiment.status import ExperimentStatus
    from dialora.report.reported import ReportedComparison
    from dialora.tuning.rules import SearchOutcome

T = TypeVar("T")


def compare(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> ReportedComparison:
    """Run all that is missing of an experiment, write its report, and return the comparison."""
    from dialora.experiment import pipeline

    return pipeline.compare(
        load_experiment(experiment, set), output=find_path(output), observer=observer or ignore_events
    )


def describe_launch(experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None) -> str:
    """Say which jobs an experiment consists of, and how they would be launched; for SLURM, with the batch script."""
    from dialora.experiment.dry_run import describe_launch
    from dialora.store import RUNS

    config = load_experiment(experiment, set)
    return describe_launch(config, find_path(output) or RUNS / config.name)


def tune(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> list[SearchOutcome]:
    """Search for each trained method's learning rate, as the experiment's `tuning` says, and return what was found."""
    from dialora.experiment import pipeline

    config = load_experiment(experiment, set)
    if config.tuning is None:
        raise ConfigError("tuning: this experiment asks for no search; --set tuning.trials=6 does.")

    def step(plan: Plan, observer: Observer) -> list[SearchOutcome]:
        pipeline.require_checks(plan, observer)
        return [*pipeline.tune(pipeline.tokenize(plan, observer), observer).searches]

    return _open(config, output, observer, step)


def train(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> None:
    """Train every system of an experiment that is not trained yet."""
    from dialora.experiment import pipeline

    def step(plan: Plan, observer: Observer) -> None:
        pipeline.require_checks(plan, observer)
        pipeline.train(pipeline.tune(pipeline.tokenize(plan, observer), observer), observer)

    _open(load_experiment(experiment, set), output, observer, step)


def generate(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> None:
    """Summarize the test dialogues with every system; all must be trained."""
    from dialora.experiment import pipeline
    from dialora.experiment.plan import require_runs

    config = load_experiment(experiment, set)
    _open(config, output, observer, lambda plan, observer: pipeline.generate(require_runs(plan), observer))


def score(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> None:
    """Score every system's summaries; all must be there."""
    from dialora.experiment import pipeline
    from dialora.experiment.plan import require_runs

    config = load_experiment(experiment, set)
    _open(config, output, observer, lambda plan, observer: pipeline.score(require_runs(plan), observer), has_jobs=False)


def report(
    experiment: Experiment = "bundled", *, set: Overrides = (), output: Folder = None, observer: Watch = None
) -> ReportedComparison:
    """Compare the scored systems, write the report, and return the comparison."""
    from dialora.experiment import pipeline
    from dialora.experiment.plan import require_runs

    config = load_experiment(experiment, set)
    return _open(
        config, output, observer, lambda plan, observer: pipeline.report(require_runs(plan), observer), has_jobs=False
    )


def status(folder: str | Path) -> ExperimentStatus:
    """Tell how the experiment of a folder stands, job by job. Raises ConfigError where none lies there."""
    from dialora.experiment.status import read_status

    return read_status(Path(folder))


def _open(
    config: ExperimentConfig,
    output: Folder,
    observer: Observer | None,
    step: Callable[[Plan, Observer], T],
    *,
    has_jobs: bool = True,
) -> T:
    """Do a step of an experiment whose data are read and whose folder nobody else is in."""
    from dialora.experiment.pipeline import open_experiment

    observer = observer or ignore_events
    with open_experiment(config, find_path(output), observer, has_jobs=has_jobs) as plan:
        return step(plan, observer)


__all__ = ["compare", "describe_launch", "generate", "report", "score", "status", "train", "tune"]
