"""A run's system, found by the run's folder or by its experiment's and the method. Reads what `store` laid out."""

from __future__ import annotations

from pathlib import Path

from dialora.config import ExperimentConfig, Overrides, load_experiment
from dialora.errors import ConfigError, DialoraError, StageError
from dialora.experiment.plan import plan_runs
from dialora.models.checkpoint import is_pinned, pin_models, require_pinned
from dialora.store import FoundRun, find_runs, is_run_folder, open_training, read_run, require_seal
from dialora.systems.kinds.system import RunSystem


def find_run_system(
    folder: Path,
    *,
    method: str | None = None,
    set: Overrides = (),
    named_columns: frozenset[str] = frozenset(),
) -> RunSystem:
    """Return the system of a run's folder, or of an experiment's and `method`; of several seeds, the first.

    Raises ConfigError, StageError, ModelError.
    """
    is_run = is_run_folder(folder)
    run = read_run(folder) if is_run else _choose_run(folder, method)
    config = load_experiment(find_config(run), set)
    # A run's own configuration has one method: its folder may be called anything.
    key = run.key if run.key in config.methods else next(iter(config.methods))
    if is_run and method not in (None, key):
        raise ConfigError(f"--method {method}: {run.folder} is a run of {key}; leave --method out.")
    config = _settle_base(run, config.for_method(key))
    training = open_training(run.folder) if config.methods[key].trains else None
    return RunSystem(config, key, run.folder.resolve().name, run.folder, training, named_columns=named_columns)


def _settle_base(run: FoundRun, config: ExperimentConfig) -> ExperimentConfig:
    """Return a run's configuration with its base pinned. Raises ModelError where that is another by now.

    Where an earlier version made the run, it is pinned if the run's own name shows that the base is the one it had.
    """
    require_pinned(config)
    return pin_models(config) if not is_pinned(config) and _is_planned(run, config) else config


def _is_planned(run: FoundRun, config: ExperimentConfig) -> bool:
    """Whether a configuration, with its data and base model as they are now, leads to just this run's folder."""
    try:
        if not run.experiment.has_data:
            return False
        planned = plan_runs(config, run.experiment.root, run.experiment.load_data_summary()["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, DialoraError):  # of an earlier version, damaged, or gone
        return False
    return any(one.folder == run.folder.resolve() for one in planned)


def find_config(run: FoundRun) -> Path:
    """Return the file of what a run was made from: its own, or the experiment's where that is still the same.

    Raises ConfigError where a run of an earlier version has none and the experiment is another by now.
    """
    if run.config.is_file():
        require_seal(run.config)
        return run.config
    require_seal(run.experiment.config)
    config = load_experiment(run.experiment.config)
    if run.key in config.methods and _is_planned(run, config):
        return run.experiment.config
    raise ConfigError(
        f"--system {run.folder}: holds no configuration of its own: an earlier version made it, or the experiment is "
        f"another by now. `dialora compare` makes it anew; the old folder can be removed."
    )


def _choose_run(root: Path, method: str | None) -> FoundRun:
    """Return a method's complete run with the smallest seed."""
    found: dict[str, list[FoundRun]] = {}
    for run in find_runs(root):
        found.setdefault(run.key, []).append(run)
    if not found:
        raise StageError(f"{root}: no finished run; `dialora compare` makes them.")
    if method is None and len(found) > 1:
        raise ConfigError(
            f"--system {root}: holds several systems; choose one with --method: {', '.join(sorted(found))}."
        )
    if method is not None and method not in found:
        raise ConfigError(f"--method {method}: {root} has no finished run of it. Found: {', '.join(sorted(found))}.")
    key = next(iter(found)) if method is None else method
    runs = sorted(found[key], key=lambda run: (run.seed, run.folder))
    if len(runs) > 1 and runs[0].seed == runs[1].seed:
        folders = ", ".join(run.folder.name for run in runs)
        raise ConfigError(f"--system {root}: several runs of {key}: {folders}; give one's folder.")
    return runs[0]


__all__ = ["find_config", "find_run_system"]
