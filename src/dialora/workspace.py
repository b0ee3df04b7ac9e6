"""An experiment's folder laid out: its data read, its runs and searches placed, and nobody else in it meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dialora.checkpoint import identify_model
from dialora.config import ExperimentConfig, stable_hash
from dialora.data.examples import DataSummary, DialogueDataset, count_overlap, load_dataset
from dialora.errors import ConfigError, StageError
from dialora.launcher import Observer
from dialora.learned import describe_scorer
from dialora.records import Example
from dialora.runs import Run, Stage, build_run, disk_errors_explained, load_json, save_json, save_records, save_text
from dialora.searches import PlannedSearch, plan_searches, set_learning_rates
from dialora.yardsticks import plan_yardsticks

RUNS = Path("runs")
RESULTLESS = frozenset({"checkpoint_seconds", "report_to"})
"""Training options that do not change what is learned."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """An experiment's folder, its data and its runs."""

    config: ExperimentConfig
    root: Path
    data: Stage
    dataset: DialogueDataset
    runs: tuple[Run, ...]
    yardsticks: Stage
    searches: tuple[PlannedSearch, ...] = ()
    """For learning rates: one for each method that trains, where the experiment asks for them."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Learning rates that finished searches have chosen, by method; the runs are made with these."""

    @property
    def missing_runs(self) -> list[Run]:
        """Runs that still have to be trained or generated."""
        return [run for run in self.runs if not (is_trained(run) and run.generation.is_complete)]

    @property
    def is_tuned(self) -> bool:
        """Every search for a learning rate is finished."""
        return len(self.rates) == len(self.searches)


@contextmanager
def open_workspace(
    config: ExperimentConfig, output: Path | None = None, observer: Observer | None = None
) -> Iterator[Workspace]:
    """Read the data, lay out the runs, and keep other dialoras out of the folder meanwhile. Raises DialoraError."""
    root = output or RUNS / config.name
    with own_folder(root):
        yield _lay_out(config, root, observer or _ignore)


@contextmanager
def own_folder(root: Path) -> Iterator[None]:
    """Make the folder and keep other dialoras out of it meanwhile. Raises StageError, or ConfigError."""
    with disk_errors_explained(root):
        _require_own_folder(root)
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise StageError(
                f"{root}: another dialora is at work here; wait for it, or give another --output."
            ) from error
        try:
            yield
        finally:
            lock.release()


def read_dataset(config: ExperimentConfig) -> DialogueDataset:
    """Read the experiment's data. Raises DataError."""
    return load_dataset(config.data, needs_train=any(method.trains for method in config.methods.values()))


def plan_runs(config: ExperimentConfig, root: Path, fingerprint: Mapping[str, str]) -> tuple[Run, ...]:
    """Lay out every run of the experiment: what each depends on, and so where it lies.

    `fingerprint` is the data's, by split.
    """
    common, trained = _list_inputs(config, fingerprint)
    scorer = describe_scorer(config.scoring)
    decoding = {"test": fingerprint["test"], "decoding": config.decoding.identify()}
    if config.generation.precision != "fp32":  # in fp32 every engine writes the same
        decoding["precision"] = config.generation.precision
    runs = []
    for key, method in config.methods.items():
        # Without training nothing is drawn: one seed says it all.
        for seed in config.seeds if method.trains else config.seeds[:1]:
            inputs = common | {"method": method.name, "options": method.model_dump(mode="json")}
            runs.append(
                build_run(
                    root,
                    key=key,
                    method=method.name,
                    seed=seed,
                    trains=method.trains,
                    inputs=inputs | trained if method.trains else inputs,
                    decoding=decoding,
                    scorer=scorer,
                )
            )
    return tuple(runs)


def _list_inputs(config: ExperimentConfig, fingerprint: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what every system depends on besides method and seed, and what those that train depend on as well."""
    common = {
        "model": identify_model(config),
        "prompt": config.prompt,
        "max_source_length": config.data.max_source_length,
    }
    trained = {
        "train": fingerprint.get("train"),
        "validation": fingerprint.get("validation"),
        "max_target_length": config.data.max_target_length,
        "training": config.training.model_dump(mode="json", exclude=set(RESULTLESS)),
    }
    return common, trained


def settle(workspace: Workspace) -> Workspace:
    """Put the learning rates that were found in, and lay out the runs anew."""
    outcomes = [planned.load_outcome() for planned in workspace.searches]
    rates = {outcome.key: outcome.chosen.learning_rate for outcome in outcomes if outcome is not None}
    config = set_learning_rates(workspace.config, rates)
    runs = plan_runs(config, workspace.root, workspace.dataset.summary.fingerprint)
    return replace(workspace, runs=runs, rates=rates)


def _lay_out(config: ExperimentConfig, root: Path, observer: Observer) -> Workspace:
    observer({"event": "stage", "stage": "data", "run": root.name, "key": ""})
    started = time.perf_counter()
    dataset = read_dataset(config)
    data = Stage(root / "data", stable_hash(dataset.summary.to_json()))
    if not data.is_complete:
        with data.writing() as folder:
            for name in ("train", "validation", "test"):
                examples: tuple[Example, ...] = getattr(dataset, name)
                save_records(examples, folder / f"{name}.jsonl")
            counted = count_overlap(dataset).summary
            save_json(counted.to_json() | {"load_seconds": time.perf_counter() - started}, folder / "data.json")
    dataset = replace(dataset, summary=DataSummary.from_json(load_json(data.folder / "data.json")))
    save_text(config.to_yaml(), root / "experiment.yaml")
    for note in dataset.summary.notes:
        observer({"event": "note", "message": note})
    fingerprint = dataset.summary.fingerprint
    yardsticks = plan_yardsticks(root, fingerprint["test"], describe_scorer(config.scoring))
    workspace = Workspace(config, root, data, dataset, plan_runs(config, root, fingerprint), yardsticks)
    if config.tuning is None:
        return workspace
    common, trained = _list_inputs(config, fingerprint)
    return settle(replace(workspace, searches=plan_searches(config, root, common | trained)))


def _require_own_folder(root: Path) -> None:
    """Raise ConfigError when `root` is somebody else's folder."""
    if root.exists() and not root.is_dir():
        raise ConfigError(f"--output {root}: is a file; give a folder.")
    if root.is_dir() and any(root.iterdir()) and not ({"experiment.yaml", ".lock"} & set(os.listdir(root))):
        raise ConfigError(f"--output {root}: holds files that are not dialora's; give a new or empty folder.")


def is_trained(run: Run) -> bool:
    """Whether nothing is left to train."""
    return run.training is None or run.training.is_complete


def _ignore(event: dict[str, Any]) -> None:
    return None


__all__ = ["RUNS", "Workspace", "is_trained", "open_workspace", "own_folder", "plan_runs", "read_dataset", "settle"]
