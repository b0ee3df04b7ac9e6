"""What an experiment consists of: searches for learning rates, then runs made with the rates that were found.

Takes a Workspace; gives where everything lies and by what it is known, whether it is there or not. What a run depends
on, and so when it is made again, is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dialora.comparison.yardsticks import plan_yardsticks
from dialora.config import ExperimentConfig, stable_hash
from dialora.config.method import OF_BASE
from dialora.experiment.launchers.launcher import Launcher
from dialora.experiment.workspace import Workspace
from dialora.models.bases import find_rates, settle
from dialora.models.checkpoint import identify_model, pin_models
from dialora.models.device import identify_device
from dialora.scoring.learned import describe_scorer
from dialora.store import Run, Stage, build_run
from dialora.tuning.rules import SearchOutcome
from dialora.tuning.trials import PlannedSearch, plan_searches, set_learning_rates

WITHOUT_EFFECT = frozenset({"checkpoint_seconds", "fsdp", "num_processes", "report_to"})
"""Training options that do not change what is learned."""


FORMAT = 3
"""Of what a training stage holds and means: memory from the first step on, in a process forked from one that has the
libraries; time without the encoder's pass."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An experiment before its learning rates are known."""

    workspace: Workspace
    searches: tuple[PlannedSearch, ...]
    """For learning rates: one for each method that trains, where the experiment asks for them."""
    tokens: Mapping[str, Stage]
    """What is trained and validated on, as token ids, by the key of each method that trains; methods on one base with
    one prompt share a stage."""
    yardsticks: Stage
    launcher: Launcher
    """Has done whatever needs a model."""

    @property
    def inputs_key(self) -> str:
        """A hash of all that goes into the experiment's systems, but for the rates that are searched for."""
        searched = [planned.digest for planned in self.searches]
        runs = plan_runs(self.workspace.config, self.workspace.folder.root, self.workspace.dataset.summary.fingerprint)
        return stable_hash(searched + [run.generation.key for run in runs if not (searched and run.training)])


@dataclass(frozen=True, slots=True)
class PlannedRuns:
    """An experiment's runs, with the learning rates that they are made with."""

    plan: Plan
    config: ExperimentConfig
    """The experiment with the rates that were found put in."""
    searches: tuple[SearchOutcome, ...]
    runs: tuple[Run, ...]


def plan_experiment(workspace: Workspace, launcher: Launcher) -> Plan:
    """Lay out the searches, the tokens and the yardsticks; each base is settled to one, for all of them."""
    workspace = replace(workspace, config=pin_models(settle(workspace.config)))
    config, fingerprint = workspace.config, workspace.dataset.summary.fingerprint
    yardsticks = plan_yardsticks(workspace.folder, fingerprint["test"], describe_scorer(config.scoring))
    inputs = {key: _list_inputs(config.for_method(key), fingerprint) for key in config.methods}
    searches = plan_searches(
        config,
        workspace.folder,
        {key: common | trained for key, (common, trained) in inputs.items()},
        _find_ranges(config) if config.tuning else {},
    )
    return Plan(workspace, searches, _plan_tokens(workspace), yardsticks, launcher)


def _find_ranges(config: ExperimentConfig) -> dict[str, tuple[float, float]]:
    """Return where to look for each trained method's rate, on its own base."""
    trained = {key: type(method) for key, method in config.methods.items() if method.trains}
    rates = {key: find_rates(config.for_method(key), method) for key, method in trained.items()}
    return {key: (found.low, found.high) for key, found in rates.items()}


def _plan_tokens(workspace: Workspace) -> dict[str, Stage]:
    """Lay out the tokens of every method that trains; those of the experiment's own base lie where they always have."""
    config, data = workspace.config, workspace.config.data
    limits = {"max_source_length": data.max_source_length, "max_target_length": data.max_target_length}

    def identify(one: ExperimentConfig) -> str:
        return stable_hash(["tokens.v1", workspace.data.key, identify_model(one), one.prompt, limits])

    own = identify(config)
    keys = {key: identify(config.for_method(key)) for key, method in config.methods.items() if method.trains}
    return {method: workspace.folder.tokens(key, is_own=key == own) for method, key in keys.items()}


def lay_out_runs(plan: Plan) -> PlannedRuns | None:
    """Lay out the runs; None while a search that they depend on is not finished."""
    found = [planned.load_outcome() for planned in plan.searches]
    outcomes = tuple(outcome for outcome in found if outcome is not None)
    return _lay_out(plan, outcomes) if len(outcomes) == len(found) else None


def require_runs(plan: Plan) -> PlannedRuns:
    """Lay out the runs. Raises StageError when a search that they depend on is not finished."""
    return _lay_out(plan, tuple(planned.require_outcome() for planned in plan.searches))


def _lay_out(plan: Plan, searches: tuple[SearchOutcome, ...]) -> PlannedRuns:
    workspace = plan.workspace
    rates = {outcome.key: outcome.chosen.learning_rate for outcome in searches}
    config = set_learning_rates(workspace.config, rates)
    runs = plan_runs(config, workspace.folder.root, workspace.dataset.summary.fingerprint)
    return PlannedRuns(plan, config, searches, runs)


def describe_run(config: ExperimentConfig, run: Run) -> str:
    """Return one run's own configuration as an experiment file: its method with its rate, its seed, its base."""
    own = pin_models(settle(config)).for_method(run.key)
    method = own.methods[run.key].model_copy(update=dict.fromkeys(OF_BASE))
    one = {"methods": {run.key: method}, "seeds": (run.seed,), "tuning": None}
    return own.model_copy(update=one).to_yaml()


def plan_runs(config: ExperimentConfig, root: Path, fingerprint: Mapping[str, str]) -> tuple[Run, ...]:
    """Lay out every run of the experiment: what each depends on, and so where it lies.

    `fingerprint` is the data's, by split.
    """
    config = settle(config)
    scorer = describe_scorer(config.scoring)
    decoding = {"test": fingerprint["test"], "decoding": config.decoding.identify()}
    if config.generation.precision != "fp32":  # in fp32 every engine writes the same
        decoding["precision"] = config.generation.precision
    runs = []
    for key, method in config.methods.items():
        common, trained = _list_inputs(config.for_method(key), fingerprint)
        # Without training nothing is drawn: one seed says it all.
        for seed in config.seeds if method.trains else config.seeds[:1]:
            inputs = common | {"method": method.name, "options": method.list_options()}
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
    """Return what a system depends on besides method and seed, and what one that trains depends on as well.

    `config` is the experiment as the system sees it.
    """
    common = {
        "model": identify_model(config),
        "prompt": config.prompt,
        "max_source_length": config.data.max_source_length,
    }
    trained = {
        "format": FORMAT,
        "train": fingerprint.get("train"),
        "validation": fingerprint.get("validation"),
        "max_target_length": config.data.max_target_length,
        "training": config.training.model_dump(mode="json", exclude=set(WITHOUT_EFFECT))
        | identify_device(config.training),
    }
    return common, trained


__all__ = ["Plan", "PlannedRuns", "describe_run", "lay_out_runs", "plan_experiment", "plan_runs", "require_runs"]
